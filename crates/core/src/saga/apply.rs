//! The one fold: what each record does to a saga. Live sagas and recovered ones go through it
//! alike. It obeys what a record says and decides nothing.

use super::moves::reshape;
use super::step::apply_to_state;
use super::{
    Entry, Failure, FoldError, Halt, Hold, Left, Leg, LegPhase, LegState, Lock, Outcome, Phase,
    Plan, Plans, Reason, ReasonCode, Record, Saga, Signal, Started, State, StepState, StuckCode,
    Value,
};
use crate::definition::{Definition, Kind, Step};
use crate::id::Id;
use crate::json::Json;
use crate::route::{ON_END, Route};
use crate::time::Timestamp;
use std::sync::Arc;

/// Folds a whole journal.
pub(super) fn fold(id: Id, plans: &dyn Plans, journal: &[Entry]) -> Result<Saga, FoldError> {
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
    let plan = version_of(
        plans,
        &started.definition,
        started.version,
        &started.definition_hash,
    );
    let plan = plan.map_err(|message| out_of_place(first.seq, &message))?;
    let mut saga = begin(id, plan, started, first.at);
    for entry in rest {
        apply(&mut saga, entry, plans)?;
    }
    Ok(saga)
}

/// A version by its name and number, which is the one that the hash names.
fn version_of(
    plans: &dyn Plans,
    name: &str,
    version: u32,
    hash: &str,
) -> Result<Arc<Plan>, String> {
    let plan = plans.plan(name, version)?;
    if plan.definition.hash == hash {
        return Ok(plan);
    }
    let Definition {
        name: other,
        version: at,
        ..
    } = &plan.definition;
    Err(format!(
        "the journal is of another definition: {name}@{version}, not {other}@{at}"
    ))
}

/// The saga that a first record makes.
pub(super) fn begin(id: Id, plan: Arc<Plan>, started: &Started, at: Timestamp) -> Saga {
    let steps = blank(&plan.definition.steps);
    Saga {
        id,
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
        on_end: plan.definition.on_end.as_deref().map(blank_step),
        plan,
        steps,
        lock: started.lock.as_ref().map(|value| Lock {
            value: value.clone(),
            hold: Hold::Waits { since: at },
        }),
        signals: Vec::new(),
        output: None,
        output_error: None,
        reopened: 0,
        children: started.children.clone(),
        parent: started.parent.clone(),
        heard: 0,
        owner: None,
        left: Vec::new(),
    }
}

pub(super) fn blank(steps: &[Step]) -> Vec<StepState> {
    steps.iter().map(blank_step).collect()
}

pub(super) fn blank_step(step: &Step) -> StepState {
    let parts = match &step.kind {
        Kind::Group(group) => blank(&group.steps),
        // As many as there are items, once it begins.
        Kind::Each(_) => Vec::new(),
        Kind::Call(_)
        | Kind::Wait(_)
        | Kind::Sleep(_)
        | Kind::Set(_)
        | Kind::Refuse(_)
        | Kind::Run(_) => Vec::new(),
    };
    StepState {
        parts,
        ..StepState::default()
    }
}

