//! docs/reference/language.md, made from the table of keys and the samples beside it.
//!
//! The tests here fail when a key has no sample, when a sample is faulty or does not use its
//! key, and when the page is not what this gives (`UPDATE_EXPECT=1` writes it).

use super::keys::{self, Key, Shape, StepKind, Within};
use super::{Surroundings, check, tree};
use crate::json::Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

const SAMPLES: &str = include_str!("reference.samples");

const HEAD: &str = "# The saga language

YAML 1.2 (JSON is accepted too), in files named `*.saga.yaml`: one file, one definition. An unknown key is an error; every problem of a file is reported at once. `banyan check FILE` does that, and looks whether those of several files that run each other may, with `--against` among what a server has registered as well. `banyan schema` prints the JSON Schema for editors.

Names are `[a-z][a-z0-9_]*`, at most 64 characters, and a step's is unique in its file. Lengths of time are written `200ms`, `30s`, `5m`, `2h`, `3d`, or joined, largest first: `1h30m`. What stands in expressions has a page of its own: [expressions](expressions.md). What an answer means, and how a saga turns back: [outcomes](outcomes.md).

This page is made from the table of keys that the checker itself reads; every sample on it is checked by a test.
";

/// One sample, and what is said beside it.
struct Sample {
    within: Within,
    keys: Vec<&'static str>,
    defaults: Vec<(&'static str, &'static str)>,
    text: String,
}

/// Where a key stands, as the samples name it.
fn place(within: Within) -> &'static str {
    match within {
        Within::Document => "file",
        Within::Step => "step",
        Within::Check => "check",
        Within::Undo => "undo",
        Within::Confirm => "confirm",
        Within::OnEnd => "on_end",
        Within::Retry => "retry",
        Within::Wait => "wait",
    }
}

/// The heading of a place, and what is to know about all keys there.
fn heading(within: Within) -> (&'static str, &'static str) {
    match within {
        Within::Document => (
            "The file",
            "`saga`, `version` and `steps` are mandatory. What `secret` names is masked (`***`) wherever people look: the API, the journal, messages, logs, the command line. A text of four characters or more that holds such a value is masked wherever else it stands. What is made of a secret (`set`, `output`, a part of a text) is not followed: name its place too. Expressions and services get the values as they are.",
        ),
        Within::Step => (
            "Steps",
            "A step is a list item with one key, its name. Exactly one of the keys that make a kind stands on it, alone or with `each`; which others may stand beside it says the table.",
        ),
        Within::Check => (
            "A check in long form",
            "In short form a check is its `do` alone and sends no body. `$key` and `$body` (what the do sent) are in scope.",
        ),
        Within::Undo => (
            "An undo in long form",
            "In short form an undo is its `do` alone and sends no body. `$key`, `$body` and `$result` (null when the do's outcome is unknown) are in scope.",
        ),
        Within::Confirm => (
            "A confirm in long form",
            "In short form a confirm is its `do` alone and sends no body. `$key`, `$body` and `$result` are in scope. It is called once every step is over, and retried until it is done.",
        ),
        Within::OnEnd => (
            "An on_end in long form",
            "In short form it is its `do` alone and sends no body. `$input`, `$saga` with its `status`, `$key` and the results of all steps (null where there is none) are in scope. Each end of a saga has a key of its own: one that is opened again by a late effect tells of its next end too. What cannot be computed, is refused, or is over its attempts is noted at `on_end` and changes nothing.",
        ),
        Within::Retry => (
            "A retry",
            "`forever`, or a map. The pause before each attempt is drawn between nothing and a bound that grows.",
        ),
        Within::Wait => ("A wait in long form", "For events of a topic."),
    }
}

/// What may stand behind a key.
fn shape(shape: Shape) -> String {
    let words = match shape {
        Shape::LanguageVersion => "`1`",
        Shape::Name => "a name",
        Shape::Count => "a whole number from 1",
        Shape::Factor => "a number from 1",
        Shape::Words => "text",
        Shape::JsonSchema => "a JSON Schema",
        Shape::Labels => "names with expressions",
        Shape::Time => "a length of time",
        Shape::TimeOrNever => "a length of time, or `never`",
        Shape::Expression => "an expression",
        Shape::Template => "any value, with expressions in it",
        Shape::Secrets => "a list of paths",
        Shape::Steps => "a list of steps",
        Shape::Child => "a saga's name, with `@version` or without",
        Shape::Target => "`METHOD service path`",
        Shape::Texts => "names with texts, `{expression}` in them",
        Shape::UndoForm => "a call in short or long form, or `none`",
        Shape::CheckForm | Shape::ConfirmForm | Shape::EndForm => "a call in short or long form",
        Shape::RetryForm => "`forever`, or a map",
        Shape::Truth => "`true` or `false`",
        Shape::OneOf(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            return words.join(" or ");
        }
    };
    words.to_owned()
}

fn samples() -> Vec<Sample> {
    let sections = SAMPLES.split("\n=== ").skip(1);
    sections.map(sample).collect()
}

fn sample(section: &'static str) -> Sample {
    let (head, rest) = section.split_once('\n').unwrap();
    let (word, keys) = head.split_once(": ").unwrap();
    let within = Within::ALL
        .into_iter()
        .find(|within| place(*within) == word)
        .unwrap_or_else(|| panic!("{head}: there is no place {word:?}"));
    let default = |line: &'static str| line.strip_prefix("default ")?.split_once(": ");
    let text: Vec<&str> = rest
        .lines()
        .filter(|line| default(line).is_none())
        .collect();
    Sample {
        within,
        keys: keys.split(", ").collect(),
        defaults: rest.lines().filter_map(default).collect(),
        text: text.join("\n").trim().to_owned(),
    }
}

