//! Sends one attempt and says what became of it.
//!
//! It guarantees what the rest of Banyan builds on: *not sent* means that no byte of the
//! request was written; whatever may have left and got no whole answer is *lost*, our own
//! timeout included. It follows no redirects, and repeats nothing that may have left.

use crate::answer;
use crate::clock;
use crate::connect;
use crate::link::{Failed, Link, Outgoing};
use crate::message;
use crate::registry::Registry;
use crate::target::{Instance, Target};
use banyan_core::Timestamp;
use banyan_core::wire::{Answer, Request, What};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

/// How often idle connections are looked through for those that grew old.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Gives the address that the reply to a request goes to, for `Banyan-Reply-To`.
pub type ReplyAddress = Arc<dyn Fn(&Request) -> Option<String> + Send + Sync>;

/// Room for one call; a call that waits for it has not begun.
pub enum Room {
    /// There is.
    Has(Option<OwnedSemaphorePermit>),
    /// There will be.
    Waits(Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>),
}

/// Calls the services of a registry.
#[derive(Clone)]
pub struct Caller {
    registry: Arc<Registry>,
    reply_address: Option<ReplyAddress>,
}

impl Caller {
    /// A caller. Made within a tokio runtime, it closes connections that have been idle for
    /// too long; otherwise they are closed when the next call looks at them.
    pub fn new(registry: Arc<Registry>) -> Caller {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(sweep(Arc::downgrade(&registry)));
        }
        Caller {
            registry,
            reply_address: None,
        }
    }

    /// The same, whose calls carry the address for their reply where they want one.
    #[must_use]
    pub fn with_replies(self, reply_address: ReplyAddress) -> Caller {
        Caller {
            reply_address: Some(reply_address),
            ..self
        }
    }

    /// Room for one call of a service: dropping it makes room for another. None when there is
    /// no such service, which the call itself will say.
    pub fn room(&self, service: &str) -> Room {
        let Some(slots) = self.registry.slots(service) else {
            return Room::Has(None);
        };
        match Arc::clone(&slots).try_acquire_owned() {
            Ok(permit) => Room::Has(Some(permit)),
            // The semaphore is never closed: an error cannot come.
            Err(_) => Room::Waits(Box::pin(async move { slots.acquire_owned().await.ok() })),
        }
    }

    /// Sends one attempt; `now` is the time that a signature tells. Its time begins now: who
    /// wants the calls of a service bounded takes [`Caller::room`] before.
    ///
    /// Dropping the future closes the connection: what was sent may have happened.
    pub async fn call(&self, request: &Request, now: Timestamp) -> Answer {
        let started = clock::now();
        let (what, instance) = match self.registry.target(&request.service) {
            Ok(target) => {
                let reply_to = self.reply_address.as_ref();
                let reply_to = reply_to.and_then(|address| address(request));
                let (what, instance) = attempt(&target, request, reply_to, now, started).await;
                (what, instance.map(|instance| instance.origin.url.clone()))
            }
            Err(message) => (What::Held { message }, None),
        };
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Answer {
            what,
            took_ms,
            instance,
        }
    }
}

/// What became of a request at one instance.
enum Tried {
    /// It is settled.
    Settled(What),
    /// Nothing left; here it is again, with words about what stood in the way.
    HandedBack(Box<Outgoing>, String),
}

/// Tries the instances in turn, each once, for as long as nothing has left.
async fn attempt<'a>(
    target: &'a Target,
    request: &Request,
    reply_to: Option<String>,
    now: Timestamp,
    started: Instant,
) -> (What, Option<&'a Instance>) {
    let timeout = request.timeout.to_std();
    let timeout = target.timeout.map_or(timeout, |cap| cap.min(timeout));
    let deadline = started + timeout;
    let mut outgoing = match message::build(request, reply_to, &target.credential, now) {
        Ok(outgoing) => Box::new(outgoing),
        Err(message) => return (What::NotSent { message }, None),
    };
    let mut last = (String::from("the service has no instance"), None);
    for instance in target.in_turn() {
        if let Err(message) = message::address(&mut outgoing, &instance.origin, &request.target) {
            return (What::NotSent { message }, None);
        }
        match at(instance, outgoing, timeout, deadline).await {
            Tried::Settled(what) => return (what, Some(instance)),
            Tried::HandedBack(same, message) => {
                outgoing = same;
                last = (message, Some(instance));
            }
        }
        if clock::now() >= deadline {
            break;
        }
    }
    (What::NotSent { message: last.0 }, last.1)
}

/// Sends a request that is addressed already to one instance, once.
pub(crate) async fn once(instance: &Instance, outgoing: Box<Outgoing>, timeout: Duration) -> What {
    match at(instance, outgoing, timeout, clock::now() + timeout).await {
        Tried::Settled(what) => what,
        Tried::HandedBack(_, message) => What::NotSent { message },
    }
}

/// Tries one instance: over an idle connection, and if that turns out to be stale before
/// anything was written, over a fresh one.
async fn at(
    instance: &Instance,
    mut outgoing: Box<Outgoing>,
    timeout: Duration,
    deadline: Instant,
) -> Tried {
    let mut idle = instance.pool.take().await;
    loop {
        let is_fresh = idle.is_none();
        let link = match idle.take() {
            Some(link) => link,
            None => {
                let tls = instance.tls.as_ref();
                // Boxed, since it is rare and large, and every call would carry room for it.
                match Box::pin(connect::open(&instance.origin, tls, deadline)).await {
                    Ok(link) => link,
                    Err(message) => return Tried::HandedBack(outgoing, message),
                }
            }
        };
        match over(link, instance, outgoing, timeout, deadline).await {
            Tried::HandedBack(same, _) if !is_fresh => outgoing = same,
            tried => return tried,
        }
    }
}

/// Sends a request over a connection, and keeps the connection if it is whole afterwards.
async fn over(
    mut link: Link,
    instance: &Instance,
    outgoing: Box<Outgoing>,
    timeout: Duration,
    deadline: Instant,
) -> Tried {
    let exchanged = timeout_at(deadline, async {
        let response = link.send(*outgoing).await?;
        answer::receive(&mut link, response)
            .await
            .map_err(Failed::Lost)
    });
    match exchanged.await {
        Ok(Ok(received)) => {
            if received.complete {
                instance.pool.keep(link).await;
            }
            Tried::Settled(What::Http(received.http))
        }
        Ok(Err(Failed::HandedBack(same, message))) => {
            Tried::HandedBack(same, format!("{}: {message}", instance.origin.url))
        }
        Ok(Err(Failed::Lost(message))) => {
            let message = format!("no whole answer from {}: {message}", instance.origin.url);
            Tried::Settled(What::Lost { message })
        }
        Err(_) => {
            let millis = timeout.as_millis();
            let message = format!(
                "no whole answer from {} within {millis}ms",
                instance.origin.url
            );
            Tried::Settled(What::Lost { message })
        }
    }
}

/// Closes what has been idle for too long, for as long as the registry is there.
async fn sweep(registry: Weak<Registry>) {
    loop {
        clock::rest(SWEEP_EVERY).await;
        match registry.upgrade() {
            Some(registry) => registry.sweep(),
            None => return,
        }
    }
}
