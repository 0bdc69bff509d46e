//! What a leg sends: the request, its key, and the hash that proves every attempt alike.

use super::scope::{Beside, Seen, scope};
use super::{Leg, Outcome, Saga, State};
use crate::definition::{Call, Kind, Step, Undo};
use crate::expr::{Cause, EvalError, Expr, Part, Scope, Text};
use crate::json::{self, Json, sha256_hex};
use crate::limits;
use crate::planted;
use crate::route::Spot;
use crate::wire::Request;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Characters of a call's key: 132 bits of a SHA-256.
pub(super) const KEY_CHARS: usize = 22;

/// The call of a step's leg, if it has that leg.
pub(super) fn call_of(step: &Step, leg: Leg) -> Option<&Call> {
    let action = match &step.kind {
        Kind::Call(action) => Some(action),
        Kind::Wait(_)
        | Kind::Sleep(_)
        | Kind::Set(_)
        | Kind::Refuse(_)
        | Kind::Group(_)
        | Kind::Each(_)
        | Kind::Run(_) => None,
    };
    match leg {
        Leg::Do => action.map(|action| &action.call),
        Leg::Check => action.and_then(|action| action.check.as_ref()),
        Leg::Undo => match &step.undo {
            Undo::Call(undo) => Some(&undo.call),
            Undo::Absent | Undo::None | Undo::Child => None,
        },
        Leg::Confirm => step.confirm.as_deref(),
    }
}

/// The idempotency key of a step's do: it derives from who started the saga, never from the
/// saga's id, so that a start that was lost and is repeated calls under the same keys. It is
/// that of the do's last round.
pub(super) fn do_key(saga: &Saga, at: Spot<'_>) -> String {
    key_of_round(saga, at, saga.state(at.route).forward.round)
}

/// The idempotency key of a round of a step's do. A do has a second round only where a person
/// had it tried again after it was refused.
fn key_of_round(saga: &Saga, at: Spot<'_>, round: u32) -> String {
    let mut hash = Sha256::new();
    let item = at.item();
    let round = round.max(1).to_string();
    let parts = [
        &saga.call_seed,
        &saga.namespace,
        &saga.plan.definition.name,
        &saga.key,
        &at.step.path,
        &item,
        &round,
    ];
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut key = URL_SAFE_NO_PAD.encode(hash.finalize());
    key.truncate(KEY_CHARS);
    key
}

/// The key of a round of a leg. A check asks under the do's key.
pub(super) fn leg_key(key: String, leg: Leg, round: u32) -> String {
    match (leg, round) {
        (Leg::Do | Leg::Check, _) => key,
        (Leg::Undo | Leg::Confirm, 1) => format!("{key}-{}", leg.as_str()),
        (Leg::Undo | Leg::Confirm, later) => format!("{key}-{}-{later}", leg.as_str()),
    }
}

fn planted_key(key: String, attempt: u32) -> String {
    if planted::is(planted::Bug::FreshKeyPerAttempt) {
        format!("{key}-{attempt}")
    } else {
        key
    }
}

/// What the next attempt of a leg sends, and its hash.
pub(super) fn request(
    saga: &Saga,
    at: Spot<'_>,
    call: &Call,
    leg: Leg,
    round: u32,
    attempt: u32,
) -> Result<(Request, String), EvalError> {
    let do_key = match leg {
        Leg::Do => key_of_round(saga, at, round),
        Leg::Check | Leg::Undo | Leg::Confirm => do_key(saga, at),
    };
    let sent = match leg {
        Leg::Do => None,
        Leg::Check | Leg::Undo | Leg::Confirm => body_of_do(saga, at, &do_key)?,
    };
    let state = saga.state(at.route);
    // A signal's body is known also where nobody could tell what it means.
    let known = matches!(at.step.kind, Kind::Wait(_));
    let result = Some(state).filter(|state| known || state.state == State::Ended(Outcome::Done));
    let beside = Beside {
        key: Some(&do_key),
        body: sent.as_ref(),
        result: result.map(|state| Seen::of(state.result.as_ref())),
        http: None,
    };
    let scope = scope(saga, at.route, &beside, expressions(call));
    let target = target(call, &scope)?;
    let headers = headers(call, &scope)?;
    let begun = state.leg(leg);
    let next = begun.next_body.as_ref().filter(|_| round != begun.round);
    let body = match next.or(begun.body.as_ref()) {
        Some(edited) => Some(Json::clone(edited)),
        None => call
            .body
            .as_ref()
            .map(|body| body.evaluate(&scope))
            .transpose()?,
    };
    let body = body.as_ref().map(json::bytes);
    let hash = hash(call, &target, &headers, body.as_deref());
    let definition = &saga.plan.definition;
    let request = Request {
        service: call.service.clone(),
        method: call.method,
        target,
        headers,
        body,
        timeout: call.timeout,
        key: planted_key(leg_key(do_key, leg, round), attempt),
        saga: saga.id,
        definition: format!("{}@{}", definition.name, definition.version),
        step: at.path(),
        leg,
        attempt,
        reply_round: call
            .pending
            .as_ref()
            .filter(|pending| pending.reply)
            .map(|_| round),
        deadline: saga.deadline,
    };
    Ok((request, hash))
}

