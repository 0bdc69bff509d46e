//! What a saga is now: the fold of its journal, shaped like its definition.

use super::codes::{ReasonCode, StuckCode};
use super::mail::{Order, Parent};
use super::park::ParkCause;
use super::record::{Failure, Left, Leg, Outcome, ReplyOutcome, Value};
use crate::definition::Definition;
use crate::id::Id;
use crate::json::Json;
use crate::route::Index;
use crate::time::{Duration, Timestamp};
use crate::wire::Request;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A saga as its journal gives it. Made by [`Saga::start`](Saga::start) or by folding a journal.
#[derive(Clone, Debug)]
pub struct Saga {
    /// Its id.
    pub id: Id,
    /// The definition that it began with.
    pub plan: Arc<Plan>,
    /// The wall it stands behind.
    pub namespace: String,
    /// Its caller's key.
    pub key: String,
    /// What the keys of its calls derive from.
    pub call_seed: String,
    /// Its input.
    pub input: Arc<Json>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Past it, before the pivot, it is undone.
    pub deadline: Option<Timestamp>,
    /// How long a leg that must run may be parked before the saga is stuck.
    pub park_limit: Duration,
    /// When its start was accepted.
    pub started_at: Timestamp,
    /// When its last record was written.
    pub updated_at: Timestamp,
    /// When it came to rest.
    pub ended_at: Option<Timestamp>,
    /// The number of its last record.
    pub seq: u64,
    /// Which way it goes.
    pub phase: Phase,
    /// Why it turned back; never overwritten.
    pub reason: Option<Reason>,
    /// A cancel or a deadline that waits for the pivot's outcome.
    pub halt: Option<Halt>,
    /// The pivot is done, or a confirm has begun: only forward from here.
    pub past_pivot: bool,
    /// The steps, in the definition's order.
    pub steps: Vec<StepState>,
    /// The call at its end; none when its definition has none.
    pub on_end: Option<StepState>,
    /// Its lock; none when it needs none.
    pub lock: Option<Lock>,
    /// The signals received, in order.
    pub signals: Vec<Signal>,
    /// The output of a completed saga.
    pub output: Option<Json>,
    /// Why the output could not be computed.
    pub output_error: Option<Failure>,
    /// How often it was opened again after its end.
    pub reopened: u32,
    /// The versions of the definitions that it runs.
    pub children: BTreeMap<String, u32>,
    /// Whose child it is.
    pub parent: Option<Parent>,
    /// The number of the parent's record that it obeyed last.
    pub heard: u64,
    /// Who looks after it.
    pub owner: Option<String>,
    /// What remains of it since it was given up.
    pub left: Vec<Left>,
}

/// A saga's lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// SHA-256 of its value, in hexadecimal digits.
    pub value: String,
    /// How the saga stands to it.
    pub hold: Hold,
}

/// How a saga stands to its lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// In the line before it.
    Waits {
        /// Since when.
        since: Timestamp,
    },
    /// It holds it.
    Holds,
    /// It is at rest, and let it go.
    Released,
}

/// A definition with its index, shared by all its sagas.
#[derive(Debug)]
pub struct Plan {
    /// The definition.
    pub definition: Definition,
    /// Its steps by name and path.
    pub index: Index,
    /// Its sagas hold secrets.
    pub(crate) secretive: bool,
}

impl Plan {
    /// Makes the index of a definition.
    pub fn new(definition: Definition) -> Arc<Plan> {
        let index = definition.index();
        let secretive = definition.has_secrets();
        Arc::new(Plan {
            definition,
            index,
            secretive,
        })
    }
}

/// Which way a saga goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Forward.
    Forward,
    /// It has turned back: what runs comes to its end, then the undo.
    Back,
    /// At rest: completed.
    Completed,
    /// At rest: compensated.
    Compensated,
    /// At rest: given up.
    Abandoned,
}

/// The status that people and programs see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Going forward.
    Running,
    /// Going back.
    Compensating,
    /// At rest: every required step took effect.
    Completed,
    /// At rest: nothing is left of it.
    Compensated,
    /// It needs a person, and nothing else can run.
    Stuck,
    /// At rest: given up.
    Abandoned,
}

