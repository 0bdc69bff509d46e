//! The `banyan` binary: the command line over server and client, the demo shop, and the desk at
//! which a saga is written.

mod cli;
mod demo;
mod dev;
mod front;

use clap::Parser;
use std::process::ExitCode;

/// The system's allocator took a fifth of the server's time in the bench; many small values on
/// few threads are what this one is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let server = cli.global.server.clone();
    let server = server.as_deref().unwrap_or(cli::DEFAULT_SERVER);
    match cli::run(cli) {
        Ok(exit) => exit.into(),
        Err(fail) => {
            eprint!("{}", fail.describe(cli::Style::of_stderr(), server));
            fail.exit().into()
        }
    }
}
