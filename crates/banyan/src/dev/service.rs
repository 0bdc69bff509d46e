//! The stand-ins over HTTP: a listener for each service of the definition, one ledger and one
//! set of switches behind them all.

use super::later::{Later, SOON};
use super::ledger::{About, Answer, Effect, Ledger};
use super::leg::Leg;
use super::plan::{CallPart, Plan};
use super::switches::{Switches, Trouble};
use banyan_core::Json;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Bytes of a request's body: what Banyan takes as a payload, with room.
const BODY_BYTES: usize = 4 * 1024 * 1024;
/// Connections that one stand-in serves at once.
const CONNECTIONS: usize = 256;
/// How long a client may take to send its headers.
const HEADER_TIME: Duration = Duration::from_secs(10);

/// The answer is lost: ends the connection without one.
#[derive(Debug)]
struct Silence;

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer is lost")
    }
}

impl std::error::Error for Silence {}

/// What every stand-in shares.
#[derive(Debug)]
pub(super) struct Backstage {
    /// The parts.
    pub(super) plan: Plan,
    /// The switches.
    pub(super) switches: Arc<Switches>,
    ledger: Mutex<Ledger>,
    later: Later,
}

impl Backstage {
    /// With nothing in the ledger.
    pub(super) fn new(plan: Plan, switches: Arc<Switches>) -> Backstage {
        Backstage {
            plan,
            switches,
            ledger: Mutex::default(),
            later: Later::default(),
        }
    }

    /// What the stand-ins hold of a saga.
    pub(super) fn effects(&self, saga: &str) -> Vec<Effect> {
        self.with(|ledger| ledger.of(saga))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        // Every change of the ledger is one assignment or push: a panic leaves it whole.
        act(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A call as a stand-in hears it.
struct Heard {
    service: Arc<str>,
    method: String,
    path: String,
    saga: String,
    step: String,
    key: String,
    /// Where the outcome may be reported later.
    reply_to: Option<Uri>,
}

/// Stand-ins that serve. Dropping them ends them, whatever they were at.
#[derive(Debug)]
pub(super) struct StandIns {
    /// Where each service is.
    pub(super) addresses: Vec<(String, SocketAddr)>,
    _serving: JoinSet<()>,
}

impl StandIns {
    /// A stand-in for each of these services, each on a free port of this machine.
    pub(super) async fn open(
        services: &[&str],
        backstage: &Arc<Backstage>,
    ) -> std::io::Result<StandIns> {
        let mut serving = JoinSet::new();
        let mut addresses = Vec::new();
        for service in services {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            addresses.push(((*service).to_owned(), listener.local_addr()?));
            serving.spawn(serve(listener, Arc::from(*service), Arc::clone(backstage)));
        }
        Ok(StandIns {
            addresses,
            _serving: serving,
        })
    }
}

async fn serve(listener: TcpListener, service: Arc<str>, backstage: Arc<Backstage>) {
    // Dropped with this task, and with it every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let (service, backstage) = (Arc::clone(&service), Arc::clone(&backstage));
                    connections.spawn(converse(stream, service, backstage));
                }
                // Out of descriptors: those in use are given back soon.
                Err(_) => crate::demo::pause(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, service: Arc<str>, backstage: Arc<Backstage>) {
    // Without it an answer of two segments may wait 40 ms for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let answering = service_fn(|request| answer(request, &service, &backstage));
    // An error here is a connection that the client or a switch ended: nothing to report.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .serve_connection(TokioIo::new(stream), answering)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    service: &Arc<str>,
    backstage: &Backstage,
) -> Result<Response<Full<Bytes>>, Silence> {
    let (parts, body) = request.into_parts();
    // The body is read so that the connection can go on; what is in it does not matter here.
    if Limited::new(body, BODY_BYTES).collect().await.is_err() {
        let too_large = Answer::no(413, "too_large", "the body is too large for a stand-in");
        return Ok(write(&too_large));
    }
    let heard = Heard {
        service: Arc::clone(service),
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        saga: header(&parts.headers, "banyan-saga"),
        step: header(&parts.headers, "banyan-step"),
        key: header(&parts.headers, "idempotency-key"),
        reply_to: header(&parts.headers, "banyan-reply-to").parse().ok(),
    };
    let Some(part) = backstage.plan.call(&heard.step) else {
        // A call of no step, such as one made at the end: all is well.
        return Ok(write(&Answer::ok(json!({}))));
    };
    let (told, key) = Leg::of_key(&heard.key);
    let leg = part.leg(told, &heard.method, &heard.path);
    let trouble = backstage.switches.meet(&part.path, leg);
    if let Some(to) = &heard.reply_to
        && leg != Leg::Check
        && trouble != Some(Trouble::Fail)
    {
        return Ok(write(&promise(
            backstage,
            (part, leg, key),
            &heard,
            to,
            trouble,
        )));
    }
    if let Some(answer) = turned_away(trouble, leg, &heard.step) {
        return Ok(write(&answer));
    }
    let answer = act(backstage, part, leg, key, &heard);
    match trouble {
        Some(Trouble::Lose) => return Err(Silence),
        Some(Trouble::Slow(time)) => crate::demo::pause(time.to_std()).await,
        Some(Trouble::Refuse | Trouble::Fail) | None => {}
    }
    Ok(write(&answer))
}

/// Says that the outcome will be reported, and sees to it that it is, unless it gets lost.
fn promise(
    backstage: &Backstage,
    (part, leg, key): (&CallPart, Leg, &str),
    heard: &Heard,
    to: &Uri,
    trouble: Option<Trouble>,
) -> Answer {
    let turned_away = turned_away(trouble, leg, &heard.step);
    let answer = turned_away.unwrap_or_else(|| act(backstage, part, leg, key, heard));
    let after = match trouble {
        Some(Trouble::Slow(time)) => time.to_std(),
        _ => SOON,
    };
    if trouble != Some(Trouble::Lose) {
        backstage.later.report(to.clone(), answer, after);
    }
    Answer {
        status: 202,
        body: json!({ "accepted": true }),
    }
}

/// What a switch answers before anything happens.
fn turned_away(trouble: Option<Trouble>, leg: Leg, step: &str) -> Option<Answer> {
    match (trouble?, leg) {
        (Trouble::Refuse, Leg::Check) => Some(Answer::no(
            404,
            "not_found",
            "the stand-in knows of nothing: its switch is on",
        )),
        (Trouble::Refuse, _) => Some(Answer::no(
            409,
            "refused",
            &format!("the stand-in for {step} says no"),
        )),
        (Trouble::Fail, _) => Some(Answer::no(
            503,
            "unavailable",
            "the stand-in is out of order",
        )),
        (Trouble::Lose | Trouble::Slow(_), _) => None,
    }
}

fn act(backstage: &Backstage, part: &CallPart, leg: Leg, key: &str, heard: &Heard) -> Answer {
    let about = About {
        saga: heard.saga.clone(),
        step: heard.step.clone(),
        service: heard.service.to_string(),
        key: key.to_owned(),
        needs_no_undo: part.needs_no_undo,
    };
    backstage.with(|ledger| match leg {
        Leg::Do if part.asks => Answer::ok(part.result(1)),
        Leg::Do => {
            let result = part.result(ledger.count(&about));
            ledger.perform(&about, result)
        }
        Leg::Check => ledger.check(&about),
        Leg::Undo => ledger.undo(&about),
        Leg::Confirm => ledger.confirm(&about),
    })
}

fn header(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or("").to_owned()
}

fn write(answer: &Answer) -> Response<Full<Bytes>> {
    let body: &Json = &answer.body;
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json");
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, json);
    response
}
