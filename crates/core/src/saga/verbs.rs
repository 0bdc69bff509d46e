//! What can be asked of a saga by hand, as it is now. A projection of its state, never stored.

use super::{LegPhase, Outcome, Phase, ReasonCode, Saga, State, StepState};
use crate::definition::{Kind, Step, Undo};

/// What this build can be asked to do with a saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Turn it back.
    Cancel,
}

impl Verb {
    /// The verb as written in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Cancel => "cancel",
        }
    }
}

impl Saga {
    /// The verbs that it would take now: cancel, before its pivot, and not while a step without
    /// an undo is unknown.
    pub fn allowed(&self) -> Vec<Verb> {
        let is_cancelled = self
            .halt
            .as_ref()
            .is_some_and(|halt| halt.code == ReasonCode::Cancelled);
        let is_open = self.phase == Phase::Forward && !self.past_pivot && !is_cancelled;
        if is_open && !has_unclear(&self.plan.definition.steps, &self.steps) {
            vec![Verb::Cancel]
        } else {
            Vec::new()
        }
    }
}

/// Some step is unknown and has no undo.
fn has_unclear(steps: &[Step], states: &[StepState]) -> bool {
    steps.iter().zip(states).any(|(step, state)| {
        let is_unclear = state.state == State::Ended(Outcome::Unknown)
            && matches!(step.undo, Undo::Absent)
            && matches!(state.forward.phase, LegPhase::Stuck { .. });
        let parts = match &step.kind {
            Kind::Group(group) => group.steps.as_slice(),
            Kind::Call(_) | Kind::Wait(_) | Kind::Sleep(_) | Kind::Set(_) | Kind::Refuse(_) => &[],
        };
        is_unclear || has_unclear(parts, &state.parts)
    })
}
