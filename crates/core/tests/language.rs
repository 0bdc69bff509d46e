//! The saga language as data: the samples, the faulty files with what is said of them, hostile
//! files, and the defaults that a file resolves to.
//!
//! `UPDATE_EXPECT=1 cargo test -p banyan-core --test language` rewrites what is expected.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper of a test that fails here fails its test"
)]

#[path = "language/defaults.rs"]
mod defaults;
#[path = "language/hostile.rs"]
mod hostile;

use banyan_core::children::{ChildRun, Registered, Sagas};
use banyan_core::definition::Definition;
use banyan_core::language::{Checked, Diagnostic, Surroundings, check, codes, decode, unreadable};
use std::collections::BTreeSet;
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
        let severity = format!("{:?}", problem.severity).to_lowercase();
        let _ = writeln!(
            out,
            "{}:{}+{} {severity} {}: {}",
            problem.line, problem.column, problem.length, problem.code, problem.message
        );
        if let Some(help) = &problem.help {
            let _ = writeln!(out, "    {help}");
        }
    }
    out
}

/// Registered: `firm`, which has a pivot, `alone`, which has a lock, `insure_trip`, and `trip`, which runs a `holiday`.
#[derive(Debug)]
struct Neighbours;

impl Sagas for Neighbours {
    fn saga(&self, name: &str, version: Option<u32>) -> Option<Registered> {
        let known = ["firm", "alone", "insure_trip", "trip"].contains(&name);
        let children = match name {
            "trip" => vec![ChildRun {
                saga: "holiday".to_owned(),
                version: None,
                early: true,
            }],
            _ => Vec::new(),
        };
        (known && version.is_none_or(|version| version == 1)).then_some(Registered {
            version: 1,
            no_return: name == "firm",
            locks: name == "alone",
            children,
        })
    }
}

fn checked(source: &str) -> Checked {
    let services = ["stock", "orders", "x", "a"].map(str::to_owned);
    let known = Surroundings {
        sagas: source.contains("\n      run: ").then_some(&Neighbours),
        services: source.contains("stokc").then_some(&services[..]),
        look_again: None,
    };
    check(source, &known)
}

/// The codes that need no file of their own because a file of that size would be silly.
fn made_cases() -> Vec<String> {
    let many: String = (0..2_000).map(|at| format!("key_{at}: 1\n")).collect();
    vec!["# long\n".repeat(10_000), many]
}

