//! Small projections of a saga that the engine's callers wait for.

use banyan_core::saga::{Saga, State};

/// Has the step of this name or path ended, in whatever way? False for one that the
/// definition has not.
pub(crate) fn step_ended(saga: &Saga, step: &str) -> bool {
    let mut ended = false;
    saga.each_state(&mut |at, state| {
        if at.step.name == step || at.path() == step {
            ended |= matches!(state.state, State::Ended(_) | State::Skipped);
        }
    });
    ended
}
