//! Figures for people and dashboards.

use banyan_core::saga::Meaning;
use banyan_store::Counts;
use std::collections::BTreeMap;

/// What the engine did since it was opened, and how it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// Starts accepted.
    pub starts: u64,
    /// Starts answered with the saga of an earlier one.
    pub replays: u64,
    /// Starts and signals refused because something was full.
    pub overloads: u64,
    /// Sagas that came to rest completed.
    pub completed: u64,
    /// Sagas that came to rest compensated.
    pub compensated: u64,
    /// Times a saga became stuck.
    pub stuck: u64,
    /// Attempts answered, by what the answer meant.
    pub attempts: BTreeMap<Meaning, u64>,
    /// Records written.
    pub records: u64,
    /// Commits of the store, each with one fsync.
    pub commits: u64,
    /// Changes in these commits.
    pub changes: u64,
    /// Commits by how many changes they held: up to 1, 4, 16, 64, 256, and more.
    pub batch_sizes: [u64; 6],
    /// Commits that the store refused for the moment.
    pub commits_unavailable: u64,
    /// Changes that found something else than they expected.
    pub conflicts: u64,
    /// Calls in flight now.
    pub calls_in_flight: u64,
    /// Active sagas in memory now.
    pub active_sagas: u64,
    /// Idle sagas in memory now.
    pub cached_sagas: u64,
    /// Sagas by status and parked ones by service, as last read from the store.
    pub counts: Counts,
}
