//! I-1 to I-4: what was acknowledged is there, once, and nothing else.

use crate::torture::evidence::{Evidence, text};
use crate::torture::findings::Findings;
use crate::torture::history::{Start, is_rest};
use std::collections::HashSet;

pub(super) fn check(evidence: &Evidence, findings: &mut Findings) {
    for (key, start) in evidence
        .starts
        .iter()
        .filter(|(_, start)| start.is_accepted())
    {
        one_saga(key, start, evidence, findings);
        nothing_taken_back(key, start, evidence, findings);
    }
    let mut keys = HashSet::new();
    for (id, key) in &evidence.listed {
        findings.look("I-1", keys.insert(key), || {
            format!("the key {key} has a second saga, {id}")
        });
        let sent = evidence.starts.get(key).is_some_and(|start| start.sent > 0);
        findings.look("I-2", sent, || {
            format!("saga {id} with key {key} was never started")
        });
    }
    for refusal in &evidence.refusals {
        let held = refusal.expected.contains(&refusal.answered.as_str());
        findings.look("I-3", held, || {
            format!("{} was answered {}", refusal.what, refusal.answered)
        });
    }
}

/// I-1, I-3: every answer names the same saga, and it is there under id and key.
fn one_saga(key: &str, start: &Start, evidence: &Evidence, findings: &mut Findings) {
    let ids: HashSet<&str> = start.told.iter().map(|told| told.id.as_str()).collect();
    let by_key = evidence.by_key.get(key).and_then(Option::as_deref);
    let there = ids
        .iter()
        .all(|id| evidence.sagas.contains_key(*id) && by_key == Some(*id));
    findings.look("I-1", there, || {
        format!("{key} was accepted as {ids:?}; the server has {by_key:?}")
    });
    if start.told.iter().any(|told| told.replayed) {
        findings.look("I-3", ids.len() == 1, || {
            format!("{key} was answered with {ids:?}")
        });
    }
}

/// I-4: what a client was told once is true in every later life.
fn nothing_taken_back(key: &str, start: &Start, evidence: &Evidence, findings: &mut Findings) {
    for told in &start.told {
        let Some(seen) = evidence.sagas.get(&told.id) else {
            continue; // I-1 has found it.
        };
        let status = text(&seen.saga, "status");
        let seq = seen
            .saga
            .get("seq")
            .and_then(serde_json::Value::as_u64)
            .unwrap_or_default();
        let kept = seq >= told.seq && (!is_rest(&told.status) || told.status == status);
        findings.look("I-4", kept, || {
            let (was, at, life) = (&told.status, told.seq, told.life);
            format!("{key} was told {was} at record {at} in life {life}; it is {status} at {seq}")
        });
    }
}
