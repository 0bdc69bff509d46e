//! Forward: each step starts when what it depends on is durably done.

use super::super::scope::{Beside, Seen, scope};
use super::super::{Leg, LegPhase, Outcome, Phase, ReasonCode, Record, State, Value};
use super::{Decision, failure};
use crate::definition::{Definition, Kind, OnRefused, Sleep, Step, Wait};
use crate::expr::{EvalError, Template};
use crate::json::Json;
use crate::route::{Route, Spot};
use crate::time::Timestamp;

/// How far a part of the way is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// What comes after it may start.
    Over,
    /// It is not over.
    Open,
}

impl Decision<'_> {
    pub(super) fn forward(&mut self) {
        if self.saga.halt.is_some() {
            return self.halted();
        }
        if self.turned_by_an_outcome() {
            return;
        }
        let plan = std::sync::Arc::clone(&self.plan);
        let over = self.forward_steps(&plan.definition.steps, &mut Route::new(), false);
        let is_over = over == Progress::Over;
        if is_over
            && self.saga.phase == Phase::Forward
            && self.saga.halt.is_none()
            && self.confirm_steps(&plan.definition.steps, &mut Route::new(), false)
        {
            self.complete(&plan.definition);
        }
    }

    /// Turns back for an outcome of this turn before anything beside it is tried again.
    fn turned_by_an_outcome(&mut self) -> bool {
        let mut failed = Vec::new();
        self.saga.each_state(&mut |at, state| match state.state {
            // A signal that nobody took is no outcome of the way.
            State::Ended(_) if state.signal.is_some() => {}
            State::Ended(Outcome::Refused | Outcome::NotSent | Outcome::Unknown) => {
                failed.push(at.route.to_vec());
            }
            State::Pending | State::Skipped | State::Running | State::Ended(Outcome::Done) => {}
        });
        let plan = std::sync::Arc::clone(&self.plan);
        for route in failed {
            self.after(plan.definition.spot(&route));
            if self.saga.phase != Phase::Forward {
                return true;
            }
        }
        false
    }

    fn forward_steps(&mut self, steps: &[Step], route: &mut Route, parallel: bool) -> Progress {
        let mut all = Progress::Over;
        for (position, step) in steps.iter().enumerate() {
            route.push(position);
            let progress = self.forward_step(step, route);
            route.pop();
            if progress == Progress::Open {
                all = Progress::Open;
            }
            let stops = self.saga.phase != Phase::Forward || self.saga.halt.is_some();
            if stops || (progress == Progress::Open && !parallel) {
                return Progress::Open;
            }
        }
        all
    }

    pub(super) fn forward_step(&mut self, step: &Step, route: &mut Route) -> Progress {
        let plan = std::sync::Arc::clone(&self.plan);
        let at = Spot {
            definition: &plan.definition,
            step,
            route,
        };
        let state = self.state(route);
        let untouched = is_untouched(state);
        match &step.kind {
            Kind::Group(_) | Kind::Each(_) if state.state != State::Pending => self.after(at),
            Kind::Group(_) | Kind::Each(_) if untouched && self.skips(at) => self.after(at),
            Kind::Group(group) => self.forward_steps(&group.steps, route, group.parallel),
            Kind::Each(each) => self.forward_each(each, step, route),
            Kind::Call(_)
            | Kind::Wait(_)
            | Kind::Sleep(_)
            | Kind::Set(_)
            | Kind::Refuse(_)
            | Kind::Run(_) => self.forward_leaf(at),
        }
    }

    fn forward_leaf(&mut self, at: Spot<'_>) -> Progress {
        let state = self.state(at.route);
        if matches!(state.forward.phase, LegPhase::Stuck { .. }) {
            return Progress::Open;
        }
        let state = state.state;
        match state {
            State::Pending if self.skips(at) => {}
            State::Pending => self.begin(at),
            State::Running => self.drive(at),
            State::Skipped | State::Ended(_) => {}
        }
        self.after(at)
    }

    /// Where a step stands once it was moved, and what its outcome means for the saga.
    pub(super) fn after(&mut self, at: Spot<'_>) -> Progress {
        let state = self.state(at.route);
        if matches!(state.forward.phase, LegPhase::Stuck { .. }) {
            return Progress::Open;
        }
        let outcome = match state.state {
            State::Skipped | State::Ended(Outcome::Done) => return Progress::Over,
            State::Pending | State::Running => return Progress::Open,
            State::Ended(outcome) => outcome,
        };
        if outcome == Outcome::Refused && at.step.on_refused == OnRefused::Continue {
            return Progress::Over;
        }
        let known = state.failure.clone();
        if self.sticks(at) {
            return Progress::Open;
        }
        let failed = known.unwrap_or_else(|| failure("refused", None, "the step was refused"));
        let code = match (failed.code.as_str(), outcome) {
            ("expression_failed", _) => ReasonCode::ExpressionFailed,
            (_, Outcome::NotSent) => ReasonCode::NotSent,
            (_, Outcome::Unknown) => ReasonCode::Unknown,
            (_, Outcome::Refused | Outcome::Done) => ReasonCode::Refused,
        };
        self.turn_back(code, Some(at), failed);
        Progress::Open
    }

    /// Evaluates `when`, and records a step that is skipped or whose `when` gave no value.
    fn skips(&mut self, at: Spot<'_>) -> bool {
        let Some(when) = &at.step.when else {
            return false;
        };
        let holds = when.holds(&scope(self.saga, at.route, &Beside::default(), [when]));
        match holds {
            Ok(true) => false,
            Ok(false) => {
                self.record(Record::StepSkipped { step: at.path() });
                true
            }
            Err(failed) => {
                self.not_computed(at, Leg::Do, &failed);
                true
            }
        }
    }

    fn begin(&mut self, at: Spot<'_>) {
        match &at.step.kind {
            Kind::Call(_) => self.attempt(at, Leg::Do),
            Kind::Wait(wait) => {
                if !self.take_signal(at, wait, None) {
                    let until = Some(self.context.now.plus(wait.within));
                    self.record(Record::StepStarted {
                        step: at.path(),
                        until,
                    });
                }
            }
            Kind::Sleep(sleep) => match self.sleep_until(at, sleep) {
                Ok(until) => {
                    self.record(Record::StepStarted {
                        step: at.path(),
                        until: Some(until),
                    });
                }
                Err(failed) => self.not_computed(at, Leg::Do, &failed),
            },
            Kind::Set(value) => match self.evaluate(at.route, value) {
                Ok(value) => self.done(at, Value::Json(value)),
                Err(failed) => self.not_computed(at, Leg::Do, &failed),
            },
            Kind::Refuse(message) => match self.evaluate(at.route, message) {
                Ok(message) => self.refuse(at, "refuse", words(&message)),
                Err(failed) => self.not_computed(at, Leg::Do, &failed),
            },
            Kind::Run(run) => self.start_child(at, run),
            Kind::Group(_) | Kind::Each(_) => {}
        }
    }

    /// Moves a step that has begun: a due retry, a wait whose signal came, a timer.
    fn drive(&mut self, at: Spot<'_>) {
        let until = self.state(at.route).until;
        let passed = until.is_some_and(|until| until <= self.context.now);
        match &at.step.kind {
            Kind::Call(_) => {
                if self.is_due(at, Leg::Do) {
                    self.attempt(at, Leg::Do);
                }
                self.drive_check(at);
            }
            Kind::Wait(wait) => {
                if !self.take_signal(at, wait, until) && passed {
                    let message = format!("no signal {} came within {}", wait.signal, wait.within);
                    self.refuse(at, "no_signal", message);
                }
            }
            Kind::Sleep(_) if passed => self.done(at, Value::Json(Json::Null)),
            // A child tells what became of it.
            Kind::Sleep(_)
            | Kind::Set(_)
            | Kind::Refuse(_)
            | Kind::Group(_)
            | Kind::Each(_)
            | Kind::Run(_) => {}
        }
    }

    /// Takes the oldest signal of this name that nobody took and that came in time.
    fn take_signal(&mut self, at: Spot<'_>, wait: &Wait, until: Option<Timestamp>) -> bool {
        let name = &wait.signal;
        let fits = |signal: &super::super::Signal| {
            let in_time = until.is_none_or(|until| signal.at <= until);
            signal.name == *name && signal.taken_by.is_none() && in_time
        };
        let Some(taken) = self.saga.signals.iter().position(fits) else {
            return false;
        };
        let body = self.saga.signals[taken].body.clone();
        let refused = self.signal_refuses(at.route, wait, &body);
        let (outcome, result, failed) = match refused {
            Ok(false) => (Outcome::Done, Some(Value::Json(body)), None),
            Ok(true) => {
                let message = format!("the signal {name} says no");
                (
                    Outcome::Refused,
                    None,
                    Some(failure("refused", Some("refused_when"), message)),
                )
            }
            // Its body is known, and its undo may need it.
            Err(failed) => (
                Outcome::Unknown,
                Some(Value::Json(body)),
                Some(failure(
                    "expression_failed",
                    Some(failed.cause.as_str()),
                    failed.message,
                )),
            ),
        };
        let (step, signal) = (at.path(), Some(taken));
        self.record(Record::StepEnded {
            step,
            outcome,
            result,
            failure: failed,
            signal,
        });
        true
    }

    pub(super) fn signal_refuses(
        &self,
        here: &[usize],
        wait: &Wait,
        body: &Json,
    ) -> Result<bool, EvalError> {
        let Some(refused_when) = &wait.refused_when else {
            return Ok(false);
        };
        let beside = Beside {
            result: Some(Seen::Json(body)),
            ..Beside::default()
        };
        refused_when.holds(&scope(self.saga, here, &beside, [refused_when]))
    }

    fn sleep_until(&self, at: Spot<'_>, sleep: &Sleep) -> Result<Timestamp, EvalError> {
        match sleep {
            Sleep::For(duration) => Ok(self.context.now.plus(*duration)),
            Sleep::Until(until) => {
                let value =
                    until.evaluate(&scope(self.saga, at.route, &Beside::default(), [until]))?;
                Timestamp::from_json(&value).map_err(|why| EvalError {
                    cause: crate::expr::Cause::BadValue,
                    message: format!("until: {} gave {value}, which {why}", until.source()),
                })
            }
        }
    }

    pub(super) fn evaluate(&self, here: &[usize], template: &Template) -> Result<Json, EvalError> {
        template.evaluate(&scope(
            self.saga,
            here,
            &Beside::default(),
            template.expressions(),
        ))
    }

    fn done(&mut self, at: Spot<'_>, result: Value) {
        let (step, outcome, result) = (at.path(), Outcome::Done, Some(result));
        self.record(Record::StepEnded {
            step,
            outcome,
            result,
            failure: None,
            signal: None,
        });
    }

    pub(super) fn refuse(&mut self, at: Spot<'_>, cause: &str, message: String) {
        self.end_without(
            at,
            Outcome::Refused,
            failure("refused", Some(cause), message),
        );
    }

    fn complete(&mut self, definition: &Definition) {
        let computed = definition
            .output
            .as_ref()
            .map_or(Ok(Json::Null), |output| self.evaluate(&[], output));
        let (output, output_error) = match computed {
            Ok(output) => (output, None),
            Err(failed) => {
                let cause = Some(failed.cause.as_str());
                (
                    Json::Null,
                    Some(failure("expression_failed", cause, failed.message)),
                )
            }
        };
        self.record(Record::Completed {
            output,
            output_error,
        });
    }

    /// A cancel or the deadline came: only a pivot that may have happened is let come to its
    /// end; otherwise the saga turns back at once.
    fn halted(&mut self) {
        let Some(halt) = self.saga.halt.clone() else {
            return;
        };
        let plan = std::sync::Arc::clone(&self.plan);
        if self.saga.past_pivot {
            return self.record(Record::CancelTooLate);
        }
        let pivot = plan.definition.pivot();
        let route = pivot.and_then(|step| plan.index.by_path(&step.path));
        let pivot = route.as_ref().map(|route| plan.definition.spot(route));
        if let Some(at) = pivot {
            if self.state(at.route).state == State::Running
                && self.settle_pivot(at) == Progress::Open
            {
                return;
            }
            if self.state(at.route).state == State::Ended(Outcome::Unknown) && self.sticks(at) {
                return;
            }
        }
        let failed = failure(halt.code.as_str(), None, halt.message);
        let ended = pivot.filter(|at| matches!(self.state(at.route).state, State::Ended(_)));
        self.turn_back(halt.code, ended, failed);
    }

    /// Brings a halted pivot to its end; open while that is not known.
    fn settle_pivot(&mut self, at: Spot<'_>) -> Progress {
        if self.state(at.route).child.is_some() {
            self.cancel_child(at);
            return self.open_if_running(at.route);
        }
        let state = self.state(at.route);
        let in_flight = |leg: Leg| matches!(state.leg(leg).phase, LegPhase::InFlight { .. });
        if in_flight(Leg::Do) || in_flight(Leg::Check) {
            return Progress::Open;
        }
        if !matches!(state.check.phase, LegPhase::Idle) {
            self.drive_check(at);
            return self.open_if_running(at.route);
        }
        if matches!(state.forward.phase, LegPhase::AwaitingReply { .. }) {
            if self.is_due(at, Leg::Do) {
                self.attempt(at, Leg::Do);
            }
            return self.open_if_running(at.route);
        }
        if matches!(state.forward.phase, LegPhase::Stuck { .. }) {
            return Progress::Open;
        }
        let message = state
            .forward
            .last_message
            .clone()
            .unwrap_or_else(|| "the saga was halted".to_owned());
        if !state.forward.may_have {
            self.end_without(at, Outcome::NotSent, failure("not_sent", None, message));
        } else {
            self.ask_or_end_unknown(at, failure("unknown", None, message));
        }
        self.open_if_running(at.route)
    }

    fn open_if_running(&self, route: &[usize]) -> Progress {
        if self.state(route).state == State::Running {
            Progress::Open
        } else {
            Progress::Over
        }
    }
}

pub(super) fn is_untouched(state: &super::StepState) -> bool {
    state.state == State::Pending && state.items.is_none() && state.parts.iter().all(is_untouched)
}

fn words(value: &Json) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
