//! What is wrong inside a JSON Schema, all of it at once: each fault at its own node, with the
//! name of the keyword and a way to mend it.

use super::node::{Entry, Node, Place, Value, shortened};
use crate::json::Json;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use std::collections::BTreeSet;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Help where nothing better is known.
pub(super) const READ_UP: &str = "look the keyword up in JSON Schema 2020-12";
const TYPES: [&str; 7] = [
    "string", "number", "integer", "boolean", "object", "array", "null",
];

/// One thing wrong with a schema.
pub(super) struct Fault {
    /// Where.
    pub(super) place: Place,
    /// What, to be put behind "is no JSON Schema: ".
    pub(super) why: String,
    /// How to mend it.
    pub(super) help: String,
}

/// Everything wrong with a schema, as far as it can be told part by part.
pub(super) fn faults(node: &Node, schema: &Json) -> Vec<Fault> {
    let mut found = Vec::new();
    let anchors = Anchors::of(node);
    each_keyword(
        node,
        &mut |entry| match (entry.key.as_str(), &entry.node.value) {
            ("$ref" | "$dynamicRef", Value::Text(target)) => {
                found.extend(reference(entry, target, schema, &anchors));
            }
            ("$schema", Value::Text(text)) if text.trim_end_matches('#') != DIALECT => {
                found.push(Fault {
                    place: entry.node.place,
                    why: format!("`$schema`: `{}` is another dialect", shortened(text)),
                    help: "the dialect is JSON Schema 2020-12: leave `$schema` out".to_owned(),
                });
            }
            ("pattern", Value::Text(text)) => {
                found.extend(pattern("pattern", text, entry.node.place));
            }
            ("patternProperties", Value::Map(patterns)) => {
                let each = patterns.iter();
                found.extend(
                    each.filter_map(|one| pattern("patternProperties", &one.key, one.place)),
                );
            }
            _ => {}
        },
    );
    let validator = jsonschema::draft202012::meta::validator();
    let mut told = BTreeSet::new();
    for error in validator.iter_errors(schema) {
        let path = error.instance_path().as_str();
        let part = node.at_pointer(path);
        for fault in unlike_the_dialect(&error, &keyword_at(path), part) {
            // Several parts of the dialect's own schema say the same of the same place.
            if told.insert((fault.place.line, fault.place.column, fault.why.clone())) {
                found.push(fault);
            }
        }
    }
    found
}

