//! What can be asked of a saga by hand, as it is now. A projection of its state, never stored.

use super::{LegPhase, Outcome, Phase, ReasonCode, Saga, State};
use crate::definition::Undo;

/// What this build can be asked to do with a saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Turn it back.
    Cancel,
    /// Let it go on under another version of its definition.
    Move,
}

impl Verb {
    /// The verb as written in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Cancel => "cancel",
            Verb::Move => "move",
        }
    }
}

impl Saga {
    /// The verbs that it would take now: cancel, before its pivot, and not while a step without
    /// an undo is unknown; move, while it runs.
    pub fn allowed(&self) -> Vec<Verb> {
        let is_cancelled = self
            .halt
            .as_ref()
            .is_some_and(|halt| halt.code == ReasonCode::Cancelled);
        let is_open = self.phase == Phase::Forward && !self.past_pivot && !is_cancelled;
        let mut verbs = Vec::new();
        if is_open && self.unclear().is_none() {
            verbs.push(Verb::Cancel);
        }
        if self.is_movable() {
            verbs.push(Verb::Move);
        }
        verbs
    }

    /// The path of a step that waits for a person, may have happened and has no undo: it must
    /// be found out before the saga can be undone.
    pub(super) fn unclear(&self) -> Option<String> {
        let mut found = None;
        self.each_state(&mut |at, state| {
            let stuck = matches!(state.forward.phase, LegPhase::Stuck { .. });
            let undecided = state.state == State::Running && state.forward.may_have;
            let unknown = state.state == State::Ended(Outcome::Unknown) || undecided;
            if stuck && unknown && matches!(at.step.undo, Undo::Absent) {
                found.get_or_insert_with(|| at.path());
            }
        });
        found
    }
}
