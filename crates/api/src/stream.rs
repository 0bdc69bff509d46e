//! What the stream of changes tells: `GET /v1/stream`.

use crate::open::words;
use crate::{Json, SagaItem, Service};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// What happened to a service.
    ServiceChange {
        /// It is new, or has other settings.
        Changed = "changed",
        /// It was deleted.
        Deleted = "deleted",
        /// A person paused it.
        Paused = "paused",
        /// A person resumed it.
        Resumed = "resumed",
        /// It, or a road of it, is misconfigured.
        Misconfigured = "misconfigured",
        /// A road that was misconfigured is open again.
        Opened = "opened",
        /// Nothing answers.
        Down = "down",
        /// It answers again.
        Up = "up",
    }
}

words! {
    /// Why something was missed.
    ResetReason {
        /// The place is of another run of the server.
        OtherRun = "other_run",
        /// What came after the place is no longer kept.
        TooOld = "too_old",
        /// Things changed faster than they were read.
        FellBehind = "fell_behind",
    }
}

/// The data of an event `service`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServiceEvent {
    /// The service's name.
    pub name: String,
    /// What happened.
    pub change: ServiceChange,
    /// The service as it is now; null when it is gone.
    pub service: Option<Service>,
}

/// The data of an event `reset`: something was missed, and what is known is to be read anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResetEvent {
    /// Why.
    pub reason: ResetReason,
}

/// One event of the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    /// A saga changed: as it is now.
    Saga(Box<SagaItem>),
    /// A service changed.
    Service(Box<ServiceEvent>),
    /// An operation went on: as its `GET` answers it.
    Operation(Json),
    /// Something was missed.
    Reset(ResetEvent),
    /// An event that this build does not know.
    Other {
        /// Its name.
        event: String,
        /// Its data, as they came.
        data: String,
    },
}

impl StreamEvent {
    /// Reads an event.
    ///
    /// # Errors
    /// When the data are not those of an event of this name.
    pub fn read(event: &str, data: &str) -> Result<StreamEvent, serde_json::Error> {
        Ok(match event {
            "saga" => StreamEvent::Saga(serde_json::from_str(data)?),
            "service" => StreamEvent::Service(serde_json::from_str(data)?),
            "operation" => StreamEvent::Operation(serde_json::from_str(data)?),
            "reset" => StreamEvent::Reset(serde_json::from_str(data)?),
            other => StreamEvent::Other {
                event: other.to_owned(),
                data: data.to_owned(),
            },
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            StreamEvent::Saga(_) => "saga",
            StreamEvent::Service(_) => "service",
            StreamEvent::Operation(_) => "operation",
            StreamEvent::Reset(_) => "reset",
            StreamEvent::Other { event, .. } => event,
        }
    }

    /// Its data.
    ///
    /// # Errors
    /// When they cannot be written, which the contract's own types never are.
    pub fn data(&self) -> Result<Json, serde_json::Error> {
        match self {
            StreamEvent::Saga(saga) => serde_json::to_value(saga),
            StreamEvent::Service(service) => serde_json::to_value(service),
            StreamEvent::Operation(operation) => Ok(operation.clone()),
            StreamEvent::Reset(reset) => serde_json::to_value(reset),
            StreamEvent::Other { data, .. } => {
                Ok(serde_json::from_str(data).unwrap_or_else(|_| Json::from(data.as_str())))
            }
        }
    }
}
