//! The list of what is wrong with a file, as it is found.

use super::codes::Code;
use super::node::Place;
use super::{Diagnostic, Severity};
use crate::limits;
use std::collections::BTreeSet;

/// What was found so far: the first [`limits::DIAGNOSTICS`] in full, the rest counted.
#[derive(Default)]
pub(crate) struct Problems {
    found: Vec<Diagnostic>,
    count: usize,
    any_error: bool,
    first_untold: Option<Place>,
    /// Where a value was refused as it was read: what stands there in its stead is no fault of
    /// the file's.
    refused: BTreeSet<(usize, usize)>,
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
        // That a map lacks a key is another matter than its first key, at the same place.
        let of_what_is_there = code != Code::MissingKey;
        if of_what_is_there && self.refused.contains(&(place.line, place.column)) {
            return;
        }
        self.count += 1;
        self.any_error |= code.severity() == Severity::Error;
        if self.found.len() < limits::DIAGNOSTICS {
            self.found
                .push(diagnostic(code, place, message.into(), help.into()));
        } else {
            self.first_untold.get_or_insert(place);
        }
    }

    /// Adds a problem after which nothing more is said of this place.
    pub(crate) fn refuse(
        &mut self,
        code: Code,
        place: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(code, place, message, help);
        self.refused.insert((place.line, place.column));
    }

    /// Whether anything found keeps the file from being registered.
    pub(crate) fn any_error(&self) -> bool {
        self.any_error
    }

    /// How many were found.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// All that is told, in the order of the file, each once.
    pub(crate) fn in_order(mut self) -> Vec<Diagnostic> {
        if let Some(place) = self.first_untold {
            let untold = self.count - self.found.len();
            self.found.push(diagnostic(
                Code::TooManyProblems,
                place,
                format!("{untold} more problems are not shown"),
                "mend those that are shown, then check again".to_owned(),
            ));
        }
        self.found
            .sort_by_key(|problem| (problem.line, problem.column));
        self.found.dedup();
        self.found
    }
}

/// A problem as it is told.
pub(crate) fn diagnostic(code: Code, place: Place, message: String, help: String) -> Diagnostic {
    Diagnostic {
        code: code.as_str(),
        severity: code.severity(),
        line: place.line,
        column: place.column,
        length: place.length.max(1),
        message,
        help: (!help.is_empty()).then_some(help),
    }
}
