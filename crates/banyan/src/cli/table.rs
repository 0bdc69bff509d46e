//! Tables for people: no lines, columns two spaces apart, as wide as they need to be.

use super::style::{Style, Tone};
pub(super) use banyan_core::saga::drawing::cut;
use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table};

/// A table with these headings.
pub(super) struct Rows {
    table: Table,
    style: Style,
}

impl Rows {
    /// An empty table.
    pub(super) fn new(style: Style, headings: &[&str]) -> Rows {
        let mut table = Table::new();
        table
            .load_style(NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(headings.iter().map(|heading| cell(Tone::Faint, heading)));
        if style.colours() {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        Rows { table, style }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.table.add_row(cells);
    }

    /// The table as text, without blanks at the ends of lines; `nothing` when it has no row.
    pub(super) fn text(&self, nothing: &str) -> String {
        if self.table.is_empty() {
            return format!("{}\n", self.style.faint(nothing));
        }
        let mut text = String::new();
        for line in self.table.lines() {
            let line = line.trim_end();
            text.push_str(line.strip_prefix(' ').unwrap_or(line));
            text.push('\n');
        }
        text
    }
}

/// A cell without a tone.
pub(super) fn plain(text: impl ToString) -> Cell {
    Cell::new(text)
}

/// A cell with one. Colours are the table's to put on, since it must count widths first.
pub(super) fn cell(tone: Tone, text: &str) -> Cell {
    let cell = Cell::new(text);
    match tone {
        Tone::Plain => cell,
        Tone::Good => cell.fg(Color::Green),
        Tone::Bad => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Tone::Doubt => cell.fg(Color::Yellow),
        Tone::Back => cell.fg(Color::Cyan),
        Tone::Faint => cell.add_attribute(Attribute::Dim),
        Tone::Strong => cell.add_attribute(Attribute::Bold),
    }
}
