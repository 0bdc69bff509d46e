//! The limit: the calls of a saga, one after the other, by a client as a service would use it
//! (reqwest, with its pool), without anything between.

use super::measure::{Sample, Until};
use super::{Kind, closed_loops};
use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{Method, StatusCode};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const JSON: (&str, &str) = ("content-type", "application/json");

/// Calls of one cell: which service, how, and what must come back.
type Call = (usize, Method, &'static str, StatusCode);

/// Measures one cell.
pub(crate) async fn measure(
    addresses: &[SocketAddr; 3],
    in_flight: usize,
    kind: Kind,
    cell: Duration,
) -> Result<Sample> {
    let addresses = *addresses;
    let client = reqwest::Client::builder().no_proxy().build()?;
    closed_loops(in_flight, cell, move |number, until| {
        worker(client.clone(), addresses, number, kind, until)
    })
    .await
}

#[expect(clippy::disallowed_methods, reason = "measures wall time")]
async fn worker(
    client: reqwest::Client,
    addresses: [SocketAddr; 3],
    number: usize,
    kind: Kind,
    until: Until,
) -> Result<Sample> {
    let mut sample = Sample::new()?;
    let mut count = 0u64;
    let calls = calls(kind);
    while !until.is_over() {
        let begun = Instant::now();
        count += 1;
        for (service, method, path, expected) in &calls {
            let key = format!("{number}-{count}");
            let body = match *method {
                Method::POST => body(count),
                _ => Bytes::new(),
            };
            let url = format!("http://{}{path}", addresses[*service]);
            let request = client
                .request(method.clone(), url)
                .header(JSON.0, JSON.1)
                .header("idempotency-key", key)
                .body(body);
            let answer = request.send().await?;
            let status = answer.status();
            answer.bytes().await?;
            ensure!(status == *expected, "{method} {path} answered {status}");
        }
        sample.record(begun, true);
    }
    Ok(sample)
}

fn calls(kind: Kind) -> Vec<Call> {
    let done = |service| (service, Method::POST, "/do", StatusCode::OK);
    let undo = |service| (service, Method::DELETE, "/by-key/k", StatusCode::OK);
    let refused = (2, Method::POST, "/refuse", StatusCode::PAYMENT_REQUIRED);
    match kind {
        Kind::Done => vec![done(0), done(1), done(2)],
        Kind::Refused => vec![done(0), done(1), refused, undo(1), undo(0)],
    }
}

/// The body that every do carries, here and in the sagas.
pub(crate) fn body(number: u64) -> Bytes {
    Bytes::from(format!(
        "{{\"number\":{number},\"sku\":\"tree-17\",\"amount\":\"12.50\"}}"
    ))
}
