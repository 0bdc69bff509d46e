//! Reading a request's body: its media type, its size, its time, and a budget over all bodies.

use crate::fault::{Answer, Fault};
use crate::limits::Limits;
use crate::strict_json;
use axum::extract::Request;
use banyan_api::{Code, Json};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What bodies share: their times, and how many of their bytes may be held.
#[derive(Clone, Debug)]
pub(crate) struct Intake {
    budget: Arc<Semaphore>,
    budget_kib: u32,
    read: std::time::Duration,
}

/// A body, and its share of the budget for as long as it is held.
pub(crate) struct Held<T> {
    /// What was read.
    pub(crate) value: T,
    /// To be dropped with the value: a caller that waits on should hold none.
    pub(crate) share: OwnedSemaphorePermit,
}

impl Intake {
    /// Within these limits.
    pub(crate) fn new(limits: &Limits) -> Intake {
        let budget_kib = u32::try_from(limits.body_bytes_held / 1024).unwrap_or(u32::MAX);
        Intake {
            budget: Arc::new(Semaphore::new(budget_kib as usize)),
            budget_kib,
            read: limits.body_read,
        }
    }

    /// Reads a JSON body of at most `limit` bytes.
    pub(crate) async fn json(&self, request: Request, limit: usize) -> Answer<Held<Json>> {
        media_type(request.headers(), &["application/json"])?;
        let held = self.bytes(request, limit).await?;
        Ok(Held {
            value: strict_json::parse(&held.value)?,
            share: held.share,
        })
    }

    /// Reads a saga file: YAML, which JSON is too.
    pub(crate) async fn file(&self, request: Request, limit: usize) -> Answer<Held<String>> {
        const TYPES: [&str; 5] = [
            "application/yaml",
            "application/x-yaml",
            "text/yaml",
            "text/plain",
            "application/json",
        ];
        media_type(request.headers(), &TYPES)?;
        let held = self.bytes(request, limit).await?;
        let text = String::from_utf8(held.value.to_vec()).map_err(|error| {
            let at = error.utf8_error().valid_up_to() + 1;
            Fault::new(
                Code::MalformedRequest,
                format!("the file is no UTF-8: byte {at} is not"),
            )
        })?;
        Ok(Held {
            value: text,
            share: held.share,
        })
    }

    async fn bytes(&self, request: Request, limit: usize) -> Answer<Held<Bytes>> {
        let told = content_length(request.headers());
        if told.is_some_and(|length| length > limit as u64) {
            return Err(too_large(limit));
        }
        let share = self.share(told.map_or(limit, |length| length as usize))?;
        let body = Limited::new(request.into_body(), limit).collect();
        match tokio::time::timeout(self.read, body).await {
            Ok(Ok(collected)) => Ok(Held {
                value: collected.to_bytes(),
                share,
            }),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limit)),
            Ok(Err(_)) => Err(Fault::new(
                Code::MalformedRequest,
                "the body broke off, or its chunks are malformed",
            )),
            Err(_) => Err(Fault::new(
                Code::RequestTimeout,
                format!("the body did not arrive within {} s", self.read.as_secs()),
            )),
        }
    }

    fn share(&self, bytes: usize) -> Answer<OwnedSemaphorePermit> {
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
        let share = self.budget.clone();
        share
            .try_acquire_many_owned(kib.min(self.budget_kib))
            .map_err(|_| {
                Fault::new(
                    Code::OverCapacity,
                    "the server holds as many request bodies as it may; nothing was accepted",
                )
            })
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn too_large(limit: usize) -> Fault {
    Fault::new(
        Code::BodyTooLarge,
        format!("the body has more than the {limit} bytes that this call takes"),
    )
}

fn media_type(headers: &HeaderMap, accepted: &[&str]) -> Answer<()> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && encoding != "identity"
    {
        return Err(Fault::new(
            Code::UnsupportedMediaType,
            "the body came compressed; send it plain, without Content-Encoding",
        ));
    }
    let given = match headers.get(header::CONTENT_TYPE) {
        None => "none",
        Some(value) => value.to_str().unwrap_or("an unreadable one"),
    };
    let (kind, parameters) = given.split_once(';').unwrap_or((given, ""));
    let charset = parameters.trim().to_ascii_lowercase();
    let known = accepted
        .iter()
        .any(|known| known.eq_ignore_ascii_case(kind.trim()));
    if known
        && (!charset.starts_with("charset=") || charset.trim_end_matches('"').ends_with("utf-8"))
    {
        return Ok(());
    }
    Err(Fault::new(
        Code::UnsupportedMediaType,
        format!(
            "the content type is {given:?}; send Content-Type: {}",
            accepted[0]
        ),
    ))
}
