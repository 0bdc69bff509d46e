//! A child process that is started again whenever it ends, until it is told to stop.
//!
//! A child runs in a process group of its own, so that Ctrl-C reaches the demo alone, which
//! then ends its children in order: by closing their standard input, and by its own handle when
//! that does not help. A child whose demo was killed sees its input end, and ends.

use super::clock;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// How long a child may take to end when asked.
const GRACE: Duration = Duration::from_secs(20);
/// Between an end and the next start, so that a child that cannot run does not spin.
const PAUSE: Duration = Duration::from_millis(150);

/// What is started.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Its name, for people.
    pub(super) name: &'static str,
    /// The arguments of this same binary.
    pub(super) arguments: Vec<OsString>,
    /// Where its output goes.
    pub(super) output: PathBuf,
}

/// Something that happened to a child.
#[derive(Clone, Debug)]
pub(super) struct Restarted {
    /// Which one.
    pub(super) name: &'static str,
    /// How it ended.
    pub(super) ended: String,
    /// Its new process.
    pub(super) pid: u32,
}

/// A child that is kept alive.
pub(super) struct Kept {
    /// Its name.
    pub(super) name: &'static str,
    pid: Arc<AtomicU32>,
    stop: watch::Sender<bool>,
    keeper: JoinHandle<()>,
}

impl Kept {
    /// Starts it, and starts it again whenever it ends.
    pub(super) fn start(plan: Plan, news: mpsc::Sender<Restarted>) -> std::io::Result<Kept> {
        let first = Running::spawn(&plan)?;
        let pid = Arc::new(AtomicU32::new(first.pid()));
        let (stop, stopping) = watch::channel(false);
        Ok(Kept {
            name: plan.name,
            pid: Arc::clone(&pid),
            stop,
            keeper: tokio::spawn(keep(plan, first, pid, stopping, news)),
        })
    }

    /// Its process now.
    pub(super) fn pid(&self) -> u32 {
        self.pid.load(Ordering::Relaxed)
    }

    /// Ends it, and waits until it has ended.
    pub(super) async fn end(self) {
        let _ = self.stop.send(true);
        // A keeper that panicked has dropped its child, which ends it.
        let _ = self.keeper.await;
    }
}

async fn keep(
    plan: Plan,
    mut running: Running,
    pid: Arc<AtomicU32>,
    mut stopping: watch::Receiver<bool>,
    news: mpsc::Sender<Restarted>,
) {
    loop {
        let ended = tokio::select! {
            ended = running.child.wait() => ended,
            _ = stopping.changed() => return running.end().await,
        };
        let ended = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
        tokio::select! {
            () = clock::pause(PAUSE) => {}
            _ = stopping.changed() => return,
        }
        match Running::spawn(&plan) {
            Ok(next) => running = next,
            Err(error) => {
                eprintln!("{} cannot be started again: {error}", plan.name);
                return;
            }
        }
        pid.store(running.pid(), Ordering::Relaxed);
        let restarted = Restarted {
            name: plan.name,
            ended,
            pid: running.pid(),
        };
        // News that nobody has time to hear must not keep the child from being watched.
        let _ = news.try_send(restarted);
    }
}

/// A process, and its standard input: waiting for a process would close it.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
}

impl Running {
    fn spawn(plan: &Plan) -> std::io::Result<Running> {
        let output = append(&plan.output)?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(&plan.arguments)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let input = child.stdin.take();
        Ok(Running { child, input })
    }

    fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    async fn end(mut self) {
        drop(self.input);
        let ended = tokio::time::timeout(GRACE, self.child.wait()).await;
        if ended.is_err() {
            // It did not end by itself; what it had accepted is in its store.
            let _ = self.child.kill().await;
        }
    }
}

fn append(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
}
