//! Latency under an open loop: sagas begin at a fixed rate, whatever became of those before
//! them, and the time of each counts from when it was to begin. A closed loop would ask less
//! of a server that stalls, just when it does.
//!
//! The rate is half of the highest that the closed loops of the same run reached.

use super::Kind;
use super::measure::Sample;
use super::saga::Asking;
use crate::load::Api;
use anyhow::{Context, Result};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Connections that the sagas go over in turn: far more than are in flight at half the rate.
const WORKERS: usize = 256;
/// Sagas that may wait for one connection. A server that falls so far behind holds the pace up.
const WAITING: usize = 1_024;

/// What the open loop measured.
pub(crate) struct Open {
    /// Sagas begun per second.
    pub(crate) rate: f64,
    /// One a round.
    pub(crate) samples: Vec<Sample>,
}

/// Measures so many rounds of `cell` each.
pub(crate) async fn measure(api: &Api, rate: f64, rounds: usize, cell: Duration) -> Result<Open> {
    // Even on a machine where nearly nothing moves, a few sagas begin in every cell.
    let rate = rate.max(20.0);
    let mut samples = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        samples.push(round(api, rate, cell).await?);
    }
    Ok(Open { rate, samples })
}

async fn round(api: &Api, rate: f64, cell: Duration) -> Result<Sample> {
    let mark = format!("open-{:x}", rand::random::<u32>());
    let (doors, workers): (Vec<_>, Vec<_>) = (0..WORKERS)
        .map(|number| {
            let (door, waiting) = mpsc::channel(WAITING);
            let asking = Asking::new(api, format!("{mark}-{number}"), Kind::Done);
            (door, tokio::spawn(worker(asking, waiting)))
        })
        .unzip();
    // A thread of its own: a task's timers are exact to a millisecond only.
    let pace = tokio::task::spawn_blocking(move || keep_pace(&doors, rate, cell));
    let seconds = pace.await.context("the pace of the bench failed")?;
    let mut sum = Sample::new()?;
    for worker in workers {
        sum.merge(&worker.await.context("a worker of the bench failed")??)?;
    }
    sum.seconds = seconds;
    Ok(sum)
}

/// Gives every saga its moment, over all connections in turn, and says how long that took.
#[expect(clippy::disallowed_methods, reason = "measures wall time")]
fn keep_pace(doors: &[mpsc::Sender<Instant>], rate: f64, cell: Duration) -> f64 {
    let begun = Instant::now();
    let apart = Duration::from_secs_f64(1.0 / rate);
    let mut due = Duration::ZERO;
    for door in doors.iter().cycle() {
        if due >= cell {
            break;
        }
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
        // A worker that has gone says why when it is awaited.
        let _ = door.blocking_send(begun + due);
        due += apart;
    }
    begun.elapsed().as_secs_f64()
}

async fn worker(mut asking: Asking, mut waiting: mpsc::Receiver<Instant>) -> Result<Sample> {
    let mut sample = Sample::new()?;
    while let Some(due) = waiting.recv().await {
        let as_it_must = asking.ask().await?;
        sample.record(due, as_it_must);
    }
    Ok(sample)
}
