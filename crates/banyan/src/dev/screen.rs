//! Where `banyan dev` shows things: on a terminal the trees of the saga and its children live in one place and are
//! redrawn as they move; elsewhere each movement is a line.

use super::family::Family;
use crate::cli::{self, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};

/// Standard output, or standard error when standard output is for programs.
pub(super) struct Screen {
    style: Style,
    /// What lives on the terminal while a saga moves.
    live: Option<ProgressBar>,
    terminal: bool,
    prompts: bool,
    /// Movements go to standard error.
    aside: bool,
}

impl Screen {
    /// For a session that a person sits at, or pipes commands into.
    pub(super) fn open(style: Style) -> Screen {
        let terminal = std::io::stdout().is_terminal();
        Screen {
            style,
            live: None,
            terminal,
            prompts: terminal && std::io::stdin().is_terminal(),
            aside: false,
        }
    }

    /// For one saga whose end is what matters: movements go to standard error.
    pub(super) fn aside(style: Style) -> Screen {
        Screen {
            style,
            live: None,
            terminal: false,
            prompts: false,
            aside: true,
        }
    }

    /// How to colour.
    pub(super) fn style(&self) -> Style {
        self.style
    }

    /// Says something that stays.
    pub(super) fn say(&mut self, text: &str) {
        self.still();
        cli::print(text);
    }

    /// Shows that a saga moved.
    pub(super) fn follow(&mut self, before: Option<&Family>, family: &Family) {
        if self.terminal {
            let bar = self.live.get_or_insert_with(live_bar);
            bar.set_message(family.draw(self.style).trim_end().to_owned());
            bar.tick();
            return;
        }
        let lines = family.news(before);
        for line in &lines {
            if self.aside {
                eprintln!("  {line}");
            } else {
                cli::print(&format!("  {line}\n"));
            }
        }
    }

    /// Takes away what moved: what is said next takes its place.
    pub(super) fn still(&mut self) {
        if let Some(bar) = self.live.take() {
            bar.finish_and_clear();
        }
    }

    /// Leaves what moved where it is: a person typed a line below it.
    pub(super) fn leave(&mut self) {
        if let Some(bar) = self.live.take() {
            bar.abandon();
            // The cursor stands where the drawing ended.
            cli::print("\n");
        }
    }

    /// Asks for the next command, where a person can give one.
    pub(super) fn prompt(&self) {
        if self.prompts {
            cli::print(&format!("{} ", self.style.strong(">")));
            // A terminal that cannot be flushed shows nothing else either.
            let _ = std::io::stdout().flush();
        }
    }
}

fn live_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
    // The template is ours and well formed; the default would only look plainer.
    if let Ok(template) = ProgressStyle::with_template("{msg}") {
        bar.set_style(template);
    }
    bar
}
