//! Back: what runs beside comes to its end first; then each effect is undone, in the reverse
//! order of start along each path.

use super::super::{Leg, LegPhase, Outcome, Record, State, StepState};
use super::{Decision, failure};
use crate::definition::{Call, Kind, OnTurnBack, Step, Undo};
use crate::planted;
use crate::route::{Route, Spot};

impl Decision<'_> {
    pub(super) fn back(&mut self) {
        // An undo that has begun goes on, although a late effect after it may hold up the way.
        if !planted::is(planted::Bug::UndoHeldUp) {
            self.undo_what_is_due();
        }
        let none_late = self.undo_signals();
        if self.drains() {
            return;
        }
        let plan = std::sync::Arc::clone(&self.plan);
        let none_left = self.undo_steps(&plan.definition.steps, &mut Route::new(), false);
        if none_left && none_late {
            self.record(Record::Compensated);
        }
    }

    /// Ends what has begun and is not in flight; true while something is.
    fn drains(&mut self) -> bool {
        let mut open = Vec::new();
        let mut children = Vec::new();
        let mut in_flight = false;
        let mut waited_for = Vec::new();
        self.saga.each_state(&mut |at, state| {
            let flies = |leg: Leg| matches!(state.leg(leg).phase, LegPhase::InFlight { .. });
            let stuck = matches!(state.forward.phase, LegPhase::Stuck { .. });
            if state.child.is_some() && state.state == State::Running {
                in_flight |= !stuck;
                children.push(at.route.to_vec());
            } else if flies(Leg::Do) || flies(Leg::Check) {
                in_flight = true;
            } else if is_waited_for(at.step, state) {
                waited_for.push(at.route.to_vec());
            } else if state.state == State::Running && !stuck {
                open.push(at.route.to_vec());
            }
        });
        let plan = std::sync::Arc::clone(&self.plan);
        for route in children {
            self.cancel_child(plan.definition.spot(&route));
        }
        for route in open {
            self.stop(plan.definition.spot(&route));
        }
        for route in &waited_for {
            let at = plan.definition.spot(route);
            if self.is_due(at, Leg::Do) {
                self.attempt(at, Leg::Do);
            }
            self.drive_check(at);
        }
        in_flight || !waited_for.is_empty()
    }

    /// A step that waited for a retry, a road, a signal or a time stops now.
    fn stop(&mut self, at: Spot<'_>) {
        let state = self.state(at.route);
        let asked = !matches!(state.check.phase, LegPhase::Idle);
        let message = match (&state.failure, &state.forward.last_message) {
            (Some(failed), _) => failed.message.clone(),
            (None, Some(message)) => message.clone(),
            (None, None) => "the saga turned back first".to_owned(),
        };
        if state.forward.may_have || asked {
            self.end_without(at, Outcome::Unknown, failure("unknown", None, message));
        } else {
            self.end_without(
                at,
                Outcome::NotSent,
                failure("not_sent", Some("turned_back"), message),
            );
        }
    }

    /// Undoes these steps; true when nothing of them is left.
    fn undo_steps(&mut self, steps: &[Step], route: &mut Route, parallel: bool) -> bool {
        let mut all = true;
        for turn in 0..steps.len() {
            let forward = planted::is(planted::Bug::UndoesForward);
            let position = if forward {
                turn
            } else {
                steps.len() - 1 - turn
            };
            let step = &steps[position];
            route.push(position);
            let undone = self.undo_step(step, route);
            route.pop();
            all &= undone;
            if !undone && !parallel {
                return false;
            }
        }
        all
    }

    pub(super) fn undo_step(&mut self, step: &Step, route: &mut Route) -> bool {
        match &step.kind {
            Kind::Group(group) => self.undo_steps(&group.steps, route, group.parallel),
            Kind::Each(each) => self.undo_items(each, route),
            Kind::Call(_)
            | Kind::Wait(_)
            | Kind::Sleep(_)
            | Kind::Set(_)
            | Kind::Refuse(_)
            | Kind::Run(_) => {
                let plan = std::sync::Arc::clone(&self.plan);
                self.undo_leaf(Spot {
                    definition: &plan.definition,
                    step,
                    route,
                })
            }
        }
    }

    fn undo_leaf(&mut self, at: Spot<'_>) -> bool {
        let state = self.state(at.route);
        if matches!(state.forward.phase, LegPhase::Stuck { .. }) {
            return false;
        }
        let state = state.state;
        match state {
            State::Pending | State::Skipped | State::Ended(Outcome::Refused | Outcome::NotSent) => {
                return true;
            }
            State::Running => return false,
            State::Ended(Outcome::Unknown) if self.sticks(at) => return false,
            State::Ended(Outcome::Unknown) if planted::is(planted::Bug::UnknownIsNotUndone) => {
                return true;
            }
            State::Ended(Outcome::Done | Outcome::Unknown) => {}
        }
        let state = self.state(at.route);
        if !at.step.undo.is_some() || state.undone.is_some() {
            return true;
        }
        if matches!(at.step.undo, Undo::Child) {
            return self.undo_child(at);
        }
        let begins = matches!(state.undo.phase, LegPhase::Idle);
        if begins || self.is_due(at, Leg::Undo) {
            self.attempt(at, Leg::Undo);
        }
        false
    }

    /// Goes on with every undo whose time has come. In a saga that goes forward, or that
    /// completed, that is the undo of a late effect and nothing else.
    pub(super) fn undo_what_is_due(&mut self) {
        let mut due = Vec::new();
        self.saga.each_state(&mut |at, _| {
            if self.is_due(at, Leg::Undo) {
                due.push(at.route.to_vec());
            }
        });
        let plan = std::sync::Arc::clone(&self.plan);
        for route in due {
            self.attempt(plan.definition.spot(&route), Leg::Undo);
        }
    }
}

/// Its do was accepted and is not decided, and the file says to wait for its reply, or to go on
/// asking, although the saga turned back.
fn is_waited_for(step: &Step, state: &StepState) -> bool {
    let Kind::Call(action) = &step.kind else {
        return false;
    };
    let waits = |call: &Call| {
        let pending = call.pending.as_ref();
        pending.is_some_and(|pending| pending.on_turn_back == OnTurnBack::Wait)
    };
    let awaits = matches!(state.forward.phase, LegPhase::AwaitingReply { .. });
    let polls = state.check.poll_until.is_some() && !matches!(state.check.phase, LegPhase::Idle);
    let undecided = state.state == State::Running;
    undecided
        && (awaits && waits(&action.call) || polls && action.check.as_ref().is_some_and(waits))
}
