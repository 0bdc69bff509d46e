//! A saga drawn as a tree: what went forward on the left, what was taken back on the right.
//!
//! Drawing is done over plain rows, so that widths are counted before colours are put on.

use super::style::{Style, Tone};
use banyan_sdk::api::{Saga, SagaStatus, Step, StepKind, StepState, UndoLeg, UndoState};
use std::fmt::Write;

/// Columns of a message before it is cut, so that a tree stays a tree.
const MESSAGE: usize = 60;

/// One step, ready to be drawn.
struct Row {
    name: String,
    forward: (Tone, String),
    undo: (Tone, String),
}

/// The saga: a head, its tree, and what it waits for.
pub(crate) fn draw(saga: &Saga, style: Style) -> String {
    let mut text = head(saga, style);
    let mut rows = Vec::new();
    collect(&saga.steps, "", saga, &mut rows);
    let width = |cells: &dyn Fn(&Row) -> usize| rows.iter().map(cells).max().unwrap_or(0);
    let names = width(&|row| row.name.chars().count());
    let forwards = width(&|row| row.forward.1.chars().count());
    for row in &rows {
        let forward = pad(&row.forward.1, forwards);
        let line = format!(
            "{}  {}  {}",
            pad(&row.name, names),
            style.paint(row.forward.0, &forward),
            style.paint(row.undo.0, &row.undo.1)
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.push_str(&foot(saga, style));
    text
}

fn head(saga: &Saga, style: Style) -> String {
    let mut text = format!(
        "{}@{}  {}  {}\n",
        style.strong(&saga.definition),
        saga.version,
        saga.key,
        style.status(saga.status.as_str())
    );
    let ended = saga.ended_at.map(|at| format!("  ended {at}"));
    let times = format!(
        "{}  started {}{}",
        saga.id,
        saga.started_at,
        ended.unwrap_or_default()
    );
    let _ = writeln!(text, "{}", style.faint(&times));
    if let Some(reason) = &saga.reason {
        let step = reason.step.as_ref().map(|step| format!(" at {step}"));
        let _ = writeln!(
            text,
            "turned back: {}{}: {}",
            style.bad(reason.code.as_str()),
            step.unwrap_or_default(),
            reason.message
        );
    }
    text
}

fn foot(saga: &Saga, style: Style) -> String {
    let mut text = String::new();
    if let Some(stuck) = &saga.stuck {
        let verbs: Vec<&str> = stuck.verbs.iter().map(|verb| verb.as_str()).collect();
        let _ = writeln!(
            text,
            "{} {} ({}): {}: {}",
            style.bad("stuck at"),
            stuck.step,
            stuck.leg,
            stuck.code,
            stuck.message
        );
        if !verbs.is_empty() {
            let _ = writeln!(text, "  what helps: {}", verbs.join(", "));
        }
    }
    for waiting in &saga.waiting_on {
        let _ = writeln!(text, "{} {}", style.doubt("waits:"), waiting.message);
    }
    for signal in &saga.signals {
        let _ = writeln!(
            text,
            "signal {} came at {}, not taken yet",
            signal.name, signal.at
        );
    }
    if saga.status == SagaStatus::Completed && !saga.output.is_null() {
        let _ = writeln!(text, "output: {}", saga.output);
    }
    if let Some(failed) = &saga.output_error {
        let _ = writeln!(text, "{} {}", style.bad("no output:"), failed.message);
    }
    text
}

fn collect(steps: &[Step], indent: &str, saga: &Saga, rows: &mut Vec<Row>) {
    for (position, step) in steps.iter().enumerate() {
        let last = position + 1 == steps.len();
        let (branch, below) = if last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        let pivot = if step.pivot { " ◆" } else { "" };
        let group = match (&step.kind, step.together) {
            (StepKind::Group, true) => " (together)",
            (StepKind::Group, false) => " (steps)",
            _ => "",
        };
        rows.push(Row {
            name: format!("{indent}{branch}{}{pivot}{group}", step.name),
            forward: forward(step),
            undo: undo(step, saga),
        });
        collect(&step.steps, &format!("{indent}{below}"), saga, rows);
    }
}

fn forward(step: &Step) -> (Tone, String) {
    let (tone, word) = match &step.state {
        StepState::Pending => (Tone::Faint, "·"),
        StepState::Skipped => (Tone::Faint, "– skipped"),
        StepState::Running => (Tone::Doubt, "… running"),
        StepState::Done => (Tone::Good, "✓ done"),
        StepState::Refused => (Tone::Bad, "✗ refused"),
        StepState::NotSent => (Tone::Bad, "✗ not sent"),
        StepState::Unknown => (Tone::Doubt, "? unknown"),
        StepState::Other(word) => (Tone::Faint, word.as_str()),
    };
    // A group tells nothing that its parts do not.
    if step.kind == StepKind::Group {
        return (Tone::Faint, String::new());
    }
    let mut text = word.to_owned();
    if step.attempts > 1 {
        let _ = write!(text, ", {} attempts", step.attempts);
    }
    if let Some(error) = &step.error
        && step.state != StepState::Done
    {
        let _ = write!(text, ": {}", super::table::cut(&error.message, MESSAGE));
    }
    (tone, text)
}

fn undo(step: &Step, saga: &Saga) -> (Tone, String) {
    let UndoLeg {
        state,
        attempts,
        error,
    } = &step.undo;
    let went_back = saga.reason.is_some();
    let (tone, word) = match state {
        UndoState::None => return (Tone::Faint, String::new()),
        // Going forward, an undo that may be needed later is no news.
        UndoState::Pending if went_back => (Tone::Faint, "↩ to be undone"),
        UndoState::Pending => return (Tone::Faint, String::new()),
        UndoState::Running => (Tone::Doubt, "↩ undoing"),
        UndoState::Done => (Tone::Back, "↩ undone"),
        UndoState::NothingToUndo if went_back => (Tone::Faint, "↩ nothing to undo"),
        UndoState::NothingToUndo => return (Tone::Faint, String::new()),
        UndoState::Stuck => (Tone::Bad, "↩ stuck"),
        UndoState::Other(word) => (Tone::Faint, word.as_str()),
    };
    let mut text = word.to_owned();
    if *attempts > 1 {
        let _ = write!(text, ", {attempts} attempts");
    }
    if let (UndoState::Stuck | UndoState::Running, Some(error)) = (state, error) {
        let _ = write!(text, ": {}", super::table::cut(&error.message, MESSAGE));
    }
    (tone, text)
}

fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    format!("{text}{}", " ".repeat(missing))
}
