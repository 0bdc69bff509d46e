//! The JSON Schema of the language, made from the table of its keys, for editors.
//!
//! It knows the keys, where they stand and what shape their values have. What depends on other
//! parts of the file (variables, the pivot, missing undos) only the checker knows.

use super::keys::{self, Key, Shape, StepKind, Within};
use crate::json::Json;
use crate::limits;
use serde_json::{Map, json};

/// The JSON Schema (2020-12) of a saga file.
pub fn schema() -> Json {
    let mut root = map_of(Within::Document);
    root.insert(
        "$schema".to_owned(),
        "https://json-schema.org/draft/2020-12/schema".into(),
    );
    root.insert("title".to_owned(), "A Banyan saga".into());
    root.insert("required".to_owned(), json!(["saga", "version", "steps"]));
    root.insert(
        "$defs".to_owned(),
        json!({
            "name": { "type": "string", "pattern": "^[a-z][a-z0-9_]*$", "maxLength": limits::NAME_CHARS },
            "time": { "type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$", "minLength": 2,
                      "examples": ["200ms", "30s", "5m", "2h", "3d", "1h30m"] },
            "expression": { "type": ["string", "boolean"] },
            "target": { "type": "string", "pattern": target_pattern(), "examples": ["POST orders /orders"] },
            "texts": { "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } },
            "json_schema": { "type": ["object", "boolean"] },
            "steps": { "type": "array", "minItems": 1, "items": {
                "type": "object", "minProperties": 1, "maxProperties": 1,
                "propertyNames": { "$ref": "#/$defs/name" },
                "additionalProperties": { "$ref": "#/$defs/step" } } },
            "step": step(),
            "retry": map_of(Within::Retry),
            "check": long_form(Within::Check),
            "undo": long_form(Within::Undo),
            "confirm": long_form(Within::Confirm),
            "on_end": long_form(Within::OnEnd),
        }),
    );
    Json::Object(root)
}

fn target_pattern() -> String {
    let methods = crate::definition::Method::ALL.map(|method| method.as_str());
    format!("^({})\\s+[a-z][a-z0-9_-]*\\s+/", methods.join("|"))
}

/// A map with the built keys of one kind and no others.
fn map_of(within: Within) -> Map<String, Json> {
    let properties: Map<String, Json> = keys::of(within)
        .filter_map(|key| Some((key.name.to_owned(), described(key, key.shape?))))
        .collect();
    let mut out = Map::new();
    out.insert("type".to_owned(), "object".into());
    out.insert("properties".to_owned(), properties.into());
    out.insert("additionalProperties".to_owned(), false.into());
    out
}

fn long_form(within: Within) -> Json {
    let mut out = map_of(within);
    out.insert("required".to_owned(), json!(["do"]));
    let mut together = json!({ "every": ["pending_when"] });
    // How long a check is asked says the step.
    if within != Within::Check {
        together["reply"] = json!(["for"]);
        together["pending_when"] = json!(["for"]);
    }
    out.insert("dependentRequired".to_owned(), together);
    out.into()
}

/// A step: exactly one key makes its kind, and the kind says which others may stand beside it.
fn step() -> Json {
    let mut out = map_of(Within::Step);
    let makers: Vec<(&Key, StepKind)> = keys::of(Within::Step)
        .filter_map(|key| Some((key, key.makes?)))
        .collect();
    let one: Vec<Json> = makers
        .iter()
        .map(|(key, _)| json!({ "required": [key.name] }))
        .collect();
    let beside: Vec<Json> = makers
        .iter()
        .map(|(key, kind)| kind_rule(key, *kind))
        .collect();
    let together = json!({ "each": ["as"], "as": ["each"], "limit": ["each"],
        "reply": ["for"], "pending_when": ["for", "check"], "every": ["pending_when"] });
    out.insert("dependentRequired".to_owned(), together);
    out.insert("oneOf".to_owned(), one.into());
    out.insert("allOf".to_owned(), beside.into());
    out.into()
}

fn kind_rule(maker: &Key, kind: StepKind) -> Json {
    let names: Vec<&str> = keys::of(Within::Step)
        .filter(|key| key.shape.is_some() && key.stands_on(kind))
        .map(|key| key.name)
        .collect();
    let mut then = json!({ "propertyNames": { "enum": names } });
    if kind == StepKind::Wait {
        then["required"] = json!(["for"]);
    }
    json!({ "if": { "required": [maker.name] }, "then": then })
}

fn described(key: &Key, shape: Shape) -> Json {
    let mut out = of_shape(shape);
    if let Json::Object(members) = &mut out {
        members.insert("description".to_owned(), key.about.into());
    }
    out
}

fn of_shape(shape: Shape) -> Json {
    match shape {
        Shape::LanguageVersion => json!({ "const": 1 }),
        Shape::Name => json!({ "$ref": "#/$defs/name" }),
        Shape::Count => json!({ "type": "integer", "minimum": 1 }),
        Shape::Factor => json!({ "type": "number", "minimum": 1 }),
        Shape::Words => json!({ "type": "string", "minLength": 1 }),
        Shape::JsonSchema => json!({ "$ref": "#/$defs/json_schema" }),
        Shape::Labels => json!({
            "type": "object", "maxProperties": limits::LABELS,
            "propertyNames": { "$ref": "#/$defs/name" },
            "additionalProperties": { "$ref": "#/$defs/expression" } }),
        Shape::Time => json!({ "$ref": "#/$defs/time" }),
        Shape::TimeOrNever => {
            json!({ "anyOf": [{ "const": "never" }, { "$ref": "#/$defs/time" }] })
        }
        Shape::Expression => json!({ "$ref": "#/$defs/expression" }),
        Shape::Template => json!({}),
        Shape::Secrets => {
            json!({ "type": "array", "items": { "type": "string", "pattern": "^\\$[a-z]" } })
        }
        Shape::Steps => json!({ "$ref": "#/$defs/steps" }),
        Shape::Child => {
            json!({ "type": "string", "pattern": "^[a-z][a-z0-9_]*(@[1-9][0-9]*)?$" })
        }
        Shape::Target => json!({ "$ref": "#/$defs/target" }),
        Shape::Texts => json!({ "$ref": "#/$defs/texts" }),
        Shape::UndoForm => json!({ "anyOf": [
            { "const": "none" }, { "$ref": "#/$defs/target" }, { "$ref": "#/$defs/undo" }] }),
        Shape::CheckForm => json!({ "anyOf": [
            { "$ref": "#/$defs/target" }, { "$ref": "#/$defs/check" }] }),
        Shape::ConfirmForm => json!({ "anyOf": [
            { "$ref": "#/$defs/target" }, { "$ref": "#/$defs/confirm" }] }),
        Shape::EndForm => json!({ "anyOf": [
            { "$ref": "#/$defs/target" }, { "$ref": "#/$defs/on_end" }] }),
        Shape::RetryForm => json!({ "anyOf": [
            { "const": "forever" }, { "$ref": "#/$defs/retry" }] }),
        Shape::Truth => json!({ "type": "boolean" }),
        Shape::OneOf(words) => json!({ "enum": words }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::keys::KEYS;
    use crate::language::tree;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    #[test]
    fn every_sample_validates_against_it() {
        let schema = schema();
        jsonschema::draft202012::meta::validate(&schema).unwrap();
        let validator = crate::language::compile_schema(&schema).unwrap();
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
        for entry in fs::read_dir(samples).unwrap() {
            let path = entry.unwrap().path();
            let tree = tree(&fs::read_to_string(&path).unwrap());
            let wrong: Vec<String> = validator
                .iter_errors(&tree)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{}: {wrong:#?}", path.display());
        }
    }

    #[test]
    fn it_refuses_what_the_reader_refuses_in_shape() {
        let validator = crate::language::compile_schema(&schema()).unwrap();
        for (steps, why) in [
            ("a: { do: POST x /y, tiemout: 5s }", "an unknown key"),
            ("a: { do: POST x /y, sleep: 5s }", "two kinds"),
            ("a: { wait: b }", "a wait without for"),
            ("a: { set: 1, timeout: 5s }", "a key of another kind"),
            ("a: { do: POST x /y, reply: later }", "a reply without for"),
            (
                "a: { do: POST x /y, for: 1h, pending_when: x }",
                "nothing to ask",
            ),
            ("a: { do: FETCH x /y }", "an unknown method"),
            (
                "a: { do: POST x /y, undo: { body: 1 } }",
                "an undo without do",
            ),
            ("a: { do: POST x /y, topic: a }", "a key that is not built"),
        ] {
            let tree = tree(&format!(
                "{{ saga: s, version: 1, steps: [ {{ {steps} }} ] }}"
            ));
            assert!(!validator.is_valid(&tree), "{why}: {steps}");
        }
    }

    #[test]
    fn it_has_the_keys_of_the_table_and_no_others() {
        let schema = schema();
        let places = [
            (Within::Document, "/properties"),
            (Within::Step, "/$defs/step/properties"),
            (Within::Check, "/$defs/check/properties"),
            (Within::Undo, "/$defs/undo/properties"),
            (Within::Confirm, "/$defs/confirm/properties"),
            (Within::OnEnd, "/$defs/on_end/properties"),
            (Within::Retry, "/$defs/retry/properties"),
        ];
        for (within, pointer) in places {
            let there: BTreeSet<&str> = schema
                .pointer(pointer)
                .unwrap()
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            let table: BTreeSet<&str> = keys::of(within)
                .filter(|key| key.shape.is_some())
                .map(|key| key.name)
                .collect();
            assert_eq!(there, table, "{within:?}");
        }
    }

    /// Every key of a tree, wherever it stands.
    fn all_keys(tree: &Json, found: &mut BTreeSet<String>) {
        match tree {
            Json::Object(members) => {
                for (key, value) in members {
                    found.insert(key.clone());
                    all_keys(value, found);
                }
            }
            Json::Array(items) => items.iter().for_each(|item| all_keys(item, found)),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
    }

    #[test]
    fn some_sample_shows_every_key() {
        let mut shown = BTreeSet::new();
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
        for entry in fs::read_dir(samples).unwrap() {
            let source = fs::read_to_string(entry.unwrap().path()).unwrap();
            all_keys(&tree(&source), &mut shown);
        }
        for key in KEYS.iter().filter(|key| key.shape.is_some()) {
            assert!(shown.contains(key.name), "{}", key.name);
        }
    }

    #[test]
    fn no_key_stands_twice_in_the_table_and_every_built_one_is_described() {
        let mut seen = BTreeSet::new();
        for key in KEYS {
            assert!(seen.insert((key.within.noun(), key.name)), "{}", key.name);
            assert_eq!(key.about.is_empty(), key.shape.is_none(), "{}", key.name);
        }
    }
}
