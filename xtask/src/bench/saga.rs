//! The same calls as a saga, asked of a real server that answers when the saga is at rest.

use super::measure::{Sample, Until};
use super::services::NAMES;
use super::{Kind, closed_loops};
use crate::load::{Api, Connection, Server, cpu_seconds, request};
use anyhow::{Result, ensure};
use bytes::Bytes;
use http::Method;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Registers the services and the two definitions.
pub(crate) async fn register(api: &Api, addresses: &[SocketAddr; 3]) -> Result<()> {
    for (name, address) in NAMES.iter().zip(addresses) {
        api.service(name, *address).await?;
    }
    for kind in Kind::ALL {
        api.definition(name(kind), 1, &definition(kind)).await?;
    }
    Ok(())
}

/// Measures one cell.
pub(crate) async fn measure(
    api: &Api,
    server: &Server,
    in_flight: usize,
    kind: Kind,
    cell: Duration,
) -> Result<Sample> {
    let cpu = cpu_seconds(server.pid())?;
    let commits = commits(api).await;
    let mark = format!("{in_flight}-{kind:?}-{:x}", rand::random::<u32>());
    let worker = |number, until| worker(Asking::new(api, format!("{mark}-{number}"), kind), until);
    let mut sample = closed_loops(in_flight, cell, worker).await?;
    sample.cpu = Some(cpu_seconds(server.pid())? - cpu);
    sample.commits = commits
        .zip(self::commits(api).await)
        .map(|(before, after)| after - before);
    Ok(sample)
}

#[expect(clippy::disallowed_methods, reason = "measures wall time")]
async fn worker(mut asking: Asking, until: Until) -> Result<Sample> {
    let mut sample = Sample::new()?;
    while !until.is_over() {
        let begun = Instant::now();
        let as_it_must = asking.ask().await?;
        sample.record(begun, as_it_must);
    }
    Ok(sample)
}

/// Starts sagas over one connection, one after the other, each under a key of its own.
pub(super) struct Asking {
    api: Api,
    connection: Connection,
    mark: String,
    kind: Kind,
    count: u64,
}

impl Asking {
    /// Its keys begin with the mark.
    pub(super) fn new(api: &Api, mark: String, kind: Kind) -> Asking {
        Asking {
            api: api.clone(),
            connection: Connection::new(api.address),
            mark,
            kind,
            count: 0,
        }
    }

    /// Starts a saga and waits for its end: did it end as it must?
    pub(super) async fn ask(&mut self) -> Result<bool> {
        self.count += 1;
        let key = format!("{}-{}", self.mark, self.count);
        let headers = [
            ("content-type", "application/json"),
            ("authorization", self.api.bearer.as_str()),
            ("prefer", "wait=20, return=minimal"),
            ("idempotency-key", key.as_str()),
        ];
        let body = start(self.kind, self.count);
        let request = request(&Method::POST, "/v1/sagas", &headers, body)?;
        let (status, _, body) = self.connection.send(request).await?;
        ensure!(
            status.is_success(),
            "a start answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
        let expected = expected(self.kind).as_bytes();
        let mut windows = body.windows(expected.len());
        Ok(windows.any(|window| window == expected))
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Done => "bench_done",
        Kind::Refused => "bench_refused",
    }
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Done => "\"status\":\"completed\"",
        Kind::Refused => "\"status\":\"compensated\"",
    }
}

fn start(kind: Kind, number: u64) -> Bytes {
    let name = name(kind);
    Bytes::from(format!(
        "{{\"definition\":\"{name}\",\"input\":{{\"number\":{number},\"sku\":\"tree-17\",\"amount\":\"12.50\"}}}}"
    ))
}

fn definition(kind: Kind) -> String {
    let mut yaml = format!(
        "saga: {}\nversion: 1\ninput: {{ type: object }}\nsteps:\n",
        name(kind)
    );
    for (index, service) in NAMES.iter().enumerate() {
        let refuses = index == 2 && kind == Kind::Refused;
        let path = if refuses { "/refuse" } else { "/do" };
        yaml.push_str(&format!(
            "  - step_{index}:\n      do: POST {service} {path}\n      body: {{ number: $input.number, sku: $input.sku, amount: $input.amount }}\n      undo: \"DELETE {service} /by-key/{{$key}}\"\n"
        ));
    }
    yaml
}

/// Commits so far, where the server's metrics count them.
async fn commits(api: &Api) -> Option<f64> {
    let headers = [("authorization", api.bearer.as_str())];
    let request = request(&Method::GET, "/metrics", &headers, Bytes::new()).ok()?;
    let (_, _, body) = Connection::new(api.address).send(request).await.ok()?;
    let text = String::from_utf8_lossy(&body).into_owned();
    let counter = |line: &str| {
        let (name, value) = line.rsplit_once(' ')?;
        let counted = name.starts_with("banyan_commits_total");
        counted.then(|| value.parse::<f64>().ok()).flatten()
    };
    text.lines().find_map(counter)
}
