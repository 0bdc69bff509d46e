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

mod layout;

use crate::json::Json;
use crate::time::Timestamp;
use std::fmt;

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
    /// What remains of it since it was given up.
    pub left: Vec<LeftRow>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// The sagas that it runs, or ran.
    pub children: Vec<ChildRow>,
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

/// What remains of a step in a saga that was given up.
#[derive(Clone, Debug)]
pub struct LeftRow {
    /// The step's path.
    pub step: String,
    /// What became of its do.
    pub outcome: String,
    /// What became of its undo.
    pub undo: String,
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

/// A saga that another one runs.
#[derive(Clone, Debug)]
pub struct ChildRow {
    /// The path of the step that runs it.
    pub path: String,
    /// Its definition.
    pub definition: String,
    /// Its id.
    pub id: String,
    /// How it stands.
    pub status: String,
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
    /// Its confirm, where it has one.
    pub confirm: Option<LegRow>,
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
    /// Its parts are the runs for its items.
    Each,
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

/// Whether a character could move a terminal's cursor, or turn the order of what stands beside it.
pub fn disturbs(character: char) -> bool {
    let turns = matches!(character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || character.is_control()
}

/// A text in one line and of so many characters at most. What services say may hold anything,
/// and a control character could move a terminal's cursor.
pub fn cut(text: &str, most: usize) -> String {
    let text = text.replace(disturbs, " ");
    if text.chars().count() <= most {
        return text;
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}
