//! Servers of every behaviour, on ports of their own, and the requests that are sent to them.
//!
//! A server here is a function over each connection it accepts; it counts what it received.
//! Nothing here sleeps: servers act on what they read, and hold what they should never answer.

use banyan_core::Timestamp;
use banyan_core::definition::Method;
use banyan_core::id::Id;
use banyan_core::saga::Leg;
use banyan_core::time::Duration;
use banyan_core::wire::{Answer, Request, What};
use banyan_outbound::{Caller, Registry, Settings};
use serde_json::json;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) const NOW: Timestamp = Timestamp(1_763_721_727_123);

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) accepted: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    /// A server that does this with each connection; the number counts connections from 0.
    pub(crate) async fn start<F, R>(serve: F) -> Server
    where
        F: Fn(usize, TcpStream) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&accepted);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                tokio::spawn(serve(counter.fetch_add(1, Ordering::SeqCst), stream));
            }
        });
        Server {
            address,
            accepted,
            task,
        }
    }

    /// A server that answers every request on a connection with these bytes.
    pub(crate) async fn answering(bytes: impl Into<Vec<u8>>) -> Server {
        let bytes: Arc<[u8]> = bytes.into().into();
        Server::start(move |_, mut stream| {
            let bytes = Arc::clone(&bytes);
            async move {
                while read_request(&mut stream).await.is_some() {
                    if stream.write_all(&bytes).await.is_err() {
                        break;
                    }
                }
            }
        })
        .await
    }

    /// A server that answers one request with these bytes and closes.
    pub(crate) async fn answering_once(bytes: impl Into<Vec<u8>>) -> Server {
        let bytes: Arc<[u8]> = bytes.into().into();
        Server::start(move |_, mut stream| {
            let bytes = Arc::clone(&bytes);
            async move {
                if read_request(&mut stream).await.is_some() {
                    let _ = stream.write_all(&bytes).await;
                    let _ = stream.shutdown().await;
                    drain(&mut stream).await;
                }
            }
        })
        .await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads until the other side closes, so that our close is no reset.
pub(crate) async fn drain(stream: &mut (impl AsyncRead + Unpin)) {
    let mut sink = [0u8; 4096];
    while matches!(stream.read(&mut sink).await, Ok(read) if read > 0) {}
}

/// Reads one whole request: its head and body. None when the connection ended before.
pub(crate) async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

/// An address where nothing listens.
pub(crate) async fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// A caller that knows the service `shop` by these settings.
pub(crate) fn caller_with(settings: serde_json::Value) -> (Caller, Arc<Registry>) {
    let registry = Arc::new(Registry::new());
    let settings = Settings::read(&settings).unwrap();
    registry.put("shop", settings, NOW).unwrap();
    (Caller::new(Arc::clone(&registry)), registry)
}

/// A caller that knows the service `shop` at these URLs.
pub(crate) fn caller(urls: &[String]) -> Caller {
    caller_with(json!({"instances": urls})).0
}

/// A call of the service `shop`.
pub(crate) fn request() -> Request {
    Request {
        service: "shop".into(),
        method: Method::Post,
        target: "/orders?a=1".into(),
        headers: vec![],
        body: Some(br#"{"id":7}"#.to_vec()),
        timeout: Duration::from_secs(20),
        key: "k-1".into(),
        saga: Id::new(1_763_721_727_123, 7, 3),
        definition: "place_order@3".into(),
        step: "prepare.stock".into(),
        leg: Leg::Do,
        attempt: 2,
        reply_round: None,
        deadline: Some(Timestamp(1_763_721_787_000)),
    }
}

/// A call that gives up soon: for servers that never answer.
pub(crate) fn impatient() -> Request {
    Request {
        timeout: Duration::from_millis(150),
        ..request()
    }
}

/// Calls a server once.
pub(crate) async fn call(server: &Server, request: &Request) -> Answer {
    caller(&[server.url()]).call(request, NOW).await
}

/// The status of an HTTP answer.
pub(crate) fn status(answer: &Answer) -> u16 {
    match &answer.what {
        What::Http(http) => http.status,
        other => panic!("no HTTP answer: {other:?}"),
    }
}

/// The words of an answer that never left.
pub(crate) fn not_sent(answer: &Answer) -> &str {
    match &answer.what {
        What::NotSent { message } => message,
        other => panic!("not NotSent: {other:?}"),
    }
}

/// The words of an answer that may have left.
pub(crate) fn lost(answer: &Answer) -> &str {
    match &answer.what {
        What::Lost { message } => message,
        other => panic!("not Lost: {other:?}"),
    }
}
