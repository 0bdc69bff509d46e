//! The journal's records: everything that can happen to one saga, as it is stored.
//!
//! A record holds what was decided, never the reasons to decide again, so that a later
//! version folds an old journal to the same state. Fields are only added, with a default.

use super::codes::{ReasonCode, StuckCode};
use super::mail::Order;
use super::park::ParkCause;
use super::started::Started;
use super::state::Status;
use super::verbs::Settlement;
use super::view::UndoView;
use crate::id::Id;
use crate::json::Json;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the records that this build writes.
pub const RECORD_VERSION: u32 = 1;

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1, without a gap.
    pub seq: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// What happened.
    pub record: Record,
}

/// A step's do, its undo, its confirm, or the question what became of its do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// The step's action.
    Do,
    /// Asks what became of the do.
    Check,
    /// The step's compensation.
    Undo,
    /// The step's second half, once every step is over.
    Confirm,
}

impl Leg {
    /// All of them.
    pub const ALL: [Leg; 4] = [Leg::Do, Leg::Check, Leg::Undo, Leg::Confirm];

    /// The leg as written in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Leg::Do => "do",
            Leg::Check => "check",
            Leg::Undo => "undo",
            Leg::Confirm => "confirm",
        }
    }
}

/// What became of a do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It happened.
    Done,
    /// The service said no: nothing happened.
    Refused,
    /// Certainly nothing happened.
    NotSent,
    /// It may have happened.
    Unknown,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 4] = [
        Outcome::Done,
        Outcome::Refused,
        Outcome::NotSent,
        Outcome::Unknown,
    ];

    /// The outcome as written in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
            Outcome::NotSent => "not_sent",
            Outcome::Unknown => "unknown",
        }
    }
}

/// A result as the saga holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A JSON value.
    Json(Json),
    /// The answer's body was no JSON or too large: null, and an error for who reads it.
    Unreadable,
}

/// Why something went wrong: a stable code, words, and more for programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable code (`refused`, `bad_value`, …).
    pub code: String,
    /// What happened, in words.
    pub message: String,
    /// More, by name: `cause`, `status`, `body`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, Json>,
}

/// What an attempt's end leads to, as decided when it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// The leg took effect. Of a do: the step is done with this result. Of a check: so is its
    /// do. Of an undo: the step is undone. Of a
    /// confirm: it is confirmed.
    Done {
        /// What it answered.
        result: Value,
    },
    /// The do was refused, and nothing happened; of a check: so was its do.
    Refused(Failure),
    /// Attempts are spent, and none ever left.
    NotSent(Failure),
    /// It may have happened, and nothing more will be asked.
    Unknown(Failure),
    /// Try again, not before this moment.
    Retry {
        /// When.
        at: Timestamp,
    },
    /// Ask `check` what became of the do, which is unknown for this reason so far.
    Check(Failure),
    /// Wait for the road; no attempt was burned.
    Park(ParkCause),
    /// It was accepted, and its outcome comes to the reply address, at the latest by then.
    AwaitReply {
        /// When the wait ends.
        until: Timestamp,
    },
    /// It was accepted and is not decided: ask again, not before this moment. Of a do its
    /// check is asked, any other leg is sent again.
    Poll {
        /// When.
        at: Timestamp,
        /// When the asking ends.
        until: Timestamp,
    },
    /// The undo found nothing, and there was nothing to undo.
    NothingThere,
    /// Look again: a new round of the undo, not before this moment.
    LookAgain {
        /// When.
        at: Timestamp,
    },
    /// The leg needs a person.
    Stuck {
        /// Why.
        code: StuckCode,
        /// In words.
        message: String,
    },
}

/// What an attempt's answer meant, before policy: the rows of "what an answer means".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// It happened.
    Done,
    /// The service accepted it, and it is not decided yet.
    Pending,
    /// The service said no: nothing happened in this attempt.
    Refused,
    /// The undo's service knows nothing of it.
    NotFound,
    /// It may have happened; try again with the same key.
    MayHave,
    /// The road is wrong, not the request. Nothing happened.
    Misconfigured,
    /// It certainly never left.
    NotSent,
    /// Nothing was tried; no attempt was burned.
    Held,
}

