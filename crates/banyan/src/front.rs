//! HTTP for the small services of this binary, the demo shop's and the desk's stand-ins alike:
//! accepts connections within a bound, reads each call whole, writes its answer.
//!
//! What is answered, and whether at all, is the service's own: one that gives [`Silence`] has
//! its connection ended without an answer, as if the network had lost it.

use banyan_core::Json;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Bytes of a request's body: what Banyan takes as a payload, with room.
const BODY_BYTES: usize = 4 * 1024 * 1024;
/// Connections that one service serves at once; further ones wait to be accepted.
const CONNECTIONS: usize = 1_024;
/// How long a client may take to send its headers.
const HEADER_TIME: Duration = Duration::from_secs(10);

/// What is written back.
pub(crate) type Response = http::Response<Full<Bytes>>;

/// The answer must not arrive: ends the connection without one.
#[derive(Debug)]
pub(crate) struct Silence;

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer is lost")
    }
}

impl std::error::Error for Silence {}

/// A call, read whole.
#[derive(Debug)]
pub(crate) struct Call {
    /// The HTTP method.
    pub(crate) method: Method,
    /// The path as it came, without its query.
    pub(crate) path: String,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body; empty when there was none.
    pub(crate) body: Bytes,
}

impl Call {
    /// A header's text; empty when it is absent or no text.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

/// What a service does with a call.
pub(crate) trait Service: Send + Sync + 'static {
    /// Answers it, or keeps silent.
    fn answer(&self, call: Call) -> impl Future<Output = Result<Response, Silence>> + Send;
}

/// Accepts connections for as long as it is polled; dropping it ends every one of them.
pub(crate) async fn serve(listener: TcpListener, service: impl Service) {
    let service = Arc::new(service);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, Arc::clone(&service)));
                }
                // Out of descriptors: those in use are given back soon.
                Err(_) => crate::demo::pause(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, service: Arc<impl Service>) {
    // Without it an answer of two segments may wait 40 ms for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let answering = service_fn(|request| answer(request, &*service));
    // An error here is a connection that the client or the service ended: nothing to report.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .serve_connection(TokioIo::new(stream), answering)
        .await;
}

async fn answer(request: Request<Incoming>, service: &impl Service) -> Result<Response, Silence> {
    let (parts, body) = request.into_parts();
    // Read even where nobody looks at it, so that the connection can go on.
    let Ok(body) = Limited::new(body, BODY_BYTES).collect().await else {
        return Ok(no(413, "too_large", "the body is too large"));
    };
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        headers: parts.headers,
        body: body.to_bytes(),
    };
    service.answer(call).await
}

/// An answer in JSON.
pub(crate) fn answer_json(status: u16, body: &Json) -> Response {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// An answer that says no, with a word for programs and a sentence for people.
pub(crate) fn no(status: u16, error: &str, message: &str) -> Response {
    answer_json(status, &json!({ "error": error, "message": message }))
}
