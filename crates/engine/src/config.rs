//! Every bound of the engine, in one place, each with its reason.

use banyan_core::Json;
use banyan_core::id::Id;
use banyan_core::limits;
use banyan_core::saga::Status;
use banyan_core::time::Duration;
use std::fmt;
use std::sync::Arc;

/// Definition versions that may be registered: each is kept in memory, source included.
pub(crate) const DEFINITIONS: usize = 10_000;
/// Services that may be registered.
pub(crate) const SERVICES: usize = 10_000;

/// How long a saga is kept after its end when nobody says otherwise.
pub const KEEP: Duration = Duration::from_secs(30 * DAY);
/// How long a start key is kept after its saga's end when nobody says otherwise.
pub const KEY_RETENTION: Duration = Duration::from_secs(400 * DAY);
/// How long the audit and operations that are over are kept when nobody says otherwise: longer
/// than a year, at whose end auditors look back on it, and as long as start keys.
pub const KEEP_AUDIT: Duration = Duration::from_secs(400 * DAY);
const DAY: u64 = 24 * 60 * 60;

/// How long sagas are kept after their end, by how they ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Completed ones.
    pub completed: Duration,
    /// Compensated ones.
    pub compensated: Duration,
    /// Abandoned ones.
    pub abandoned: Duration,
}

impl Keep {
    /// The same for all.
    pub const fn all(keep: Duration) -> Keep {
        Keep {
            completed: keep,
            compensated: keep,
            abandoned: keep,
        }
    }

    /// How long a saga of this status is kept. One that is open is kept for ever.
    pub(crate) const fn of(self, status: Status) -> Duration {
        match status {
            Status::Completed => self.completed,
            Status::Compensated => self.compensated,
            Status::Abandoned => self.abandoned,
            Status::Running | Status::Compensating | Status::Stuck => {
                Duration::from_millis(u64::MAX)
            }
        }
    }

    /// The shortest of them.
    pub(crate) fn shortest(self) -> Duration {
        self.completed.min(self.compensated).min(self.abandoned)
    }
}

impl Default for Keep {
    fn default() -> Keep {
        Keep::all(KEEP)
    }
}

/// What an engine may use. [`Config::default`] suits one server on a small machine.
#[derive(Clone)]
pub struct Config {
    /// Shards; the same for the life of a store, since ids carry theirs.
    pub shards: u16,
    /// Shells, each of which drives an equal share of the shards. A batch costs a turn of a
    /// task, a message to the writer and one back, whatever is in it: many shells would cut
    /// what waits into batches of one. A single one would compute nothing while it commits.
    pub shells: u16,
    /// Messages that wait in one shell's inbox. Beyond it a start is refused, and answers of
    /// services wait at the door.
    pub inbox: usize,
    /// Messages that one shell handles in one batch: bounds how long a batch computes before
    /// it commits.
    pub batch: usize,
    /// Shards' batches that wait for the writer.
    pub writer_queue: usize,
    /// Changes in one commit of the store: a commit of thousands makes the first of them wait
    /// for the last.
    pub commit_changes: usize,
    /// Active sagas (running ones with a call or a near timer) held in memory, over all shards.
    /// Beyond it a start is refused.
    pub active_sagas: usize,
    /// Idle sagas kept in memory for their next input, over all shards.
    pub cached_sagas: usize,
    /// Calls in flight, over all services.
    pub calls_in_flight: usize,
    /// How far ahead wakes are read from the store and held in memory.
    pub horizon: std::time::Duration,
    /// Wakes, parked or interrupted sagas read from the store at once.
    pub page: usize,
    /// Reads of the store at the same time.
    pub readers: usize,
    /// Changes kept for those who listen: some seconds of a busy server, at 64 bytes each. Who
    /// reads more slowly is told that it missed some.
    pub feed: usize,
    /// Listeners at a time: each reads what it is told from the store, and holds a connection.
    pub listeners: usize,
    /// For how long a leg that must run may be parked before its saga is stuck.
    pub park_limit: Duration,
    /// An open saga that made no progress for so much longer than its own timers explain is
    /// reported as stalled.
    pub stalled_after: std::time::Duration,
    /// When an undo of an unknown do looks again, unless its file says otherwise; none means
    /// one minute.
    pub look_again: Option<Duration>,
    /// How long sagas are kept after their end, where their definition does not say.
    pub keep: Keep,
    /// How long a start key is kept after its saga's end; at least as long as the saga itself.
    pub key_retention: Duration,
    /// How long a row of the audit is kept, and an operation after it is over.
    pub keep_audit: Duration,
    /// From the begin of a pass that removes what is past its keeping to that of the next.
    pub purge_every: std::time::Duration,
    /// Services as somebody describes them outside the store, with their settings: stored
    /// before anything is resumed, so that no call goes by what they were before.
    pub services: Vec<(String, Json)>,
    /// Called when the engine cannot go on: the fate of a commit is unknown, or another node
    /// took over. It must end the process; the engine accepts nothing from then on.
    pub on_fatal: Arc<dyn Fn(&str) + Send + Sync>,
}

/// Longer than a restart, a failover or a batch of timers due at once takes; shorter than
/// anybody waits before asking.
pub(crate) const STALLED_AFTER: std::time::Duration = std::time::Duration::from_secs(5 * 60);

impl Default for Config {
    fn default() -> Config {
        Config {
            shards: 64,
            shells: 4,
            inbox: 8_192,
            batch: 256,
            writer_queue: 128,
            commit_changes: 1_024,
            active_sagas: 10_000,
            cached_sagas: 1_024,
            calls_in_flight: 4_096,
            horizon: std::time::Duration::from_secs(5),
            page: 256,
            readers: 4,
            feed: 16_384,
            listeners: 64,
            park_limit: Duration::from_millis(limits::PARK_LIMIT_MS),
            stalled_after: STALLED_AFTER,
            look_again: None,
            keep: Keep::default(),
            key_retention: KEY_RETENTION,
            keep_audit: KEEP_AUDIT,
            purge_every: std::time::Duration::from_secs(10 * 60),
            services: Vec::new(),
            on_fatal: Arc::new(|_| std::process::abort()),
        }
    }
}

impl Config {
    /// How many shells there are: never more than shards.
    pub(crate) fn shells(&self) -> u16 {
        self.shells.clamp(1, self.shards.max(1))
    }

    /// Which shell drives the shard of this saga.
    pub(crate) fn shell_of(&self, id: Id) -> u16 {
        id.shard(self.shards.max(1)) % self.shells()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("shards", &self.shards)
            .field("shells", &self.shells)
            .field("inbox", &self.inbox)
            .field("active_sagas", &self.active_sagas)
            .field("calls_in_flight", &self.calls_in_flight)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_share_the_shards_and_there_are_never_more_of_them() {
        for (shards, shells, each) in [(64, 4, 16), (64, 1, 64), (4, 4, 1), (2, 4, 1), (1, 4, 1)] {
            let config = Config {
                shards,
                shells,
                ..Config::default()
            };
            let mut shared = vec![0; usize::from(config.shells())];
            for spread in 0..shards {
                let id = Id::new(1, 7, spread);
                shared[usize::from(config.shell_of(id))] += 1;
            }
            let expected = vec![each; usize::from(shells.min(shards))];
            assert_eq!(shared, expected, "{shards} shards, {shells} shells");
        }
    }
}