impl Meaning {
    /// All of them.
    pub const ALL: [Meaning; 8] = [
        Meaning::Done,
        Meaning::Pending,
        Meaning::Refused,
        Meaning::NotFound,
        Meaning::MayHave,
        Meaning::Misconfigured,
        Meaning::NotSent,
        Meaning::Held,
    ];
}

/// What a reply says became of the call that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyOutcome {
    /// It happened.
    Done,
    /// It was refused.
    Refused,
}

/// Something that happened to a saga.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Record {
    /// The start was accepted.
    Started(Box<Started>),
    /// A step's `when` was false.
    StepSkipped {
        /// The step's path.
        step: String,
    },
    /// A wait, a sleep or a group began.
    StepStarted {
        /// The step's path.
        step: String,
        /// A wait's or sleep's end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// An `each` began.
    EachStarted {
        /// The step's path.
        step: String,
        /// Its items, computed once.
        items: Vec<Json>,
    },
    /// A step that makes no call ended, or a call's do ended without an attempt's end: its
    /// values could not be computed, or the saga turned back while it paused.
    StepEnded {
        /// The step's path.
        step: String,
        /// What became of it.
        outcome: Outcome,
        /// Its result when it is done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        /// Why, when it is not done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        /// The signal taken, by its place among those received (from 0).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<usize>,
    },
    /// The intent of a call. It stands in the store before the call leaves.
    AttemptStarted {
        /// The step's path.
        step: String,
        /// The leg.
        leg: Leg,
        /// From 1; attempts of a round share one key.
        round: u32,
        /// From 1, over all rounds of the leg.
        attempt: u32,
        /// The `Idempotency-Key`.
        key: String,
        /// SHA-256 of what is sent: method, target, the definition's headers and the body.
        body_hash: String,
        /// The end of this attempt by its timeout.
        until: Timestamp,
        /// Until when the service keeps the round's key, counted from the round's first attempt.
        keys_until: Timestamp,
    },
    /// An attempt was answered, timed out or was interrupted, and what that leads to.
    AttemptEnded {
        /// The step's path.
        step: String,
        /// The leg.
        leg: Leg,
        /// Which attempt.
        attempt: u32,
        /// The HTTP status that came back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// How long it took.
        took_ms: u64,
        /// What the answer meant.
        meaning: Meaning,
        /// What happened, for people; none when it was plainly done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// The instance that was called.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance: Option<String>,
        /// A crash came between intent and answer: it may have happened, and one more attempt
        /// is granted when it was the last.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        interrupted: bool,
        /// What follows.
        next: Next,
    },
    /// A leg waits for its road without having been tried.
    Parked {
        /// The step's path.
        step: String,
        /// The leg.
        leg: Leg,
        /// Why.
        cause: ParkCause,
    },
    /// `check` is to be asked what became of a do, without an attempt's end: its key expired,
    /// or the saga was halted between attempts.
    CheckBegun {
        /// The step's path.
        step: String,
        /// Why the do is unknown so far.
        failure: Failure,
    },
    /// A child was sent on its way: the message that starts it stands in the same commit.
    ChildStarted {
        /// The step's path.
        step: String,
        /// The child's id.
        child: Id,
        /// Its definition.
        definition: String,
        /// Its version.
        version: u32,
        /// Its start key.
        key: String,
    },
    /// The child was told what to do, by a message in the same commit.
    ChildOrdered {
        /// The step's path.
        step: String,
        /// What.
        order: Order,
    },
    /// The child told how it stands, and what that leads to.
    ChildTold {
        /// The step's path.
        step: String,
        /// The number of the child's record that says so.
        told: u64,
        /// The child's status.
        status: Status,
        /// How often it was opened again after its end.
        #[serde(default, skip_serializing_if = "is_zero")]
        reopened: u32,
        /// The leg that this is about.
        leg: Leg,
        /// What follows for that leg; none when it goes on waiting.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Next>,
    },
    /// The parent told the saga what to do.
    ParentTold {
        /// The number of the parent's record that says so.
        told: u64,
        /// What.
        order: Order,
    },
    /// A leg needs a person, without an attempt's end: its values could not be computed, its
    /// key expired, it was parked too long.
    LegStuck {
        /// The step's path.
        step: String,
        /// The leg.
        leg: Leg,
        /// Why.
        code: StuckCode,
        /// In words.
        message: String,
    },
    /// An answer came for an attempt that is no longer current.
    LateAnswer {
        /// The step's path.
        step: String,
        /// The leg.
        leg: Leg,
        /// Which attempt.
        attempt: u32,
        /// What it meant.
        meaning: Meaning,
        /// What it answered, when a late success must be undone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        /// What follows for an undo that had already run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Next>,
    },
    /// A reply came to the address that a call carried.
    ReplyReceived {
        /// The step's path.
        step: String,
        /// The leg.
        leg: Leg,
        /// The round whose key the call carried.
        round: u32,
        /// What it says.
        outcome: ReplyOutcome,
        /// What happened, for people; none when it was plainly done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// What follows; none when the leg was settled already, and it is but a note.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Next>,
    },
    /// No reply came in time.
    NoReply {
        /// The step's path.
        step: String,
        /// The leg.
        leg: Leg,
        /// In words.
        message: String,
        /// What follows.
        next: Next,
    },
    /// A signal was accepted.
    SignalReceived {
        /// The signal's name.
        name: String,
        /// The sender's `Idempotency-Key`.
        key: String,
        /// Its body.
        body: Json,
    },
    /// A signal that nobody took and nobody can take any more: it becomes a part of the wait,
    /// and is undone if it had an effect.
    SignalLate {
        /// The wait's path.
        step: String,
        /// Which signal, by its place among those received (from 0).
        signal: usize,
        /// Done; refused when the signal itself says no, and nothing is undone; unknown when
        /// nobody could tell.
        outcome: Outcome,
        /// Why nobody could tell, or what it says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// Somebody asked to cancel.
    CancelRequested {
        /// Their words.
        reason: String,
        /// Who.
        actor: String,
    },
    /// Somebody had a leg tried again.
    Retried {
        /// The step's path.
        step: String,
        /// The leg.
        leg: Leg,
        /// The next attempt begins a round under a fresh key.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        fresh: bool,
        /// What is sent from here on instead of what the file says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Json>,
        /// Why, in their words.
        reason: String,
        /// Who.
        actor: String,
    },
    /// Somebody said what became of a leg.
    Settled {
        /// The step's path.
        step: String,
        /// The leg.
        leg: Leg,
        /// What became of it.
        settlement: Settlement,
        /// How they know.
        evidence: String,
        /// The result of a do that took effect after the saga had given it up: its own undo
        /// sees it, and nothing else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        late: Option<Value>,
        /// What follows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Next>,
        /// Why, in their words.
        reason: String,
        /// Who.
        actor: String,
    },
    /// Somebody gave it up.
    Abandoned {
        /// What remains of it.
        left: Vec<Left>,
        /// Why, in their words.
        reason: String,
        /// Who.
        actor: String,
    },
    /// Somebody wrote down what is known, or who looks after it.
    Noted {
        /// What is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Who looks after it; an empty name for nobody. None leaves that as it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// Why, in their words.
        reason: String,
        /// Who wrote it.
        actor: String,
    },
    /// The deadline passed before the pivot.
    DeadlinePassed,
    /// The pivot was done although a cancel or the deadline came meanwhile: forward.
    CancelTooLate,
    /// It goes on under another version of its definition, which was proven to be safe.
    Moved {
        /// The version that it left.
        from: u32,
        /// The version by which it goes on.
        version: u32,
        /// That version's hash.
        definition_hash: String,
        /// The versions of the sagas that it runs beside those that it knew.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        children: BTreeMap<String, u32>,
        /// Why, in somebody's words.
        reason: String,
        /// Who.
        actor: String,
    },
    /// Compensation begins.
    TurnedBack {
        /// Why.
        code: ReasonCode,
        /// The step that caused it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// What happened.
        failure: Failure,
    },
    /// It holds its lock: from here its steps may begin, or its undo go on.
    LockTaken,
    /// A late effect must be undone in a saga that had ended.
    Reopened {
        /// The step's path.
        step: String,
    },
    /// Every required step is done.
    Completed {
        /// The definition's output.
        output: Json,
        /// Why the output could not be computed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output_error: Option<Failure>,
    },
    /// Everything that may have happened was undone.
    Compensated,
}

/// What remains of a step in a saga that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// The step's path.
    pub step: String,
    /// What became of its do: done or unknown.
    pub outcome: Outcome,
    /// What became of its undo.
    pub undo: UndoView,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}
