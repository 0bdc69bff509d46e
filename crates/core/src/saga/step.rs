//! What one record does to the step that it is about: its outcome, its legs, their books. A
//! part of the one fold; it obeys what a record says and decides nothing.

use super::{
    Entry, Failure, FoldError, Leg, LegPhase, LegState, Meaning, Next, Outcome, ParkCause, Record,
    ReplyOutcome, State, StepState, StuckCode, Undone, Value,
};
use super::{by_hand, child};
use crate::time::Timestamp;

pub(super) fn apply_to_state(state: &mut StepState, entry: &Entry) -> Result<(), FoldError> {
    let at = entry.at;
    let out_of_place = |message: String| FoldError::OutOfPlace {
        seq: entry.seq,
        message,
    };
    match &entry.record {
        Record::StepSkipped { .. } => skip(state, at),
        Record::StepStarted { .. } | Record::EachStarted { .. } | Record::StepEnded { .. } => {
            apply_to_whole(state, entry);
        }
        Record::Parked { leg, cause, .. } => {
            reach(state, at);
            park(state.leg_mut(*leg), cause.clone(), at);
        }
        Record::CheckBegun { failure, .. } => begin_check(state, failure.clone(), at),
        Record::ChildStarted { .. } | Record::ChildOrdered { .. } | Record::ChildTold { .. } => {
            child::apply(state, entry).map_err(out_of_place)?;
        }
        Record::LegStuck {
            leg, code, message, ..
        } => {
            reach(state, at);
            stick(state, *leg, *code, message, at);
        }
        Record::LateAnswer { result, next, .. } => {
            late(state, result.clone(), next.as_ref(), at).map_err(out_of_place)?;
        }
        Record::ReplyReceived { leg, next, .. } => {
            replied(state, *leg, next.as_ref(), entry);
        }
        Record::NoReply { leg, next, .. } => {
            no_reply(state, *leg, next, entry).map_err(out_of_place)?;
        }
        Record::AttemptStarted { leg, .. } => {
            reach(state, at);
            intend(state.leg_mut(*leg), &entry.record, at);
        }
        Record::AttemptEnded { leg, next, .. } => {
            attempt_ended(state, *leg, next, entry).map_err(out_of_place)?;
        }
        Record::Retried {
            leg, fresh, body, ..
        } => by_hand::retried(state, *leg, *fresh, body.as_ref(), at),
        Record::Settled { .. } => by_hand::settled(state, entry).map_err(out_of_place)?,
        // Records about the saga as a whole; they touch no step.
        Record::Started(_)
        | Record::ParentTold { .. }
        | Record::SignalReceived { .. }
        | Record::SignalLate { .. }
        | Record::CancelRequested { .. }
        | Record::DeadlinePassed
        | Record::CancelTooLate
        | Record::Moved { .. }
        | Record::Abandoned { .. }
        | Record::Noted { .. }
        | Record::TurnedBack { .. }
        | Record::Reopened { .. }
        | Record::Completed { .. }
        | Record::LockTaken
        | Record::Compensated => {}
    }
    Ok(())
}

/// Records about a step as a whole, none of its legs.
fn apply_to_whole(state: &mut StepState, entry: &Entry) {
    let at = entry.at;
    match &entry.record {
        Record::StepStarted { until, .. } => {
            reach(state, at);
            state.until = *until;
        }
        Record::EachStarted { items, .. } => {
            state.started_at = Some(at);
            state.items = Some(items.as_slice().into());
        }
        Record::StepEnded {
            outcome,
            result,
            failure,
            ..
        } => {
            reach(state, at);
            end(state, *outcome, at);
            state.result.clone_from(result);
            state.failure.clone_from(failure);
        }
        _ => {}
    }
}

fn attempt_ended(
    state: &mut StepState,
    leg: Leg,
    next: &Next,
    entry: &Entry,
) -> Result<(), String> {
    let early = leg == Leg::Undo && state.state == State::Ended(Outcome::Unknown);
    let current = state.leg_mut(leg);
    if !matches!(current.phase, LegPhase::InFlight { .. }) {
        return Err("an attempt ends that was not begun".to_owned());
    }
    count(current, &entry.record, early);
    follow(state, leg, next, entry.at);
    Ok(())
}

fn skip(state: &mut StepState, at: Timestamp) {
    state.state = State::Skipped;
    state.started_at = Some(at);
    state.ended_at = Some(at);
}