/// Every keyword of a schema and of those inside it; what is data or a name is none.
fn each_keyword<'n>(node: &'n Node, see: &mut dyn FnMut(&'n Entry)) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| each_keyword(item, see)),
        Value::Map(entries) => {
            for entry in entries {
                match (entry.key.as_str(), &entry.node.value) {
                    ("const" | "enum" | "default" | "examples", _) => {}
                    (
                        "properties" | "patternProperties" | "$defs" | "definitions"
                        | "dependentSchemas",
                        Value::Map(named),
                    ) => {
                        see(entry);
                        named.iter().for_each(|one| each_keyword(&one.node, see));
                    }
                    _ => {
                        see(entry);
                        each_keyword(&entry.node, see);
                    }
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

/// What references may name beside pointers.
#[derive(Default)]
struct Anchors {
    names: Vec<String>,
    /// A part has an `$id` of its own: pointers below it begin there.
    rebased: bool,
}

impl Anchors {
    fn of(node: &Node) -> Anchors {
        let mut anchors = Anchors::default();
        each_keyword(
            node,
            &mut |entry| match (entry.key.as_str(), &entry.node.value) {
                ("$anchor" | "$dynamicAnchor", Value::Text(name)) => {
                    anchors.names.push(name.clone())
                }
                ("$id", _) => anchors.rebased = true,
                _ => {}
            },
        );
        anchors
    }
}

/// A reference that leads out of the schema, or nowhere in it.
fn reference(entry: &Entry, target: &str, schema: &Json, anchors: &Anchors) -> Option<Fault> {
    let shown = shortened(target);
    let fault = |why: String, help: String| {
        Some(Fault {
            place: entry.node.place,
            why: format!("`{}`: {why}", entry.key),
            help,
        })
    };
    let Some(inside) = target.strip_prefix('#') else {
        return fault(
            format!("`{shown}` points outside the file"),
            "nothing is ever fetched: put the part under `$defs` and refer to `#/$defs/…`"
                .to_owned(),
        );
    };
    let there = inside.is_empty()
        || anchors.rebased
        || inside.contains('%')
        || schema.pointer(inside).is_some()
        || anchors.names.iter().any(|name| name == inside);
    if there {
        return None;
    }
    let parts = match schema.get("$defs") {
        Some(Json::Object(parts)) => parts.keys().cloned().collect(),
        _ => Vec::new(),
    };
    let help = match parts.first() {
        Some(_) => format!(
            "`#/…` is the way from the schema's start; under `$defs` it has {}",
            parts.join(", ")
        ),
        None => "`#/…` is the way from the schema's start, such as `#/$defs/address` with a part `address` under `$defs`"
            .to_owned(),
    };
    fault(format!("`{shown}` leads nowhere"), help)
}

/// A pattern that cannot be used.
fn pattern(keyword: &str, text: &str, place: Place) -> Option<Fault> {
    if can_be_used(text) {
        return None;
    }
    let around = ["(?=", "(?!", "(?<=", "(?<!"];
    let (why, help) = if around.iter().any(|one| text.contains(one)) {
        (
            "looks ahead or back",
            "patterns are matched without backtracking, so `(?=…)`, `(?!…)`, `(?<=…)` and `(?<!…)` are not available: use `allOf` with a pattern each, or `not`",
        )
    } else if refers_back(text) {
        (
            "refers back",
            "patterns are matched without backtracking, so back-references such as `\\1` are not available: write the part out",
        )
    } else if can_be_used(&without_counts(text)) {
        (
            "becomes too large",
            "repeat less often, and bound the length by `maxLength`",
        )
    } else {
        (
            "cannot be read",
            "close each `(` and `[`, and write a literal one as `\\(` or `\\[`; look-around and back-references are not available",
        )
    };
    Some(Fault {
        place,
        why: format!("`{keyword}`: the pattern `{}` {why}", shortened(text)),
        help: help.to_owned(),
    })
}

fn can_be_used(pattern: &str) -> bool {
    super::schemas::compile(&serde_json::json!({ "pattern": pattern })).is_ok()
}

/// It holds `\1` or the like.
fn refers_back(pattern: &str) -> bool {
    let mut escaped = false;
    pattern.chars().any(|letter| {
        let found = escaped && ('1'..='9').contains(&letter);
        escaped = letter == '\\' && !escaped;
        found
    })
}

/// The pattern with every `{3,5}` taken out: what makes it large.
fn without_counts(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let inner = from[1..].split('}').next().unwrap_or("");
        let is_count = from.len() > inner.len() + 1
            && inner
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b',');
        let taken = if is_count { inner.len() + 2 } else { 1 };
        if !is_count {
            out.push('{');
        }
        rest = &from[taken..];
    }
    out.push_str(rest);
    out
}

/// The keyword, with its place in a list, that a pointer leads to.
fn keyword_at(pointer: &str) -> String {
    let mut name = String::new();
    for segment in pointer.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        if !name.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            name.push_str(&format!("[{segment}]"));
        } else {
            name = segment;
        }
    }
    if name.is_empty() {
        return "a schema".to_owned();
    }
    format!("`{}`", shortened(&name))
}

