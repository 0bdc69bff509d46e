//! Whether the engine lives: it accepts, it drains, it has ended, or it cannot go on.

use crate::config::Config;
use crate::error::Refusal;
use banyan_core::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// How long callers are turned away after the store refused a commit, before the next tries.
const TURN_AWAY_MS: i64 = 500;

/// The engine's state of life, shared by all its tasks.
pub(crate) struct Life {
    draining: AtomicBool,
    dead: AtomicBool,
    away_until: AtomicI64,
    away_message: Mutex<String>,
    on_fatal: Arc<dyn Fn(&str) + Send + Sync>,
    /// Shards are to finish what waits, and end.
    pub(crate) finish: CancellationToken,
    /// Everything is to end at once.
    pub(crate) stop: CancellationToken,
}

impl Life {
    pub(crate) fn new(config: &Config) -> Life {
        Life {
            draining: AtomicBool::new(false),
            dead: AtomicBool::new(false),
            away_until: AtomicI64::new(i64::MIN),
            away_message: Mutex::default(),
            on_fatal: Arc::clone(&config.on_fatal),
            finish: CancellationToken::new(),
            stop: CancellationToken::new(),
        }
    }

    /// May work be accepted?
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.is_draining() {
            return Err(Refusal::ShuttingDown);
        }
        if self.is_away(now) {
            let message = self.away_message.lock();
            let message = message.unwrap_or_else(PoisonError::into_inner).clone();
            return Err(Refusal::Unavailable { message });
        }
        Ok(())
    }

    /// The store refused a commit a moment ago.
    pub(crate) fn is_away(&self, now: Timestamp) -> bool {
        self.away_until.load(Ordering::Relaxed) > now.0
    }

    pub(crate) fn away(&self, now: Timestamp, message: &str) {
        let mut known = self
            .away_message
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        message.clone_into(&mut known);
        let until = now.0.saturating_add(TURN_AWAY_MS);
        self.away_until.store(until, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// It could not go on.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// The engine cannot go on: nothing is accepted, nothing leaves, the process is to end.
    pub(crate) fn fatal(&self, message: &str) {
        let first = !self.dead.swap(true, Ordering::Relaxed);
        self.drain();
        self.stop.cancel();
        if first {
            tracing::error!(cause = message, "the engine cannot go on");
            (self.on_fatal)(message);
        }
    }
}
