//! Events that wait to be sent: bounded, the oldest dropped, and counted.

use crate::notify::event::Event;
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Events that wait at most: an outage of the receiver over night, at some kilobytes each.
pub(crate) const WAITING: usize = 1_024;
/// Events of one message, and their bytes: what any receiver takes.
const AT_ONCE: usize = 64;
const BYTES_AT_ONCE: usize = 256 * 1024;

/// What became of events, for people and dashboards.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Events that the receiver took.
    pub(crate) delivered: AtomicU64,
    /// Events that were given up: displaced by younger ones, or refused too often.
    pub(crate) dropped: AtomicU64,
    /// Messages that the receiver did not take.
    pub(crate) failures: AtomicU64,
    /// Events that wait.
    pub(crate) waiting: AtomicU64,
    /// The last message was not taken.
    pub(crate) failing: AtomicBool,
}

/// Events that wait.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    pub(crate) figures: Figures,
    /// Something waits.
    filled: Notify,
    /// Something was sent.
    pub(crate) emptied: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    events: VecDeque<Event>,
    /// The ids of those that were taken and are not settled.
    taken: BTreeSet<String>,
    /// Dropped since an event last said so.
    untold: u64,
    /// Something was dropped that can be found again.
    lost: bool,
}

impl Queue {
    /// Puts an event in; one with the same id that waits, or is on its way, stands for it.
    pub(crate) fn push(&self, event: Event) {
        let mut inner = self.lock();
        let waits = inner.events.iter().any(|known| known.id == event.id);
        if waits || inner.taken.contains(&event.id) {
            return;
        }
        if inner.events.len() >= WAITING {
            inner.events.pop_front();
            inner.lost = true;
            drop(inner);
            self.dropped(1);
            inner = self.lock();
        }
        inner.events.push_back(event);
        self.count(&inner);
        drop(inner);
        self.filled.notify_one();
    }

    /// How many more fit without a loss.
    pub(crate) fn room(&self) -> usize {
        WAITING.saturating_sub(self.lock().events.len())
    }

    /// Whether something was dropped since this was asked last.
    pub(crate) fn take_lost(&self) -> bool {
        std::mem::take(&mut self.lock().lost)
    }

    /// So many are given up.
    pub(crate) fn dropped(&self, count: u64) {
        self.figures.dropped.fetch_add(count, Ordering::Relaxed);
        self.lock().untold += count;
    }

    /// Waits until something waits.
    pub(crate) async fn filled(&self) {
        while self.lock().events.is_empty() {
            self.filled.notified().await;
        }
    }

    /// Takes what goes into one message, the oldest first. The first of them says how many
    /// were dropped before it.
    pub(crate) fn take(&self) -> Vec<Event> {
        let mut inner = self.lock();
        let mut bytes = 0;
        let mut taken: Vec<Event> = Vec::new();
        while let Some(event) = inner.events.front() {
            bytes += event.bytes();
            if taken.len() == AT_ONCE || (bytes > BYTES_AT_ONCE && !taken.is_empty()) {
                break;
            }
            taken.extend(inner.events.pop_front());
        }
        if let Some(first) = taken.first_mut() {
            first.dropped = std::mem::take(&mut inner.untold);
        }
        inner.taken = taken.iter().map(|event| event.id.clone()).collect();
        self.count(&inner);
        drop(inner);
        self.emptied.notify_one();
        taken
    }

    /// What was taken last has come to its end.
    pub(crate) fn settle(&self) {
        self.lock().taken.clear();
    }

    fn count(&self, inner: &Inner) {
        let waiting = inner.events.len() as u64;
        self.figures.waiting.store(waiting, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Whole after every statement: nothing between two of them can panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use banyan_core::Timestamp;
    use serde_json::json;

    fn event(number: usize) -> Event {
        Event::new(
            "banyan.test",
            format!("e-{number}"),
            "test".into(),
            Timestamp(0),
            json!({}),
        )
    }

    #[test]
    fn the_oldest_are_dropped_counted_and_told_once() {
        let queue = Queue::default();
        for number in 0..WAITING + 3 {
            queue.push(event(number));
            queue.push(event(number));
        }
        assert_eq!(queue.figures.dropped.load(Ordering::Relaxed), 3);
        assert_eq!(
            (queue.room(), queue.take_lost(), queue.take_lost()),
            (0, true, false)
        );
        let first = queue.take();
        queue.push(event(3));
        assert_eq!((first[0].id.as_str(), first[0].dropped), ("e-3", 3));
        assert_eq!(first.len(), AT_ONCE);
        let second = queue.take();
        assert_eq!(second[0].dropped, 0);
        assert_eq!(queue.room(), 2 * AT_ONCE);
        queue.settle();
        queue.push(event(3));
        assert_eq!(queue.room(), 2 * AT_ONCE - 1, "it is settled");
    }

    #[test]
    fn a_message_is_bounded_in_bytes_and_never_empty() {
        let queue = Queue::default();
        for number in 0..3 {
            let mut large = event(number);
            large.data = json!({ "text": "x".repeat(BYTES_AT_ONCE) });
            queue.push(large);
        }
        assert_eq!(queue.take().len(), 1);
    }
}
