//! The list of what is wrong with a file, as it is found.

use super::codes::Code;
use super::node::Place;
use super::{Diagnostic, Severity};

/// What was found so far.
#[derive(Default)]
pub(crate) struct Problems {
    found: Vec<Diagnostic>,
}

impl Problems {
    /// Adds a problem that says how to mend it.
    pub(crate) fn add(
        &mut self,
        code: Code,
        place: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let help: String = help.into();
        self.found.push(Diagnostic {
            code: code.as_str(),
            severity: code.severity(),
            line: place.line,
            column: place.column,
            length: place.length.max(1),
            message: message.into(),
            help: (!help.is_empty()).then_some(help),
        });
    }

    /// Whether anything found keeps the file from being registered.
    pub(crate) fn any_error(&self) -> bool {
        self.found
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }

    /// How many were found.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// All of them in the order of the file, each once.
    pub(crate) fn in_order(mut self) -> Vec<Diagnostic> {
        self.found
            .sort_by_key(|problem| (problem.line, problem.column));
        self.found.dedup();
        self.found
    }
}
