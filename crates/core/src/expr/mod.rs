//! The language's values: expressions in jq, templates of JSON with expressions in them, and
//! texts with expressions between their words.
//!
//! Parsed by jaq's parser, evaluated by a metered evaluator of ours: bounded in steps, depth
//! and bytes produced, with decimal arithmetic. Nothing here can loop, read a clock or an
//! environment.

mod ast;
mod compiled;
mod control;
mod delete;
mod eval;
mod functions;
mod guard;
mod lower;
mod meter;
mod names;
mod number;
mod operators;
mod order;
mod paths;
mod reads;
mod stream;
mod template;
mod text;
mod value;

pub use meter::{BYTES, EVALUATION_LEVELS, STEPS, Usage, VALUE_LEVELS};
pub use reads::{Key, Read, Wanted};
pub use template::{Template, is_expression};
pub use text::{Part, Text};

use crate::json::Json;
use compiled::Compiled;
use meter::Meter;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// A parsed expression. Serialized as its source text; cheap to clone.
///
/// ```
/// use banyan_core::expr::{Expr, Scope};
/// use std::borrow::Cow;
///
/// let expr = Expr::parse("$input.prices | add").unwrap();
/// let input: banyan_core::Json = serde_json::from_str(r#"{"prices": [0.1, 0.2]}"#).unwrap();
/// let mut scope = Scope::default();
/// scope.bind("input", Cow::Borrowed(&input));
/// assert_eq!(expr.evaluate(&scope).unwrap().to_string(), "0.3");
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expr {
    compiled: Arc<Compiled>,
}

/// Every function of the language: its name, and how many arguments it takes.
pub fn functions() -> impl Iterator<Item = (&'static str, usize)> {
    let entries = names::FUNCTIONS.iter();
    entries.map(|(name, arguments, _)| (*name, *arguments))
}

/// Why a text is no expression: what is wrong, and where (byte offset into the text).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// What is wrong, quoting the offending word.
    pub message: String,
    /// Byte offset into the expression's text.
    pub offset: usize,
    /// How to mend it, when that can be said.
    pub help: Option<String>,
}

/// Why an expression gave no value at run time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    /// A stable word for `detail.cause`.
    pub cause: Cause,
    /// What went wrong, in words, with the expression's text.
    pub message: String,
}

/// The stable causes of a failed evaluation (`detail.cause`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A value that may not stand where it was put (null or empty in a path, and the like).
    BadValue,
    /// An operation on values of the wrong type.
    WrongType,
    /// Over the bounds of steps, depth or bytes.
    TooCostly,
    /// Arithmetic without an answer (division by zero, overflow of 28 digits).
    Arithmetic,
    /// It read the result of an answer whose body was no JSON or too large.
    Unreadable,
    /// It gave no value, or more than one.
    NotOneValue,
    /// It raised `error`.
    Raised,
}

impl Cause {
    /// The cause as written in `detail.cause`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Cause::BadValue => "bad_value",
            Cause::WrongType => "wrong_type",
            Cause::TooCostly => "too_costly",
            Cause::Arithmetic => "arithmetic",
            Cause::Unreadable => "unreadable",
            Cause::NotOneValue => "not_one_value",
            Cause::Raised => "raised",
        }
    }
}

/// The variables an evaluation sees, without their `$`.
#[derive(Default)]
pub struct Scope<'a> {
    values: Vec<(&'a str, Result<Cow<'a, Json>, EvalError>)>,
}

impl<'a> Scope<'a> {
    /// Binds a variable; a later binding of a name hides an earlier one.
    pub fn bind(&mut self, name: &'a str, value: Cow<'a, Json>) {
        self.values.push((name, Ok(value)));
    }

    /// Binds a variable whose reading fails (an unreadable result).
    pub fn bind_unreadable(&mut self, name: &'a str, error: EvalError) {
        self.values.push((name, Err(error)));
    }

    /// The value of a variable; none when it is not bound.
    pub fn get(&self, name: &str) -> Option<Result<&Json, &EvalError>> {
        let (_, value) = self.values.iter().rev().find(|(bound, _)| *bound == name)?;
        Some(value.as_ref().map(AsRef::as_ref))
    }
}

impl Expr {
    /// Parses an expression. Every function and construct outside the language's subset is
    /// refused here, so that evaluation meets only what it knows.
    ///
    /// # Errors
    /// The first thing wrong, with its offset.
    pub fn parse(source: &str) -> Result<Expr, ParseError> {
        Ok(Expr {
            compiled: Arc::new(Compiled::new(source)?),
        })
    }

    /// The text as written.
    pub fn source(&self) -> &str {
        &self.compiled.source
    }

    /// The free variables it reads, without `$`, each once, with the byte offset of the first use.
    pub fn variables(&self) -> Vec<(&str, usize)> {
        let free = self.compiled.free.iter();
        free.map(|(name, offset)| (name.as_str(), *offset))
            .collect()
    }

    /// Evaluates to exactly one value.
    ///
    /// # Errors
    /// See [`Cause`].
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Json, EvalError> {
        self.evaluate_at(scope, &Meter::default(), 0)
    }

    /// Evaluates, and says what it cost.
    pub fn measure(&self, scope: &Scope<'_>) -> (Result<Json, EvalError>, Usage) {
        self.compiled.measure(scope)
    }

    /// Evaluates on a meter shared with others, for a value that stands `level` levels deep.
    fn evaluate_at(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        level: usize,
    ) -> Result<Json, EvalError> {
        self.compiled.evaluate(scope, meter, level)
    }

    /// Evaluates as a condition: null and false are false, anything else is true.
    ///
    /// # Errors
    /// See [`Cause`].
    pub fn holds(&self, scope: &Scope<'_>) -> Result<bool, EvalError> {
        Ok(!matches!(
            self.evaluate(scope)?,
            Json::Null | Json::Bool(false)
        ))
    }
}

impl TryFrom<String> for Expr {
    type Error = ParseError;
    fn try_from(source: String) -> Result<Expr, ParseError> {
        Expr::parse(&source)
    }
}

impl From<Expr> for String {
    fn from(expr: Expr) -> String {
        expr.compiled.source.clone()
    }
}

impl std::fmt::Debug for Expr {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Expr").field(&self.source()).finish()
    }
}

impl PartialEq for Expr {
    /// Expressions are the same when their texts are.
    fn eq(&self, other: &Expr) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Expr {}
