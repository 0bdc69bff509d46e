//! What an answer means: the table of outcomes, before any policy of retry or compensation.

use super::request::do_key;
use super::scope::{Beside, Seen, scope};
use super::{Leg, Meaning, Reply, Saga, Value};
use crate::definition::{Call, Undo};
use crate::expr::{EvalError, Expr};
use crate::json::Json;
use crate::planted;
use crate::route::Spot;
use crate::wire::{Answer, Body, Http, What};
use serde_json::json;

/// An answer, read.
#[derive(Debug)]
pub(super) struct Reading {
    /// Its row of the table.
    pub(super) meaning: Meaning,
    /// The status that came back.
    pub(super) status: Option<u16>,
    /// What happened, for people; none when it was plainly done.
    pub(super) message: Option<String>,
    /// `detail.cause` of a refusal.
    pub(super) cause: Option<&'static str>,
    /// The result it carries.
    pub(super) value: Value,
    /// An expression over the answer gave no value.
    pub(super) failed: Option<EvalError>,
    /// A 401: the whole service is misconfigured.
    pub(super) whole_service: bool,
    /// How long the service asked to be left alone, in milliseconds.
    pub(super) retry_after_ms: Option<u64>,
}

/// The statuses with which a service refuses. A 404 counts only with a JSON body, since a
/// wrong road answers 404 too.
const REFUSALS: [u16; 9] = [400, 402, 409, 410, 412, 413, 414, 422, 431];
/// The 4xx after which the request may have happened, or may happen when sent again.
const TRY_AGAIN: [u16; 3] = [408, 425, 429];

/// With `reply: later`: the outcome comes to the reply address.
const ACCEPTED: u16 = 202;

/// Reads the answer to an attempt of a leg.
pub(super) fn read(saga: &Saga, at: Spot<'_>, call: &Call, leg: Leg, answer: &Answer) -> Reading {
    match &answer.what {
        What::NotSent { message } => Reading::plain(Meaning::NotSent, message),
        What::Lost { message } if planted::is(planted::Bug::LostIsNotSent) => {
            Reading::plain(Meaning::NotSent, message)
        }
        What::Lost { message } => Reading::plain(Meaning::MayHave, message),
        What::Held { message } => Reading::plain(Meaning::Held, message),
        What::Http(http) => Answered {
            saga,
            at,
            call,
            leg,
            http,
        }
        .read(),
    }
}

impl Reading {
    pub(super) fn plain(meaning: Meaning, message: &str) -> Reading {
        Reading {
            meaning,
            status: None,
            message: Some(message.to_owned()),
            cause: None,
            value: Value::Json(Json::Null),
            failed: None,
            whole_service: false,
            retry_after_ms: None,
        }
    }

    /// The attempt of which nothing is known but that its intent stood in the store.
    pub(super) fn interrupted() -> Reading {
        Reading::plain(
            Meaning::MayHave,
            "Banyan stopped between the call and its answer",
        )
    }
}

struct Answered<'a> {
    saga: &'a Saga,
    at: Spot<'a>,
    call: &'a Call,
    leg: Leg,
    http: &'a Http,
}

