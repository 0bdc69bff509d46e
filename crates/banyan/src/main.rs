//! The `banyan` binary: the command line over server and client, and the demo shop.

mod cli;
mod demo;

use clap::Parser;
use std::process::ExitCode;

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
