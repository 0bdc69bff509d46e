//! Sends what waits: gathered for a moment, in one message, tried again until it is taken.

use super::event::{Event, Mark};
use super::queue::Queue;
use super::told::Told;
use banyan_core::json::sha256_hex;
use banyan_core::time::Duration;
use banyan_engine::Engine;
use banyan_outbound::{Post, PostError, Poster};
use bytes::Bytes;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// How long an event waits for others to come along.
const GATHER: Duration = Duration::from_secs(1);
/// How long the receiver may take to answer.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
/// The pause after the first failure; it doubles.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// Soon enough after an outage, and no burden meanwhile.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Refusals (4xx) after which a message is given up, so that one that the receiver cannot
/// take does not hold back all others: some five minutes.
const REFUSALS: u32 = 10;

/// The sender's task.
pub(crate) struct Sender {
    pub(crate) engine: Engine,
    pub(crate) poster: Poster,
    pub(crate) queue: Arc<Queue>,
    pub(crate) told: Arc<Mutex<Told>>,
}

impl Sender {
    /// Runs until it is dropped.
    pub(crate) async fn run(self) {
        loop {
            self.queue.filled().await;
            self.pause(GATHER).await;
            let events = self.queue.take();
            if self.send(&events).await {
                self.remember(&events).await;
            }
            self.queue.settle();
        }
    }

    /// Tries until the message is taken; false when it was given up.
    async fn send(&self, events: &[Event]) -> bool {
        let post = message(events, self.engine.store_id());
        let figures = &self.queue.figures;
        let (mut pause, mut refusals) = (PAUSE_FIRST, 0);
        loop {
            let tried = self.poster.post(&post, self.engine.now(), PATIENCE).await;
            figures.failing.store(tried.is_err(), Ordering::Relaxed);
            let Err(error) = tried else {
                let count = events.len() as u64;
                figures.delivered.fetch_add(count, Ordering::Relaxed);
                return true;
            };
            figures.failures.fetch_add(1, Ordering::Relaxed);
            let events = events.len();
            tracing::warn!(%error, events, "a notice was not taken");
            refusals += u32::from(is_refusal(&error));
            if refusals >= REFUSALS {
                tracing::error!(%error, events, "a notice is given up");
                self.queue.dropped(events as u64);
                return false;
            }
            self.pause(pause).await;
            pause = Duration::from_millis(pause.millis() * 2).min(PAUSE_MAX);
        }
    }

    async fn remember(&self, events: &[Event]) {
        let marks: Vec<Mark> = events.iter().filter_map(|event| event.mark).collect();
        if marks.is_empty() {
            return;
        }
        let told = Arc::clone(&self.told);
        let written = tokio::task::spawn_blocking(move || {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.add(&marks)
        });
        if let Ok(Err(error)) = written.await {
            tracing::warn!(%error, "what was told cannot be written, and is told again after a restart");
        }
    }

    async fn pause(&self, pause: Duration) {
        let until = self.engine.now().plus(pause);
        self.engine.sleep_until(until).await;
    }
}

/// Said no, rather than not now.
fn is_refusal(error: &PostError) -> bool {
    match error {
        PostError::Refused { status } => {
            (400..500).contains(status) && !matches!(status, 408 | 425 | 429)
        }
        PostError::Unanswered(_) => false,
    }
}

/// One message: an event alone, or several as a batch. The same events make the same bytes.
fn message(events: &[Event], store_id: &str) -> Post {
    let mut all = events.iter().map(|event| event.json(store_id));
    let (content_type, body) = match (events, all.next()) {
        ([_], Some(one)) => ("application/cloudevents+json", one),
        (_, first) => (
            "application/cloudevents-batch+json",
            first.into_iter().chain(all).collect(),
        ),
    };
    let body = Bytes::from(body.to_string());
    Post {
        // Half of the digest: 64 characters are the most that an id has.
        id: sha256_hex(&body)[..32].to_owned(),
        content_type,
        body,
    }
}
