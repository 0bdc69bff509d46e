//! Definitions: registered, listed, checked.

use crate::open::words;
use crate::{Json, Moment};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Whether a fault keeps a file from being registered.
    Severity {
        /// It does.
        Error = "error",
        /// It does not.
        Warning = "warning",
    }
}

/// One thing wrong with, or doubtful in, a saga file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Diagnostic {
    /// A stable code, with a page at `/errors/<code>`.
    pub code: String,
    /// Whether it keeps the file from being registered.
    pub severity: Severity,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// How many characters it concerns.
    pub length: usize,
    /// What is wrong, quoting the offending word.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

/// What checking a file gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckAnswer {
    /// What keeps it from being registered.
    pub errors: Vec<Diagnostic>,
    /// What does not, and should be read.
    pub warnings: Vec<Diagnostic>,
}

/// The answer to a registration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Registered {
    /// The definition's name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Its content hash.
    pub hash: String,
    /// Starts use this version.
    pub active: bool,
    /// What should be read.
    pub warnings: Vec<Diagnostic>,
}

/// A definition, as listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// The version that starts use; null when none is active.
    pub active_version: Option<u32>,
    /// Starts are accepted.
    pub accepting: bool,
    /// Why they are not.
    pub refusal: Option<String>,
    /// What its active (else its newest) version says it is for.
    pub description: Option<String>,
    /// Its versions, newest first.
    pub versions: Vec<u32>,
}

/// A definition with its versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DefinitionDetail {
    /// Its name.
    pub name: String,
    /// The version that starts use; null when none is active.
    pub active_version: Option<u32>,
    /// Starts are accepted.
    pub accepting: bool,
    /// Why they are not.
    pub refusal: Option<String>,
    /// Its versions, newest first.
    pub versions: Vec<DefinitionVersion>,
}

/// One version of a definition, as registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DefinitionVersion {
    /// The definition's name.
    pub name: String,
    /// The version.
    pub version: u32,
    /// Its content hash.
    pub hash: String,
    /// Starts use this version.
    pub active: bool,
    /// When it was registered.
    pub registered_at: Moment,
    /// The file as registered.
    pub source: String,
    /// The same with every default resolved.
    pub resolved: Json,
}

/// What differs between two versions of a definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DefinitionDiff {
    /// The definition's name.
    pub name: String,
    /// The earlier side of the comparison.
    pub from: u32,
    /// The later side.
    pub to: u32,
    /// What differs: the document's keys, then the steps in their order.
    pub items: Vec<Difference>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// The step's path in the later version, or in the earlier one where it is gone; null for
    /// the document's own keys.
    pub path: Option<String>,
    /// What it is about: `deadline`, `undo.path`, `step`.
    pub what: String,
    /// How it was; null when there was nothing.
    pub from: Json,
    /// How it is; null when there is nothing.
    pub to: Json,
    /// The same in words.
    pub message: String,
}
