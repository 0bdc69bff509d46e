//! What changed, told to whoever listens: one ring in memory, numbered from the start of the
//! engine, read by position.
//!
//! It holds who changed, not what became of them: that is read when it is told, so that a saga
//! that moved ten times meanwhile is told once, as it is. Nobody who reads holds anybody up:
//! who falls behind by more than the ring is told so and goes on from now. While nobody
//! listens, and nobody has for a while, nothing is kept. Nothing here outlives the process.

use crate::clock::Clock;
use banyan_core::id::Id;
use banyan_core::saga::{Plan, Status};
use banyan_core::time::Duration;
use banyan_core::{Json, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// How long the ring is kept up after the last listener left, so that one whose connection
/// broke goes on without a gap.
const LINGER: Duration = Duration::from_secs(300);
/// Operations whose last progress is remembered. More run one after the other, not at once.
const OPERATIONS: usize = 64;

/// One thing that changed.
#[derive(Clone, Debug)]
pub enum News {
    /// Records of a saga were committed.
    Saga(SagaNews),
    /// A saga makes no progress although nothing explains that it waits.
    Stalled(Arc<StallNews>),
    /// A service is in another state.
    Service {
        /// Its name.
        name: String,
        /// What happened.
        change: ServiceChange,
    },
    /// An operation went on: see [`Engine::operation_progress`](crate::Engine::operation_progress).
    Operation {
        /// Its id.
        id: String,
    },
}

/// A saga that has new records.
#[derive(Clone, Debug)]
pub struct SagaNews {
    /// Its id.
    pub id: Id,
    /// The number of its last record, then.
    pub seq: u64,
    /// Its status, then.
    pub status: Status,
    /// What it runs by.
    pub plan: Arc<Plan>,
}

/// A saga that has stalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StallNews {
    /// Its id.
    pub saga: Id,
    /// Since when it has made no progress: while it is the same, it is the same stall.
    pub since: Timestamp,
    /// Why, in words.
    pub message: String,
}

/// What happened to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceChange {
    /// It is new, or has other settings.
    Changed,
    /// It was deleted.
    Deleted,
    /// A person paused it.
    Paused,
    /// A person resumed it.
    Resumed,
    /// It, or a road of it, is misconfigured.
    Misconfigured,
    /// A road that was misconfigured is open again.
    Opened,
    /// Nothing answers.
    Down,
    /// It answers again.
    Up,
}

impl ServiceChange {
    /// Every change.
    pub const ALL: [ServiceChange; 8] = [
        ServiceChange::Changed,
        ServiceChange::Deleted,
        ServiceChange::Paused,
        ServiceChange::Resumed,
        ServiceChange::Misconfigured,
        ServiceChange::Opened,
        ServiceChange::Down,
        ServiceChange::Up,
    ];

    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            ServiceChange::Changed => "changed",
            ServiceChange::Deleted => "deleted",
            ServiceChange::Paused => "paused",
            ServiceChange::Resumed => "resumed",
            ServiceChange::Misconfigured => "misconfigured",
            ServiceChange::Opened => "opened",
            ServiceChange::Down => "down",
            ServiceChange::Up => "up",
        }
    }
}

/// Why a listener has missed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Its place is of another run of the engine.
    OtherRun,
    /// What came after its place is no longer kept.
    TooOld,
    /// It read more slowly than things changed.
    FellBehind,
}

impl Missed {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Missed::OtherRun => "other_run",
            Missed::TooOld => "too_old",
            Missed::FellBehind => "fell_behind",
        }
    }
}

/// Why somebody may not listen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// As many listen as may.
    #[error("{limit} listen already, and no more may")]
    Full {
        /// The bound.
        limit: usize,
    },
    /// The place is none that an engine gave.
    #[error("{text:?} is no place in this stream: it is what the stream gave as an id")]
    NoPlace {
        /// As it was given.
        text: String,
    },
}

/// The ring.
pub(crate) struct Feed {
    run: u64,
    capacity: usize,
    listeners: usize,
    warm: AtomicBool,
    ring: Mutex<Ring>,
    grown: watch::Sender<u64>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Ring {
    /// The position of the oldest entry.
    first: u64,
    entries: VecDeque<News>,
    operations: BTreeMap<String, Arc<Json>>,
    listeners: usize,
    left_at: Option<Timestamp>,
}

impl Ring {
    fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }
}

impl Feed {
    /// A feed of at most so many entries and listeners. `run` tells this run of the engine from
    /// all others.
    pub(crate) fn new(run: u64, capacity: usize, listeners: usize, clock: Arc<dyn Clock>) -> Feed {
        Feed {
            run,
            capacity: capacity.max(1),
            listeners,
            warm: AtomicBool::new(false),
            ring: Mutex::default(),
            grown: watch::Sender::new(0),
            clock,
        }
    }

    /// Somebody listens, or may come back. To be asked after a commit, not before: who begins
    /// to listen in between finds in the store what it was not told.
    pub(crate) fn is_warm(&self) -> bool {
        self.warm.load(Ordering::SeqCst)
    }

