//! `banyan check` over several files at once: what one of them runs is looked for among the
//! others and on the server, and a file that cannot be read silences none.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

mod helpers;

use helpers::BANYAN;
use helpers::place::Place;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn check(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(BANYAN);
    command.arg("check").args(arguments).current_dir(folder);
    command.env("BANYAN_SERVER", "http://127.0.0.1:1");
    command.output().unwrap()
}

/// The errors and warnings of each file, as `LINE:COLUMN CODE`.
fn told(output: &Output) -> Vec<Vec<String>> {
    let files: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let of = |file: &Value, list: &str| -> Vec<String> {
        let list = file[list].as_array().unwrap().iter();
        list.map(|one| {
            let code = one["code"].as_str().unwrap();
            format!("{}:{} {code}", one["line"], one["column"])
        })
        .collect()
    };
    let each = files.iter();
    each.map(|file| [of(file, "errors"), of(file, "warnings")].concat())
        .collect()
}

fn file(name: &str, version: u32, step: &str) -> String {
    format!("saga: {name}\nversion: {version}\nsteps:\n  - a: {{ {step} }}\n")
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, (name, step)) in files.iter().enumerate() {
        let text = file(name, 1, step);
        std::fs::write(folder.path().join(format!("{number}")), text).unwrap();
    }
    folder
}

#[test]
fn what_a_file_runs_is_looked_for_among_the_files_given_with_it() {
    type Case = (
        &'static str,
        &'static [(&'static str, &'static str)],
        &'static [&'static [&'static str]],
    );
    let cases: [Case; 5] = [
        (
            "each runs the other",
            &[("ping", "run: pong"), ("pong", "run: ping")],
            &[&["4:15 child_cycle"], &["4:15 child_cycle"]],
        ),
        (
            "a way round over three files, and one that leads into it",
            &[
                ("in", "run: one"),
                ("one", "run: two"),
                ("two", "run: three@1"),
                ("three", "run: one"),
            ],
            &[
                &["4:15 child_cycle"],
                &["4:15 child_cycle"],
                &["4:15 child_cycle"],
                &["4:15 child_cycle"],
            ],
        ),
        (
            "a child with a pivot before that of its parent",
            &[("firm", "do: GET s /x, pivot: true"), ("soft", "run: firm")],
            &[&[], &["4:15 child_with_pivot"]],
        ),
        (
            "the same as the pivot itself",
            &[
                ("firm", "do: GET s /x, pivot: true"),
                ("soft", "run: firm, pivot: true"),
            ],
            &[&[], &[]],
        ),
        (
            "what no file holds may be registered",
            &[("one", "run: gone"), ("two", "run: one")],
            &[&[], &[]],
        ),
    ];
    for (name, files, expected) in cases {
        let folder = folder(files);
        let names: Vec<String> = (0..files.len()).map(|at| at.to_string()).collect();
        let names = names.iter().map(String::as_str);
        let arguments: Vec<&str> = ["--format", "json"].into_iter().chain(names).collect();
        let output = check(folder.path(), &arguments);
        assert_eq!(told(&output), expected, "{name}");
        let faulty = expected.iter().any(|file| !file.is_empty());
        assert_eq!(output.status.code(), Some(i32::from(faulty)), "{name}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_of_its_own_and_silences_no_other() {
    let folder = folder(&[("ping", "sett: 1")]);
    let latin = b"saga: ping\ndescription: caf\xe9\n";
    std::fs::write(folder.path().join("latin"), latin).unwrap();
    let wide = b"\xff\xfes\0a\0g\0a\0";
    std::fs::write(folder.path().join("wide"), wide).unwrap();
    let files = ["gone", "latin", "wide", "0"];
    let output = check(folder.path(), &[&["--format", "json"], &files[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    let expected = [
        &["1:1 unreadable_file"][..],
        &["2:17 unreadable_file"],
        &["1:1 unreadable_file"],
        &["4:5 step_without_kind", "4:10 unknown_key"],
    ];
    assert_eq!(told(&output), expected);
    for (format, latin) in [
        (
            "human",
            " × the file is not UTF-8: the byte 0xE9 stands here\n",
        ),
        ("sarif", "\"startLine\": 2"),
        (
            "github",
            "::error file=latin,line=2,col=17,endColumn=18,title=unreadable_file::the file is not UTF-8: the byte 0xE9 stands here%0Asave the file as UTF-8\n",
        ),
    ] {
        let output = check(folder.path(), &[&["--format", format], &files[..]].concat());
        assert_eq!(output.status.code(), Some(1), "{format}");
        assert!(output.stderr.is_empty(), "{format}");
        let said = String::from_utf8(output.stdout).unwrap();
        for word in [latin, "gone", "the file cannot be read", "unknown_key"] {
            assert!(said.contains(word), "{format}: {word:?} in {said}");
        }
    }
}

#[test]
fn files_stand_in_front_of_what_a_server_has_registered() {
    let firm = "saga: firm\nversion: 1\nsteps:\n  - a: { do: GET s /x, pivot: true }\n";
    let over = "saga: over\nversion: 1\nsteps:\n  - a: { run: top }\n";
    let place = Place::new(&[("firm", firm), ("over", over)]);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let runs_firm = write("runs_firm", file("top", 1, "run: firm"));
    let runs_over = write("runs_over", file("top", 1, "run: over"));
    let runs_gone = write("runs_gone", file("top", 1, "run: gone"));
    let soft = write("soft", file("firm", 2, "set: 1"));
    let server = place.server();
    for (files, expected) in [
        (&[&runs_firm][..], &[&["4:15 child_with_pivot"][..]][..]),
        (&[&runs_firm, &soft], &[&[], &[]]),
        (&[&runs_over], &[&["4:15 child_cycle"]]),
        (&[&runs_gone], &[&["4:15 child_not_registered"]]),
    ] {
        let mut arguments = vec!["check", "--against", &server, "--format", "json"];
        arguments.extend(files.iter().map(|file| file.as_str()));
        assert_eq!(told(&place.run(&arguments)), expected, "{files:?}");
    }
}
