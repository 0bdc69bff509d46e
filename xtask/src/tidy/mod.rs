//! The house rules, checked: as `cargo xtask tidy`, as a stage of `cargo xtask test`, and as an
//! ordinary test. Each rule is a function from what it looks at to its complaints.

mod clocks;
mod documents;
mod edges;
mod limits;
mod ratchet;
mod source;
mod words;

use crate::workspace;
use anyhow::Result;
use source::Source;

pub(crate) use documents::{sagas, shown};

/// One rule: its name, and every place that breaks it.
pub(crate) struct Rule {
    /// What holds.
    pub(crate) name: &'static str,
    /// Where it does not: place, what, how to mend it.
    pub(crate) complaints: Vec<String>,
}

/// Checks every rule and prints what breaks one. `write` first writes what is
/// derived: the lowered ratchet, the index of error pages.
pub(crate) fn run(write: bool) -> Result<bool> {
    if write {
        ratchet::shrink(&sources()?)?;
        documents::write_index()?;
    }
    let mut held = true;
    for rule in check()? {
        held &= rule.complaints.is_empty();
        print(&rule);
    }
    Ok(held)
}

/// Prints a rule and its complaints.
pub(crate) fn print(rule: &Rule) {
    let word = if rule.complaints.is_empty() {
        "ok"
    } else {
        "FAILED"
    };
    println!("tidy: {} ... {word}", rule.name);
    for complaint in &rule.complaints {
        println!("    {complaint}");
    }
}

/// Every rule over the workspace as it is.
pub(crate) fn check() -> Result<Vec<Rule>> {
    let sources = sources()?;
    let metadata = workspace::metadata()?;
    let rule = |name, complaints| Rule { name, complaints };
    Ok(vec![
        rule(
            "every module opens with what it is",
            words::module_docs(&sources),
        ),
        rule(
            "sizes hold, and their exceptions only shrink",
            ratchet::check(&sources)?,
        ),
        rule(
            "no unsafe, no stubs, nothing without a bound",
            words::forbidden(&sources),
        ),
        rule("a silenced lint says why", words::silenced(&sources)),
        rule(
            "clocks are read at the named edges only",
            clocks::check(&sources),
        ),
        rule(
            "bounds stand in the files of limits",
            limits::check(&sources),
        ),
        rule(
            "crate edges are those of ARCHITECTURE.md",
            edges::check(&metadata)?,
        ),
        rule(
            "each crate knows only its own drivers",
            edges::walls(&metadata),
        ),
        rule("each crate inherits the lints", edges::lints(&metadata)?),
        rule(
            "every error code has a page, every page a code and a link",
            documents::errors()?,
        ),
        rule(
            "ARCHITECTURE.md names places that are there",
            documents::places()?,
        ),
        rule(
            "links between documents lead somewhere",
            documents::links()?,
        ),
        rule("commands in documents exist", documents::commands()?),
    ])
}

fn sources() -> Result<Vec<Source>> {
    let files = workspace::files(&[".rs"])?;
    let read = |path: std::path::PathBuf| Ok(Source::new(&path, workspace::read(&path)?));
    files.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_house_rules_hold() {
        let broken: Vec<String> = super::check()
            .unwrap()
            .into_iter()
            .flat_map(|rule| rule.complaints)
            .collect();
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }
}
