//! What goes out to a service and what comes back, as the core sees it: the request to send,
//! and the answer with certain knowledge of whether anything left.

use crate::definition::Method;
use crate::id::Id;
use crate::json::Json;
use crate::saga::Leg;
use crate::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// One attempt of one leg, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The registered service.
    pub service: String,
    /// The HTTP method.
    pub method: Method,
    /// Path and query, percent-encoded, from the first `/`.
    pub target: String,
    /// The definition's own headers, names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    /// The JSON body as bytes; none sends no body.
    pub body: Option<Vec<u8>>,
    /// Of this attempt, from its start to the last byte of its answer.
    pub timeout: Duration,
    /// The `Idempotency-Key`.
    pub key: String,
    /// The saga, for `Banyan-Saga` and the trace.
    pub saga: Id,
    /// `name@version`, for `Banyan-Definition`.
    pub definition: String,
    /// The step's path, for `Banyan-Step`.
    pub step: String,
    /// Which leg this is.
    pub leg: Leg,
    /// Counts from 1 over all rounds of the leg, for `Banyan-Attempt`.
    pub attempt: u32,
    /// The outcome may come later, to the reply address of this round of the leg, for
    /// `Banyan-Reply-To`; none when it comes with the answer.
    pub reply_round: Option<u32>,
    /// The saga's deadline, for `Banyan-Deadline`.
    pub deadline: Option<Timestamp>,
}

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What came back, or why nothing did.
    pub what: What,
    /// From the attempt's start to its end.
    pub took_ms: u64,
    /// The instance that was tried, once one was chosen.
    pub instance: Option<String>,
}

/// What came back, or why nothing did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// An HTTP answer.
    Http(Http),
    /// It certainly never left: no connection, or the request was handed back untouched.
    NotSent {
        /// What stood in the way, for people.
        message: String,
    },
    /// It may have left, and no answer came: a timeout, a connection lost. When in doubt, this.
    Lost {
        /// What happened, for people.
        message: String,
    },
    /// Nothing was tried: the service is paused, has no instance, or another limit holds.
    Held {
        /// What holds it, for people.
        message: String,
    },
}

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Http {
    /// The status.
    pub status: u16,
    /// Its headers, names in lower case; values that are no UTF-8 are left out. `retry-after`
    /// is among them when the service sent one.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Body,
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// No bytes.
    Empty,
    /// JSON.
    Json(Json),
    /// Bytes that are no JSON (HTML, plain text, invalid UTF-8, deeper than the limit), with
    /// the first of them for people to see.
    NotJson(String),
    /// More bytes than a payload may have.
    TooLarge,
}

impl Http {
    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}
