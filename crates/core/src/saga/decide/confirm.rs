//! The confirms: once every step is over, each step that is done is confirmed, in the order of
//! the steps. The first intent is a point of no return, which the fold notes.

use super::super::{Leg, LegPhase, Outcome, State, StepState};
use super::Decision;
use crate::definition::{Each, Kind, Step};
use crate::route::{Route, Spot};

impl Decision<'_> {
    /// Confirms these steps; true when nothing of them is left to confirm.
    pub(super) fn confirm_steps(
        &mut self,
        steps: &[Step],
        route: &mut Route,
        parallel: bool,
    ) -> bool {
        let mut all = true;
        for (position, step) in steps.iter().enumerate() {
            route.push(position);
            let confirmed = self.confirm_step(step, route);
            route.pop();
            all &= confirmed;
            if !confirmed && !parallel {
                return false;
            }
        }
        all
    }

    fn confirm_step(&mut self, step: &Step, route: &mut Route) -> bool {
        match &step.kind {
            // One that was skipped or not entered has parts that were never reached.
            Kind::Group(group) => self.confirm_steps(&group.steps, route, group.parallel),
            Kind::Each(each) => self.confirm_items(each, route),
            Kind::Call(_)
            | Kind::Wait(_)
            | Kind::Sleep(_)
            | Kind::Set(_)
            | Kind::Refuse(_)
            | Kind::Run(_) => {
                let plan = std::sync::Arc::clone(&self.plan);
                self.confirm_leaf(Spot {
                    definition: &plan.definition,
                    step,
                    route,
                })
            }
        }
    }

    /// At most so many items at once, in their order.
    fn confirm_items(&mut self, each: &Each, route: &mut Route) -> bool {
        let mut open = 0;
        for item in 0..self.state(route).parts.len() {
            route.push(item);
            let confirmed = open < each.limit && self.confirm_step(&each.body, route);
            route.pop();
            if open >= each.limit {
                return false;
            }
            open += u32::from(!confirmed);
        }
        open == 0
    }

    fn confirm_leaf(&mut self, at: Spot<'_>) -> bool {
        let state = self.state(at.route);
        if at.step.confirm.is_none() || !is_to_confirm(state) {
            return true;
        }
        if matches!(state.confirm.phase, LegPhase::Idle) || self.is_due(at, Leg::Confirm) {
            self.attempt(at, Leg::Confirm);
        }
        false
    }
}

/// Its do is done, in time, and its confirm did not take effect yet.
fn is_to_confirm(state: &StepState) -> bool {
    state.state == State::Ended(Outcome::Done) && !state.late && !state.confirmed
}
