//! Names and keys as callers give them.

use crate::fault::{Answer, Fault};
use crate::query::invalid;
use banyan_api::Code;
use banyan_core::limits::{KEY_CHARS, NAME_CHARS};
use http::{HeaderMap, HeaderName};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A name of the alphabet that definitions and services have.
pub(crate) fn name(what: &str, text: &str) -> Answer<()> {
    let mut letters = text.bytes();
    let first = letters.next().is_some_and(|byte| byte.is_ascii_lowercase());
    let rest =
        letters.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if first && rest && text.len() <= NAME_CHARS {
        Ok(())
    } else {
        Err(invalid(
            what,
            &format!("{text:?} is no name: it is [a-z][a-z0-9_]*, at most {NAME_CHARS} characters"),
        ))
    }
}

/// A version in a path.
pub(crate) fn version(text: &str) -> Answer<u32> {
    match text.parse() {
        Ok(version) if version > 0 && !text.starts_with('+') => Ok(version),
        _ => Err(invalid(
            "version",
            &format!("{text:?} is no whole number from 1"),
        )),
    }
}

/// The key that a start or a signal must carry.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Answer<String> {
    let mut given = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let Some(value) = given.next() else {
        return Err(Fault::new(
            Code::KeyRequired,
            "send an Idempotency-Key that names what this call is about, the same on a repeat",
        ));
    };
    let bytes = value.as_bytes();
    let visible = bytes.iter().all(|byte| (b'!'..=b'~').contains(byte));
    match std::str::from_utf8(bytes) {
        Ok(key) if visible && (1..=KEY_CHARS).contains(&key.len()) && given.next().is_none() => {
            Ok(key.to_owned())
        }
        _ => Err(Fault::new(
            Code::InvalidKey,
            format!("one Idempotency-Key of 1 to {KEY_CHARS} visible ASCII characters is taken"),
        )),
    }
}

/// Words for the journal and the audit: there, not blank and not endless.
pub(crate) fn reason(fields: &mut crate::fields::Fields) -> String {
    let reason = fields.text("reason");
    if fields.is_faulty("reason") {
        return reason;
    }
    said(fields, reason)
}

/// The same where nobody has to say why.
pub(crate) fn optional_reason(fields: &mut crate::fields::Fields) -> String {
    some_reason(fields).unwrap_or_default()
}

/// The same where it makes a difference that there is none. One that is given says something.
pub(crate) fn some_reason(fields: &mut crate::fields::Fields) -> Option<String> {
    let reason = fields.optional_text("reason")?;
    Some(said(fields, reason))
}

fn said(fields: &mut crate::fields::Fields, reason: String) -> String {
    const LONGEST: usize = 1_000;
    if reason.trim().is_empty() {
        fields.fault(
            "reason",
            "reason says why: who asked for it, what was found, a ticket; it is blank",
        );
    }
    if reason.chars().count() > LONGEST {
        fields.fault(
            "reason",
            format!("reason has more than {LONGEST} characters"),
        );
    }
    reason
}
