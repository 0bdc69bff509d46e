//! What an input leads to. Every record that is decided is applied at once, so that the next
//! decision of the same turn sees it; all of a turn's records are committed together.

mod advance;
mod answer;
mod attempt;
mod back;
mod child;
mod confirm;
mod each;
mod end;
mod moves;
mod policy;
mod reply;
mod signals;
mod verbs;

use super::apply::{apply, begin};
use super::mail::Standing;
use super::{
    Context, Entry, Failure, Input, Leg, LegPhase, LegState, LockStep, Phase, Plan, ReasonCode,
    Record, Rejection, Saga, Start, Started, Status, StepState, Turn,
};
use crate::definition::{Definition, Step};
use crate::json::Json;
use crate::planted;
use crate::route::{ON_END, Route, Spot};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A start that was accepted, with everything it leads to at once.
pub(super) fn start(start: Start, context: &Context<'_>) -> (Saga, Turn) {
    let definition = &start.plan.definition;
    let own = start.deadline.or(definition.deadline);
    let own = own.map(|after| context.now.plus(after));
    let deadline = own.into_iter().chain(start.not_after).min();
    // Whoever accepts a start has made sure that its lock has a value.
    let lock = Saga::lock_of(&start.plan, &start.input).unwrap_or_default();
    let started = Started {
        definition: definition.name.clone(),
        version: definition.version,
        definition_hash: definition.hash.clone(),
        namespace: start.namespace,
        key: start.key,
        call_seed: start.call_seed,
        input: start.input,
        labels: start.labels,
        deadline,
        park_limit: start.park_limit,
        lock,
        children: start.children,
        parent: start.parent,
    };
    let mut saga = begin(start.id, Arc::clone(&start.plan), &started, context.now);
    let first = Entry {
        seq: 1,
        at: context.now,
        record: Record::Started(Box::new(started)),
    };
    let mut decision = Decision::new(&mut saga, context);
    decision.turn.entries.push(first);
    decision.join_line();
    if let Some(refused) = start.refused {
        decision.turn_back(ReasonCode::Refused, None, refused);
    }
    decision.advance();
    decision.report((Standing::Moves, 0));
    let turn = decision.turn;
    (saga, turn)
}

/// Takes one input.
pub(super) fn handle(
    saga: &mut Saga,
    input: Input,
    context: &Context<'_>,
) -> Result<Turn, Rejection> {
    // Only a parent is told of it.
    let before = saga
        .parent
        .is_some()
        .then(|| (saga.standing(), saga.reopened));
    let mut decision = Decision::new(saga, context);
    match input {
        Input::Answer {
            step,
            leg,
            attempt,
            answer,
        } => decision.answered(&step, leg, attempt, &answer),
        Input::Reply {
            step,
            leg,
            round,
            reply,
        } => decision.reply(&step, leg, round, &reply)?,
        Input::Signal { name, key, body } => decision.signal(name, key, body)?,
        Input::Asked(asked) => decision.asked(*asked)?,
        Input::Told { from, seq, telling } => decision.told(from, seq, telling),
        Input::Interrupted => decision.interrupted(),
        Input::LockGranted => decision.lock_granted(),
        Input::Wake | Input::Opened => {}
    }
    decision.check_deadline();
    decision.advance();
    if let Some(before) = before {
        decision.report(before);
    }
    Ok(decision.turn)
}

/// One turn in the making.
struct Decision<'a> {
    saga: &'a mut Saga,
    /// The saga's plan, held apart so that its steps can be read while the saga moves.
    plan: Arc<Plan>,
    context: &'a Context<'a>,
    turn: Turn,
    /// The leg whose answer parked it in this turn. Its road is marked after the turn, so
    /// asking for it again now would burn a call on a road that was just found wrong.
    parked: Option<(Route, Leg)>,
}

