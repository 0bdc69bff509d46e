//! Tells a URL what a person should know: sagas that are stuck or stall, services that are
//! misconfigured or down, a disk that gets low, and services and disk when they are well again.
//!
//! It promises that each saga that is stuck is told at least once for as long as it is, also
//! when it got so before a crash or while nobody answered at the URL. What it tells of services
//! and the disk is found out anew after a restart. It never holds the engine up: it reads what
//! is committed, and drops the oldest event when too many wait.

mod event;
mod intake;
mod queue;
mod sender;
mod settings;
mod told;

pub(crate) use queue::{Figures, Queue};
pub use settings::Notify;

#[cfg(test)]
pub(crate) use event::TYPES;

use crate::disk::Low;
use banyan_engine::Engine;
use intake::Intake;
use sender::Sender;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;
use told::Told;

/// Why no notices can be sent.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The secret or the authorities cannot be read.
    #[error("[notify] of the configuration cannot be used: {0}")]
    Unusable(String),
    /// The file of what was told cannot be used.
    #[error("notify.told in the data folder cannot be used")]
    Told(#[source] std::io::Error),
    /// Nobody may listen to the engine.
    #[error("the server cannot listen to itself")]
    Listen(#[from] banyan_engine::ListenError),
}

/// Begins to tell, until `stop`.
///
/// # Errors
/// See [`NotifyError`].
pub(crate) fn start(
    notify: &Notify,
    engine: &Engine,
    folder: PathBuf,
    low: Low,
    stop: &CancellationToken,
) -> Result<Arc<Queue>, NotifyError> {
    let poster = notify.poster().map_err(NotifyError::Unusable)?;
    let told = Told::open(&folder).map_err(NotifyError::Told)?;
    let (queue, told) = (Arc::new(Queue::default()), Arc::new(Mutex::new(told)));
    let intake = Intake::new(
        engine.clone(),
        engine.listen(None)?,
        Arc::clone(&queue),
        Arc::clone(&told),
        folder,
        low,
    );
    let sender = Sender {
        engine: engine.clone(),
        poster,
        queue: Arc::clone(&queue),
        told,
    };
    // What is not sent by the stop is found again after the next start.
    tokio::spawn(stop.clone().run_until_cancelled_owned(intake.run()));
    tokio::spawn(stop.clone().run_until_cancelled_owned(sender.run()));
    Ok(queue)
}
