//! `banyan export`: a saga file in another notation.

use super::check::{self, Surroundings};
use super::context::Context;
use super::fail::{Exit, Fail};
use super::out::{print, print_json};
use banyan_core::export::{Exported, mermaid, ows};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Prints a saga file as a drawing, or as a document of another language.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  banyan export order.saga.yaml --to mermaid > order.mmd
  banyan export order.saga.yaml --to ows > order.ows.yaml   what it cannot carry goes to standard error")]
pub(crate) struct Export {
    /// A saga file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The notation
    #[arg(long, value_enum)]
    to: Notation,
}

/// What a saga can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Notation {
    /// A Mermaid flowchart, undos dotted
    Mermaid,
    /// CNCF Open Workflow (Serverless Workflow DSL 1.0), undo as nested try and catch
    Ows,
}

pub(super) fn run(context: &Context, export: &Export) -> Result<Exit, Fail> {
    let source = check::read(&export.file)?;
    let checked = banyan_core::language::check(&source, &Surroundings::default());
    let Some(definition) = checked.definition else {
        let problems = check::pretty(&export.file, &source, &checked.diagnostics);
        eprint!("{problems}");
        return Ok(Exit::Error);
    };
    let exported = match export.to {
        Notation::Mermaid => Exported {
            document: mermaid(&definition),
            lost: Vec::new(),
        },
        Notation::Ows => ows(&definition),
    };
    if context.json() {
        let Exported { document, lost } = exported;
        print_json(&serde_json::json!({ "document": document, "lost": lost }))?;
        return Ok(Exit::Well);
    }
    if !exported.lost.is_empty() {
        eprintln!("what this notation cannot carry:");
    }
    for line in &exported.lost {
        eprintln!("  {line}");
    }
    print(&exported.document);
    Ok(Exit::Well)
}
