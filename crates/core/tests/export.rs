//! The samples in other notations, as kept beside this file; every exported workflow keeps to
//! the schema of its language.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

use banyan_core::export::{mermaid, ows};
use banyan_core::language::{Surroundings, check};
use banyan_core::{Definition, Json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The schema of the other language.
static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = std::fs::read_to_string(here().join("workflow-1.0.3.json")).unwrap();
    let schema: Json = serde_json::from_str(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
});

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export")
}

fn definition(source: &str) -> Definition {
    let checked = check(source, &Surroundings::default());
    let problems = checked.diagnostics;
    checked
        .definition
        .unwrap_or_else(|| panic!("{problems:#?}\n{source}"))
}

/// The samples by name, in order.
fn samples() -> Vec<(String, Definition)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
    let mut samples: Vec<(String, Definition)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap();
            let name = file.strip_suffix(".saga.yaml").unwrap().to_owned();
            (name, definition(&std::fs::read_to_string(&path).unwrap()))
        })
        .collect();
    samples.sort_by(|one, other| one.0.cmp(&other.0));
    samples
}

fn kept(name: &str, given: &str) {
    expect_test::expect_file![here().join(name)].assert_eq(given);
}

/// The document as its readers read it, and what the language's schema has against it.
fn complaints(document: &str) -> (Json, Vec<String>) {
    let read: Json = serde_saphyr::from_str(document).unwrap();
    let wrong = SCHEMA
        .iter_errors(&read)
        .map(|error| format!("{}: {error:.300}", error.instance_path()))
        .collect();
    (read, wrong)
}

/// Every jq text of a document.
fn expressions(value: &Json, found: &mut Vec<String>) {
    match value {
        Json::String(text) => {
            let inner = text
                .strip_prefix("${ ")
                .and_then(|text| text.strip_suffix(" }"));
            found.extend(inner.map(str::to_owned));
        }
        Json::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        Json::Object(members) => members.values().for_each(|value| expressions(value, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// The variables of a document's loops.
fn loops(value: &Json, found: &mut Vec<String>) {
    match value {
        Json::Object(members) => {
            for name in ["each", "at"] {
                let variable = members.get("for").and_then(|named| named[name].as_str());
                found.extend(variable.map(|name| format!("${name}")));
            }
            members.values().for_each(|value| loops(value, found));
        }
        Json::Array(items) => items.iter().for_each(|item| loops(item, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

#[test]
fn each_sample_is_drawn_as_it_was() {
    for (name, definition) in samples() {
        kept(&format!("{name}.mmd"), &mermaid(&definition));
    }
}

#[test]
fn each_sample_is_written_as_a_workflow_as_it_was() {
    for (name, definition) in samples() {
        kept(&format!("{name}.ows.yaml"), &ows(&definition).document);
    }
}

#[test]
fn every_exported_workflow_keeps_to_the_schema_of_its_language() {
    for (name, definition) in samples() {
        let (_, wrong) = complaints(&ows(&definition).document);
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
    }
    let broken = ows(&samples()[0].1)
        .document
        .replace("call: http", "call: 7");
    assert!(
        !complaints(&broken).1.is_empty(),
        "the schema is not looked at"
    );
}

#[test]
fn generated_sagas_keep_to_it_too_and_their_expressions_are_jq() {
    use jaq_core::load::{Arena, File, Loader};
    let arguments = "$context $workflow $input $error".split(' ');
    let mut seen = BTreeSet::new();
    let generated = (0..40).map(banyan_core::testkit::generate);
    let definitions = generated
        .map(|source| definition(&source))
        .chain(samples().into_iter().map(|(_, definition)| definition));
    for definition in definitions {
        let (read, wrong) = complaints(&ows(&definition).document);
        assert!(wrong.is_empty(), "{}: {wrong:#?}", definition.name);
        let (mut found, mut known) = (Vec::new(), arguments.clone().map(str::to_owned).collect());
        expressions(&read, &mut found);
        loops(&read, &mut known);
        for text in found {
            if !seen.insert(text.clone()) {
                continue;
            }
            let arena = Arena::default();
            let defs = jaq_core::defs()
                .chain(jaq_std::defs())
                .chain(jaq_json::defs());
            let loader = Loader::new(defs);
            let file = File {
                code: text.as_str(),
                path: (),
            };
            let modules = loader
                .load(&arena, file)
                .unwrap_or_else(|error| panic!("{text}: {error:?}"));
            let funs = jaq_core::funs()
                .chain(jaq_std::funs())
                .chain(jaq_json::funs::<jaq_core::data::JustLut<jaq_json::Val>>());
            let compiled = jaq_core::Compiler::default()
                .with_funs(funs)
                .with_global_vars(known.iter().map(String::as_str))
                .compile(modules);
            assert!(compiled.is_ok(), "{text}");
        }
    }
    assert!(
        seen.len() > 300,
        "only {} expressions were found",
        seen.len()
    );
}

#[test]
fn what_is_lost_is_said_at_the_head_and_names_the_steps() {
    let (_, order) = samples()
        .into_iter()
        .find(|(name, _)| name == "place_order")
        .unwrap();
    let exported = ows(&order);
    for line in &exported.lost {
        assert!(
            exported.document.contains(&format!("# - {line}\n")),
            "{line}"
        );
    }
    for word in [
        "idempotency keys: ",
        "deadline: ",
        "check: ",
        "pivot: ",
        "(`payment`)",
    ] {
        assert!(
            exported.lost.iter().any(|line| line.contains(word)),
            "{word}: {:#?}",
            exported.lost
        );
    }
}

#[test]
fn text_for_people_cannot_break_out_of_either() {
    let definition = definition(
        "saga: s\nversion: 1\ndescription: \"a\\n- b: # c\\n\\u2028d\"\nsteps:\n  - a:\n      when: $input.x == \"\\\"]; %%{init}%% <script>\"\n      refuse: \"${ evil } \\\" --> x\\nend\"\n",
    );
    let drawn = mermaid(&definition);
    for word in ["\"]", "%%", "<script", "-->"] {
        let labels: Vec<&str> = drawn.split('"').skip(1).step_by(2).collect();
        assert!(
            labels.iter().all(|label| !label.contains(word)),
            "{word}\n{drawn}"
        );
    }
    let (read, wrong) = complaints(&ows(&definition).document);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(read["document"]["summary"], "a\n- b: # c\n\u{2028}d");
    let detail = &read["do"][0]["a-when"]["do"][0]["a"]["raise"]["error"]["detail"];
    assert_eq!(detail, "${ \"${ evil } \\\" --> x\\nend\" }");
}
