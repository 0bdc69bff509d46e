//! What the generator promises, counted over a thousand seeds.

use super::{generate, generate_family, input, signal};
use crate::children::{Registered, Sagas};
use crate::definition::{Definition, Kind, Step};
use crate::json::Json;
use crate::language::keys::{self, StepKind, Within};
use crate::language::{Surroundings, check, tree};
use std::collections::{BTreeMap, BTreeSet};

const SEEDS: u64 = 1_000;

/// Every step of a list with its keys, groups before their parts, and how deep it stands.
fn steps<'t>(list: &'t Json, level: usize, visit: &mut dyn FnMut(&'t Json, usize)) {
    for item in list.as_array().unwrap() {
        let step = item.as_object().unwrap().values().next().unwrap();
        visit(step, level);
        for group in ["steps", "together"] {
            if let Some(parts) = step.get(group) {
                steps(parts, level + 1, visit);
            }
        }
    }
}

fn kind_of(step: &Json) -> StepKind {
    keys::of(Within::Step)
        .filter(|key| step.get(key.name).is_some())
        .find_map(|key| key.makes)
        .unwrap()
}

#[test]
fn every_generated_file_checks_without_an_error_and_the_same_seed_gives_the_same_file() {
    for seed in 0..SEEDS {
        let source = generate(seed);
        assert_eq!(source, generate(seed));
        let checked = check(&source, &Surroundings::default());
        let Some(definition) = checked.definition else {
            panic!("seed {seed}: {:#?}\n{source}", checked.diagnostics);
        };
        if let Some(schema) = &definition.input {
            assert!(
                crate::language::compile_schema(schema)
                    .unwrap()
                    .is_valid(&input())
            );
        }
        definition.each_step(&mut |step: &Step| {
            if let Kind::Wait(wait) = &step.kind
                && let Some(schema) = &wait.accepts
            {
                assert!(
                    crate::language::compile_schema(schema)
                        .unwrap()
                        .is_valid(&signal())
                );
            }
        });
    }
}

#[test]
fn every_file_of_a_family_checks_beside_its_children() {
    #[derive(Debug, Default)]
    struct Known(Vec<(String, Registered)>);
    impl Sagas for Known {
        fn saga(&self, name: &str, version: Option<u32>) -> Option<Registered> {
            let fits = |known: &&(String, Registered)| {
                known.0 == name && version.is_none_or(|version| version == known.1.version)
            };
            self.0.iter().find(fits).map(|known| known.1.clone())
        }
    }
    for seed in 0..SEEDS {
        let mut known = Known::default();
        for source in generate_family(seed) {
            let surroundings = Surroundings {
                sagas: Some(&known),
                ..Surroundings::default()
            };
            let checked = check(&source, &surroundings);
            let told = checked.diagnostics.iter().map(|problem| problem.code);
            let told: Vec<&str> = told.filter(|code| code.starts_with("child")).collect();
            assert!(told.is_empty(), "seed {seed}: {told:?}\n{source}");
            let Some(definition) = checked.definition else {
                panic!("seed {seed}: {:#?}\n{source}", checked.diagnostics);
            };
            let registered = Registered::of(&definition);
            known.0.push((definition.name, registered));
        }
    }
}

#[test]
fn a_generated_definition_is_the_same_stored_and_read_back_and_written_as_json() {
    for seed in 0..200 {
        let source = generate(seed);
        let made = check(&source, &Surroundings::default()).definition.unwrap();
        let stored = serde_json::to_string(&made).unwrap();
        let back: Definition = serde_json::from_str(&stored).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), stored, "{source}");
        let written = tree(&source).to_string();
        let again = check(&written, &Surroundings::default())
            .definition
            .unwrap();
        assert_eq!(again.hash, made.hash, "{source}");
    }
}