impl<'a> Decision<'a> {
    fn new(saga: &'a mut Saga, context: &'a Context<'a>) -> Decision<'a> {
        let plan = Arc::clone(&saga.plan);
        Decision {
            saga,
            plan,
            context,
            turn: Turn::default(),
            parked: None,
        }
    }

    /// Decides a record: numbers it, applies it, keeps it for the commit.
    fn record(&mut self, mut record: Record) {
        if self.plan.secretive {
            let mut texts = self.saga.secret_texts();
            self.saga.told_secrets(&record, &mut texts);
            record.mask_words(&texts);
        }
        // The store's clock may step back; a journal's times never do.
        let at = self.context.now.max(self.saga.updated_at);
        let entry = Entry {
            seq: self.saga.seq + 1,
            at,
            record,
        };
        let applied = apply(self.saga, &entry, &self.plan);
        assert!(
            applied.is_ok(),
            "I-5: a record that was just decided applies: {applied:?}"
        );
        self.note_lock(&entry.record);
        self.turn.entries.push(entry);
    }

    /// A new saga joins the line before its lock.
    fn join_line(&mut self) {
        let lock = self.saga.lock.as_ref();
        self.turn.lock = lock.map(|lock| LockStep::Join {
            value: lock.value.clone(),
        });
    }

    /// What a record does to its place in the line.
    fn note_lock(&mut self, record: &Record) {
        let Some(lock) = &self.saga.lock else {
            return;
        };
        match record {
            Record::LockTaken => self.turn.lock = Some(LockStep::Take),
            Record::Completed { .. } | Record::Compensated | Record::Abandoned { .. } => {
                self.turn.lock = Some(LockStep::Leave);
            }
            Record::TurnedBack { code, .. } if !code.is_after_the_end() => {}
            Record::Reopened { .. } | Record::TurnedBack { .. } => {
                let value = lock.value.clone();
                self.turn.lock = Some(LockStep::JoinFirst { value });
            }
            _ => {}
        }
    }

    /// Its lock came free: it may move.
    fn lock_granted(&mut self) {
        let rests = self.saga.status().is_rest();
        if self.saga.waits_for_lock() && !rests {
            self.record(Record::LockTaken);
        }
    }

    /// Tells the parent when what it must know has changed in this turn.
    fn report(&mut self, before: (Standing, u32)) {
        let now = (self.saga.standing(), self.saga.reopened);
        if !self.turn.entries.is_empty() && now != before {
            self.turn.messages.extend(self.saga.report());
        }
    }

    fn check_deadline(&mut self) {
        let passed = self
            .saga
            .deadline
            .is_some_and(|deadline| deadline <= self.context.now);
        let open =
            self.saga.phase == Phase::Forward && !self.saga.past_pivot && self.saga.halt.is_none();
        if passed && open && self.saga.status() != Status::Stuck {
            self.record(Record::DeadlinePassed);
        }
    }

    /// Moves the saga as far as it goes by itself.
    fn advance(&mut self) {
        loop {
            let before = self.turn.entries.len();
            if self.saga.is_held_up() && !planted::is(planted::Bug::LockNotHeld) {
                return;
            }
            match self.saga.phase {
                Phase::Forward => {
                    self.forward();
                    self.settle_signals();
                    if self.saga.phase == Phase::Forward {
                        self.undo_what_is_due();
                    }
                }
                Phase::Back => {
                    self.settle_signals();
                    self.back();
                }
                Phase::Completed => {
                    self.settle_signals();
                    self.undo_what_is_due();
                    self.on_end();
                }
                Phase::Compensated => {
                    self.settle_signals();
                    if self.saga.phase == Phase::Compensated {
                        self.on_end();
                    }
                }
                Phase::Abandoned => self.on_end(),
            }
            if self.turn.entries.len() == before {
                return;
            }
        }
    }

    fn turn_back(&mut self, code: ReasonCode, at: Option<Spot<'_>>, failure: Failure) {
        let step = at.map(|at| at.path());
        self.record(Record::TurnedBack {
            code,
            step,
            failure,
        });
    }

    fn state(&self, route: &[usize]) -> &StepState {
        self.saga.state(route)
    }

    fn leg(&self, route: &[usize], leg: Leg) -> &LegState {
        self.saga.state(route).leg(leg)
    }

    fn is_due(&self, at: Spot<'_>, leg: Leg) -> bool {
        match self.leg(at.route, leg).phase {
            LegPhase::Retry { at, .. }
            | LegPhase::LookAgain { at, .. }
            | LegPhase::Polling { at, .. } => at <= self.context.now,
            LegPhase::AwaitingReply { until, .. } => until <= self.context.now,
            LegPhase::Parked { .. } => {
                let just_parked = self.parked.as_ref();
                just_parked.is_none_or(|(route, which)| *route != at.route || *which != leg)
            }
            LegPhase::Idle
            | LegPhase::InFlight { .. }
            | LegPhase::Child { .. }
            | LegPhase::Stuck { .. } => false,
        }
    }
}

/// A failure with its cause among the details.
fn failure(code: &str, cause: Option<&str>, message: impl Into<String>) -> Failure {
    let detail = cause.map(|cause| ("cause".to_owned(), Json::from(cause)));
    Failure {
        code: code.to_owned(),
        message: message.into(),
        detail: BTreeMap::from_iter(detail),
    }
}

impl Saga {
    /// Every step with its place and its state, groups before their parts, in the order of
    /// the file and of the items; the call at its end comes last.
    pub fn each_state<'a>(&'a self, visit: &mut dyn FnMut(Spot<'_>, &'a StepState)) {
        let definition = &self.plan.definition;
        let mut route = Route::new();
        for (position, (step, state)) in definition.steps.iter().zip(&self.steps).enumerate() {
            route.push(position);
            walk(definition, step, state, &mut route, visit);
            route.pop();
        }
        if let (Some(step), Some(state)) = (definition.on_end.as_deref(), &self.on_end) {
            let route = &ON_END;
            let at = Spot {
                definition,
                step,
                route,
            };
            visit(at, state);
        }
    }

    /// A step's place in it.
    pub fn spot<'a>(&'a self, route: &'a [usize]) -> Spot<'a> {
        self.plan.definition.spot(route)
    }
}

fn walk<'a>(
    definition: &Definition,
    step: &Step,
    state: &'a StepState,
    route: &mut Route,
    visit: &mut dyn FnMut(Spot<'_>, &'a StepState),
) {
    visit(
        Spot {
            definition,
            step,
            route,
        },
        state,
    );
    for (position, part) in state.parts.iter().enumerate() {
        let Some(below) = step.part(position) else {
            continue;
        };
        route.push(position);
        walk(definition, below, part, route, visit);
        route.pop();
    }
}
