//! `banyan serve` as a process: started, waited for, killed, started again.

use super::api::Api;
use super::connection::{Connection, request};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Method, StatusCode};
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server. Dropping it kills the process.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    data: PathBuf,
}

impl Server {
    /// Starts `banyan serve`; it need not be ready yet. What it prints goes to a file beside
    /// its data.
    pub(crate) fn start(binary: &Path, data: &Path, address: SocketAddr) -> Result<Server> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(data.with_extension("log"))
            .context("cannot write the server's log")?;
        let child = Command::new(binary)
            .args(["serve", "--data"])
            .arg(data)
            .args(["--listen", &address.to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        Ok(Server {
            child,
            address,
            data: data.to_path_buf(),
        })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it can accept.
    #[expect(clippy::disallowed_methods, reason = "polls another process")]
    pub(crate) async fn ready(&mut self) -> Result<Api> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}:\n{}", self.log_tail());
            }
            if self.answers_ready().await {
                return self.api();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        bail!("the server was not ready within 30 s:\n{}", self.log_tail())
    }

    /// A client with the token that the server wrote.
    pub(crate) fn api(&self) -> Result<Api> {
        let path = self.data.join("admin.token");
        let token = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Api {
            address: self.address,
            bearer: format!("Bearer {}", token.trim()),
        })
    }

    /// Whether `/readyz` answers 200 now.
    pub(crate) async fn answers_ready(&self) -> bool {
        let Ok(request) = request(&Method::GET, "/readyz", &[], Bytes::new()) else {
            return false;
        };
        let mut connection = Connection::new(self.address);
        let answer = connection.send(request);
        let answer = tokio::time::timeout(Duration::from_secs(1), answer).await;
        matches!(answer, Ok(Ok((StatusCode::OK, ..))))
    }

    /// `kill -9`, and waits for the process to be gone.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill().context("cannot kill the server")?;
        self.child.wait().context("the killed server stays")?;
        Ok(())
    }

    fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(self.data.with_extension("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