#[test]
fn every_faulty_file_is_told_all_that_is_wrong_with_it() {
    let folder = root().join("crates/core/tests/language/faulty");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = String::new();
    for path in files(&folder, ".saga.yaml") {
        let got = told(&checked(&fs::read_to_string(&path).unwrap()));
        let golden = path.with_extension("").with_extension("expected");
        if update {
            fs::write(&golden, &got).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if got != expected || got.is_empty() {
            let _ = writeln!(
                wrong,
                "{}\n--- expected\n{expected}--- told\n{got}",
                path.display()
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_code_has_a_faulty_file_and_no_file_has_another_code() {
    let folder = root().join("crates/core/tests/language/faulty");
    let mut sources: Vec<String> = files(&folder, ".saga.yaml")
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    sources.extend(made_cases());
    let seen: BTreeSet<&str> = sources
        .iter()
        .flat_map(|source| checked(source).diagnostics)
        .chain([decode(b"\xff").unwrap_err()])
        .map(|problem| problem.code)
        .collect();
    let all: BTreeSet<&str> = codes().map(|(code, _)| code).collect();
    assert_eq!(seen, all);
}

#[test]
fn every_problem_of_every_file_says_how_to_mend_it() {
    let folder = root().join("crates/core/tests/language/faulty");
    let mut files: Vec<(String, Vec<Diagnostic>)> = files(&folder, ".saga.yaml")
        .iter()
        .map(|path| {
            let source = fs::read_to_string(path).unwrap();
            (path.display().to_string(), checked(&source).diagnostics)
        })
        .collect();
    let made = made_cases().into_iter().chain(hostile::sources());
    files.extend(made.map(|source| {
        let found = checked(&source).diagnostics;
        (source.chars().take(200).collect(), found)
    }));
    files.push((String::new(), vec![unreadable("gone")]));
    let mut silent = String::new();
    for (file, found) in files {
        for problem in found {
            if problem.help.as_deref().is_none_or(str::is_empty) {
                let _ = writeln!(silent, "{file}: {}: {}", problem.code, problem.message);
            }
        }
    }
    assert!(silent.is_empty(), "{silent}");
}

#[test]
fn every_code_has_a_page_whose_example_provokes_it() {
    // Their examples would be too large, or could not be printed or read.
    let without_example = [
        "file_too_large",
        "too_many_steps",
        "too_many_problems",
        "invalid_character",
        "unreadable_file",
    ];
    for (code, severity) in codes() {
        let path = root().join(format!("docs/errors/{code}.md"));
        let page = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{code} has no page"));
        assert!(page.starts_with(&format!("# `{code}`\n")), "{code}");
        let Some((_, rest)) = page.split_once("```yaml\n") else {
            assert!(without_example.contains(&code), "{code} has no example");
            continue;
        };
        let example = rest.split_once("```").unwrap().0;
        let diagnostics = checked(example).diagnostics;
        let told = diagnostics.iter().find(|problem| problem.code == code);
        let told = told.unwrap_or_else(|| panic!("the example of {code} gives {diagnostics:#?}"));
        assert_eq!(told.severity, severity, "{code}");
    }
}

#[test]
fn a_flood_of_problems_is_cut_and_the_cut_is_told() {
    let many: String = (0..2_000).map(|at| format!("key_{at}: 1\n")).collect();
    let diagnostics = checked(&many).diagnostics;
    let last = diagnostics.last().unwrap();
    assert_eq!(diagnostics.len(), 1_001);
    // The three keys that are missing are found last.
    assert_eq!(last.message, "1003 more problems are not shown");
    assert_eq!(last.line, 1_001);
}

#[test]
fn generated_files_with_slips_are_told_or_read_and_never_half() {
    let mut random = banyan_core::testkit::Random::new(7);
    let scraps = [
        "",
        "\n",
        " ",
        "  ",
        "- ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        "$",
        "\"",
        "'",
        "|",
        "#",
        "&a",
        "*a",
        "!t",
        "\t",
        "null",
        "\r",
        "\r\n",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "-1",
        "9999999999999999999999",
        "é",
        "\u{1f600}",
        "pivot: true",
        "$key",
    ];
    for seed in 0..150 {
        let source = banyan_core::testkit::generate(seed);
        for _ in 0..6 {
            let letters: Vec<char> = source.chars().collect();
            let at = random.below(letters.len());
            let cut = random.below(6).min(letters.len() - at);
            let scrap = *random.pick(&scraps);
            let mut slip: String = letters[..at].iter().collect();
            slip.push_str(scrap);
            slip.extend(&letters[at + cut..]);
            let checked = checked(&slip);
            let error = checked
                .diagnostics
                .iter()
                .any(|problem| problem.severity == banyan_core::language::Severity::Error);
            assert_eq!(error, checked.definition.is_none(), "{slip}");
            let lines = slip.split('\n').count();
            assert!(
                checked
                    .diagnostics
                    .iter()
                    .all(|problem| problem.line <= lines),
                "{}{slip:?}",
                told(&checked)
            );
        }
    }
}

#[test]
fn every_place_lies_inside_the_file() {
    let folder = root().join("crates/core/tests/language/faulty");
    for path in files(&folder, ".saga.yaml") {
        let source = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = source.split('\n').collect();
        for problem in checked(&source).diagnostics {
            let line = lines[problem.line - 1].chars().count();
            assert!(
                problem.column <= line + 1,
                "{}: {problem:?}",
                path.display()
            );
            assert!(problem.length >= 1 && problem.column >= 1);
        }
    }
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
