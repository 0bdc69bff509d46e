//! A saga whose row was changed behind the server's back: it is left alone, and told as damaged in
//! the figures, the log and by `banyan failures`; what waits beside it goes on.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

use rusqlite::Connection;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const BANYAN: &str = env!("CARGO_BIN_EXE_banyan");
/// Tries before what does not come is given up.
const TRIES: usize = 10_000;

/// It never ends: nobody listens there.
const CALL: &str = "\
saga: call
version: 1
steps:
  - away: { do: PUT nowhere /x, undo: none, retry: { attempts: 10000, first: 1s, max: 1s } }
";
const NAP: &str = "\
saga: nap
version: 1
steps:
  - nap: { sleep: 1s }
";

/// Calls a command until it says what is looked for.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let found = (0..TRIES).find_map(|_| look());
    found.unwrap_or_else(|| panic!("never came: {what}"))
}

struct Place {
    folder: tempfile::TempDir,
    address: String,
    server: Option<Child>,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let settings = "[defaults]\nstalled_after = \"1s\"\n";
        std::fs::write(folder.path().join("banyan.toml"), settings).unwrap();
        for (name, text) in [("nap", NAP), ("call", CALL)] {
            let file = folder.path().join(format!("{name}.saga.yaml"));
            std::fs::write(file, text).unwrap();
        }
        let mut place = Place {
            folder,
            address,
            server: None,
        };
        place.start();
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn start(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.path().join("log"))
            .unwrap();
        let server = Command::new(BANYAN)
            .args(["serve", "--config", "banyan.toml", "--data", "data"])
            .args(["--listen", &self.address])
            .current_dir(self.path())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(server);
        until("the server", || {
            self.run(&["services"]).status.success().then_some(())
        });
    }

    fn kill(&mut self) {
        let mut server = self.server.take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(BANYAN)
            .args(arguments)
            .current_dir(self.path())
            .env("BANYAN_SERVER", format!("http://{}", self.address))
            .env("BANYAN_DATA", "data")
            .env_remove("BANYAN_TOKEN")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn well(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn metrics(&self) -> String {
        let token = std::fs::read_to_string(self.path().join("data/admin.token")).unwrap();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (host, token) = (&self.address, token.trim());
        let request = format!(
            "GET /metrics HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

#[test]
fn a_row_that_was_changed_by_hand_is_found_and_named() {
    let mut place = Place::new();
    place.well(&["services", "put", "nowhere", "http://127.0.0.1:9"]);
    for (name, key) in [("nap", "whole"), ("call", "hurt")] {
        place.well(&["register", &format!("{name}.saga.yaml")]);
        place.well(&["start", name, "--input", "{}", "--key", key]);
    }
    let shown = place.well(&["show", "call/hurt", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let id = shown["id"].as_str().unwrap().to_owned();
    place.kill();
    let store = Connection::open(place.path().join("data/banyan.db")).unwrap();
    let changed = store
        .execute(
            "UPDATE saga SET state_check = state_check + 1 WHERE key = 'hurt'",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(store);

    place.start();
    let said = until("it is named", || {
        let said = place.well(&["failures"]);
        said.contains("damaged").then_some(said)
    });
    assert!(said.contains(&id) && said.contains("checksum"), "{said}");
    let json: serde_json::Value =
        serde_json::from_str(&place.well(&["failures", "--json"])).unwrap();
    assert_eq!(json["damaged"][0]["id"], id.as_str());
    assert_eq!(json["damaged"].as_array().unwrap().len(), 1);
    let line = "banyan_sagas_stalled{kind=\"damaged\"} 1";
    until("the figures", || {
        place.metrics().contains(line).then_some(())
    });
    let log = std::fs::read_to_string(place.path().join("log")).unwrap();
    let told = log.lines().find(|line| line.contains("a saga stalls"));
    let told = told.unwrap_or_else(|| panic!("nothing of it in {log}"));
    assert!(told.contains(&id) && told.contains("damaged"), "{told}");
    let whole = until("the other ends", || {
        let shown = place.well(&["show", "nap/whole", "--json"]);
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        (shown["status"] == "completed").then_some(shown)
    });
    assert_eq!(whole["reason"], serde_json::Value::Null);
}
