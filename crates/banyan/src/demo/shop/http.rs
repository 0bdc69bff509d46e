//! HTTP around a desk: reads a call, lets the faults have their way, writes the answer.

use super::call::{Call, Reply};
use super::desk::Desk;
use super::faults::{Draw, Fault, Faults};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Bytes of a request's body; an order is far smaller.
const BODY_BYTES: usize = 256 * 1024;
/// Connections served at once; further ones wait to be accepted.
const CONNECTIONS: usize = 1_024;
/// How long a client may take to send its headers.
const HEADER_TIME: Duration = Duration::from_secs(10);

/// The answer must not arrive: ends the connection without one.
#[derive(Debug)]
struct Silence;

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer is lost")
    }
}

impl std::error::Error for Silence {}

/// Accepts connections for as long as it is polled.
pub(super) async fn serve(listener: TcpListener, desk: Desk, faults: Faults) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    // The semaphore is never closed, so that acquiring always succeeds.
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: those in use are given back soon.
            crate::demo::clock::pause(Duration::from_millis(20)).await;
            continue;
        };
        let (desk, faults) = (desk.clone(), faults.clone());
        tokio::spawn(async move {
            converse(stream, desk, faults).await;
            drop(place);
        });
    }
}

async fn converse(stream: TcpStream, desk: Desk, faults: Faults) {
    // Without it an answer of two segments may wait 40 ms for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, &desk, &faults));
    // An error here is a connection that the client or a fault ended: nothing to report.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    desk: &Desk,
    faults: &Faults,
) -> Result<Response<Full<Bytes>>, Silence> {
    let (parts, body) = request.into_parts();
    let bytes = match Limited::new(body, BODY_BYTES).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(_) => {
            return Ok(write(&Reply::refused(
                413,
                "too_large",
                "the body is too large",
            )));
        }
    };
    let body = if bytes.is_empty() {
        Ok(serde_json::Value::Null)
    } else {
        serde_json::from_slice(&bytes)
    };
    let Ok(body) = body else {
        return Ok(write(&Reply::refused(
            400,
            "not_json",
            "the body is no JSON",
        )));
    };
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        key: header(&parts.headers, "idempotency-key").to_owned(),
        body,
    };
    let fault = befalls(&call, &parts.headers, faults);
    match fault {
        Fault::Unavailable => {
            let message = "too busy just now; nothing was done";
            return Ok(write(&Reply::refused(503, "unavailable", message)));
        }
        Fault::Slow(time) => crate::demo::clock::pause(time).await,
        Fault::None | Fault::Lost => {}
    }
    let reply = desk.ask(call).await.map_err(|_| Silence)?;
    match (fault, reply) {
        (Fault::Lost, _) => Err(Silence),
        (_, Some(reply)) => Ok(write(&reply)),
        (_, None) => Ok(no_route()),
    }
}

/// Questions are answered truly and at once; only calls that change something meet faults.
fn befalls(call: &Call, headers: &HeaderMap, faults: &Faults) -> Fault {
    if call.is_read() {
        return Fault::None;
    }
    faults.befalls(&Draw {
        key: &call.key,
        attempt: header(headers, "banyan-attempt"),
        cart: call.text("cart"),
        creates: call.method == Method::POST && !call.path.starts_with("/refunds"),
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
}

fn write(reply: &Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(reply.body.to_string()));
    *response.status_mut() =
        http::StatusCode::from_u16(reply.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    response
}

/// No JSON on purpose: a caller can tell "no such route" from "no such order".
fn no_route() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from("no such route\n"));
    *response.status_mut() = http::StatusCode::NOT_FOUND;
    response
}
