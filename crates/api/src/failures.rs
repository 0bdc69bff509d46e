//! What goes wrong with sagas, grouped by cause.

use crate::open::words;
use crate::{LegName, Moment, SagaStatus};
use banyan_core::id::Id;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// What kind of failure.
    FailureKind {
        /// A leg needs a person.
        Stuck = "stuck",
        /// A road or a credential is wrong.
        Misconfigured = "misconfigured",
        /// A leg waits for its road.
        Parked = "parked",
        /// An attempt failed, and the next is to come or under way.
        Retrying = "retrying",
        /// It turned back, and nothing is left of it.
        Compensated = "compensated",
    }
}

/// Sagas of one definition that fail for one cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FailureGroup {
    /// What kind of failure.
    pub kind: FailureKind,
    /// The definition.
    pub definition: String,
    /// The step to blame, its items unnumbered (`lines[].reserve`); null when it is none.
    pub step: Option<String>,
    /// The leg; null where the saga turned back.
    pub leg: Option<LegName>,
    /// The service that it calls.
    pub service: Option<String>,
    /// Why it is stuck or parked, why it turned back, or what its step would be if it were not
    /// tried again.
    pub code: String,
    /// How many sagas.
    pub count: u64,
    /// When the first of them came to fail.
    pub first_seen: Moment,
    /// When the last of them did.
    pub last_seen: Moment,
    /// The last of them.
    #[schema(value_type = String)]
    pub sample: Id,
    /// A command that helps, or that shows more.
    pub help: String,
}

/// A status of which not all sagas were counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotCounted {
    /// The status.
    pub status: SagaStatus,
    /// What failed before this moment was not counted.
    pub before: Moment,
}

/// A saga of which nothing can be read any more: no list shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Damaged {
    /// Which one.
    #[schema(value_type = String)]
    pub id: Id,
    /// When it should have gone on.
    pub since: Moment,
    /// What is wrong with what is stored of it.
    pub message: String,
}

/// The failures: the gravest kind first, of each kind the most frequent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Failures {
    /// The groups.
    pub items: Vec<FailureGroup>,
    /// The cursor of the next page. It counts groups, which come and go: a page may repeat or
    /// lack one that moved meanwhile.
    pub next: Option<String>,
    /// At most so many sagas of each status are counted, the newest failures first; these had
    /// more.
    pub not_counted: Vec<NotCounted>,
    /// Sagas whose stored rows do not match their checksums, whatever the filter. They are found
    /// once they should have gone on, and for longer than `stalled_after` did not.
    #[serde(default)]
    pub damaged: Vec<Damaged>,
}
