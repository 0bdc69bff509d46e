//! A service that writes down what happened under each idempotency key: an effect once, however
//! often it is asked for. It outlives the servers that are killed, and can be waited for.

use crate::server::PATIENCE;
use banyan_sdk::api::Json;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The service. `POST /WHAT` with a `number` in its body is an effect, `DELETE /WHAT/KEY` takes
/// the one under that key back.
pub(crate) struct Ledger {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    book: watch::Sender<Book>,
}

/// What was written down.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// By what and key, in the order of what.
    effects: BTreeMap<String, HashMap<String, Effect>>,
    /// Effects that were taken back, by what.
    taken_back: BTreeMap<String, usize>,
    /// What no service should ever be sent.
    pub(crate) wrong: Vec<String>,
}

/// What happened under one key.
#[derive(Debug)]
struct Effect {
    number: usize,
    body: Bytes,
    calls: usize,
    /// Calls by the key under which they took it back.
    back: BTreeMap<String, usize>,
}

/// What became of one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Effects.
    pub(crate) effects: usize,
    /// Takings back that took effect.
    pub(crate) back: usize,
}

impl Book {
    /// Effects so far.
    pub(crate) fn effects(&self, what: &str) -> usize {
        self.effects.get(what).map_or(0, HashMap::len)
    }

    /// Effects that were taken back so far.
    pub(crate) fn taken_back(&self, what: &str) -> usize {
        self.taken_back.get(what).copied().unwrap_or_default()
    }

    /// What became of each number.
    pub(crate) fn by_number(&self, what: &str) -> BTreeMap<usize, Count> {
        let mut found: BTreeMap<usize, Count> = BTreeMap::new();
        for effect in self.effects.get(what).into_iter().flat_map(HashMap::values) {
            let count = found.entry(effect.number).or_default();
            count.effects += 1;
            count.back += effect.back.len();
        }
        found
    }

    /// Calls beyond the first of each key.
    pub(crate) fn repeats(&self) -> usize {
        let all = self.effects.values().flat_map(HashMap::values);
        all.map(|one| one.calls - 1 + one.back.values().map(|calls| calls - 1).sum::<usize>())
            .sum()
    }

    fn post(&mut self, what: &str, key: String, body: Bytes) {
        let parsed: Json = serde_json::from_slice(&body).unwrap_or_default();
        let Some(number) = parsed["number"].as_u64() else {
            self.wrong.push(format!("POST {what} without a number"));
            return;
        };
        let effects = self.effects.entry(what.to_owned()).or_default();
        let effect = effects.entry(key).or_insert_with(|| Effect {
            number: usize::try_from(number).unwrap(),
            body: body.clone(),
            calls: 0,
            back: BTreeMap::new(),
        });
        effect.calls += 1;
        if effect.body != body {
            let said = format!("POST {what} of {number}: other bytes under the same key");
            self.wrong.push(said);
        }
    }

    fn delete(&mut self, what: &str, of: &str, key: String) {
        let effect = self.effects.get_mut(what).and_then(|all| all.get_mut(of));
        let Some(effect) = effect else {
            self.wrong.push(format!("DELETE {what}/{of}: never done"));
            return;
        };
        let calls = effect.back.entry(key).or_default();
        *calls += 1;
        if *calls == 1 {
            *self.taken_back.entry(what.to_owned()).or_default() += 1;
        }
    }
}

impl Ledger {
    /// Starts it.
    pub(crate) async fn start() -> Arc<Ledger> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ledger = Arc::new(Ledger {
            address: listener.local_addr().unwrap(),
            book: watch::Sender::default(),
        });
        let serving = Arc::clone(&ledger);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        ledger
    }

    /// What was written down so far.
    pub(crate) fn book(&self) -> watch::Ref<'_, Book> {
        self.book.borrow()
    }

    /// Waits until the book is as it is waited for. Patience begins anew with every call that
    /// comes in.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Book) -> bool) {
        let mut book = self.book.subscribe();
        while !holds(&book.borrow_and_update()) {
            let changed = tokio::time::timeout(PATIENCE, book.changed()).await;
            assert!(changed.is_ok(), "nothing came in any more: {what}");
        }
    }
}

async fn serve(stream: TcpStream, ledger: Arc<Ledger>) {
    let service = service_fn(move |request| {
        let ledger = Arc::clone(&ledger);
        async move { Ok::<_, Infallible>(take(request, &ledger).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new();
    // A killed server leaves its connections in errors; that is what is tested.
    let _ = connection
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn take(request: Request<Incoming>, ledger: &Ledger) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        // Its caller is gone in the middle of it: it was not asked for.
        return answer(StatusCode::BAD_REQUEST);
    };
    let (key, body) = (key(&head.headers), body.to_bytes());
    let mut path = head.uri.path().trim_start_matches('/').splitn(2, '/');
    let what = path.next().unwrap_or_default();
    ledger.book.send_modify(|book| match path.next() {
        Some(of) if head.method == Method::DELETE => book.delete(what, of, key),
        None if head.method == Method::POST => book.post(what, key, body),
        _ => book.wrong.push(format!("{} {}", head.method, head.uri)),
    });
    answer(StatusCode::OK)
}

fn key(headers: &HeaderMap) -> String {
    let key = headers.get("idempotency-key").unwrap();
    key.to_str().unwrap().to_owned()
}

fn answer(status: StatusCode) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Full::from("{}"))
        .unwrap()
}
