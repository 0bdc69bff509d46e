//! What a run did, in figures that can be compared and summed.

use banyan_core::saga::Verb;
use std::collections::BTreeMap;

/// Counts of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Sagas accepted.
    pub sagas: u64,
    /// Deaths of the process.
    pub crashes: u64,
    /// Steps of the run: deliveries, rounds, wakes, deaths.
    pub events: u64,
    /// How often each invariant was held against the run, by its number.
    pub checked: BTreeMap<u32, u64>,
    /// Faults by name.
    pub faults: BTreeMap<&'static str, u64>,
    /// What sagas did, by kind of step and key of the language.
    pub keys: BTreeMap<String, u64>,
    /// What became of each verb that somebody asked for.
    pub verbs: BTreeMap<String, u64>,
    /// Sagas by status at the end.
    pub ended: BTreeMap<&'static str, u64>,
}

impl Figures {
    /// Notes that an invariant was checked.
    pub(crate) fn held(&mut self, invariant: u32) {
        *self.checked.entry(invariant).or_default() += 1;
    }

    /// Notes a fault.
    pub(crate) fn fault(&mut self, name: &'static str) {
        *self.faults.entry(name).or_default() += 1;
    }

    /// Notes what became of a verb.
    pub(crate) fn verb(&mut self, verb: Verb, what: &str) {
        let name = format!("{} {what}", verb.as_str());
        *self.verbs.entry(name).or_default() += 1;
    }

    /// Notes that a key of the language was at work.
    pub(crate) fn key(&mut self, name: String) {
        *self.keys.entry(name).or_default() += 1;
    }

    /// Adds another run's counts.
    pub fn add(&mut self, other: &Figures) {
        self.sagas += other.sagas;
        self.crashes += other.crashes;
        self.events += other.events;
        for (key, count) in &other.checked {
            *self.checked.entry(*key).or_default() += count;
        }
        for (key, count) in &other.faults {
            *self.faults.entry(key).or_default() += count;
        }
        for (key, count) in &other.keys {
            *self.keys.entry(key.clone()).or_default() += count;
        }
        for (key, count) in &other.verbs {
            *self.verbs.entry(key.clone()).or_default() += count;
        }
        for (key, count) in &other.ended {
            *self.ended.entry(key).or_default() += count;
        }
    }
}

/// What a run gave: its figures, and the hash of its trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its counts.
    pub figures: Figures,
    /// The hash of everything that happened, in order. Equal for equal seeds (I-43).
    pub trace: u64,
}
