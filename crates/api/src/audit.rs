//! The audit: who did what, when, why, and what it was before and after.

use crate::{Json, Moment, SagaStatus};
use banyan_core::id::Id;
use banyan_core::time::Duration;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{AnyOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// A row of the audit: who did what, when, why, and what it was before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditRow {
    /// When.
    pub at: Moment,
    /// Who.
    pub actor: String,
    /// What.
    pub verb: String,
    /// To which saga.
    #[schema(value_type = Option<String>)]
    pub saga: Option<Id>,
    /// Of which definition, or to which definition or service.
    pub name: Option<String>,
    /// The operation that it was a part of, or that it was done to.
    #[schema(value_type = Option<String>)]
    pub operation: Option<Id>,
    /// Why, in their words; null when nobody said why.
    pub reason: Option<String>,
    /// The saga, the definition or the service as it was; null when it was not there.
    pub before: Option<AuditState>,
    /// The same right after; null when it is gone.
    pub after: Option<AuditState>,
    /// What else the verb was told.
    pub detail: Json,
}

/// How something stood before or after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AuditState {
    /// A saga.
    Saga(AuditStanding),
    /// A definition.
    Definition(AuditDefinition),
    /// A service.
    Service(AuditService),
    /// Something that this build does not know, as it came.
    Other(Json),
}

impl PartialSchema for AuditState {
    fn schema() -> RefOr<Schema> {
        let known = ["AuditStanding", "AuditDefinition", "AuditService"];
        let any = known.into_iter().fold(AnyOfBuilder::new(), |any, name| {
            any.item(Ref::from_schema_name(name))
        });
        any.description(Some("How a saga, a definition or a service stood"))
            .into()
    }
}

impl ToSchema for AuditState {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push(("AuditStanding".to_owned(), AuditStanding::schema()));
        schemas.push(("AuditDefinition".to_owned(), AuditDefinition::schema()));
        schemas.push(("AuditService".to_owned(), AuditService::schema()));
        AuditStanding::schemas(schemas);
        AuditDefinition::schemas(schemas);
        AuditService::schemas(schemas);
    }
}

/// How a saga stood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditStanding {
    /// Its status.
    pub status: SagaStatus,
    /// The number of its last record.
    pub seq: u64,
}

/// How a definition stood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditDefinition {
    /// The version that starts used; null when none was active.
    pub active_version: Option<u32>,
    /// Starts were taken.
    pub accepting: bool,
    /// Why they were not.
    pub refusal: Option<String>,
}

/// How a service stood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditService {
    /// Where it was called.
    pub instances: Vec<String>,
    /// How long it kept idempotency keys.
    #[schema(value_type = String, example = "24h")]
    pub keys_kept: Duration,
    /// No attempt lasted longer, whatever its step said.
    #[schema(value_type = Option<String>, example = "10s")]
    pub timeout: Option<Duration>,
    /// How its calls proved who sent them: `bearer`, `basic`, `hmac`. Never the secret.
    pub auth: Option<String>,
    /// A person had paused it.
    pub paused: bool,
    /// Why.
    pub pause_reason: Option<String>,
    /// Who.
    pub paused_by: Option<String>,
    /// Since when.
    pub paused_since: Option<Moment>,
}
