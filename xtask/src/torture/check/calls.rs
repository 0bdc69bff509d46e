//! I-13 to I-18 and I-22: what the services were asked, in which order, under which keys.

use super::Story;
use crate::torture::evidence::text;
use crate::torture::findings::Findings;
use crate::torture::ledger::{Call, Event, Leg};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

pub(super) fn check(story: &Story<'_>, findings: &mut Findings) {
    intents(story, findings);
    keys_and_bytes(story, findings);
    for (before, after) in story.plan.order {
        forward_order(story, before, after, findings);
        undo_order(story, before, after, findings);
    }
    undone_what_may_have_happened(story, findings);
    answers(story, findings);
}

/// I-13: whatever reached a service stands in the journal as an attempt.
fn intents(story: &Story<'_>, findings: &mut Findings) {
    let known: HashSet<(String, String, u64, String)> = story
        .seen
        .attempts
        .iter()
        .map(|attempt| {
            let number = attempt
                .get("attempt")
                .and_then(Value::as_u64)
                .unwrap_or_default();
            (
                text(attempt, "step"),
                text(attempt, "leg"),
                number,
                text(attempt, "idempotency_key"),
            )
        })
        .collect();
    for (_, event) in &story.events {
        if let Event::Arrived(call) = event {
            let leg = call.leg.word().to_owned();
            let named = (call.step.clone(), leg, call.attempt, call.key.clone());
            findings.look("I-13", known.contains(&named), || {
                format!(
                    "{}: a service got {named:?}; no such attempt is in the journal",
                    story.id
                )
            });
        }
    }
}

/// I-14: one key for a do, rounds of it for its undo, and the same bytes under the same key.
fn keys_and_bytes(story: &Story<'_>, findings: &mut Findings) {
    let mut bytes: HashMap<(Leg, &str), [u8; 32]> = HashMap::new();
    let mut keys: HashMap<&str, &str> = HashMap::new();
    for (_, event) in &story.events {
        let Event::Arrived(call) = event else {
            continue;
        };
        let first = *bytes.entry((call.leg, &call.key)).or_insert(call.body_hash);
        findings.look("I-14", first == call.body_hash, || {
            format!(
                "{} {}: other bytes under the key {}",
                story.id, call.step, call.key
            )
        });
        let key = *keys.entry(&call.step).or_insert(&call.effect);
        findings.look("I-14", key == call.effect && is_round_of(call, key), || {
            let (step, leg) = (&call.step, call.leg.word());
            format!(
                "{} {step} {leg}: the key was {key}, then {}",
                story.id, call.key
            )
        });
    }
}

fn is_round_of(call: &Call, key: &str) -> bool {
    match call.leg {
        Leg::Do => call.key == key,
        // outcomes.md gives a check no key of its own.
        Leg::Check => call.key.starts_with(key),
        Leg::Undo => call.key.strip_prefix(key).is_some_and(|rest| {
            rest == "-undo"
                || rest
                    .strip_prefix("-undo-")
                    .is_some_and(|n| n.parse::<u32>().is_ok())
        }),
    }
}

/// I-15: a step starts only once what it depends on was answered as done.
fn forward_order(story: &Story<'_>, before: &str, after: &str, findings: &mut Findings) {
    let Some((began, _)) = story.arrivals(after, Leg::Do).next() else {
        return;
    };
    let done = story.events.iter().any(|(order, event)| match event {
        Event::AnsweredDone(call) => *order < began && call.step == before && call.leg != Leg::Undo,
        _ => false,
    });
    findings.look("I-15", done, || {
        format!("{}: {after} began before {before} was done", story.id)
    });
}

/// I-18: a step is undone only once everything that started because of it is.
fn undo_order(story: &Story<'_>, before: &str, after: &str, findings: &mut Findings) {
    let last = story.arrivals(after, Leg::Undo).last();
    let first = story.arrivals(before, Leg::Undo).next();
    if let (Some((last, _)), Some((first, _))) = (last, first) {
        findings.look("I-18", last < first, || {
            format!("{}: {before} was undone before {after} was", story.id)
        });
    }
}

/// I-17: an undo for what may have happened, all of it and nothing else.
fn undone_what_may_have_happened(story: &Story<'_>, findings: &mut Findings) {
    let compensated = story.status() == "compensated";
    for step in story.plan.steps {
        let outcome = story.outcome(step.path);
        let may = ["done", "unknown"].contains(&outcome.as_str());
        let asked = story.arrivals(step.path, Leg::Undo).next().is_some();
        if asked {
            findings.look("I-17", may, || {
                format!(
                    "{} {}: undone though its outcome is {outcome:?}",
                    story.id, step.path
                )
            });
        }
        if compensated && may && step.has_undo {
            let undo = story.steps.get(step.path).and_then(|step| step.get("undo"));
            let state = undo.map(|undo| text(undo, "state")).unwrap_or_default();
            // An undo that found nothing is at its end too, where there was nothing.
            let nothing = state == "nothing_to_undo" && story.effects(step.path).0 == 0;
            findings.look("I-17", asked && (state == "done" || nothing), || {
                format!(
                    "{} {}: {outcome}, and its undo is {state:?}",
                    story.id, step.path
                )
            });
        }
    }
}

/// I-16, I-22: a lost answer is no failure; a late one changes nothing.
fn answers(story: &Story<'_>, findings: &mut Findings) {
    for (_, event) in &story.events {
        match event {
            Event::AnswerLost(call) if call.leg == Leg::Do => {
                let happened = story.effects(&call.step).0 > 0;
                let outcome = story.outcome(&call.step);
                let told = ["done", "unknown"].contains(&outcome.as_str());
                findings.look("I-16", !happened || told, || {
                    format!(
                        "{} {}: it happened, its answer was lost, and it is {outcome:?}",
                        story.id, call.step
                    )
                });
            }
            // A check has the default timeout, which no answer here exceeds.
            Event::AnsweredLate(call) if call.leg != Leg::Check => {
                let meaning = attempt_outcome(story, call);
                let decided = ["done", "refused", "not_found"].contains(&meaning.as_str());
                findings.look("I-22", !decided, || {
                    format!(
                        "{} {} {}: attempt {} was over, and is {meaning:?}",
                        story.id,
                        call.step,
                        call.leg.word(),
                        call.attempt
                    )
                });
            }
            _ => {}
        }
    }
}

fn attempt_outcome(story: &Story<'_>, call: &Call) -> String {
    let found = story.seen.attempts.iter().find(|attempt| {
        text(attempt, "step") == call.step
            && text(attempt, "leg") == call.leg.word()
            && attempt.get("attempt").and_then(Value::as_u64) == Some(call.attempt)
    });
    found
        .map(|attempt| text(attempt, "outcome"))
        .unwrap_or_default()
}
