//! The one way out: how the engine has a service called.
//!
//! The engine knows no HTTP. Tests and the simulator answer in a service's place.

use banyan_core::Timestamp;
use banyan_core::wire::{Answer, Request};
use banyan_outbound::Room;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A future behind a pointer, so that the port can stand behind one too.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends one attempt and tells what became of it.
pub trait Calls: Send + Sync + 'static {
    /// Room for one call of a service, taken before anything else that is bounded, so that one
    /// slow service cannot hold up the calls of others. By default there is always room.
    fn room(&self, _service: &str) -> Room {
        Room::Has(None)
    }

    /// Calls the service. It always ends: with an answer, or with what stood in the way, at
    /// the latest when the request's timeout is over. `now` is the engine's time.
    fn call(&self, request: Arc<Request>, now: Timestamp) -> BoxFuture<'_, Answer>;
}

impl Calls for banyan_outbound::Caller {
    fn room(&self, service: &str) -> Room {
        banyan_outbound::Caller::room(self, service)
    }

    fn call(&self, request: Arc<Request>, now: Timestamp) -> BoxFuture<'_, Answer> {
        Box::pin(async move { banyan_outbound::Caller::call(self, &request, now).await })
    }
}
