//! Errors as answered: RFC 9457 `application/problem+json` with a stable code.

use crate::Code;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a call was not done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The path of the code's page.
    #[serde(rename = "type")]
    #[schema(example = "/errors/no_such_saga")]
    pub kind: String,
    /// What the code means, the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// The stable code.
    #[schema(example = "no_such_saga")]
    pub code: String,
    /// What happened here, and how to mend it.
    pub detail: String,
    /// Each single fault, where there are several.
    pub errors: Vec<FieldError>,
    /// The saga that it concerns.
    pub saga: Option<String>,
}

/// One of several faults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// A stable code.
    pub code: String,
    /// `error` or `warning`.
    pub severity: crate::Severity,
    /// In a text: the line, from 1.
    pub line: Option<usize>,
    /// In a text: the column, from 1, in characters.
    pub column: Option<usize>,
    /// In a JSON body: where, as a JSON pointer.
    pub pointer: Option<String>,
    /// What is wrong, quoting the offending word.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl Problem {
    /// A problem of this code, with what happened here.
    pub fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem {
            kind: code.page(),
            title: code.title().to_owned(),
            status: code.status(),
            code: code.as_str().to_owned(),
            detail: detail.into(),
            errors: Vec::new(),
            saga: None,
        }
    }

    /// The code, when this build knows it.
    pub fn known(&self) -> Option<Code> {
        Code::from_word(&self.code)
    }
}

impl FieldError {
    /// A fault at a place of a JSON body.
    pub fn at(code: Code, pointer: impl Into<String>, message: impl Into<String>) -> FieldError {
        FieldError {
            code: code.as_str().to_owned(),
            severity: crate::Severity::Error,
            line: None,
            column: None,
            pointer: Some(pointer.into()),
            message: message.into(),
            help: None,
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Problem {}
