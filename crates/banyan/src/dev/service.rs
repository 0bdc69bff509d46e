//! The stand-ins over HTTP: a listener for each service of the definitions, one ledger and one
//! set of switches behind them all.

use super::later::Later;
use super::ledger::{Effect, Ledger};
use super::plans::Plans;
use super::scene::{self, Heard};
use super::switches::Switches;
use crate::front::{self, Call, Response, Silence, answer_json};
use banyan_server::SkippingClock;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What every stand-in shares.
#[derive(Debug)]
pub(super) struct Backstage {
    /// The parts.
    pub(super) plans: Plans,
    /// The switches.
    pub(super) switches: Arc<Switches>,
    /// Replies on their way.
    pub(super) later: Later,
    ledger: Mutex<Ledger>,
    /// Calls that are being answered.
    open: AtomicUsize,
    /// Calls that were answered.
    answered: AtomicUsize,
}

/// A call that is being answered, until it is dropped.
pub(super) struct UnderWay<'b>(&'b Backstage);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.answered.fetch_add(1, Ordering::Relaxed);
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Backstage {
    /// With nothing in the ledger.
    pub(super) fn new(
        plans: Plans,
        switches: Arc<Switches>,
        clock: Arc<SkippingClock>,
    ) -> Backstage {
        Backstage {
            plans,
            switches,
            later: Later::new(clock),
            ledger: Mutex::default(),
            open: AtomicUsize::default(),
            answered: AtomicUsize::default(),
        }
    }

    /// A call begins to be answered.
    pub(super) fn enter(&self) -> UnderWay<'_> {
        self.open.fetch_add(1, Ordering::Relaxed);
        UnderWay(self)
    }

    /// Nobody waits for an answer of a stand-in.
    pub(super) fn is_idle(&self) -> bool {
        self.open.load(Ordering::Relaxed) == 0
    }

    /// How much the stand-ins have said so far, answers and replies: while it stays the same,
    /// they have moved nothing.
    pub(super) fn said(&self) -> usize {
        self.answered.load(Ordering::Relaxed) + self.later.sent()
    }

    /// What the stand-ins hold of these sagas.
    pub(super) fn effects(&self, sagas: &[String]) -> Vec<Effect> {
        self.with(|ledger| ledger.of(sagas))
    }

    /// Looks at the ledger, or changes it.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        // Every change of the ledger is one assignment or push: a panic leaves it whole.
        act(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Stand-ins that serve. Dropping them ends them, whatever they were at.
#[derive(Debug)]
pub(super) struct StandIns {
    /// Where each service is.
    pub(super) addresses: Vec<(String, SocketAddr)>,
    _serving: JoinSet<()>,
}

impl StandIns {
    /// A stand-in for each of these services, each on a free port of this machine.
    pub(super) async fn open(
        services: &[&str],
        backstage: &Arc<Backstage>,
    ) -> std::io::Result<StandIns> {
        let mut serving = JoinSet::new();
        let mut addresses = Vec::new();
        for service in services {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            addresses.push(((*service).to_owned(), listener.local_addr()?));
            serving.spawn(front::serve(
                listener,
                StandIn {
                    service: (*service).to_owned(),
                    backstage: Arc::clone(backstage),
                },
            ));
        }
        Ok(StandIns {
            addresses,
            _serving: serving,
        })
    }
}

/// One service's stand-in.
struct StandIn {
    service: String,
    backstage: Arc<Backstage>,
}

impl front::Service for StandIn {
    async fn answer(&self, call: Call) -> Result<Response, Silence> {
        let heard = Heard {
            service: self.service.clone(),
            method: call.method.as_str().to_owned(),
            saga: call.header("banyan-saga").to_owned(),
            step: call.header("banyan-step").to_owned(),
            key: call.header("idempotency-key").to_owned(),
            reply_to: call.header("banyan-reply-to").parse().ok(),
            definition: call.header("banyan-definition").to_owned(),
            path: call.path,
        };
        let answer = scene::answer(&self.backstage, heard).await?;
        Ok(answer_json(answer.status, &answer.body))
    }
}
