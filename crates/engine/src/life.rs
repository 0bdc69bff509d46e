//! Whether the engine lives: it accepts, it drains, it has ended, or it cannot go on.
//!
//! From a commit that the store refused until one that it takes nothing is accepted. Since then
//! nobody may have anything to commit, the store is tried with an empty batch.

use crate::config::Config;
use crate::error::Refusal;
use crate::shared::Shared;
use crate::writer::Committer;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Pause before a store that refused a commit is tried again, when nobody else tries it.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// The engine's state of life, shared by all its tasks.
pub(crate) struct Life {
    draining: AtomicBool,
    dead: AtomicBool,
    /// The store refused the last commit.
    refused: AtomicBool,
    /// Shells that hold what was refused, and try it again.
    holding: AtomicUsize,
    away_message: Mutex<String>,
    went_away: Notify,
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
            refused: AtomicBool::new(false),
            holding: AtomicUsize::new(0),
            away_message: Mutex::default(),
            went_away: Notify::new(),
            on_fatal: Arc::clone(&config.on_fatal),
            finish: CancellationToken::new(),
            stop: CancellationToken::new(),
        }
    }

    /// May work be accepted?
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.is_draining() {
            return Err(Refusal::ShuttingDown);
        }
        if self.is_away() {
            let message = self.away_message.lock();
            let message = message.unwrap_or_else(PoisonError::into_inner).clone();
            return Err(Refusal::Unavailable { message });
        }
        Ok(())
    }

    /// The store refused a commit, and none has succeeded since; or a shell holds what was
    /// refused, so that it can take nothing else.
    pub(crate) fn is_away(&self) -> bool {
        self.refused.load(Ordering::SeqCst) || self.holding.load(Ordering::SeqCst) > 0
    }

    /// The store refused a commit.
    pub(crate) fn away(&self, message: &str) {
        let mut known = self
            .away_message
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        message.clone_into(&mut known);
        drop(known);
        if !self.refused.swap(true, Ordering::SeqCst) {
            self.went_away.notify_one();
        }
    }

    /// The store took a commit.
    pub(crate) fn back(&self) {
        if self.refused.load(Ordering::Relaxed) {
            self.refused.store(false, Ordering::SeqCst);
        }
    }

    /// A shell holds what was refused, until this is dropped.
    pub(crate) fn hold(self: &Arc<Life>) -> Holding {
        self.holding.fetch_add(1, Ordering::SeqCst);
        Holding(Arc::clone(self))
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

/// A shell holds what was refused.
pub(crate) struct Holding(Arc<Life>);

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.holding.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Tries a store that refused a commit until it takes one. Runs until the engine ends.
pub(crate) async fn try_again(shared: Arc<Shared>, committer: Committer) {
    let life = &shared.life;
    loop {
        life.went_away.notified().await;
        while life.refused.load(Ordering::SeqCst) {
            shared.pause(TRY_AGAIN).await;
            // Who holds what was refused tries with that, which says more than an empty batch.
            if life.holding.load(Ordering::SeqCst) == 0 {
                // What became of it the writer has noted.
                drop(committer.commit(Vec::new()).await);
            }
        }
    }
}
