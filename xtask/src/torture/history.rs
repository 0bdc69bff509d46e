//! What the clients know: which starts they sent, and every answer that they were given.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a server said of a saga.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The saga's id.
    pub(crate) id: String,
    /// Its status.
    pub(crate) status: String,
    /// Its last record.
    pub(crate) seq: u64,
    /// Which life of the server said it.
    pub(crate) life: u32,
    /// The answer said that the key was known.
    pub(crate) replayed: bool,
}

/// One start.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// The definition.
    pub(crate) definition: &'static str,
    /// Times that it was sent.
    pub(crate) sent: u32,
    /// Every answer with success.
    pub(crate) told: Vec<Told>,
}

impl Start {
    /// Whether a server ever acknowledged it.
    pub(crate) fn is_accepted(&self) -> bool {
        !self.told.is_empty()
    }

    /// Whether a server ever said that its saga is at rest.
    pub(crate) fn is_rested(&self) -> bool {
        self.told.iter().any(|told| is_rest(&told.status))
    }
}

/// Completed, compensated or abandoned.
pub(crate) fn is_rest(status: &str) -> bool {
    ["completed", "compensated", "abandoned"].contains(&status)
}

#[derive(Default)]
struct Log {
    starts: HashMap<String, Start>,
    reasons: Vec<(String, Value)>,
    refusals: Vec<Refusal>,
    signals: u64,
}

/// A start that must be refused, and how it was answered.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// What was wrong with it.
    pub(crate) what: &'static str,
    /// The codes that it may be answered with.
    pub(crate) expected: &'static [&'static str],
    /// The code of the answer.
    pub(crate) answered: String,
}

/// The log of all clients, by start key.
#[derive(Default)]
pub(crate) struct History(Mutex<Log>);

impl History {
    fn log(&self) -> MutexGuard<'_, Log> {
        // A panic while holding it ends the run anyway; the log is only appended to.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new start, before it is sent for the first time.
    pub(crate) fn begin(&self, key: &str, definition: &'static str, number: u64) -> Value {
        let body = json!({ "definition": definition, "input": { "number": number } });
        let start = Start {
            definition,
            sent: 0,
            told: Vec::new(),
        };
        self.log().starts.insert(key.to_owned(), start);
        body
    }

    /// It is about to be sent.
    pub(crate) fn sending(&self, key: &str) {
        if let Some(start) = self.log().starts.get_mut(key) {
            start.sent += 1;
        }
    }

    /// An answer with success.
    pub(crate) fn told(&self, key: &str, told: Told) {
        if let Some(start) = self.log().starts.get_mut(key) {
            start.told.push(told);
        }
    }

    /// The status that the clients were told last.
    pub(crate) fn last_status(&self, key: &str) -> Option<String> {
        let log = self.log();
        log.starts
            .get(key)?
            .told
            .last()
            .map(|told| told.status.clone())
    }

    /// A reason as it was seen on a saga.
    pub(crate) fn saw_reason(&self, id: &str, reason: &Value) {
        self.log().reasons.push((id.to_owned(), reason.clone()));
    }

    /// A start that had to be refused was answered.
    pub(crate) fn refused(&self, refusal: Refusal) {
        self.log().refusals.push(refusal);
    }

    /// A signal was accepted.
    pub(crate) fn signalled(&self) {
        self.log().signals += 1;
    }

    /// Keys of sagas that are in flight as far as clients and services know: accepted or heard
    /// of, and not known to be at rest.
    pub(crate) fn in_flight(&self, heard: impl Fn(&str) -> bool) -> usize {
        let log = self.log();
        let open = log.starts.iter().filter(|(_, start)| !start.is_rested());
        open.filter(|(key, start)| start.is_accepted() || heard(key))
            .count()
    }

    /// Everything, to be checked.
    pub(crate) fn starts(&self) -> HashMap<String, Start> {
        self.log().starts.clone()
    }

    /// Every reason that was seen, by saga.
    pub(crate) fn reasons(&self) -> Vec<(String, Value)> {
        self.log().reasons.clone()
    }

    /// Every start that had to be refused.
    pub(crate) fn refusals(&self) -> Vec<Refusal> {
        self.log().refusals.clone()
    }
}
