//! Work that is carried through although its caller goes away.
//!
//! A handler is dropped when its connection breaks. The engine changes its store first and
//! what it holds in memory after: left halfway, the two would differ until the next start.

use crate::fault::{Answer, Fault};
use std::future::Future;

/// Runs this to its end, whatever becomes of who waits for it. Only for work that is short: it
/// is bounded by no connection.
pub(crate) async fn carried<T, E>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Answer<T>
where
    T: Send + 'static,
    E: Into<Fault> + Send + 'static,
{
    match tokio::spawn(work).await {
        Ok(done) => done.map_err(Into::into),
        Err(error) => Err(Fault::internal("a task broke off", &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::task::Poll;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn work_ends_although_nobody_waits_for_it() {
        let (open, gate) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let mut work = Box::pin(carried(async move {
            gate.await.ok();
            tell.send("done").ok();
            Ok::<_, Fault>(())
        }));
        let begun = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
        assert!(begun.is_pending());
        drop(work);
        open.send(()).unwrap();
        assert_eq!(told.await, Ok("done"));
    }
}
