//! Every developer command: `cargo xtask test`, `tidy`, `demo`, `bench`, `torture`, `sim`.
//!
//! It knows the product from outside only: the workspace's files, the built binary, its HTTP
//! API and the ledgers of services of its own. It uses none of the product's crates, so that a
//! fault in them cannot hide itself from the checks.

mod bench;
mod load;
mod run;
mod tally;
mod test;
mod tidy;
mod torture;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Every developer command of Banyan.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every check, in order; with a crate's name (`core`, `store`, …) that crate's tests.
    Test {
        /// A crate of this workspace, without `banyan-`.
        part: Option<String>,
    },
    /// Check the house rules: sizes, module docs, crate edges, limits, pages, links.
    Tidy {
        /// First write what is derived: the lowered ratchet, the index of error pages.
        #[arg(long)]
        write: bool,
    },
    /// Build the release binary and run `banyan demo` with these arguments.
    Demo {
        /// Passed on as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure the limit and Banyan in turn, in one run.
    Bench(bench::Options),
    /// Kill the server under load, again and again, and check what is left from outside.
    Torture(torture::Options),
    /// Run the simulator: a whole Banyan in one thread, by seed.
    Sim {
        /// Passed on as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The services of the bench, in a process of their own.
    #[command(hide = true)]
    BenchService,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Test { part } => test::run(part.as_deref()),
        Command::Tidy { write } => tidy::run(write),
        Command::Demo { arguments } => run::demo(&arguments),
        Command::Bench(options) => bench::run(&options),
        Command::Torture(options) => torture::run(&options),
        Command::Sim { arguments } => run::sim(&arguments),
        Command::BenchService => bench::serve(),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
