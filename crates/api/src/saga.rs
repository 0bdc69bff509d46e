//! A saga as answered: the whole, its line in a list, and its least form.

use crate::open::words;
use crate::{Json, LegName, Moment, Outcome, Step, UndoState};
use banyan_core::id::Id;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

words! {
    /// How a saga stands.
    SagaStatus {
        /// Going forward.
        Running = "running",
        /// Going back.
        Compensating = "compensating",
        /// At rest: every required step took effect.
        Completed = "completed",
        /// At rest: nothing is left of it.
        Compensated = "compensated",
        /// It needs a person, and nothing else can run.
        Stuck = "stuck",
        /// At rest: given up.
        Abandoned = "abandoned",
    }
}

impl SagaStatus {
    /// At rest: completed, compensated or abandoned. Stuck is not rest.
    pub fn is_rest(&self) -> bool {
        matches!(
            self,
            SagaStatus::Completed | SagaStatus::Compensated | SagaStatus::Abandoned
        )
    }
}

words! {
    /// Why a saga turned back.
    ReasonCode {
        /// A step was refused.
        Refused = "refused",
        /// A step's attempts were spent and none ever left.
        NotSent = "not_sent",
        /// A step may have happened.
        Unknown = "unknown",
        /// The saga's deadline passed.
        Deadline = "deadline",
        /// Somebody cancelled it.
        Cancelled = "cancelled",
        /// An expression gave no value.
        ExpressionFailed = "expression_failed",
        /// An operator undid it after it was completed.
        UndoneByOperator = "undone_by_operator",
        /// The saga that runs it was undone after it was completed.
        UndoneByParent = "undone_by_parent",
    }
}

words! {
    /// Why a leg needs a person.
    StuckCode {
        /// The service refused the undo.
        UndoRefused = "undo_refused",
        /// The undo's attempts are spent.
        UndoExhausted = "undo_exhausted",
        /// The undo of what was done found nothing.
        UndoNotFound = "undo_not_found",
        /// Nobody can tell whether the undo happened, and no fresh key is safe.
        UndoUnclear = "undo_unclear",
        /// A success came after its undo had run, and undoing again is not safe.
        LateEffect = "late_effect",
        /// A step after the pivot was refused.
        ForwardRefused = "forward_refused",
        /// A leg may have happened, and nothing more can be found out.
        OutcomeUnknown = "outcome_unknown",
        /// The service no longer keeps the key of a leg that may have happened.
        KeyExpired = "key_expired",
        /// The body would no longer be the one first sent.
        BodyChanged = "body_changed",
        /// Parked for longer than `park_limit`.
        Unreachable = "unreachable",
        /// A child saga is stuck.
        ChildStuck = "child_stuck",
        /// An expression gave no value where the saga cannot turn back.
        ExpressionFailed = "expression_failed",
        /// The store was restored from a backup.
        Restored = "restored",
    }
}

words! {
    /// What a saga waits on.
    WaitKind {
        /// A service's answer.
        Call = "call",
        /// The next attempt.
        Retry = "retry",
        /// The answer what became of a do.
        Check = "check",
        /// A reply from outside.
        Reply = "reply",
        /// A signal.
        Signal = "signal",
        /// A time.
        Timer = "timer",
        /// A child saga.
        Child = "child",
        /// A lock.
        Lock = "lock",
        /// Its road to open.
        Parked = "parked",
        /// Its road to be mended.
        Misconfigured = "misconfigured",
        /// Capacity.
        Capacity = "capacity",
        /// A person.
        Person = "person",
    }
}

words! {
    /// What can be asked of a saga by hand.
    Verb {
        /// Turn it back.
        Cancel = "cancel",
        /// Try a stuck leg again.
        Retry = "retry",
        /// Say what became of a leg.
        Settle = "settle",
        /// Undo it after it was completed.
        Undo = "undo",
        /// Give it up.
        Abandon = "abandon",
        /// Move it to another version.
        Move = "move",
        /// Write down who looks after it.
        Note = "note",
    }
}

/// A saga.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Saga {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Id,
    /// The definition's name.
    pub definition: String,
    /// The version that it began with.
    pub version: u32,
    /// That version's content hash.
    pub definition_hash: String,
    /// The wall it stands behind.
    pub namespace: String,
    /// Its caller's own key.
    pub key: String,
    /// What people search by.
    pub labels: BTreeMap<String, String>,
    /// How it stands.
    pub status: SagaStatus,
    /// The number of its journal's last record.
    pub seq: u64,
    /// Why it turned back; null while it has not, and never overwritten.
    pub reason: Option<Reason>,
    /// The first leg that needs a person.
    pub stuck: Option<Stuck>,
    /// What it waits on; empty only at rest, and there too it may hold what `on_end` waits on.
    pub waiting_on: Vec<Waiting>,
    /// The verbs that this build has and that may be used now.
    pub allowed: Vec<Verb>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// What remains of it since it was given up; empty in any other saga.
    pub left: Vec<Left>,
    /// The saga that runs it.
    pub parent: Option<Parent>,
    /// The sagas that it started.
    pub children: Vec<Child>,
    /// Its input.
    pub input: Json,
    /// What it answers once it is completed.
    pub output: Json,
    /// Why the output could not be computed.
    pub output_error: Option<Failure>,
    /// Signals received that no step has taken yet.
    pub signals: Vec<Signal>,
    /// When its start was accepted.
    pub started_at: Moment,
    /// When its last record was written.
    pub updated_at: Moment,
    /// When it came to rest.
    pub ended_at: Option<Moment>,
    /// Past it, before the pivot, it is undone.
    pub deadline: Option<Moment>,
    /// Its steps, parts nested under their groups.
    pub steps: Vec<Step>,
    /// The call at its end, in the form of a step; null when its definition has none. It may
    /// be under way while the saga is at rest.
    #[serde(default)]
    pub on_end: Option<Step>,
}

