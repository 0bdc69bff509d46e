//! What every handler has at hand.

use crate::body::Intake;
use crate::disk::Low;
use crate::fault::{Answer, Fault};
use crate::notify::Queue;
use crate::project;
use banyan_api::Code;
use banyan_core::id::Id;
use banyan_core::saga::Saga;
use banyan_engine::Engine;
use banyan_outbound::Registry;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The server as its handlers hold it; clones are the same.
#[derive(Clone)]
pub(crate) struct App {
    /// Runs the sagas.
    pub(crate) engine: Engine,
    /// The services as they are now.
    pub(crate) registry: Arc<Registry>,
    /// Reads bodies.
    pub(crate) intake: Intake,
    /// The services that the configuration file holds.
    pub(crate) file_services: Arc<BTreeSet<String>>,
    /// What is sent to people.
    pub(crate) notices: Arc<Queue>,
    /// The data folder, and when its disk is low.
    pub(crate) disk: Arc<(PathBuf, Low)>,
    /// Set when the server begins to stop.
    pub(crate) stop: CancellationToken,
}

impl App {
    /// The saga of this id.
    pub(crate) async fn saga(&self, id: &str) -> Answer<Arc<Saga>> {
        self.saga_of(saga_id(id)?).await
    }

    /// The same, by an id that was read.
    pub(crate) async fn saga_of(&self, id: Id) -> Answer<Arc<Saga>> {
        match self.engine.get(id).await {
            Ok(Some(saga)) => Ok(saga),
            Ok(None) => Err(self.missing(id).await),
            Err(error) => Err(error.into()),
        }
    }

    /// The refusal of an id that no saga has, or has no more.
    pub(crate) async fn missing(&self, id: Id) -> Fault {
        match self.engine.purged(id).await {
            Ok(Some(gone)) => crate::refusal::purged(id, gone.status),
            Ok(None) => no_such_saga(id),
            Err(refusal) => refusal.into(),
        }
    }

    /// A refusal as it is answered: of a saga that is gone it says with which status it went.
    pub(crate) async fn refused(&self, id: Id, fault: impl Into<Fault>) -> Fault {
        let fault = fault.into();
        if fault.code() == Code::NoSuchSaga.as_str() {
            return self.missing(id).await;
        }
        fault
    }

    /// A saga as it is answered, with the children that it runs.
    pub(crate) async fn whole(&self, saga: &Saga) -> Answer<banyan_api::Saga> {
        let children = self.engine.children(saga).await?.into_iter();
        let children = children.map(project::child).collect();
        let line = self.engine.line(saga).await?;
        let waits = self.engine.waiting_on(&saga.masked());
        Ok(project::saga(saga, waits, children, line.as_ref()))
    }

    /// The id of the saga that a caller's key started.
    pub(crate) async fn id_by_key(&self, definition: &str, key: &str) -> Answer<Id> {
        let found = self
            .engine
            .find(crate::guard::NAMESPACE, definition, key)
            .await?;
        let Some(start) = found else {
            return Err(Fault::new(
                Code::NoSuchSaga,
                format!("the definition {definition:?} has no saga under the key {key:?}"),
            ));
        };
        match start.purged {
            None => Ok(start.id),
            Some(status) => Err(crate::refusal::purged(start.id, status)),
        }
    }
}

/// Reads a saga's id from a path.
pub(crate) fn saga_id(text: &str) -> Answer<Id> {
    text.parse().map_err(|error| {
        Fault::new(
            Code::NoSuchSaga,
            format!("{text:?} is no saga's id: {error}"),
        )
    })
}

/// The refusal of an id that no saga has.
pub(crate) fn no_such_saga(id: Id) -> Fault {
    Fault::new(Code::NoSuchSaga, format!("no saga has the id {id}"))
}
