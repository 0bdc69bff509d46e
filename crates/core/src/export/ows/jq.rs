//! Expressions, templates and texts as the other language writes them: jq within `${ … }`,
//! where a step's result is a member of `$context` and the input is `$workflow.input`.

use crate::Json;
use crate::definition::Definition;
use crate::expr::{Expr, Part, Template, Text};
use std::fmt::Write;

/// The words of jq's grammar, which older readers of it do not take as a member's name.
const KEYWORDS: [&str; 20] = [
    "and", "as", "catch", "def", "elif", "else", "end", "foreach", "if", "import", "include",
    "label", "not", "null", "or", "reduce", "then", "true", "try", "__loc__",
];

/// What variables stand for: those said here, `$input`, `$saga`, and else a step's result.
#[derive(Clone)]
pub(super) struct Names {
    said: Vec<(String, String)>,
}

impl Names {
    /// `$input`, `$saga` and the steps.
    pub(super) fn of(definition: &Definition) -> Names {
        let saga = format!(
            "{{id: $workflow.id, name: {}, version: {}, key: $workflow.id, started_at: $workflow.startedAt.iso8601}}",
            Json::from(definition.name.as_str()),
            definition.version
        );
        Names {
            said: vec![
                ("input".to_owned(), "$workflow.input".to_owned()),
                ("saga".to_owned(), saga),
            ],
        }
    }

    /// With one more; a text that begins with `.` or `(.` speaks of the value that is piped in.
    pub(super) fn with(&self, name: &str, text: impl Into<String>) -> Names {
        let mut said = self.said.clone();
        said.push((name.to_owned(), text.into()));
        Names { said }
    }

    fn meaning(&self, name: &str) -> String {
        let said = self.said.iter().rev().find(|(known, _)| known == name);
        said.map_or_else(|| member("$context", name), |(_, text)| text.clone())
    }

    /// An expression's text. Variables are written out where the text is plain; where it has
    /// strings, objects or bindings of its own they are bound in front of it.
    pub(super) fn text(&self, expr: &Expr) -> String {
        let variables = expr.variables();
        let meanings: Vec<(&str, String)> = variables
            .iter()
            .map(|(name, _)| (*name, self.meaning(name)))
            .collect();
        let bound = expr.source().contains(['"', '{'])
            || expr.source().contains(" as ")
            || meanings
                .iter()
                .any(|(_, text)| text.starts_with('.') || text.starts_with("(."));
        if bound {
            bind(expr.source(), meanings)
        } else {
            substitute(expr.source(), &meanings)
        }
    }

    /// An expression where a document takes one.
    pub(super) fn expression(&self, expr: &Expr) -> Json {
        wrap(&self.text(expr))
    }

    /// A template as a value with expressions at its leaves.
    pub(super) fn value(&self, template: &Template) -> Json {
        match template {
            Template::Literal(value) => literal(value),
            Template::Expr(expr) => self.expression(expr),
            Template::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Template::Object(members) => members
                .iter()
                .map(|(key, value)| (key.clone(), self.value(value)))
                .collect(),
        }
    }

