//! The one fold: what each record does to a saga. Live sagas and recovered ones go through it
//! alike. It obeys what a record says and decides nothing.

use super::{
    Entry, FoldError, Halt, Leg, LegPhase, LegState, Meaning, Next, Outcome, Phase, Plan, Reason,
    ReasonCode, Record, Saga, Signal, Started, State, StepState, StuckCode, Undone,
};
use crate::definition::{Definition, Kind, Step};
use crate::id::Id;
use crate::time::Timestamp;
use std::sync::Arc;

/// Folds a whole journal.
pub(super) fn fold(id: Id, plan: Arc<Plan>, journal: &[Entry]) -> Result<Saga, FoldError> {
    let out_of_place = |seq, message: &str| FoldError::OutOfPlace {
        seq,
        message: message.to_owned(),
    };
    let (first, rest) = journal
        .split_first()
        .ok_or_else(|| out_of_place(0, "the journal is empty"))?;
    if first.seq != 1 {
        return Err(FoldError::Gap {
            before: 0,
            after: first.seq,
        });
    }
    let Record::Started(started) = &first.record else {
        return Err(out_of_place(first.seq, "a journal begins with its start"));
    };
    let mut saga = begin(id, plan, started, first.at);
    for entry in rest {
        apply(&mut saga, entry)?;
    }
    Ok(saga)
}

/// The saga that a first record makes.
pub(super) fn begin(id: Id, plan: Arc<Plan>, started: &Started, at: Timestamp) -> Saga {
    let steps = blank(&plan.definition.steps);
    Saga {
        id,
        plan,
        namespace: started.namespace.clone(),
        key: started.key.clone(),
        call_seed: started.call_seed.clone(),
        input: Arc::new(started.input.clone()),
        labels: started.labels.clone(),
        deadline: started.deadline,
        park_limit: started.park_limit,
        started_at: at,
        updated_at: at,
        ended_at: None,
        seq: 1,
        phase: Phase::Forward,
        reason: None,
        halt: None,
        past_pivot: false,
        steps,
        signals: Vec::new(),
        output: None,
        output_error: None,
        reopened: 0,
    }
}

fn blank(steps: &[Step]) -> Vec<StepState> {
    let parts = |step: &Step| match &step.kind {
        Kind::Group(group) => blank(&group.steps),
        Kind::Call(_) | Kind::Wait(_) | Kind::Sleep(_) | Kind::Set(_) | Kind::Refuse(_) => {
            Vec::new()
        }
    };
    steps
        .iter()
        .map(|step| StepState {
            parts: parts(step),
            ..StepState::default()
        })
        .collect()
}

/// What one record does.
pub(super) fn apply(saga: &mut Saga, entry: &Entry) -> Result<(), FoldError> {
    if entry.seq != saga.seq + 1 {
        return Err(FoldError::Gap {
            before: saga.seq,
            after: entry.seq,
        });
    }
    apply_record(saga, entry)?;
    saga.seq = entry.seq;
    saga.updated_at = entry.at;
    Ok(())
}

fn apply_record(saga: &mut Saga, entry: &Entry) -> Result<(), FoldError> {
    let at = entry.at;
    match &entry.record {
        Record::Started(_) => {
            let message = "a saga starts once".to_owned();
            return Err(FoldError::OutOfPlace {
                seq: entry.seq,
                message,
            });
        }
        Record::StepSkipped { .. }
        | Record::StepStarted { .. }
        | Record::StepEnded { .. }
        | Record::AttemptStarted { .. }
        | Record::AttemptEnded { .. }
        | Record::Parked { .. }
        | Record::CheckBegun { .. }
        | Record::LegStuck { .. }
        | Record::LateAnswer { .. } => return apply_to_step(saga, entry),
        Record::SignalReceived { name, key, body } => saga.signals.push(Signal {
            name: name.clone(),
            key: key.clone(),
            body: body.clone(),
            at,
            taken_by: None,
        }),
        Record::CancelRequested { reason, .. } => {
            saga.halt = Some(Halt {
                code: ReasonCode::Cancelled,
                message: reason.clone(),
            });
        }
        Record::DeadlinePassed => {
            let message = "the deadline passed".to_owned();
            saga.halt.get_or_insert(Halt {
                code: ReasonCode::Deadline,
                message,
            });
        }
        Record::CancelTooLate => saga.halt = None,
        Record::TurnedBack {
            code,
            step,
            failure,
        } => {
            saga.phase = Phase::Back;
            saga.halt = None;
            if *code == ReasonCode::Cancelled {
                saga.steps.iter_mut().for_each(release);
            }
            saga.reason.get_or_insert_with(|| Reason {
                code: *code,
                step: step.clone(),
                message: failure.message.clone(),
                detail: failure.detail.clone(),
            });
        }
        Record::Reopened { .. } => {
            saga.phase = Phase::Back;
            saga.ended_at = None;
            saga.reopened += 1;
        }
        Record::Completed {
            output,
            output_error,
        } => {
            saga.phase = Phase::Completed;
            saga.ended_at = Some(at);
            saga.output = Some(output.clone());
            saga.output_error.clone_from(output_error);
        }
        Record::Compensated => {
            saga.phase = Phase::Compensated;
            saga.ended_at = Some(at);
        }
    }
    Ok(())
}

