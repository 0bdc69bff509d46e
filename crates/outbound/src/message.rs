//! A request of the core as an HTTP request: what every service receives.

use crate::credential::Credential;
use crate::link::Outgoing;
use crate::origin::Origin;
use banyan_core::Timestamp;
use banyan_core::definition::Method;
use banyan_core::json::push_hex;
use banyan_core::saga::Leg;
use banyan_core::wire::Request;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http_body_util::Full;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TRACE: HeaderName = HeaderName::from_static("traceparent");
const SAGA: HeaderName = HeaderName::from_static("banyan-saga");
const DEFINITION: HeaderName = HeaderName::from_static("banyan-definition");
const STEP: HeaderName = HeaderName::from_static("banyan-step");
const ATTEMPT: HeaderName = HeaderName::from_static("banyan-attempt");
const DEADLINE: HeaderName = HeaderName::from_static("banyan-deadline");
const REPLY_TO: HeaderName = HeaderName::from_static("banyan-reply-to");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("banyan/", env!("CARGO_PKG_VERSION")));

/// Headers that a definition does not set: they frame the message or carry Banyan's word.
const RESERVED: &[&str] = &[
    "host",
    "connection",
    "content-length",
    "expect",
    "idempotency-key",
    "keep-alive",
    "proxy-connection",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Is this header, by its lower-case name, one that a definition cannot set?
pub fn is_reserved_header(name: &str) -> bool {
    RESERVED.contains(&name) || name.starts_with("banyan-")
}

/// The HTTP request for one attempt, but for where it goes.
///
/// The error says which value cannot be put into a request; then nothing is sent.
pub(crate) fn build(
    request: &Request,
    reply_to: Option<String>,
    credential: &Credential,
    now: Timestamp,
) -> Result<Outgoing, String> {
    let body = Bytes::copy_from_slice(request.body.as_deref().unwrap_or_default());
    let mut headers = HeaderMap::with_capacity(16 + request.headers.len());
    headers.insert(USER_AGENT, AGENT);
    headers.insert(ACCEPT, JSON);
    if request.body.is_some() {
        headers.insert(CONTENT_TYPE, JSON);
    }
    for (name, value) in &request.headers {
        if !is_reserved_header(name) {
            let header: HeaderName = name
                .parse()
                .map_err(|_| format!("{name:?} cannot be the name of a header"))?;
            headers.insert(header, header_value(name, value)?);
        }
    }
    headers.insert(KEY, header_value("idempotency-key", &request.key)?);
    headers.insert(
        DEFINITION,
        header_value("banyan-definition", &request.definition)?,
    );
    headers.insert(STEP, header_value("banyan-step", &request.step)?);
    headers.insert(ATTEMPT, HeaderValue::from(request.attempt));
    headers.insert(SAGA, computed(request.saga.to_string())?);
    headers.insert(TRACE, computed(trace(request))?);
    if let Some(deadline) = request.deadline {
        headers.insert(DEADLINE, computed(deadline.to_string())?);
    }
    if let Some(address) = reply_to {
        headers.insert(REPLY_TO, computed(address)?);
    }
    credential.apply(&mut headers, &request.key, now.0.div_euclid(1_000), &body);
    let mut outgoing = Outgoing::new(Full::new(body));
    *outgoing.method_mut() = method(request.method);
    *outgoing.headers_mut() = headers;
    Ok(outgoing)
}

/// Addresses a request to an instance.
pub(crate) fn address(
    outgoing: &mut Outgoing,
    origin: &Origin,
    target: &str,
) -> Result<(), String> {
    let path = if origin.base.is_empty() {
        Bytes::copy_from_slice(target.as_bytes())
    } else {
        Bytes::from([origin.base.as_str(), target].concat())
    };
    let uri = http::Uri::from_maybe_shared(path)
        .ok()
        .filter(|uri| target.starts_with('/') && uri.authority().is_none())
        .ok_or_else(|| format!("{target:?} cannot be the target of a request"))?;
    *outgoing.uri_mut() = uri;
    outgoing
        .headers_mut()
        .insert(HOST, origin.host_header.clone());
    Ok(())
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| format!("the value of the header {name} holds a control character"))
}

/// A value made here, which is not copied.
fn computed(value: String) -> Result<HeaderValue, String> {
    HeaderValue::try_from(value).map_err(|error| error.to_string())
}

fn method(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Head => http::Method::HEAD,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
    }
}

/// `traceparent`: the saga is the trace, and each attempt a span that is the same wherever
/// and whenever it is sent.
fn trace(request: &Request) -> String {
    let span = span(&request.step, request.leg, request.attempt);
    let mut text = String::with_capacity(55);
    text.push_str("00-");
    push_hex(request.saga.as_bytes(), &mut text);
    text.push('-');
    push_hex(&span.to_be_bytes(), &mut text);
    text.push_str("-01");
    text
}

/// FNV-1a over what names an attempt; never 0, which the format forbids.
fn span(step: &str, leg: Leg, attempt: u32) -> u64 {
    let attempt = attempt.to_be_bytes();
    let parts = step
        .bytes()
        .chain([0])
        .chain(leg.as_str().bytes())
        .chain(attempt);
    let hash = parts.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.max(1)
}