/// What one record does.
pub(super) fn apply(saga: &mut Saga, entry: &Entry, plans: &dyn Plans) -> Result<(), FoldError> {
    if entry.seq != saga.seq + 1 {
        return Err(FoldError::Gap {
            before: saga.seq,
            after: entry.seq,
        });
    }
    if let Record::Moved {
        version,
        definition_hash,
        ..
    } = &entry.record
    {
        apply_move(saga, entry.seq, *version, definition_hash, plans)?;
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
        | Record::EachStarted { .. }
        | Record::StepEnded { .. }
        | Record::AttemptStarted { .. }
        | Record::AttemptEnded { .. }
        | Record::Parked { .. }
        | Record::CheckBegun { .. }
        | Record::ChildStarted { .. }
        | Record::ChildOrdered { .. }
        | Record::ChildTold { .. }
        | Record::LegStuck { .. }
        | Record::LateAnswer { .. }
        | Record::ReplyReceived { .. }
        | Record::NoReply { .. }
        | Record::Retried { .. }
        | Record::Settled { .. } => return apply_to_step(saga, entry),
        Record::Abandoned { left, .. } => abandon(saga, left, at),
        Record::Noted { owner: None, .. } => {}
        Record::Noted {
            owner: Some(owner), ..
        } => saga.owner = Some(owner.clone()).filter(|owner| !owner.is_empty()),
        Record::ParentTold { told, .. } => saga.heard = *told,
        Record::SignalReceived { name, key, body } => {
            saga.signals.push(received(name, key, body, at));
        }
        Record::SignalLate { .. } => return apply_late_signal(saga, entry),
        Record::CancelRequested { reason, .. } => {
            saga.halt = Some(halt(ReasonCode::Cancelled, reason));
        }
        Record::DeadlinePassed => {
            saga.halt
                .get_or_insert_with(|| halt(ReasonCode::Deadline, "the deadline passed"));
        }
        Record::Moved { children, .. } => saga.children.extend(children.clone()),
        Record::CancelTooLate => saga.halt = None,
        Record::TurnedBack {
            code,
            step,
            failure,
        } => turn_back(saga, *code, step.clone(), failure, at),
        Record::Reopened { .. } => reopen(saga, at),
        Record::Completed {
            output,
            output_error,
        } => {
            come_to_rest(saga, Phase::Completed, at);
            saga.output = Some(output.clone());
            saga.output_error.clone_from(output_error);
        }
        Record::LockTaken => stand(saga, Hold::Holds),
        Record::Compensated => come_to_rest(saga, Phase::Compensated, at),
    }
    Ok(())
}

fn come_to_rest(saga: &mut Saga, phase: Phase, at: Timestamp) {
    stand(saga, Hold::Released);
    saga.phase = phase;
    saga.ended_at = Some(at);
}

fn reopen(saga: &mut Saga, at: Timestamp) {
    saga.phase = Phase::Back;
    saga.ended_at = None;
    saga.reopened += 1;
    saga.on_end.iter_mut().for_each(begin_anew);
    stand(saga, Hold::Waits { since: at });
}

fn received(name: &str, key: &str, body: &Json, at: Timestamp) -> Signal {
    Signal {
        name: name.to_owned(),
        key: key.to_owned(),
        body: body.clone(),
        at,
        taken_by: None,
    }
}

fn halt(code: ReasonCode, message: &str) -> Halt {
    Halt {
        code,
        message: message.to_owned(),
    }
}

fn turn_back(
    saga: &mut Saga,
    code: ReasonCode,
    step: Option<String>,
    failure: &Failure,
    at: Timestamp,
) {
    if saga.phase == Phase::Completed {
        // It is undone after its end, and will end once more.
        saga.ended_at = None;
        stand(saga, Hold::Waits { since: at });
        saga.on_end.iter_mut().for_each(begin_anew);
    }
    saga.phase = Phase::Back;
    saga.halt = None;
    saga.steps.iter_mut().for_each(withdraw);
    if code == ReasonCode::Cancelled {
        saga.steps.iter_mut().for_each(release);
    }
    saga.reason.get_or_insert_with(|| Reason {
        code,
        step,
        message: failure.message.clone(),
        detail: failure.detail.clone(),
    });
}

/// Nobody tries anything any more; what remains is listed.
fn abandon(saga: &mut Saga, left: &[Left], at: Timestamp) {
    come_to_rest(saga, Phase::Abandoned, at);
    saga.left = left.to_vec();
    saga.steps.iter_mut().for_each(rest);
}

