//! What the records of verbs do to the step that they are about. A part of the one fold.

use super::step::{follow, late};
use super::{
    Entry, Leg, LegPhase, LegState, Next, Outcome, Record, ReplyOutcome, Settlement, State,
    StepState,
};
use crate::json::Json;
use crate::time::Timestamp;
use std::sync::Arc;

/// A leg is tried again at once: where it stopped, or in a round under a fresh key.
pub(super) fn retried(
    state: &mut StepState,
    leg: Leg,
    fresh: bool,
    body: Option<&Json>,
    at: Timestamp,
) {
    let current = state.leg_mut(leg);
    // The same round asks again: that it is refused may be told again, and counts again.
    let asked_again = current.round;
    current
        .replies
        .retain(|(round, said)| *round != asked_again || *said != ReplyOutcome::Refused);
    if let Some(body) = body {
        current.next_body = Some(Arc::new(body.clone()));
    }
    if leg == Leg::Check && matches!(state.forward.phase, LegPhase::Stuck { .. }) {
        return ask_again(state, at);
    }
    let current = state.leg_mut(leg);
    match &mut current.phase {
        LegPhase::Stuck { .. } => begin_again(state, leg, fresh, at),
        LegPhase::Retry { at: due, .. } | LegPhase::Polling { at: due, .. } => {
            *due = at;
            current.new_round |= fresh;
        }
        _ => {}
    }
}

/// What a person said of a leg stands as if its service had said so.
pub(super) fn settled(state: &mut StepState, entry: &Entry) -> Result<(), String> {
    let Record::Settled {
        leg,
        settlement,
        late: late_result,
        next,
        ..
    } = &entry.record
    else {
        return Ok(());
    };
    let at = entry.at;
    let happened = *settlement == Settlement::Done;
    keep_books(state.leg_mut(*leg), happened);
    if *leg != Leg::Undo && happened && state.state == State::Ended(Outcome::Unknown) {
        state.undo.learn_of_do();
    }
    if *leg == Leg::Do && !happened {
        // There is nothing to take back.
        state.undo.phase = LegPhase::Idle;
        state.undo.new_round = false;
    }
    match (late_result, next) {
        (Some(result), next) => late(state, Some(result.clone()), next.as_ref(), at)?,
        (None, Some(Next::Retry { .. })) => begin_again(state, *leg, true, at),
        (None, Some(next)) => follow(state, *leg, next, at),
        (None, None) => {}
    }
    Ok(())
}

fn keep_books(leg: &mut LegState, happened: bool) {
    leg.took_effect = happened;
    if !happened {
        leg.may_have = false;
        leg.unanswered = false;
        leg.all_not_found = true;
    }
}

/// A do that is not sent again is asked about once more.
fn ask_again(state: &mut StepState, at: Timestamp) {
    state.forward.phase = LegPhase::Idle;
    state.ended_at = None;
    state.state = State::Running;
    let check = &mut state.check;
    check.burned = 0;
    check.poll_until = None;
    check.new_round = check.round > 0;
    check.phase = LegPhase::Retry { at, since: at };
}

/// New attempts, due at once. One that never sent anything begins from its own beginning.
fn begin_again(state: &mut StepState, leg: Leg, fresh: bool, at: Timestamp) {
    let current = state.leg_mut(leg);
    current.burned = 0;
    current.parked_since = None;
    current.poll_until = None;
    current.new_round |= fresh && current.round > 0;
    current.phase = LegPhase::Retry { at, since: at };
    if leg == Leg::Undo {
        state.undone = None;
    }
    if leg != Leg::Do {
        return;
    }
    state.failure = None;
    state.ended_at = None;
    state.check.phase = LegPhase::Idle;
    state.check.poll_until = None;
    state.check.new_round = state.check.round > 0;
    state.state = State::Running;
    if state.child.take().is_some() {
        // Another child, under another key.
        state.forward.round = state.forward.round.max(1) + 1;
        state.state = State::Pending;
    }
    if state.forward.attempts == 0 {
        state.state = State::Pending;
        state.forward.phase = LegPhase::Idle;
    }
}
