//! Messages that Banyan sends on its own account to one URL, not for a saga: signed like calls
//! to services, under the same caps on connections, answers and time.
//!
//! It repeats nothing and remembers nothing: who posts decides what a failure means.

use crate::caller::once;
use crate::credential::Credential;
use crate::link::Outgoing;
use crate::message::AGENT;
use crate::settings::Settings;
use crate::target::Target;
use banyan_core::Timestamp;
use banyan_core::wire::What;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use http_body_util::Full;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Posts to one URL.
pub struct Poster {
    settings: Settings,
    target: Mutex<Arc<Target>>,
}

/// A message.
#[derive(Clone, Debug)]
pub struct Post {
    /// Its id, the same for each try: letters, digits, `_` and `-`. It goes with the message as
    /// `Idempotency-Key`, and is signed.
    pub id: String,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
}

/// Why a message is not known to have been taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// It was answered, and not with success.
    #[error("it answered {status}")]
    Refused {
        /// The status.
        status: u16,
    },
    /// No whole answer came: it may have arrived.
    #[error("{0}")]
    Unanswered(String),
}

impl Poster {
    /// For the one instance of these settings.
    ///
    /// # Errors
    /// Why nothing can be posted, in words: its authorities or its secret cannot be read.
    pub fn new(settings: Settings) -> Result<Poster, String> {
        let target = Mutex::new(Arc::new(Target::new(&settings)?));
        Ok(Poster { settings, target })
    }

    /// Posts one message; `now` is the time that its signature tells.
    ///
    /// # Errors
    /// See [`PostError`]. After a 401 or 403 the secret is read anew for the next try.
    pub async fn post(
        &self,
        post: &Post,
        now: Timestamp,
        patience: Duration,
    ) -> Result<(), PostError> {
        let target = Arc::clone(&self.lock());
        let Some(instance) = target.in_turn().next() else {
            return Err(PostError::Unanswered("there is no URL".to_owned()));
        };
        let outgoing = build(post, &target.credential, &instance.origin, now);
        let outgoing = outgoing.map_err(PostError::Unanswered)?;
        match once(instance, Box::new(outgoing), patience).await {
            What::Http(http) if (200..300).contains(&http.status) => Ok(()),
            What::Http(http) => {
                if matches!(http.status, 401 | 403) {
                    self.renew(&target);
                }
                Err(PostError::Refused {
                    status: http.status,
                })
            }
            What::NotSent { message } | What::Lost { message } | What::Held { message } => {
                Err(PostError::Unanswered(message))
            }
        }
    }

    /// Reads the secret anew. One that cannot be read leaves the old one.
    fn renew(&self, target: &Target) {
        if let Ok(renewed) = target.renewed(&self.settings) {
            *self.lock() = Arc::new(renewed);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Arc<Target>> {
        // One assignment: whole whatever happens.
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Poster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poster")
            .field("instances", &self.settings.instances)
            .finish_non_exhaustive()
    }
}

fn build(
    post: &Post,
    credential: &Credential,
    origin: &crate::origin::Origin,
    now: Timestamp,
) -> Result<Outgoing, String> {
    let mut outgoing = Outgoing::new(Full::new(post.body.clone()));
    *outgoing.method_mut() = http::Method::POST;
    let path = if origin.base.is_empty() {
        "/"
    } else {
        &origin.base
    };
    *outgoing.uri_mut() = path
        .parse()
        .map_err(|_| format!("{path:?} cannot be the target of a request"))?;
    let headers = outgoing.headers_mut();
    headers.insert(USER_AGENT, AGENT);
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(HOST, origin.host_header.clone());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(post.content_type));
    let id = HeaderValue::from_str(&post.id).map_err(|error| error.to_string())?;
    headers.insert(KEY, id);
    let seconds = now.0.div_euclid(1_000);
    credential.apply(headers, &post.id, seconds, &post.body);
    Ok(outgoing)
}
