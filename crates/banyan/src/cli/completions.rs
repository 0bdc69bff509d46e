//! `banyan completions`.

use super::fail::{Exit, Fail};
use clap::{Args, CommandFactory};

/// Prints a completion script.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  banyan completions bash > ~/.local/share/bash-completion/completions/banyan")]
pub(crate) struct Completions {
    /// For this shell
    shell: clap_complete::Shell,
}

pub(super) fn run(completions: &Completions) -> Result<Exit, Fail> {
    let mut script = Vec::new();
    let mut command = super::Cli::command();
    clap_complete::generate(completions.shell, &mut command, "banyan", &mut script);
    super::out::print(&String::from_utf8_lossy(&script));
    Ok(Exit::Well)
}
