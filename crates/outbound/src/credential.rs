//! Secrets, read from where settings say they are, and what they put on a request.
//!
//! A secret is in memory only; no `Debug`, no `Serialize` and no error shows it.

use crate::limits::SECRET_BYTES_MAX;
use crate::settings::{Auth, Reference};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use ring::hmac;
use std::fmt::Write as _;
use std::io::Read as _;

const SIGNATURE: HeaderName = HeaderName::from_static("banyan-signature");

/// What proves who sends a call.
pub(crate) enum Credential {
    /// Nothing.
    None,
    /// This value of `Authorization`.
    Authorization(HeaderValue),
    /// A signature over each call.
    Signature(hmac::Key),
}

/// A secret that cannot be used, in words that do not hold it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its credential cannot be used: {0}")]
pub(crate) struct Unusable(String);

impl Credential {
    /// Reads what `auth` refers to.
    pub(crate) fn read(auth: Option<&Auth>) -> Result<Credential, Unusable> {
        match auth {
            None => Ok(Credential::None),
            Some(Auth::Bearer(reference)) => {
                let token = secret(reference)?;
                authorization(&[b"Bearer ", token.as_slice()].concat())
            }
            Some(Auth::Basic { username, password }) => {
                let password = secret(password)?;
                let pair = [username.as_bytes(), b":", &password].concat();
                authorization(format!("Basic {}", STANDARD.encode(pair)).as_bytes())
            }
            Some(Auth::Hmac(reference)) => {
                let key = secret(reference)?;
                Ok(Credential::Signature(hmac::Key::new(
                    hmac::HMAC_SHA256,
                    &key,
                )))
            }
        }
    }

    /// Puts it on a request with this idempotency key and body, sent at `unix_seconds`.
    ///
    /// A signature is `t=<unix_seconds>,v1=<hex>`; what is signed is the idempotency key, a
    /// dot, those seconds, a dot and the body.
    pub(crate) fn apply(&self, headers: &mut HeaderMap, key: &str, unix_seconds: i64, body: &[u8]) {
        match self {
            Credential::None => {}
            Credential::Authorization(value) => {
                headers.insert(AUTHORIZATION, value.clone());
            }
            Credential::Signature(secret) => {
                let mut context = hmac::Context::with_key(secret);
                context.update(format!("{key}.{unix_seconds}.").as_bytes());
                context.update(body);
                let mut text = format!("t={unix_seconds},v1=");
                for byte in context.sign().as_ref() {
                    // Writing into a String cannot fail.
                    let _ = write!(text, "{byte:02x}");
                }
                // Digits and letters always make a value; were it not so, the service would
                // refuse the call for want of a signature.
                if let Ok(value) = HeaderValue::try_from(text) {
                    headers.insert(SIGNATURE, value);
                }
            }
        }
    }
}

fn authorization(bytes: &[u8]) -> Result<Credential, Unusable> {
    let mut value = HeaderValue::from_bytes(bytes)
        .map_err(|_| Unusable("the secret holds characters that no header can carry".into()))?;
    value.set_sensitive(true);
    Ok(Credential::Authorization(value))
}

fn secret(reference: &Reference) -> Result<Vec<u8>, Unusable> {
    let (place, bytes) = match reference {
        Reference::Env(name) => {
            let value = std::env::var_os(name)
                .ok_or_else(|| Unusable(format!("the environment variable {name} is not set")))?;
            (
                format!("the environment variable {name}"),
                value.into_encoded_bytes(),
            )
        }
        Reference::File(path) => {
            let bytes = file(path).map_err(|error| Unusable(format!("{path}: {error}")))?;
            (format!("the file {path}"), bytes)
        }
    };
    let bytes = bytes.trim_ascii_end();
    if bytes.is_empty() || bytes.len() as u64 > SECRET_BYTES_MAX {
        let bound = format!(
            "{place} has {} bytes; 1 to {SECRET_BYTES_MAX} are allowed",
            bytes.len()
        );
        return Err(Unusable(bound));
    }
    Ok(bytes.to_vec())
}

/// Reads no more than a little beyond the bound, whatever the file is.
fn file(path: &str) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(SECRET_BYTES_MAX + 1_024)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
