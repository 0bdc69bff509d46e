//! Bodies that callers send. Fields that a body does not name take their defaults; fields that
//! it should not have are refused.

use crate::{Json, LegName, Settlement};
use banyan_core::time::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/sagas`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// The definition's name.
    pub definition: String,
    /// Its version; the active one when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The input, as the definition's schema wants it.
    #[serde(default)]
    pub input: Json,
    /// From acceptance; the definition's when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "30m")]
    pub deadline: Option<Duration>,
}

/// `PUT /v1/definitions/{name}/active`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActiveRequest {
    /// The version that starts should use.
    pub version: u32,
    /// Why, for the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1)]
    pub reason: Option<String>,
}

/// `PUT /v1/definitions/{name}/accepting`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptingRequest {
    /// Whether starts are accepted.
    pub accepting: bool,
    /// Why they are not: callers read it. Or why they are again, for the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1)]
    pub reason: Option<String>,
}

/// `POST /v1/sagas/{id}/cancel`, `…/undo` and `…/abandon`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerbRequest {
    /// Why, for the journal.
    #[schema(min_length = 1)]
    pub reason: String,
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// `POST /v1/sagas/{id}/retry`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// The step's path; without it everything that is stuck or, if nothing is, everything that
    /// waits for its next try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The leg; without it the one that is stuck or waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<LegName>,
    /// What is sent from here on instead of what the file says. Only where no attempt may have
    /// happened.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub body: Json,
    /// Why, for the journal.
    #[schema(min_length = 1)]
    pub reason: String,
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// `POST /v1/sagas/{id}/settle`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleRequest {
    /// The step's path.
    pub step: String,
    /// The leg: `do`, `undo` or `confirm`.
    pub leg: LegName,
    /// What became of it.
    #[serde(rename = "as")]
    pub settlement: Settlement,
    /// Of a do that is done: its result, for the steps that read it.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub result: Json,
    /// How you know: a receipt, a line of a ledger, who looked.
    pub evidence: String,
    /// Why, for the journal.
    #[schema(min_length = 1)]
    pub reason: String,
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// `POST /v1/sagas/{id}/note`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteRequest {
    /// What is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Who looks after it; an empty name for nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Why, for the journal.
    #[schema(min_length = 1)]
    pub reason: String,
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// `POST /v1/sagas/{id}/move`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveRequest {
    /// The version of the saga's definition by which it is to go on.
    #[schema(minimum = 1)]
    pub version: u32,
    /// Why, for the journal.
    #[schema(min_length = 1)]
    pub reason: String,
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// `POST /v1/services/{name}/pause` and `…/resume`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseRequest {
    /// Why, for those who ask.
    #[schema(min_length = 1)]
    pub reason: String,
}

/// `PUT /v1/services/{name}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceRequest {
    /// Base URLs, `http` or `https`.
    pub instances: Vec<String>,
    /// How long the service keeps idempotency keys (24h).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "24h")]
    pub keys_kept: Option<Duration>,
    /// No attempt lasts longer, whatever its step says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "10s")]
    pub timeout: Option<Duration>,
    /// How calls prove who sends them: `{"bearer": {"env": "NAME"}}`,
    /// `{"basic": {"username": "…", "password": {"file": "/path"}}}`, `{"hmac": {"env": "NAME"}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub auth: Option<Json>,
    /// Whom its certificates are trusted by: `{"ca_file": "/path"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub tls: Option<Json>,
}
