//! The sagas that a shard holds in memory.
//!
//! Active ones (a call in flight, or a timer that is near) are held as long as they are; of
//! the waiting ones only the few that were used last. What is not held is loaded when needed,
//! by the same fold.

use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::{Leg, Saga, Status};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A saga in memory.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) saga: Arc<Saga>,
    /// Its status as committed.
    pub(super) status: Option<Status>,
    /// Its wake as committed.
    pub(super) stored_wake: Option<Timestamp>,
    /// It was loaded with attempts in flight, whose calls nobody here made.
    pub(super) lost_calls: bool,
    /// The calls that were launched here and not answered yet.
    pub(super) calls: Vec<Launched>,
    /// The near wake that stands in memory for it.
    pub(super) near: Option<Timestamp>,
    /// Its place among those that the open batch touches.
    pub(super) touched: Option<usize>,
    active: bool,
    queued: bool,
}

/// A call that was launched.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Launched {
    pub(super) step: String,
    pub(super) leg: Leg,
    pub(super) attempt: u32,
}

impl Held {
    pub(super) fn new(saga: Saga) -> Held {
        Held {
            saga: Arc::new(saga),
            status: None,
            stored_wake: None,
            lost_calls: false,
            calls: Vec::new(),
            near: None,
            touched: None,
            active: false,
            queued: false,
        }
    }

    /// A saga as it was loaded.
    pub(super) fn loaded(saga: Saga, stored_wake: Option<Timestamp>) -> Held {
        let (status, lost_calls) = (Some(saga.status()), saga.in_flight());
        Held {
            status,
            stored_wake,
            lost_calls,
            ..Held::new(saga)
        }
    }
}

/// All sagas in memory, with their bounds.
#[derive(Debug)]
pub(super) struct Cache {
    sagas: HashMap<Id, Held>,
    /// Idle ones in the order in which they became idle; each at most once.
    queue: VecDeque<Id>,
    idle_limit: usize,
    active: usize,
}

impl Cache {
    pub(super) fn new(idle_limit: usize) -> Cache {
        Cache {
            sagas: HashMap::new(),
            queue: VecDeque::new(),
            idle_limit,
            active: 0,
        }
    }

    pub(super) fn contains(&self, id: Id) -> bool {
        self.sagas.contains_key(&id)
    }

    pub(super) fn get(&self, id: Id) -> Option<&Held> {
        self.sagas.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Held> {
        self.sagas.get_mut(&id)
    }

    pub(super) fn insert(&mut self, id: Id, held: Held) {
        let before = self.sagas.insert(id, held);
        debug_assert!(before.is_none(), "a saga is loaded once");
    }

    pub(super) fn remove(&mut self, id: Id) {
        if let Some(held) = self.sagas.remove(&id) {
            self.active -= usize::from(held.active);
            if held.queued {
                self.queue.retain(|queued| *queued != id);
            }
        }
    }

    /// Notes whether a saga is active, and lets the longest idle ones go.
    pub(super) fn settle(&mut self, id: Id, active: bool) {
        let Some(held) = self.sagas.get_mut(&id) else {
            return;
        };
        self.active += usize::from(active);
        self.active -= usize::from(held.active);
        held.active = active;
        if !active && !held.queued {
            held.queued = true;
            self.queue.push_back(id);
        }
        self.evict();
    }

    /// Settles a saga that was loaded, and that nothing touched since.
    pub(super) fn settle_new(&mut self, id: Id) {
        let untouched = |held: &Held| !held.active && !held.queued;
        if self.sagas.get(&id).is_some_and(untouched) {
            self.settle(id, false);
        }
    }

    fn evict(&mut self) {
        while self.queue.len() > self.idle_limit {
            let Some(id) = self.queue.pop_front() else {
                return;
            };
            let Some(held) = self.sagas.get_mut(&id) else {
                continue;
            };
            held.queued = false;
            let in_use = held.active || held.touched.is_some();
            if !in_use {
                self.sagas.remove(&id);
            }
        }
    }

    pub(super) fn active(&self) -> usize {
        self.active
    }

    pub(super) fn len(&self) -> usize {
        self.sagas.len()
    }
}
