//! Signals: accepted once each; those that no wait can take any more become parts of a wait
//! that has an undo, and are undone, each once and under its own key (rule 6).
//!
//! A signal waits for as long as some wait may still take it; nothing here takes one.

use super::super::{Leg, Outcome, Phase, Record, Rejection, Saga, State, StepState};
use super::{Decision, failure};
use crate::definition::{Definition, Kind, Step};
use crate::json::Json;
use crate::limits;
use crate::route::{Route, Spot};

impl Decision<'_> {
    pub(super) fn signal(
        &mut self,
        name: String,
        key: String,
        body: Json,
    ) -> Result<(), Rejection> {
        if self.plan.definition.wait(&name).is_none() {
            return Err(Rejection::UnknownSignal { name });
        }
        let known = self
            .saga
            .signals
            .iter()
            .find(|known| known.name == name && known.key == key);
        if let Some(known) = known {
            let same = crate::json::canonical(&known.body) == crate::json::canonical(&body);
            self.turn.replayed = true;
            return if same {
                Ok(())
            } else {
                Err(Rejection::KeyReused { key })
            };
        }
        let status = self.saga.status();
        let is_undone = self.saga.phase != Phase::Abandoned && self.plan.definition.undoes(&name);
        if status.is_rest() && !is_undone {
            return Err(Rejection::Ended {
                status: status.as_str(),
            });
        }
        if self.saga.signals.len() >= limits::SIGNALS {
            return Err(Rejection::TooManySignals {
                limit: limits::SIGNALS,
            });
        }
        self.record(Record::SignalReceived { name, key, body });
        Ok(())
    }

    /// Gives every signal that nobody can take to the wait whose undo takes it back.
    pub(super) fn settle_signals(&mut self) {
        let plan = std::sync::Arc::clone(&self.plan);
        for place in 0..self.saga.signals.len() {
            let signal = &self.saga.signals[place];
            if signal.taken_by.is_some() {
                continue;
            }
            let home = home(&plan.definition, &signal.name);
            let Some(route) = home.filter(|_| !self.saga.may_take(&signal.name)) else {
                continue;
            };
            self.settle(plan.definition.spot(&route), place);
        }
    }

    fn settle(&mut self, at: Spot<'_>, place: usize) {
        let Kind::Wait(wait) = &at.step.kind else {
            return;
        };
        let body = &self.saga.signals[place].body;
        let (outcome, failed) = match self.signal_refuses(at.route, wait, body) {
            Ok(false) => (Outcome::Done, None),
            Ok(true) => {
                let message = format!("the signal {} says no", wait.signal);
                let cause = Some("refused_when");
                (Outcome::Refused, Some(failure("refused", cause, message)))
            }
            Err(failed) => {
                let cause = Some(failed.cause.as_str());
                let failed = failure("expression_failed", cause, failed.message);
                (Outcome::Unknown, Some(failed))
            }
        };
        let step = at.path();
        if self.saga.phase == Phase::Compensated && outcome != Outcome::Refused {
            self.record(Record::Reopened { step: step.clone() });
        }
        self.record(Record::SignalLate {
            step,
            signal: place,
            outcome,
            failure: failed,
        });
    }

    /// Undoes the signals that came too late, whatever else waits: nothing started because of
    /// them. True when none is left.
    pub(super) fn undo_signals(&mut self) -> bool {
        let mut left = Vec::new();
        self.saga.each_state(&mut |at, state| {
            let stands = matches!(state.state, State::Ended(Outcome::Done | Outcome::Unknown));
            if state.signal.is_some() && state.undone.is_none() && stands {
                left.push(at.route.to_vec());
            }
        });
        let plan = std::sync::Arc::clone(&self.plan);
        for route in &left {
            let at = plan.definition.spot(route);
            if self.is_due(at, Leg::Undo) {
                self.attempt(at, Leg::Undo);
            }
        }
        left.is_empty()
    }
}

/// The wait whose undo takes back the signals of this name that nobody took: the first. The
/// checker lets none stand inside an `each`, where there may be many or none.
fn home(definition: &Definition, signal: &str) -> Option<Route> {
    let mut route = Route::new();
    find(&definition.steps, signal, &mut route).then_some(route)
}

fn find(steps: &[Step], signal: &str, route: &mut Route) -> bool {
    for (position, step) in steps.iter().enumerate() {
        route.push(position);
        let inside = matches!(&step.kind, Kind::Group(group) if find(&group.steps, signal, route));
        if inside || step.undoes(signal) {
            return true;
        }
        route.pop();
    }
    false
}

impl Saga {
    /// Whether some wait may still take a signal of this name.
    fn may_take(&self, signal: &str) -> bool {
        let steps = self.plan.definition.steps.iter().zip(&self.steps);
        self.phase == Phase::Forward
            && steps
                .into_iter()
                .any(|(step, state)| may_take(step, state, signal))
    }
}

fn may_take(step: &Step, state: &StepState, signal: &str) -> bool {
    match (&step.kind, state.state) {
        (_, State::Skipped | State::Ended(_)) => false,
        (Kind::Wait(wait), State::Pending | State::Running) => wait.signal == signal,
        (Kind::Group(group), _) => {
            let mut parts = group.steps.iter().zip(&state.parts);
            parts.any(|(part, state)| may_take(part, state, signal))
        }
        (Kind::Each(each), _) if state.items.is_none() => {
            let mut waits = false;
            each.body.each_step(&mut |step| {
                waits |= matches!(&step.kind, Kind::Wait(wait) if wait.signal == signal);
            });
            waits
        }
        (Kind::Each(each), _) => {
            let mut items = state.parts.iter();
            items.any(|item| may_take(&each.body, item, signal))
        }
        (Kind::Call(_) | Kind::Sleep(_) | Kind::Set(_) | Kind::Refuse(_) | Kind::Run(_), _) => {
            false
        }
    }
}
