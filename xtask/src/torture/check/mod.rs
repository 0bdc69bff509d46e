//! The outside checker: it reads the sagas as HTTP shows them, the ledgers and the clients' log,
//! and nothing else. The numbers are those of the guarantees.

mod calls;
mod outcomes;
mod records;
mod starts;
#[cfg(test)]
mod tests;

use super::evidence::{Evidence, Seen, array, text};
use super::findings::Findings;
use super::ledger::{Call, Event, Leg};
use super::plans::{self, Plan};
use serde_json::Value;
use std::collections::HashMap;

/// Checks everything.
pub(crate) fn check(evidence: &Evidence) -> Findings {
    let mut findings = Findings::default();
    starts::check(evidence, &mut findings);
    let mut events: HashMap<&str, Vec<(usize, &Event)>> = HashMap::new();
    for (order, event) in evidence.events.iter().enumerate() {
        events
            .entry(event.call().saga.as_str())
            .or_default()
            .push((order, event));
    }
    for (id, seen) in &evidence.sagas {
        let Some(plan) = plans::plan(&text(&seen.saga, "definition")) else {
            continue; // I-2 has found it.
        };
        let story = Story {
            id,
            seen,
            plan,
            steps: steps(&seen.saga),
            events: events.remove(id.as_str()).unwrap_or_default(),
        };
        records::check(&story, &mut findings);
        calls::check(&story, &mut findings);
        outcomes::check(&story, &mut findings);
    }
    records::check_reasons(evidence, &mut findings);
    // What is left was called by no saga that there is.
    for id in events.keys() {
        findings.look("I-2", false, || {
            format!("services were called by {id}, and no such saga is there")
        });
    }
    findings
}

/// One saga with all that is known of it.
struct Story<'a> {
    id: &'a str,
    seen: &'a Seen,
    plan: &'static Plan,
    /// Its steps by path, groups opened.
    steps: HashMap<String, &'a Value>,
    /// What its services saw, in order.
    events: Vec<(usize, &'a Event)>,
}

impl Story<'_> {
    fn status(&self) -> String {
        text(&self.seen.saga, "status")
    }

    /// What the API says of a step's do.
    fn outcome(&self, path: &str) -> String {
        self.steps
            .get(path)
            .map(|step| text(step, "outcome"))
            .unwrap_or_default()
    }

    /// Arrivals of one leg of a step, in order.
    fn arrivals(&self, path: &str, leg: Leg) -> impl Iterator<Item = (usize, &Call)> {
        self.events
            .iter()
            .filter_map(move |(order, event)| match event {
                Event::Arrived(call) if call.step == path && call.leg == leg => {
                    Some((*order, call))
                }
                _ => None,
            })
    }

    /// How many effects of a step's do there were, and how many were taken back.
    fn effects(&self, path: &str) -> (usize, usize) {
        let mut counts = (0, 0);
        for (_, event) in &self.events {
            match event {
                Event::Effect(call) if call.step == path => counts.0 += 1,
                Event::Undone(call) if call.step == path => counts.1 += 1,
                _ => {}
            }
        }
        counts
    }
}

fn steps(saga: &Value) -> HashMap<String, &Value> {
    let mut found = HashMap::new();
    let mut open: Vec<&Value> = array(saga, "steps").iter().collect();
    while let Some(step) = open.pop() {
        open.extend(array(step, "steps"));
        found.insert(text(step, "path"), step);
    }
    found
}
