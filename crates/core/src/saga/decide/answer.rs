//! An answer arrives: for the current attempt it moves its leg; for any other it is a note,
//! save a late success, which is undone.

use super::super::meaning::{Reading, read};
use super::super::request::{call_of, do_key};
use super::super::{
    Leg, LegPhase, Meaning, Misconfigured, Next, Outcome, Phase, Record, State, StuckCode, Undone,
};
use super::{Decision, StepState};
use crate::definition::{Call, Step, Undo};
use crate::planted;
use crate::wire::{Answer, What};

impl Decision<'_> {
    pub(super) fn answered(&mut self, path: &str, leg: Leg, attempt: u32, answer: &Answer) {
        let plan = std::sync::Arc::clone(&self.plan);
        let Some(route) = plan.index.by_path(path) else {
            return;
        };
        let step = plan.definition.step(route);
        let Some(call) = call_of(step, leg) else {
            return;
        };
        let reading = read(self.saga, step, call, leg, &do_key(self.saga, path), answer);
        let state = self.leg(route, leg);
        let fenced = state.attempts == attempt || planted::is(planted::Bug::NoFence);
        let current = fenced && matches!(state.phase, LegPhase::InFlight { .. });
        if !current {
            return self.late(step, route, leg, attempt, reading);
        }
        self.tell(step, call, leg, &reading, answer);
        let next = self.next(step, route, leg, &reading, false);
        let parks = matches!(next, Next::Park(_));
        self.record(Record::AttemptEnded {
            step: step.path.clone(),
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
            self.parked = Some((step.path.clone(), leg));
            self.stick_if_overdue(step, route, leg);
        }
    }

    /// What the caller must know of the road that was answered.
    fn tell(&mut self, step: &Step, call: &Call, leg: Leg, reading: &Reading, answer: &Answer) {
        match reading.meaning {
            Meaning::Misconfigured => {
                self.turn.misconfigured = Some(Misconfigured {
                    service: call.service.clone(),
                    step: step.path.clone(),
                    leg,
                    whole_service: reading.whole_service,
                    message: reading.message.clone().unwrap_or_default(),
                });
            }
            Meaning::Done | Meaning::Refused | Meaning::NotFound | Meaning::MayHave => {
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
        self.saga.each_state(&mut |step, state| {
            for leg in Leg::ALL {
                if matches!(state.leg(leg).phase, LegPhase::InFlight { .. }) {
                    lost.push((step.path.clone(), leg, state.leg(leg).attempts));
                }
            }
        });
        let plan = std::sync::Arc::clone(&self.plan);
        for (path, leg, attempt) in lost {
            let Some(route) = plan.index.by_path(&path) else {
                continue;
            };
            let reading = Reading::interrupted();
            let next = self.next(plan.definition.step(route), route, leg, &reading, true);
            let LegPhase::InFlight { since, .. } = self.leg(route, leg).phase else {
                continue;
            };
            self.record(Record::AttemptEnded {
                step: path,
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

    fn late(&mut self, step: &Step, route: &[usize], leg: Leg, attempt: u32, reading: Reading) {
        let state = self.state(route);
        let never_made = attempt == 0 || attempt > state.leg(leg).attempts;
        if never_made {
            return;
        }
        let done = leg == Leg::Do && reading.meaning == Meaning::Done;
        let late = if done {
            self.late_effect(step, state)
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
            Late::Undone => (Some(reading.value), self.after_late_effect(step, state)),
        };
        if self.saga.phase == Phase::Compensated {
            self.record(Record::Reopened {
                step: step.path.clone(),
            });
        }
        self.record(Record::LateAnswer {
            step: step.path.clone(),
            leg,
            attempt,
            meaning: reading.meaning,
            result,
            next,
        });
    }

    /// What a late success of this step leads to.
    fn late_effect(&self, step: &Step, state: &StepState) -> Late {
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
        if !goes_on || !matches!(step.undo, Undo::Call(_)) {
            return Late::Note;
        }
        if state.undone.is_some() || (state.undo.round == 0 && is_idle(&state.undo.phase)) {
            Late::Undone
        } else if is_stuck(&state.undo.phase) || state.undo.round == 0 {
            Late::Note
        } else {
            Late::LooksOnceMore
        }
    }

    /// Rule 6: a new round where that is safe; none when the undo has not run yet and the way
    /// back will come to it.
    fn after_late_effect(&self, step: &Step, state: &StepState) -> Option<Next> {
        let Undo::Call(undo) = &step.undo else {
            return None;
        };
        let at = self.context.now;
        match state.undone {
            None if matches!(self.saga.phase, Phase::Back | Phase::Compensated) => None,
            None | Some(Undone::NothingThere) => Some(Next::LookAgain { at }),
            Some(Undone::Done) if undo.repeatable => Some(Next::LookAgain { at }),
            Some(Undone::Done) => Some(Next::Stuck {
                code: StuckCode::LateEffect,
                message: format!(
                    "{} succeeded after its undo had run, and undoing twice is not safe",
                    step.path
                ),
            }),
        }
    }
}

/// What an answer for an attempt that is no longer current leads to.
enum Late {
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

fn is_stuck(phase: &LegPhase) -> bool {
    matches!(phase, LegPhase::Stuck { .. })
}
