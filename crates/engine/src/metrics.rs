//! Figures for people and dashboards.

use crate::shard::Tally;
use banyan_core::Timestamp;
use banyan_core::saga::Meaning;
use banyan_store::Counts;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

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
    /// Microseconds that these commits took, together.
    pub commit_us: u64,
    /// Commits by how long they took: up to 5, 10, 25, 50, 100, 500 ms, and longer.
    pub commit_times: [u64; 7],
    /// Commits that the store refused for the moment.
    pub commits_unavailable: u64,
    /// Changes that found something else than they expected.
    pub conflicts: u64,
    /// Sagas removed past their keeping.
    pub purged: u64,
    /// Start keys of such sagas forgotten.
    pub keys_forgotten: u64,
    /// When sagas past their keeping were last looked for to the end; none when that was never.
    pub retention_run: Option<Timestamp>,
    /// Calls in flight now.
    pub calls_in_flight: u64,
    /// Active sagas in memory now.
    pub active_sagas: u64,
    /// Idle sagas in memory now.
    pub cached_sagas: u64,
    /// Sagas by status and parked ones by service, read from the store; empty when it cannot tell now.
    pub counts: Counts,
    /// For how many milliseconds the stuck saga that has been left alone for longest has been
    /// so; 0 when none is stuck.
    pub stuck_for_ms: u64,
    /// The state of each registered service.
    pub services: BTreeMap<String, ServiceFigures>,
    /// Sagas that stall, by kind; at most a thousand are counted.
    pub stalled: BTreeMap<&'static str, u64>,
    /// Looks for sagas that stall.
    pub stall_looks: u64,
}

/// How a service is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceFigures {
    /// A person paused it.
    pub paused: bool,
    /// Its roads that are misconfigured; the whole service counts as one.
    pub misconfigured: u64,
    /// Nothing answers there.
    pub down: bool,
}

/// The counters behind [`Metrics`], shared by all tasks.
#[derive(Default)]
pub(crate) struct Figures {
    totals: Mutex<Totals>,
    overloads: AtomicU64,
    replays: AtomicU64,
    commits: AtomicU64,
    changes: AtomicU64,
    unavailable: AtomicU64,
    batch_sizes: [AtomicU64; 6],
    commit_us: AtomicU64,
    commit_times: [AtomicU64; 7],
}

#[derive(Default)]
struct Totals {
    starts: u64,
    completed: u64,
    compensated: u64,
    stuck: u64,
    records: u64,
    conflicts: u64,
    purged: u64,
    keys_forgotten: u64,
    retention_run: Option<Timestamp>,
    attempts: [u64; Meaning::ALL.len()],
}

/// The upper bounds of [`Metrics::batch_sizes`], but for its last.
const BATCH_SIZES: [usize; 5] = [1, 4, 16, 64, 256];
/// The upper bounds of [`Metrics::commit_times`] in milliseconds, but for its last.
const COMMIT_TIMES: [u128; 6] = [5, 10, 25, 50, 100, 500];

impl Figures {
    /// Adds what a shard did.
    pub(crate) fn add(&self, tally: &Tally) {
        // Whole after every statement: a panic elsewhere leaves at worst a count too few.
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.starts += tally.starts;
        totals.completed += tally.completed;
        totals.compensated += tally.compensated;
        totals.stuck += tally.stuck;
        totals.records += tally.records;
        totals.conflicts += tally.conflicts;
        for (total, count) in totals.attempts.iter_mut().zip(tally.attempts) {
            *total += count;
        }
    }

    pub(crate) fn committed(&self, changes: usize, took: Duration) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.changes.fetch_add(changes as u64, Ordering::Relaxed);
        let place = BATCH_SIZES.iter().position(|bound| changes <= *bound);
        self.batch_sizes[place.unwrap_or(BATCH_SIZES.len())].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.commit_us.fetch_add(micros, Ordering::Relaxed);
        let place = COMMIT_TIMES
            .iter()
            .position(|bound| took.as_millis() < *bound);
        self.commit_times[place.unwrap_or(COMMIT_TIMES.len())].fetch_add(1, Ordering::Relaxed);
    }

    /// What a pass of retention did, and when it was begun if it came to its end.
    pub(crate) fn retention(&self, purged: u64, forgotten: u64, run: Option<Timestamp>) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.purged += purged;
        totals.keys_forgotten += forgotten;
        totals.retention_run = run.or(totals.retention_run);
    }

    pub(crate) fn unavailable(&self) {
        self.unavailable.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn overload(&self) {
        self.overloads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn replay(&self) {
        self.replays.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters as they are now; gauges are added by who knows them.
    pub(crate) fn read(&self) -> Metrics {
        let totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Metrics {
            starts: totals.starts,
            replays: of(&self.replays),
            overloads: of(&self.overloads),
            completed: totals.completed,
            compensated: totals.compensated,
            stuck: totals.stuck,
            attempts: Meaning::ALL.into_iter().zip(totals.attempts).collect(),
            records: totals.records,
            commits: of(&self.commits),
            changes: of(&self.changes),
            batch_sizes: self.batch_sizes.each_ref().map(of),
            commit_us: of(&self.commit_us),
            commit_times: self.commit_times.each_ref().map(of),
            commits_unavailable: of(&self.unavailable),
            conflicts: totals.conflicts,
            purged: totals.purged,
            keys_forgotten: totals.keys_forgotten,
            retention_run: totals.retention_run,
            ..Metrics::default()
        }
    }
}
