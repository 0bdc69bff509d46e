//! The three services of the bench: axum on three ports of one process. They read a JSON body
//! and answer JSON, and keep nothing, for the limit and for Banyan alike.

use anyhow::{Context, Result};
use axum::extract::Json;
use axum::http::StatusCode;
use axum::routing::{delete, post};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Their names, in the order of a saga's steps.
pub(crate) const NAMES: [&str; 3] = ["orders", "stock", "payments"];

/// The process of the services. Dropping it ends it.
pub(crate) struct Process {
    child: Child,
    /// Kept open: the process ends when it closes, also when this one dies.
    _alive: ChildStdin,
    /// One address for each name.
    pub(crate) addresses: [SocketAddr; 3],
}

impl Process {
    /// Starts it and waits for its addresses.
    pub(crate) async fn start() -> Result<Process> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("bench-service")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the services of the bench")?;
        let alive = child.stdin.take().context("the services have no stdin")?;
        let output = child.stdout.take().context("the services have no stdout")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let addresses = serde_json::from_str(&line).context("the services named no addresses")?;
        Ok(Process {
            child,
            _alive: alive,
            addresses,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process itself: serves until its stdin closes.
pub(crate) fn serve() -> Result<bool> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut addresses = Vec::new();
        for _ in NAMES {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
            addresses.push(listener.local_addr()?);
            tokio::spawn(async move { axum::serve(WithoutDelay(listener), service()).await });
        }
        println!("{}", serde_json::to_string(&addresses)?);
        let mut rest = Vec::new();
        tokio::task::spawn_blocking(move || std::io::stdin().read_to_end(&mut rest)).await??;
        Ok(true)
    })
}

fn service() -> axum::Router {
    axum::Router::new()
        .route(
            "/do",
            post(|Json(body): Json<Value>| async move { done(&body) }),
        )
        .route("/refuse", post(|Json(_): Json<Value>| async { refused() }))
        .route(
            "/by-key/{key}",
            delete(|| async { Json(json!({ "undone": true })) }),
        )
}

fn done(body: &Value) -> Json<Value> {
    Json(json!({ "id": "r-1", "number": body.get("number") }))
}

fn refused() -> (StatusCode, Json<Value>) {
    (
        StatusCode::PAYMENT_REQUIRED,
        Json(json!({ "error": "card declined" })),
    )
}

/// A listener whose connections send small answers at once.
struct WithoutDelay(tokio::net::TcpListener);

impl axum::serve::Listener for WithoutDelay {
    type Io = tokio::net::TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = axum::serve::Listener::accept(&mut self.0).await;
        // Slower answers are the only harm when it cannot be set.
        let _ = stream.set_nodelay(true);
        (stream, address)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}
