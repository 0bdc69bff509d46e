//! What a verb did, or would do.

use crate::open::words;
use crate::{JournalEntry, Json, LegName, Saga, SagaStatus, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// A person's word on what became of a leg.
    Settlement {
        /// It happened, or was done by hand.
        Done = "done",
        /// It certainly did not happen.
        NotHappened = "not_happened",
    }
}

/// What a verb did: the saga as it is now; or what it would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum VerbAnswer {
    /// What it would do: `dry_run` was asked for.
    Preview(Box<Preview>),
    /// The saga as it is now.
    Done(Box<Saga>),
}

/// What a verb would do. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// Always true.
    pub dry_run: bool,
    /// The verb.
    pub verb: Verb,
    /// The status now.
    pub before: SagaStatus,
    /// The status right after.
    pub after: SagaStatus,
    /// The records that would be written at once.
    pub records: Vec<JournalEntry>,
    /// The calls that follow, in their order: those that leave at once and, where the saga
    /// turns back, those of the whole way back, as they come if each is answered 200.
    pub calls: Vec<Planned>,
    /// What comes after these calls hangs on what is answered.
    pub more: bool,
    /// The paths of the steps whose effect stands and that nothing takes back; of a saga that
    /// would be undone.
    pub without_undo: Vec<String>,
    /// The saga as it would be right after.
    pub saga: Saga,
}

/// A call that would be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Planned {
    /// The step's path.
    pub step: String,
    /// The leg.
    pub leg: LegName,
    /// The service.
    pub service: String,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The `Idempotency-Key`.
    pub idempotency_key: String,
    /// Its body; null when it has none.
    pub body: Json,
}
