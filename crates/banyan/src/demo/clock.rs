//! The demo's clock: the one place that reads time and waits for it. Nothing that is proven
//! depends on it; it only paces orders and looks.

use std::time::Duration;
use tokio::time::Instant;

/// Now, for measuring.
#[expect(clippy::disallowed_methods, reason = "the demo's one clock")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Waits so long.
#[expect(clippy::disallowed_methods, reason = "the demo's one clock")]
pub(crate) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
