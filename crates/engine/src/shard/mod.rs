//! A shard, or several that are driven as one: a value that takes messages and gives changes to commit, and after their commit
//! gives the actions. No clock, no I/O, no randomness, no waiting: the engine's shells and the
//! simulator drive the same struct.
//!
//! The round: what [`Shard::missing`] names is loaded and [given](Shard::give), then
//! [`Shard::handle`], the commit of its changes, and [`Shard::committed`]. It guarantees that
//! no answer and no call leaves before the commit that it reports (I-4, I-13), that an attempt
//! is launched once per process, and that a saga loaded with attempts in flight is told of
//! their interruption before anything else (I-22).

pub(crate) mod audit;
mod cache;
mod commit;
mod mail;
mod message;
mod turn;
mod wakes;
mod watch;

pub use message::{
    Action, Answered, InputReply, Loaded, Mail, Message, NotTaken, Reply, StartReply, Tally,
    Watcher,
};

use crate::error::LookError;
use crate::feed::SagaNews;
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::{Plan, Plans, Saga, Services};
use banyan_store::{Change, Stored};
use cache::{Cache, Held};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use turn::Open;
use wakes::Wakes;
use watch::Watchers;

/// The bounds of one [`Shard`].
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Waiting sagas kept in memory.
    pub idle_sagas: usize,
    /// Near wakes kept in memory.
    pub near_wakes: usize,
    /// How far ahead a wake is near.
    pub near: Duration,
    /// Callers that wait for sagas.
    pub watchers: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            idle_sagas: 32,
            near_wakes: 8_192,
            near: Duration::from_secs(7),
            watchers: 1_024,
        }
    }
}

/// What a batch may know of its moment.
pub struct Moment<'a> {
    /// Now, by the store's clock.
    pub now: Timestamp,
    /// Random bits; those of each decision derive from them.
    pub random: u64,
    /// The services as they are now.
    pub services: &'a dyn Services,
}

/// A shard, or several that are driven as one.
#[derive(Debug)]
pub struct Shard {
    /// How many there are in all: a saga's row says in which it is.
    shards: u16,
    near: Duration,
    sagas: Cache,
    wakes: Wakes,
    watchers: Watchers,
    /// Those that were looked for and could not be loaded, for the batch to come.
    failed: HashMap<Id, LookError>,
    /// Those that were loaded for the batch to come.
    given: Vec<Id>,
    open: Option<Open>,
    tally: Tally,
    /// Somebody is told what changes.
    told: bool,
    /// What changed since it was taken, when somebody is told.
    changed: Vec<SagaNews>,
}

impl Shard {
    /// An empty one, of so many shards in all.
    pub fn new(shards: u16, bounds: Bounds) -> Shard {
        Shard {
            shards: shards.max(1),
            near: bounds.near,
            sagas: Cache::new(bounds.idle_sagas),
            wakes: Wakes::new(bounds.near_wakes),
            watchers: Watchers::new(bounds.watchers),
            failed: HashMap::new(),
            given: Vec::new(),
            open: None,
            tally: Tally::default(),
            told: false,
            changed: Vec::new(),
        }
    }

    /// The saga that must be loaded before this message is handled, if one must.
    pub fn missing(&self, message: &Message, now: Timestamp) -> Option<Id> {
        let id = match message {
            Message::Input { id, .. } | Message::Recover { id } | Message::Granted { id } => *id,
            Message::Mail(mail) => mail.message.to,
            Message::Wake { id, at } if *at <= now => *id,
            Message::Wake { .. }
            | Message::Start { .. }
            | Message::Get { .. }
            | Message::Watch { .. } => return None,
        };
        (!self.sagas.contains(id)).then_some(id)
    }

    /// Takes a saga that was loaded.
    pub fn give(&mut self, id: Id, loaded: Loaded) {
        match loaded {
            Loaded::Found { saga, wake_at } => {
                self.sagas.insert(id, Held::loaded(*saga, wake_at));
                self.given.push(id);
            }
            Loaded::Absent => {}
            Loaded::Failed(error) => {
                self.failed.insert(id, error);
            }
        }
    }

    /// Handles a batch. The changes are to be committed, and their results given to
    /// [`Shard::committed`], before the next batch; when there are none, at once.
    ///
    /// # Panics
    /// When the batch before was not committed.
    pub fn handle(&mut self, messages: Vec<Message>, moment: &Moment<'_>) -> Vec<Change> {
        assert!(self.open.is_none(), "I-4: a batch waits for its commit");
        let mut open = Open::new(moment.random);
        // Also those whose message was turned away meanwhile: they are in memory now.
        for place in 0..self.given.len() {
            self.resume(self.given[place], moment, &mut open);
        }
        for message in messages {
            self.take(message, moment, &mut open);
        }
        self.failed.clear();
        let changes = self.changes(&mut open, moment.now);
        self.open = Some(open);
        changes
    }

    /// The due ones of the near wakes, as messages. Without room for more sagas in memory those
    /// of sagas that are not there are let go: the store still has them.
    pub fn due(&mut self, now: Timestamp, limit: usize, room: bool) -> Vec<Message> {
        let mut due = Vec::new();
        while due.len() < limit {
            let Some((at, id)) = self.wakes.take(now) else {
                break;
            };
            let stale = match self.sagas.get_mut(id) {
                Some(held) if held.near == Some(at) => {
                    held.near = None;
                    false
                }
                Some(_) => true,
                None => !room,
            };
            if !stale {
                due.push(Message::Wake { id, at });
            }
        }
        due
    }

    /// The plan of a saga in memory.
    pub fn plan(&self, id: Id) -> Option<&Arc<Plan>> {
        self.sagas.get(id).map(|held| &held.saga.plan)
    }

    /// When the first of the near wakes is due.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.wakes.next()
    }

    /// Sagas in memory that have a call in flight or a near wake.
    pub fn active(&self) -> usize {
        self.sagas.active()
    }

    /// Sagas in memory.
    pub fn held(&self) -> usize {
        self.sagas.len()
    }

    /// What it did since this was asked last.
    pub fn tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }
}

/// Folds what was loaded.
pub fn fold(stored: &Stored, plans: impl Plans) -> Loaded {
    let id = stored.row.id;
    match Saga::fold(id, plans, &stored.journal) {
        Ok(saga) if saga.seq == stored.row.seq => Loaded::Found {
            saga: Box::new(saga),
            wake_at: stored.row.wake_at,
        },
        Ok(saga) => Loaded::Failed(LookError::Damaged {
            id,
            message: format!(
                "its journal ends at {}, its row says {}",
                saga.seq, stored.row.seq
            ),
        }),
        Err(error) => Loaded::Failed(LookError::fold(id, &error)),
    }
}
