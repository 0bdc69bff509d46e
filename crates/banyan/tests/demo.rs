//! The demo from end to end, as a person runs it: orders flow, the server and a service are
//! killed meanwhile, the books are proven, and one row changed by hand is found.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const BANYAN: &str = env!("CARGO_BIN_EXE_banyan");
/// Looks at a condition before it is given up; each takes [`STEP`].
const LOOKS: u32 = 1_200;
const STEP: Duration = Duration::from_millis(100);

/// Waits until the condition gives something; panics with `what` when it never does.
fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let never = std::sync::Mutex::new(());
    let bell = std::sync::Condvar::new();
    for _ in 0..LOOKS {
        if let Some(found) = condition() {
            return found;
        }
        let held = never.lock().unwrap();
        drop(bell.wait_timeout(held, STEP).unwrap());
    }
    panic!("never came: {what}");
}

struct Demo {
    child: Child,
    data: tempfile::TempDir,
}

impl Demo {
    fn start(duration: &str) -> Demo {
        let data = tempfile::tempdir().unwrap();
        let child = Command::new(BANYAN)
            .args(["demo", "--duration", duration, "--rate", "25", "--listen"])
            .arg(free_address())
            .arg("--data")
            .arg(data.path())
            .env_remove("BANYAN_TOKEN")
            .env_remove("BANYAN_SERVER")
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(data.path().join("said")).unwrap())
            .stderr(std::fs::File::create(data.path().join("moaned")).unwrap())
            .spawn()
            .unwrap();
        Demo { child, data }
    }

    fn path(&self) -> &Path {
        self.data.path()
    }

    fn said(&self) -> String {
        let mut text = String::new();
        for name in ["said", "moaned"] {
            let mut file = std::fs::File::open(self.path().join(name)).unwrap();
            file.read_to_string(&mut text).unwrap();
        }
        text
    }

    /// Orders accepted by now.
    fn accepted(&self) -> usize {
        let log = std::fs::read_to_string(self.path().join("clients.log")).unwrap_or_default();
        log.matches(r#""event":"accepted""#).count()
    }

    /// The process of a child, from what the demo says.
    fn pid(&self, name: &str) -> u32 {
        let said = self.said();
        let line = said
            .lines()
            .find_map(|line| line.trim().strip_prefix("processes: "));
        let listed = line.unwrap_or_else(|| panic!("no processes in {said}"));
        let found = listed
            .split(", ")
            .find_map(|one| one.strip_prefix(&format!("{name} ")));
        found.unwrap().parse().unwrap()
    }

    fn kill(&self, name: &str) {
        let pid = self.pid(name).to_string();
        assert!(
            Command::new("/bin/sh")
                .args(["-c", "kill -9 \"$0\"", &pid])
                .status()
                .unwrap()
                .success()
        );
        until(&format!("{name} started again"), || {
            self.said().contains(&format!("{name} ended")).then_some(())
        });
    }

    fn verify(&self) -> Output {
        Command::new(BANYAN)
            .args(["demo", "verify", "--data"])
            .arg(self.path())
            .output()
            .unwrap()
    }

    fn database(&self, service: &str) -> PathBuf {
        self.path().join("services").join(format!("{service}.db"))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Its children end when their standard input does.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn a_demo_survives_kills_and_its_books_are_proven_until_a_row_is_changed() {
    let mut demo = Demo::start("14s");
    until("forty orders", || (demo.accepted() > 40).then_some(()));
    demo.kill("server");
    let before = demo.accepted();
    until("orders after the kill", || {
        (demo.accepted() > before + 20).then_some(())
    });
    demo.kill("payments");
    let ended = until("the end of the demo", || demo.child.try_wait().unwrap());
    let said = demo.said();
    assert!(ended.success(), "{said}");
    assert!(said.contains("One that was undone:"), "{said}");
    assert!(
        said.contains("every order is wholly done or wholly undone"),
        "{said}"
    );

    let verified = demo.verify();
    assert!(verified.status.success(), "{}", text(&verified));
    for (service, change) in [
        ("payments", "amount = amount + 1"),
        ("stock", "subject = 'tea-cups'"),
        ("orders", "entry = 'closed'"),
        ("shipping", "cart = 'order-7-0'"),
        ("notifications", "key = 'x'"),
    ] {
        found_when_changed(&demo, service, change);
    }
}

/// Changes the last row of a ledger that is of an order, has it found, and puts it back.
fn found_when_changed(demo: &Demo, service: &str, change: &str) {
    let database = rusqlite::Connection::open(demo.database(service)).unwrap();
    let row = "(SELECT max(seq) FROM ledger WHERE cart <> '' AND entry NOT IN ('closed'))";
    let (seq, cart): (i64, String) = database
        .query_row(
            &format!("SELECT seq, cart FROM ledger WHERE seq = {row}"),
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    database
        .execute_batch(&format!(
            "CREATE TEMP TABLE kept AS SELECT * FROM ledger WHERE seq = {seq};
             UPDATE ledger SET {change} WHERE seq = {seq};"
        ))
        .unwrap();
    let verified = demo.verify();
    let said = text(&verified);
    assert_eq!(verified.status.code(), Some(1), "{service}: {said}");
    assert!(
        said.contains(&cart) || change.starts_with("cart"),
        "{service} {cart}: {said}"
    );
    assert!(
        said.contains(&format!("row {seq} of {service}")),
        "{service} {seq}: {said}"
    );
    database
        .execute_batch(&format!(
            "DELETE FROM ledger WHERE seq = {seq}; INSERT INTO ledger SELECT * FROM kept;
             DROP TABLE kept;"
        ))
        .unwrap();
    let verified = demo.verify();
    assert!(verified.status.success(), "{}", text(&verified));
}
