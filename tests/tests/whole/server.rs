//! `banyan serve` as a child process of the test.

use banyan_sdk::Client;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Nothing that a test waits for takes longer, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A server over a data folder. It is killed when dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    data: PathBuf,
}

impl Server {
    /// Starts it and waits until it is ready.
    pub(crate) async fn start(data: &Path) -> Server {
        let mut server = Server::spawn(data);
        server.ready().await;
        server
    }

    /// Starts it with a log of everything, on standard output and error, in this file; waits
    /// until it is ready.
    pub(crate) async fn start_telling_all(data: &Path, log: &Path) -> Server {
        let log = std::fs::File::create(log).unwrap();
        let mut server = Server::spawn_with(data, |command| {
            let output = log.try_clone().unwrap();
            command
                .env("BANYAN_LOG", "trace")
                .stdout(output)
                .stderr(log);
        });
        server.ready().await;
        server
    }

    /// Starts it, on a port that was free a moment ago.
    pub(crate) fn spawn(data: &Path) -> Server {
        Server::spawn_with(data, |_| {})
    }

    fn spawn_with(data: &Path, change: impl FnOnce(&mut Command)) -> Server {
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let mut command = Command::new(binary());
        command
            .args(["serve", "--data"])
            .arg(data)
            .args(["--listen", &address.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        change(&mut command);
        Server {
            child: command.spawn().unwrap(),
            address,
            data: data.to_path_buf(),
        }
    }

    /// Waits until it answers that it is ready.
    #[expect(clippy::disallowed_methods, reason = "polls another process")]
    pub(crate) async fn ready(&mut self) {
        let begun = Instant::now();
        let client = Client::new(&self.address.to_string(), None).unwrap();
        while begun.elapsed() < PATIENCE {
            if client.ready().await.is_ok() {
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the server ended: {status}: {}", self.errors());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the server was not ready within {PATIENCE:?}");
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client with the token that the server wrote.
    pub(crate) fn client(&self) -> Client {
        let token = std::fs::read_to_string(self.data.join("admin.token")).unwrap();
        let client = Client::new(&self.address.to_string(), Some(token.trim().to_owned()));
        client.unwrap().with_patience(PATIENCE)
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let status = Command::new("/bin/sh")
            .args(["-c", "kill -TERM \"$0\"", &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits until it no longer answers that it is ready.
    #[expect(clippy::disallowed_methods, reason = "polls another process")]
    pub(crate) async fn no_longer_ready(&self) {
        let begun = Instant::now();
        let client = Client::new(&self.address.to_string(), None).unwrap();
        while client.ready().await.is_ok() {
            assert!(begun.elapsed() < PATIENCE, "the server goes on accepting");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits for its end.
    #[expect(clippy::disallowed_methods, reason = "polls another process")]
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the server did not end within {PATIENCE:?}");
    }

    /// What it printed as errors, once it has ended.
    pub(crate) fn errors(&mut self) -> String {
        let mut text = String::new();
        let output = self.child.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut { output }, &mut text).unwrap();
        text
    }

    /// The most memory that it ever held, in MiB.
    pub(crate) fn peak_memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        line.split_whitespace()
            .next()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            / 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary that `BANYAN_BINARY` names, else that of the profile that the test is built with. Cargo does not build binaries of
/// other packages for a test, so this does, once.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(named) = std::env::var_os("BANYAN_BINARY") {
            return named.into();
        }
        let test = std::env::current_exe().unwrap();
        let folder = test.parent().and_then(Path::parent).unwrap();
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        // What tells which package this is: with it cargo would compile anew whatever looks
        // at it, and anew again for the next who builds without.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                build.env_remove(&name);
            }
        }
        build.args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            "banyan",
            "--target-dir",
        ]);
        build.arg(folder.parent().unwrap());
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "banyan does not build");
        folder.join("banyan")
    })
}
