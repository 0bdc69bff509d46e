//! The `banyan` binary: the command line over server and client, and the demo shop.

mod demo;

fn main() {
    let _ = demo::shop::run;
}
