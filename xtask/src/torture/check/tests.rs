//! The checker over books kept by hand: a sound run is found sound, and each thing that could
//! be wrong with it is found under its number.

use super::check;
use crate::torture::evidence::{Evidence, Seen};
use crate::torture::history::{Refusal, Start, Told};
use crate::torture::ledger::{Call, Event, Leg};
use serde_json::{Value, json};
use std::collections::HashMap;

const DONE: &str = "saga-done";
const UNDONE: &str = "saga-undone";

fn call(saga: &str, step: &str, leg: Leg) -> Call {
    let effect = format!("{saga}-{step}");
    let key = if leg == Leg::Undo {
        format!("{effect}-undo")
    } else {
        effect.clone()
    };
    Call {
        saga: saga.into(),
        step: step.into(),
        leg,
        key,
        effect,
        attempt: 1,
        body_hash: [1; 32],
    }
}

/// A call that arrived, happened and was answered.
fn happened(saga: &str, step: &str, leg: Leg) -> Vec<Event> {
    let call = call(saga, step, leg);
    let effect = if leg == Leg::Undo {
        Event::Undone
    } else {
        Event::Effect
    };
    vec![
        Event::Arrived(call.clone()),
        effect(call.clone()),
        Event::AnsweredDone(call),
    ]
}

fn attempt(saga: &str, step: &str, leg: Leg, outcome: &str) -> Value {
    let key = call(saga, step, leg).key;
    json!({ "step": step, "leg": leg.word(), "attempt": 1, "idempotency_key": key, "outcome": outcome })
}

fn seen(status: &str, payment: &str, attempts: Vec<Value>) -> Seen {
    let undone = |outcome: &str| {
        let done = status == "compensated" && outcome == "done";
        json!({ "state": if done { "done" } else { "nothing_to_undo" } })
    };
    let step = |path: &str, outcome: &str| json!({ "path": path, "outcome": outcome, "attempts": 1, "undo": undone(outcome), "steps": [] });
    let began = |step: &str| json!({ "type": "attempt_started", "step": step, "leg": "do" });
    let mut journal = vec![
        json!({ "type": "started" }),
        began("order"),
        began("payment"),
    ];
    journal.push(json!({ "type": status }));
    for (entry, seq) in journal.iter_mut().zip(1..) {
        entry["seq"] = json!(seq);
    }
    let reason = if status == "compensated" {
        json!({ "code": "refused" })
    } else {
        Value::Null
    };
    let saga = json!({
        "definition": "approval", "status": status, "seq": 4, "reason": reason, "stuck": null,
        "waiting_on": [], "steps": [step("order", "done"), step("payment", payment)],
    });
    Seen {
        saga,
        journal,
        attempts,
    }
}

fn start(id: &str, status: &str) -> Start {
    let told = |status: &str, seq, replayed| {
        let (id, status) = (id.to_owned(), status.to_owned());
        Told {
            id,
            status,
            seq,
            life: 1,
            replayed,
        }
    };
    let told = vec![told("running", 1, false), told(status, 4, true)];
    Start {
        definition: "approval",
        sent: 2,
        told,
    }
}

/// One saga that was completed, one whose payment was refused.
fn sound() -> Evidence {
    let mut events = happened(DONE, "order", Leg::Do);
    events.extend(happened(DONE, "payment", Leg::Do));
    events.push(Event::AnswerLost(call(DONE, "payment", Leg::Do)));
    events.extend(happened(UNDONE, "order", Leg::Do));
    let refused = call(UNDONE, "payment", Leg::Do);
    events.extend([Event::Arrived(refused.clone()), Event::Refused(refused)]);
    events.extend(happened(UNDONE, "order", Leg::Undo));
    let done = ["order", "payment"]
        .map(|step| attempt(DONE, step, Leg::Do, "done"))
        .to_vec();
    let mut undone = vec![attempt(UNDONE, "order", Leg::Do, "done")];
    undone.push(attempt(UNDONE, "payment", Leg::Do, "refused"));
    undone.push(attempt(UNDONE, "order", Leg::Undo, "done"));
    let text = |text: &str| text.to_owned();
    Evidence {
        sagas: HashMap::from([
            (text(DONE), seen("completed", "done", done)),
            (text(UNDONE), seen("compensated", "refused", undone)),
        ]),
        listed: vec![(text(DONE), text("one")), (text(UNDONE), text("two"))],
        by_key: HashMap::from([
            (text("one"), Some(text(DONE))),
            (text("two"), Some(text(UNDONE))),
        ]),
        events,
        starts: HashMap::from([
            (text("one"), start(DONE, "completed")),
            (text("two"), start(UNDONE, "compensated")),
        ]),
        reasons: vec![(text(UNDONE), json!({ "code": "refused" }))],
        refusals: vec![Refusal {
            what: "x",
            expected: &["key_reused"],
            answered: text("key_reused"),
        }],
        open_seen: (5, Vec::new()),
    }
}

