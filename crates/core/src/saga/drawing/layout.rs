//! How a drawing looks: its words and marks, its lines, its columns. It only reads what the
//! drawing says; nothing here knows a saga, and nothing paints.

use super::{
    ChildRow, Drawing, LeftRow, LegRow, Line, Row, RowKind, Span, StuckRow, Tone, WaitRow, cut,
};
use crate::json::canonical;

/// Columns of a step's message before it is cut, so that a tree stays a tree.
const MESSAGE: usize = 60;

/// Children that are named; an `each` may have thousands.
const CHILDREN: usize = 20;

impl Drawing {
    /// The drawing, line by line.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = self.head();
        let mut cells = Vec::new();
        self.tree(&self.rows, "", &mut cells);
        lines.extend(align(cells));
        lines.extend(self.foot());
        lines
    }

    fn head(&self) -> Vec<Line> {
        let mut lines = vec![vec![
            span(Tone::Strong, &self.definition),
            span(Tone::Plain, format!("@{}  {}  ", self.version, self.key)),
            span(Tone::of_status(&self.status), &self.status),
        ]];
        lines.extend(self.note.iter().map(|note| vec![span(Tone::Faint, note)]));
        lines.extend(self.reason.iter().map(|reason| {
            let step = reason.step.as_ref().map(|step| format!(" at {step}"));
            let rest = format!("{}: {}", step.unwrap_or_default(), reason.message);
            vec![
                span(Tone::Plain, "turned back: "),
                span(Tone::Bad, &reason.code),
                span(Tone::Plain, rest),
            ]
        }));
        lines
    }

    fn foot(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut tell = |tone, word: &str, rest: String| {
            lines.push(vec![span(tone, word), span(Tone::Plain, rest)]);
        };
        if let Some(stuck) = &self.stuck {
            let StuckRow {
                step,
                leg,
                code,
                message,
                verbs,
            } = stuck;
            let rest = format!(" {step} ({leg}): {code}: {message}");
            tell(Tone::Bad, "stuck at", rest);
            if !verbs.is_empty() {
                tell(Tone::Plain, "  what helps: ", verbs.join(", "));
            }
        }
        for LeftRow {
            step,
            outcome,
            undo,
        } in &self.left
        {
            let rest = format!(" {step}: {outcome}, its undo {}", undo_in_words(undo));
            tell(Tone::Bad, "left:", rest);
        }
        if let Some(owner) = &self.owner {
            tell(Tone::Plain, "owner: ", owner.clone());
        }
        for wait in self.waits.iter().filter(|wait| !self.is_told(wait)) {
            tell(Tone::Doubt, "waits:", format!(" {}", wait.message));
        }
        for child in self.children.iter().take(CHILDREN) {
            let ChildRow {
                path,
                definition,
                id,
                status,
            } = child;
            let rest = format!(" {path}: {definition} {id} {status}");
            tell(Tone::of_status(status), "child", rest);
        }
        if let Some(more) = self
            .children
            .len()
            .checked_sub(CHILDREN)
            .filter(|more| *more > 0)
        {
            tell(Tone::Faint, "and ", format!("{more} more children"));
        }
        for (name, at) in &self.signals {
            tell(
                Tone::Plain,
                "signal ",
                format!("{name} came at {at}, not taken yet"),
            );
        }
        if self.status == "completed" && !self.output.is_null() {
            tell(Tone::Plain, "output: ", canonical(&self.output));
        }
        if let Some(error) = &self.output_error {
            tell(Tone::Bad, "no output:", format!(" {error}"));
        }
        lines
    }

    /// A wait for the person whom the line about the stuck leg calls already.
    fn is_told(&self, wait: &WaitRow) -> bool {
        self.stuck.as_ref().is_some_and(|stuck| {
            wait.step.as_ref() == Some(&stuck.step) && wait.leg.as_ref() == Some(&stuck.leg)
        })
    }

    fn tree(&self, rows: &[Row], indent: &str, out: &mut Vec<Line>) {
        for (position, row) in rows.iter().enumerate() {
            let last = position + 1 == rows.len();
            let (branch, below) = if last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            let pivot = if row.pivot { " ◆" } else { "" };
            let kind = match row.kind {
                RowKind::Step => "",
                RowKind::Steps => " (steps)",
                RowKind::Together => " (together)",
                RowKind::Each => " (each)",
            };
            let name = format!("{indent}{branch}{}{pivot}{kind}", row.name);
            let cells = [
                span(Tone::Plain, name),
                self.forward(row),
                self.undo(row).unwrap_or_else(|| span(Tone::Faint, "")),
                self.confirm(row).unwrap_or_else(|| span(Tone::Faint, "")),
            ];
            out.push(cells.into());
            self.tree(&row.parts, &format!("{indent}{below}"), out);
        }
    }

    fn forward(&self, row: &Row) -> Span {
        let state = row.forward.state.as_str();
        // A group says what its parts do not: that it was not entered, although it was reached.
        let is_silent = |part: &Row| part.forward.state == "pending";
        if row.kind != RowKind::Step && (state == "pending" || !row.parts.iter().all(is_silent)) {
            return span(Tone::Faint, "");
        }
        let (tone, words) = match state {
            "pending" => (Tone::Faint, "·"),
            "skipped" => (Tone::Faint, "– skipped"),
            "running" => (Tone::Doubt, "… running"),
            "done" => (Tone::Good, "✓ done"),
            "refused" => (Tone::Bad, "✗ refused"),
            "not_sent" => (Tone::Bad, "✗ not sent"),
            "unknown" => (Tone::Doubt, "? unknown"),
            other => (Tone::Faint, other),
        };
        let with_error = state != "done";
        span(tone, self.leg(words, row, &row.forward, with_error))
    }

    fn undo(&self, row: &Row) -> Option<Span> {
        let leg = row.undo.as_ref()?;
        let went_back = self.reason.is_some();
        let unknown = format!("↩ {}", leg.state);
        let was_reached = !matches!(row.forward.state.as_str(), "pending" | "skipped");
        let (tone, words) = match leg.state.as_str() {
            "none" => return None,
            // Going forward, an undo that may be needed later is no news; nor is it that a step
            // which was never reached has nothing to undo.
            "pending" if !went_back => return None,
            "nothing_to_undo" if !went_back || !was_reached => return None,
            "pending" => (Tone::Faint, "↩ to be undone"),
            "nothing_to_undo" => (Tone::Faint, "↩ nothing to undo"),
            "running" => (Tone::Doubt, "↩ undoing"),
            "done" => (Tone::Back, "↩ undone"),
            "stuck" => (Tone::Bad, "↩ stuck"),
            _ => (Tone::Faint, unknown.as_str()),
        };
        let with_error = matches!(leg.state.as_str(), "running" | "stuck");
        Some(span(tone, self.leg(words, row, leg, with_error)))
    }

    fn confirm(&self, row: &Row) -> Option<Span> {
        let leg = row.confirm.as_ref()?;
        let unknown = format!("✔ {}", leg.state);
        let (tone, words) = match leg.state.as_str() {
            // It comes at the end, and only if there is no way back.
            "pending" => return None,
            "running" => (Tone::Doubt, "… confirming"),
            "done" => (Tone::Good, "✔ confirmed"),
            "stuck" => (Tone::Bad, "✗ confirm stuck"),
            _ => (Tone::Faint, unknown.as_str()),
        };
        let with_error = matches!(leg.state.as_str(), "running" | "stuck");
        Some(span(tone, self.leg(words, row, leg, with_error)))
    }

    /// A leg in words: its state, its attempts, and what went wrong unless another line of the
    /// drawing says the same.
    fn leg(&self, words: &str, row: &Row, leg: &LegRow, with_error: bool) -> String {
        let mut text = words.to_owned();
        if leg.attempts > 1 {
            text.push_str(&format!(", {} attempts", leg.attempts));
        }
        let reason = self.reason.as_ref();
        let stuck = self.stuck.as_ref();
        let told = [
            reason.and_then(|reason| Some((reason.step.as_ref()?, &reason.message))),
            stuck.map(|stuck| (&stuck.step, &stuck.message)),
        ];
        if let Some(error) = &leg.error
            && with_error
            && !told.contains(&Some((&row.path, error)))
        {
            text.push_str(": ");
            text.push_str(&cut(error, MESSAGE));
        }
        text
    }
}

