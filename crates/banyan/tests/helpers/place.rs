//! A data folder, and the server on it. Killed when dropped.

use super::{BANYAN, TRIES, free_address};
use serde_json::Value;
use std::process::{Child, Command, Output, Stdio};

pub(crate) struct Place {
    folder: tempfile::TempDir,
    address: String,
    server: Child,
}

impl Place {
    /// A server that answers, with these saga files registered.
    pub(crate) fn new(files: &[(&str, &str)]) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        let server = serve(&folder, &address);
        let place = Place {
            folder,
            address,
            server,
        };
        place.until_ready();
        for (name, text) in files {
            place.register(name, text);
        }
        place
    }

    /// Registers a saga file.
    pub(crate) fn register(&self, name: &str, text: &str) {
        let path = self.folder.path().join(format!("{name}.saga.yaml"));
        std::fs::write(&path, text).unwrap();
        self.exits(0, &["register", path.to_str().unwrap()]);
    }

    fn until_ready(&self) {
        for _ in 0..TRIES {
            if self.run(&["services"]).status.success() {
                return;
            }
        }
        panic!("the server does not answer");
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BANYAN);
        command
            .args(arguments)
            .env("BANYAN_SERVER", self.server())
            .env("BANYAN_DATA", self.folder.path())
            .env_remove("BANYAN_TOKEN");
        command
    }

    /// Where it answers.
    pub(crate) fn server(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What it printed, on both outputs, after it ended with this code.
    pub(crate) fn exits(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let mut said = String::from_utf8(output.stdout).unwrap();
        said.push_str(&String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    /// What it printed as JSON; it must have gone well.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.exits(0, arguments)).unwrap()
    }

    pub(crate) fn kill_and_start_again(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
        self.server = serve(&self.folder, &self.address);
        self.until_ready();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn serve(folder: &tempfile::TempDir, address: &str) -> Child {
    let mut command = Command::new(BANYAN);
    command.args(["serve", "--listen", address, "--data"]);
    command.arg(folder.path()).current_dir(folder.path());
    command.stderr(Stdio::null()).spawn().unwrap()
}
