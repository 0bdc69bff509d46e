//! The services of the torture, in this process, so that they survive what the server does not:
//! they take calls, go wrong as drawn, and write the ledger.

use super::bugs::Bug;
use super::faults::{self, Fault};
use super::ledger::{Call, Event, Ledger, Leg, Verdict};
use anyhow::Result;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Longer than any attempt of the plans.
const LATE: Duration = Duration::from_millis(450);

/// What all services share.
pub(crate) struct World {
    /// What happened.
    pub(crate) ledger: Ledger,
    /// From which all faults are drawn.
    pub(crate) seed: u64,
    /// Faults are over.
    pub(crate) calm: AtomicBool,
    /// A planted bug between server and services.
    pub(crate) bug: Option<Bug>,
}

/// The connection is cut without an answer.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is cut")
    }
}

impl std::error::Error for Cut {}

type Answer = Result<Response<Full<Bytes>>, Cut>;

/// Starts one service on a port of its own.
pub(crate) async fn start(world: Arc<World>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&world)));
        }
    });
    Ok(address)
}

async fn serve(stream: TcpStream, world: Arc<World>) {
    // Slower answers are the only harm when it cannot be set.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| take(request, Arc::clone(&world)));
    let connection = hyper::server::conn::http1::Builder::new();
    // Connections end in errors by design here: by kills, and by our own cuts.
    let _ = connection
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn take(request: Request<Incoming>, world: Arc<World>) -> Answer {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    // In a task of its own: it goes on when the caller is gone.
    let work = tokio::spawn(async move { work(&head, body, &world).await });
    work.await.map_err(|_| Cut)?
}

async fn work(head: &http::request::Parts, body: Bytes, world: &Arc<World>) -> Answer {
    let Some(mut call) = read(head, &body) else {
        return Ok(answer(
            StatusCode::BAD_REQUEST,
            &json!({ "error": "a header is missing" }),
        ));
    };
    let told: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if let Some(bug) = world.bug
        && bug.swallows(&mut call, world).await
    {
        return Ok(answer(StatusCode::OK, &json!({ "undone": true })));
    }
    let _undoing = (call.leg == Leg::Undo).then(|| world.ledger.undoing());
    let start_key = told.get("saga_key").and_then(Value::as_str);
    let arrival = world.ledger.arrived(&call, start_key);
    pause(faults::work(world.seed, &call, arrival)).await;
    let calm = world.calm.load(Ordering::SeqCst);
    let fault = if calm {
        Fault::None
    } else {
        faults::fault(world.seed, &call, arrival)
    };
    with_fault(&call, fault, world).await
}

async fn with_fault(call: &Call, fault: Fault, world: &World) -> Answer {
    match fault {
        Fault::None => Ok(perform(call, world)),
        Fault::LostBefore => Err(Cut),
        Fault::LostAfter => {
            perform(call, world);
            world.ledger.note(Event::AnswerLost(call.clone()));
            Err(Cut)
        }
        Fault::Busy => Ok(busy()),
        Fault::BusyAfter => {
            perform(call, world);
            Ok(busy())
        }
        Fault::AnswerLate => {
            let answer = perform(call, world);
            pause(LATE).await;
            world.ledger.note(Event::AnsweredLate(call.clone()));
            Ok(answer)
        }
        Fault::EffectLate => {
            pause(LATE).await;
            world.ledger.note(Event::AnsweredLate(call.clone()));
            Ok(perform(call, world))
        }
    }
}

fn perform(call: &Call, world: &World) -> Response<Full<Bytes>> {
    if call.leg == Leg::Do && faults::refuses(world.seed, call) {
        world.ledger.note(Event::Refused(call.clone()));
        return answer(StatusCode::PAYMENT_REQUIRED, &json!({ "error": "refused" }));
    }
    let verdict = match call.leg {
        Leg::Do => world.ledger.act(call),
        Leg::Undo => world.ledger.undo(call),
        Leg::Check => world.ledger.look(call),
    };
    match verdict {
        Verdict::Done => {
            world.ledger.note(Event::AnsweredDone(call.clone()));
            answer(StatusCode::OK, &json!({ "id": call.effect }))
        }
        Verdict::Tombstone => answer(
            StatusCode::CONFLICT,
            &json!({ "error": "undone before it came" }),
        ),
        Verdict::NotFound => answer(StatusCode::NOT_FOUND, &json!({ "error": "no such effect" })),
    }
}

fn read(head: &http::request::Parts, body: &[u8]) -> Option<Call> {
    let header = |name: &str| head.headers.get(name)?.to_str().ok().map(str::to_owned);
    let leg = match head.method {
        Method::DELETE => Leg::Undo,
        Method::GET => Leg::Check,
        _ => Leg::Do,
    };
    let key = header("idempotency-key")?;
    let named = head.uri.path().strip_prefix("/effects/").map(str::to_owned);
    Some(Call {
        saga: header("banyan-saga")?,
        step: header("banyan-step")?,
        leg,
        effect: named.unwrap_or_else(|| key.clone()),
        key,
        attempt: header("banyan-attempt")?.parse().ok()?,
        body_hash: Sha256::digest(body).into(),
    })
}

fn busy() -> Response<Full<Bytes>> {
    answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": "busy" }))
}

fn answer(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    response
}

#[expect(clippy::disallowed_methods, reason = "a service that takes its time")]
pub(super) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
