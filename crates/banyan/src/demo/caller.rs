//! One plain HTTP call, as the shop's own people and programs make it: no retry, no pool. Only
//! `http`, which is what the demo speaks on its own machine.

use banyan_core::Json;
use bytes::Bytes;
use http::{Method, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use std::time::Duration;

/// How long a whole call may take.
const TIME: Duration = Duration::from_secs(10);
/// Bytes of an answer.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// What is asked.
pub(super) struct Request<'a> {
    /// The HTTP method.
    pub(super) method: Method,
    /// The whole address.
    pub(super) url: &'a str,
    /// The `Idempotency-Key`; none when it is empty.
    pub(super) key: &'a str,
    /// The body; none when it is null.
    pub(super) body: Json,
    /// A person of the service asks, at its own counter: no answer gets lost on the way.
    pub(super) in_person: bool,
}

/// What says that a call is made in person.
pub(super) const IN_PERSON: &str = "shop-in-person";

/// Status and body of the answer; null when that is no JSON.
pub(super) async fn call(request: Request<'_>) -> anyhow::Result<(u16, Json)> {
    tokio::time::timeout(TIME, exchange(request)).await?
}

async fn exchange(request: Request<'_>) -> anyhow::Result<(u16, Json)> {
    let uri: Uri = request.url.parse()?;
    let authority = uri.authority().map(ToString::to_string);
    let authority = authority.ok_or_else(|| anyhow::anyhow!("{uri} names no server"))?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut builder = http::Request::builder()
        .method(request.method)
        .uri(path)
        .header(header::HOST, &authority);
    if !request.key.is_empty() {
        builder = builder.header("idempotency-key", request.key);
    }
    if request.in_person {
        builder = builder.header(IN_PERSON, "yes");
    }
    let mut body = Bytes::new();
    if !request.body.is_null() {
        builder = builder.header(header::CONTENT_TYPE, "application/json");
        body = Bytes::from(request.body.to_string());
    }
    let stream = tokio::net::TcpStream::connect(&authority).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let answering = async {
        let answer = sender.send_request(builder.body(Full::new(body))?).await?;
        let status = answer.status().as_u16();
        let read = Limited::new(answer.into_body(), ANSWER_BYTES);
        let bytes = read.collect().await.map_err(anyhow::Error::from_boxed)?;
        let body = serde_json::from_slice(&bytes.to_bytes()).unwrap_or_default();
        Ok((status, body))
    };
    tokio::pin!(answering);
    // The connection ends with the answer, or the answer is what fails.
    tokio::select! {
        answered = &mut answering => answered,
        _ = connection => answering.await,
    }
}
