//! The saga file: read, checked, and looked at again for changes.

use super::session::Play;
use crate::cli::{self, Fail};
use banyan_core::Json;
use banyan_core::language::{Surroundings, check};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A saga file that may change.
pub(super) struct File {
    path: PathBuf,
    seen: Option<(SystemTime, u64)>,
    /// The text that was read last, faulty or not.
    text: Option<String>,
}

impl File {
    /// Not read yet.
    pub(super) fn new(path: &Path) -> File {
        File {
            path: path.to_owned(),
            seen: None,
            text: None,
        }
    }

    /// Its name, for people.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Whether it may hold something else than what was read last: cheap, asked often.
    pub(super) fn is_touched(&self) -> bool {
        // An editor that writes by renaming has the file missing for a moment.
        self.stamp().is_some_and(|stamp| Some(stamp) != self.seen)
    }

    /// Reads it; none when it holds what was read last.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(&mut self) -> Result<Option<String>, Fail> {
        self.seen = self.stamp();
        let text = cli::read_source(&self.path)?;
        if self.text.as_ref() == Some(&text) {
            return Ok(None);
        }
        self.text = Some(text.clone());
        Ok(Some(text))
    }

    fn stamp(&self) -> Option<(SystemTime, u64)> {
        let about = std::fs::metadata(&self.path).ok()?;
        Some((about.modified().ok()?, about.len()))
    }
}

/// What a text says, with its warnings in words.
///
/// # Errors
/// What is wrong with it, or with the input for it, as a person reads it.
pub(super) fn understand(
    path: &Path,
    text: String,
    input: Option<&Json>,
) -> Result<(Play, String), String> {
    let checked = check(&text, &Surroundings::default());
    let words = cli::pretty(path, &text, &checked.diagnostics);
    let Some(definition) = checked.definition else {
        return Err(words);
    };
    match Play::new(text, definition, input) {
        Ok(play) => Ok((play, words)),
        Err(Fail::Usage(why) | Fail::Here(why)) => Err(format!("{words}{why}\n")),
        Err(Fail::Server(error)) => Err(format!("{words}{error}\n")),
    }
}