impl Answered<'_> {
    fn read(&self) -> Reading {
        let status = self.http.status;
        let mut reading = Reading::plain(Meaning::Done, "");
        reading.status = Some(status);
        reading.message = None;
        reading.retry_after_ms = self.http.header("retry-after").and_then(retry_after_ms);
        reading.value = match &self.http.body {
            Body::Empty => Value::Json(Json::Null),
            Body::Json(value) => Value::Json(value.clone()),
            Body::NotJson(_) | Body::TooLarge => Value::Unreadable,
        };
        let (meaning, cause) = match self.missing() {
            Err(failed) => return reading.fail(failed),
            Ok(Some(true)) => (Meaning::NotFound, Some("missing_when")),
            Ok(known) => match self.by_status(known.is_none()) {
                Err(failed) => return reading.fail(failed),
                Ok(found) => found,
            },
        };
        reading.meaning = meaning;
        reading.cause = cause;
        reading.whole_service = status == 401;
        if meaning != Meaning::Done {
            reading.message = Some(self.words(cause));
        }
        reading
    }

    /// What an undo's own `missing_when` says; none when it has none.
    fn missing(&self) -> Result<Option<bool>, EvalError> {
        let Undo::Call(undo) = &self.at.step.undo else {
            return Ok(None);
        };
        let Some(missing_when) = undo.missing_when.as_ref().filter(|_| self.leg == Leg::Undo)
        else {
            return Ok(None);
        };
        match self.holds(missing_when) {
            Err(failed) if (200..300).contains(&self.http.status) => Err(failed),
            Err(_) => Ok(Some(false)),
            Ok(holds) => Ok(Some(holds)),
        }
    }

    fn by_status(
        &self,
        default_missing: bool,
    ) -> Result<(Meaning, Option<&'static str>), EvalError> {
        let status = self.http.status;
        let has_json = matches!(self.http.body, Body::Json(_));
        let missing = status == 410 || (status == 404 && has_json);
        // A check says with `refused_when` what it found, whatever its status.
        if self.leg == Leg::Check && (400..500).contains(&status) && self.says_no() {
            return Ok((Meaning::Refused, Some("refused_when")));
        }
        Ok(match status {
            200..300 if self.refuses()? => (Meaning::Refused, Some("refused_when")),
            200..300 => self.decided()?,
            404 | 410 if missing && self.leg == Leg::Undo && default_missing => {
                (Meaning::NotFound, None)
            }
            404 | 410 if self.leg == Leg::Check => (Meaning::NotFound, None),
            404 if has_json => (Meaning::Refused, None),
            _ if REFUSALS.contains(&status) => (Meaning::Refused, None),
            400..500 if self.says_no() => (Meaning::Refused, Some("refused_when")),
            _ if TRY_AGAIN.contains(&status) => (Meaning::MayHave, None),
            300..=304 if !self.call.method.is_safe() => (Meaning::MayHave, None),
            300..500 => (Meaning::Misconfigured, None),
            _ => (Meaning::MayHave, None),
        })
    }

    /// Whether a 2xx decides anything yet.
    fn decided(&self) -> Result<(Meaning, Option<&'static str>), EvalError> {
        let Some(pending) = &self.call.pending else {
            return Ok((Meaning::Done, None));
        };
        if pending.reply && self.http.status == ACCEPTED {
            return Ok((Meaning::Pending, None));
        }
        let when = pending.when.as_ref();
        if when.map_or(Ok(false), |when| self.holds(when))? {
            return Ok((Meaning::Pending, Some("pending_when")));
        }
        Ok((Meaning::Done, None))
    }

    fn refuses(&self) -> Result<bool, EvalError> {
        self.call
            .refused_when
            .as_ref()
            .map_or(Ok(false), |refused_when| self.holds(refused_when))
    }

    /// An expression that fails over an error's body says nothing; the status does.
    fn says_no(&self) -> bool {
        self.refuses().unwrap_or(false)
    }

    fn holds(&self, condition: &Expr) -> Result<bool, EvalError> {
        let headers: serde_json::Map<String, Json> = self
            .http
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), Json::from(value.as_str())))
            .collect();
        let http = json!({ "status": self.http.status, "headers": headers });
        let result = match &self.http.body {
            Body::Empty => Seen::Json(&Json::Null),
            Body::Json(value) => Seen::Json(value),
            Body::NotJson(_) | Body::TooLarge => Seen::Unreadable,
        };
        let key = do_key(self.saga, self.at);
        let beside = Beside {
            key: Some(&key),
            body: None,
            result: Some(result),
            http: Some(&http),
        };
        condition.holds(&scope(self.saga, self.at.route, &beside, [condition]))
    }

    /// The service's own words where it has any, else the status.
    fn words(&self, cause: Option<&str>) -> String {
        let service = &self.call.service;
        let status = self.http.status;
        let secrets = super::masked::of_leg(self.at.step, self.leg);
        let quotes = !secrets.iter().any(|secret| secret.variable == "result");
        let said = match &self.http.body {
            _ if !quotes => None,
            Body::Json(body) => said(body),
            Body::NotJson(text) => Some(text.as_str()),
            Body::Empty | Body::TooLarge => None,
        };
        let said = said.map(brief);
        match (said, cause) {
            (Some(said), _) => format!("{service} answered {status}: {said}"),
            (None, Some(cause)) => format!("{service} answered {status}, and {cause} holds"),
            (None, None) => format!("{service} answered {status}"),
        }
    }
}