#[test]
fn every_pair_of_kind_and_key_comes_and_none_comes_seldom() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |within: Within, what: &str, map: &Json| {
        for key in map.as_object().into_iter().flat_map(|map| map.keys()) {
            *seen.entry(format!("{within:?} {what} {key}")).or_default() += 1;
        }
    };
    let alone = (0..SEEDS).map(generate);
    for source in alone.chain((0..SEEDS / 2).flat_map(generate_family)) {
        let file = tree(&source);
        count(Within::Document, "", &file);
        count(Within::OnEnd, "", &file["on_end"]);
        steps(&file["steps"], 0, &mut |step, _| {
            count(Within::Step, &format!("{:?}", kind_of(step)), step);
            count(Within::Retry, "", &step["retry"]);
            count(Within::Check, "", &step["check"]);
            count(Within::Undo, "", &step["undo"]);
            count(Within::Confirm, "", &step["confirm"]);
            count(Within::Retry, "", &step["undo"]["retry"]);
        });
    }
    for key in keys::KEYS.iter().filter(|key| key.shape.is_some()) {
        let kinds: Vec<String> = StepKind::ALL
            .into_iter()
            .filter(|kind| key.within == Within::Step && key.stands_on(*kind))
            .map(|kind| format!("{kind:?}"))
            .collect();
        let kinds = if kinds.is_empty() {
            vec![String::new()]
        } else {
            kinds
        };
        for kind in kinds {
            let pair = format!("{:?} {kind} {}", key.within, key.name);
            let times = seen.get(&pair).copied().unwrap_or(0);
            assert!(times >= 10, "{pair} came {times} times");
        }
    }
}

#[test]
fn every_two_keys_of_a_call_come_together() {
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        let file = tree(&generate(seed));
        steps(&file["steps"], 0, &mut |step, _| {
            let keys: Vec<&String> = step.as_object().unwrap().keys().collect();
            for one in &keys {
                for other in &keys {
                    seen.insert((one.as_str().to_owned(), other.as_str().to_owned()));
                }
            }
        });
    }
    let apart = [
        ("pivot", "when"),
        ("on_refused", "pivot"),
        ("pivot", "on_refused"),
        ("when", "pivot"),
        ("each", "pivot"),
        ("pivot", "each"),
        ("as", "pivot"),
        ("pivot", "as"),
        ("limit", "pivot"),
        ("pivot", "limit"),
    ];
    let names: Vec<&str> = keys::of(Within::Step)
        .filter(|key| key.shape.is_some() && key.stands_on(StepKind::Call))
        .map(|key| key.name)
        .collect();
    for one in &names {
        for other in &names {
            let pair = ((*one).to_owned(), (*other).to_owned());
            assert!(
                seen.contains(&pair) || apart.contains(&(*one, *other)),
                "{pair:?}"
            );
        }
    }
}

#[test]
fn the_median_file_has_six_steps_and_groups_nest_three_deep() {
    let mut sizes = Vec::new();
    let mut deepest = 0;
    let mut pivots = 0;
    for seed in 0..SEEDS {
        let file = tree(&generate(seed));
        let mut size = 0;
        steps(&file["steps"], 0, &mut |step, level| {
            size += 1;
            deepest = deepest.max(level);
            pivots += usize::from(step["pivot"] == Json::Bool(true));
        });
        sizes.push(size);
    }
    sizes.sort_unstable();
    assert_eq!(sizes[sizes.len() / 2], 6, "{sizes:?}");
    assert_eq!(deepest, 3);
    assert!((300..800).contains(&pivots), "{pivots}");
}

#[test]
fn every_changed_file_checks_and_most_changes_are_seen() {
    let mut differ = 0;
    for seed in 0..SEEDS {
        let source = generate(seed);
        let changed = super::change(&source, seed);
        let checked = check(&changed, &Surroundings::default());
        let Some(definition) = checked.definition else {
            panic!("seed {seed}: {:#?}\n{changed}", checked.diagnostics);
        };
        let first = check(&source, &Surroundings::default()).definition.unwrap();
        assert_eq!(definition.version, first.version + 1);
        differ += usize::from(definition.steps.len() != first.steps.len());
    }
    assert!(differ > 500, "{differ}");
}
