//! The saga file and those beside it that it runs: read, checked, and looked at again for
//! changes.

use super::children::{folder_of, gather, saga_files};
use super::session::Play;
use crate::cli::{self, Fail};
use banyan_core::Json;
use banyan_core::children::Together;
use banyan_core::language::{Surroundings, check};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What tells that a file may hold something else.
type Stamp = (PathBuf, SystemTime, u64);

/// Saga files that may change.
pub(super) struct Files {
    main: PathBuf,
    /// Those beside it that count; none means every one of the folder.
    beside: Option<Vec<PathBuf>>,
    seen: Vec<Stamp>,
    /// The texts that were read last, faulty or not.
    texts: Vec<(PathBuf, String)>,
}

impl Files {
    /// Not read yet.
    pub(super) fn new(main: &Path) -> Files {
        Files {
            main: main.to_owned(),
            beside: Some(Vec::new()),
            seen: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// Whether one may hold something else than what was read last: cheap, asked often.
    pub(super) fn is_touched(&self) -> bool {
        let stamps = self.stamps();
        // An editor that writes by renaming has a file missing for a moment.
        let is_whole = self.beside.is_none() || stamps.len() > self.beside().len();
        is_whole && stamps != self.seen
    }

    /// Reads them; the main one's text, and the name of the first that changed. None when they
    /// hold what was read last.
    ///
    /// # Errors
    /// One cannot be read.
    pub(super) fn read(&mut self) -> Result<Option<(String, String)>, Fail> {
        self.seen = self.stamps();
        let mut texts = Vec::new();
        let main = cli::read_source(&self.main)?;
        texts.push((self.main.clone(), main.clone()));
        for path in self.beside() {
            match cli::read_source(&path) {
                Ok(text) => texts.push((path, text)),
                // Of a whole folder only what can be read counts.
                Err(_) if self.beside.is_none() => {}
                Err(error) => return Err(error),
            }
        }
        if texts == self.texts {
            return Ok(None);
        }
        let changed = texts.iter().find(|text| !self.texts.contains(text));
        let changed = changed.map_or(&self.main, |(path, _)| path);
        let changed = changed.display().to_string();
        self.texts = texts;
        Ok(Some((main, changed)))
    }

    /// From now on these count beside the main one, as they were read; none means every file
    /// of the folder, in which something is missing.
    pub(super) fn count(&mut self, beside: Option<&Play>) {
        self.beside = beside.map(|play| {
            let children = play.children.iter();
            children.map(|child| child.path.clone()).collect()
        });
        self.texts.truncate(1);
        match beside {
            Some(play) => {
                let children = play.children.iter();
                let texts = children.map(|child| (child.path.clone(), child.source.clone()));
                self.texts.extend(texts);
            }
            None => {
                let texts = self.beside().into_iter();
                let texts =
                    texts.filter_map(|path| Some((path.clone(), cli::read_source(&path).ok()?)));
                self.texts.extend(texts.collect::<Vec<_>>());
            }
        }
        // What was seen is looked at once more: it may have changed since it was read.
    }

    fn beside(&self) -> Vec<PathBuf> {
        self.beside.clone().unwrap_or_else(|| {
            let mut files = saga_files(folder_of(&self.main));
            files.retain(|path| path.file_name() != self.main.file_name());
            files
        })
    }

    fn stamps(&self) -> Vec<Stamp> {
        let all = [self.main.clone()].into_iter().chain(self.beside());
        all.filter_map(|path| {
            let about = std::fs::metadata(&path).ok()?;
            Some((path, about.modified().ok()?, about.len()))
        })
        .collect()
    }
}

/// What a text and the files beside it say, with warnings in words.
///
/// # Errors
/// What is wrong with them, or with the input for them, as a person reads it.
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
    let children = gather(path, &definition)?;
    let all = children.iter().map(|child| &child.definition);
    let together = Together::of(all.chain([&definition]));
    let known = Surroundings {
        sagas: Some(&together),
        ..Surroundings::default()
    };
    let mut words = String::new();
    let mut faulty = false;
    let files = children.iter().map(|child| (&*child.path, &child.source));
    for (path, text) in files.chain([(path, &text)]) {
        let checked = check(text, &known);
        faulty |= checked.definition.is_none();
        words.push_str(&cli::pretty(path, text, &checked.diagnostics));
    }
    if faulty {
        return Err(words);
    }
    match Play::new(text, definition, children, input) {
        Ok(play) => Ok((play, words)),
        Err(Fail::Usage(why) | Fail::Here(why)) => Err(format!("{words}{why}\n")),
        Err(Fail::Server(error)) => Err(format!("{words}{error}\n")),
    }
}
