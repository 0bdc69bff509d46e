//! Small projections of a saga that the engine's callers wait for.

use banyan_core::path::means;
use banyan_core::saga::{Saga, State, StepState};

/// Has the step of this name or path ended, in whatever way? `lines[].reserve` has when it has
/// for every item that there is, or the `each` has with none. False for a step that the
/// definition has not.
pub(crate) fn step_ended(saga: &Saga, step: &str) -> bool {
    let Some((each, _)) = step.rsplit_once("[]") else {
        return any_ended(saga, step);
    };
    let (mut items, mut open) = (0_usize, 0_usize);
    saga.each_state(&mut |at, state| {
        if means(step, &at.path()) {
            items += 1;
            open += usize::from(!has_ended(state));
        }
    });
    if items == 0 {
        any_ended(saga, each)
    } else {
        open == 0
    }
}

fn any_ended(saga: &Saga, step: &str) -> bool {
    let mut ended = false;
    saga.each_state(&mut |at, state| {
        // An item shares the name of its `each`, and is not meant by it.
        if at.name() == step || means(step, &at.path()) {
            ended |= has_ended(state);
        }
    });
    ended
}

fn has_ended(state: &StepState) -> bool {
    matches!(state.state, State::Ended(_) | State::Skipped)
}
