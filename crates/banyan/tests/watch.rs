//! `banyan watch` against a real server: what a script reads, a server that is killed and
//! started again meanwhile, and one saga until its end.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

mod helpers;

use helpers::TRIES;
use helpers::place::Place;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

const FILES: &str = "\
saga: count
version: 1
steps:
  - first: { set: 1 }
";
const APPROVE: &str = "\
saga: approve
version: 1
steps:
  - approval: { wait: approved, for: 1d, refused_when: '$result.no == true' }
";

fn place() -> Place {
    Place::new(&[("count", FILES), ("approve", APPROVE)])
}

fn watch(place: &Place, arguments: &[&str]) -> Watching {
    let mut command = place.command(&["watch"]);
    let mut child = command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    Watching { child, lines }
}

/// A watch that runs. Killed when dropped.
struct Watching {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Watching {
    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.lines.read_line(&mut line).unwrap() > 0, "it has ended");
        line
    }

    /// Reads on until an event of this kind about this key.
    fn event(&mut self, kind: &str, key: &str) -> Value {
        loop {
            let event: Value = serde_json::from_str(&self.line()).unwrap();
            if event["event"] == kind && (key.is_empty() || event["data"]["key"] == key) {
                return event["data"].clone();
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts sagas until this has come, which tells of them once it has connected.
fn start_until<T: Send>(place: &Place, name: &str, come: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let come = scope.spawn(come);
        for number in 0..TRIES {
            if come.is_finished() {
                break;
            }
            place.exits(0, &["start", "count", "--key", &format!("{name}-{number}")]);
        }
        come.join().unwrap()
    })
}

#[test]
fn a_script_reads_one_change_a_line_also_over_a_restart_of_the_server() {
    let mut place = place();
    let mut watching = watch(&place, &["--json"]);
    start_until(&place, "before", || watching.event("saga", ""));
    place.exits(0, &["start", "count", "--key", "a"]);
    assert_eq!(watching.event("saga", "a")["status"], "completed");
    place.kill_and_start_again();
    assert_eq!(watching.event("reset", "")["reason"], "other_run");
    place.exits(0, &["start", "count", "--key", "b"]);
    assert_eq!(watching.event("saga", "b")["status"], "completed");
}

#[test]
fn people_read_one_change_a_line_with_its_reason() {
    let place = place();
    let mut watching = watch(&place, &[]);
    assert!(watching.line().starts_with("AT"));
    let shown = start_until(&place, "shown", || watching.line());
    assert!(shown.contains("count/shown-"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "no colour where nobody looks");
}

#[test]
fn one_saga_is_watched_until_its_end_over_a_restart_and_the_exit_code_says_how() {
    for (answer, code, word) in [
        ("{}", 0, "completed"),
        (r#"{"no": true}"#, 3, "compensated"),
    ] {
        let mut place = place();
        place.exits(0, &["start", "approve", "--key", "k"]);
        let mut watching = watch(&place, &["approve/k", "--json"]);
        let first: Value = serde_json::from_str(&watching.line()).unwrap();
        assert_eq!(first["status"], "running");
        place.kill_and_start_again();
        place.exits(
            0,
            &["signal", "approve/k", "approved", answer, "--key", "s"],
        );
        let mut last = first;
        let mut line = String::new();
        while watching.lines.read_line(&mut line).unwrap() > 0 {
            last = serde_json::from_str(&line).unwrap();
            line.clear();
        }
        assert_eq!(last["status"], word);
        assert_eq!(watching.child.wait().unwrap().code(), Some(code));
    }
}

#[test]
fn one_that_has_ended_is_drawn_once_and_one_that_is_not_there_is_an_error() {
    let place = place();
    place.exits(0, &["start", "count", "--key", "k"]);
    let output = place.run(&["watch", "count/k"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("count@1") && text.contains("completed"),
        "{text}"
    );
    let output = place.run(&["watch", "count/nobody"]);
    assert_eq!(output.status.code(), Some(1));
    let output = place.run(&["watch", "--id", "17"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("invalid_parameter"), "{said}");
}
