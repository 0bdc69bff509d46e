//! Calls that were accepted and are not decided: the wait for their reply, the asking again, and
//! the reply itself, which settles a leg once.

use super::super::meaning::{Reading, read_reply};
use super::super::request::{call_of, do_key};
use super::super::{
    Leg, LegPhase, Meaning, Next, Outcome, Phase, Record, Rejection, Reply, ReplyOutcome, State,
    StuckCode, Undone,
};
use super::answer::Late;
use super::{Decision, failure};
use crate::definition::{OnTurnBack, Pending, Step, Undo};
use crate::planted;
use crate::route::Spot;

/// The status with which a service says that a reply will come.
const ACCEPTED: u16 = 202;

impl Decision<'_> {
    /// An answer that decides nothing: wait for the reply, or ask again. None once the time for
    /// that is over.
    pub(super) fn undecided(&self, at: Spot<'_>, leg: Leg, reading: &Reading) -> Option<Next> {
        let pending = pending_of(at.step, leg)?;
        if pending.reply && reading.status == Some(ACCEPTED) {
            return Some(Next::AwaitReply {
                until: self.context.now.plus(pending.within),
            });
        }
        let asked = if leg == Leg::Do { Leg::Check } else { leg };
        let limit = self.context.now.plus(pending.within);
        let until = self.leg(at.route, asked).poll_until.unwrap_or(limit);
        self.poll(pending, until)
    }

    /// A leg that is being asked again goes on with that although an attempt of it failed.
    pub(super) fn polls_on(&self, at: Spot<'_>, leg: Leg) -> Option<Next> {
        let until = self.leg(at.route, leg).poll_until?;
        self.poll(pending_of(at.step, leg)?, until)
    }

    fn poll(&self, pending: &Pending, until: crate::time::Timestamp) -> Option<Next> {
        let now = self.context.now;
        // The last question is asked when the time is over.
        let at = now.plus(pending.every).min(until);
        (now < until).then_some(Next::Poll { at, until })
    }

    /// The saga turned back, and its file says not to wait for what is undecided.
    pub(super) fn gives_up(&self, at: Spot<'_>, leg: Leg) -> bool {
        let pending = pending_of(at.step, leg);
        self.saga.phase != Phase::Forward
            && pending.is_some_and(|pending| pending.on_turn_back == OnTurnBack::GiveUp)
    }

    /// Asks the check when that is due. One that is asked again and again, and has no road or no
    /// answer when the time for that is over, leaves the do unknown.
    pub(super) fn drive_check(&mut self, at: Spot<'_>) {
        let check = self.leg(at.route, Leg::Check);
        let over = check
            .poll_until
            .is_some_and(|until| until <= self.context.now);
        let idles = matches!(
            check.phase,
            LegPhase::Retry { .. } | LegPhase::Parked { .. }
        );
        if over && idles {
            let said = check.last_message.clone();
            let words = said.clone().unwrap_or_default();
            let otherwise = failure("unknown", None, words);
            let unknown = self.unknown_by_check(at, otherwise, said.as_deref());
            self.end_without(at, Outcome::Unknown, unknown);
        } else if self.is_due(at, Leg::Check) {
            self.attempt(at, Leg::Check);
        }
    }

    /// The time for the reply is over: like an attempt that got no answer.
    pub(super) fn no_reply(&mut self, at: Spot<'_>, leg: Leg) {
        let Some(pending) = pending_of(at.step, leg) else {
            return;
        };
        let message = format!("no reply came within {}", pending.within);
        let next = match leg {
            Leg::Do | Leg::Check => {
                let failed = failure("unknown", Some("no_reply"), message.clone());
                self.unknown(at, failed)
            }
            Leg::Undo | Leg::Confirm => {
                let reading = Reading::plain(Meaning::MayHave, &message);
                let state = self.leg(at.route, leg);
                self.retry(at, leg, state, &reading, false)
                    .unwrap_or_else(|| reading.stuck(StuckCode::OutcomeUnknown))
            }
        };
        self.record(Record::NoReply {
            step: at.path(),
            leg,
            message,
            next,
        });
    }

    /// A reply: it settles its leg once, also before the answer to the call that it is for.
    pub(super) fn reply(
        &mut self,
        path: &str,
        leg: Leg,
        round: u32,
        reply: &Reply,
    ) -> Result<(), Rejection> {
        let plan = std::sync::Arc::clone(&self.plan);
        let route = plan.index.by_path(path);
        let route = route.filter(|route| self.saga.has(route));
        let route = route.ok_or(Rejection::UnknownReply)?;
        let at = plan.definition.spot(&route);
        let carried = pending_of(at.step, leg).is_some_and(|pending| pending.reply);
        let state = self.leg(at.route, leg);
        let call = call_of(at.step, leg).filter(|_| carried);
        let (Some(call), true) = (call, (1..=state.round).contains(&round)) else {
            return Err(Rejection::UnknownReply);
        };
        let outcome = match reply {
            Reply::Done { .. } => ReplyOutcome::Done,
            Reply::Refused { .. } => ReplyOutcome::Refused,
        };
        let known = state.replies.iter().find(|(known, _)| *known == round);
        let known = known.map(|(_, said)| *said);
        if known == Some(outcome) && !planted::is(planted::Bug::ReplyTakenTwice) {
            self.turn.replayed = true;
            return Ok(());
        }
        let current = round == state.round;
        let done = known == Some(ReplyOutcome::Done) || current && self.is_done(at, leg);
        if outcome == ReplyOutcome::Refused && done {
            let (step, leg) = (at.path(), leg.as_str());
            return Err(Rejection::AlreadySettled { step, leg });
        }
        let reading = read_reply(self.saga, at, (call, leg), &do_key(self.saga, at), reply);
        self.take_reply(at, (leg, round), outcome, reading, current);
        Ok(())
    }

    fn take_reply(
        &mut self,
        at: Spot<'_>,
        (leg, round): (Leg, u32),
        outcome: ReplyOutcome,
        reading: Reading,
        current: bool,
    ) {
        let settles = current && self.is_open(at, leg);
        let is_late = current && leg == Leg::Do && reading.meaning == Meaning::Done;
        let is_late = is_late && !planted::is(planted::Bug::LateReplyNotUndone);
        let late = is_late && self.late_effect(at) != Late::Note;
        if !settles && !late && self.saga.status().is_rest() {
            return;
        }
        let next = settles.then(|| self.next_of_reply(at, leg, &reading));
        self.record(Record::ReplyReceived {
            step: at.path(),
            leg,
            round,
            outcome,
            message: reading.message.clone(),
            next,
        });
        if late && !settles {
            self.late(at, leg, self.leg(at.route, leg).attempts, reading);
        }
    }

    /// A reply is the service's word on its key, whatever answers were lost before.
    fn next_of_reply(&self, at: Spot<'_>, leg: Leg, reading: &Reading) -> Next {
        let refused = reading.meaning == Meaning::Refused;
        let done = Next::Done {
            result: reading.value.clone(),
        };
        match (leg, &at.step.undo) {
            (Leg::Do | Leg::Check, _) if refused => Next::Refused(reading.failure("refused")),
            (Leg::Do | Leg::Check, _) if reading.failed.is_some() => {
                self.unknown(at, reading.failure("unknown"))
            }
            (Leg::Undo, _) if refused => reading.stuck(StuckCode::UndoRefused),
            (Leg::Undo, Undo::Call(undo)) => {
                self.next_of_undo(at, undo, self.state(at.route), reading, false)
            }
            (Leg::Confirm, _) if refused => reading.stuck(StuckCode::ForwardRefused),
            (Leg::Confirm, _) if reading.failed.is_some() => {
                reading.stuck(StuckCode::ExpressionFailed)
            }
            (Leg::Do | Leg::Check | Leg::Undo | Leg::Confirm, _) => done,
        }
    }

    /// Nothing has settled this leg yet, or nothing but what a person is asked about.
    fn is_open(&self, at: Spot<'_>, leg: Leg) -> bool {
        let state = self.state(at.route);
        let phase = &state.leg(leg).phase;
        let asks_a_person = match phase {
            LegPhase::Stuck { code, .. } => {
                !matches!(code, StuckCode::LateEffect | StuckCode::Restored)
            }
            LegPhase::Idle
            | LegPhase::Child { .. }
            | LegPhase::InFlight { .. }
            | LegPhase::Retry { .. }
            | LegPhase::AwaitingReply { .. }
            | LegPhase::Polling { .. }
            | LegPhase::LookAgain { .. }
            | LegPhase::Parked { .. } => false,
        };
        let runs = matches!(
            phase,
            LegPhase::InFlight { .. }
                | LegPhase::Retry { .. }
                | LegPhase::AwaitingReply { .. }
                | LegPhase::Polling { .. }
                | LegPhase::Parked { .. }
        );
        match leg {
            Leg::Do | Leg::Check => state.state == State::Running || asks_a_person,
            Leg::Undo => state.undone.is_none() && (runs || asks_a_person),
            Leg::Confirm => !state.confirmed && (runs || asks_a_person),
        }
    }

    fn is_done(&self, at: Spot<'_>, leg: Leg) -> bool {
        let state = self.state(at.route);
        match leg {
            Leg::Do | Leg::Check => state.state == State::Ended(Outcome::Done),
            Leg::Undo => state.undone == Some(Undone::Done),
            Leg::Confirm => state.confirmed,
        }
    }
}

fn pending_of(step: &Step, leg: Leg) -> Option<&Pending> {
    call_of(step, leg)?.pending.as_deref()
}
