//! Documents: pages of error codes, links between pages, and the commands that they show.

use crate::workspace;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where error codes are declared, one `= "word",` a line.
const CODES: [&str; 2] = [
    "crates/api/src/code.rs",
    "crates/core/src/language/codes.rs",
];
/// Where the codes of stuck sagas are declared, within the enum of this name.
const STUCK: (&str, &str) = ("crates/api/src/saga.rs", "StuckCode {");
const PAGES: &str = "docs/errors";
const INDEX: &str = "docs/errors/README.md";

/// Every code has its page; every page belongs to a code and stands in the index.
pub(super) fn errors() -> Result<Vec<String>> {
    let mut codes = BTreeSet::new();
    for path in CODES {
        codes.extend(declared(&workspace::read(path)?));
    }
    let (path, opening) = STUCK;
    let text = workspace::read(path)?;
    let stuck = text
        .split_once(opening)
        .and_then(|(_, rest)| rest.split_once("\n    }"));
    codes.extend(declared(stuck.map_or("", |(body, _)| body)));

    let files = workspace::files(&[".md"])?;
    let pages: BTreeSet<String> = files.iter().filter_map(|path| page(path)).collect();
    let index = workspace::read(INDEX).unwrap_or_default();
    let mut complaints = Vec::new();
    complaints.extend(
        codes
            .difference(&pages)
            .map(|code| format!("{PAGES}/{code}.md: the code {code} has no page")),
    );
    complaints.extend(
        pages
            .difference(&codes)
            .map(|page| format!("{PAGES}/{page}.md: no code has this name")),
    );
    let unlinked = pages
        .iter()
        .filter(|page| !index.contains(&format!("({page}.md)")));
    complaints.extend(
        unlinked.map(|page| format!("{INDEX}: link {page}.md (`cargo xtask tidy --write`)")),
    );
    Ok(complaints)
}

/// Writes the index of error pages: each code, and the first sentence of its page.
pub(super) fn write_index() -> Result<()> {
    let mut index = String::from(
        "# Error codes\n\nEvery code that Banyan answers or prints, each with its page. A running server serves them at `/errors/<code>`.\n\n",
    );
    for path in workspace::files(&[".md"])? {
        if let Some(code) = page(&path) {
            let text = workspace::read(&path)?;
            let body = text.lines().skip(1).find(|line| !line.trim().is_empty());
            let sentence = body
                .and_then(|line| line.split(". ").next())
                .unwrap_or_default();
            let sentence = sentence.trim_end_matches('.');
            index.push_str(&format!("- [`{code}`]({code}.md): {sentence}.\n"));
        }
    }
    std::fs::write(workspace::root().join(INDEX), index)
        .with_context(|| format!("cannot write {INDEX}"))
}

/// Relative links of all documents lead to files that are there.
pub(super) fn links() -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for path in workspace::files(&[".md"])? {
        let folder = workspace::root().join(path.parent().unwrap_or(Path::new("")));
        for (line, target) in targets(&workspace::read(&path)?) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !folder.join(file).exists() {
                complaints.push(format!("{}:{line}: nothing is at {target}", path.display()));
            }
        }
    }
    Ok(complaints)
}

/// Every place in the code that ARCHITECTURE.md names is there.
pub(super) fn places() -> Result<Vec<String>> {
    let text = workspace::read("ARCHITECTURE.md")?;
    let (root, crates) = (workspace::root(), workspace::root().join("crates"));
    let named = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.contains("/src/"));
    let gone = named.filter(|path| !root.join(path).exists() && !crates.join(path).exists());
    Ok(gone
        .map(|path| format!("ARCHITECTURE.md: nothing is at {path}"))
        .collect())
}

/// `cargo xtask …` in documents names commands that there are.
pub(super) fn commands() -> Result<Vec<String>> {
    use clap::CommandFactory;
    let command = crate::Arguments::command();
    let known: BTreeSet<&str> = command
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    let mut complaints = Vec::new();
    for (path, line, words) in shown("cargo xtask")? {
        let name = words.first().map(String::as_str).unwrap_or_default();
        if !known.contains(name) {
            complaints.push(format!(
                "{}:{line}: there is no `cargo xtask {name}`",
                path.display()
            ));
        }
    }
    let readme = workspace::read("README.md")?;
    for needed in ["cargo xtask demo", "cargo xtask test"] {
        if !readme.contains(needed) {
            complaints.push(format!("README.md: show `{needed}`"));
        }
    }
    Ok(complaints)
}

/// Command lines in the fenced blocks of all documents that begin with `program`: where they
/// stand, and the words after it.
pub(crate) fn shown(program: &str) -> Result<Vec<(PathBuf, usize, Vec<String>)>> {
    let mut found = Vec::new();
    for path in workspace::files(&[".md"])? {
        let mut fenced = false;
        for (index, line) in workspace::read(&path)?.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
                continue;
            }
            let line = line.trim_start().trim_start_matches("$ ");
            let rest = line
                .strip_prefix(program)
                .filter(|rest| rest.starts_with(' '));
            if let Some(rest) = rest.filter(|_| fenced) {
                let words = rest.split_whitespace().map(str::to_owned).collect();
                found.push((path.clone(), index + 1, words));
            }
        }
    }
    Ok(found)
}

/// Saga files that the README and the guides show whole.
pub(crate) fn sagas() -> Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    for path in workspace::files(&[".md"])? {
        if path.starts_with("docs/guide") || path.as_os_str() == "README.md" {
            let text = workspace::read(&path)?;
            let blocks = text.split("```yaml\n").skip(1);
            let files = blocks.filter_map(|block| block.split_once("\n```"));
            let whole = files.filter(|(file, _)| file.starts_with("saga:"));
            found.extend(whole.map(|(file, _)| (path.clone(), file.to_owned())));
        }
    }
    Ok(found)
}

fn declared(text: &str) -> BTreeSet<String> {
    let word = |line: &str| {
        let (name, rest) = line.trim().split_once(" = \"")?;
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric());
        let (word, _) = rest.split_once("\",")?;
        plain.then(|| word.to_owned())
    };
    text.lines().filter_map(word).collect()
}

fn page(path: &Path) -> Option<String> {
    let name = path
        .strip_prefix(PAGES)
        .ok()?
        .to_str()?
        .strip_suffix(".md")?;
    (name != "README").then(|| name.to_owned())
}

/// Targets of `[text](target)` that are no web addresses, by line, outside fenced blocks.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        fenced ^= line.trim_start().starts_with("```");
        for (at, _) in line.match_indices("](") {
            let target = line[at + 2..].split([')', ' ']).next().unwrap_or_default();
            if !fenced && !target.contains("://") && !target.starts_with('/') {
                found.push((index + 1, target.to_owned()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_links_are_found() {
        let codes = declared("    A = \"a_b\", 400, \"x\";\n    let x = \"y\",\n    B = \"c\",\n");
        assert_eq!(codes.into_iter().collect::<Vec<_>>(), ["a_b", "c"]);
        let links = targets("[a](b.md#c) [d](https://e)\n```\n[f](g)\n```\n");
        assert_eq!(links, [(1, "b.md#c".to_owned())]);
    }
}
