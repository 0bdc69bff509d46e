//! What a saga did, line by line: its journal and its attempts.

use crate::{LegName, Moment};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One record of a saga's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JournalEntry {
    /// From 1, without a gap.
    pub seq: u64,
    /// When it was decided.
    pub at: Moment,
    /// What happened: `started`, `attempt_started`, `attempt_ended`, `completed`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The record's own fields; null when it has none.
    pub data: crate::Json,
}

/// One try of one leg.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// The step's path.
    pub step: String,
    /// The leg.
    pub leg: LegName,
    /// From 1, over all rounds of the leg.
    pub attempt: u32,
    /// The round; attempts of a round share one key.
    pub round: u32,
    /// The `Idempotency-Key` that it carried.
    pub idempotency_key: String,
    /// When its intent was stored.
    pub at: Moment,
    /// How long it took; null while it is in flight.
    pub took_ms: Option<u64>,
    /// Whether it left: false when it certainly did not, null while it is in flight.
    pub sent: Option<bool>,
    /// The HTTP status that came back.
    pub status: Option<u16>,
    /// What its answer meant: `done`, `refused`, `not_found`, `may_have`, `misconfigured`,
    /// `not_sent`, `held`; null while it is in flight.
    pub outcome: Option<String>,
    /// What happened, for people.
    pub message: Option<String>,
    /// The instance that was called.
    pub instance: Option<String>,
}