/// `$body`: what the do sent, computed again from the same durable values.
pub(super) fn body_of_do(saga: &Saga, at: Spot<'_>, key: &str) -> Result<Option<Json>, EvalError> {
    if let Some(edited) = &saga.state(at.route).forward.body {
        return Ok(Some(Json::clone(edited)));
    }
    let Some(body) = call_of(at.step, Leg::Do).and_then(|call| call.body.as_ref()) else {
        return Ok(None);
    };
    let beside = Beside {
        key: Some(key),
        ..Beside::default()
    };
    let scope = scope(saga, at.route, &beside, body.expressions());
    body.evaluate(&scope).map(Some)
}

/// Whether what a call sends reads this variable.
pub(super) fn reads(call: &Call, name: &str) -> bool {
    let mut all = expressions(call).into_iter();
    all.any(|expression| {
        let read = expression.variables();
        read.iter().any(|(variable, _)| *variable == name)
    })
}

/// Every expression that makes up a call's request.
fn expressions(call: &Call) -> Vec<&Expr> {
    let mut all: Vec<&Expr> = call
        .body
        .iter()
        .flat_map(|body| body.expressions())
        .collect();
    let texts = call.query.iter().chain(&call.headers).map(|(_, text)| text);
    for text in std::iter::once(&call.path).chain(texts) {
        all.extend(in_text(text));
    }
    all
}

fn in_text(text: &Text) -> impl Iterator<Item = &Expr> {
    text.parts().iter().filter_map(|part| match part {
        Part::Expr(expr, _) => Some(expr),
        Part::Literal(_) => None,
    })
}

fn target(call: &Call, scope: &Scope<'_>) -> Result<String, EvalError> {
    let mut target = call.path.evaluate_path(scope)?;
    for (position, (name, value)) in texts(&call.query, scope)?.into_iter().enumerate() {
        target.push(if position == 0 { '?' } else { '&' });
        encode(&name, &mut target);
        target.push('=');
        encode(&value, &mut target);
    }
    within("the path and query", target.len(), limits::TARGET_BYTES)?;
    Ok(target)
}

/// A call's own headers, each as the checker wants those that are written out.
fn headers(call: &Call, scope: &Scope<'_>) -> Result<Vec<(String, String)>, EvalError> {
    let all = texts(&call.headers, scope)?;
    for (name, value) in &all {
        let what = format!("the header {name}");
        within(&what, value.len(), limits::HEADER_BYTES)?;
        if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(bad_value(format!(
                "{what} of the call would hold more than visible ASCII characters and spaces"
            )));
        }
    }
    Ok(all)
}

/// What no service would read is not sent: it would be tried again and again.
fn within(what: &str, bytes: usize, most: usize) -> Result<(), EvalError> {
    if bytes <= most {
        return Ok(());
    }
    Err(bad_value(format!(
        "{what} of the call would take {bytes} bytes, and at most {most} may be sent"
    )))
}

fn bad_value(message: String) -> EvalError {
    EvalError {
        cause: Cause::BadValue,
        message,
    }
}

fn texts(named: &[(String, Text)], scope: &Scope<'_>) -> Result<Vec<(String, String)>, EvalError> {
    let mut all = Vec::with_capacity(named.len());
    for (name, text) in named {
        if let Some(value) = text.evaluate_text(scope)? {
            all.push((name.clone(), value));
        }
    }
    Ok(all)
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
fn encode(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

fn hash(call: &Call, target: &str, headers: &[(String, String)], body: Option<&[u8]>) -> String {
    let mut bytes = format!("{} {target}\n", call.method.as_str()).into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(b'\n');
    }
    bytes.push(b'\n');
    bytes.extend_from_slice(body.unwrap_or_default());
    sha256_hex(&bytes)
}
