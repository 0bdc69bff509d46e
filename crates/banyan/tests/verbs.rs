//! The verbs on the command line, against a real server and a service that a switch breaks: a
//! dry run tells all and changes nothing, a verb does what the dry run told, a change in
//! between is noticed, and exit codes say how it went.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const BANYAN: &str = env!("CARGO_BIN_EXE_banyan");
/// Tries before a server that does not answer is given up.
const TRIES: usize = 10_000;

const FILE: &str = "\
saga: buy
version: 1
steps:
  - hold:
      do: POST bank /holds
      undo: { do: 'DELETE bank /holds/{$key}', look_again: never }
  - pay:
      do: POST bank /payments
      body: { of: $input.of }
      undo: none
";

/// A server, and a bank that refuses payments of `poor` and, while it is broken, every undo.
struct Place {
    folder: tempfile::TempDir,
    address: String,
    server: Child,
    broken: Arc<AtomicBool>,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let mut command = Command::new(BANYAN);
        command.args(["serve", "--listen", &address, "--data"]);
        command.arg(folder.path()).current_dir(folder.path());
        let server = command.stderr(Stdio::null()).spawn().unwrap();
        let broken = Arc::new(AtomicBool::new(true));
        let place = Place {
            folder,
            address,
            server,
            broken: Arc::clone(&broken),
        };
        place.until_ready();
        let bank = format!("http://{}", bank(broken));
        let path = place.folder.path().join("buy.saga.yaml");
        std::fs::write(&path, FILE).unwrap();
        place.exits(0, &["services", "put", "bank", &bank]);
        place.exits(0, &["register", path.to_str().unwrap()]);
        place
    }

    fn until_ready(&self) {
        for _ in 0..TRIES {
            if self.run(&["services"]).status.success() {
                return;
            }
        }
        panic!("the server does not answer");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(BANYAN);
        command
            .args(arguments)
            .env("BANYAN_SERVER", format!("http://{}", self.address))
            .env("BANYAN_DATA", self.folder.path())
            .env_remove("BANYAN_TOKEN");
        command.output().unwrap()
    }

    /// What it printed, on both outputs, after it ended with this code.
    fn exits(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let mut said = String::from_utf8(output.stdout).unwrap();
        said.push_str(&String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    /// A saga whose payment was refused and whose undo the bank refuses.
    fn stuck(&self, key: &str) {
        let input = r#"{"of": "poor"}"#;
        self.exits(4, &["start", "buy", "-k", key, "-i", input, "--wait"]);
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.exits(0, arguments)).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The bank, at this address. Its thread ends with the test.
fn bank(broken: Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), broken.load(Ordering::SeqCst));
        }
    });
    address
}

fn answer(mut stream: TcpStream, broken: bool) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim().to_ascii_lowercase();
        if let Some(number) = line.strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let poor = String::from_utf8_lossy(&body).contains("poor");
    let refused = poor || broken && first.starts_with("DELETE");
    let (status, said) = if refused {
        ("409 Conflict", r#"{"error":"the bank says no"}"#)
    } else {
        ("200 OK", "{}")
    };
    let length = said.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{said}"
    );
}

#[test]
fn a_dry_run_tells_all_changes_nothing_and_the_verb_then_does_that() {
    let place = Place::new();
    place.stuck("k");
    let told = place.exits(0, &["retry", "buy/k", "--dry-run"]);
    for words in [
        "retry, a dry run: nothing was changed",
        "status: stuck → compensating",
        "the undo of hold is tried again under a fresh key\n",
        "attempt 2 of the undo of hold begins",
        "1. hold (undo): DELETE bank /holds/",
        "Idempotency-Key: ",
        "the saga right after:",
        "buy@1  k  compensating",
        "the same command with --if-seq ",
    ] {
        assert!(told.contains(words), "{words:?} is not in\n{told}");
    }
    assert_eq!(place.json(&["show", "buy/k", "--json"])["status"], "stuck");

    place.broken.store(false, Ordering::SeqCst);
    let preview = place.json(&["retry", "buy/k", "--dry-run", "--json"]);
    assert_eq!(preview["dry_run"], true);
    let first = preview["records"][0]["seq"].as_u64().unwrap();
    let seen = (first - 1).to_string();
    let done = place.exits(
        3,
        &["retry", "buy/k", "-r", "mended", "--if-seq", &seen, "-w"],
    );
    assert!(done.contains("buy@1  k  compensated"), "{done}");
    assert!(
        done.ends_with("next: nothing, it is compensated\n"),
        "{done}"
    );
}

#[test]
fn whoever_comes_second_is_told_that_it_changed() {
    let place = Place::new();
    place.stuck("k");
    let seen = place.json(&["show", "buy/k", "--json"])["seq"].to_string();
    let noted = place.exits(0, &["note", "buy/k", "--owner", "ann", "--text", "looking"]);
    assert!(noted.contains("owner: ann"), "{noted}");
    let said = place.exits(1, &["abandon", "buy/k", "-r", "old", "--if-seq", &seen]);
    assert!(said.contains("changed_since"), "{said}");
    assert!(said.contains("banyan show"), "{said}");
    assert_eq!(place.json(&["show", "buy/k", "--json"])["status"], "stuck");
}

#[test]
fn what_was_done_by_hand_is_settled_and_what_is_given_up_says_what_is_left() {
    let place = Place::new();
    place.stuck("settled");
    let leg = ["settle", "buy/settled", "hold", "undo", "done"];
    let why = ["--evidence", "hold h-1 is gone", "--reason", "by hand"];
    let told = place.exits(0, &[&leg[..], &why[..], &["--dry-run"]].concat());
    assert!(
        told.contains("the undo of hold happened (hold h-1 is gone), since \"by hand\""),
        "{told}"
    );
    assert!(told.contains("no call leaves"), "{told}");
    place.exits(3, &[&leg[..], &why[..], &["--wait"]].concat());
    let again = place.exits(1, &[&leg[..], &why[..]].concat());
    assert!(again.contains("not_allowed_now"), "{again}");

    place.stuck("left");
    let told = place.exits(0, &["abandon", "buy/left", "--dry-run"]);
    assert!(told.contains("status: stuck → abandoned"), "{told}");
    let done = place.exits(0, &["abandon", "buy/left", "-r", "written off"]);
    assert!(
        done.contains("left: hold: done, its undo was stuck"),
        "{done}"
    );
    assert!(done.contains("next: nothing more is called"), "{done}");
}

#[test]
fn a_completed_saga_is_undone_and_the_dry_run_says_what_has_no_undo() {
    let place = Place::new();
    place.exits(
        0,
        &["start", "buy", "-k", "k", "-i", r#"{"of": "ann"}"#, "-w"],
    );
    let told = place.exits(0, &["undo", "buy/k", "--dry-run"]);
    assert!(told.contains("nothing takes back: pay"), "{told}");
    place.exits(4, &["undo", "buy/k", "-r", "returned", "--wait"]);
    place.broken.store(false, Ordering::SeqCst);
    place.exits(3, &["retry", "buy/k", "-r", "mended", "--wait"]);
    let said = place.exits(1, &["cancel", "buy/k", "--dry-run"]);
    assert!(said.contains("it is compensated"), "{said}");
}