/// An attempt's intent: the first one of a round opens new books.
fn intend(leg: &mut LegState, started: &Record, at: Timestamp) {
    let Record::AttemptStarted {
        round,
        attempt,
        key,
        body_hash,
        until,
        keys_until,
        ..
    } = started
    else {
        return;
    };
    if *round != leg.round {
        // A do that was accepted sets it before its check is asked first.
        leg.poll_until = leg.poll_until.filter(|_| leg.round == 0);
        leg.round = *round;
        if let Some(body) = leg.next_body.take() {
            leg.body = Some(body);
        }
        leg.burned = 0;
        leg.refusals = 0;
        leg.may_have = false;
        leg.all_not_found = true;
        leg.asked_early = false;
        leg.overtaken = false;
    }
    leg.new_round = false;
    leg.attempts = *attempt;
    leg.key = Some(key.clone());
    leg.body_hash = Some(body_hash.clone());
    leg.keys_until = Some(*keys_until);
    leg.first_at.get_or_insert(at);
    leg.phase = LegPhase::InFlight {
        since: at,
        until: *until,
        request: None,
    };
}

/// Keeps the books of a leg when one of its attempts ended.
fn count(leg: &mut LegState, ended: &Record, early: bool) {
    let Record::AttemptEnded {
        status,
        meaning,
        message,
        next,
        ..
    } = ended
    else {
        return;
    };
    let (meaning, no_answer) = (*meaning, status.is_none());
    let (burned, arrived) = match meaning {
        Meaning::Done | Meaning::Refused | Meaning::NotFound | Meaning::MayHave => (1, true),
        // It counts as an attempt only if no word follows.
        Meaning::Pending => (0, true),
        Meaning::NotSent => (1, false),
        Meaning::Misconfigured | Meaning::Held => (0, false),
    };
    leg.burned += burned;
    leg.refusals += u32::from(meaning == Meaning::Refused);
    if matches!(next, Next::Poll { .. }) {
        leg.burned = 0;
    }
    leg.may_have |= matches!(meaning, Meaning::MayHave | Meaning::Pending);
    leg.asked_early |= arrived && early;
    leg.said_not_found |= meaning == Meaning::NotFound;
    leg.took_effect |= meaning == Meaning::Done;
    leg.unanswered |= meaning == Meaning::MayHave && no_answer;
    if arrived && meaning != Meaning::NotFound {
        leg.all_not_found = false;
    }
    if message.is_some() {
        leg.last_message.clone_from(message);
    }
}

/// Does what an attempt's end leads to.
pub(super) fn follow(state: &mut StepState, leg: Leg, next: &Next, at: Timestamp) {
    let current = state.leg_mut(leg);
    current.phase = LegPhase::Idle;
    if !matches!(next, Next::Park(_)) {
        current.parked_since = None;
    }
    match next {
        Next::Done { result } => match leg {
            Leg::Undo => state.undone = Some(Undone::Done),
            Leg::Confirm => state.confirmed = true,
            Leg::Do | Leg::Check => {
                end(state, Outcome::Done, at);
                state.result = Some(result.clone());
                state.failure = None;
            }
        },
        Next::Refused(failure) => end_failed(state, Outcome::Refused, failure, at),
        Next::NotSent(failure) => end_failed(state, Outcome::NotSent, failure, at),
        Next::Unknown(failure) => end_failed(state, Outcome::Unknown, failure, at),
        Next::Retry { at: again } => {
            current.phase = LegPhase::Retry {
                at: *again,
                since: at,
            }
        }
        Next::Check(failure) => begin_check(state, failure.clone(), at),
        Next::AwaitReply { until } => {
            current.phase = LegPhase::AwaitingReply {
                since: at,
                until: *until,
            }
        }
        Next::Poll { at: again, until } => {
            let asked = if leg == Leg::Do { Leg::Check } else { leg };
            poll(state.leg_mut(asked), *again, *until, at);
        }
        Next::Park(cause) => park(current, cause.clone(), at),
        Next::NothingThere => state.undone = Some(Undone::NothingThere),
        Next::LookAgain { at: again } => look_again(state, *again, at),
        Next::Stuck { code, message } => stick(state, leg, *code, message, at),
    }
}

fn poll(leg: &mut LegState, again: Timestamp, until: Timestamp, at: Timestamp) {
    leg.poll_until.get_or_insert(until);
    leg.phase = LegPhase::Polling {
        at: again,
        since: at,
    };
}

/// A reply: what it says is kept; what follows is done unless it is but a note.
fn replied(state: &mut StepState, leg: Leg, next: Option<&Next>, entry: &Entry) {
    let Record::ReplyReceived {
        round,
        outcome,
        message,
        ..
    } = &entry.record
    else {
        return;
    };
    let current = state.leg_mut(leg);
    current.replies.retain(|(known, _)| known != round);
    current.replies.push((*round, *outcome));
    let Some(next) = next else { return };
    current.took_effect |= *outcome == ReplyOutcome::Done;
    if *outcome == ReplyOutcome::Refused {
        // The service's word on its key, whatever answers were lost before.
        current.refusals += 1;
        current.may_have = false;
        current.unanswered = false;
    }
    if message.is_some() {
        current.last_message.clone_from(message);
    }
    follow(state, leg, next, entry.at);
}