fn span(tone: Tone, text: impl AsRef<str>) -> Span {
    Span {
        tone,
        text: cut(text.as_ref(), usize::MAX),
    }
}

/// Sets cells in columns, two blanks apart. Widths are counted before any colour is put on.
fn align(rows: Vec<Line>) -> Vec<Line> {
    let mut widths = Vec::new();
    for row in &rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.text.chars().count());
        }
    }
    rows.into_iter().map(|row| pad(row, &widths)).collect()
}

fn pad(row: Line, widths: &[usize]) -> Line {
    let mut line = Line::new();
    let mut missing = 0;
    for (cell, width) in row.into_iter().zip(widths) {
        let length = cell.text.chars().count();
        if length > 0 {
            if missing > 0 {
                line.push(span(Tone::Plain, " ".repeat(missing)));
            }
            line.push(cell);
            missing = 0;
        }
        // Two blanks part a column from the next, unless nobody has anything in it.
        missing += width - length + if *width > 0 { 2 } else { 0 };
    }
    line
}

/// What became of the undo of a step whose effect remains.
fn undo_in_words(undo: &str) -> &str {
    match undo {
        "none" => "is none",
        "pending" => "did not begin",
        "running" => "did not end",
        "stuck" => "was stuck",
        other => other,
    }
}
