//! The listener: accepts connections up to a bound, and lets them end on a stop.
//!
//! An own loop, since axum's cannot bound the time that headers take.

use crate::connection;
use crate::limits::Limits;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Accepts until `stop`, then waits for the requests in progress, at most `limits.stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: axum::Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    let abort = CancellationToken::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    while let Some(stream) = next(&listener, &stop).await {
        // Waiting here leaves further connections in the kernel's bounded backlog.
        let Ok(place) = places.clone().acquire_owned().await else {
            break;
        };
        let (router, stop, abort) = (router.clone(), stop.clone(), abort.clone());
        connections.spawn(async move {
            let _place = place;
            let served = connection::serve(stream, router, &limits, stop);
            abort.run_until_cancelled(served).await;
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.stop, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!(open = connections.len(), "connections cut at the stop");
        abort.cancel();
        connections.wait().await;
    }
}

/// The next connection; none at the stop.
async fn next(listener: &TcpListener, stop: &CancellationToken) -> Option<TcpStream> {
    loop {
        match stop.run_until_cancelled(listener.accept()).await? {
            Ok((stream, _)) => {
                // Answers are small and whole: waiting to fill a segment only delays them.
                let _ = stream.set_nodelay(true);
                return Some(stream);
            }
            Err(error) => {
                // Out of descriptors, mostly: a pause lets some connections end.
                tracing::warn!(%error, "a connection could not be accepted");
                #[expect(
                    clippy::disallowed_methods,
                    reason = "nothing tells of descriptors that became free"
                )]
                let pause = tokio::time::sleep(Duration::from_millis(100));
                stop.run_until_cancelled(pause).await?;
            }
        }
    }
}