/// What was stuck is shown so for ever.
fn rest(state: &mut StepState) {
    for leg in Leg::ALL {
        let phase = &mut state.leg_mut(leg).phase;
        *phase = match std::mem::take(phase) {
            stuck @ LegPhase::Stuck { .. } => stuck,
            LegPhase::Parked {
                cause,
                since,
                overdue: true,
            } => LegPhase::Stuck {
                code: StuckCode::Unreachable,
                message: cause.message,
                since,
            },
            _ => LegPhase::Idle,
        };
    }
    state.parts.iter_mut().for_each(rest);
}

/// A confirm that never left, since its road was closed, is not wanted any more.
fn withdraw(state: &mut StepState) {
    state.confirm.phase = LegPhase::Idle;
    state.parts.iter_mut().for_each(withdraw);
}

fn stand(saga: &mut Saga, hold: Hold) {
    if let Some(lock) = &mut saga.lock {
        lock.hold = hold;
    }
}

/// A saga that was opened again ends once more, and is told of that under a key of its own.
/// What is still under way for the end before is given up.
fn begin_anew(end: &mut StepState) {
    let mut forward = std::mem::take(&mut end.forward);
    forward.phase = LegPhase::Idle;
    forward.new_round = forward.round > 0;
    forward.parked_since = None;
    *end = StepState {
        forward,
        ..StepState::default()
    };
}

/// Who cancels takes a do that waits for a person for one that may have happened: its undo
/// decides. One that was not decided yet is, on the way back, by what its attempts left.
fn release(state: &mut StepState) {
    // What became of a child, the child tells.
    let stuck = matches!(&state.forward.phase, LegPhase::Stuck { code, .. } if *code != StuckCode::ChildStuck);
    if stuck {
        state.forward.phase = LegPhase::Idle;
    }
    state.parts.iter_mut().for_each(release);
}

fn apply_to_step(saga: &mut Saga, entry: &Entry) -> Result<(), FoldError> {
    let path = entry.record.step().unwrap_or_default();
    let plan = Arc::clone(&saga.plan);
    let route = saga.known(entry.seq, path)?;
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
    let state = saga.state_mut(&route);
    apply_to_state(state, entry)?;
    if let Record::EachStarted { items, .. } = &entry.record
        && let Kind::Each(each) = &plan.definition.step(&route).kind
    {
        state.parts = items.iter().map(|_| blank_step(&each.body)).collect();
    }
    note_pivot(&plan.definition, saga, &route);
    // The intent of a confirm is a point of no return like a pivot.
    saga.past_pivot |= matches!(
        entry.record,
        Record::AttemptStarted {
            leg: Leg::Confirm,
            ..
        }
    );
    Ok(())
}

/// From here it goes by another version. What is on its way is computed anew: the same bytes,
/// as was proven.
fn apply_move(
    saga: &mut Saga,
    seq: u64,
    version: u32,
    hash: &str,
    plans: &dyn Plans,
) -> Result<(), FoldError> {
    let out_of_place = |message: String| FoldError::OutOfPlace { seq, message };
    let old = Arc::clone(&saga.plan);
    let plan = version_of(plans, &old.definition.name, version, hash).map_err(out_of_place)?;
    let states = std::mem::take(&mut saga.steps);
    let shaped = reshape(&old.definition.steps, states, &plan.definition.steps);
    saga.steps = shaped.map_err(|step| {
        out_of_place(format!(
            "version {version} has no place for {step}, which has begun"
        ))
    })?;
    saga.steps.iter_mut().for_each(forget_requests);
    saga.on_end = plan.definition.on_end.as_deref().map(blank_step);
    saga.plan = plan;
    Ok(())
}

fn forget_requests(state: &mut StepState) {
    for leg in Leg::ALL {
        if let LegPhase::InFlight { request, .. } = &mut state.leg_mut(leg).phase {
            *request = None;
        }
    }
    state.parts.iter_mut().for_each(forget_requests);
}