    /// Tells what changed.
    pub(crate) fn publish(&self, news: impl IntoIterator<Item = News>) {
        if !self.is_warm() {
            return;
        }
        let mut news = news.into_iter().peekable();
        if news.peek().is_none() {
            return;
        }
        let mut ring = self.lock();
        if self.is_forgotten(&ring) {
            // One position is left out, so that also who has read everything is told.
            ring.first = ring.next() + 1;
            ring.entries.clear();
            return self.warm.store(false, Ordering::SeqCst);
        }
        for one in news {
            if ring.entries.len() == self.capacity {
                ring.entries.pop_front();
                ring.first += 1;
            }
            ring.entries.push_back(one);
        }
        let next = ring.next();
        drop(ring);
        self.grown.send_replace(next);
    }

    /// Tells that a saga stalls.
    pub(crate) fn stalled(&self, saga: Id, since: Timestamp, message: &str) {
        let news = StallNews {
            saga,
            since,
            message: message.to_owned(),
        };
        self.publish([News::Stalled(Arc::new(news))]);
    }

    /// Tells how an operation stands.
    pub(crate) fn operation(&self, id: &str, progress: Json) {
        let mut ring = self.lock();
        if ring.operations.len() >= OPERATIONS && !ring.operations.contains_key(id) {
            // Ids sort by time: the oldest goes.
            ring.operations.pop_first();
        }
        ring.operations.insert(id.to_owned(), Arc::new(progress));
        drop(ring);
        self.publish([News::Operation { id: id.to_owned() }]);
    }

    /// The last progress of an operation.
    pub(crate) fn progress(&self, id: &str) -> Option<Arc<Json>> {
        self.lock().operations.get(id).cloned()
    }

    fn is_forgotten(&self, ring: &Ring) -> bool {
        let left = ring.left_at.filter(|_| ring.listeners == 0);
        left.is_some_and(|left| self.clock.now().since(left) > LINGER.millis())
    }

