//! The drawing of a saga: what went forward on the left, what was taken back on the right.
//!
//! ```text
//! shop@1  cart-17  compensated
//! turned back: refused at charge: payments answered 402: card declined
//! ├─ order               ✓ done     ↩ undone
//! ├─ prepare (together)
//! │  ├─ stock            ✓ done     ↩ undone
//! │  └─ fraud            ✓ done
//! ├─ charge              ✗ refused  ↩ nothing to undo
//! ├─ confirm_order ◆     ·
//! └─ close               ·
//! ```
//!
//! A [`Drawing`] says what is to be told, in the words of the API, so that a state and an answer
//! of the API make the same one. [`Drawing::lines`] is the only place that knows how it looks:
//! words, marks, widths, and a [`Tone`] for each piece, which a terminal may paint. Without
//! colour it is its `Display`. It asks nothing and decides nothing, and a word that it does not
//! know is shown as it came.

use crate::json::{Json, canonical};
use crate::time::Timestamp;
use std::fmt;

/// Columns of a step's message before it is cut, so that a tree stays a tree.
const MESSAGE: usize = 60;

/// What is to be told of a saga.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// Its definition's name.
    pub definition: String,
    /// Its definition's version.
    pub version: u32,
    /// Its caller's key.
    pub key: String,
    /// How it stands.
    pub status: String,
    /// A line below the first: its id and times, where they are wanted.
    pub note: Option<String>,
    /// Why it turned back.
    pub reason: Option<ReasonRow>,
    /// Its steps.
    pub rows: Vec<Row>,
    /// The first leg that needs a person.
    pub stuck: Option<StuckRow>,
    /// What it waits on.
    pub waits: Vec<WaitRow>,
    /// Signals that no step has taken yet: their names, and when they came.
    pub signals: Vec<(String, Timestamp)>,
    /// What it answered; null when nothing.
    pub output: Json,
    /// Why it could not answer.
    pub output_error: Option<String>,
}

/// Why a saga turned back.
#[derive(Clone, Debug)]
pub struct ReasonRow {
    /// The code.
    pub code: String,
    /// The path of the step that caused it.
    pub step: Option<String>,
    /// In words.
    pub message: String,
}

/// Where a saga is stuck.
#[derive(Clone, Debug)]
pub struct StuckRow {
    /// The step's path.
    pub step: String,
    /// The leg.
    pub leg: String,
    /// The code.
    pub code: String,
    /// In words.
    pub message: String,
    /// What can be done about it.
    pub verbs: Vec<String>,
}

/// One thing that a saga waits on.
#[derive(Clone, Debug)]
pub struct WaitRow {
    /// The step's path, where there is one.
    pub step: Option<String>,
    /// The leg, where there is one.
    pub leg: Option<String>,
    /// In words.
    pub message: String,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is called among its neighbours.
    pub name: String,
    /// What it is called in the whole saga.
    pub path: String,
    /// The point of no return.
    pub pivot: bool,
    /// What it is to the tree.
    pub kind: RowKind,
    /// Its do.
    pub forward: LegRow,
    /// Its undo, where it has one.
    pub undo: Option<LegRow>,
    /// The steps within.
    pub parts: Vec<Row>,
}

/// What a step is to the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// It stands for itself.
    Step,
    /// Its parts go one after another.
    Steps,
    /// Its parts go side by side.
    Together,
}

/// One leg of a step.
#[derive(Clone, Debug)]
pub struct LegRow {
    /// How it stands, as the API writes it.
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong last.
    pub error: Option<String>,
}

/// What a text is to a person's eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Neither more nor less.
    Plain,
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// It is on its way, or in doubt.
    Doubt,
    /// It was taken back.
    Back,
    /// Of less weight.
    Faint,
    /// Of more weight.
    Strong,
}

impl Tone {
    /// Of a saga's status.
    pub fn of_status(status: &str) -> Tone {
        match status {
            "completed" => Tone::Good,
            "compensated" => Tone::Back,
            "stuck" | "abandoned" => Tone::Bad,
            _ => Tone::Doubt,
        }
    }
}

/// A piece of a line, in one tone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its tone.
    pub tone: Tone,
    /// Its text, without control characters.
    pub text: String,
}

/// One line, without blanks at its end.
pub type Line = Vec<Span>;

/// A text in one line and of so many characters at most. What services say may hold anything,
/// and a control character could move a terminal's cursor.
pub fn cut(text: &str, most: usize) -> String {
    let text = text.replace(char::is_control, " ");
    if text.chars().count() <= most {
        return text;
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

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
        for wait in self.waits.iter().filter(|wait| !self.is_told(wait)) {
            tell(Tone::Doubt, "waits:", format!(" {}", wait.message));
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
            };
            let name = format!("{indent}{branch}{}{pivot}{kind}", row.name);
            let cells = [
                span(Tone::Plain, name),
                self.forward(row),
                self.undo(row).unwrap_or_else(|| span(Tone::Faint, "")),
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

impl fmt::Display for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines() {
            for span in line {
                f.write_str(&span.text)?;
            }
            f.write_str("\n")?;
        }
        Ok(())
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