impl Status {
    /// All of them.
    pub const ALL: [Status; 6] = [
        Status::Running,
        Status::Compensating,
        Status::Completed,
        Status::Compensated,
        Status::Stuck,
        Status::Abandoned,
    ];

    /// The status as written in the API and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Compensating => "compensating",
            Status::Completed => "completed",
            Status::Compensated => "compensated",
            Status::Stuck => "stuck",
            Status::Abandoned => "abandoned",
        }
    }

    /// At rest: completed, compensated or abandoned. Stuck is not rest.
    pub const fn is_rest(self) -> bool {
        matches!(
            self,
            Status::Completed | Status::Compensated | Status::Abandoned
        )
    }
}

/// Why a saga turned back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The stable code.
    pub code: ReasonCode,
    /// The step that caused it (its path).
    pub step: Option<String>,
    /// In words.
    pub message: String,
    /// More, by name.
    pub detail: BTreeMap<String, Json>,
}

/// A cancel or a deadline that waits for the pivot's outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Halt {
    /// `Cancelled` or `Deadline`.
    pub code: ReasonCode,
    /// In words.
    pub message: String,
}

/// A signal that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Its name.
    pub name: String,
    /// The sender's key.
    pub key: String,
    /// Its body.
    pub body: Json,
    /// When it was accepted.
    pub at: Timestamp,
    /// The step that took it (its path).
    pub taken_by: Option<String>,
}

/// One step of a saga.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepState {
    /// What is known of its do.
    pub state: State,
    /// Its result when it is done.
    pub result: Option<Value>,
    /// Its success came only after it was given up: its own undo sees the result, and every
    /// other expression still sees null, so that nothing that was sent changes.
    pub late: bool,
    /// Why, when it is not.
    pub failure: Option<Failure>,
    /// When it was reached.
    pub started_at: Option<Timestamp>,
    /// When its outcome was decided.
    pub ended_at: Option<Timestamp>,
    /// A wait's or sleep's end.
    pub until: Option<Timestamp>,
    /// Its do.
    pub forward: LegState,
    /// The question what became of its do.
    pub check: LegState,
    /// Its undo.
    pub undo: LegState,
    /// Its confirm.
    pub confirm: LegState,
    /// The confirm took effect.
    pub confirmed: bool,
    /// The undo came to its end.
    pub undone: Option<Undone>,
    /// The items of an `each` that began.
    pub items: Option<Arc<[Json]>>,
    /// A group's parts; one for each item of an `each`; one for each signal of a wait's name
    /// that came too late to be taken.
    pub parts: Vec<StepState>,
    /// It is such a signal, and stands at this place among those received.
    pub signal: Option<usize>,
    /// The saga that it runs, once that was sent on its way.
    pub child: Option<ChildState>,
}

/// What is known of a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildState {
    /// Its id.
    pub id: Id,
    /// Its definition.
    pub definition: String,
    /// Its version.
    pub version: u32,
    /// Its start key.
    pub key: String,
    /// How it stands, as it told last.
    pub status: Status,
    /// The number of its record that told so.
    pub heard: u64,
    /// What it was told to do last.
    pub ordered: Option<Order>,
    /// How often it was opened again after its end.
    pub reopened: u32,
}

impl StepState {
    /// One of its legs.
    pub fn leg(&self, leg: Leg) -> &LegState {
        match leg {
            Leg::Do => &self.forward,
            Leg::Check => &self.check,
            Leg::Undo => &self.undo,
            Leg::Confirm => &self.confirm,
        }
    }
}

/// How an undo came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undone {
    /// An attempt took effect.
    Done,
    /// There was nothing to undo.
    NothingThere,
}

/// What is known of a step's do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum State {
    /// Not reached.
    #[default]
    Pending,
    /// Its `when` was false.
    Skipped,
    /// Reached, not decided.
    Running,
    /// Decided.
    Ended(Outcome),
}