/// No reply came in time: like an attempt that got no answer.
fn no_reply(state: &mut StepState, leg: Leg, next: &Next, entry: &Entry) -> Result<(), String> {
    let Record::NoReply { message, .. } = &entry.record else {
        return Ok(());
    };
    let current = state.leg_mut(leg);
    if !matches!(current.phase, LegPhase::AwaitingReply { .. }) {
        return Err("a reply is missed that was not waited for".to_owned());
    }
    current.burned += 1;
    current.unanswered = true;
    current.last_message = Some(message.clone());
    follow(state, leg, next, entry.at);
    Ok(())
}

pub(super) fn reach(state: &mut StepState, at: Timestamp) {
    if state.state == State::Pending {
        state.state = State::Running;
        state.started_at = Some(at);
    }
}

fn end(state: &mut StepState, outcome: Outcome, at: Timestamp) {
    state.state = State::Ended(outcome);
    state.ended_at = Some(at);
    state.until = None;
    state.forward.phase = LegPhase::Idle;
    state.check.phase = LegPhase::Idle;
}

fn end_failed(state: &mut StepState, outcome: Outcome, failure: &Failure, at: Timestamp) {
    end(state, outcome, at);
    state.result = None;
    state.failure = Some(failure.clone());
}

fn begin_check(state: &mut StepState, failure: Failure, at: Timestamp) {
    state.failure = Some(failure);
    state.forward.phase = LegPhase::Idle;
    state.check.phase = LegPhase::Retry { at, since: at };
}

fn park(leg: &mut LegState, cause: ParkCause, at: Timestamp) {
    let since = *leg.parked_since.get_or_insert(at);
    let overdue = matches!(leg.phase, LegPhase::Parked { overdue: true, .. });
    leg.phase = LegPhase::Parked {
        cause,
        since,
        overdue,
    };
}

fn look_again(state: &mut StepState, again: Timestamp, at: Timestamp) {
    state.undone = None;
    state.undo.looked = true;
    state.undo.new_round = true;
    state.undo.phase = LegPhase::LookAgain {
        at: again,
        since: at,
    };
}

fn stick(state: &mut StepState, leg: Leg, code: StuckCode, message: &str, at: Timestamp) {
    let stuck = LegPhase::Stuck {
        code,
        message: message.to_owned(),
        since: at,
    };
    match leg {
        Leg::Undo => {
            state.undone = None;
            stick_leg(&mut state.undo, stuck, code);
        }
        Leg::Confirm => stick_leg(&mut state.confirm, stuck, code),
        Leg::Do | Leg::Check => {
            match code {
                StuckCode::ForwardRefused => end(state, Outcome::Refused, at),
                StuckCode::OutcomeUnknown | StuckCode::KeyExpired => {
                    end(state, Outcome::Unknown, at)
                }
                StuckCode::UndoRefused
                | StuckCode::UndoExhausted
                | StuckCode::UndoNotFound
                | StuckCode::UndoUnclear
                | StuckCode::LateEffect
                | StuckCode::BodyChanged
                | StuckCode::Unreachable
                | StuckCode::ExpressionFailed
                | StuckCode::ChildStuck
                | StuckCode::Restored => {}
            }
            if code == StuckCode::Unreachable {
                stick_leg(state.leg_mut(leg), stuck, code);
            } else {
                state.check.phase = LegPhase::Idle;
                state.forward.phase = stuck;
            }
        }
    }
}

/// A leg that was parked too long stays parked, so that it goes on by itself when its road
/// opens; any other stays where it is until a person comes.
fn stick_leg(leg: &mut LegState, stuck: LegPhase, code: StuckCode) {
    match &mut leg.phase {
        LegPhase::Parked { overdue, .. } if code == StuckCode::Unreachable => *overdue = true,
        phase => *phase = stuck,
    }
}

/// A success that came after its do was given up. Without a result it is a note; one for an
/// undo that is under way asks that undo to look once more when this round is over.
pub(super) fn late(
    state: &mut StepState,
    result: Option<Value>,
    next: Option<&Next>,
    at: Timestamp,
) -> Result<(), String> {
    let Some(result) = result else {
        match next {
            None => {}
            Some(Next::LookAgain { .. }) => {
                state.undo.looked = false;
                state.undo.learn_of_do();
                state.undo.overtaken = state.undo.asked_early;
            }
            Some(other) => return Err(format!("a note leads to {other:?}")),
        }
        return Ok(());
    };
    state.state = State::Ended(Outcome::Done);
    state.forward.phase = LegPhase::Idle;
    state.result = Some(result);
    state.late = true;
    match next {
        None => {}
        Some(Next::LookAgain { at: again }) => look_again(state, *again, at),
        Some(Next::Stuck { code, message }) => stick(state, Leg::Undo, *code, message, at),
        Some(other) => return Err(format!("a late success leads to {other:?}")),
    }
    Ok(())
}