    /// Listens from now, or from a place that an earlier listener had reached.
    pub(crate) fn listen(self: &Arc<Feed>, after: Option<&str>) -> Result<Listener, ListenError> {
        let mut ring = self.lock();
        if ring.listeners >= self.listeners {
            let limit = self.listeners;
            return Err(ListenError::Full { limit });
        }
        let next = ring.next();
        let (position, missed) = match after.map(|text| place(text).ok_or(text)).transpose() {
            Err(text) => {
                let text = text.chars().take(80).collect();
                return Err(ListenError::NoPlace { text });
            }
            Ok(None) => (next, None),
            Ok(Some((run, _))) if run != self.run => (next, Some(Missed::OtherRun)),
            Ok(Some((_, position))) if (ring.first..=next).contains(&position) => (position, None),
            Ok(Some(_)) => (next, Some(Missed::TooOld)),
        };
        ring.listeners += 1;
        self.warm.store(true, Ordering::SeqCst);
        drop(ring);
        Ok(Listener {
            grown: self.grown.subscribe(),
            feed: Arc::clone(self),
            position,
            missed,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        // Nothing that can panic runs under the lock between two halves of a change.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a place: the run and the position.
fn place(text: &str) -> Option<(u64, u64)> {
    let (run, position) = text.split_once('-')?;
    if run.len() != 16 || position.is_empty() || !position.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    Some((u64::from_str_radix(run, 16).ok()?, position.parse().ok()?))
}

/// Somebody who listens.
pub struct Listener {
    feed: Arc<Feed>,
    grown: watch::Receiver<u64>,
    position: u64,
    missed: Option<Missed>,
}

/// What a listener is given.
#[derive(Debug, Default)]
pub struct Told {
    /// It has missed something before this: what it knows is to be read anew.
    pub missed: Option<Missed>,
    /// What changed, in the order of the commits, each with the position after it.
    pub news: Vec<(u64, News)>,
}

impl Listener {
    /// Its place: what it has been told up to.
    pub fn place(&self) -> String {
        self.place_at(self.position)
    }

    /// The place of a position that it was told.
    pub fn place_at(&self, position: u64) -> String {
        format!("{:016x}-{position}", self.feed.run)
    }

    /// Waits until something changed, and gives at most so much of it. Dropping the wait loses
    /// nothing.
    pub async fn next(&mut self, most: usize) -> Told {
        loop {
            let told = self.take(most);
            if told.missed.is_some() || !told.news.is_empty() {
                return told;
            }
            if self.grown.changed().await.is_err() {
                // The sender lives in the feed, which this holds.
                std::future::pending::<()>().await;
            }
        }
    }

    /// What has changed by now, without a wait.
    pub fn take(&mut self, most: usize) -> Told {
        self.grown.mark_unchanged();
        let ring = self.feed.lock();
        if self.position < ring.first {
            self.missed = self.missed.or(Some(Missed::FellBehind));
            self.position = ring.next();
        }
        let skip = usize::try_from(self.position - ring.first).unwrap_or(usize::MAX);
        let news = ring.entries.iter().skip(skip).take(most).cloned();
        let news: Vec<_> = (self.position + 1..).zip(news).collect();
        self.position += news.len() as u64;
        Told {
            missed: self.missed.take(),
            news,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let now = self.feed.clock.now();
        let mut ring = self.feed.lock();
        ring.listeners -= 1;
        ring.left_at = Some(now);
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener")
            .field("place", &self.place())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SkippingClock;

    fn feed(capacity: usize) -> (Arc<Feed>, Arc<SkippingClock>) {
        let clock = Arc::new(SkippingClock::default());
        (
            Arc::new(Feed::new(
                7,
                capacity,
                2,
                Arc::clone(&clock) as Arc<dyn Clock>,
            )),
            clock,
        )
    }

    fn tell(feed: &Feed, names: &[&str]) {
        feed.publish(names.iter().map(|name| News::Service {
            name: (*name).to_owned(),
            change: ServiceChange::Paused,
        }));
    }

    fn names(told: &Told) -> String {
        let one = |(_, news): &(u64, News)| match news {
            News::Service { name, .. } => name.clone(),
            other => panic!("{other:?}"),
        };
        told.news.iter().map(one).collect()
    }

    #[test]
    fn what_changed_is_told_in_order_and_a_place_goes_on_without_a_gap() {
        let (feed, _) = feed(8);
        tell(&feed, &["nobody listens"]);
        let mut first = feed.listen(None).unwrap();
        let place = first.place();
        tell(&feed, &["a", "b"]);
        assert_eq!(names(&first.take(1)), "a");
        let after_a = first.place();
        tell(&feed, &["c"]);
        assert_eq!(names(&first.take(9)), "bc");
        drop(first);
        tell(&feed, &["d"]);
        for (place, rest) in [(place, "abcd"), (after_a, "bcd")] {
            let told = feed.listen(Some(&place)).unwrap().take(9);
            assert_eq!((names(&told).as_str(), told.missed), (rest, None));
        }
    }

    #[test]
    fn who_is_too_slow_or_of_another_run_is_told_once_and_goes_on_from_now() {
        let (feed, _) = feed(2);
        let mut slow = feed.listen(None).unwrap();
        let place = slow.place();
        tell(&feed, &["a", "b", "c"]);
        let told = slow.take(9);
        assert_eq!(told.missed, Some(Missed::FellBehind));
        assert!(told.news.is_empty());
        tell(&feed, &["d"]);
        let told = slow.take(9);
        assert_eq!((names(&told).as_str(), told.missed), ("d", None));
        let other = format!("{:016x}-0", 8);
        for (place, missed) in [(place, Missed::TooOld), (other, Missed::OtherRun)] {
            let told = feed.listen(Some(&place)).unwrap().take(9);
            assert_eq!(told.missed, Some(missed));
        }
    }

    #[test]
    fn only_so_many_listen_and_only_to_a_place_that_was_given() {
        let (feed, _) = feed(2);
        for text in [
            "",
            "7",
            "0000000000000007-",
            "0000000000000007-x",
            "-1",
            "é-1",
        ] {
            let error = feed.listen(Some(text)).unwrap_err();
            assert!(matches!(error, ListenError::NoPlace { .. }), "{text}");
        }
        let both = [feed.listen(None).unwrap(), feed.listen(None).unwrap()];
        assert_eq!(
            feed.listen(None).unwrap_err(),
            ListenError::Full { limit: 2 }
        );
        drop(both);
        feed.listen(None).unwrap();
    }

    #[test]
    fn nothing_is_kept_once_nobody_has_listened_for_a_while() {
        let (feed, clock) = feed(8);
        let place = feed.listen(None).unwrap().place();
        tell(&feed, &["a"]);
        assert!(feed.is_warm(), "who left may come back");
        clock.skip_to(clock.now().plus(LINGER).plus(Duration::from_secs(1)));
        tell(&feed, &["b"]);
        assert!(!feed.is_warm());
        let told = feed.listen(Some(&place)).unwrap().take(9);
        assert_eq!(told.missed, Some(Missed::TooOld));
    }

    #[test]
    fn an_operation_is_told_by_its_last_progress_and_the_oldest_is_forgotten() {
        let (feed, _) = feed(100);
        for number in 0..=OPERATIONS {
            feed.operation(&format!("{number:04}"), Json::from(number));
        }
        assert!(feed.progress("0000").is_none());
        feed.operation("0001", Json::from("again"));
        assert_eq!(feed.progress("0001").as_deref(), Some(&Json::from("again")));
    }

    #[tokio::test]
    async fn a_wait_ends_with_the_next_change() {
        let (feed, _) = feed(8);
        let mut listener = feed.listen(None).unwrap();
        let (told, ()) = tokio::join!(listener.next(9), async { tell(&feed, &["a"]) });
        assert_eq!(names(&told), "a");
    }
}
