//! The intent of a call: admitted by its road, under a key its service still keeps, with the
//! same bytes as the attempts before it.

use super::super::request::{call_of, request};
use super::super::{Leg, LegPhase, Outcome, ParkCause, ParkCode, Record, Road, State, StuckCode};
use super::{Decision, failure};
use crate::definition::{Call, Kind, OnRefused, OnUnknown, Step};
use crate::expr::EvalError;
use crate::wire::Request;
use std::sync::Arc;

impl Decision<'_> {
    /// Begins the next attempt of a leg, or records why it cannot begin.
    pub(super) fn attempt(&mut self, step: &Step, route: &[usize], leg: Leg) {
        let Some(call) = call_of(step, leg) else {
            return;
        };
        if let Err(cause) = self.admitted(step, call, leg) {
            return self.park(step, route, leg, cause);
        }
        let state = self.leg(route, leg);
        let round = if state.round == 0 || state.new_round {
            state.round + 1
        } else {
            state.round
        };
        let same_round = round == state.round;
        let expired = state
            .keys_until
            .is_some_and(|until| until < self.context.now);
        if same_round && state.may_have && expired && !call.method.is_repeatable() {
            return self.key_expired(step, leg);
        }
        let attempt = state.attempts + 1;
        match request(self.saga, step, call, leg, round, attempt) {
            Err(failed) => self.not_computed(step, route, leg, &failed),
            Ok((request, hash)) => {
                let changed = same_round && self.leg(route, leg).body_hash.as_ref() != Some(&hash);
                if changed {
                    let message = "the request would no longer be the one first sent under its key";
                    return self.stick(step, leg, StuckCode::BodyChanged, message);
                }
                self.intend(step, route, round, hash, request);
            }
        }
    }

    fn intend(
        &mut self,
        step: &Step,
        route: &[usize],
        round: u32,
        body_hash: String,
        request: Request,
    ) {
        let (leg, attempt, now) = (request.leg, request.attempt, self.context.now);
        let state = self.leg(route, leg);
        let kept = state.keys_until.filter(|_| state.round == round);
        let keys_kept = self.context.services.keys_kept(&request.service);
        self.record(Record::AttemptStarted {
            step: step.path.clone(),
            leg,
            round,
            attempt,
            key: request.key.clone(),
            body_hash,
            until: now.plus(request.timeout),
            keys_until: kept.unwrap_or_else(|| now.plus(keys_kept)),
        });
        let state = self.saga.state_mut(route).leg_mut(leg);
        if let LegPhase::InFlight { request: kept, .. } = &mut state.phase {
            *kept = Some(Arc::new(request));
        }
    }

    fn admitted(&self, step: &Step, call: &Call, leg: Leg) -> Result<(), ParkCause> {
        // What this very turn was told of the road, its services are told after the commit.
        if let Some(wrong) = &self.turn.misconfigured
            && wrong.service == call.service
            && (wrong.whole_service || (wrong.step == step.path && wrong.leg == leg))
        {
            let (code, message) = (ParkCode::Misconfigured, wrong.message.clone());
            return Err(ParkCause { code, message });
        }
        let definition = &self.plan.definition;
        self.context.services.admit(&Road {
            service: &call.service,
            definition: &definition.name,
            version: definition.version,
            step: &step.path,
            leg,
        })
    }

    /// Records that a leg is parked, once per cause, and that it was parked too long.
    fn park(&mut self, step: &Step, route: &[usize], leg: Leg, cause: ParkCause) {
        let state = self.leg(route, leg);
        let known = matches!(&state.phase, LegPhase::Parked { cause: known, .. } if known.code == cause.code);
        if !known {
            self.record(Record::Parked {
                step: step.path.clone(),
                leg,
                cause,
            });
        }
        self.stick_if_overdue(step, route, leg);
    }

    /// A leg that must run and is parked for longer than `park_limit`, over probes, is stuck.
    pub(super) fn stick_if_overdue(&mut self, step: &Step, route: &[usize], leg: Leg) {
        let must_run = leg == Leg::Undo || self.saga.past_pivot;
        let LegPhase::Parked {
            cause,
            since,
            overdue: false,
        } = &self.leg(route, leg).phase
        else {
            return;
        };
        if must_run && since.plus(self.saga.park_limit) <= self.context.now {
            let message = format!(
                "it could not be called for {}: {}",
                self.saga.park_limit, cause.message
            );
            self.stick(step, leg, StuckCode::Unreachable, &message);
        }
    }

    /// The service may have forgotten the key: sending again could be a second effect.
    fn key_expired(&mut self, step: &Step, leg: Leg) {
        let message = "it may have happened, and its service no longer keeps the key";
        match leg {
            Leg::Undo => self.stick(step, leg, StuckCode::KeyExpired, message),
            Leg::Do | Leg::Check => {
                self.ask_or_end_unknown(step, failure("key_expired", None, message))
            }
        }
    }

    /// Asks `check` what became of the do; without one, or once it was asked, the do is unknown.
    pub(super) fn ask_or_end_unknown(&mut self, step: &Step, failed: super::Failure) {
        if self.can_ask(step) {
            self.record(Record::CheckBegun {
                step: step.path.clone(),
                failure: failed,
            });
        } else {
            self.end_without(step, Outcome::Unknown, failed);
        }
    }

    /// It has a check that was not asked yet.
    pub(super) fn can_ask(&self, step: &Step) -> bool {
        let has_check = matches!(&step.kind, Kind::Call(action) if action.check.is_some());
        let asked = self.plan.index.by_path(&step.path).is_some_and(|route| {
            let state = self.state(route);
            state.check.attempts > 0 || !matches!(state.check.phase, LegPhase::Idle)
        });
        has_check && !asked
    }

    /// A leg's values could not be computed.
    pub(super) fn not_computed(
        &mut self,
        step: &Step,
        route: &[usize],
        leg: Leg,
        failed: &EvalError,
    ) {
        let nothing_sent = !self.leg(route, leg).may_have;
        let words = failure(
            "expression_failed",
            Some(failed.cause.as_str()),
            failed.message.clone(),
        );
        match leg {
            Leg::Do if nothing_sent && !self.saga.past_pivot => {
                self.end_without(step, Outcome::Refused, words);
            }
            Leg::Check => {
                let unknown = self.unknown_by_check(step, words, Some(&failed.message));
                self.end_without(step, Outcome::Unknown, unknown);
            }
            Leg::Do | Leg::Undo => {
                self.stick(step, leg, StuckCode::ExpressionFailed, &failed.message)
            }
        }
    }

    pub(super) fn end_without(&mut self, step: &Step, outcome: Outcome, failed: super::Failure) {
        let (step, failure) = (step.path.clone(), Some(failed));
        self.record(Record::StepEnded {
            step,
            outcome,
            result: None,
            failure,
            signal: None,
        });
    }

    pub(super) fn stick(&mut self, step: &Step, leg: Leg, code: StuckCode, message: &str) {
        let (step, message) = (step.path.clone(), message.to_owned());
        self.record(Record::LegStuck {
            step,
            leg,
            code,
            message,
        });
    }

    /// An outcome with which the saga can go neither way: it needs a person. Recorded here.
    pub(super) fn sticks(&mut self, step: &Step, route: &[usize]) -> bool {
        let state = self.state(route);
        if matches!(state.forward.phase, LegPhase::Stuck { .. }) {
            return true;
        }
        let State::Ended(outcome) = state.state else {
            return false;
        };
        let past_pivot = self.saga.past_pivot;
        let waits = step.on_unknown == OnUnknown::Stuck && !self.saga.was_cancelled();
        let continues = step.on_refused == OnRefused::Continue;
        let cause = state.failure.as_ref().map(|failure| failure.code.as_str());
        let code = match outcome {
            Outcome::Unknown if past_pivot && cause == Some("key_expired") => StuckCode::KeyExpired,
            Outcome::Unknown if past_pivot && cause == Some("expression_failed") => {
                StuckCode::ExpressionFailed
            }
            Outcome::Unknown if past_pivot || waits => StuckCode::OutcomeUnknown,
            Outcome::Refused | Outcome::NotSent if past_pivot && !continues => {
                StuckCode::ForwardRefused
            }
            Outcome::Done | Outcome::Refused | Outcome::NotSent | Outcome::Unknown => return false,
        };
        let message = state
            .failure
            .as_ref()
            .map_or_else(String::new, |failure| failure.message.clone());
        self.stick(step, Leg::Do, code, &message);
        true
    }
}
