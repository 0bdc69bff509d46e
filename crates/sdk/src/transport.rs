//! Connections to one server: kept alive, handed out one call each, and exact about whether a
//! request may have left.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;

/// Idle connections kept; more calls at once open and close their own.
const IDLE: usize = 64;
/// Bytes of one answer: a page of 500 sagas is far below.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// A server on this machine answers a connection at once or not at all.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Beyond the longest `Prefer: wait`, so that a hanging server is noticed.
const ANSWER_TIME: Duration = Duration::from_secs(90);

/// A stream's first bytes come at once.
const OPEN_TIME: Duration = Duration::from_secs(10);

/// What a request that opens a stream gave.
#[derive(Debug)]
pub(crate) enum Opened {
    /// The stream.
    Reading(Reading),
    /// An answer that says why not.
    Whole(Response<Bytes>),
}

/// An answer that is read as it comes.
#[derive(Debug)]
pub(crate) struct Reading {
    body: hyper::body::Incoming,
    /// The connection ends with its sender.
    _connection: SendRequest<Full<Bytes>>,
}

impl Reading {
    /// What came next; none when it has ended, well or not. Dropping the wait loses nothing.
    pub(crate) async fn more(&mut self) -> Option<Bytes> {
        loop {
            let frame = self.body.frame().await?.ok()?;
            if let Ok(bytes) = frame.into_data() {
                return Some(bytes);
            }
        }
    }
}

/// Why no answer came.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request certainly did not leave.
    NotSent(std::io::Error),
    /// It may have left.
    MayHave(Box<dyn std::error::Error + Send + Sync>),
}

/// The connections to one server.
#[derive(Debug)]
pub(crate) struct Transport {
    authority: String,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Transport {
    /// For a server at `host:port`.
    pub(crate) fn new(authority: String) -> Transport {
        Transport {
            authority,
            idle: Mutex::default(),
        }
    }

    /// Sends one request and reads its whole answer.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, Failure> {
        tokio::time::timeout(ANSWER_TIME, self.exchange(request))
            .await
            .unwrap_or_else(|late| Err(Failure::MayHave(Box::new(late))))
    }

    async fn exchange(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, Failure> {
        // A kept connection may have been closed by the server meanwhile: then the request
        // comes back untouched and goes over a new one.
        while let Some(mut kept) = self.take() {
            if kept.ready().await.is_err() {
                continue;
            }
            match kept.try_send_request(request).await {
                Ok(answer) => return self.read(answer, kept).await,
                Err(mut failed) => match failed.take_message() {
                    Some(untouched) => request = untouched,
                    None => return Err(Failure::MayHave(Box::new(failed.into_error()))),
                },
            }
        }
        let mut fresh = self.connect().await.map_err(Failure::NotSent)?;
        match fresh.try_send_request(request).await {
            Ok(answer) => self.read(answer, fresh).await,
            Err(mut failed) => match failed.take_message() {
                Some(_) => Err(Failure::NotSent(std::io::Error::other(failed.into_error()))),
                None => Err(Failure::MayHave(Box::new(failed.into_error()))),
            },
        }
    }

    /// Sends one request over a connection of its own; an answer that is well is read as it
    /// comes, any other whole.
    pub(crate) async fn open(&self, request: Request<Full<Bytes>>) -> Result<Opened, Failure> {
        let opening = async {
            let mut fresh = self.connect().await.map_err(Failure::NotSent)?;
            let answer = fresh.send_request(request).await;
            let answer = answer.map_err(|error| Failure::MayHave(Box::new(error)))?;
            if answer.status().is_success() {
                let reading = Reading {
                    body: answer.into_body(),
                    _connection: fresh,
                };
                return Ok(Opened::Reading(reading));
            }
            Ok(Opened::Whole(self.read(answer, fresh).await?))
        };
        tokio::time::timeout(OPEN_TIME, opening)
            .await
            .unwrap_or_else(|late| Err(Failure::MayHave(Box::new(late))))
    }

    async fn connect(&self) -> std::io::Result<SendRequest<Full<Bytes>>> {
        let stream = tokio::time::timeout(CONNECT_TIME, TcpStream::connect(&self.authority))
            .await
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(std::io::Error::other)?;
        tokio::spawn(async move {
            // How the connection ended shows in the call that used it.
            let _ = connection.await;
        });
        Ok(sender)
    }

    async fn read(
        &self,
        answer: Response<hyper::body::Incoming>,
        connection: SendRequest<Full<Bytes>>,
    ) -> Result<Response<Bytes>, Failure> {
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES)
            .collect()
            .await
            .map_err(Failure::MayHave)?
            .to_bytes();
        self.keep(connection);
        Ok(Response::from_parts(parts, body))
    }

    fn take(&self) -> Option<SendRequest<Full<Bytes>>> {
        // A panic while it was held left a list of connections that is still one.
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop()
    }

    fn keep(&self, connection: SendRequest<Full<Bytes>>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE && !connection.is_closed() {
            idle.push(connection);
        }
    }
}
