//! JSON Schemas inside a saga file: each is proven to be one, with nothing to fetch.

use super::codes::Code;
use super::node::{Node, Place, Value};
use super::read::Reader;
use super::schema_faults::{READ_UP, faults};
use crate::json::Json;
use crate::limits;
use jsonschema::PatternOptions;

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
pub(super) fn brief(why: &str) -> String {
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
            self.wrong_type(
                node,
                &format!("{what} is a JSON Schema, a map"),
                "write a map such as `{ type: object }`",
            );
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
            let help = "check less by patterns: `enum` lists words, `maxLength` bounds a length";
            self.invalid_schema(node.place, what, &why, help);
            return None;
        }
        let schema = node.to_json();
        let faults = faults(node, &schema);
        if faults.is_empty()
            && let Err(why) = compile(&schema)
        {
            self.invalid_schema(node.place, what, &brief(&why), READ_UP);
            return None;
        }
        let clean = faults.is_empty();
        for fault in faults {
            self.invalid_schema(fault.place, what, &fault.why, &fault.help);
        }
        clean.then_some(schema)
    }

    fn invalid_schema(&mut self, place: Place, what: &str, why: &str, help: &str) {
        let message = format!("{what} is no JSON Schema: {why}");
        self.problems.add(Code::InvalidSchema, place, message, help);
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
