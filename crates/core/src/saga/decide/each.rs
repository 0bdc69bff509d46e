//! An `each`: its items once it begins, then at most so many of them at once, forward and back.

use super::super::scope::{Beside, scope};
use super::super::{LegPhase, Phase, Record, StepState};
use super::advance::{Progress, is_untouched};
use super::{Decision, Leg};
use crate::definition::{Each, Step};
use crate::expr::{Cause, EvalError};
use crate::json::Json;
use crate::limits;
use crate::route::{Route, Spot};

impl Decision<'_> {
    pub(super) fn forward_each(&mut self, each: &Each, step: &Step, route: &mut Route) -> Progress {
        let plan = std::sync::Arc::clone(&self.plan);
        let at = Spot {
            definition: &plan.definition,
            step,
            route,
        };
        if self.state(route).items.is_none() {
            match self.items(each, at) {
                Ok(items) => {
                    let step = at.path();
                    self.record(Record::EachStarted { step, items });
                }
                Err(failed) => {
                    self.not_computed(at, Leg::Do, &failed);
                    return self.after(at);
                }
            }
        }
        self.forward_items(each, route)
    }

    fn forward_items(&mut self, each: &Each, route: &mut Route) -> Progress {
        let mut open = 0;
        for item in 0..self.state(route).parts.len() {
            let begins = is_untouched(&self.state(route).parts[item]);
            if begins && open >= each.limit {
                break;
            }
            route.push(item);
            let progress = self.forward_step(&each.body, route);
            route.pop();
            open += u32::from(progress == Progress::Open);
            if self.saga.phase != Phase::Forward || self.saga.halt.is_some() {
                return Progress::Open;
            }
        }
        if open == 0 {
            Progress::Over
        } else {
            Progress::Open
        }
    }

    /// The items, with an error that says what else the expression gave.
    fn items(&self, each: &Each, at: Spot<'_>) -> Result<Vec<Json>, EvalError> {
        let scope = scope(self.saga, at.route, &Beside::default(), [&each.items]);
        let source = each.items.source();
        let wrong = |gave: String| EvalError {
            cause: Cause::BadValue,
            message: format!("each: {source} gave {gave}"),
        };
        match each.items.evaluate(&scope)? {
            Json::Array(items) if items.len() <= limits::EACH_ITEMS => Ok(items),
            Json::Array(items) => Err(wrong(format!(
                "{} items, more than the {} that one each may have",
                items.len(),
                limits::EACH_ITEMS
            ))),
            Json::Null => Err(wrong("null, which is no list".to_owned())),
            Json::Bool(_) => Err(wrong("true or false, which is no list".to_owned())),
            Json::Number(_) => Err(wrong("a number, which is no list".to_owned())),
            Json::String(_) => Err(wrong("a text, which is no list".to_owned())),
            Json::Object(_) => Err(wrong(
                "an object, which is no list (to_entries makes one of it)".to_owned(),
            )),
        }
    }

    /// Undoes the items, the last one first; true when nothing of them is left. One that is
    /// stuck does not keep the others from being undone.
    pub(super) fn undo_items(&mut self, each: &Each, route: &mut Route) -> bool {
        let mut open = 0;
        let mut all = true;
        for item in (0..self.state(route).parts.len()).rev() {
            if open >= each.limit && !is_being_undone(&self.state(route).parts[item]) {
                all = false;
                continue;
            }
            route.push(item);
            let undone = self.undo_step(&each.body, route);
            route.pop();
            all &= undone;
            let counts = !undone && !is_stuck(&self.state(route).parts[item]);
            open += u32::from(counts);
        }
        all
    }
}

fn is_being_undone(state: &StepState) -> bool {
    let begun = state.undone.is_none() && state.undo.round > 0;
    begun || !matches!(state.undo.phase, LegPhase::Idle) || state.parts.iter().any(is_being_undone)
}

fn is_stuck(state: &StepState) -> bool {
    let stuck = |leg: &Leg| matches!(state.leg(*leg).phase, LegPhase::Stuck { .. });
    Leg::ALL.iter().any(stuck) || state.parts.iter().any(is_stuck)
}
