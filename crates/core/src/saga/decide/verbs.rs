//! The verbs: what a person asks for, where it is allowed now. Each leads to records that say
//! who asked and why; what follows from them is decided as ever.

use super::super::meaning::Reading;
use super::super::request::call_of;
use super::super::verbs::{At, is_safe_anew, is_sent_once};
use super::super::{
    Ask, Asked, Left, Leg, LegPhase, Meaning, Next, Outcome, Phase, ReasonCode, Record, Rejection,
    Retry, Settle, Settlement, State, Status, StepState, StuckCode, Undone, Value,
};
use super::moves::Move;
use super::{Decision, failure};
use crate::definition::{Kind, OnRefused, Undo};
use crate::json::Json;
use crate::limits;
use crate::planted;
use crate::route::Spot;

/// Who asks, and why.
#[derive(Clone)]
pub(super) struct By {
    pub(super) reason: String,
    pub(super) actor: String,
}

impl Decision<'_> {
    pub(super) fn asked(&mut self, asked: Asked) -> Result<(), Rejection> {
        let Asked {
            what,
            reason,
            actor,
            expected_seq,
            operation: _,
        } = asked;
        let seq = self.saga.seq;
        if expected_seq.is_some_and(|expected| expected != seq) {
            return Err(Rejection::ChangedSince { seq });
        }
        let by = By { reason, actor };
        match what {
            Ask::Cancel => self.cancel(by),
            Ask::Retry(retry) => self.try_again(&retry, &by),
            Ask::Settle(settle) => self.settle_leg(settle, by),
            Ask::Undo => self.undo(by),
            Ask::Abandon => self.abandon(by),
            Ask::Move { plan, children } => self.moves(Move { plan, children, by }),
            Ask::Note { text, owner } => {
                let By { reason, actor } = by;
                self.record(Record::Noted {
                    text,
                    owner,
                    reason,
                    actor,
                });
                Ok(())
            }
        }
    }

    /// Turns the saga back, or has it turn back once its pivot is known not to have happened.
    pub(super) fn cancel(&mut self, by: By) -> Result<(), Rejection> {
        let stuck = self.saga.has_stuck();
        let open = self.saga.phase == Phase::Forward && !self.saga.past_pivot;
        if open && self.saga.is_cancelled() && !stuck {
            self.turn.replayed = true;
            return Ok(());
        }
        self.saga.may_cancel().map_err(not_now)?;
        let By { reason, actor } = by;
        let failed = failure("cancelled", None, reason.clone());
        self.record(Record::CancelRequested { reason, actor });
        // What became of a pivot that is a child, that child tells.
        if stuck && self.saga.status() == Status::Stuck && !self.pivot_child_runs() {
            // Nothing is in flight: what is unknown is undone as "may have happened".
            self.turn_back(ReasonCode::Cancelled, None, failed);
        }
        Ok(())
    }

    /// Undoes a completed saga as a business operation, what came after its pivot included.
    fn undo(&mut self, by: By) -> Result<(), Rejection> {
        self.saga.may_undo().map_err(not_now)?;
        let code = ReasonCode::UndoneByOperator;
        let mut failed = failure(code.as_str(), None, by.reason);
        let detail = &mut failed.detail;
        detail.insert("actor".to_owned(), Json::from(by.actor));
        self.turn_back(code, None, failed);
        Ok(())
    }

    /// Gives the saga up, and writes down what remains of it.
    fn abandon(&mut self, by: By) -> Result<(), Rejection> {
        self.saga.may_abandon().map_err(not_now)?;
        let mut left = Vec::new();
        self.saga.each_state(&mut |at, state| {
            if let Some(outcome) = stands(at, state) {
                left.push(Left {
                    step: at.path(),
                    outcome,
                    undo: state.undo_view(at.step),
                });
            }
        });
        let By { reason, actor } = by;
        self.record(Record::Abandoned {
            left,
            reason,
            actor,
        });
        Ok(())
    }

    /// Has legs tried again at once.
    fn try_again(&mut self, retry: &Retry, by: &By) -> Result<(), Rejection> {
        let legs = self.legs_to_retry(retry)?;
        if retry.body.is_some() && legs.len() > 1 {
            return Err(not_now(
                "more than one leg can be tried again: name the step that the body is for".into(),
            ));
        }
        let plan = std::sync::Arc::clone(&self.plan);
        let mut wanted = Vec::new();
        for (route, leg) in legs {
            let at = plan.definition.spot(&route);
            let stuck = matches!(self.leg(at.route, leg).phase, LegPhase::Stuck { .. });
            let asks = leg == Leg::Do && stuck && is_sent_once(at.step, self.state(at.route));
            let leg = if asks { Leg::Check } else { leg };
            let fresh = self.round_of_retry(at, leg, retry.body.as_ref())?;
            wanted.push((route, leg, fresh));
        }
        for (route, leg, fresh) in wanted {
            let at = plan.definition.spot(&route);
            self.record(Record::Retried {
                step: at.path(),
                leg,
                fresh,
                body: retry.body.clone(),
                reason: by.reason.clone(),
                actor: by.actor.clone(),
            });
        }
        Ok(())
    }

    fn legs_to_retry(&self, retry: &Retry) -> Result<Vec<At>, Rejection> {
        let Some(path) = &retry.step else {
            let mut legs = self.saga.to_retry();
            legs.retain(|(_, leg)| retry.leg.is_none_or(|wanted| wanted == *leg));
            return match legs.is_empty() {
                true => Err(not_now(self.nothing_to_retry())),
                false => Ok(legs),
            };
        };
        let at = self.named(path, retry.leg)?;
        let legs: Vec<Leg> = match retry.leg {
            Some(leg) => vec![leg],
            None => Leg::ALL.to_vec(),
        };
        let mut refused = None;
        for leg in legs {
            match self.saga.may_retry(self.saga.spot(&at), leg) {
                Ok(()) => return Ok(vec![(at, leg)]),
                // The leg that is under way says more than one that was never begun.
                Err(why) if !matches!(self.leg(&at, leg).phase, LegPhase::Idle) => {
                    refused = Some(why);
                }
                Err(why) => {
                    refused.get_or_insert(why);
                }
            }
        }
        Err(not_now(refused.unwrap_or_default()))
    }

    /// Why nothing can be tried again: what its first leg that is not over says.
    fn nothing_to_retry(&self) -> String {
        let mut said = None;
        self.saga.each_state(&mut |at, state| {
            for leg in Leg::ALL {
                if !matches!(state.leg(leg).phase, LegPhase::Idle) {
                    let why = self.saga.may_retry(at, leg).err();
                    said = said.take().or(why);
                }
            }
        });
        said.unwrap_or_else(|| "nothing is stuck, and nothing waits to be tried again".to_owned())
    }

    /// Whether the next attempt begins a round under a fresh key, where that is safe and makes
    /// a difference.
    fn round_of_retry(
        &self,
        at: Spot<'_>,
        leg: Leg,
        body: Option<&Json>,
    ) -> Result<bool, Rejection> {
        let state = self.leg(at.route, leg);
        let path = at.path();
        self.is_in_time(at, leg)?;
        let safe = is_safe_anew(at.step, state, leg);
        if let Some(body) = body {
            let call = call_of(at.step, leg);
            if call.is_none_or(|call| call.body.is_none()) {
                let leg = leg.as_str();
                return Err(not_now(format!("the {leg} of {path} sends no body")));
            }
            let bytes = body.to_string().len();
            if bytes > limits::PAYLOAD_BYTES {
                let most = limits::PAYLOAD_BYTES;
                return Err(not_now(format!(
                    "the body has {bytes} bytes, over the limit of {most}"
                )));
            }
            if !safe {
                return Err(not_now(format!(
                    "an edited body needs a fresh key, and an attempt of {path} may have happened: only what was refused or not sent is safe to send anew"
                )));
            }
        }
        let changed = matches!(
            state.phase,
            LegPhase::Stuck {
                code: StuckCode::BodyChanged,
                ..
            }
        );
        let found_nothing = leg == Leg::Undo && state.burned > 0 && state.all_not_found;
        let differs = state.refusals > 0 || found_nothing || changed || body.is_some();
        let anew = safe && differs && state.round > 0;
        let anew = anew || (planted::is(planted::Bug::RetryUnderFreshKey) && state.round > 0);
        // A child that was refused is another child when it is tried again.
        Ok(anew || self.state(at.route).child.is_some())
    }

    /// Before the pivot a deadline that has passed turns the saga back at once.
    fn is_in_time(&self, at: Spot<'_>, leg: Leg) -> Result<(), Rejection> {
        let deadline = self.saga.deadline.filter(|at| *at <= self.context.now);
        let forward = matches!(leg, Leg::Do | Leg::Check) && !at.is_end();
        match deadline.filter(|_| forward && !self.saga.past_pivot) {
            None => Ok(()),
            Some(deadline) => Err(not_now(format!(
                "the deadline of the saga passed at {deadline}, and nothing is sent forward any more: settle the do of {}, or cancel",
                at.path()
            ))),
        }
    }

    /// Takes a person's word for what became of a leg.
    fn settle_leg(&mut self, settle: Settle, by: By) -> Result<(), Rejection> {
        let route = self.named(&settle.step, Some(settle.leg))?;
        let plan = std::sync::Arc::clone(&self.plan);
        let at = plan.definition.spot(&route);
        self.saga.may_settle(at, settle.leg).map_err(not_now)?;
        let given_up = settle.leg == Leg::Do && self.is_given_up(at);
        // The body of a signal is known whatever it means.
        let known = self.state(&route).result.clone();
        let known = known.filter(|_| matches!(at.step.kind, Kind::Wait(_)));
        let given = settle.result.clone().map(Value::Json);
        let result = given.or(known).unwrap_or(Value::Json(Json::Null));
        let (late, next) = match (settle.leg, settle.settlement) {
            (Leg::Do | Leg::Check, Settlement::Done) if given_up => {
                (Some(result), self.after_settled_late(at))
            }
            (_, Settlement::Done) => (None, Some(Next::Done { result })),
            (leg, Settlement::NotHappened) => {
                (None, Some(self.after_not_happened(at, leg, &settle)?))
            }
        };
        if late.is_some() && self.saga.phase == Phase::Compensated {
            self.record(Record::Reopened { step: at.path() });
        }
        let By { reason, actor } = by;
        self.record(Record::Settled {
            step: settle.step,
            leg: settle.leg,
            settlement: settle.settlement,
            evidence: settle.evidence,
            late,
            next,
            reason,
            actor,
        });
        Ok(())
    }

    /// The saga goes back, or has ended, without knowing that this do took effect.
    fn is_given_up(&self, at: Spot<'_>) -> bool {
        let ended = matches!(self.state(at.route).state, State::Ended(_));
        self.saga.phase != Phase::Forward && ended
    }

    /// What follows for the undo of a do that took effect, as is known only now.
    fn after_settled_late(&self, at: Spot<'_>) -> Option<Next> {
        let Undo::Call(undo) = &at.step.undo else {
            return None;
        };
        let state = self.state(at.route);
        let again = Some(Next::LookAgain {
            at: self.context.now,
        });
        match state.undo.phase {
            LegPhase::LookAgain { .. } => again,
            LegPhase::Stuck { .. } if is_safe_anew(at.step, &state.undo, Leg::Undo) => again,
            // It stays stuck: whether it took this effect back, nobody can tell.
            LegPhase::Stuck { .. } => None,
            _ if state.undone == Some(Undone::NothingThere) => {
                Some(self.round_that_found_nothing(at, undo))
            }
            _ => None,
        }
    }

    /// What follows where a leg certainly did not happen: a do of a saga that can turn back is
    /// over; whatever must happen begins a new round, under a fresh key.
    fn after_not_happened(
        &self,
        at: Spot<'_>,
        leg: Leg,
        settle: &Settle,
    ) -> Result<Next, Rejection> {
        let now = self.context.now;
        let state = self.state(at.route);
        let path = at.path();
        match leg {
            Leg::Undo if matches!(at.step.undo, Undo::Child) => Err(not_now(format!(
                "the child of {path} was given up, and nothing can undo it from here: take it back by hand, then settle its undo as done"
            ))),
            Leg::Undo if planted::is(planted::Bug::SettledUndoForgotten) => Ok(Next::Done {
                result: Value::Json(Json::Null),
            }),
            Leg::Undo => Ok(match state.undo.phase {
                // The second look at an unknown do comes at its own time.
                LegPhase::LookAgain { at, .. } => Next::LookAgain { at },
                _ => Next::Retry { at: now },
            }),
            Leg::Confirm => Ok(Next::Retry { at: now }),
            Leg::Do | Leg::Check
                if self.saga.past_pivot
                    && self.saga.phase == Phase::Forward
                    && state.signal.is_none() =>
            {
                Ok(Next::Retry { at: now })
            }
            Leg::Do | Leg::Check if state.undone.is_some() => Err(not_now(format!(
                "the undo of {path} found nothing: that it did not happen is known"
            ))),
            Leg::Do | Leg::Check => {
                let message = format!("it did not happen: {}", settle.evidence);
                let reading = Reading::plain(Meaning::NotSent, &message);
                let mut failed = reading.failure("not_sent");
                let cause = Json::from("settled");
                failed.detail.insert("cause".to_owned(), cause);
                // A signal of its own is no outcome of the way.
                let continues = at.step.on_refused == OnRefused::Continue;
                Ok(match continues || state.signal.is_some() {
                    true => Next::Refused(failed),
                    false => Next::NotSent(failed),
                })
            }
        }
    }

    /// The route of a step that somebody named, which has this leg.
    fn named(&self, path: &str, leg: Option<Leg>) -> Result<crate::route::Route, Rejection> {
        let route = self.plan.index.by_path(path);
        let route = route.filter(|route| self.saga.has(route));
        let unknown = || Rejection::UnknownStep {
            step: path.to_owned(),
            leg: leg.map_or("leg", Leg::as_str),
        };
        let route = route.ok_or_else(unknown)?;
        let step = self.plan.definition.step(&route);
        let has = match leg {
            None | Some(Leg::Do) => true,
            Some(Leg::Check) => call_of(step, Leg::Check).is_some(),
            Some(Leg::Undo) => step.undo.is_some(),
            Some(Leg::Confirm) => step.confirm.is_some(),
        };
        if has { Ok(route) } else { Err(unknown()) }
    }
}

/// The verb is not allowed now, and why.
pub(super) const fn not_now(message: String) -> Rejection {
    Rejection::NotAllowedNow { message }
}

/// The outcome of a step whose effect stands, or may stand.
fn stands(at: Spot<'_>, state: &StepState) -> Option<Outcome> {
    let acts = match &at.step.kind {
        Kind::Call(_) | Kind::Run(_) => true,
        Kind::Wait(_) => at.step.undo.is_some(),
        Kind::Sleep(_) | Kind::Set(_) | Kind::Refuse(_) | Kind::Group(_) | Kind::Each(_) => false,
    };
    let outcome = match state.state {
        State::Ended(outcome @ (Outcome::Done | Outcome::Unknown)) => outcome,
        State::Running if state.forward.may_have || state.child.is_some() => Outcome::Unknown,
        _ => return None,
    };
    let taken_back = state.undone.is_some();
    (acts && !taken_back && !at.is_end()).then_some(outcome)
}
