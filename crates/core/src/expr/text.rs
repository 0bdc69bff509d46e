//! Words with expressions between them, for paths, queries and headers.

use super::meter::Meter;
use super::template::is_expression;
use super::{Cause, EvalError, Expr, ParseError, Scope, guard};
use crate::json::Json;
use serde::{Deserialize, Serialize};

/// Words with expressions between them (`/orders/{$order.id}`), or one expression (`$input.url`).
/// `{{` and `}}` stand for the braces themselves. Serialized as its source text.
///
/// ```
/// use banyan_core::expr::{Scope, Text};
/// use std::borrow::Cow;
///
/// let text = Text::parse("/orders/{$order.id}").unwrap();
/// let order = serde_json::json!({"id": "a/b"});
/// let mut scope = Scope::default();
/// scope.bind("order", Cow::Borrowed(&order));
/// assert_eq!(text.evaluate_path(&scope).unwrap(), "/orders/a%2Fb");
/// ```
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

impl Text {
    /// Parses a text with expressions between its words.
    ///
    /// # Errors
    /// The first thing wrong, with its byte offset into the text.
    pub fn parse(source: &str) -> Result<Text, ParseError> {
        let parts = if is_expression(source) {
            vec![Part::Expr(Expr::parse(source)?, 0)]
        } else if let Some(rest) = source.strip_prefix("$$") {
            let mut parts = parts_of(rest, 2)?;
            match parts.first_mut() {
                Some(Part::Literal(words)) => words.insert(0, '$'),
                _ => parts.insert(0, Part::Literal("$".to_owned())),
            }
            parts
        } else {
            parts_of(source, 0)?
        };
        Ok(Text {
            source: source.to_owned(),
            parts,
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
        let meter = Meter::default();
        let mut path = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(words) => path.push_str(words),
                Part::Expr(expr, _) => {
                    let value = expr.evaluate_at(scope, &meter, 0)?;
                    push_percent_encoded(&mut path, &segment(expr, &value)?);
                }
            }
        }
        Ok(path)
    }

    /// As plain text (a query value before encoding, a header's value); none when the whole
    /// text is one expression that gave null. Non-scalar values and control characters are
    /// `bad_value`.
    ///
    /// # Errors
    /// See [`Cause`].
    pub fn evaluate_text(&self, scope: &Scope<'_>) -> Result<Option<String>, EvalError> {
        let meter = Meter::default();
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(words) => text.push_str(words),
                Part::Expr(expr, _) => match expr.evaluate_at(scope, &meter, 0)? {
                    Json::Null if self.is_one_expression() => return Ok(None),
                    value => text.push_str(&words_of(expr, &value)?),
                },
            }
        }
        Ok(Some(text))
    }

    fn is_one_expression(&self) -> bool {
        matches!(self.parts.as_slice(), [Part::Expr(..)])
    }
}

/// Literal words and `{expressions}` in turn; `start` is where the text stands in its source.
fn parts_of(text: &str, start: usize) -> Result<Vec<Part>, ParseError> {
    let mut parts = Vec::new();
    let mut words = String::new();
    let mut rest = text;
    while let Some(brace) = rest.find(['{', '}']) {
        let at = start + (text.len() - rest.len()) + brace;
        words.push_str(&rest[..brace]);
        let tail = &rest[brace..];
        if tail.starts_with("{{") || tail.starts_with("}}") {
            words.push_str(&tail[..1]);
            rest = &tail[2..];
        } else if tail.starts_with('}') {
            return Err(ParseError {
                message: "`}` closes nothing".to_owned(),
                offset: at,
                help: Some("write `}}` for the brace itself".to_owned()),
            });
        } else {
            let inner = expression_in(&tail[1..]).ok_or_else(|| ParseError {
                message: "`{` is never closed".to_owned(),
                offset: at,
                help: Some(
                    "an inserted value is written `{$name.field}`; `{{` is the brace itself"
                        .to_owned(),
                ),
            })?;
            let expr = Expr::parse(inner).map_err(|error| ParseError {
                offset: error.offset + at + 1,
                ..error
            })?;
            if !words.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut words)));
            }
            parts.push(Part::Expr(expr, at + 1));
            rest = &tail[inner.len() + 2..];
        }
    }
    words.push_str(rest);
    if !words.is_empty() || parts.is_empty() {
        parts.push(Part::Literal(words));
    }
    Ok(parts)
}

/// The text up to the brace that closes, whatever braces, strings and interpolations stand
/// before it.
fn expression_in(text: &str) -> Option<&str> {
    let mut open: Vec<u8> = Vec::new();
    let mut bytes = text.bytes().enumerate();
    while let Some((offset, byte)) = bytes.next() {
        let in_string = open.last() == Some(&b'"');
        match byte {
            b'\\' if in_string => {
                if let Some((_, b'(')) = bytes.next() {
                    open.push(b')');
                }
            }
            b'"' if in_string => {
                open.pop();
            }
            _ if in_string => {}
            b'}' if open.is_empty() => return Some(&text[..offset]),
            b'"' => open.push(b'"'),
            b'{' => open.push(b'}'),
            b'(' => open.push(b')'),
            b')' | b'}' if open.last() == Some(&byte) => {
                open.pop();
            }
            _ => {}
        }
    }
    None
}

/// A value as one segment of a path.
fn segment(expr: &Expr, value: &Json) -> Result<String, EvalError> {
    let words = scalar(expr, value)?;
    match words.as_str() {
        "" => Err(bad_value(
            expr,
            "is the empty string, which cannot stand in a path",
        )),
        "." | ".." => Err(bad_value(
            expr,
            &format!("is `{words}`, which would change where the path leads"),
        )),
        _ if words.contains('\0') => Err(bad_value(
            expr,
            "holds the character U+0000, which no path has",
        )),
        _ => Ok(words),
    }
}

/// A value as part of a query or a header.
fn words_of(expr: &Expr, value: &Json) -> Result<String, EvalError> {
    let words = scalar(expr, value)?;
    match words.chars().find(|character| character.is_control()) {
        Some(control) => Err(bad_value(
            expr,
            &format!("holds the control character U+{:04X}", control as u32),
        )),
        None => Ok(words),
    }
}

fn scalar(expr: &Expr, value: &Json) -> Result<String, EvalError> {
    match value {
        Json::String(text) => Ok(text.clone()),
        Json::Bool(_) | Json::Number(_) => Ok(value.to_string()),
        Json::Null => Err(bad_value(expr, "is null")),
        Json::Array(_) => Err(bad_value(expr, "is an array, not a single value")),
        Json::Object(_) => Err(bad_value(expr, "is an object, not a single value")),
    }
}

fn bad_value(expr: &Expr, what: &str) -> EvalError {
    EvalError {
        cause: Cause::BadValue,
        message: format!("`{}` {what}", guard::shorten(expr.source(), 120)),
    }
}

/// Writes a text with everything encoded but what RFC 3986 calls unreserved.
pub(super) fn push_percent_encoded(encoded: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}
