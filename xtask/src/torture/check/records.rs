//! I-5, I-7, I-8, I-9: the journal, rest, and a reason to wake.

use super::Story;
use crate::torture::evidence::{Evidence, array, text};
use crate::torture::findings::Findings;
use crate::torture::history::is_rest;
use serde_json::Value;

pub(super) fn check(story: &Story<'_>, findings: &mut Findings) {
    journal_is_whole(story, findings);
    let status = story.status();
    let rests = story.seen.journal.iter().map(|entry| text(entry, "type"));
    let rests: Vec<String> = rests.filter(|kind| is_rest(kind)).collect();
    findings.look("I-7", rests == [status.clone()], || {
        format!("{} is {status}, its journal says {rests:?}", story.id)
    });
    let stuck = story
        .seen
        .saga
        .get("stuck")
        .filter(|stuck| !stuck.is_null());
    findings.look("I-8", is_rest(&status), || {
        let waits = array(&story.seen.saga, "waiting_on");
        format!(
            "{} is {status} after all faults are over: stuck {stuck:?}, waiting on {waits:?}",
            story.id
        )
    });
}

/// I-5: no gap, and folding it gives what the saga shows.
fn journal_is_whole(story: &Story<'_>, findings: &mut Findings) {
    let number = |entry: &Value| entry.get("seq").and_then(Value::as_u64);
    let gapless = story
        .seen
        .journal
        .iter()
        .zip(1..)
        .all(|(entry, seq)| number(entry) == Some(seq));
    let last = story.seen.journal.last().and_then(number);
    let same = last.is_some() && last == story.seen.saga.get("seq").and_then(Value::as_u64);
    findings.look("I-5", gapless && same, || {
        format!(
            "{}: the journal has a gap, or ends at {last:?} and not where the saga is",
            story.id
        )
    });
    for (path, step) in &story.steps {
        let begun = story.seen.journal.iter().filter(|entry| {
            text(entry, "type") == "attempt_started"
                && text(entry, "step") == *path
                && text(entry, "leg") == "do"
        });
        let told = step
            .get("attempts")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        let begun = begun.count();
        findings.look("I-5", usize::try_from(told) == Ok(begun), || {
            format!(
                "{} {path}: shows {told} attempts, the journal has {begun}",
                story.id
            )
        });
    }
}

/// I-7, I-9: a reason once seen stays; what was open had something to wait on.
pub(super) fn check_reasons(evidence: &Evidence, findings: &mut Findings) {
    for (id, reason) in &evidence.reasons {
        let Some(seen) = evidence.sagas.get(id) else {
            continue; // I-2 and I-1 speak of sagas that are not there.
        };
        let last = seen.saga.get("reason").unwrap_or(&Value::Null);
        findings.look("I-7", last == reason, || {
            format!("{id}: its reason was {reason}, it is {last}")
        });
    }
    let (looked, idle) = &evidence.open_seen;
    for _ in 0..looked.saturating_sub(u64::try_from(idle.len()).unwrap_or(u64::MAX)) {
        findings.look("I-9", true, String::new);
    }
    for id in idle {
        findings.look("I-9", false, || {
            format!("{id} was not at rest and waited on nothing")
        });
    }
}
