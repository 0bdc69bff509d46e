//! The saga language as data: the samples, the faulty files with what is said of them, and the
//! defaults that a file resolves to.

use banyan_core::definition::Definition;
use banyan_core::language::{Checked, Surroundings, check};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    found.sort();
    found
}

/// The diagnostics of a file as a person would read them.
fn told(checked: &Checked) -> String {
    let mut out = String::new();
    for problem in &checked.diagnostics {
        let _ = writeln!(
            out,
            "{}:{}+{} {:?} {}: {}",
            problem.line,
            problem.column,
            problem.length,
            problem.severity,
            problem.code,
            problem.message
        );
        if let Some(help) = &problem.help {
            let _ = writeln!(out, "    {help}");
        }
    }
    out
}

#[test]
fn every_sample_checks_clean() {
    let samples = files(&root().join("samples"), ".saga.yaml");
    assert!(samples.len() >= 8);
    for path in samples {
        let checked = check(
            &fs::read_to_string(&path).unwrap(),
            &Surroundings::default(),
        );
        assert_eq!(told(&checked), "", "{}", path.display());
        assert!(checked.definition.is_some(), "{}", path.display());
    }
}

#[test]
fn a_definition_stored_and_read_back_is_the_same() {
    for path in files(&root().join("samples"), ".saga.yaml") {
        let source = fs::read_to_string(&path).unwrap();
        let made = check(&source, &Surroundings::default()).definition.unwrap();
        let stored = serde_json::to_string(&made).unwrap();
        let back: Definition = serde_json::from_str(&stored).unwrap();
        assert_eq!(
            serde_json::to_string(&back).unwrap(),
            stored,
            "{}",
            path.display()
        );
        assert_eq!(made.hash.len(), 64);
    }
}
