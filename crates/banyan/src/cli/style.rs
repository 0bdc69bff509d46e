//! Colour, where a person looks: on a terminal, unless `NO_COLOR` says no.

pub(crate) use banyan_core::saga::drawing::Tone;
use owo_colors::OwoColorize;
use std::io::IsTerminal;

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    colour: bool,
}

impl Style {
    /// For standard output as it is now.
    pub(crate) fn of_stdout() -> Style {
        Style::of(std::io::stdout().is_terminal())
    }

    /// For standard error as it is now.
    pub(crate) fn of_stderr() -> Style {
        Style::of(std::io::stderr().is_terminal())
    }

    /// Without colour.
    #[cfg(test)]
    pub(crate) const fn plain() -> Style {
        Style { colour: false }
    }

    /// With colour, wherever it goes.
    #[cfg(test)]
    pub(crate) const fn coloured() -> Style {
        Style { colour: true }
    }

    fn of(terminal: bool) -> Style {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Style {
            colour: terminal && !refused && !dumb,
        }
    }

    /// Whether it colours at all.
    pub(crate) const fn colours(self) -> bool {
        self.colour
    }

    /// It went well.
    pub(crate) fn good(self, text: &str) -> String {
        self.paint(Tone::Good, text)
    }

    /// It went wrong.
    pub(crate) fn bad(self, text: &str) -> String {
        self.paint(Tone::Bad, text)
    }

    /// It was taken back.
    pub(crate) fn back(self, text: &str) -> String {
        self.paint(Tone::Back, text)
    }

    /// It is on its way, or in doubt.
    pub(crate) fn doubt(self, text: &str) -> String {
        self.paint(Tone::Doubt, text)
    }

    /// Of less weight.
    pub(crate) fn faint(self, text: &str) -> String {
        self.paint(Tone::Faint, text)
    }

    /// Of more weight.
    pub(crate) fn strong(self, text: &str) -> String {
        self.paint(Tone::Strong, text)
    }

    /// A saga's status in its colour.
    pub(crate) fn status(self, status: &str) -> String {
        self.paint(Tone::of_status(status), status)
    }

    /// A text in its tone.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        match tone {
            Tone::Plain => text.to_owned(),
            Tone::Good => text.green().to_string(),
            Tone::Bad => text.red().bold().to_string(),
            Tone::Doubt => text.yellow().to_string(),
            Tone::Back => text.cyan().to_string(),
            Tone::Faint => text.dimmed().to_string(),
            Tone::Strong => text.bold().to_string(),
        }
    }
}
