//! What the services know: every call in the order of arrival, and what took effect. The
//! services keep to what outcomes.md asks of them: one effect per key, an undo that may be
//! repeated, and a mark left by an undo that found nothing.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which leg a call is, by its method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Leg {
    /// POST and PUT.
    Do,
    /// GET.
    Check,
    /// DELETE.
    Undo,
}

impl Leg {
    /// As the API writes it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Leg::Do => "do",
            Leg::Check => "check",
            Leg::Undo => "undo",
        }
    }
}

/// One call as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// `Banyan-Saga`.
    pub(crate) saga: String,
    /// `Banyan-Step`.
    pub(crate) step: String,
    /// Which leg.
    pub(crate) leg: Leg,
    /// `Idempotency-Key`.
    pub(crate) key: String,
    /// The key of the do that it is about.
    pub(crate) effect: String,
    /// `Banyan-Attempt`.
    pub(crate) attempt: u64,
    /// Of the body's bytes.
    pub(crate) body_hash: [u8; 32],
}

/// What happened, in one order over all services.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A call came in.
    Arrived(Call),
    /// A do took effect.
    Effect(Call),
    /// An effect was taken back.
    Undone(Call),
    /// A call was answered well: the answer left, whether or not it arrived.
    AnsweredDone(Call),
    /// Its answer was lost after the effect.
    AnswerLost(Call),
    /// Its answer came after the attempt's time was over.
    AnsweredLate(Call),
    /// It was refused.
    Refused(Call),
}

impl Event {
    /// The call that it is about.
    pub(crate) fn call(&self) -> &Call {
        match self {
            Event::Arrived(call)
            | Event::Effect(call)
            | Event::Undone(call)
            | Event::AnsweredDone(call)
            | Event::AnswerLost(call)
            | Event::AnsweredLate(call)
            | Event::Refused(call) => call,
        }
    }
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It took effect, now or before.
    Done,
    /// The do was undone before it came.
    Tombstone,
    /// There is no such effect.
    NotFound,
}

#[derive(Default)]
struct Books {
    events: Vec<Event>,
    /// Keys of dos that took effect, and whether they were undone.
    effects: HashMap<String, bool>,
    /// Keys that an undo asked for before their do.
    tombstones: HashSet<String>,
    /// Start keys of sagas that a service heard of.
    heard: HashSet<String>,
    arrivals: HashMap<String, u64>,
}

/// The ledger of all services.
#[derive(Default)]
pub(crate) struct Ledger {
    books: Mutex<Books>,
    undos_in_progress: AtomicUsize,
}

impl Ledger {
    fn books(&self) -> MutexGuard<'_, Books> {
        // A panic while holding it ends the run anyway; the books are only appended to.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an arrival, and tells how many came under its key before.
    pub(crate) fn arrived(&self, call: &Call, start_key: Option<&str>) -> u64 {
        let mut books = self.books();
        books.events.push(Event::Arrived(call.clone()));
        if let Some(key) = start_key {
            books.heard.insert(key.to_owned());
        }
        let count = books.arrivals.entry(call.key.clone()).or_default();
        *count += 1;
        *count - 1
    }

    /// The do of a call.
    pub(crate) fn act(&self, call: &Call) -> Verdict {
        let mut books = self.books();
        if books.tombstones.contains(&call.effect) {
            return Verdict::Tombstone;
        }
        if !books.effects.contains_key(&call.effect) {
            books.effects.insert(call.effect.clone(), false);
            books.events.push(Event::Effect(call.clone()));
        }
        Verdict::Done
    }

    /// The undo of the effect that a call names.
    pub(crate) fn undo(&self, call: &Call) -> Verdict {
        let mut books = self.books();
        match books.effects.insert(call.effect.clone(), true) {
            Some(true) => Verdict::Done,
            Some(false) => {
                books.events.push(Event::Undone(call.clone()));
                Verdict::Done
            }
            None => {
                books.effects.remove(&call.effect);
                books.tombstones.insert(call.effect.clone());
                Verdict::NotFound
            }
        }
    }

    /// Whether the effect that a call names is there.
    pub(crate) fn look(&self, call: &Call) -> Verdict {
        match self.books().effects.get(&call.effect) {
            Some(false) => Verdict::Done,
            Some(true) | None => Verdict::NotFound,
        }
    }

    /// Notes what became of a call.
    pub(crate) fn note(&self, event: Event) {
        self.books().events.push(event);
    }

    /// Whether a service heard of the saga with this start key.
    pub(crate) fn heard_of(&self, start_key: &str) -> bool {
        self.books().heard.contains(start_key)
    }

    /// How many undos are being worked on now.
    pub(crate) fn undos_in_progress(&self) -> usize {
        self.undos_in_progress.load(Ordering::SeqCst)
    }

    /// Everything that happened, in order.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.books().events.clone()
    }

    /// Counts an undo as in progress for as long as what it returns lives.
    pub(crate) fn undoing(&self) -> Undoing<'_> {
        self.undos_in_progress.fetch_add(1, Ordering::SeqCst);
        Undoing(self)
    }
}

/// An undo in progress.
pub(crate) struct Undoing<'a>(&'a Ledger);

impl Drop for Undoing<'_> {
    fn drop(&mut self) {
        self.0.undos_in_progress.fetch_sub(1, Ordering::SeqCst);
    }
}
