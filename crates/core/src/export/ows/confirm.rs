//! The second halves, in order, once every step is over: each only where its step is done.
//! They stand behind every `try` that undoes, since the first of them is a point of no return.

use super::calls::Leg;
use super::{Lowering, Task, jq, list};
use crate::definition::{Call, Do, Kind, Step};
use serde_json::json;

impl Lowering {
    /// The confirms of a step and its parts, in their order.
    pub(super) fn confirms(&self, step: &Step) -> Vec<Task> {
        match &step.kind {
            Kind::Group(group) => group
                .steps
                .iter()
                .flat_map(|part| self.confirms(part))
                .collect(),
            Kind::Each(each) => {
                self.kept_items(step, each, "confirm", |inside, body| inside.confirms(body))
            }
            Kind::Call(action) => self.confirm_leaf(step, Some(action)),
            Kind::Wait(_) | Kind::Sleep(_) | Kind::Set(_) | Kind::Refuse(_) | Kind::Run(_) => {
                self.confirm_leaf(step, None)
            }
        }
    }

    fn confirm_leaf(&self, step: &Step, action: Option<&Do>) -> Vec<Task> {
        let confirm = step.confirm.as_deref();
        confirm
            .map(|call| self.confirm_call(step, action, call))
            .into_iter()
            .collect()
    }

    fn confirm_call(&self, step: &Step, action: Option<&Do>, call: &Call) -> Task {
        let leg = Leg {
            task: format!("{}-confirm-call", step.name),
            names: self.names_after(step, action),
            key: self.key(step, "-confirm"),
            whole: false,
            call,
        };
        let done = format!("{} // {{}} | has(\"{}\")", self.results, step.name);
        let task = json!({ "if": jq::wrap(&done), "do": list(vec![leg.task()]) });
        (format!("{}-confirm", step.name), task)
    }
}
