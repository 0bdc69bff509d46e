//! `banyan register` and `banyan schema`.

use super::check::{self, Surroundings};
use super::context::Context;
use super::fail::{Exit, Fail};
use super::out::{print, print_json};
use clap::Args;
use std::path::PathBuf;

/// Registers saga files; each becomes the active version of its name.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan register order.saga.yaml
  banyan register sagas/*.saga.yaml --no-activate")]
pub(crate) struct Register {
    /// Saga files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Register without making it the version that starts use
    #[arg(long)]
    no_activate: bool,
}

pub(super) async fn run(context: &Context, register: &Register) -> Result<Exit, Fail> {
    let client = context.client()?;
    let mut answers = Vec::new();
    for file in &register.files {
        let source = check::read(file)?;
        // Name and version stand in the file; with errors the checker's own words are better
        // than a second-hand report of them.
        let checked = banyan_core::language::check(&source, &Surroundings::default());
        let Some(definition) = checked.definition else {
            eprint!("{}", check::pretty(file, &source, &checked.diagnostics));
            return Ok(Exit::Error);
        };
        let answer = client
            .register(
                &definition.name,
                definition.version,
                &source,
                !register.no_activate,
            )
            .await?;
        if !context.json() {
            let active = if answer.active { ", active" } else { "" };
            print(&format!(
                "{} {}@{} registered{active}\n",
                context.style.good("✓"),
                answer.name,
                answer.version
            ));
            for warning in &answer.warnings {
                eprintln!(
                    "  {}:{}: {}: {}",
                    warning.line, warning.column, warning.code, warning.message
                );
            }
        }
        answers.push(answer);
    }
    if context.json() {
        print_json(&answers)?;
    }
    Ok(Exit::Well)
}

/// Prints the JSON Schema of saga files.
pub(super) fn schema() -> Result<Exit, Fail> {
    print_json(&banyan_core::language::schema())?;
    Ok(Exit::Well)
}
