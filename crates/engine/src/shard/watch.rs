//! Callers that wait for sagas. They are not stored: who waits asks again after a restart.

use super::message::{Reply, Watcher};
use banyan_core::id::Id;
use banyan_core::saga::Saga;
use std::collections::HashMap;
use std::sync::Arc;

/// All who wait for sagas of one shard.
#[derive(Debug)]
pub(super) struct Watchers {
    by_saga: HashMap<Id, Vec<Watcher>>,
    count: usize,
    limit: usize,
    /// Those who have gone are looked for when there are so many.
    sweep_at: usize,
}

const SWEEP_FIRST: usize = 64;

impl Watchers {
    pub(super) fn new(limit: usize) -> Watchers {
        Watchers {
            by_saga: HashMap::new(),
            count: 0,
            limit,
            sweep_at: SWEEP_FIRST,
        }
    }

    /// Adds one. When there is no room, its reply is dropped, which its holder sees.
    pub(super) fn add(&mut self, id: Id, watcher: Watcher) {
        if self.count >= self.sweep_at.min(self.limit) {
            self.sweep();
        }
        if self.count < self.limit {
            self.by_saga.entry(id).or_default().push(watcher);
            self.count += 1;
        }
    }

    /// Takes those whose wait is over.
    pub(super) fn take(&mut self, saga: &Saga) -> Vec<Reply<Arc<Saga>>> {
        // The map is empty for most of a busy shard's life.
        let Some(waiting) = self.by_saga.get_mut(&saga.id) else {
            return Vec::new();
        };
        let (over, rest) = std::mem::take(waiting)
            .into_iter()
            .partition::<Vec<_>, _>(|(until, _)| until.holds(saga));
        self.count -= over.len();
        if rest.is_empty() {
            self.by_saga.remove(&saga.id);
        } else {
            *waiting = rest;
        }
        over.into_iter().map(|(_, done)| done).collect()
    }

    fn sweep(&mut self) {
        self.by_saga.retain(|_, waiting| {
            waiting.retain(|(_, done)| !done.is_closed());
            !waiting.is_empty()
        });
        self.count = self.by_saga.values().map(Vec::len).sum();
        self.sweep_at = (self.count * 2).max(SWEEP_FIRST);
    }
}
