//! A value made from a JSON Schema, and from what is read of it: good enough to start a saga
//! with, and always proven against the schema before it is used.

use super::shape::Shape;
use banyan_core::Json;
use banyan_core::language::compile_schema;
use serde_json::{Map, json};

/// How deep a schema is followed; deeper ones are better told by hand.
const LEVELS: usize = 12;

/// A value that the schema takes.
///
/// # Errors
/// What the schema says against the best that could be made.
pub(super) fn sample(schema: Option<&Json>, shape: &Shape) -> Result<Json, String> {
    let Some(schema) = schema else {
        return Ok(if shape.is_empty() {
            json!({})
        } else {
            shape.value("input", "input", 1)
        });
    };
    let maker = Maker { root: schema };
    let value = maker.value(schema, Some(shape), "input", 0);
    verify(schema, &value, false)?;
    Ok(value)
}

/// Whether a schema takes a value. A discreet answer quotes nothing of the value.
///
/// # Errors
/// What it says against it, one line per problem.
pub(super) fn verify(schema: &Json, value: &Json, discreet: bool) -> Result<(), String> {
    let validator = compile_schema(schema)?;
    let problems: Vec<String> = validator
        .iter_errors(value)
        .map(|error| {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { "/" } else { &place };
            if discreet {
                format!("{place}: {}", error.masked())
            } else {
                format!("{place}: {error}")
            }
        })
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("\n"))
    }
}

struct Maker<'s> {
    root: &'s Json,
}

impl Maker<'_> {
    fn value(&self, schema: &Json, shape: Option<&Shape>, name: &str, level: usize) -> Json {
        if level > LEVELS {
            return Json::Null;
        }
        if let Some(said) = said(schema) {
            return said.clone();
        }
        if let Some(target) = schema["$ref"].as_str() {
            let found = target
                .strip_prefix('#')
                .and_then(|to| self.root.pointer(to));
            return found.map_or(Json::Null, |to| self.value(to, shape, name, level + 1));
        }
        for key in ["oneOf", "anyOf", "allOf"] {
            if let Some(first) = schema[key].get(0)
                && schema.get("type").is_none()
            {
                return self.value(first, shape, name, level + 1);
            }
        }
        match kind(schema) {
            Some("object") => self.object(schema, shape, name, level),
            Some("array") => self.array(schema, shape, name, level),
            Some("string") => json!(text(schema, name)),
            Some("integer" | "number") => number(schema),
            Some("boolean") => json!(true),
            Some("null") => Json::Null,
            _ => match shape {
                Some(shape) => shape.value(name, name, 1),
                None => json!(format!("{name}-1")),
            },
        }
    }

    /// What is required, and what is read.
    fn object(&self, schema: &Json, shape: Option<&Shape>, name: &str, level: usize) -> Json {
        let empty = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&empty);
        let required = schema["required"].as_array().into_iter().flatten();
        let mut names: Vec<&str> = required.filter_map(Json::as_str).collect();
        let read = shape.into_iter().flat_map(Shape::members);
        for (member, _) in read {
            let is_known = properties.contains_key(member);
            let is_closed = schema["additionalProperties"] == json!(false);
            if !names.contains(&member) && (is_known || (properties.is_empty() && !is_closed)) {
                names.push(member);
            }
        }
        let members = names.into_iter().map(|member| {
            let of_member = shape.and_then(|shape| shape.get(member));
            let anything = json!(true);
            let schema = properties.get(member).unwrap_or(&anything);
            let called = if member == "id" { name } else { member };
            let value = self.value(schema, of_member, called, level + 1);
            (member.to_owned(), value)
        });
        Json::Object(members.collect())
    }

    fn array(&self, schema: &Json, shape: Option<&Shape>, name: &str, level: usize) -> Json {
        let item = shape.and_then(Shape::item);
        // Two, where somebody does something with each: one alone would hide what that means.
        let usual = if item.is_some() { 2 } else { 1 };
        let least = schema["minItems"].as_u64().unwrap_or(0).clamp(usual, 100);
        let most = schema["maxItems"].as_u64().unwrap_or(least);
        let called = name.strip_suffix('s').unwrap_or(name);
        let anything = json!(true);
        let of_items = schema.get("items").unwrap_or(&anything);
        let items = 1..=least.min(most);
        let items = items.map(|count| match item {
            Some(item) if of_items == &anything => item.value(called, called, count),
            _ => self.value(of_items, item, called, level + 1),
        });
        Json::Array(items.collect())
    }
}

/// A value that the schema itself names.
fn said(schema: &Json) -> Option<&Json> {
    let named = schema.get("const").or_else(|| schema.get("default"));
    named
        .or_else(|| schema.get("examples")?.get(0))
        .or_else(|| schema.get("enum")?.get(0))
}

fn kind(schema: &Json) -> Option<&str> {
    let kind = match schema.get("type") {
        Some(Json::String(kind)) => Some(kind.as_str()),
        Some(Json::Array(kinds)) => kinds
            .iter()
            .filter_map(Json::as_str)
            .find(|it| *it != "null"),
        _ => None,
    };
    kind.or_else(|| {
        let of_object = schema.get("properties").or_else(|| schema.get("required"));
        let of_array = schema.get("items").map(|_| "array");
        of_object.map(|_| "object").or(of_array)
    })
}

fn text(schema: &Json, name: &str) -> String {
    let text = match schema["format"].as_str() {
        Some("email") => return format!("{name}@example.org"),
        Some("uuid") => return "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        Some("date") => return "2020-01-31".to_owned(),
        Some("date-time") => return "2020-01-31T12:00:00Z".to_owned(),
        Some("time") => return "12:00:00Z".to_owned(),
        Some("uri") => return format!("https://example.org/{name}"),
        _ => format!("{name}-1"),
    };
    let bound = |key: &str, otherwise: usize| {
        let said = schema[key].as_u64();
        said.and_then(|said| usize::try_from(said).ok())
            .unwrap_or(otherwise)
    };
    let (least, most) = (
        bound("minLength", 0).min(10_000),
        bound("maxLength", usize::MAX),
    );
    let grown = text.chars().chain(std::iter::repeat('x'));
    grown
        .take(text.chars().count().max(least).min(most))
        .collect()
}

/// One, or the nearest number to it that the bounds take.
fn number(schema: &Json) -> Json {
    let bound = |key: &str| schema[key].as_i64();
    let least = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|it| it + 1));
    let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|it| it - 1));
    let mut number = 1.max(least.unwrap_or(1));
    if let Some(most) = most {
        number = number.min(most);
    }
    if let Some(step) = bound("multipleOf").filter(|step| *step > 0) {
        number = (number + step - 1).div_euclid(step) * step;
    }
    json!(number)
}
