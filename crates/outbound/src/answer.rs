//! An HTTP answer as the core sees it: its head, and its body up to a bound.

use crate::limits::EXCERPT_CHARS;
use crate::link::Link;
use banyan_core::json::levels;
use banyan_core::limits::{PAYLOAD_BYTES, PAYLOAD_LEVELS};
use banyan_core::saga::drawing::disturbs;
use banyan_core::wire::{Body, Http};
use bytes::{Bytes, BytesMut};
use hyper::body::{Body as _, Incoming};

/// An answer, and whether its connection can be used again.
pub(crate) struct Received {
    /// The answer.
    pub(crate) http: Http,
    /// Its body was read to the end.
    pub(crate) complete: bool,
}

/// Reads the rest of an answer. The error says in words how it broke off.
pub(crate) async fn receive(
    link: &mut Link,
    response: http::Response<Incoming>,
) -> Result<Received, String> {
    let (head, mut incoming) = response.into_parts();
    if head.status.is_informational() {
        // hyper passes over all of these but a change of protocol, which nobody asked for.
        return Err(format!("it answered {}, which ends nothing", head.status));
    }
    let bytes = read(link, &mut incoming).await?;
    let complete = bytes.is_some();
    let body = bytes.map_or(Body::TooLarge, |bytes| body(&bytes));
    let headers = head.headers.iter().filter_map(|(name, value)| {
        let value = std::str::from_utf8(value.as_bytes()).ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let http = Http {
        status: head.status.as_u16(),
        headers: headers.collect(),
        body,
    };
    Ok(Received { http, complete })
}

/// The bytes of a body; none when they are more than a payload may have.
async fn read(link: &mut Link, incoming: &mut Incoming) -> Result<Option<Bytes>, String> {
    if incoming.size_hint().lower() > PAYLOAD_BYTES as u64 {
        return Ok(None);
    }
    // Most bodies come as one frame, which is then not copied.
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while !incoming.is_end_stream() {
        let Some(frame) = link.frame(incoming).await else {
            break;
        };
        // Trailers are of no use to anyone here.
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if first.len() + rest.len() + data.len() > PAYLOAD_BYTES {
            return Ok(None);
        }
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Ok(Some(first));
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(Some(whole.freeze()))
}

/// What some bytes are, whatever their content type says. What nests deeper than a payload may
/// is no JSON that anybody can store.
fn body(bytes: &[u8]) -> Body {
    if bytes.is_empty() {
        return Body::Empty;
    }
    match serde_json::from_slice(bytes) {
        Ok(json) if levels(&json) <= PAYLOAD_LEVELS => Body::Json(json),
        Ok(_) | Err(_) => Body::NotJson(excerpt(bytes)),
    }
}

/// The first characters of some bytes, without those that could disturb a terminal or a store.
fn excerpt(bytes: &[u8]) -> String {
    // A character has at most four bytes.
    let head = &bytes[..bytes.len().min(EXCERPT_CHARS * 4)];
    let printable = |c: char| {
        let plain = c == '\n' || c == '\t' || !disturbs(c);
        if plain {
            c
        } else {
            char::REPLACEMENT_CHARACTER
        }
    };
    String::from_utf8_lossy(head)
        .chars()
        .take(EXCERPT_CHARS)
        .map(printable)
        .collect()
}
