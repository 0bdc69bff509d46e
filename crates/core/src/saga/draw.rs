//! A saga as a text tree, forward and undo legs side by side: what tests expect, what people
//! read.
//!
//! ```text
//! shop@1 compensated: refused at charge (payments answered 402: card declined)
//! ├─ order            done     ↩ done
//! ├─ prepare          done
//! │  ├─ stock         done     ↩ done
//! │  └─ fraud         done
//! ├─ charge           refused  ↩ nothing_to_undo
//! ├─ confirm_order ◆  pending
//! └─ close            pending
//! ```

use super::{LegState, Saga, State, StepState, UndoView};
use crate::definition::{Kind, Step};
use std::fmt::Write;

impl Saga {
    /// Draws the saga as it is.
    pub fn draw(&self) -> String {
        let mut lines = Vec::new();
        rows(&self.plan.definition.steps, &self.steps, "", &mut lines);
        let name = lines
            .iter()
            .map(|row| row.name.chars().count())
            .max()
            .unwrap_or(0);
        let forward = lines
            .iter()
            .map(|row| row.forward.chars().count())
            .max()
            .unwrap_or(0);
        let mut out = self.headline();
        for row in &lines {
            let line = format!("{:name$}  {:forward$}  {}", row.name, row.forward, row.back);
            out.push('\n');
            out.push_str(line.trim_end());
        }
        out.push('\n');
        out
    }

    fn headline(&self) -> String {
        let definition = &self.plan.definition;
        let mut line = format!(
            "{}@{} {}",
            definition.name,
            definition.version,
            self.status().as_str()
        );
        if let Some(reason) = &self.reason {
            let at = reason
                .step
                .as_ref()
                .map(|step| format!(" at {step}"))
                .unwrap_or_default();
            // Writing into a String cannot fail.
            let _ = write!(line, ": {}{at} ({})", reason.code.as_str(), reason.message);
        }
        if let Some(stuck) = self.stuck() {
            let _ = write!(
                line,
                "; {} of {} is stuck: {}",
                stuck.leg.as_str(),
                stuck.step,
                stuck.code.as_str()
            );
        }
        line
    }
}

struct Row {
    name: String,
    forward: String,
    back: String,
}

fn rows(steps: &[Step], states: &[StepState], indent: &str, out: &mut Vec<Row>) {
    for (position, (step, state)) in steps.iter().zip(states).enumerate() {
        let last = position + 1 == steps.len();
        let (branch, below) = if last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        let pivot = if step.pivot { " ◆" } else { "" };
        out.push(Row {
            name: format!("{indent}{branch}{}{pivot}", step.name),
            forward: format!("{}{}", state.state_word(), tries(&state.forward)),
            back: back(step, state),
        });
        if let Kind::Group(group) = &step.kind {
            rows(&group.steps, &state.parts, &format!("{indent}{below}"), out);
        }
    }
}

fn back(step: &Step, state: &StepState) -> String {
    match state.undo_view(step) {
        UndoView::None => String::new(),
        // A step that was not reached: saying so once is enough.
        UndoView::NothingToUndo if state.state == State::Pending => String::new(),
        view => format!("↩ {}{}", view.as_str(), tries(&state.undo)),
    }
}

fn tries(leg: &LegState) -> String {
    if leg.attempts > 1 {
        format!(" ×{}", leg.attempts)
    } else {
        String::new()
    }
}
