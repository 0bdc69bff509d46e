//! The engine as its callers hold it: one value, cheap to clone.
//!
//! Every answer that it gives was committed before. What is refused changed nothing.

use crate::calls::Calls;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{
    CancelError, DefinitionError, LookError, OpenEngineError, Refusal, RegisterError, ServiceError,
    SignalError, StartError,
};
use crate::metrics::Metrics;
use crate::request::{
    Page, Registration, ServiceView, SignalAnswer, StartAnswer, StartRequest, Until,
};
use banyan_core::id::Id;
use banyan_core::language::Checked;
use banyan_core::saga::{Entry, Saga};
use banyan_core::{Json, Timestamp};
use banyan_outbound::Registry;
use banyan_store::{DefinitionRow, Filter, Reader, StartKey, Writer};
use std::sync::Arc;
use std::time::Duration;

/// Runs sagas over one store. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    _inner: Arc<()>,
}

impl Engine {
    /// Opens an engine over a store: reads its definitions and services, starts the writer, the
    /// shards and the timers, and begins to resume what was in flight. To be called within a
    /// Tokio runtime. It blocks for as long as the definitions take to read.
    ///
    /// # Errors
    /// When the store cannot be read, or what it holds cannot be used.
    pub fn open(
        _writer: Box<dyn Writer>,
        _reader: Arc<dyn Reader>,
        _registry: Arc<Registry>,
        _calls: Arc<dyn Calls>,
        _clock: Arc<dyn Clock>,
        _config: Config,
    ) -> Result<Engine, OpenEngineError> {
        Ok(Engine {
            _inner: Arc::new(()),
        })
    }

    /// Can it accept work now?
    pub fn ready(&self) -> bool {
        false
    }

    /// The store's own id.
    pub fn store_id(&self) -> &str {
        ""
    }

    /// Now, by the engine's clock.
    pub fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    /// Starts a saga, or answers the one that the same key started.
    ///
    /// # Errors
    /// See [`StartError`]. A repeat of an accepted start is answered by its saga whatever the
    /// definition, its brake or the load are now.
    pub async fn start(&self, _request: StartRequest) -> Result<StartAnswer, StartError> {
        Err(Refusal::ShuttingDown.into())
    }

    /// Gives a saga a signal.
    ///
    /// # Errors
    /// See [`SignalError`].
    pub async fn signal(
        &self,
        _id: Id,
        _name: String,
        _key: String,
        _body: Json,
    ) -> Result<SignalAnswer, SignalError> {
        Err(Refusal::ShuttingDown.into())
    }

    /// Turns a saga back before its pivot.
    ///
    /// # Errors
    /// See [`CancelError`].
    pub async fn cancel(
        &self,
        _id: Id,
        _reason: String,
        _actor: String,
    ) -> Result<Arc<Saga>, CancelError> {
        Err(Refusal::ShuttingDown.into())
    }

    /// Whom a caller's key belongs to.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(
        &self,
        _namespace: &str,
        _definition: &str,
        _key: &str,
    ) -> Result<Option<StartKey>, Refusal> {
        Err(Refusal::ShuttingDown)
    }

    /// A saga as it is now.
    ///
    /// # Errors
    /// See [`LookError`].
    pub async fn get(&self, _id: Id) -> Result<Option<Arc<Saga>>, LookError> {
        Err(Refusal::ShuttingDown.into())
    }

    /// A saga once that has come which is waited for, or as it is when the time is over.
    ///
    /// # Errors
    /// See [`LookError`].
    pub async fn wait(
        &self,
        _id: Id,
        _until: Until,
        _timeout: Duration,
    ) -> Result<Option<Arc<Saga>>, LookError> {
        Err(Refusal::ShuttingDown.into())
    }

    /// Sagas by filter, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(
        &self,
        _filter: Filter,
        _after: Option<Id>,
        _limit: usize,
    ) -> Result<Page, Refusal> {
        Err(Refusal::ShuttingDown)
    }

    /// A saga's journal, oldest first.
    ///
    /// # Errors
    /// See [`LookError`].
    pub async fn journal(&self, _id: Id) -> Result<Option<Vec<Entry>>, LookError> {
        Err(Refusal::ShuttingDown.into())
    }

    /// Checks a saga file against the registered services. Registers nothing.
    pub fn check(&self, _source: &str) -> Checked {
        Checked {
            definition: None,
            diagnostics: Vec::new(),
        }
    }

    /// Registers a definition, and lets starts use it if `activate`. The same content again
    /// changes nothing: not even which version is active.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub async fn register(
        &self,
        _source: &str,
        _activate: bool,
    ) -> Result<Registration, RegisterError> {
        Err(Refusal::ShuttingDown.into())
    }

    /// Chooses the version that starts use.
    ///
    /// # Errors
    /// See [`DefinitionError`].
    pub async fn activate(&self, _name: &str, _version: u32) -> Result<(), DefinitionError> {
        Err(Refusal::ShuttingDown.into())
    }

    /// Pulls the brake of a definition, with the reason, or releases it (none).
    ///
    /// # Errors
    /// See [`DefinitionError`].
    pub async fn set_accepting(
        &self,
        _name: &str,
        _refusal: Option<String>,
    ) -> Result<(), DefinitionError> {
        Err(Refusal::ShuttingDown.into())
    }

    /// Every registered definition, by name and version.
    pub fn definitions(&self) -> Vec<Arc<DefinitionRow>> {
        Vec::new()
    }

    /// Registers a service or changes it; true when it is new.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn put_service(&self, _name: &str, _settings: Json) -> Result<bool, ServiceError> {
        Err(Refusal::ShuttingDown.into())
    }

    /// Pauses a service: its steps park.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn pause(&self, _name: &str, _reason: String) -> Result<(), ServiceError> {
        Err(Refusal::ShuttingDown.into())
    }

    /// Resumes a service: its parked steps go on, and roads marked as misconfigured are tried
    /// again.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn resume(&self, _name: &str) -> Result<(), ServiceError> {
        Err(Refusal::ShuttingDown.into())
    }

    /// Deletes a service that nothing needs: no active definition names it and no open saga
    /// does.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn delete_service(&self, _name: &str) -> Result<(), ServiceError> {
        Err(Refusal::ShuttingDown.into())
    }

    /// Every registered service with its live state, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn services(&self) -> Result<Vec<ServiceView>, Refusal> {
        Err(Refusal::ShuttingDown)
    }

    /// Figures for dashboards.
    pub fn metrics(&self) -> Metrics {
        Metrics::default()
    }

    /// Ends the engine: nothing new is accepted, calls in flight may end within `grace`, what
    /// they answered is committed.
    pub async fn shutdown(&self, _grace: Duration) {}
}
