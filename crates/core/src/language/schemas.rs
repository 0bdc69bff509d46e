//! JSON Schemas inside a saga file: each is proven to be one, with nothing to fetch.

use super::codes::Code;
use super::node::{Node, Value};
use super::read::Reader;
use crate::json::Json;
use crate::limits;
use jsonschema::PatternOptions;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Compiles a schema of a saga file: references inside it only, no network, and patterns that
/// cannot backtrack.
///
/// # Errors
/// What is wrong with the schema.
pub fn compile(schema: &Json) -> Result<jsonschema::Validator, String> {
    jsonschema::draft202012::options()
        .offline()
        .with_pattern_options(PatternOptions::regex().size_limit(limits::PATTERN_BYTES))
        .build(schema)
        .map_err(|error| error.to_string())
}

/// A reason cut to what a message can carry.
fn brief(why: &str) -> String {
    let mut out: String = why.chars().take(200).collect();
    if out.len() < why.len() {
        out.push('…');
    }
    out
}

impl Reader<'_> {
    /// A JSON Schema, as it stands.
    pub(crate) fn json_schema(&mut self, node: &Node, what: &str) -> Option<Json> {
        if !matches!(node.value, Value::Map(_) | Value::Bool(_)) {
            self.wrong_type(node, &format!("{what} is a JSON Schema, a map"));
            return None;
        }
        if node.levels() > 2 * limits::DEFINITION_LEVELS {
            self.problems.add(
                Code::TooDeep,
                node.place,
                format!(
                    "this schema nests deeper than {} levels",
                    2 * limits::DEFINITION_LEVELS
                ),
                "name its parts under `$defs` and refer to them by `$ref`",
            );
            return None;
        }
        let patterns = patterns(node);
        if patterns > limits::SCHEMA_PATTERNS {
            let why = format!(
                "it has {patterns} patterns, more than {}",
                limits::SCHEMA_PATTERNS
            );
            self.invalid_schema(node, what, &why);
            return None;
        }
        let before = self.problems.count();
        self.references(node);
        let schema = node.to_json();
        if let Err(error) = jsonschema::draft202012::meta::validate(&schema) {
            let part = node.at_pointer(error.instance_path().as_str());
            self.invalid_schema(part, what, &error.to_string());
        }
        if self.problems.count() == before
            && let Err(why) = compile(&schema)
        {
            self.invalid_schema(node, what, &why);
        }
        (self.problems.count() == before).then_some(schema)
    }

    fn invalid_schema(&mut self, node: &Node, what: &str, why: &str) {
        self.problems.add(
            Code::InvalidSchema,
            node.place,
            format!("{what} is no JSON Schema: {}", brief(why)),
            "the dialect is JSON Schema 2020-12",
        );
    }

    /// Refuses what would have to be fetched, and other dialects.
    fn references(&mut self, node: &Node) {
        match &node.value {
            Value::Map(entries) => {
                for entry in entries {
                    let value = &entry.node;
                    if let Value::Text(text) = &value.value {
                        let remote = matches!(entry.key.as_str(), "$ref" | "$dynamicRef")
                            && !text.starts_with('#');
                        let dialect =
                            entry.key == "$schema" && text.trim_end_matches('#') != DIALECT;
                        if remote {
                            self.invalid_schema(
                                value,
                                &format!("`{}`", entry.key),
                                &format!("`{text}` points outside the file"),
                            );
                        } else if dialect {
                            self.invalid_schema(
                                value,
                                "`$schema`",
                                &format!("`{text}` is another dialect"),
                            );
                        }
                    }
                    self.references(value);
                }
            }
            Value::List(items) => items.iter().for_each(|item| self.references(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
    }
}

/// How many patterns a schema has at most: what merely looks like one counts as well.
fn patterns(node: &Node) -> usize {
    match &node.value {
        Value::Map(entries) => entries
            .iter()
            .map(|entry| {
                let own = match (entry.key.as_str(), &entry.node.value) {
                    ("pattern", Value::Text(_)) => 1,
                    ("patternProperties", Value::Map(patterns)) => patterns.len(),
                    _ => 0,
                };
                own + patterns(&entry.node)
            })
            .sum(),
        Value::List(items) => items.iter().map(patterns).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => 0,
    }
}