/// A saga as listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SagaItem {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Id,
    /// The definition's name.
    pub definition: String,
    /// The version that it began with.
    pub version: u32,
    /// That version's content hash.
    pub definition_hash: String,
    /// The wall it stands behind.
    pub namespace: String,
    /// Its caller's own key.
    pub key: String,
    /// What people search by.
    pub labels: BTreeMap<String, String>,
    /// How it stands.
    pub status: SagaStatus,
    /// The number of its journal's last record.
    pub seq: u64,
    /// Why it turned back.
    pub reason: Option<Reason>,
    /// The first leg that needs a person.
    pub stuck: Option<Stuck>,
    /// The first of what it waits on, alone; empty at rest.
    pub waiting_on: Vec<Waiting>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// The saga that runs it.
    pub parent: Option<Parent>,
    /// When its start was accepted.
    pub started_at: Moment,
    /// When its last record was written.
    pub updated_at: Moment,
    /// When it came to rest.
    pub ended_at: Option<Moment>,
    /// Past it, before the pivot, it is undone.
    pub deadline: Option<Moment>,
}

/// A saga in its least form, for `Prefer: return=minimal`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MinimalSaga {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Id,
    /// How it stands.
    pub status: SagaStatus,
    /// The number of its journal's last record.
    pub seq: u64,
}

/// Why a saga turned back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// The stable code.
    pub code: ReasonCode,
    /// The step that caused it (its path).
    pub step: Option<String>,
    /// In words.
    pub message: String,
    /// More, by name: `cause`, `status`, `body`.
    pub detail: BTreeMap<String, Json>,
}

/// A leg that needs a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stuck {
    /// The step's path.
    pub step: String,
    /// The leg.
    pub leg: LegName,
    /// Why.
    pub code: StuckCode,
    /// In words.
    pub message: String,
    /// Since when.
    pub since: Moment,
    /// The verbs of this build that help.
    pub verbs: Vec<Verb>,
}

/// What remains of a step in a saga that was given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Left {
    /// The step's path.
    pub step: String,
    /// What became of its do: `done` or `unknown`.
    pub outcome: Outcome,
    /// What became of its undo.
    pub undo: UndoState,
}

/// One thing that a saga waits on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    /// What kind of thing.
    pub kind: WaitKind,
    /// The step's path.
    pub step: Option<String>,
    /// The leg.
    pub leg: Option<LegName>,
    /// The service.
    pub service: Option<String>,
    /// Since when.
    pub since: Moment,
    /// Until when, at the latest.
    pub until: Option<Moment>,
    /// In words.
    pub message: String,
    /// One command that helps, or that shows more.
    #[serde(default)]
    pub help: String,
}

/// Why something went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// A stable code.
    pub code: String,
    /// What happened, in words.
    pub message: String,
    /// More, by name.
    pub detail: BTreeMap<String, Json>,
}

/// A saga that another one started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Child {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Id,
    /// Its definition's name.
    pub definition: String,
    /// The path of the step that runs it.
    pub path: String,
    /// How it stands.
    pub status: SagaStatus,
}

/// The saga that runs another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Parent {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Id,
    /// Its definition's name.
    pub definition: String,
    /// The path of the step that runs the child.
    pub path: String,
}

/// A signal received and not yet taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Signal {
    /// Its name.
    pub name: String,
    /// The sender's `Idempotency-Key`.
    pub key: String,
    /// Its body.
    pub body: Json,
    /// When it was accepted.
    pub at: Moment,
}

words! {
    /// What a reply says became of its call.
    ReplyOutcome {
        /// It happened.
        Done = "done",
        /// It was refused: nothing happened.
        Refused = "refused",
    }
}

/// A reply to a call that was accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplyRequest {
    /// What became of the call.
    pub outcome: ReplyOutcome,
    /// Of one that is done: what it gave.
    #[serde(default)]
    pub result: Json,
    /// Of one that was refused: why, a text or an object with a `message`.
    #[serde(default)]
    pub error: Json,
}

/// The answer to a reply. It says nothing of the saga, whose address alone gives no right to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplyAccepted {
    /// What was taken.
    pub outcome: ReplyOutcome,
}

/// The answer to a signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SignalAccepted {
    /// The saga.
    #[schema(value_type = String)]
    pub id: Id,
    /// The signal's name.
    pub signal: String,
    /// How the saga stands.
    pub status: SagaStatus,
    /// The number of its journal's last record.
    pub seq: u64,
}

/// What a move to another version did, or would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MoveAnswer {
    /// Only said what would happen: nothing was changed.
    #[serde(default)]
    pub dry_run: bool,
    /// Always `move`.
    #[serde(default = "moves")]
    pub verb: Verb,
    /// The saga.
    #[schema(value_type = String)]
    pub id: Id,
    /// The version that it was at.
    pub from: u32,
    /// The version that was asked for.
    pub version: u32,
    /// It goes by that version now; false in a dry run.
    pub moved: bool,
    /// Its status.
    pub status: SagaStatus,
    /// The number of its last record: what `If-Match` is compared with.
    pub seq: u64,
    /// Everything that stands in the way; empty when the move is safe.
    pub obstacles: Vec<Obstacle>,
    /// What is different for the steps that it has not begun.
    pub changes: Vec<crate::Difference>,
}

fn moves() -> Verb {
    Verb::Move
}

/// One thing that stands in the way of a move.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Obstacle {
    /// The step's path; null when it is about the whole definition.
    pub path: Option<String>,
    /// A stable code: `undo_changed`, `step_missing`, …
    pub code: String,
    /// In words.
    pub message: String,
}