/// Who cancels takes a do that waits for a person for one that may have happened: its undo
/// decides. One that was not decided yet is, on the way back, by what its attempts left.
fn release(state: &mut StepState) {
    if matches!(state.forward.phase, LegPhase::Stuck { .. }) {
        state.forward.phase = LegPhase::Idle;
    }
    state.parts.iter_mut().for_each(release);
}

fn apply_to_step(saga: &mut Saga, entry: &Entry) -> Result<(), FoldError> {
    let path = entry.record.step().unwrap_or_default();
    let plan = Arc::clone(&saga.plan);
    let route = plan
        .index
        .by_path(path)
        .ok_or_else(|| FoldError::UnknownStep {
            seq: entry.seq,
            step: path.to_owned(),
        })?;
    if let Record::StepEnded {
        signal: Some(taken),
        ..
    } = &entry.record
    {
        let signal = saga.signals.get_mut(*taken);
        let signal = signal.ok_or_else(|| FoldError::OutOfPlace {
            seq: entry.seq,
            message: format!("{path} takes the signal {taken}, which never came"),
        })?;
        signal.taken_by = Some(path.to_owned());
    }
    let state = saga.state_mut(route);
    apply_to_state(state, entry)?;
    note_pivot(&plan.definition, saga, route);
    Ok(())
}

