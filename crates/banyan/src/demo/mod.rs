//! The demo: a shop of five services, the sagas that hold them together, a stream of orders,
//! and a proof over all their ledgers.

pub(crate) mod shop;

/// Waits until this process is told to stop: Ctrl-C or SIGTERM.
pub(crate) async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        // Without a handler the signal ends the process by itself.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
