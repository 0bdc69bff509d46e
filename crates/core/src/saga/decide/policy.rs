//! What an attempt's end leads to: retries within their bounds, then `check`, then the word
//! *unknown*; an undo's second look; and never a guess.

use super::super::meaning::Reading;
use super::super::request::call_of;
use super::super::{
    Leg, LegState, Meaning, Next, Outcome, ParkCause, ParkCode, Phase, State, StepState, StuckCode,
    Value,
};
use super::{Decision, Failure, failure};
use crate::definition::{Kind, Undo, UndoCall};
use crate::json::Json;
use crate::limits;
use crate::planted;
use crate::route::Spot;
use crate::time::{Duration, Timestamp};

impl Decision<'_> {
    pub(super) fn next(
        &self,
        at: Spot<'_>,
        leg: Leg,
        reading: &Reading,
        interrupted: bool,
    ) -> Next {
        let state = self.leg(at.route, leg);
        match leg {
            Leg::Do => self.next_of_do(at, state, reading, interrupted),
            Leg::Check => self.next_of_check(at, state, reading, interrupted),
            Leg::Undo => match &at.step.undo {
                Undo::Call(undo) => {
                    self.next_of_undo(at, undo, self.state(at.route), reading, interrupted)
                }
                Undo::Absent | Undo::None | Undo::Child => Next::NothingThere,
            },
            Leg::Confirm => self.next_of_confirm(at, state, reading, interrupted),
        }
    }

    fn next_of_do(
        &self,
        at: Spot<'_>,
        leg: &LegState,
        reading: &Reading,
        interrupted: bool,
    ) -> Next {
        let may_have = leg.may_have || reading.meaning == Meaning::MayHave;
        let once = matches!(&at.step.kind, Kind::Call(action) if action.once);
        let no_more = self.no_new_attempts() && !at.is_end();
        let failed = || reading.failure(if may_have { "unknown" } else { "refused" });
        match reading.meaning {
            Meaning::Done => Next::Done {
                result: reading.value.clone(),
            },
            Meaning::Pending if self.gives_up(at, Leg::Do) => {
                Next::Unknown(reading.failure("unknown"))
            }
            Meaning::Pending => self
                .undecided(at, Leg::Do, reading)
                .unwrap_or_else(|| self.unknown(at, reading.failure("unknown"))),
            Meaning::Refused | Meaning::NotFound if !leg.may_have => Next::Refused(failed()),
            Meaning::Refused | Meaning::NotFound | Meaning::MayHave => {
                let unreadable = reading.failed.is_some();
                if no_more || once || unreadable {
                    return self.unknown(at, failed());
                }
                self.retry(at, Leg::Do, leg, reading, interrupted)
                    .unwrap_or_else(|| self.unknown(at, failed()))
            }
            Meaning::NotSent if no_more => self.given_up(at, may_have, reading),
            Meaning::NotSent => self
                .retry(at, Leg::Do, leg, reading, interrupted)
                .unwrap_or_else(|| self.given_up(at, may_have, reading)),
            Meaning::Misconfigured | Meaning::Held if no_more => {
                self.given_up(at, may_have, reading)
            }
            Meaning::Misconfigured | Meaning::Held => Next::Park(reading.park_cause()),
        }
    }

    fn next_of_check(
        &self,
        at: Spot<'_>,
        leg: &LegState,
        reading: &Reading,
        interrupted: bool,
    ) -> Next {
        let unknown = || {
            let said = reading.message.as_deref();
            Next::Unknown(self.unknown_by_check(at, reading.failure("unknown"), said))
        };
        // What is polled has a limit of its own, and is given up only as the file says.
        let polls = self.polls_on(at, Leg::Check);
        let polled = leg.poll_until.is_some();
        let gives_up = match polled {
            true => self.gives_up(at, Leg::Check) || polls.is_none(),
            false => self.saga.phase != Phase::Forward,
        };
        match reading.meaning {
            Meaning::Done => Next::Done {
                result: reading.value.clone(),
            },
            Meaning::Refused if reading.cause == Some("refused_when") => {
                Next::Refused(reading.failure("refused"))
            }
            Meaning::Refused | Meaning::NotFound => unknown(),
            Meaning::Pending if self.gives_up(at, Leg::Check) => unknown(),
            Meaning::Pending => self
                .undecided(at, Leg::Check, reading)
                .unwrap_or_else(unknown),
            Meaning::MayHave | Meaning::NotSent if gives_up || reading.failed.is_some() => {
                unknown()
            }
            Meaning::MayHave | Meaning::NotSent => self
                .retry(at, Leg::Check, leg, reading, interrupted)
                .or(polls)
                .unwrap_or_else(unknown),
            Meaning::Misconfigured | Meaning::Held if gives_up => unknown(),
            Meaning::Misconfigured | Meaning::Held => Next::Park(reading.park_cause()),
        }
    }

    pub(super) fn next_of_undo(
        &self,
        at: Spot<'_>,
        undo: &UndoCall,
        state: &StepState,
        reading: &Reading,
        interrupted: bool,
    ) -> Next {
        let leg = &state.undo;
        let again = || self.retry(at, Leg::Undo, leg, reading, interrupted);
        if reading.failed.is_some() {
            return reading.stuck(StuckCode::ExpressionFailed);
        }
        match reading.meaning {
            // Rule 6, as if it had been answered before the late success came.
            Meaning::Done if is_older(undo, leg) && undo.repeatable => Next::LookAgain {
                at: self.context.now,
            },
            Meaning::Done if is_older(undo, leg) => Next::Stuck {
                code: StuckCode::LateEffect,
                message: format!(
                    "{} succeeded while its undo was under way, which may have run before and found nothing, and undoing twice is not safe",
                    at.path()
                ),
            },
            Meaning::Done => match self.second_look(undo, state) {
                Some(look) if undo.repeatable => look,
                Some(_) | None => Next::Done {
                    result: reading.value.clone(),
                },
            },
            Meaning::Pending => self
                .undecided(at, Leg::Undo, reading)
                .unwrap_or_else(|| reading.stuck(StuckCode::OutcomeUnknown)),
            Meaning::NotFound => self.next_of_nothing_found(at, undo, state, reading),
            Meaning::Refused if !leg.may_have => reading.stuck(StuckCode::UndoRefused),
            Meaning::Refused => again().unwrap_or_else(|| reading.stuck(StuckCode::OutcomeUnknown)),
            Meaning::MayHave | Meaning::NotSent => again()
                .or_else(|| self.polls_on(at, Leg::Undo))
                .unwrap_or_else(|| reading.stuck(StuckCode::UndoExhausted)),
            Meaning::Misconfigured | Meaning::Held => Next::Park(reading.park_cause()),
        }
    }

    /// A confirm is retried until it is done; a refusal needs a person.
    fn next_of_confirm(
        &self,
        at: Spot<'_>,
        leg: &LegState,
        reading: &Reading,
        interrupted: bool,
    ) -> Next {
        if reading.failed.is_some() {
            return reading.stuck(StuckCode::ExpressionFailed);
        }
        match reading.meaning {
            Meaning::Done => Next::Done {
                result: reading.value.clone(),
            },
            Meaning::Pending => self
                .undecided(at, Leg::Confirm, reading)
                .unwrap_or_else(|| reading.stuck(StuckCode::OutcomeUnknown)),
            Meaning::Refused | Meaning::NotFound if !leg.may_have => {
                reading.stuck(StuckCode::ForwardRefused)
            }
            Meaning::Refused | Meaning::NotFound | Meaning::MayHave | Meaning::NotSent => self
                .retry(at, Leg::Confirm, leg, reading, interrupted)
                .unwrap_or_else(|| reading.stuck(StuckCode::OutcomeUnknown)),
            Meaning::Misconfigured | Meaning::Held => Next::Park(reading.park_cause()),
        }
    }

    /// The undo's service knows nothing of what is to be undone (rule 4).
    fn next_of_nothing_found(
        &self,
        at: Spot<'_>,
        undo: &UndoCall,
        state: &StepState,
        reading: &Reading,
    ) -> Next {
        let leg = &state.undo;
        let unknown = state.state == State::Ended(Outcome::Unknown);
        let taken_back = Next::Done {
            result: Value::Json(Json::Null),
        };
        match self.second_look(undo, state) {
            // An earlier round took it back; this one looked whether more had come.
            _ if leg.took_effect && (undo.missing_ok || leg.looked) => taken_back,
            _ if undo.missing_ok && leg.overtaken && undo.look_again.is_some() => {
                self.round_that_found_nothing(at, undo)
            }
            _ if undo.missing_ok => Next::NothingThere,
            Some(look) if undo.repeatable || leg.all_not_found => look,
            Some(_) => reading.stuck(StuckCode::UndoUnclear),
            None if unknown => Next::NothingThere,
            None if leg.asked_early => self.round_that_found_nothing(at, undo),
            None if leg.unanswered => taken_back,
            None => reading.stuck(StuckCode::UndoNotFound),
        }
    }

    /// The look after this one, while the do is unknown and may still be travelling.
    fn second_look(&self, undo: &UndoCall, state: &StepState) -> Option<Next> {
        let unknown = state.state == State::Ended(Outcome::Unknown);
        let after = undo.look_again.filter(|_| unknown && !state.undo.looked)?;
        Some(Next::LookAgain {
            at: self.context.now.plus(after),
        })
    }

    /// Turned back or halted: what is in flight comes to its end, nothing new is tried.
    fn no_new_attempts(&self) -> bool {
        self.saga.phase != Phase::Forward || self.saga.halt.is_some()
    }

    /// `check` first, where it may still be asked; then the do is unknown.
    pub(super) fn unknown(&self, at: Spot<'_>, failed: Failure) -> Next {
        if self.saga.phase == Phase::Forward && self.can_ask(at) {
            Next::Check(failed)
        } else {
            Next::Unknown(failed)
        }
    }

    fn given_up(&self, at: Spot<'_>, may_have: bool, reading: &Reading) -> Next {
        if may_have {
            self.unknown(at, reading.failure("unknown"))
        } else {
            Next::NotSent(reading.failure("not_sent"))
        }
    }

    /// Why the do stays unknown: what made it so, beside what `check` could not say.
    pub(super) fn unknown_by_check(
        &self,
        at: Spot<'_>,
        otherwise: Failure,
        said: Option<&str>,
    ) -> Failure {
        let known = self.state(at.route).failure.clone();
        let mut failed = known.unwrap_or(otherwise);
        if let Some(said) = said {
            failed.detail.insert("check".to_owned(), Json::from(said));
        }
        failed
    }

    /// The next try, while attempts last. One that a crash interrupted is always granted.
    pub(super) fn retry(
        &self,
        at: Spot<'_>,
        leg: Leg,
        state: &LegState,
        reading: &Reading,
        interrupted: bool,
    ) -> Option<Next> {
        let retry = &call_of(at.step, leg)?.retry;
        if interrupted {
            return Some(Next::Retry {
                at: self.context.now,
            });
        }
        let failed = state.burned + 1;
        if retry.attempts.is_some_and(|attempts| failed >= attempts) {
            return None;
        }
        // A leg that is tried for ever has no last attempt; its refusals are counted instead. An
        // answer that is none is not the last word, also where somebody had it tried once more.
        let refused = reading.meaning == Meaning::Refused;
        if retry.attempts.is_none() && refused && state.refusals + 1 >= limits::REFUSALS_AFTER_LOST
        {
            return None;
        }
        let bound = retry.bound(failed).millis();
        let asked = reading
            .retry_after_ms
            .unwrap_or(0)
            .min(limits::RETRY_AFTER_MAX_MS);
        let pause = self.jitter(&at.path(), leg, failed, bound).max(asked);
        Some(Next::Retry {
            at: self.in_millis(pause),
        })
    }

    fn in_millis(&self, millis: u64) -> Timestamp {
        self.context.now.plus(Duration::from_millis(millis))
    }

    /// Full jitter: evenly from 0 to the bound, from this decision's random bits.
    fn jitter(&self, path: &str, leg: Leg, failed: u32, bound: u64) -> u64 {
        let mut bits = self.context.random ^ u64::from(failed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in path.bytes().chain(leg.as_str().bytes()) {
            bits = (bits ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        bits ^= bits >> 29;
        bits % (bound + 1)
    }
}

/// Whether an undo's 2xx may stem from before its do's late success, when there was nothing to
/// take back. Not so where the service refuses a do that comes after its undo, nor where it has
/// answered "not found" before: such a service does not say yes to nothing.
fn is_older(undo: &UndoCall, leg: &LegState) -> bool {
    let older = leg.overtaken && undo.look_again.is_some() && !leg.said_not_found;
    older && !planted::is(planted::Bug::OldYesBelieved)
}

impl Reading {
    pub(super) fn failure(&self, code: &str) -> Failure {
        let (code, cause) = match &self.failed {
            Some(failed) => ("expression_failed", Some(failed.cause.as_str())),
            None => (code, self.cause),
        };
        let mut failed = failure(code, cause, self.message.clone().unwrap_or_default());
        if let Some(status) = self.status {
            failed
                .detail
                .insert("status".to_owned(), Json::from(status));
        }
        failed
    }

    pub(super) fn stuck(&self, code: StuckCode) -> Next {
        Next::Stuck {
            code,
            message: self.message.clone().unwrap_or_default(),
        }
    }

    fn park_cause(&self) -> ParkCause {
        let code = match self.meaning {
            Meaning::Misconfigured => ParkCode::Misconfigured,
            Meaning::Done
            | Meaning::Pending
            | Meaning::Refused
            | Meaning::NotFound
            | Meaning::MayHave
            | Meaning::NotSent
            | Meaning::Held => ParkCode::Unavailable,
        };
        ParkCause {
            code,
            message: self.message.clone().unwrap_or_default(),
        }
    }
}
