//! Stable codes, which programs and pages hang on: why a saga turned back, and why a leg needs a
//! person. Only added to, never changed.

use serde::{Deserialize, Serialize};

/// Why a saga turned back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// A step was refused.
    Refused,
    /// A step's attempts were spent and none ever left.
    NotSent,
    /// A step may have happened.
    Unknown,
    /// The saga's deadline passed.
    Deadline,
    /// Somebody cancelled it.
    Cancelled,
    /// An expression gave no value.
    ExpressionFailed,
    /// An operator undid it after it was completed.
    UndoneByOperator,
    /// The saga that it is a child of was undone after it was completed.
    UndoneByParent,
}

impl ReasonCode {
    /// All of them.
    pub const ALL: [ReasonCode; 8] = [
        ReasonCode::Refused,
        ReasonCode::NotSent,
        ReasonCode::Unknown,
        ReasonCode::Deadline,
        ReasonCode::Cancelled,
        ReasonCode::ExpressionFailed,
        ReasonCode::UndoneByOperator,
        ReasonCode::UndoneByParent,
    ];

    /// The code as written in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            ReasonCode::Refused => "refused",
            ReasonCode::NotSent => "not_sent",
            ReasonCode::Unknown => "unknown",
            ReasonCode::Deadline => "deadline",
            ReasonCode::Cancelled => "cancelled",
            ReasonCode::ExpressionFailed => "expression_failed",
            ReasonCode::UndoneByOperator => "undone_by_operator",
            ReasonCode::UndoneByParent => "undone_by_parent",
        }
    }

    /// Only a saga that was completed is undone for this.
    pub const fn is_after_the_end(self) -> bool {
        matches!(
            self,
            ReasonCode::UndoneByOperator | ReasonCode::UndoneByParent
        )
    }
}

/// Why a leg needs a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StuckCode {
    /// The service refused the undo.
    UndoRefused,
    /// The undo's attempts are spent.
    UndoExhausted,
    /// The undo of what was done found nothing.
    UndoNotFound,
    /// Nobody can tell whether the undo happened, and no fresh key is safe.
    UndoUnclear,
    /// A success came after its undo had run, and undoing again is not safe.
    LateEffect,
    /// A step after the pivot was refused.
    ForwardRefused,
    /// A leg may have happened, and nothing more can be found out.
    OutcomeUnknown,
    /// The service no longer keeps the key of a leg that may have happened.
    KeyExpired,
    /// The body would no longer be the one first sent.
    BodyChanged,
    /// Parked for longer than `park_limit`.
    Unreachable,
    /// An expression gave no value where the saga cannot turn back.
    ExpressionFailed,
    /// The child needs a person, or was given up.
    ChildStuck,
    /// The store was restored from a backup.
    Restored,
}

impl StuckCode {
    /// All of them.
    pub const ALL: [StuckCode; 13] = [
        StuckCode::UndoRefused,
        StuckCode::UndoExhausted,
        StuckCode::UndoNotFound,
        StuckCode::UndoUnclear,
        StuckCode::LateEffect,
        StuckCode::ForwardRefused,
        StuckCode::OutcomeUnknown,
        StuckCode::KeyExpired,
        StuckCode::BodyChanged,
        StuckCode::Unreachable,
        StuckCode::ExpressionFailed,
        StuckCode::ChildStuck,
        StuckCode::Restored,
    ];

    /// The code as written in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            StuckCode::UndoRefused => "undo_refused",
            StuckCode::UndoExhausted => "undo_exhausted",
            StuckCode::UndoNotFound => "undo_not_found",
            StuckCode::UndoUnclear => "undo_unclear",
            StuckCode::LateEffect => "late_effect",
            StuckCode::ForwardRefused => "forward_refused",
            StuckCode::OutcomeUnknown => "outcome_unknown",
            StuckCode::KeyExpired => "key_expired",
            StuckCode::BodyChanged => "body_changed",
            StuckCode::Unreachable => "unreachable",
            StuckCode::ExpressionFailed => "expression_failed",
            StuckCode::ChildStuck => "child_stuck",
            StuckCode::Restored => "restored",
        }
    }
}
