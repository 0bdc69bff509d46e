//! Sizes: a file has at most 600 lines, a function at most 70. What is longer stands in
//! `xtask/ratchet.toml` with its reason and its present length, which may only shrink.

use super::source::Source;
use crate::workspace;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Lines of a file. More are two subjects.
const FILE_LINES: usize = 600;
/// Lines of a function. More do not fit a screen.
const FUNCTION_LINES: usize = 70;
const PATH: &str = "xtask/ratchet.toml";

/// What is longer than it may be.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Ratchet {
    /// Files.
    file: Vec<Exception>,
    /// Functions.
    function: Vec<Exception>,
}

/// One thing that is longer, and why.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    path: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    lines: usize,
    reason: String,
}

/// Something that was measured.
struct Measured {
    path: String,
    name: String,
    line: usize,
    lines: usize,
}

/// Complaints about what is too long, and about exceptions that no longer hold.
pub(super) fn check(sources: &[Source]) -> Result<Vec<String>> {
    let ratchet = load()?;
    let mut complaints = compare(&ratchet.file, &files(sources), FILE_LINES);
    complaints.extend(compare(
        &ratchet.function,
        &functions(sources),
        FUNCTION_LINES,
    ));
    Ok(complaints)
}

/// Lowers every exception to what is there, and drops those that are not needed.
pub(super) fn shrink(sources: &[Source]) -> Result<()> {
    let mut ratchet = load()?;
    lower(&mut ratchet.file, &files(sources), FILE_LINES);
    lower(&mut ratchet.function, &functions(sources), FUNCTION_LINES);
    let text = toml::to_string(&ratchet).context("cannot write the ratchet")?;
    let head = "# What is longer than the house rules allow, and why. Lengths may only shrink:\n# `cargo xtask tidy --write` lowers them.\n\n";
    std::fs::write(workspace::root().join(PATH), format!("{head}{text}"))
        .with_context(|| format!("cannot write {PATH}"))
}

fn load() -> Result<Ratchet> {
    toml::from_str(&workspace::read(PATH)?)
        .with_context(|| format!("{PATH} is not as it should be"))
}

fn files(sources: &[Source]) -> Vec<Measured> {
    let measure = |source: &Source| Measured {
        path: source.path.display().to_string(),
        name: String::new(),
        line: 1,
        lines: source.code.len(),
    };
    sources.iter().map(measure).collect()
}

fn functions(sources: &[Source]) -> Vec<Measured> {
    let mut measured = Vec::new();
    for source in sources {
        for function in source.functions() {
            measured.push(Measured {
                path: source.path.display().to_string(),
                name: function.name,
                line: function.line,
                lines: function.lines,
            });
        }
    }
    measured
}

fn compare(exceptions: &[Exception], measured: &[Measured], most: usize) -> Vec<String> {
    let mut complaints = Vec::new();
    for found in measured.iter().filter(|found| found.lines > most) {
        let Measured {
            path,
            name,
            line,
            lines,
        } = found;
        match exceptions
            .iter()
            .find(|known| known.path == *path && known.name == *name)
        {
            None => complaints.push(format!(
                "{path}:{line}: {name} has {lines} lines, more than {most}: split it"
            )),
            Some(known) if known.lines < *lines => {
                let before = known.lines;
                complaints.push(format!(
                    "{path}:{line}: {name} grew from {before} to {lines} lines: split it"
                ));
            }
            Some(known) if known.lines > *lines => {
                complaints.push(format!(
                    "{path}:{line}: {name} shrank to {lines} lines: run `cargo xtask tidy --write`"
                ));
            }
            Some(known) if known.reason.len() < 10 => {
                complaints.push(format!("{PATH}: say why {path} {name} is longer"));
            }
            Some(_) => {}
        }
    }
    let needed = |known: &&Exception| {
        measured
            .iter()
            .any(|found| found.path == known.path && found.name == known.name && found.lines > most)
    };
    for known in exceptions.iter().filter(|known| !needed(known)) {
        let Exception { path, name, .. } = known;
        complaints.push(format!(
            "{PATH}: {path} {name} needs no exception: run `cargo xtask tidy --write`"
        ));
    }
    complaints
}

fn lower(exceptions: &mut Vec<Exception>, measured: &[Measured], most: usize) {
    exceptions.retain_mut(|known| {
        let same = |found: &&Measured| found.path == known.path && found.name == known.name;
        let longest = measured.iter().filter(same).map(|found| found.lines).max();
        known.lines = known.lines.min(longest.unwrap_or(0));
        known.lines > most
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(lines: usize) -> [Measured; 1] {
        [Measured {
            path: "a.rs".into(),
            name: "a".into(),
            line: 1,
            lines,
        }]
    }

    fn known(lines: usize) -> [Exception; 1] {
        let reason = "a table, one row per case".into();
        [Exception {
            path: "a.rs".into(),
            name: "a".into(),
            lines,
            reason,
        }]
    }

    #[test]
    fn an_exception_may_only_shrink() {
        assert!(compare(&[], &long(70), 70).is_empty());
        assert_eq!(compare(&[], &long(71), 70).len(), 1);
        assert!(compare(&known(90), &long(90), 70).is_empty());
        assert_eq!(compare(&known(90), &long(91), 70).len(), 1);
        assert_eq!(compare(&known(90), &long(89), 70).len(), 1);
        assert_eq!(compare(&known(90), &long(70), 70).len(), 1);
    }
}