fn saga<'a>(evidence: &'a mut Evidence, id: &str) -> &'a mut Seen {
    evidence.sagas.get_mut(id).unwrap()
}

#[test]
fn a_sound_run_is_found_sound() {
    assert!(check(&sound()).broken().is_empty());
}

/// What is wrong, how to make it so, and where it must be found.
type Case = (&'static str, fn(&mut Evidence), &'static str);

const CASES: [Case; 20] = [
    (
        "an accepted saga is gone",
        |e| drop(e.by_key.insert("one".into(), None)),
        "I-1",
    ),
    (
        "a key has two sagas",
        |e| e.listed.push(("other".into(), "one".into())),
        "I-1",
    ),
    (
        "a saga nobody started",
        |e| e.listed.push(("other".into(), "three".into())),
        "I-2",
    ),
    (
        "a key taken for another body",
        |e| e.refusals[0].answered = String::new(),
        "I-3",
    ),
    (
        "a told rest is taken back",
        |e| saga(e, DONE).saga["status"] = json!("running"),
        "I-4",
    ),
    (
        "a record is missing",
        |e| drop(saga(e, DONE).journal.remove(1)),
        "I-5",
    ),
    (
        "an attempt is not in the journal",
        |e| saga(e, DONE).saga["steps"][0]["attempts"] = json!(2),
        "I-5",
    ),
    (
        "two ends",
        |e| saga(e, DONE).journal.push(json!({ "type": "compensated" })),
        "I-7",
    ),
    (
        "another reason",
        |e| saga(e, UNDONE).saga["reason"] = json!({ "code": "unknown" }),
        "I-7",
    ),
    (
        "never at rest",
        |e| saga(e, DONE).saga["status"] = json!("compensating"),
        "I-8",
    ),
    (
        "nothing to wake it",
        |e| e.open_seen.1.push("x".into()),
        "I-9",
    ),
    (
        "a completed saga undone",
        |e| e.events.extend(happened(DONE, "order", Leg::Undo)),
        "I-10",
    ),
    (
        "an undo without effect",
        |e| drop(e.events.remove(e.events.len() - 2)),
        "I-11",
    ),
    (
        "a call without an intent",
        |e| saga(e, DONE).attempts.clear(),
        "I-13",
    ),
    (
        "other bytes",
        |e| {
            let body_hash = [2; 32];
            e.events.push(Event::Arrived(Call {
                body_hash,
                ..call(DONE, "order", Leg::Do)
            }));
        },
        "I-14",
    ),
    (
        "another key",
        |e| {
            let (key, effect) = ("k".to_owned(), "k".to_owned());
            e.events.push(Event::Arrived(Call {
                key,
                effect,
                ..call(DONE, "order", Leg::Do)
            }));
        },
        "I-14",
    ),
    (
        "a step before its time",
        |e| e.events.rotate_left(3),
        "I-15",
    ),
    (
        "a lost answer taken for a no",
        |e| {
            saga(e, DONE).saga["steps"][1]["outcome"] = json!("refused");
        },
        "I-16",
    ),
    (
        "an undo of what was refused",
        |e| {
            e.events
                .push(Event::Arrived(call(UNDONE, "payment", Leg::Undo)));
        },
        "I-17",
    ),
    (
        "undone in the order of the start",
        |e| {
            e.events.extend(happened(UNDONE, "payment", Leg::Undo));
        },
        "I-18",
    ),
];

#[test]
fn whatever_is_wrong_is_found_under_its_number() {
    for (what, change, invariant) in CASES {
        let mut evidence = sound();
        change(&mut evidence);
        let broken = check(&evidence).broken();
        assert!(
            broken.contains(&invariant),
            "{what}: expected {invariant}, found {broken:?}"
        );
    }
}

#[test]
fn an_answer_that_came_too_late_decides_nothing() {
    let mut evidence = sound();
    evidence
        .events
        .push(Event::AnsweredLate(call(DONE, "payment", Leg::Do)));
    assert_eq!(check(&evidence).broken(), ["I-22"]);
}
