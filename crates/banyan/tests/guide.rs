//! The first-saga guide, followed to the letter: its saga file is written, its commands run in
//! their order in one shell, and what it promises is seen.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

mod helpers;

use helpers::guide::{blocks, run};
use helpers::{BANYAN, free_address};
use std::io::Write;
use std::process::{Command, Stdio};

const GUIDE: &str = include_str!("../../../docs/guide/first-saga.md");

/// A port that nobody listens on, for now.
fn free_port() -> String {
    free_address().replace("127.0.0.1:", "")
}

/// The guide as one script: with ports that are free, and the server in the background.
fn script() -> String {
    let mut script = String::from("set -m\ntrap 'kill $(jobs -p) 2>/dev/null' EXIT\n");
    for block in blocks(GUIDE, "sh") {
        if block == "banyan serve" {
            // The guide's job numbers count what is started in the second terminal.
            script.push_str("banyan serve 2>serve.log & server=$!; disown $server\n");
            script.push_str("trap 'kill $server $(jobs -p) 2>/dev/null' EXIT\n");
            script.push_str(
                "until banyan services >/dev/null 2>&1; do kill -0 $server || exit 9; done\n",
            );
        } else {
            script.push_str(&block);
            script.push('\n');
        }
    }
    script
        .replace("9001", &free_port())
        .replace("9002", &free_port())
        .replace("curl -s", "command -v curl >/dev/null && curl -s")
}

#[test]
fn every_command_of_the_guide_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("buy.saga.yaml"),
        &blocks(GUIDE, "yaml")[0],
    )
    .unwrap();
    let told = run(folder.path(), &free_address(), &script());
    told.has(&[
        "banyan dev order.saga.yaml",
        "order@1  dev-1  completed",
        "order@1  dev-1  compensated",
        "no errors, no warnings",
        "buy@1 registered",
        "buy@1  order-1  completed",
        "✓ done",
        "buy@1  order-2  compensated",
        "turned back: refused at payment",
        "↩ undone",
        "buy@1  order-3  ",
    ]);
}

const UNDO: &str = include_str!("../../../docs/guide/undo-that-works.md");

#[test]
fn an_undo_that_comes_first_is_answered_as_the_guide_about_undos_says() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut script = String::from("set -m\ntrap 'kill $(jobs -p) 2>/dev/null' EXIT\n");
    for block in blocks(UNDO, "sh") {
        script.push_str(&block);
        script.push('\n');
        if block.ends_with('&') {
            script.push_str(
                "until (: </dev/tcp/127.0.0.1/9001) 2>/dev/null; do kill -0 $! || exit 9; done\n",
            );
        }
    }
    let told = run(
        folder.path(),
        &free_address(),
        &script.replace("9001", &port),
    );
    // Where nobody can type the commands, nothing is promised.
    if !told.moaned.contains("curl: command not found") {
        told.shows("404\n404\n409");
    }
}

/// What the guide types at the desk (after `> `) is typed, each line when the saga before has
/// come to rest; every other line is printed, in this order. `…` stands for anything.
#[test]
fn a_session_at_the_desk_prints_what_the_guide_shows() {
    let folder = tempfile::tempdir().unwrap();
    let banyan = |arguments: &[&str]| {
        let mut command = Command::new(BANYAN);
        command
            .args(arguments)
            .current_dir(folder.path())
            .env_remove("BANYAN_DATA");
        command
    };
    assert!(banyan(&["init"]).status().unwrap().success());
    let mut child = banyan(&["dev", "order.saga.yaml"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<String> = blocks(GUIDE, "console")
        .iter()
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let mut input = child.stdin.take().unwrap();
    let (typed, shown): (Vec<&String>, Vec<&String>) =
        lines.iter().partition(|line| line.starts_with('>'));
    for line in typed {
        writeln!(input, "wait\n{}", line.trim_start_matches('>').trim()).unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let mut printed = said.lines();
    for line in shown.into_iter().filter(|line| *line != "…") {
        assert!(
            printed.any(|found| found == line),
            "{line:?} is not where the guide has it\n{said}"
        );
    }
}
