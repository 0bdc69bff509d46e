//! The sagas that a saga file runs, found in the files beside it: by the name that a file gives
//! its definition, whatever the file itself is called.

use crate::cli;
use banyan_core::Definition;
use banyan_core::children::ChildRun;
use banyan_core::language::{Checked, Surroundings, check};
use std::path::{Path, PathBuf};

/// How saga files are called.
const SUFFIX: &str = ".saga.yaml";
/// Files of a folder that are looked into.
const FILES: usize = 500;

/// A child's definition, with the file that holds it.
#[derive(Clone, Debug)]
pub(super) struct Child {
    /// The file.
    pub(super) path: PathBuf,
    /// Its text.
    pub(super) source: String,
    /// What it says.
    pub(super) definition: Definition,
}

/// The saga files of a folder, in the order of their names.
pub(super) fn saga_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(SUFFIX))
        .collect();
    files.sort();
    files.truncate(FILES);
    files
}

/// The folder that a file is in.
pub(super) fn folder_of(file: &Path) -> &Path {
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Every saga that the file runs, and those that they run: each before those that run it.
///
/// # Errors
/// Which one no file holds, or a faulty one: where it was looked for, and what to do.
pub(super) fn gather(file: &Path, definition: &Definition) -> Result<Vec<Child>, String> {
    let runs = definition.runs();
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let mut search = Search {
        folder: folder_of(file),
        files: read_all(file),
        top: definition,
        found: Vec::new(),
        seen: Vec::new(),
    };
    search.follow(&definition.name, &runs)?;
    Ok(search.found)
}

/// A file beside the one that is run.
struct Beside {
    path: PathBuf,
    text: String,
    checked: Checked,
}

/// A file that cannot be read holds nothing.
fn read_all(file: &Path) -> Vec<Beside> {
    let beside = saga_files(folder_of(file)).into_iter();
    beside
        .filter(|path| path.file_name() != file.file_name())
        .filter_map(|path| {
            let text = cli::read_source(&path).ok()?;
            let checked = check(&text, &Surroundings::default());
            Some(Beside {
                path,
                text,
                checked,
            })
        })
        .collect()
}

struct Search<'f> {
    folder: &'f Path,
    files: Vec<Beside>,
    top: &'f Definition,
    found: Vec<Child>,
    seen: Vec<(String, u32)>,
}

impl Search<'_> {
    fn follow(&mut self, parent: &str, runs: &[ChildRun]) -> Result<(), String> {
        for run in runs {
            let is_top = run.version.is_none_or(|it| it == self.top.version);
            if run.saga == self.top.name && is_top {
                // A saga that contains itself: the checker says so, with its place.
                continue;
            }
            let child = self.find(parent, run)?;
            let name = (child.definition.name.clone(), child.definition.version);
            if !self.seen.contains(&name) {
                self.seen.push(name);
                self.follow(&child.definition.name, &child.definition.runs())?;
                self.found.push(child);
            }
        }
        Ok(())
    }

    fn find(&self, parent: &str, run: &ChildRun) -> Result<Child, String> {
        let of_name = |beside: &&Beside| {
            let definition = beside.checked.definition.as_ref();
            definition.is_some_and(|one| one.name == run.saga)
        };
        let named: Vec<&Beside> = self.files.iter().filter(of_name).collect();
        let version = |beside: &Beside| beside.checked.definition.as_ref().map(|one| one.version);
        let wanted = match run.version {
            Some(version) => Some(version),
            // The one that a server would have active: the newest.
            None => named.iter().filter_map(|beside| version(beside)).max(),
        };
        let mut fitting = named.iter().filter(|beside| version(beside) == wanted);
        match (fitting.next(), fitting.next()) {
            (Some(one), None) => self.child(one).ok_or_else(|| self.missing(parent, run)),
            (Some(one), Some(other)) => Err(format!(
                "{} and {} both hold {}@{}: give one of them another version\n",
                one.path.display(),
                other.path.display(),
                run.saga,
                wanted.unwrap_or_default(),
            )),
            (None, _) => Err(self.missing(parent, run)),
        }
    }

    fn child(&self, beside: &Beside) -> Option<Child> {
        Some(Child {
            path: beside.path.clone(),
            source: beside.text.clone(),
            definition: beside.checked.definition.clone()?,
        })
    }

    /// What to say when no file holds a child.
    fn missing(&self, parent: &str, run: &ChildRun) -> String {
        let name = &run.saga;
        let names = |text: &str| {
            let mut lines = text.lines().filter_map(|line| line.strip_prefix("saga:"));
            lines.any(|rest| rest.split('#').next().map(str::trim) == Some(name))
        };
        let is_faulty = |beside: &&Beside| beside.checked.definition.is_none();
        let mut faulty = self.files.iter().filter(is_faulty);
        if let Some(beside) = faulty.find(|beside| names(&beside.text)) {
            let words = cli::pretty(&beside.path, &beside.text, &beside.checked.diagnostics);
            let path = beside.path.display();
            return format!("{words}{parent} runs {name}, and {path}, which holds it, is faulty\n");
        }
        let folder = self.folder.display();
        let looked = match self.files.len() {
            0 => format!("there is no other *{SUFFIX} file in {folder}"),
            1 => format!("the other *{SUFFIX} file in {folder} does not"),
            count => format!("none of the other {count} *{SUFFIX} files in {folder} does"),
        };
        let file = self.folder.join(format!("{name}{SUFFIX}"));
        let (mut what, mut mend) = (
            format!("saga: {name}"),
            format!("write it to {}", file.display()),
        );
        if let Some(version) = run.version {
            what.push_str(&format!(", version: {version}"));
            let others = self.files.iter().filter_map(|beside| {
                let definition = beside.checked.definition.as_ref()?;
                (definition.name == *name).then(|| definition.version.to_string())
            });
            let others: Vec<String> = others.collect();
            if !others.is_empty() {
                let others = others.join(", ");
                mend.push_str(&format!(", or run a version that is there: {others}"));
            }
        }
        format!(
            "{parent} runs {}, and no file beside it says `{what}`: {looked}\n  {mend}; or put its file into that folder\n",
            match run.version {
                Some(version) => format!("{name}@{version}"),
                None => name.clone(),
            }
        )
    }
}
