//! Operations: one verb over every saga that a filter selects.

use crate::open::words;
use crate::{Json, LegName, Moment, Planned, SagaStatus, Settlement, Verb};
use banyan_core::id::Id;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

words! {
    /// How an operation stands.
    OperationState {
        /// It goes on.
        Running = "running",
        /// A person holds it up.
        Paused = "paused",
        /// Every saga took the verb, refused it or was left alone.
        Completed = "completed",
        /// A person ended it; what was done stays done.
        Cancelled = "cancelled",
    }
}

/// `POST /v1/operations`: a verb with what it takes, over a filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationRequest {
    /// The verb.
    pub verb: Verb,
    /// Which sagas: keys as in the query of `GET /v1/sagas`, each with a value or an array of
    /// values.
    #[schema(value_type = Object)]
    pub filter: Json,
    /// An empty filter, which selects every saga, is meant.
    #[serde(default, skip_serializing_if = "is_false")]
    pub all: bool,
    /// Why, for the journals and the audit.
    #[schema(min_length = 1)]
    pub reason: String,
    /// Sagas a second, at most: 1 to 10,000, 50 unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000)]
    pub rate: Option<u32>,
    /// Only say what would happen; nothing is stored.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dry_run: bool,
    /// The `preview` of a dry run with the same filter, not older than 15 minutes: the operation
    /// is then about exactly its sagas, and leaves alone those that have changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
    /// Of `retry` and `settle`: the step's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Of `retry` and `settle`: the leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<LegName>,
    /// Of `retry`: what is sent instead.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub body: Json,
    /// Of `settle`: what became of the leg.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub settlement: Option<Settlement>,
    /// Of `settle`: the result of a do that is done.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub result: Json,
    /// Of `settle`: how you know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Of `move`: the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Of `note`: what is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Of `note`: who looks after them; an empty name for nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// `POST /v1/operations/{id}/pause`, `…/resume` and `…/cancel`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TurnOperationRequest {
    /// Why, for the audit.
    #[schema(min_length = 1)]
    pub reason: String,
}

/// What came of `POST /v1/operations`: the operation that has begun; or what it would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum OperationAnswer {
    /// What it would do: `dry_run` was asked for.
    Preview(Box<OperationPreview>),
    /// The operation.
    Begun(Box<Operation>),
}

/// An operation. `done`, `failed`, `skipped` and `left` together are `selected`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Operation {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Id,
    /// What it does to each saga.
    pub verb: Verb,
    /// What the verb was told, by the names of its request, without secrets; null when nothing.
    /// Of a body and a result it is only said whether there was one: `edited_body`,
    /// `with_result`.
    #[serde(default)]
    pub arguments: Json,
    /// How it stands.
    pub state: OperationState,
    /// Its filter, as it was asked for.
    pub filter: Json,
    /// Why.
    pub reason: String,
    /// Who began it.
    pub actor: String,
    /// Sagas a second, at most.
    pub rate: u32,
    /// It is about the sagas of a preview.
    pub previewed: bool,
    /// How many sagas it is about: those that the filter selected when it began.
    pub selected: u64,
    /// How many it has not come to yet.
    pub left: u64,
    /// How many took the verb.
    pub done: u64,
    /// How many refused it.
    pub failed: u64,
    /// These by code.
    pub failed_by: BTreeMap<String, u64>,
    /// How many were left alone, since they are no longer what it is about.
    pub skipped: u64,
    /// These by cause: `ended`, `changed`, `changed_since_preview`, `gone`.
    pub skipped_by: BTreeMap<String, u64>,
    /// The first hundred that failed.
    pub failures: Vec<OperationFailure>,
    /// The first five that took the verb.
    #[serde(default)]
    pub sample: Vec<OperationTaken>,
    /// When it began.
    pub began_at: Moment,
    /// When it last went on.
    pub updated_at: Moment,
    /// When it was over.
    pub ended_at: Option<Moment>,
}

/// A saga that did not take the verb of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationFailure {
    /// The saga.
    #[schema(value_type = String)]
    pub saga: Id,
    /// Why, as a code.
    pub code: String,
    /// Why, in words.
    pub message: String,
}

/// A saga that took the verb of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationTaken {
    /// The saga.
    #[schema(value_type = String)]
    pub saga: Id,
    /// Its definition.
    pub definition: String,
    /// Its key.
    pub key: String,
    /// Its status before.
    pub before: SagaStatus,
    /// Its status right after.
    pub after: SagaStatus,
}

/// What an operation would do. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationPreview {
    /// Always true.
    pub dry_run: bool,
    /// The verb.
    pub verb: Verb,
    /// By which the operation can be begun over exactly these sagas, for 15 minutes.
    pub preview: String,
    /// How many sagas the filter selects.
    pub selected: u64,
    /// They by definition and status.
    pub counts: Vec<OperationCount>,
    /// How many of them were asked whether they would take the verb: all, or of more than a
    /// thousand some that lie evenly among them.
    pub looked_at: u64,
    /// How many of those would.
    pub allowed: u64,
    /// Those that would not, by code.
    pub refused: Vec<OperationRefusal>,
    /// What would happen to the first of them.
    pub sample: Vec<OperationSample>,
}

/// How many sagas of a definition have a status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationCount {
    /// The definition.
    pub definition: String,
    /// The status.
    pub status: SagaStatus,
    /// How many.
    pub sagas: u64,
}

/// Sagas that would not take a verb.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationRefusal {
    /// Why, as a code.
    pub code: String,
    /// How many.
    pub sagas: u64,
    /// What the first of them said.
    pub message: String,
}

/// What an operation would do to one saga.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationSample {
    /// The saga.
    #[schema(value_type = String)]
    pub saga: Id,
    /// Its definition.
    pub definition: String,
    /// Its key.
    pub key: String,
    /// Its status now.
    pub before: SagaStatus,
    /// Its status right after; null when it would not take the verb.
    pub after: Option<SagaStatus>,
    /// Why it would not.
    pub message: Option<String>,
    /// The calls that follow, as far as they are known.
    pub calls: Vec<Planned>,
    /// The paths of the steps whose effect stands and that nothing takes back.
    pub without_undo: Vec<String>,
}