/// A sample as a whole file.
fn whole(sample: &Sample) -> String {
    let steps = sample.text.starts_with("- ");
    let mut file = String::new();
    for (key, line) in [("saga", "saga: sample\n"), ("version", "version: 1\n")] {
        if steps || !sample.keys.contains(&key) {
            file.push_str(line);
        }
    }
    if steps {
        file.push_str("steps:\n");
    } else if !sample.text.contains("steps:\n  - ") {
        file.push_str("steps: [{ nothing: { set: 1 } }]\n");
    }
    file + &sample.text + "\n"
}

/// Every key of a file with the place where it stands.
fn used(value: &Json, within: Within, found: &mut BTreeSet<(&'static str, String)>) {
    let Some(members) = value.as_object() else {
        return;
    };
    for (key, value) in members {
        found.insert((place(within), key.clone()));
        let inside = Within::ALL
            .into_iter()
            .find(|other| place(*other) == key)
            .filter(|other| within != Within::Document || *other == Within::OnEnd);
        match key.as_str() {
            "steps" | "together" => {
                let items = value.as_array().into_iter().flatten();
                let steps = items
                    .filter_map(Json::as_object)
                    .flat_map(|item| item.values());
                steps.for_each(|step| used(step, Within::Step, found));
            }
            _ => inside
                .into_iter()
                .for_each(|inside| used(value, inside, found)),
        }
    }
}

fn built(within: Within) -> Vec<&'static Key> {
    keys::of(within).filter(|key| key.shape.is_some()).collect()
}

fn page() -> String {
    let samples = samples();
    let mut page = HEAD.to_owned();
    for within in Within::ALL {
        let keys = built(within);
        if keys.is_empty() {
            continue;
        }
        let (title, about) = heading(within);
        let _ = write!(page, "\n## {title}\n\n{about}\n\n");
        table(&keys, &samples, &mut page);
        for sample in samples.iter().filter(|sample| sample.within == within) {
            let names: Vec<String> = sample.keys.iter().map(|key| format!("`{key}`")).collect();
            let names = names.join(", ");
            let _ = write!(page, "\n{names}\n\n```yaml\n{}\n```\n", sample.text);
        }
    }
    not_built(&mut page);
    page
}

fn table(keys: &[&Key], samples: &[Sample], page: &mut String) {
    let steps = keys.iter().any(|key| key.within == Within::Step);
    let (title, line) = if steps { (" on |", " --- |") } else { ("", "") };
    let _ = writeln!(page, "| key |{title} behind it | default | meaning |");
    let _ = writeln!(page, "| --- |{line} --- | --- | --- |");
    for key in keys {
        let Some(behind) = key.shape else { continue };
        let defaults = samples
            .iter()
            .filter(|sample| sample.within == key.within)
            .flat_map(|sample| &sample.defaults);
        let default = defaults.clone().find(|(name, _)| *name == key.name);
        let on = if steps {
            format!(" {} |", stands_on(key))
        } else {
            String::new()
        };
        let _ = writeln!(
            page,
            "| `{}` |{on} {} | {} | {} |",
            key.name,
            shape(behind),
            default.map_or("–", |(_, words)| words),
            key.about
        );
    }
}

fn stands_on(key: &Key) -> String {
    match key.makes {
        Some(kind) => format!("makes {}", kind.noun()),
        None if key.on.len() == StepKind::ALL.len() => "any step".to_owned(),
        None => {
            let kinds: Vec<&str> = key.on.iter().map(|kind| kind.noun()).collect();
            kinds.join(", ")
        }
    }
}

fn not_built(page: &mut String) {
    let mut later: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for key in keys::KEYS.iter().filter(|key| key.shape.is_none()) {
        later.entry(key.name).or_default().push(key.within.noun());
    }
    if later.is_empty() {
        return;
    }
    page.push_str("\n## Not built yet\n\nThese belong to the language, and this build does not have them: the checker says `not_supported_yet`.\n\n");
    for (name, places) in later {
        let _ = writeln!(page, "- `{name}` ({})", places.join(", "));
    }
}

#[test]
fn every_key_has_one_sample_and_each_sample_uses_its_keys() {
    let mut shown: BTreeSet<(&str, &str)> = BTreeSet::new();
    for sample in samples() {
        let place = place(sample.within);
        let file = whole(&sample);
        let checked = check(&file, &Surroundings::default());
        assert!(
            checked.diagnostics.is_empty(),
            "{place}: {:?}: {:#?}\n{file}",
            sample.keys,
            checked.diagnostics
        );
        let mut there = BTreeSet::new();
        used(&tree(&sample.text_in_file()), Within::Document, &mut there);
        for key in &sample.keys {
            assert!(shown.insert((place, key)), "{place}: {key} has two samples");
            assert!(
                there.contains(&(place, (*key).to_owned())),
                "{place}: the sample of {key} does not use it\n{file}"
            );
        }
        for (key, _) in &sample.defaults {
            assert!(sample.keys.contains(key), "{place}: a default for {key}");
        }
    }
    for within in Within::ALL {
        let place = place(within);
        for key in built(within) {
            assert!(
                shown.remove(&(place, key.name)),
                "the key `{}` has no sample: add one under `=== {place}: {}` to crates/core/src/language/reference.samples",
                key.name,
                key.name
            );
        }
    }
    assert!(
        shown.is_empty(),
        "samples of keys that are not built: {shown:?}"
    );
}

impl Sample {
    /// The text with nothing added but what makes steps of it.
    fn text_in_file(&self) -> String {
        if self.text.starts_with("- ") {
            format!("steps:\n{}\n", self.text)
        } else {
            format!("{}\n", self.text)
        }
    }
}

#[test]
fn the_page_is_what_the_table_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/language.md");
    expect_test::expect_file![file].assert_eq(&page());
}
