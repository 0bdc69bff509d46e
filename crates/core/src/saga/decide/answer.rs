//! An answer arrives: for the current attempt it moves its leg; for any other it is a note,
//! save a late success, which is undone.

use super::super::masked::answered_secrets;
use super::super::meaning::{Reading, read};
use super::super::request::call_of;
use super::super::verbs::is_safe_anew;
use super::super::{
    Leg, LegPhase, Meaning, Misconfigured, Next, Outcome, Phase, Record, State, StuckCode, Undone,
};
use super::{Decision, StepState};
use crate::definition::{Call, Undo, UndoCall};
use crate::planted;
use crate::route::Spot;
use crate::wire::{Answer, What};

impl Decision<'_> {
    pub(super) fn answered(&mut self, path: &str, leg: Leg, attempt: u32, answer: &Answer) {
        let plan = std::sync::Arc::clone(&self.plan);
        let route = plan.index.by_path(path);
        let Some(route) = route.filter(|route| self.saga.has(route)) else {
            return;
        };
        let at = plan.definition.spot(&route);
        let Some(call) = call_of(at.step, leg) else {
            return;
        };
        let reading = read(self.saga, at, call, leg, answer);
        let state = self.leg(at.route, leg);
        let fenced = state.attempts == attempt || planted::is(planted::Bug::NoFence);
        let current = fenced && matches!(state.phase, LegPhase::InFlight { .. });
        if !current {
            return self.late(at, leg, attempt, reading);
        }
        let reading = self.discreet(at, leg, reading, answer);
        self.tell(at, call, leg, &reading, answer);
        let next = self.next(at, leg, &reading, false);
        let parks = matches!(next, Next::Park(_));
        self.record(Record::AttemptEnded {
            step: at.path(),
            leg,
            attempt,
            status: reading.status,
            took_ms: answer.took_ms,
            meaning: reading.meaning,
            message: reading.message,
            instance: answer.instance.clone(),
            interrupted: false,
            next,
        });
        if parks {
            self.parked = Some((at.route.to_vec(), leg));
            self.stick_if_overdue(at, leg);
        }
    }

    /// What an answer means without what it holds of secrets.
    fn discreet(&self, at: Spot<'_>, leg: Leg, mut reading: Reading, answer: &Answer) -> Reading {
        if self.plan.secretive {
            let mut texts = self.saga.secret_texts();
            answered_secrets(at.step, leg, answer, &mut texts);
            reading.mask(&texts);
        }
        reading
    }

    /// What the caller must know of the road that was answered.
    fn tell(&mut self, at: Spot<'_>, call: &Call, leg: Leg, reading: &Reading, answer: &Answer) {
        match reading.meaning {
            Meaning::Misconfigured => {
                self.turn.misconfigured = Some(Misconfigured {
                    service: call.service.clone(),
                    step: at.path(),
                    leg,
                    whole_service: reading.whole_service,
                    message: reading.message.clone().unwrap_or_default(),
                });
            }
            Meaning::Done
            | Meaning::Pending
            | Meaning::Refused
            | Meaning::NotFound
            | Meaning::MayHave => {
                if matches!(answer.what, What::Http(_)) {
                    self.turn.answered = Some((call.service.clone(), leg));
                }
            }
            Meaning::NotSent | Meaning::Held => {}
        }
    }

    /// The process that made these calls is gone: each may have happened.
    pub(super) fn interrupted(&mut self) {
        let mut lost = Vec::new();
        self.saga.each_state(&mut |at, state| {
            for leg in Leg::ALL {
                if matches!(state.leg(leg).phase, LegPhase::InFlight { .. }) {
                    lost.push((at.route.to_vec(), leg, state.leg(leg).attempts));
                }
            }
        });
        let plan = std::sync::Arc::clone(&self.plan);
        for (route, leg, attempt) in lost {
            let at = plan.definition.spot(&route);
            let reading = Reading::interrupted();
            let next = self.next(at, leg, &reading, true);
            let LegPhase::InFlight { since, .. } = self.leg(at.route, leg).phase else {
                continue;
            };
            self.record(Record::AttemptEnded {
                step: at.path(),
                leg,
                attempt,
                status: None,
                took_ms: self.context.now.since(since),
                meaning: reading.meaning,
                message: reading.message,
                instance: None,
                interrupted: true,
                next,
            });
        }
    }

    pub(super) fn late(&mut self, at: Spot<'_>, leg: Leg, attempt: u32, reading: Reading) {
        let state = self.state(at.route);
        let never_made = attempt == 0 || attempt > state.leg(leg).attempts;
        if never_made {
            return;
        }
        let done = leg == Leg::Do && reading.meaning == Meaning::Done;
        let late = if done {
            self.late_effect(at)
        } else {
            Late::Note
        };
        let (result, next) = match late {
            Late::Note if self.saga.status().is_rest() => return,
            Late::Note => (None, None),
            Late::LooksOnceMore => {
                let at = self.context.now;
                (None, Some(Next::LookAgain { at }))
            }
            Late::Undone => (Some(reading.value), self.after_late_effect(at, state)),
        };
        if self.saga.phase == Phase::Compensated {
            self.record(Record::Reopened { step: at.path() });
        }
        self.record(Record::LateAnswer {
            step: at.path(),
            leg,
            attempt,
            meaning: reading.meaning,
            result,
            next,
        });
    }

    /// What a late success of this step leads to.
    pub(super) fn late_effect(&self, at: Spot<'_>) -> Late {
        let state = self.state(at.route);
        let State::Ended(outcome) = state.state else {
            return Late::Note;
        };
        let stuck = matches!(state.forward.phase, LegPhase::Stuck { .. });
        let goes_on = match self.saga.phase {
            // The saga goes on as if it had been refused, or waits for a person.
            Phase::Forward | Phase::Completed => outcome == Outcome::Refused && !stuck,
            Phase::Back | Phase::Compensated => outcome != Outcome::Done,
            Phase::Abandoned => false,
        };
        if !goes_on || !matches!(at.step.undo, Undo::Call(_)) {
            return Late::Note;
        }
        // Whether it never began, is over, or is not wanted any more since a person had said that
        // there was nothing.
        if state.undone.is_some() || is_idle(&state.undo.phase) {
            Late::Undone
        } else if state.undo.round == 0 {
            Late::Note
        } else {
            Late::LooksOnceMore
        }
    }

    /// Rule 6: a new round where that is safe; none when the undo has not run yet and the way
    /// back will come to it.
    fn after_late_effect(&self, at: Spot<'_>, state: &StepState) -> Option<Next> {
        let Undo::Call(undo) = &at.step.undo else {
            return None;
        };
        let now = self.context.now;
        match state.undone {
            None if state.undo.round == 0
                && matches!(self.saga.phase, Phase::Back | Phase::Compensated) =>
            {
                None
            }
            None if state.undo.round > 0 && !is_safe_anew(at.step, &state.undo, Leg::Undo) => {
                Some(not_safe_twice(at))
            }
            None => Some(Next::LookAgain { at: now }),
            Some(Undone::NothingThere) => Some(self.round_that_found_nothing(at, undo)),
            Some(Undone::Done) if undo.repeatable => Some(Next::LookAgain { at: now }),
            Some(Undone::Done) => Some(not_safe_twice(at)),
        }
    }

    /// What follows for an undo that had found nothing, and whose do is known to have happened
    /// since: a new round where that cannot undo twice.
    pub(super) fn round_that_found_nothing(&self, at: Spot<'_>, undo: &UndoCall) -> Next {
        let leg = self.leg(at.route, Leg::Undo);
        if undo.repeatable || leg.all_not_found {
            let at = self.context.now;
            return Next::LookAgain { at };
        }
        Next::Stuck {
            code: StuckCode::UndoUnclear,
            message: format!(
                "{} happened after all, and an attempt of its undo that came before or after may have taken it back: nobody can tell",
                at.path()
            ),
        }
    }
}

fn not_safe_twice(at: Spot<'_>) -> Next {
    Next::Stuck {
        code: StuckCode::LateEffect,
        message: format!(
            "{} succeeded after its undo had run, and undoing twice is not safe",
            at.path()
        ),
    }
}

/// What an answer for an attempt that is no longer current leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    /// Nothing but a note.
    Note,
    /// Its undo is under way, and may have asked before the effect was there.
    LooksOnceMore,
    /// It is undone.
    Undone,
}

fn is_idle(phase: &LegPhase) -> bool {
    matches!(phase, LegPhase::Idle)
}
