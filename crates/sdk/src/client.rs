//! The client: one server, one token, and how a call is made, repeated and read.

use crate::error::Error;
use crate::target::Target;
use crate::transport::{Failure, Opened, Reading, Transport};
use banyan_api::Problem;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::Full;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The pause before the first repeat; it doubles up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// Short enough that a server that is back is noticed at once by a person.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A client of one Banyan server. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Arc<Transport>,
    authority: String,
    token: Option<String>,
    pub(crate) patience: Duration,
}

/// One call, before it is made.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    /// A call without a body.
    pub(crate) fn new(method: Method, target: Target) -> Call {
        Call {
            method,
            target,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// With a JSON body.
    pub(crate) fn json(mut self, body: &impl serde::Serialize) -> Call {
        // The types of the contract always serialize: they have no maps with other keys than
        // texts. An empty body would be answered as malformed.
        self.body = serde_json::to_vec(body).unwrap_or_default().into();
        let json = HeaderValue::from_static("application/json");
        self.headers.insert(http::header::CONTENT_TYPE, json);
        self
    }

    /// With a header whose value comes from a caller.
    pub(crate) fn header(
        mut self,
        name: &'static str,
        value: &str,
        what: &'static str,
    ) -> Result<Call, Error> {
        let value = HeaderValue::from_str(value).map_err(|_| Error::Unsendable { what })?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// With the caller's key: the call may then be repeated.
    pub(crate) fn key(self, key: &str) -> Result<Call, Error> {
        self.header("idempotency-key", key, "the key")
    }

    /// A repeat of it has no second effect.
    fn is_repeatable(&self) -> bool {
        self.method != Method::POST || self.headers.contains_key("idempotency-key")
    }
}

impl Client {
    /// A client of the server at `http://HOST:PORT` (or plain `HOST:PORT`).
    pub fn new(server: &str, token: Option<String>) -> Result<Client, Error> {
        let wrong = |reason| Error::InvalidServer {
            text: server.to_owned(),
            reason,
        };
        if server.starts_with("https://") {
            return Err(wrong("this client speaks http to a server on this machine"));
        }
        let authority = server.strip_prefix("http://").unwrap_or(server);
        let authority = authority.trim_end_matches('/');
        let parsed: http::uri::Authority = authority
            .parse()
            .map_err(|_| wrong("it is written http://HOST:PORT"))?;
        if parsed.port_u16().is_none() || parsed.host().is_empty() || authority.contains('@') {
            return Err(wrong("it is written http://HOST:PORT"));
        }
        Ok(Client {
            transport: Arc::new(Transport::new(authority.to_owned())),
            authority: authority.to_owned(),
            token,
            patience: Duration::ZERO,
        })
    }

    /// Repeats safe calls for so long while the server is away, full or stopping.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Client {
        self.patience = patience;
        self
    }

    /// Where its server is: `http://HOST:PORT`.
    pub fn server(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// Makes a call and reads its JSON answer.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        self.ask_fully(call).await.map(|(answer, _)| answer)
    }

    /// The same, with the answer's headers.
    pub(crate) async fn ask_fully<T: DeserializeOwned>(
        &self,
        call: Call,
    ) -> Result<(T, HeaderMap), Error> {
        let answer = self.send(call).await?;
        let (parts, body) = answer.into_parts();
        match serde_json::from_slice(&body) {
            Ok(value) => Ok((value, parts.headers)),
            Err(_) => Err(self.not_banyan(parts.status.as_u16(), &body)),
        }
    }

    /// Makes a call, repeating it while that is safe and patience lasts.
    pub(crate) async fn send(&self, call: Call) -> Result<Response<Bytes>, Error> {
        let end = now() + self.patience;
        let mut pause = PAUSE_FIRST;
        loop {
            let error = match self.send_once(&call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let safe = call.is_repeatable() || matches!(error, Error::Unreachable { .. });
            if !safe || !error.is_passing() || now() + pause > end {
                return Err(error);
            }
            rest(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn send_once(&self, call: &Call) -> Result<Response<Bytes>, Error> {
        let answer = self
            .transport
            .send(self.request(call)?)
            .await
            .map_err(|failure| self.failed(failure))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(self.refusal(&answer))
    }

    fn failed(&self, failure: Failure) -> Error {
        let server = self.server();
        match failure {
            Failure::NotSent(source) => Error::Unreachable { server, source },
            Failure::MayHave(source) => Error::Lost { server, source },
        }
    }

    fn refusal(&self, answer: &Response<Bytes>) -> Error {
        match serde_json::from_slice::<Problem>(answer.body()) {
            Ok(problem) => Error::Problem(Box::new(problem)),
            Err(_) => self.not_banyan(answer.status().as_u16(), answer.body()),
        }
    }

    /// Makes a call whose answer is read as it comes.
    pub(crate) async fn open(&self, call: &Call) -> Result<Reading, Error> {
        let request = self.request(call)?;
        match self.transport.open(request).await {
            Ok(Opened::Reading(reading)) => Ok(reading),
            Ok(Opened::Whole(answer)) => Err(self.refusal(&answer)),
            Err(failure) => Err(self.failed(failure)),
        }
    }

    fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, Error> {
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = call
            .target
            .as_str()
            .parse()
            .map_err(|_| Error::Unsendable { what: "the path" })?;
        *request.headers_mut() = call.headers.clone();
        let host = HeaderValue::from_str(&self.authority)
            .map_err(|_| Error::Unsendable { what: "the host" })?;
        request.headers_mut().insert(http::header::HOST, host);
        if let Some(token) = &self.token {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| Error::Unsendable { what: "the token" })?;
            value.set_sensitive(true);
            request
                .headers_mut()
                .insert(http::header::AUTHORIZATION, value);
        }
        Ok(request)
    }

    pub(crate) fn not_banyan(&self, status: u16, body: &[u8]) -> Error {
        Error::NotBanyan {
            server: self.server(),
            status,
            body: String::from_utf8_lossy(body).chars().take(200).collect(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the client's own patience")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the client's own patience")]
pub(crate) async fn rest(time: Duration) {
    tokio::time::sleep(time).await;
}
