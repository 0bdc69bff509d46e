//! A service that does as its paths say, remembers every call, and can hold one back.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::server::PATIENCE;

/// One call as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// `METHOD /path`, the key in an undo's path written `KEY`.
    pub(crate) what: String,
    /// Its `Idempotency-Key`.
    pub(crate) key: String,
    /// Its body.
    pub(crate) body: Bytes,
}

/// The service.
pub(crate) struct Shop {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    calls: watch::Sender<Vec<Call>>,
    open: watch::Sender<bool>,
}

impl Shop {
    /// Starts it. `/done` and its undo answer well, `/refuse` says no, `/held` and its undo
    /// answer once it is opened, `/echo/STATUS` answers so and repeats all that it was sent.
    pub(crate) async fn start() -> Arc<Shop> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shop = Arc::new(Shop {
            address: listener.local_addr().unwrap(),
            calls: watch::Sender::default(),
            open: watch::Sender::default(),
        });
        let serving = Arc::clone(&shop);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        shop
    }

    /// Lets what is held back go on.
    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    /// How often something was called.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.calls
            .borrow()
            .iter()
            .filter(|call| call.what == what)
            .count()
    }

    /// Waits until something was called so often.
    pub(crate) async fn called(&self, what: &str, times: usize) {
        let mut calls = self.calls.subscribe();
        let enough =
            |calls: &Vec<Call>| calls.iter().filter(|call| call.what == what).count() >= times;
        let waited = tokio::time::timeout(PATIENCE, calls.wait_for(enough)).await;
        assert!(
            waited.is_ok(),
            "{what} was not called {times} times: {:?}",
            self.calls()
        );
    }
}

async fn serve(stream: TcpStream, shop: Arc<Shop>) {
    let service = service_fn(move |request| {
        let shop = Arc::clone(&shop);
        // In a task of its own: it goes on when the caller is gone.
        async move { Ok::<_, Infallible>(tokio::spawn(take(request, shop)).await.unwrap()) }
    });
    let connection = hyper::server::conn::http1::Builder::new();
    // A killed server leaves its connections in errors; that is what is tested.
    let _ = connection
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn take(request: Request<Incoming>, shop: Arc<Shop>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let sent = format!("{} {:?}", head.uri, head.headers);
    let path = match head.uri.path().rsplit_once('/') {
        Some((front, _)) if head.method == Method::DELETE => format!("{front}/KEY"),
        _ => head.uri.path().to_owned(),
    };
    let key = head
        .headers
        .get("idempotency-key")
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let what = format!("{} {path}", head.method);
    shop.calls.send_modify(|calls| {
        calls.push(Call {
            what,
            key,
            body: body.clone(),
        })
    });
    if path.starts_with("/held") {
        shop.open.subscribe().wait_for(|open| *open).await.unwrap();
    }
    let status = if path.starts_with("/refuse") {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    };
    if let Some(rest) = path.strip_prefix("/echo/") {
        return echo(rest, &sent, &body);
    }
    let mut response = Response::new(Full::from("{\"id\": 1}"));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    response
}

/// A service that keeps nothing to itself.
fn echo(status: &str, sent: &str, body: &Bytes) -> Response<Full<Bytes>> {
    let status = status.split('/').next().unwrap_or_default();
    let said: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let message = format!("about {said} ({sent}) nothing more can be said");
    let answer = serde_json::json!({ "message": message, "error": message, "said": said });
    Response::builder()
        .status(status)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Full::from(answer.to_string()))
        .unwrap()
}
