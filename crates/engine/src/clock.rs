//! The engine's clock: the store's time, in milliseconds since the epoch, and waiting by it.

use crate::calls::BoxFuture;
use banyan_core::Timestamp;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the engine reads the time, and by which it waits.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Comes back at this moment by this clock, or a little later; never before it.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()>;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// The wall clock may be set while somebody sleeps by it: it is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the edge that reads the clock"
    )]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the edge that waits for time to pass"
    )]
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let left = at.since(self.now());
                if left == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(left).min(LOOK_EVERY)).await;
            }
        })
    }
}
