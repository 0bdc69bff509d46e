//! JSON with expressions in it.

use super::meter::Meter;
use super::{Cause, EvalError, Expr, ParseError, Scope};
use crate::json::Json;
use crate::limits;
use serde::{Deserialize, Serialize};

/// JSON with expressions in it: a string that begins with `$` and a letter is an expression,
/// `$$` escapes. Serialized as that same JSON; only an escape that is not needed (`$$5`) is
/// written without it (`$5`).
///
/// ```
/// use banyan_core::expr::{Scope, Template};
/// use std::borrow::Cow;
///
/// let template: Template = serde_json::from_str(r#"{"id": "$input.id", "price": "$$5"}"#).unwrap();
/// let input = serde_json::json!({"id": 7});
/// let mut scope = Scope::default();
/// scope.bind("input", Cow::Borrowed(&input));
/// let value = template.evaluate(&scope).unwrap();
/// assert_eq!(value, serde_json::json!({"id": 7, "price": "$5"}));
/// ```
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

/// Whether a text is an expression as a whole: it begins with `$` and an ASCII letter.
pub fn is_expression(text: &str) -> bool {
    matches!(text.as_bytes(), [b'$', letter, ..] if letter.is_ascii_alphabetic())
}

impl TryFrom<Json> for Template {
    type Error = ParseError;
    fn try_from(value: Json) -> Result<Template, ParseError> {
        parse(value, 0)
    }
}

/// Recurses as deep as the value nests, which is bounded here.
fn parse(value: Json, level: usize) -> Result<Template, ParseError> {
    if level > limits::PAYLOAD_LEVELS {
        return Err(ParseError {
            message: format!(
                "the value nests more than {} levels deep",
                limits::PAYLOAD_LEVELS
            ),
            offset: 0,
            help: None,
        });
    }
    match value {
        Json::String(text) if is_expression(&text) => Ok(Template::Expr(Expr::parse(&text)?)),
        Json::String(text) if text.starts_with("$$") => {
            Ok(Template::Literal(Json::String(text[1..].to_owned())))
        }
        Json::Array(items) => {
            let items: Vec<Template> = items
                .into_iter()
                .map(|item| parse(item, level + 1))
                .collect::<Result<_, _>>()?;
            Ok(literal_items(&items).unwrap_or(Template::Array(items)))
        }
        Json::Object(members) => {
            let members: Vec<(String, Template)> = members
                .into_iter()
                .map(|(key, value)| Ok((key, parse(value, level + 1)?)))
                .collect::<Result<_, ParseError>>()?;
            Ok(literal_members(&members).unwrap_or(Template::Object(members)))
        }
        other => Ok(Template::Literal(other)),
    }
}

/// One literal when nothing in it is computed.
fn literal_items(items: &[Template]) -> Option<Template> {
    let items = items.iter().map(Template::literal).cloned_all()?;
    Some(Template::Literal(Json::Array(items)))
}

fn literal_members(members: &[(String, Template)]) -> Option<Template> {
    let values = members
        .iter()
        .map(|(_, value)| value.literal())
        .cloned_all()?;
    let keys = members.iter().map(|(key, _)| key.clone());
    Some(Template::Literal(Json::Object(keys.zip(values).collect())))
}

trait ClonedAll<'j> {
    fn cloned_all(self) -> Option<Vec<Json>>;
}

impl<'j, I: Iterator<Item = Option<&'j Json>> + Clone> ClonedAll<'j> for I {
    /// Copies of all, or none when one is missing; nothing is copied before that is known.
    fn cloned_all(self) -> Option<Vec<Json>> {
        if self.clone().any(|json| json.is_none()) {
            return None;
        }
        Some(self.flatten().cloned().collect())
    }
}

impl From<Template> for Json {
    fn from(template: Template) -> Json {
        match template {
            Template::Literal(value) => escaped(value),
            Template::Expr(expr) => Json::String(expr.into()),
            Template::Array(items) => Json::Array(items.into_iter().map(Json::from).collect()),
            Template::Object(members) => Json::Object(
                members
                    .into_iter()
                    .map(|(key, value)| (key, Json::from(value)))
                    .collect(),
            ),
        }
    }
}

/// A literal as a file writes it: what would be read as an expression or an escape gets its
/// `$` doubled.
fn escaped(value: Json) -> Json {
    match value {
        Json::String(text) if is_expression(&text) || text.starts_with("$$") => {
            Json::String(format!("${text}"))
        }
        Json::Array(items) => Json::Array(items.into_iter().map(escaped).collect()),
        Json::Object(members) => Json::Object(
            members
                .into_iter()
                .map(|(key, value)| (key, escaped(value)))
                .collect(),
        ),
        other => other,
    }
}

impl Template {
    /// The value with every expression in it evaluated. All of them together cost at most what
    /// one expression may.
    ///
    /// # Errors
    /// Those of the first expression that fails.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Json, EvalError> {
        self.evaluate_at(scope, &Meter::default(), 0)
    }

    fn evaluate_at(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        level: usize,
    ) -> Result<Json, EvalError> {
        if level > limits::PAYLOAD_LEVELS {
            return Err(EvalError {
                cause: Cause::TooCostly,
                message: format!(
                    "the value nests more than {} levels deep",
                    limits::PAYLOAD_LEVELS
                ),
            });
        }
        match self {
            Template::Literal(value) => Ok(value.clone()),
            Template::Expr(expr) => expr.evaluate_at(scope, meter, level),
            Template::Array(items) => items
                .iter()
                .map(|item| item.evaluate_at(scope, meter, level + 1))
                .collect::<Result<Vec<Json>, EvalError>>()
                .map(Json::Array),
            Template::Object(members) => members
                .iter()
                .map(|(key, value)| Ok((key.clone(), value.evaluate_at(scope, meter, level + 1)?)))
                .collect::<Result<_, EvalError>>()
                .map(Json::Object),
        }
    }

    /// The value, when nothing in it is computed.
    pub fn literal(&self) -> Option<&Json> {
        match self {
            Template::Literal(value) => Some(value),
            Template::Expr(_) | Template::Array(_) | Template::Object(_) => None,
        }
    }

    /// The expressions in it, in order.
    pub fn expressions(&self) -> Vec<&Expr> {
        let mut found = Vec::new();
        self.gather(&mut found);
        found
    }

    fn gather<'t>(&'t self, found: &mut Vec<&'t Expr>) {
        match self {
            Template::Literal(_) => {}
            Template::Expr(expr) => found.push(expr),
            Template::Array(items) => items.iter().for_each(|item| item.gather(found)),
            Template::Object(members) => {
                members.iter().for_each(|(_, value)| value.gather(found));
            }
        }
    }
}
