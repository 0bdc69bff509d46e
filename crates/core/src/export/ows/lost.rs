//! What a document cannot carry: a sentence for each thing that this definition uses.

use crate::definition::{Definition, Do, Kind, OnUnknown, Sleep, Step, Undo};
use std::collections::BTreeMap;

/// The sentences, in the order of this file.
pub(super) fn of(definition: &Definition) -> Vec<String> {
    let mut found = Found::default();
    definition.each_step(&mut |step| found.step(step));
    let mut lost = vec![
        "durability: how a run survives a crash is up to the engine that reads this".to_owned(),
    ];
    if found.calls {
        lost.extend(calls());
    }
    if !definition.labels.is_empty() {
        lost.push("labels: there is no search by values of the input".to_owned());
    }
    if let Some(deadline) = definition.deadline {
        lost.push(format!(
            "deadline: a timeout of {deadline} on the workflow would fault it without its undos; it is left out"
        ));
    }
    if definition.lock.is_some() {
        lost.push("lock: runs with the same value go on side by side".to_owned());
    }
    if let Some(keep) = definition.keep {
        lost.push(format!(
            "keep: for how long a run is kept after its end ({keep}) is a setting of the engine"
        ));
    }
    if definition.on_end.is_some() {
        lost.push(
            "on_end: nothing there runs once whatever the end was, retried and without a say in it"
                .to_owned(),
        );
    }
    lost.extend(found.steps.into_iter().map(|(what, names)| {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        format!("{}: {} ({})", what.0, what.1, names.join(", "))
    }));
    lost
}

/// What every document with calls loses.
fn calls() -> Vec<String> {
    [
        "services: a name became the host of an address, `http://NAME`; instances, limits, breakers, credentials and pauses are left out",
        "idempotency keys: a header is made from the workflow's id, but nothing there keeps the bytes of a repeat the same, or stops a repeat once the service has forgotten the key",
        "unknown outcomes: what was not plainly refused is undone as if it had happened; a refusal that follows a lost answer counts as a refusal, nobody looks again later, and an effect that comes after its undo stays",
        "answers: misconfigured roads (401, 403, 404 without JSON) count as failures and are not parked",
        "undos that fail: the run faults; there is no stuck saga that a person can retry or settle",
        "retries: the factor and the longest pause are the engine's, and jitter does not grow",
        "numbers: jq computes in binary floating point, not in decimals",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// A thing, and why it is lost.
type What = (&'static str, &'static str);

const CHECK: What = ("check", "nobody asks what became of a lost answer");
const CONFIRM: What = (
    "confirm",
    "it is called once every step is over, but a failure of it is not held for a person",
);
const LEG_SAYS_NO: What = (
    "refused_when of an undo or a confirm",
    "only the status of its answer is read",
);
const REPLY: What = (
    "reply: later",
    "an answer that accepts the work counts as done; nothing waits for its outcome",
);
const POLLS: What = (
    "pending_when",
    "an answer that decides nothing counts as done; nobody asks again",
);
const ONCE: What = (
    "once",
    "it is sent one time only, even where nothing had left",
);
const STUCK: What = (
    "on_unknown: stuck",
    "an unknown outcome turns back at once instead of waiting for a person",
);
const PIVOT: What = (
    "pivot",
    "what follows is outside of every undo, but an unknown outcome of the pivot is undone and cancelling has no bounds",
);
const AFTER: What = (
    "undo after the pivot",
    "a completed transaction cannot be undone as a whole",
);
const MISSING_WHEN: What = ("missing_when", "only a 404 or 410 means not found");
const REPEATABLE: What = (
    "repeatable, look_again",
    "an undo is sent in one round only",
);
const SIGNAL: What = (
    "wait",
    "a signal is an event whose type is its name and whose subject is the workflow's id; one that came early may be missed",
);
const ACCEPTS: What = (
    "accepts",
    "the body of a signal is not checked before it is taken",
);
const EACH: What = (
    "each",
    "items are done one after another, and undone one after another",
);
const RUN: What = (
    "run",
    "a child that is completed cannot be undone, and one that runs is not told that its parent turned back",
);
const UNTIL: What = ("until", "a text is read as UTC to the second");

#[derive(Default)]
struct Found {
    calls: bool,
    steps: BTreeMap<What, Vec<String>>,
}

impl Found {
    fn add(&mut self, what: What, step: &Step) {
        self.steps.entry(what).or_default().push(step.name.clone());
    }

    fn step(&mut self, step: &Step) {
        if step.pivot {
            self.add(PIVOT, step);
        }
        if step.confirm.is_some() {
            self.add(CONFIRM, step);
        }
        let undo = match &step.undo {
            Undo::Call(undo) => Some(&undo.call),
            Undo::Absent | Undo::None | Undo::Child => None,
        };
        let mut legs = undo.into_iter().chain(step.confirm.as_deref());
        if legs.any(|call| call.refused_when.is_some()) {
            self.add(LEG_SAYS_NO, step);
        }
        let pending = || step.calls().filter_map(|call| call.pending.as_ref());
        if pending().any(|pending| pending.reply) {
            self.add(REPLY, step);
        }
        if pending().any(|pending| pending.when.is_some()) {
            self.add(POLLS, step);
        }
        match &step.undo {
            Undo::Call(undo) => {
                if step.after_pivot {
                    self.add(AFTER, step);
                }
                if undo.missing_when.is_some() {
                    self.add(MISSING_WHEN, step);
                }
                if undo.repeatable || undo.look_again.is_some() {
                    self.add(REPEATABLE, step);
                }
            }
            Undo::Child => self.add(RUN, step),
            Undo::Absent | Undo::None => {}
        }
        match &step.kind {
            Kind::Call(action) => self.call(step, action),
            Kind::Wait(wait) => {
                self.add(SIGNAL, step);
                if wait.accepts.is_some() {
                    self.add(ACCEPTS, step);
                }
            }
            Kind::Sleep(Sleep::Until(_)) => self.add(UNTIL, step),
            Kind::Sleep(Sleep::For(_))
            | Kind::Set(_)
            | Kind::Refuse(_)
            | Kind::Group(_)
            | Kind::Run(_) => {}
            Kind::Each(_) => self.add(EACH, step),
        }
    }

    fn call(&mut self, step: &Step, action: &Do) {
        self.calls = true;
        if action.check.is_some() {
            self.add(CHECK, step);
        }
        if action.once {
            self.add(ONCE, step);
        }
        if step.on_unknown == OnUnknown::Stuck && !step.after_pivot {
            self.add(STUCK, step);
        }
    }
}
