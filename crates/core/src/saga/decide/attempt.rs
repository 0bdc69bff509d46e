//! The intent of a call: admitted by its road, under a key its service still keeps, with the
//! same bytes as the attempts before it.

use super::super::request::{call_of, request};
use super::super::{Leg, LegPhase, Outcome, ParkCause, ParkCode, Record, Road, State, StuckCode};
use super::{Decision, failure};
use crate::definition::{Call, Kind, OnRefused, OnUnknown};
use crate::expr::EvalError;
use crate::route::Spot;
use crate::wire::Request;
use std::sync::Arc;

impl Decision<'_> {
    /// Begins the next attempt of a leg that is due, or records why it cannot begin, or that its
    /// reply did not come.
    pub(super) fn attempt(&mut self, at: Spot<'_>, leg: Leg) {
        let Some(call) = call_of(at.step, leg) else {
            return;
        };
        if let LegPhase::AwaitingReply { .. } = self.leg(at.route, leg).phase {
            return self.no_reply(at, leg);
        }
        if let Err(cause) = self.admitted(at, call, leg) {
            return self.park(at, leg, cause);
        }
        let state = self.leg(at.route, leg);
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
            return self.key_expired(at, leg);
        }
        let attempt = state.attempts + 1;
        match request(self.saga, at, call, leg, round, attempt) {
            Err(failed) => self.not_computed(at, leg, &failed),
            Ok((request, hash)) => {
                let changed =
                    same_round && self.leg(at.route, leg).body_hash.as_ref() != Some(&hash);
                if changed {
                    let message = "the request would no longer be the one first sent under its key";
                    return self.stick(at, leg, StuckCode::BodyChanged, message);
                }
                self.intend(at, round, hash, request);
            }
        }
    }

    fn intend(&mut self, at: Spot<'_>, round: u32, body_hash: String, request: Request) {
        let (leg, attempt, now) = (request.leg, request.attempt, self.context.now);
        let state = self.leg(at.route, leg);
        let kept = state.keys_until.filter(|_| state.round == round);
        let keys_kept = self.context.services.keys_kept(&request.service);
        self.record(Record::AttemptStarted {
            step: at.path(),
            leg,
            round,
            attempt,
            key: request.key.clone(),
            body_hash,
            until: now.plus(request.timeout),
            keys_until: kept.unwrap_or_else(|| now.plus(keys_kept)),
        });
        let state = self.saga.state_mut(at.route).leg_mut(leg);
        if let LegPhase::InFlight { request: kept, .. } = &mut state.phase {
            *kept = Some(Arc::new(request));
        }
    }

    fn admitted(&self, at: Spot<'_>, call: &Call, leg: Leg) -> Result<(), ParkCause> {
        // What this very turn was told of the road, its services are told after the commit.
        if let Some(wrong) = &self.turn.misconfigured
            && wrong.service == call.service
            && (wrong.whole_service || (wrong.step == at.path() && wrong.leg == leg))
        {
            let (code, message) = (ParkCode::Misconfigured, wrong.message.clone());
            return Err(ParkCause { code, message });
        }
        let definition = &self.plan.definition;
        self.context.services.admit(&Road {
            service: &call.service,
            definition: &definition.name,
            version: definition.version,
            step: &at.step.path,
            leg,
        })
    }

    /// Records that a leg is parked, once per cause, and that it was parked too long.
    fn park(&mut self, at: Spot<'_>, leg: Leg, cause: ParkCause) {
        let state = self.leg(at.route, leg);
        let known = matches!(&state.phase, LegPhase::Parked { cause: known, .. } if known.code == cause.code);
        if !known {
            self.record(Record::Parked {
                step: at.path(),
                leg,
                cause,
            });
        }
        self.stick_if_overdue(at, leg);
    }

    /// A leg that must run and is parked for longer than `park_limit`, over probes, is stuck.
    pub(super) fn stick_if_overdue(&mut self, at: Spot<'_>, leg: Leg) {
        let must_run = self.saga.must_run(at, leg);
        let LegPhase::Parked {
            cause,
            since,
            overdue: false,
        } = &self.leg(at.route, leg).phase
        else {
            return;
        };
        if must_run && since.plus(self.saga.park_limit) <= self.context.now {
            let message = format!(
                "it could not be called for {}: {}",
                self.saga.park_limit, cause.message
            );
            self.stick(at, leg, StuckCode::Unreachable, &message);
        }
    }

    /// The service may have forgotten the key: sending again could be a second effect.
    fn key_expired(&mut self, at: Spot<'_>, leg: Leg) {
        let message = "it may have happened, and its service no longer keeps the key";
        match leg {
            Leg::Undo | Leg::Confirm => self.stick(at, leg, StuckCode::KeyExpired, message),
            Leg::Do | Leg::Check => {
                self.ask_or_end_unknown(at, failure("key_expired", None, message))
            }
        }
    }

    /// Asks `check` what became of the do; without one, or once it was asked, the do is unknown.
    pub(super) fn ask_or_end_unknown(&mut self, at: Spot<'_>, failed: super::Failure) {
        if self.can_ask(at) {
            self.record(Record::CheckBegun {
                step: at.path(),
                failure: failed,
            });
        } else {
            self.end_without(at, Outcome::Unknown, failed);
        }
    }

    /// It has a check that was not asked yet.
    pub(super) fn can_ask(&self, at: Spot<'_>) -> bool {
        let has_check = matches!(&at.step.kind, Kind::Call(action) if action.check.is_some());
        let check = self.leg(at.route, Leg::Check);
        // Whoever has the do tried again has it asked about again.
        let asked = check.attempts > 0 && !check.new_round;
        let asked = asked || !matches!(check.phase, LegPhase::Idle);
        has_check && !asked
    }

    /// A leg's values could not be computed.
    pub(super) fn not_computed(&mut self, at: Spot<'_>, leg: Leg, failed: &EvalError) {
        let nothing_sent = !self.leg(at.route, leg).may_have;
        let words = failure(
            "expression_failed",
            Some(failed.cause.as_str()),
            failed.message.clone(),
        );
        match leg {
            Leg::Do if at.is_end() => self.end_last_call(at, words),
            Leg::Do if nothing_sent && !self.saga.past_pivot => {
                self.end_without(at, Outcome::Refused, words);
            }
            Leg::Check => {
                let unknown = self.unknown_by_check(at, words, Some(&failed.message));
                self.end_without(at, Outcome::Unknown, unknown);
            }
            Leg::Do | Leg::Undo | Leg::Confirm => {
                self.stick(at, leg, StuckCode::ExpressionFailed, &failed.message)
            }
        }
    }

    pub(super) fn end_without(&mut self, at: Spot<'_>, outcome: Outcome, failed: super::Failure) {
        let (step, failure) = (at.path(), Some(failed));
        self.record(Record::StepEnded {
            step,
            outcome,
            result: None,
            failure,
            signal: None,
        });
    }

    pub(super) fn stick(&mut self, at: Spot<'_>, leg: Leg, code: StuckCode, message: &str) {
        if at.is_end() {
            return self.end_last_call_as(at, code.as_str(), message);
        }
        let (step, message) = (at.path(), message.to_owned());
        self.record(Record::LegStuck {
            step,
            leg,
            code,
            message,
        });
    }

    /// An outcome with which the saga can go neither way: it needs a person. Recorded here.
    pub(super) fn sticks(&mut self, at: Spot<'_>) -> bool {
        let state = self.state(at.route);
        if matches!(state.forward.phase, LegPhase::Stuck { .. }) {
            return true;
        }
        let State::Ended(outcome) = state.state else {
            return false;
        };
        let past_pivot = self.saga.past_pivot;
        let waits = at.step.on_unknown == OnUnknown::Stuck && !self.saga.was_cancelled();
        let continues = at.step.on_refused == OnRefused::Continue;
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
        self.stick(at, Leg::Do, code, &message);
        true
    }
}