/// The words of a service in a JSON value.
fn said(body: &Json) -> Option<&str> {
    ["message", "detail", "error", "title", "reason"]
        .iter()
        .find_map(|name| body.get(name).and_then(Json::as_str))
}

fn brief(said: &str) -> String {
    said.chars().take(200).collect()
}

/// Reads a reply to a leg's call: an undo's `missing_when` and `refused_when` are asked of what
/// it holds as of an answer's body, without `$http`.
pub(super) fn read_reply(
    saga: &Saga,
    at: Spot<'_>,
    (call, leg): (&Call, Leg),
    key: &str,
    reply: &Reply,
) -> Reading {
    let service = &call.service;
    match replied_missing(saga, at, leg, key, reply) {
        Err(failed) => return Reading::plain(Meaning::MayHave, "").fail(failed),
        Ok(true) => {
            let message = format!("{service} replied, and missing_when holds");
            let mut reading = Reading::plain(Meaning::NotFound, &message);
            reading.cause = Some("missing_when");
            return reading;
        }
        Ok(false) => {}
    }
    let result = match reply {
        Reply::Refused { error } => {
            let secrets = super::masked::of_leg(at.step, leg);
            let quotes = !secrets.iter().any(|secret| secret.variable == "result");
            let error = if quotes { error } else { &Json::Null };
            let words = error.as_str().or_else(|| said(error)).map(brief);
            let words = words.map_or_else(String::new, |words| format!(": {words}"));
            let message = format!("{service} replied that it is refused{words}");
            return Reading::plain(Meaning::Refused, &message);
        }
        Reply::Done { result } => result,
    };
    let mut reading = Reading::plain(Meaning::Done, "");
    reading.message = None;
    reading.value = Value::Json(result.clone());
    let Some(refused_when) = &call.refused_when else {
        return reading;
    };
    let beside = Beside {
        key: Some(key),
        result: Some(Seen::Json(result)),
        ..Beside::default()
    };
    match refused_when.holds(&scope(saga, at.route, &beside, [refused_when])) {
        Err(failed) => reading.fail(failed),
        Ok(false) => reading,
        Ok(true) => {
            reading.meaning = Meaning::Refused;
            reading.cause = Some("refused_when");
            reading.message = Some(format!("{service} replied, and refused_when holds"));
            reading
        }
    }
}

/// What an undo's own `missing_when` says of a reply; over an error that it cannot read it says
/// nothing.
fn replied_missing(
    saga: &Saga,
    at: Spot<'_>,
    leg: Leg,
    key: &str,
    reply: &Reply,
) -> Result<bool, EvalError> {
    let missing_when = match &at.step.undo {
        Undo::Call(undo) if leg == Leg::Undo => undo.missing_when.as_ref(),
        Undo::Call(_) | Undo::Absent | Undo::None | Undo::Child => None,
    };
    let Some(missing_when) = missing_when else {
        return Ok(false);
    };
    let (held, is_done) = match reply {
        Reply::Done { result } => (result, true),
        Reply::Refused { error } => (error, false),
    };
    let beside = Beside {
        key: Some(key),
        result: Some(Seen::Json(held)),
        ..Beside::default()
    };
    match missing_when.holds(&scope(saga, at.route, &beside, [missing_when])) {
        Err(_) if !is_done => Ok(false),
        said => said,
    }
}

impl Reading {
    /// Masks secrets in what is said of it.
    pub(super) fn mask(&mut self, texts: &[String]) {
        let failed = self.failed.as_mut().map(|failed| &mut failed.message);
        for message in self.message.iter_mut().chain(failed) {
            *message = crate::secret::masked_text(message, texts);
        }
    }

    /// An expression over the answer gave no value: the step is unknown.
    fn fail(mut self, failed: EvalError) -> Reading {
        self.meaning = Meaning::MayHave;
        self.message = Some(failed.message.clone());
        self.failed = Some(failed);
        self
    }
}

/// `Retry-After` in seconds. Its date form would need a clock; it is left to the backoff.
fn retry_after_ms(value: &str) -> Option<u64> {
    value
        .trim()
        .parse::<u64>()
        .ok()
        .map(|seconds| seconds.saturating_mul(1_000))
}
