//! Near wakes, held in memory so that they come on time. Durable truth is the stored wake: one
//! that finds no room here is found there, a little later.

use banyan_core::Timestamp;
use banyan_core::id::Id;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The near wakes of one shard.
#[derive(Debug)]
pub(super) struct Wakes {
    heap: BinaryHeap<Reverse<(Timestamp, Id)>>,
    limit: usize,
}

impl Wakes {
    pub(super) fn new(limit: usize) -> Wakes {
        Wakes {
            heap: BinaryHeap::new(),
            limit,
        }
    }

    /// Adds a wake; false when there is no room.
    pub(super) fn add(&mut self, at: Timestamp, id: Id) -> bool {
        let room = self.heap.len() < self.limit;
        if room {
            self.heap.push(Reverse((at, id)));
        }
        room
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the first wake that is due.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<(Timestamp, Id)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(wake)| wake)
    }
}
