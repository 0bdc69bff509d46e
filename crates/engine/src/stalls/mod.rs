//! Sagas that stall: open ones that made no progress for longer than their own timers explain.
//! They are looked for all the time, so that they are reported before anybody asks: in the log
//! once for each, in the figures, in lists and in what the saga says it waits on.
//!
//! A round reads a few pages of indexes in which a healthy saga never stands for long; where
//! there is no such index (who holds a lock, who waits for a child) it walks on a little with
//! each round. What one round finds is reported only when a later one finds it still. It mends
//! nothing, and it does not report what waits for a person, for a time or for a road: that is
//! what sagas do.

mod find;

use crate::handle::Engine;
use crate::shared::Shared;
use banyan_core::Timestamp;
use banyan_core::id::Id;
use find::{Family, Finder};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// No more are held in memory and counted. So many have one cause, and the first show it.
const STALLS_MAX: usize = 1_000;
/// Rounds within the time after which a saga has stalled.
const ROUNDS: u32 = 10;
/// However short that time, a round is not made more often.
const ROUND_MIN: Duration = Duration::from_millis(100);
/// However long, it is made so often: a look costs a few reads of indexes.
const ROUND_MAX: Duration = Duration::from_secs(30);

/// A saga that stalls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    /// The saga.
    pub id: Id,
    /// In which way.
    pub kind: StallKind,
    /// Since when, as far as that is known.
    pub since: Timestamp,
    /// Why, in words.
    pub cause: String,
}

/// In which way a saga stalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StallKind {
    /// Its wake passed and nobody took it.
    Overdue,
    /// A call should have ended, and nobody waits for its answer.
    Unanswered,
    /// It is open and has no wake.
    NoWake,
    /// A message to it is not taken.
    Message,
    /// Its lock is held by a saga that is at rest or gone, or is its own and not taken.
    Lock,
    /// The child that it waits for is at rest or does not exist.
    Child,
    /// What is stored of it cannot be read.
    Damaged,
}

impl StallKind {
    /// All of them.
    pub const ALL: [StallKind; 7] = [
        StallKind::Overdue,
        StallKind::Unanswered,
        StallKind::NoWake,
        StallKind::Message,
        StallKind::Lock,
        StallKind::Child,
        StallKind::Damaged,
    ];

    /// The kind as written in figures and the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            StallKind::Overdue => "overdue",
            StallKind::Unanswered => "unanswered",
            StallKind::NoWake => "no_wake",
            StallKind::Message => "message",
            StallKind::Lock => "lock",
            StallKind::Child => "child",
            StallKind::Damaged => "damaged",
        }
    }

    /// What can be done about it.
    pub const fn help(self) -> &'static str {
        match self {
            StallKind::Damaged => "restore the data folder from a backup",
            StallKind::Overdue
            | StallKind::Unanswered
            | StallKind::NoWake
            | StallKind::Message
            | StallKind::Lock
            | StallKind::Child => "restart the server, which takes up everything that was left",
        }
    }

    /// Nothing but how long it is found tells how old it is.
    const fn is_young(self) -> bool {
        matches!(self, StallKind::Message | StallKind::Lock)
    }
}

/// What stalls, as the last round left it.
#[derive(Debug, Default)]
pub(crate) struct Stalls {
    known: Mutex<BTreeMap<Id, Stall>>,
    looks: AtomicU64,
}

impl Stalls {
    // One replacement or copy: whole after every statement.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Id, Stall>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often was looked.
    pub(crate) fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// How many stall, by kind; every kind is there.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts: BTreeMap<&'static str, u64> = StallKind::ALL
            .into_iter()
            .map(|kind| (kind.as_str(), 0))
            .collect();
        for stall in self.lock().values() {
            *counts.entry(stall.kind.as_str()).or_default() += 1;
        }
        counts
    }

    /// Their ids, the newest saga first.
    pub(crate) fn ids(&self) -> Vec<Id> {
        self.lock().keys().rev().copied().collect()
    }

    /// Takes what a round found; says in the log what is new and what is over, and answers what
    /// is new.
    fn replace(&self, found: BTreeMap<Id, Stall>) -> Vec<Stall> {
        let mut known = self.lock();
        let mut new = Vec::new();
        for stall in found.values() {
            let is_new = known
                .get(&stall.id)
                .is_none_or(|known| known.kind != stall.kind);
            if is_new {
                let (kind, since) = (stall.kind.as_str(), stall.since);
                tracing::warn!(saga = %stall.id, kind, %since, cause = stall.cause, "a saga stalls");
                new.push(stall.clone());
            }
        }
        for id in known.keys().filter(|id| !found.contains_key(id)) {
            tracing::info!(saga = %id, "a saga that stalled moves again");
        }
        *known = found;
        drop(known);
        self.looks.fetch_add(1, Ordering::Relaxed);
        new
    }
}

impl Engine {
    /// The sagas that stall, by id; the first thousand of them.
    pub fn stalled(&self) -> Vec<Stall> {
        self.shared().stalls.lock().values().cloned().collect()
    }

    /// Whether this saga stalls, and why.
    pub fn stall(&self, id: Id) -> Option<Stall> {
        self.shared().stalls.lock().get(&id).cloned()
    }
}

/// What makes it the same stall in two rounds.
type Key = (Id, StallKind, Option<Timestamp>);

/// A saga that got on meanwhile, and is late again, is not the same stall.
fn key(stall: &Stall) -> Key {
    let since = (!stall.kind.is_young()).then_some(stall.since);
    (stall.id, stall.kind, since)
}

/// Looks for stalls, round by round, until the engine ends.
pub(crate) async fn run(shared: Arc<Shared>) {
    let after = shared.config.stalled_after;
    let pause = (after / ROUNDS).clamp(ROUND_MIN, ROUND_MAX);
    let bound = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
    let mut finder = Finder::new(bound, shared.config.page);
    let mut seen: BTreeMap<Key, Timestamp> = BTreeMap::new();
    loop {
        shared.pause(pause).await;
        let parents = shared.catalogue.parents();
        let now = shared.now();
        let one = Arc::clone(&shared);
        let round = shared.read(move |reader| {
            let family = Family {
                parents: &parents,
                load: &|id| one.load_one(reader, id),
            };
            let found = finder.round(reader, now, &family);
            (finder, found)
        });
        let Ok((back, found)) = round.await else {
            return;
        };
        finder = back;
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "whether sagas stall cannot be told now");
                continue;
            }
        };
        seen = found
            .iter()
            .map(key)
            .map(|known| (known, seen.get(&known).copied().unwrap_or(now)))
            .collect();
        for stall in shared.stalls.replace(confirmed(found, &seen, now, bound)) {
            shared.feed.stalled(stall.id, stall.since, &stall.cause);
        }
    }
}

/// What was found before, and for as long as its kind asks.
fn confirmed(
    found: Vec<Stall>,
    seen: &BTreeMap<Key, Timestamp>,
    now: Timestamp,
    bound: i64,
) -> BTreeMap<Id, Stall> {
    let mut reported = BTreeMap::new();
    for mut stall in found {
        let first = seen.get(&key(&stall)).copied().unwrap_or(now);
        let old = if stall.kind.is_young() { bound } else { 1 };
        if now.0.saturating_sub(first.0) >= old && reported.len() < STALLS_MAX {
            stall.since = stall.since.min(first);
            reported.insert(stall.id, stall);
        }
    }
    reported
}
