//! The way back: the tasks that undo a step, each only if its do happened or may have.

use super::calls::{Leg, has_status};
use super::jq::{self, Names, member};
use super::tasks::in_doubt;
use super::{Lowering, Task, list};
use crate::definition::{Do, Group, Kind, Step, Undo, UndoCall};
use serde_json::json;

impl Lowering {
    /// The tasks that undo a step with all its parts; none when there is nothing to undo.
    pub(super) fn undo(&self, step: &Step) -> Vec<Task> {
        match &step.kind {
            Kind::Group(group) if group.parallel => self.undo_branches(step, group),
            Kind::Group(group) => group
                .steps
                .iter()
                .rev()
                .flat_map(|part| self.undo(part))
                .collect(),
            Kind::Each(each) => self.undo_each(step, each),
            Kind::Call(action) => self.undo_leaf(step, Some(action)),
            Kind::Wait(_) | Kind::Sleep(_) | Kind::Set(_) | Kind::Refuse(_) | Kind::Run(_) => {
                self.undo_leaf(step, None)
            }
        }
    }

    /// Branches unwind side by side.
    fn undo_branches(&self, step: &Step, group: &Group) -> Vec<Task> {
        let mut branches: Vec<Task> = group
            .steps
            .iter()
            .map(|part| (format!("{}-branch-undo", part.name), self.undo(part)))
            .filter(|(_, tasks)| !tasks.is_empty())
            .map(|(name, tasks)| (name, json!({ "do": list(tasks) })))
            .collect();
        if branches.len() > 1 {
            let fork = json!({ "fork": { "compete": false, "branches": list(branches) } });
            branches = vec![(format!("{}-undo", step.name), fork)];
        }
        branches
    }

    fn undo_leaf(&self, step: &Step, action: Option<&Do>) -> Vec<Task> {
        match &step.undo {
            Undo::Absent | Undo::None | Undo::Child => Vec::new(),
            Undo::Call(undo) => vec![self.undo_call(step, action, undo)],
        }
    }

    /// What an undo or a confirm reads: the do's key, body and result.
    pub(super) fn names_after(&self, step: &Step, action: Option<&Do>) -> Names {
        let names = self
            .names
            .with("key", self.key(step, ""))
            .with("result", member(&self.results, &step.name));
        let body = action.and_then(|action| action.call.body.as_ref());
        names.with("body", sent_body(&names, body))
    }

    fn undo_call(&self, step: &Step, action: Option<&Do>, undo: &UndoCall) -> Task {
        let leg = Leg {
            task: format!("{}-undo-call", step.name),
            names: self.names_after(step, action),
            key: self.key(step, "-undo"),
            whole: false,
            call: &undo.call,
        };
        let results = &self.results;
        let doubt = format!("{results}[\"{}\"]", in_doubt(step));
        let missing = has_status("", &[404, 410]);
        let passed_over = if undo.missing_ok {
            missing
        } else {
            format!("{missing} and {doubt} == true")
        };
        let found = json!({
            "try": list(vec![leg.task()]),
            "catch": { "when": jq::wrap(&passed_over) },
        });
        let happened = format!(
            "({results} // {{}} | has(\"{}\")) or {doubt} == true",
            step.name
        );
        let task = json!({
            "if": jq::wrap(&happened),
            "do": list(vec![(format!("{}-undo-found", step.name), found)]),
        });
        (format!("{}-undo", step.name), task)
    }
}

/// What the do sent, computed once more.
fn sent_body(names: &Names, body: Option<&crate::expr::Template>) -> String {
    body.map_or_else(|| "null".to_owned(), |body| names.construction(body))
}
