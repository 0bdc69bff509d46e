//! How much is going on: active sagas and calls in flight, with their bounds.
//!
//! Starts are refused past the bound; work that is known already (recovery, timers, parked
//! sagas) waits at half of it, so that it neither fills the memory nor keeps starts out.

use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Counts active sagas and calls.
pub(crate) struct Gate {
    active: AtomicUsize,
    held: AtomicUsize,
    limit: usize,
    fell: Notify,
    calls: AtomicUsize,
    rounds: AtomicUsize,
    ended: Notify,
}

impl Gate {
    pub(crate) fn new(limit: usize) -> Gate {
        Gate {
            active: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            limit: limit.max(2),
            fell: Notify::new(),
            calls: AtomicUsize::new(0),
            rounds: AtomicUsize::new(0),
            ended: Notify::new(),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.active() >= self.limit
    }

    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// A shard tells how its figures changed, from before to after.
    pub(crate) fn moved(&self, active: (usize, usize), held: (usize, usize)) {
        shift(&self.held, held);
        shift(&self.active, active);
        if active.1 < active.0 && self.active() < self.limit / 2 {
            self.fell.notify_waiters();
        }
    }

    /// Waits until there is room for work that can wait.
    pub(crate) async fn room(&self) {
        loop {
            // Made before the look, so that a fall between the two is not missed.
            let fell = self.fell.notified();
            if self.active() < self.limit / 2 {
                return;
            }
            fell.await;
        }
    }

    pub(crate) fn call_begins(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn call_ends(&self) {
        end_one(&self.calls, &self.ended);
    }

    /// A shard begins a round, which may launch calls at its end.
    pub(crate) fn round_begins(&self) {
        self.rounds.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn round_ends(&self) {
        end_one(&self.rounds, &self.ended);
    }

    /// Waits until no call is in flight and no round is under way that could launch one.
    pub(crate) async fn quiet(&self) {
        loop {
            let ended = self.ended.notified();
            if self.rounds.load(Ordering::SeqCst) == 0 && self.calls() == 0 {
                return;
            }
            ended.await;
        }
    }
}

fn end_one(count: &AtomicUsize, ended: &Notify) {
    if count.fetch_sub(1, Ordering::SeqCst) == 1 {
        ended.notify_waiters();
    }
}

fn shift(figure: &AtomicUsize, (before, after): (usize, usize)) {
    if after >= before {
        figure.fetch_add(after - before, Ordering::Relaxed);
    } else {
        figure.fetch_sub(before - after, Ordering::Relaxed);
    }
}
