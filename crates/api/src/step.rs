//! A step of a saga as answered: its do, its undo, its parts.

use crate::open::words;
use crate::{Failure, Json, Moment};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// What a step is.
    StepKind {
        /// It calls a service.
        Call = "call",
        /// It waits for a signal.
        Wait = "wait",
        /// It waits for a time.
        Sleep = "sleep",
        /// It computes a value.
        Set = "set",
        /// It turns the saga back.
        Refuse = "refuse",
        /// It runs a saga of its own.
        Child = "child",
        /// It holds other steps.
        Group = "group",
        /// It does the same for each item of a list.
        Each = "each",
    }
}

words! {
    /// What is known of a step's do.
    StepState {
        /// Not reached.
        Pending = "pending",
        /// Its `when` was false.
        Skipped = "skipped",
        /// Reached, not decided.
        Running = "running",
        /// It happened.
        Done = "done",
        /// The service said no.
        Refused = "refused",
        /// Certainly nothing happened.
        NotSent = "not_sent",
        /// It may have happened.
        Unknown = "unknown",
    }
}

words! {
    /// What became of a do.
    Outcome {
        /// It happened.
        Done = "done",
        /// The service said no: nothing happened.
        Refused = "refused",
        /// Certainly nothing happened.
        NotSent = "not_sent",
        /// It may have happened.
        Unknown = "unknown",
    }
}

words! {
    /// How an undo is.
    UndoState {
        /// There is none.
        None = "none",
        /// The do has begun; the undo runs if the saga turns back.
        Pending = "pending",
        /// It runs.
        Running = "running",
        /// It took effect.
        Done = "done",
        /// The do certainly did not happen.
        NothingToUndo = "nothing_to_undo",
        /// It needs a person.
        Stuck = "stuck",
    }
}

words! {
    /// A leg of a step.
    LegName {
        /// Its action.
        Do = "do",
        /// The question what became of its do.
        Check = "check",
        /// Its compensation.
        Undo = "undo",
        /// Its second half.
        Confirm = "confirm",
    }
}

words! {
    /// How a confirm is.
    ConfirmState {
        /// It runs once every step is over, if its step is done.
        Pending = "pending",
        /// It runs.
        Running = "running",
        /// It took effect.
        Done = "done",
        /// It needs a person.
        Stuck = "stuck",
    }
}

/// One step of a saga.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// Its name, unique in the definition.
    pub name: String,
    /// Names it exactly: its groups' names and its own, joined by dots.
    pub path: String,
    /// What it is.
    pub kind: StepKind,
    /// The service that it calls.
    pub service: Option<String>,
    /// What is known of its do.
    pub state: StepState,
    /// It is the point of no return.
    pub pivot: bool,
    /// A group's parts run side by side.
    pub together: bool,
    /// What became of its do; null until that is decided.
    pub outcome: Option<Outcome>,
    /// How often its do was tried.
    pub attempts: u32,
    /// The key that its do carries.
    pub idempotency_key: Option<String>,
    /// Its result; null until it is done.
    pub result: Json,
    /// Why it is not done.
    pub error: Option<Failure>,
    /// Its undo.
    pub undo: UndoLeg,
    /// Its confirm; null when it has none.
    pub confirm: Option<Confirm>,
    /// When it was reached.
    pub started_at: Option<Moment>,
    /// When its outcome was decided.
    pub ended_at: Option<Moment>,
    /// A group's parts.
    #[schema(no_recursion)]
    pub steps: Vec<Step>,
}

/// A step's undo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UndoLeg {
    /// How it is.
    pub state: UndoState,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong last.
    pub error: Option<Failure>,
}

/// A step's confirm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Confirm {
    /// How it is.
    pub state: ConfirmState,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong last.
    pub error: Option<Failure>,
}