/// What the dialect's own schema says of a part, in words.
fn unlike_the_dialect(error: &ValidationError<'_>, name: &str, part: &Node) -> Vec<Fault> {
    let fault = |why: String, help: String| {
        vec![Fault {
            place: part.place,
            why,
            help,
        }]
    };
    match error.kind() {
        // Told with its reason by the look at each pattern.
        ValidationErrorKind::Format { format } if format == "regex" => Vec::new(),
        ValidationErrorKind::PropertyNames { .. } => Vec::new(),
        ValidationErrorKind::AnyOf { .. } => types(name, part),
        ValidationErrorKind::Type { kind } => {
            let (noun, help) = expected(kind, name, part);
            fault(
                format!("{name} is {noun}, and here stands {}", part.described()),
                help,
            )
        }
        ValidationErrorKind::Minimum { limit } => fault(
            format!(
                "{name} is at least {limit}, and here stands {}",
                part.described()
            ),
            format!("write a whole number from {limit} on"),
        ),
        ValidationErrorKind::ExclusiveMinimum { limit } => fault(
            format!(
                "{name} is more than {limit}, and here stands {}",
                part.described()
            ),
            format!("write a number greater than {limit}"),
        ),
        ValidationErrorKind::UniqueItems => fault(
            format!("{name} names something twice"),
            "name each once".to_owned(),
        ),
        ValidationErrorKind::MinItems { .. } => fault(
            format!("{name} is an empty list"),
            "list at least one, or leave it out".to_owned(),
        ),
        _ => fault(
            format!("{name}: {}", super::schemas::brief(&error.to_string())),
            READ_UP.to_owned(),
        ),
    }
}

/// The words of a `type` that name none.
fn types(name: &str, part: &Node) -> Vec<Fault> {
    let items = match &part.value {
        Value::List(items) if !items.is_empty() => items.as_slice(),
        _ => std::slice::from_ref(part),
    };
    let is_known =
        |node: &&Node| matches!(&node.value, Value::Text(word) if TYPES.contains(&word.as_str()));
    let strange = items.iter().filter(|node| !is_known(node));
    let mut found: Vec<Fault> = strange
        .map(|node| Fault {
            place: node.place,
            why: format!("{name}: there is no type {}", node.quoted()),
            help: match &node.value {
                Value::Text(word) => match super::suggest::nearest(word, TYPES) {
                    Some(near) => format!("did you mean `{near}`? There are {}", TYPES.join(", ")),
                    None => format!("there are {}", TYPES.join(", ")),
                },
                _ => format!("write one, or a list, of {}", TYPES.join(", ")),
            },
        })
        .collect();
    if found.is_empty() {
        found.push(Fault {
            place: part.place,
            why: format!("{name} names a type twice"),
            help: "name each once".to_owned(),
        });
    }
    found
}

/// What may stand there, and how to write it.
fn expected(kind: &TypeKind, name: &str, part: &Node) -> (&'static str, String) {
    let single = match kind {
        TypeKind::Single(single) => *single,
        TypeKind::Multiple(_) => {
            let help = "write a map such as `{ type: string }`; `true` lets everything pass";
            return (
                "a schema, which is a map, `true` or `false`",
                help.to_owned(),
            );
        }
    };
    let bare = name.trim_matches('`');
    match single {
        JsonType::Array => {
            let help = match &part.value {
                Value::Text(_) | Value::Number(_) | Value::Bool(_) => {
                    let item = part.quoted();
                    format!("write `{bare}: [{}]`", item.trim_matches('`'))
                }
                _ => format!("write `{bare}: […]`"),
            };
            ("a list", help)
        }
        JsonType::Boolean => ("true or false", "write `true` or `false`".to_owned()),
        JsonType::Integer => ("a whole number", "write a number without quotes".to_owned()),
        JsonType::Number => ("a number", "write a number without quotes".to_owned()),
        JsonType::Object => ("a map", "write names with a schema each".to_owned()),
        JsonType::Null => ("null", "write `null`".to_owned()),
        JsonType::String => (
            "a text",
            "write a text, in quotes when YAML reads it as something else".to_owned(),
        ),
    }
}