    /// A template as one jq text.
    pub(super) fn construction(&self, template: &Template) -> String {
        match template {
            Template::Literal(value) => value.to_string(),
            Template::Expr(expr) => format!("({})", self.text(expr)),
            Template::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.construction(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Template::Object(members) => {
                let members: Vec<String> = members
                    .iter()
                    .map(|(key, value)| {
                        format!("{}: {}", Json::from(key.as_str()), self.construction(value))
                    })
                    .collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }

    /// A text of a query or a header, which are strings there.
    pub(super) fn words(&self, text: &Text) -> Json {
        match text.parts() {
            [Part::Expr(expr, _)] => wrap(&format!("{} | tostring", self.text(expr))),
            parts => self.inserted("", parts, "tostring"),
        }
    }

    /// An address: each inserted value percent-encoded as one segment.
    pub(super) fn address(&self, service: &str, path: &Text) -> Json {
        let base = format!("http://{service}");
        self.inserted(&base, path.parts(), "tostring | @uri")
    }

    fn inserted(&self, before: &str, parts: &[Part], how: &str) -> Json {
        let mut plain = before.to_owned();
        let mut text = quoted(before);
        let mut computed = false;
        for part in parts {
            match part {
                Part::Literal(words) => {
                    plain.push_str(words);
                    text.push_str(&quoted(words));
                }
                Part::Expr(expr, _) => {
                    computed = true;
                    let _ = write!(text, "\\({} | {how})", self.text(expr));
                }
            }
        }
        if computed {
            wrap(&format!("\"{text}\""))
        } else {
            literal(&Json::String(plain))
        }
    }
}

/// A step's result among the others.
pub(super) fn member(results: &str, step: &str) -> String {
    if KEYWORDS.contains(&step) {
        format!("{results}[\"{step}\"]")
    } else {
        format!("{results}.{step}")
    }
}

/// A jq text where a document takes an expression.
pub(super) fn wrap(text: &str) -> Json {
    Json::String(format!("${{ {text} }}"))
}

/// A value as it stands: what would be read as an expression becomes one that gives it.
fn literal(value: &Json) -> Json {
    match value {
        Json::String(text) if text.trim_start().starts_with("${") => {
            wrap(&Json::from(text.as_str()).to_string())
        }
        Json::Array(items) => items.iter().map(literal).collect(),
        Json::Object(members) => members
            .iter()
            .map(|(key, value)| (key.clone(), literal(value)))
            .collect(),
        other => other.clone(),
    }
}

/// Words within a jq string.
fn quoted(words: &str) -> String {
    let text = Json::from(words).to_string();
    text[1..text.len() - 1].to_owned()
}

/// The two names that others are made of are bound last, so that nothing in front loses them.
fn bind(source: &str, mut meanings: Vec<(&str, String)>) -> String {
    meanings.sort_by_key(|(name, _)| matches!(*name, "context" | "workflow"));
    let mut text = String::new();
    for (name, meaning) in meanings {
        let _ = write!(text, "{meaning} as ${name} | ");
    }
    text + source
}

fn substitute(source: &str, meanings: &[(&str, String)]) -> String {
    let mut text = String::new();
    let mut rest = source;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        let name_length = from[1..]
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(from.len() - 1);
        let (variable, behind) = from.split_at(1 + name_length);
        text.push_str(before);
        match meanings.iter().find(|(name, _)| *name == &variable[1..]) {
            Some((_, meaning)) if meaning.starts_with('$') || source == variable => {
                text.push_str(meaning);
            }
            Some((_, meaning)) => {
                let _ = write!(text, "({meaning})");
            }
            None => text.push_str(variable),
        }
        rest = behind;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let saga = "saga: s\nversion: 2\nsteps: [{ a: { set: 1 } }]\n";
        let checked = crate::language::check(saga, &crate::language::Surroundings::default());
        Names::of(&checked.definition.unwrap()).with("key", "\"\\($workflow.id)-a\"")
    }

    #[test]
    fn variables_are_written_out_or_bound() {
        for (source, expected) in [
            ("$order.id", "$context.order.id"),
            (
                "$input.a + $order.b",
                "$workflow.input.a + $context.order.b",
            ),
            ("$key", "\"\\($workflow.id)-a\""),
            ("$key | length", "(\"\\($workflow.id)-a\") | length"),
            (
                "$order.id as $x | $x",
                "$context.order as $order | $order.id as $x | $x",
            ),
            ("\"\\($and)\"", "$context[\"and\"] as $and | \"\\($and)\""),
            (
                "[$context, $b] | \"x\"",
                "$context.b as $b | $context.context as $context | [$context, $b] | \"x\"",
            ),
        ] {
            let expr = Expr::parse(source).unwrap();
            assert_eq!(names().text(&expr), expected, "{source}");
        }
    }

    #[test]
    fn a_value_piped_in_is_bound_before_anything_else_is_piped() {
        let expr = Expr::parse("$result.items | length > $result.least").unwrap();
        assert_eq!(
            names().with("result", ".").text(&expr),
            ". as $result | $result.items | length > $result.least"
        );
    }

    #[test]
    fn texts_and_templates_keep_what_they_say() {
        let path = Text::parse("/a \"b\"/{$order.id}").unwrap();
        assert_eq!(
            names().address("shop", &path),
            "${ \"http://shop/a \\\"b\\\"/\\($context.order.id | tostring | @uri)\" }"
        );
        let template: Template =
            serde_json::from_str(r#"{"a": "${ not ours }", "b": ["$order", 1]}"#).unwrap();
        assert_eq!(
            names().value(&template).to_string(),
            r#"{"a":"${ \"${ not ours }\" }","b":["${ $context.order }",1]}"#
        );
        assert_eq!(
            names().construction(&template),
            r#"{"a": "${ not ours }", "b": [($context.order), 1]}"#
        );
    }
}
