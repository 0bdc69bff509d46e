//! What one cell of the table measured.

use anyhow::Result;
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

/// When a cell ends. A worker begins nothing after it.
#[derive(Clone, Copy)]
pub(crate) struct Until {
    begun: Instant,
    cell: Duration,
}

impl Until {
    /// So long from now.
    #[expect(clippy::disallowed_methods, reason = "measures wall time")]
    pub(crate) fn after(cell: Duration) -> Until {
        Until {
            begun: Instant::now(),
            cell,
        }
    }

    /// Whether the cell has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.begun.elapsed() >= self.cell
    }

    /// Since the cell began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// Sagas that ended, how long each took, and how many ended otherwise than they must.
pub(crate) struct Sample {
    /// In microseconds.
    pub(crate) times: Histogram<u64>,
    /// Ended in another way than the definition says.
    pub(crate) wrong: u64,
    /// How long the cell lasted.
    pub(crate) seconds: f64,
    /// CPU seconds that the server used, where there is one.
    pub(crate) cpu: Option<f64>,
    /// Commits that the server made, where it counts them.
    pub(crate) commits: Option<f64>,
}

impl Sample {
    /// Nothing yet.
    pub(crate) fn new() -> Result<Sample> {
        let times = Histogram::new_with_bounds(1, 120_000_000, 3)?;
        Ok(Sample {
            times,
            wrong: 0,
            seconds: 0.0,
            cpu: None,
            commits: None,
        })
    }

    /// One saga that began then and has ended now.
    pub(crate) fn record(&mut self, begun: Instant, as_it_must: bool) {
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.times.saturating_record(micros.max(1));
        self.wrong += u64::from(!as_it_must);
    }

    /// Adds what another worker saw.
    pub(crate) fn merge(&mut self, other: &Sample) -> Result<()> {
        self.times.add(&other.times)?;
        self.wrong += other.wrong;
        Ok(())
    }

    /// Sagas per second.
    pub(crate) fn rate(&self) -> f64 {
        count(&self.times) / self.seconds.max(f64::EPSILON)
    }

    /// Sagas.
    pub(crate) fn sagas(&self) -> f64 {
        count(&self.times)
    }

    /// A quantile of the times, in milliseconds.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> f64 {
        let micros = u32::try_from(self.times.value_at_quantile(quantile)).unwrap_or(u32::MAX);
        f64::from(micros) / 1_000.0
    }
}

fn count(times: &Histogram<u64>) -> f64 {
    f64::from(u32::try_from(times.len()).unwrap_or(u32::MAX))
}
