//! The binary in a folder of its own, run to its end or held in the test's hands.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

const BANYAN: &str = env!("CARGO_BIN_EXE_banyan");
/// Lines read for one that is awaited before the test gives up.
const LINES: usize = 500;

/// Three steps whose retries and second looks are short, so that lost answers are soon settled.
pub(crate) const SHORT: &str = "\
saga: short
version: 1
input:
  type: object
  required: [amount]
  properties: { amount: { type: integer, minimum: 5 } }
steps:
  - order:
      do: POST orders /orders
      timeout: 500ms
      retry: { attempts: 2, first: 10ms }
      undo:
        do: DELETE orders /orders/by-key/{$key}
        look_again: never
  - payment:
      do: POST payments /charges
      body: { order: $order.id, amount: $input.amount }
      timeout: 500ms
      retry: { attempts: 2, first: 10ms }
      refused_when: $result.state == \"declined\"
      undo:
        do: POST payments /refunds
        body: { charge: $key }
        repeatable: true
        look_again: never
        retry: { attempts: 2, first: 10ms }
  - close:
      do: PUT orders /orders/{$order.id}/closed
      retry: { attempts: 2, first: 10ms }
      undo: none
output: $payment.id
";

pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BANYAN);
    command
        .args(arguments)
        .current_dir(folder)
        .env("TMPDIR", folder)
        .env_remove("BANYAN_SERVER")
        .env_remove("BANYAN_TOKEN")
        .env_remove("BANYAN_DATA");
    command
}

pub(crate) fn banyan(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = command(folder, arguments);
    command.stdin(Stdio::null()).output().unwrap()
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn moaned(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn folder_with(source: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("it.saga.yaml");
    std::fs::write(&file, source).unwrap();
    (folder, file)
}

/// A session with its input and output in the test's hands.
pub(crate) struct Desk {
    child: Child,
    pub(crate) input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Desk {
    pub(crate) fn open(folder: &Path) -> Desk {
        let mut child = command(folder, &["dev", "it.saga.yaml"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Desk {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    pub(crate) fn types(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Reads until a line holds this.
    pub(crate) fn until(&mut self, wanted: &str) -> String {
        let mut all = String::new();
        for _ in 0..LINES {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                break;
            }
            all.push_str(&line);
            if line.contains(wanted) {
                return all;
            }
        }
        panic!("{wanted:?} never came in\n{all}");
    }

    pub(crate) fn ends(mut self) -> Option<i32> {
        drop(self.input.take());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) const HINT: &str = "Enter runs it again";
