//! What callers ask of the engine, and what they get.

use banyan_core::Json;
use banyan_core::id::Id;
use banyan_core::language::Diagnostic;
use banyan_core::saga::{Saga, Status};
use banyan_core::time::Duration;
use banyan_store::{DefinitionRow, SagaRow, ServiceRow};
use std::sync::Arc;

/// Who asks for a change, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub actor: String,
    /// Why, in their words.
    pub reason: String,
}

/// A start, as asked for.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// The wall it stands behind.
    pub namespace: String,
    /// The definition's name.
    pub definition: String,
    /// Its version; none means the active one.
    pub version: Option<u32>,
    /// The caller's key, valid by its characters and length.
    pub key: String,
    /// The input.
    pub input: Json,
    /// SHA-256 of the canonical body, to tell a repeat from another start.
    pub request_hash: String,
    /// The caller's deadline; none means the definition's.
    pub deadline: Option<Duration>,
}

/// A start that was accepted, now or earlier.
#[derive(Clone, Debug)]
pub struct StartAnswer {
    /// The saga as it is now.
    pub saga: Arc<Saga>,
    /// It was accepted earlier: this was a repeat.
    pub replayed: bool,
}

/// The coming of what a start waits for: [`Engine::come`](crate::Engine::come) awaits it.
#[derive(Debug)]
pub struct Coming {
    pub(crate) id: Id,
    pub(crate) come: tokio::sync::oneshot::Receiver<Arc<Saga>>,
}

/// A signal that was taken, now or earlier.
#[derive(Clone, Debug)]
pub struct SignalAnswer {
    /// The saga as it is now.
    pub saga: Arc<Saga>,
    /// It was taken earlier: this was a repeat.
    pub replayed: bool,
}

/// A saga that another one runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its id.
    pub id: Id,
    /// Its definition.
    pub definition: String,
    /// The path of the step that runs it.
    pub path: String,
    /// Its status as stored; running while its start is on its way.
    pub status: Status,
}

/// The line before a lock, as one who stands in it sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// So many sagas stand before it, whoever holds the lock included.
    pub ahead: u64,
    /// Who holds the lock, or is to take it next.
    pub first: Id,
    /// How that one stands.
    pub status: Status,
}

/// What a caller waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// Rest, or stuck.
    Rest,
    /// The end of this step (by name or path), in whatever way; or rest, or stuck.
    StepEnded(String),
}

impl Until {
    /// Has it come?
    pub fn holds(&self, saga: &Saga) -> bool {
        let status = saga.status();
        if status.is_rest() || status == banyan_core::saga::Status::Stuck {
            return true;
        }
        match self {
            Until::Rest => false,
            Until::StepEnded(step) => crate::view::step_ended(saga, step),
        }
    }
}

/// One page of a list, newest first.
#[derive(Clone, Debug)]
pub struct Page {
    /// The rows.
    pub items: Vec<SagaRow>,
    /// Where the next page begins; none at the end.
    pub next: Option<Id>,
}

/// A definition that was registered, now or earlier.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Its row.
    pub row: Arc<DefinitionRow>,
    /// It was there already, with the same content.
    pub replayed: bool,
    /// What is doubtful in it.
    pub warnings: Vec<Diagnostic>,
}

/// A service as it is now.
#[derive(Clone, Debug)]
pub struct ServiceView {
    /// What is registered.
    pub row: Arc<ServiceRow>,
    /// Its live state: instances, pause, roads that are misconfigured.
    pub live: banyan_outbound::ServiceView,
    /// Sagas with a leg parked for it.
    pub parked: u64,
    /// Nothing answers there.
    pub down: Option<crate::pulse::Down>,
}