fn apply_to_state(state: &mut StepState, entry: &Entry) -> Result<(), FoldError> {
    let at = entry.at;
    match &entry.record {
        Record::StepSkipped { .. } => {
            state.state = State::Skipped;
            state.started_at = Some(at);
            state.ended_at = Some(at);
        }
        Record::StepStarted { until, .. } => {
            reach(state, at);
            state.until = *until;
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
        Record::Parked { leg, cause, .. } => {
            reach(state, at);
            park(state.leg_mut(*leg), cause.clone(), at);
        }
        Record::CheckBegun { failure, .. } => begin_check(state, failure.clone(), at),
        Record::LegStuck {
            leg, code, message, ..
        } => {
            reach(state, at);
            stick(state, *leg, *code, message, at);
        }
        Record::LateAnswer { result, next, .. } => {
            late(state, result.clone(), next.as_ref(), at).map_err(|message| {
                let seq = entry.seq;
                FoldError::OutOfPlace { seq, message }
            })?;
        }
        Record::AttemptStarted { leg, .. } => {
            reach(state, at);
            intend(state.leg_mut(*leg), &entry.record, at);
        }
        Record::AttemptEnded {
            leg,
            status,
            meaning,
            message,
            next,
            ..
        } => {
            let current = state.leg_mut(*leg);
            if !matches!(current.phase, LegPhase::InFlight { .. }) {
                return Err(FoldError::OutOfPlace {
                    seq: entry.seq,
                    message: "an attempt ends that was not begun".to_owned(),
                });
            }
            count(current, *meaning, status.is_none(), message.clone());
            follow(state, *leg, next, at);
        }
        // Records about the saga as a whole; they touch no step.
        Record::Started(_)
        | Record::SignalReceived { .. }
        | Record::CancelRequested { .. }
        | Record::DeadlinePassed
        | Record::CancelTooLate
        | Record::TurnedBack { .. }
        | Record::Reopened { .. }
        | Record::Completed { .. }
        | Record::Compensated => {}
    }
    Ok(())
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
        leg.round = *round;
        leg.burned = 0;
        leg.may_have = false;
        leg.all_not_found = true;
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
fn count(leg: &mut LegState, meaning: Meaning, no_answer: bool, message: Option<String>) {
    let (burned, arrived) = match meaning {
        Meaning::Done | Meaning::Refused | Meaning::NotFound | Meaning::MayHave => (1, true),
        Meaning::NotSent => (1, false),
        Meaning::Misconfigured | Meaning::Held => (0, false),
    };
    leg.burned += burned;
    leg.may_have |= meaning == Meaning::MayHave;
    leg.took_effect |= meaning == Meaning::Done;
    leg.unanswered |= meaning == Meaning::MayHave && no_answer;
    if arrived && meaning != Meaning::NotFound {
        leg.all_not_found = false;
    }
    if message.is_some() {
        leg.last_message = message;
    }
}

/// Does what an attempt's end leads to.
fn follow(state: &mut StepState, leg: Leg, next: &Next, at: Timestamp) {
    let current = state.leg_mut(leg);
    current.phase = LegPhase::Idle;
    if !matches!(next, Next::Park(_)) {
        current.parked_since = None;
    }
    match next {
        Next::Done { result } => match leg {
            Leg::Undo => state.undone = Some(Undone::Done),
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
        Next::Park(cause) => park(current, cause.clone(), at),
        Next::NothingThere => state.undone = Some(Undone::NothingThere),
        Next::LookAgain { at: again } => look_again(state, *again, at),
        Next::Stuck { code, message } => stick(state, leg, *code, message, at),
    }
}

fn reach(state: &mut StepState, at: Timestamp) {
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

fn end_failed(state: &mut StepState, outcome: Outcome, failure: &super::Failure, at: Timestamp) {
    end(state, outcome, at);
    state.result = None;
    state.failure = Some(failure.clone());
}

fn begin_check(state: &mut StepState, failure: super::Failure, at: Timestamp) {
    state.failure = Some(failure);
    state.forward.phase = LegPhase::Idle;
    state.check.phase = LegPhase::Retry { at, since: at };
}

fn park(leg: &mut LegState, cause: super::ParkCause, at: Timestamp) {
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
fn late(
    state: &mut StepState,
    result: Option<super::Value>,
    next: Option<&Next>,
    at: Timestamp,
) -> Result<(), String> {
    let Some(result) = result else {
        match next {
            None => {}
            Some(Next::LookAgain { .. }) => state.undo.looked = false,
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

fn note_pivot(definition: &Definition, saga: &mut Saga, route: &[usize]) {
    let step = definition.step(route);
    if step.pivot && saga.phase == Phase::Forward {
        let done = saga.state(route).state == State::Ended(Outcome::Done);
        let skipped = saga.state(route).state == State::Skipped;
        saga.past_pivot |= done || skipped;
    }
}

impl Record {
    /// The path of the step that this record is about.
    pub fn step(&self) -> Option<&str> {
        match self {
            Record::StepSkipped { step }
            | Record::StepStarted { step, .. }
            | Record::StepEnded { step, .. }
            | Record::AttemptStarted { step, .. }
            | Record::AttemptEnded { step, .. }
            | Record::Parked { step, .. }
            | Record::CheckBegun { step, .. }
            | Record::LegStuck { step, .. }
            | Record::LateAnswer { step, .. }
            | Record::Reopened { step } => Some(step),
            Record::TurnedBack { step, .. } => step.as_deref(),
            Record::Started(_)
            | Record::SignalReceived { .. }
            | Record::CancelRequested { .. }
            | Record::DeadlinePassed
            | Record::CancelTooLate
            | Record::Completed { .. }
            | Record::Compensated => None,
        }
    }
}

impl Saga {
    /// The state of the step at a route of this saga's definition.
    pub fn state(&self, route: &[usize]) -> &StepState {
        let (&first, rest) = route.split_first().unwrap_or((&0, &[]));
        rest.iter()
            .fold(&self.steps[first], |state, &part| &state.parts[part])
    }

    pub(super) fn state_mut(&mut self, route: &[usize]) -> &mut StepState {
        let (&first, rest) = route.split_first().unwrap_or((&0, &[]));
        rest.iter().fold(&mut self.steps[first], |state, &part| {
            &mut state.parts[part]
        })
    }
}

impl StepState {
    pub(super) fn leg_mut(&mut self, leg: Leg) -> &mut LegState {
        match leg {
            Leg::Do => &mut self.forward,
            Leg::Check => &mut self.check,
            Leg::Undo => &mut self.undo,
        }
    }
}
