//! One drawing: what `banyan show` prints of a saga is what the core draws of its journal, but
//! for the line with its id and times. A real server runs sagas that end in every way; then the
//! server is killed, and its store is read.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

use banyan_core::saga::{Plan, Saga};
use banyan_store::{Reader, sqlite};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const BANYAN: &str = env!("CARGO_BIN_EXE_banyan");
/// Looks at a saga before it is given up.
const LOOKS: usize = 1_000;

/// A saga file, what is done after its start, and what its drawing then says.
struct Case {
    file: &'static str,
    then: &'static [&'static str],
    says: &'static [&'static str],
}

const CASES: [Case; 6] = [
    Case {
        file: "
saga: completed
version: 1
steps:
  - order: { do: POST open /ok, undo: 'DELETE open /ok/{$key}' }
  - prepare:
      together:
        - stock: { do: POST open /flaky, retry: { first: 1ms }, undo: 'DELETE open /ok/{$key}' }
        - gift: { do: GET open /ok, when: 'false' }
  - tell: { do: POST open /no, on_refused: continue, undo: none }
output: { z: $order.id, a: 0.10, b: [1, null] }
",
        then: &[],
        says: &["(together)", "✓ done, 2 attempts", "– skipped", "output: {"],
    },
    Case {
        file: "
saga: compensated
version: 1
steps:
  - order: { do: POST open /ok, undo: 'DELETE open /ok/{$key}' }
  - prepare:
      steps:
        - stock: { do: POST open /ok, undo: 'DELETE open /ok/{$key}' }
        - fraud: { do: POST open /no, undo: 'DELETE open /ok/{$key}' }
  - payment: { do: POST open /ok, undo: 'DELETE open /ok/{$key}', pivot: true }
  - close: { do: POST open /ok }
",
        then: &[],
        says: &[
            "turned back: refused at prepare.fraud",
            "✗ refused",
            "↩ undone",
            "◆",
            "·",
        ],
    },
    Case {
        file: "
saga: stuck
version: 1
steps:
  - order: { do: POST open /ok, undo: 'DELETE open /no/{$key}' }
  - no: { refuse: not today }
",
        then: &[],
        says: &["↩ stuck", "stuck at order (undo): undo_refused"],
    },
    Case {
        file: "
saga: waiting
version: 1
steps:
  - approval: { wait: approved, for: 1d }
  - second: { wait: confirmed, for: 1d }
",
        then: &["signal", "waiting/k", "confirmed", "{}"],
        says: &[
            "… running",
            "waits: ",
            "signal confirmed came at",
            "not taken yet",
        ],
    },
    Case {
        file: "
saga: retried
version: 1
steps:
  - order: { do: POST open /busy, retry: { first: 1h, max: 1h }, undo: none }
",
        then: &[],
        says: &["… running: open answered 503", "attempt 2 of"],
    },
    Case {
        file: "
saga: parked
version: 1
steps:
  - order: { do: GET closed /ok }
",
        then: &[],
        says: &["waits: order waits for closed"],
    },
];

/// A service whose answers stand in the path. `/flaky` is well from its second call on.
fn service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut failed = false;
        for stream in listener.incoming() {
            answer(stream.unwrap(), &mut failed);
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream, failed: &mut bool) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(0, |length| length.trim().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    let status = match head.split(' ').nth(1).unwrap_or_default() {
        path if path.starts_with("/no") => "409 Conflict",
        "/busy" => "503 Service Unavailable",
        "/flaky" if !std::mem::replace(failed, true) => "503 Service Unavailable",
        _ => "200 OK",
    };
    let body = r#"{"id":"o-1","message":"as it\tis"}"#;
    let length = body.len();
    // A caller that went away is not this service's trouble.
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
}

/// A server as its own process, killed when it is dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let child = Command::new(BANYAN)
            .args(["serve", "--listen", &address, "--data"])
            .arg(folder.join("data"))
            .env_remove("BANYAN_TOKEN")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Server { child, address }
    }

    /// Runs a command against it; its output, and whether it went well.
    fn run(&self, folder: &Path, arguments: &[&str]) -> (String, bool) {
        let output = Command::new(BANYAN)
            .args(arguments)
            .args(["--server", &format!("http://{}", self.address), "--data"])
            .arg(folder.join("data"))
            .env_remove("BANYAN_TOKEN")
            .output()
            .unwrap();
        let mut text = String::from_utf8(output.stdout).unwrap();
        text.push_str(&String::from_utf8(output.stderr).unwrap());
        (text, output.status.success())
    }

    fn well(&self, folder: &Path, arguments: &[&str]) {
        let (text, well) = self.run(folder, arguments);
        assert!(well, "{arguments:?}: {text}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs every case; what `banyan show` printed of each.
fn shown(server: &Server, folder: &Path) -> Vec<String> {
    let ready = (0..LOOKS).any(|_| server.run(folder, &["services"]).1);
    assert!(ready, "the server never became ready");
    let service = service();
    server.well(folder, &["services", "put", "open", &service]);
    server.well(folder, &["services", "put", "closed", &service]);
    server.well(folder, &["pause", "closed"]);
    for Case { file, then, .. } in &CASES {
        let name = name(file);
        let path = folder.join(format!("{name}.saga.yaml"));
        std::fs::write(&path, file).unwrap();
        server.well(folder, &["register", path.to_str().unwrap()]);
        server.well(folder, &["start", name, "--key", "k"]);
        if !then.is_empty() {
            server.well(folder, then);
        }
    }
    CASES
        .iter()
        .map(|case| show(server, folder, case))
        .collect()
}

/// A saga as it is shown, once its drawing says what it shall say.
fn show(server: &Server, folder: &Path, case: &Case) -> String {
    let saga = format!("{}/k", name(case.file));
    let mut text = String::new();
    for _ in 0..LOOKS {
        text = server.run(folder, &["show", &saga]).0;
        if case.says.iter().all(|says| text.contains(says)) {
            // Beneath the drawing stand the commands that help.
            let helps =
                |line: &&str| line.starts_with("next: ") || line.starts_with("  what to do: ");
            let drawn = text.lines().take_while(|line| !helps(line));
            return drawn.map(|line| format!("{line}\n")).collect();
        }
    }
    panic!("{:?} never came:\n{text}", case.says);
}

fn name(file: &str) -> &str {
    let line = file.lines().find_map(|line| line.strip_prefix("saga: "));
    line.unwrap()
}

/// The saga as the core draws it, from its journal.
fn drawn(reader: &impl Reader, name: &str) -> String {
    let definitions = reader.definitions().unwrap();
    let row = definitions.into_iter().find(|row| row.name == name);
    let plan = Plan::new(serde_json::from_value(row.unwrap().resolved).unwrap());
    let id = reader.start_key("default", name, "k").unwrap().unwrap().id;
    let journal = reader.load(id).unwrap().unwrap().journal;
    Saga::fold(id, plan, &journal).unwrap().draw()
}

#[test]
fn what_is_shown_of_a_saga_is_what_the_core_draws() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let shown = shown(&server, folder.path());
    drop(server);
    let (_writer, reader) = sqlite::open(&folder.path().join("data"), Default::default()).unwrap();
    for (case, shown) in CASES.iter().zip(shown) {
        let mut lines: Vec<&str> = shown.lines().collect();
        let times = lines.remove(1);
        assert!(times.contains("  started "), "{shown}");
        let shown = lines.join("\n") + "\n";
        assert_eq!(shown, drawn(&*reader, name(case.file)));
    }
}
