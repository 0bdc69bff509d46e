//! The binary as scripts see it: exit codes, standard output and standard error.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

const BANYAN: &str = env!("CARGO_BIN_EXE_banyan");

fn banyan(arguments: &[&str]) -> Output {
    Command::new(BANYAN)
        .args(arguments)
        .env("BANYAN_SERVER", "http://127.0.0.1:1")
        .env_remove("BANYAN_TOKEN")
        .output()
        .unwrap()
}

fn file(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new()
        .suffix(".saga.yaml")
        .tempfile()
        .unwrap();
    file.write_all(content).unwrap();
    file
}

const GOOD: &str = "saga: ping\nversion: 1\nsteps:\n  - ask:\n      do: GET pong /ping\n";
const BAD: &str =
    "saga: ping\nversion: 1\nsteps:\n  - ask:\n      do: GET pong /ping\n      retyr: 3\n";

#[test]
fn nobody_at_the_servers_address_is_exit_6_with_help() {
    for arguments in [
        &["list"][..],
        &["show", "a/b"],
        &["services"],
        &["definitions"],
        &["activate", "a", "1"],
        &["start", "a", "--key", "k"],
        &["cancel", "a/b", "--dry-run"],
        &["retry", "a/b", "--reason", "r"],
        &[
            "settle", "a/b", "s", "do", "done", "-e", "seen", "-r", "because",
        ],
        &["undo", "a/b", "--reason", "r"],
        &["abandon", "a/b", "--reason", "r"],
        &["note", "a/b", "--owner", "ann"],
    ] {
        let output = banyan(arguments);
        assert_eq!(output.status.code(), Some(6), "{arguments:?}");
        assert!(output.stdout.is_empty());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("banyan serve"), "{said}");
    }
}

#[test]
fn a_good_file_is_exit_0_and_a_faulty_one_exit_1_in_every_format() {
    let (good, bad) = (file(GOOD.as_bytes()), file(BAD.as_bytes()));
    for format in ["human", "json", "sarif", "github"] {
        let check = |file: &tempfile::NamedTempFile| {
            banyan(&["check", file.path().to_str().unwrap(), "--format", format])
        };
        assert_eq!(check(&good).status.code(), Some(0), "{format}");
        let failed = check(&bad);
        assert_eq!(failed.status.code(), Some(1), "{format}");
        let said = String::from_utf8(failed.stdout).unwrap();
        assert!(
            said.contains("unknown_key") && said.contains("retyr"),
            "{format}: {said}"
        );
        match format {
            "json" | "sarif" => {
                let value: serde_json::Value = serde_json::from_str(&said).unwrap();
                let place = if format == "json" {
                    &value[0]["errors"][0]["line"]
                } else {
                    &value["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"]
                };
                assert_eq!(place, 6, "{said}");
            }
            "github" => assert!(said.starts_with("::error file="), "{said}"),
            _ => assert!(said.contains("1 error"), "{said}"),
        }
    }
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let latin = file(b"saga: ping\ndescription: caf\xe9\n");
    let output = banyan(&["export", latin.path().to_str().unwrap(), "--to", "ows"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(":2: the file is not UTF-8"), "{said}");
    let output = banyan(&["export", "nowhere.saga.yaml", "--to", "ows"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn input_that_is_no_json_is_a_usage_error_before_any_call() {
    let output = banyan(&["start", "a", "--key", "k", "--input", "{customer: ada}"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("@FILE"));
}

#[test]
fn a_verb_without_its_reason_or_its_evidence_is_a_usage_error_that_names_it() {
    for (arguments, missing) in [
        (&["cancel", "a/b"][..], "--reason <WHY>"),
        (&["retry", "a/b"], "--reason <WHY>"),
        (
            &["settle", "a/b", "s", "undo", "done", "--reason", "r"],
            "--evidence <HOW>",
        ),
        (
            &["settle", "a/b", "s", "undo", "gone", "-e", "e", "-r", "r"],
            "[possible values: done, not_happened]",
        ),
        (&["note", "a/b"], "--text <WORDS>"),
        (
            &["retry", "a/b", "--step", "s", "--body", "{", "-r", "r"],
            "the body is no JSON",
        ),
    ] {
        let output = banyan(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(missing), "{arguments:?}: {said}");
    }
}

#[test]
fn the_schema_and_completions_are_printed_whole() {
    let schema = banyan(&["schema"]);
    let value: serde_json::Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert!(value["properties"]["steps"].is_object() || value["$defs"].is_object());
    let bash = banyan(&["completions", "bash"]);
    assert!(String::from_utf8(bash.stdout).unwrap().contains("_banyan"));
}

#[test]
fn a_reader_that_goes_away_ends_the_command_silently() {
    let mut child = Command::new(BANYAN)
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.code().is_some(),
        "it was not killed by a signal"
    );
}

#[test]
fn verify_without_a_demo_says_what_to_do() {
    let empty = tempfile::tempdir().unwrap();
    let output = banyan(&["demo", "verify", "--data", empty.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("banyan demo")
    );
}

#[test]
fn no_colour_is_written_where_nobody_looks() {
    let bad = file(BAD.as_bytes());
    let output = banyan(&["check", bad.path().to_str().unwrap()]);
    assert!(!output.stdout.contains(&0x1b));
    let output = banyan(&["list"]);
    assert!(!output.stderr.contains(&0x1b));
}

#[test]
fn export_prints_the_document_and_says_on_standard_error_what_is_lost() {
    let good = file(GOOD.as_bytes());
    let path = good.path().to_str().unwrap();
    let drawn = banyan(&["export", path, "--to", "mermaid"]);
    assert_eq!(drawn.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&drawn.stdout).starts_with("flowchart TD\n"));
    assert!(drawn.stderr.is_empty());

    let written = banyan(&["export", path, "--to", "ows"]);
    let (document, lost) = (
        String::from_utf8_lossy(&written.stdout),
        String::from_utf8_lossy(&written.stderr),
    );
    assert!(
        document.contains("\ndocument:\n  dsl: '1.0.3'\n"),
        "{document}"
    );
    assert!(lost.contains("unknown outcomes: "), "{lost}");

    let bad = file(BAD.as_bytes());
    let refused = banyan(&["export", bad.path().to_str().unwrap(), "--to", "ows"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("did you mean `retry`?"));
}

#[test]
fn diff_of_two_files_needs_no_server() {
    let (one, other) = (
        file(GOOD.as_bytes()),
        file(GOOD.replace("/ping", "/pong").as_bytes()),
    );
    let (one, other) = (one.path().to_str().unwrap(), other.path().to_str().unwrap());
    let said = banyan(&["diff", one, other]);
    assert_eq!(said.status.code(), Some(0));
    let expected = "~ ask: the do's path changed from /ping to /pong\n";
    assert_eq!(String::from_utf8_lossy(&said.stdout), expected);
    let same = banyan(&["diff", one, one, "--json"]);
    assert_eq!(same.status.code(), Some(0));
    assert_eq!(
        String::from_utf8_lossy(&same.stdout),
        "{\n  \"items\": []\n}\n"
    );
    assert_eq!(banyan(&["diff", "ping", "1", "2"]).status.code(), Some(6));
    assert_eq!(banyan(&["diff", "ping", "1", "x"]).status.code(), Some(2));
    assert_eq!(banyan(&["diff", "ping"]).status.code(), Some(2));
}
