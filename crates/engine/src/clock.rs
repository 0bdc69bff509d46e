//! The engine's clock: the store's time, in milliseconds since the epoch, and waiting by it.

use crate::calls::BoxFuture;
use banyan_core::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the engine reads the time, and by which it waits.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Comes back at this moment by this clock, or a little later; never before it.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()>;

    /// Comes back after so long, also when the clock is set back meanwhile.
    fn sleep(&self, pause: Duration) -> BoxFuture<'_, ()> {
        let millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        let pause = banyan_core::time::Duration::from_millis(millis);
        self.sleep_until(self.now().plus(pause))
    }
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

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(sleep(self, at, LOOK_EVERY))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the edge that waits for time to pass"
    )]
    fn sleep(&self, pause: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(pause))
    }
}

/// Begins to measure how long something takes here. Nothing durable hangs on it.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge that reads the clock"
)]
pub(crate) fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}

/// The system's clock, which can be set ahead: for those who try a saga and will not wait for
/// its timers. Attempts under way go by the real time.
#[derive(Debug, Default)]
pub struct SkippingClock {
    ahead_ms: AtomicI64,
}

/// Soon enough after a skip for somebody who watches.
const LOOK_AFTER_SKIP: Duration = Duration::from_millis(50);

impl SkippingClock {
    /// Sets the clock to this moment, if that is ahead; says whether it was.
    pub fn skip_to(&self, at: Timestamp) -> bool {
        let left = i64::try_from(at.since(self.now())).unwrap_or(i64::MAX);
        self.ahead_ms.fetch_add(left, Ordering::Relaxed);
        left > 0
    }
}

impl Clock for SkippingClock {
    fn now(&self) -> Timestamp {
        let ahead = self.ahead_ms.load(Ordering::Relaxed);
        Timestamp(SystemClock.now().0.saturating_add(ahead))
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(sleep(self, at, LOOK_AFTER_SKIP))
    }

    fn sleep(&self, pause: Duration) -> BoxFuture<'_, ()> {
        Box::pin(pass(&self.ahead_ms, pause))
    }
}

/// Passes time by the monotonic clock; what is skipped meanwhile has passed too.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge that waits for time to pass"
)]
async fn pass(ahead_ms: &AtomicI64, pause: Duration) {
    let (begun, ahead) = (stopwatch(), ahead_ms.load(Ordering::Relaxed));
    loop {
        let skipped = ahead_ms.load(Ordering::Relaxed).saturating_sub(ahead);
        let skipped = Duration::from_millis(u64::try_from(skipped).unwrap_or(0));
        let left = pause.saturating_sub(begun.elapsed() + skipped);
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK_AFTER_SKIP)).await;
    }
}

/// Sleeps by a clock that may be set meanwhile, and is looked at this often.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge that waits for time to pass"
)]
async fn sleep(clock: &dyn Clock, at: Timestamp, look: Duration) {
    loop {
        let left = at.since(clock.now());
        if left == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(left).min(look)).await;
    }
}