/// A signal becomes a part of its wait. Its undo is due at once: nothing started because of it.
fn apply_late_signal(saga: &mut Saga, entry: &Entry) -> Result<(), FoldError> {
    let Record::SignalLate {
        step: path,
        signal: place,
        outcome,
        failure,
    } = &entry.record
    else {
        return Ok(());
    };
    let route = saga.known(entry.seq, path)?;
    let part = saga.state(&route).parts.len();
    let signal = saga.signals.get_mut(*place);
    let signal = signal.ok_or_else(|| FoldError::OutOfPlace {
        seq: entry.seq,
        message: format!("{path} has the signal {place} undone, which never came"),
    })?;
    signal.taken_by = Some(format!("{path}[{part}]"));
    let mut state = StepState {
        state: State::Ended(*outcome),
        result: Some(Value::Json(signal.body.clone())),
        failure: failure.clone(),
        started_at: Some(entry.at),
        ended_at: Some(entry.at),
        signal: Some(*place),
        ..StepState::default()
    };
    if *outcome != Outcome::Refused {
        let (at, since) = (entry.at, entry.at);
        state.undo.phase = LegPhase::Retry { at, since };
    }
    saga.state_mut(&route).parts.push(state);
    Ok(())
}

fn note_pivot(definition: &Definition, saga: &mut Saga, route: &[usize]) {
    let step = definition.step(route);
    let own = saga.state(route).signal.is_none();
    if step.pivot && own && saga.phase == Phase::Forward {
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
            | Record::EachStarted { step, .. }
            | Record::StepEnded { step, .. }
            | Record::AttemptStarted { step, .. }
            | Record::AttemptEnded { step, .. }
            | Record::Parked { step, .. }
            | Record::CheckBegun { step, .. }
            | Record::ChildStarted { step, .. }
            | Record::ChildOrdered { step, .. }
            | Record::ChildTold { step, .. }
            | Record::LegStuck { step, .. }
            | Record::LateAnswer { step, .. }
            | Record::SignalLate { step, .. }
            | Record::ReplyReceived { step, .. }
            | Record::NoReply { step, .. }
            | Record::Retried { step, .. }
            | Record::Settled { step, .. }
            | Record::Reopened { step } => Some(step),
            Record::TurnedBack { step, .. } => step.as_deref(),
            Record::Started(_)
            | Record::ParentTold { .. }
            | Record::SignalReceived { .. }
            | Record::CancelRequested { .. }
            | Record::DeadlinePassed
            | Record::CancelTooLate
            | Record::Moved { .. }
            | Record::Abandoned { .. }
            | Record::Noted { .. }
            | Record::Completed { .. }
            | Record::LockTaken
            | Record::Compensated => None,
        }
    }
}

impl Saga {
    /// The state of the step at a route of this saga's definition.
    pub fn state(&self, route: &[usize]) -> &StepState {
        if let Some(end) = self.on_end.as_ref().filter(|_| route == ON_END) {
            return end;
        }
        let (&first, rest) = route.split_first().unwrap_or((&0, &[]));
        rest.iter()
            .fold(&self.steps[first], |state, &part| &state.parts[part])
    }

    /// It has a state at this route: none below an `each` that has no such item.
    pub fn has(&self, route: &[usize]) -> bool {
        let Some((&first, rest)) = route.split_first() else {
            return false;
        };
        if route == ON_END {
            return self.on_end.is_some();
        }
        let state = self.steps.get(first);
        rest.iter()
            .try_fold(state, |state, &part| {
                state.map(|state| state.parts.get(part))
            })
            .flatten()
            .is_some()
    }

    /// The route of a record's step.
    fn known(&self, seq: u64, path: &str) -> Result<Route, FoldError> {
        let route = self.plan.index.by_path(path);
        let known = route.filter(|route| self.has(route));
        known.ok_or_else(|| FoldError::UnknownStep {
            seq,
            step: path.to_owned(),
        })
    }

    pub(super) fn state_mut(&mut self, route: &[usize]) -> &mut StepState {
        if route == ON_END
            && let Some(end) = &mut self.on_end
        {
            return end;
        }
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
            Leg::Confirm => &mut self.confirm,
        }
    }
}
