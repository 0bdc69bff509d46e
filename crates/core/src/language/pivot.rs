//! The point of no return: where it may stand, and what is doubtful after it.

use super::codes::Code;
use super::keys::StepKind;
use super::node::{Entry, Place};
use super::read::{Fields, Reader};
use crate::definition::OnRefused;

impl Reader<'_> {
    /// Whether the step is the saga's point of no return, and may be.
    pub(crate) fn is_pivot(&mut self, fields: &Fields<'_>) -> bool {
        let Some(entry) = fields.entry("pivot") else {
            return false;
        };
        if self.truth(&entry.node, "`pivot`") != Some(true) {
            return false;
        }
        let beside = ["when", "on_refused"]
            .into_iter()
            .find(|key| fields.entry(key).is_some());
        if let Some(inside) = self.no_pivot {
            self.misplaced_pivot(entry.place, &format!("inside {inside}"));
        } else if let Some(beside) = beside {
            self.misplaced_pivot(entry.place, &format!("beside `{beside}`"));
        } else if let Some((name, line)) = &self.pivot {
            let message = format!(
                "a second pivot: `{name}` in line {line} is already the point of no return"
            );
            self.problems.add(
                Code::TwoPivots,
                entry.place,
                message,
                "a saga has one pivot on its path; what follows it is retried until done anyway",
            );
        } else {
            return true;
        }
        false
    }

    fn misplaced_pivot(&mut self, place: Place, where_to: &str) {
        self.problems.add(
            Code::MisplacedPivot,
            place,
            format!("a pivot may not stand {where_to}: it must be reached by every saga, once"),
            "move the pivot to a step of its own on the main path",
        );
    }

    /// Warns of a step after the pivot that can be refused.
    pub(crate) fn refusable(
        &mut self,
        fields: &Fields<'_>,
        kind: StepKind,
        main: &Entry,
        on_refused: OnRefused,
    ) {
        if !self.after_pivot || on_refused == OnRefused::Continue {
            return;
        }
        let place = match kind {
            StepKind::Wait | StepKind::Refuse | StepKind::Run => main.place,
            StepKind::Call => match fields.entry("refused_when") {
                Some(entry) => entry.place,
                None => return,
            },
            StepKind::Sleep | StepKind::Set | StepKind::Group => return,
        };
        self.problems.add(
            Code::RefusableAfterPivot,
            place,
            "this step comes after the pivot and can be refused: then the saga is stuck",
            "move it before the pivot, or write `on_refused: continue`",
        );
    }
}
