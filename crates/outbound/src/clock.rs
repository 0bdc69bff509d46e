//! The monotonic clock of attempts: how long a call took, when its time is over, how old an
//! idle connection is. Nothing durable hangs on it; moments that are stored are the store's.

use std::time::Duration;
use tokio::time::Instant;

/// Now.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place here that reads a clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Waits before old idle connections are looked for again.
#[expect(
    clippy::disallowed_methods,
    reason = "sockets grow old in this process only"
)]
pub(crate) async fn rest(duration: Duration) {
    tokio::time::sleep(duration).await;
}
