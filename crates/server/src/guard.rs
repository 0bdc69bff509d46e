//! What every request passes before its handler: the host it was sent to, the page it came
//! from, who sent it, the wall it names, and whether its path and query can be read.
//!
//! It decides nothing about sagas. Which paths are open stands in [`is_open`] alone.

use crate::fault::{Answer, Fault};
use crate::query::{Query, decode};
use crate::token::Token;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use banyan_api::Code;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// The only namespace of this build.
pub(crate) const NAMESPACE: &str = "default";
const NAMESPACE_HEADER: HeaderName = HeaderName::from_static("banyan-namespace");

/// What the guard compares with.
#[derive(Debug)]
pub(crate) struct Guard {
    hosts: Vec<String>,
    token: Token,
    parameters: Parameters,
}

/// The query parameters of each call, by path template, then method, as documented.
pub(crate) type Parameters = HashMap<String, HashMap<Method, Vec<String>>>;

impl Guard {
    /// For a server that listens here, and that services know by this address.
    pub(crate) fn new(
        listens: SocketAddr,
        known_as: &str,
        token: Token,
        parameters: Parameters,
    ) -> Guard {
        let port = listens.port();
        let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "[::1]"]
            .iter()
            .map(|name| format!("{name}:{port}"))
            .collect();
        hosts.push(listens.to_string());
        let authority = known_as.split('/').nth(2).unwrap_or_default();
        hosts.push(authority.to_owned());
        if port == 80 {
            hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        }
        Guard {
            hosts,
            token,
            parameters,
        }
    }

    fn check(&self, request: &Request) -> Answer<()> {
        self.host(request)?;
        self.origin(request.headers())?;
        readable(request.uri())?;
        if !is_open(request.method(), request.uri().path()) {
            self.authority(request.headers())?;
            namespace(request.headers())?;
        }
        self.known_parameters(request)
    }

    fn host(&self, request: &Request) -> Answer<()> {
        let refuse = |detail: String| Err(Fault::new(Code::HostNotAllowed, detail));
        let mut named = request.headers().get_all(header::HOST).iter();
        let (host, another) = (named.next(), named.next());
        let Some(host) = host.filter(|_| another.is_none()) else {
            return refuse("the request must carry one Host header".into());
        };
        let authority = request
            .uri()
            .authority()
            .map(|authority| authority.as_str());
        let host = host.to_str().unwrap_or("");
        for name in std::iter::once(host).chain(authority) {
            if !self
                .hosts
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
            {
                return refuse(format!(
                    "this server is no {name:?}; it is {}",
                    self.hosts.join(", ")
                ));
            }
        }
        Ok(())
    }

    fn origin(&self, headers: &HeaderMap) -> Answer<()> {
        for origin in headers.get_all(header::ORIGIN) {
            let own = origin
                .to_str()
                .ok()
                .and_then(|text| text.strip_prefix("http://"))
                .is_some_and(|host| self.hosts.iter().any(|known| known == host));
            if !own {
                return Err(Fault::new(
                    Code::OriginNotAllowed,
                    format!("a page of {origin:?} made this call, and no other page may"),
                ));
            }
        }
        Ok(())
    }

    fn authority(&self, headers: &HeaderMap) -> Answer<()> {
        let refuse = |detail: &str| Err(Fault::new(Code::Unauthorized, detail));
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        let Some(first) = given.next() else {
            return refuse("send Authorization: Bearer TOKEN, with the token of admin.token");
        };
        let token = first.to_str().ok().and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        match token {
            Some(token) if given.next().is_none() && self.token.matches(token) => Ok(()),
            Some(_) => refuse("this server does not know the token"),
            None => refuse("the Authorization header is not of the form: Bearer TOKEN"),
        }
    }

    fn known_parameters(&self, request: &Request) -> Answer<()> {
        let Some(query) = request.uri().query() else {
            return Ok(());
        };
        let query = Query::parse(query)?;
        let method = match request.method() {
            &Method::HEAD => &Method::GET,
            method => method,
        };
        let template = request.extensions().get::<MatchedPath>();
        let calls = template.and_then(|template| self.parameters.get(template.as_str()));
        let Some(known) = calls.and_then(|calls| calls.get(method)) else {
            return Ok(());
        };
        for (name, _) in query.pairs() {
            let is_label = name
                .strip_prefix("label.")
                .is_some_and(|rest| !rest.is_empty());
            let name_in_table = if is_label { "label.NAME" } else { name };
            if !known.iter().any(|known| known == name_in_table) {
                let known = if known.is_empty() {
                    "none".into()
                } else {
                    known.join(", ")
                };
                return Err(Fault::new(
                    Code::UnknownParameter,
                    format!("the call has no parameter {name:?}; it has {known}"),
                ));
            }
        }
        Ok(())
    }
}

/// The layer: answers in the guard's words, or lets the request through.
pub(crate) async fn pass(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err(fault) => fault.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a call needs no token.
fn is_open(method: &Method, path: &str) -> bool {
    matches!(path, "/" | "/healthz" | "/readyz" | "/v1/openapi.json")
        || path.starts_with("/errors/")
        || path.starts_with("/runbook/")
        || path.starts_with("/v1/replies/")
        || (path == "/v1/session" && method == Method::POST)
}

fn namespace(headers: &HeaderMap) -> Answer<()> {
    for named in headers.get_all(NAMESPACE_HEADER) {
        if named != NAMESPACE {
            return Err(Fault::new(
                Code::NamespaceNotAllowed,
                format!("the token opens the namespace {NAMESPACE:?}, not {named:?}"),
            ));
        }
    }
    Ok(())
}

fn readable(uri: &http::Uri) -> Answer<()> {
    let length = uri.path_and_query().map_or(0, |both| both.as_str().len());
    if length > crate::limits::URI_BYTES {
        return Err(Fault::new(
            Code::UriTooLong,
            format!(
                "path and query have more than {} bytes",
                crate::limits::URI_BYTES
            ),
        ));
    }
    decode(uri.path(), false).map(|_| ())
}