/// One leg of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LegState {
    /// From 1 once it began; attempts of a round share one key.
    pub round: u32,
    /// The number of the last attempt, over all rounds.
    pub attempts: u32,
    /// Attempts of this round that count against its limit.
    pub burned: u32,
    /// Attempts of this round that were refused.
    pub refusals: u32,
    /// Some attempt of this round may have happened.
    pub may_have: bool,
    /// Every attempt of this round that may have arrived was answered "not found".
    pub all_not_found: bool,
    /// Some attempt, in any round, got no answer at all.
    pub unanswered: bool,
    /// Of an undo: some attempt of this round may have arrived while its do was unknown. A
    /// service repeats its answer to a key, so that "not found" under this one proves nothing.
    pub asked_early: bool,
    /// Of an undo: the late success of its do was told after this round had asked, so that what
    /// the service says under this key may be older than the effect.
    pub overtaken: bool,
    /// Some attempt, in any round, was answered "not found".
    pub said_not_found: bool,
    /// The second look at an unknown do was scheduled or taken.
    pub looked: bool,
    /// The next attempt begins a new round; it stays so while the leg is parked.
    pub new_round: bool,
    /// Some attempt, in any round, took effect.
    pub took_effect: bool,
    /// Until when an undecided answer of this round is asked about again; set by the first.
    pub poll_until: Option<Timestamp>,
    /// What the reply to each round says, the last word of it.
    pub replies: Vec<(u32, ReplyOutcome)>,
    /// Since when it has been parked, over probes; none when it is not.
    pub parked_since: Option<Timestamp>,
    /// What its round sends instead of what the file says.
    pub body: Option<Arc<Json>>,
    /// What its next round sends instead.
    pub next_body: Option<Arc<Json>>,
    /// The key of this round.
    pub key: Option<String>,
    /// The hash of what this round sends.
    pub body_hash: Option<String>,
    /// Until when the service keeps this round's key.
    pub keys_until: Option<Timestamp>,
    /// When its first attempt began.
    pub first_at: Option<Timestamp>,
    /// What went wrong last, for people.
    pub last_message: Option<String>,
    /// What it does now.
    pub phase: LegPhase,
}

impl LegState {
    /// That its do took effect is known from now on; what is in flight left before.
    pub(super) fn learn_of_do(&mut self) {
        self.asked_early |= matches!(self.phase, LegPhase::InFlight { .. });
    }
}

/// What a leg does now.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum LegPhase {
    /// Not begun, or over.
    #[default]
    Idle,
    /// An attempt's intent stands, and no answer.
    InFlight {
        /// When the attempt began.
        since: Timestamp,
        /// When its timeout ends it.
        until: Timestamp,
        /// What to send, kept from the decision so that it is not computed twice. Recovery
        /// computes it anew; the body's hash proves them equal.
        request: Option<Arc<Request>>,
    },
    /// It tries again at this moment.
    Retry {
        /// When.
        at: Timestamp,
        /// Since when it waits.
        since: Timestamp,
    },
    /// It was accepted, and its outcome comes to the reply address.
    AwaitingReply {
        /// Since when it waits.
        since: Timestamp,
        /// When the wait ends.
        until: Timestamp,
    },
    /// It was accepted and is not decided: it asks again at this moment.
    Polling {
        /// When.
        at: Timestamp,
        /// Since when it waits.
        since: Timestamp,
    },
    /// It looks again, in a new round, at this moment.
    LookAgain {
        /// When.
        at: Timestamp,
        /// Since when it waits.
        since: Timestamp,
    },
    /// Its child runs, or undoes itself.
    Child {
        /// Since when.
        since: Timestamp,
    },
    /// It waits for its road.
    Parked {
        /// Why.
        cause: ParkCause,
        /// Since when.
        since: Timestamp,
        /// For longer than `park_limit`, where that makes the saga stuck.
        overdue: bool,
    },
    /// It needs a person.
    Stuck {
        /// Why.
        code: StuckCode,
        /// In words.
        message: String,
        /// Since when.
        since: Timestamp,
    },
}
