//! The saga language: from a file's text to a [`Definition`](crate::Definition), or to every
//! problem in it at once, each with its line, column and help.

mod calls;
mod children;
mod codes;
mod document;
mod file;
pub(crate) mod keys;
mod kinds;
mod lines;
mod node;
mod pending;
mod pieces;
mod pivot;
mod problems;
mod read;
#[cfg(test)]
mod reference;
mod retry;
mod scalar;
mod schema;
mod schema_faults;
mod schemas;
mod secrets;
mod steps;
pub mod suggest;
mod target;
mod values;
mod yaml;

pub use children::is_of_children;
pub use file::{decode, unreadable};
pub use schema::schema;
pub use schemas::compile as compile_schema;

use crate::definition::Definition;
use serde::{Deserialize, Serialize};

/// One thing wrong with, or doubtful in, a saga file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// A stable code (`unknown_key`, `expression_invalid`, …), with a page under docs/errors.
    pub code: &'static str,
    /// Whether it keeps the file from being registered.
    pub severity: Severity,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// How many characters it concerns, at least 1.
    pub length: usize,
    /// What is wrong, quoting the offending word.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

/// Whether a problem keeps a file from being registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

/// What checking a file gave.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The definition, when there was no error.
    pub definition: Option<Definition>,
    /// Every problem, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// What checking may know of its surroundings.
#[derive(Clone, Debug, Default)]
pub struct Surroundings<'a> {
    /// The registered services; none when they are not known, and then not checked.
    pub services: Option<&'a [String]>,
    /// The registered definitions; none when they are not known, and then not checked.
    pub sagas: Option<&'a dyn crate::children::Sagas>,
    /// The server's default of `look_again`; none means one minute.
    pub look_again: Option<crate::time::Duration>,
}

/// Checks a saga file (YAML 1.2 or JSON) and resolves every default in it.
///
/// There is a definition if and only if no diagnostic is an error.
///
/// ```
/// use banyan_core::language::{Surroundings, check};
///
/// let file = "
/// saga: greet
/// version: 1
/// steps:
///   - greeting:
///       do: POST mail /messages
///       body: { to: $input.email }
/// ";
/// let checked = check(file, &Surroundings::default());
/// assert!(checked.definition.is_none());
/// let problem = &checked.diagnostics[0];
/// assert_eq!((problem.code, problem.line, problem.column), ("undo_missing", 6, 11));
/// ```
pub fn check(source: &str, surroundings: &Surroundings<'_>) -> Checked {
    let mut problems = problems::Problems::default();
    let root = yaml::read(source, &mut problems);
    let (definition, problems) = match root {
        Some(root) => document::read(&root, surroundings, problems),
        None => (None, problems),
    };
    Checked {
        definition,
        diagnostics: problems.in_order(),
    }
}

/// Every code that a [`Diagnostic`] may carry, with its severity, in the order of the
/// documentation. Each has a page under docs/errors.
pub fn codes() -> impl Iterator<Item = (&'static str, Severity)> {
    codes::Code::ALL
        .iter()
        .map(|code| (code.as_str(), code.severity()))
}

/// The plain tree of a file, for tests that look at files as data.
#[cfg(any(test, feature = "testkit"))]
pub(crate) fn tree(source: &str) -> crate::Json {
    let mut problems = problems::Problems::default();
    let root = yaml::read(source, &mut problems);
    root.map_or(crate::Json::Null, |node| node.to_json())
}
