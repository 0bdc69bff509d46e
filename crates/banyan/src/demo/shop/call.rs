//! What a service of the shop sees of a call, what it answers, and what a service must bring.

use banyan_core::Json;
use http::Method;
use rusqlite::Connection;
use serde_json::json;

/// A call as the desk hears it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The HTTP method.
    pub(super) method: Method,
    /// The path as it came, without its query.
    pub(super) path: String,
    /// The `Idempotency-Key`; empty when there was none.
    pub(super) key: String,
    /// Where the outcome is awaited, when not in the answer; empty when nobody asks for that.
    pub(super) reply_to: String,
    /// The JSON body; null when there was none.
    pub(super) body: Json,
}

impl Call {
    /// The path's parts, each percent-decoded, so that routes can be matched as a slice.
    pub(super) fn parts(&self) -> Vec<String> {
        self.path
            .trim_start_matches('/')
            .split('/')
            .map(decode)
            .collect()
    }

    /// A text of the body; empty when it is absent or of another type.
    pub(super) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or("")
    }

    /// A whole number of the body, when it is one.
    pub(super) fn whole(&self, name: &str) -> Option<i64> {
        self.body[name].as_i64()
    }

    /// It asks and changes nothing.
    pub(super) fn is_read(&self) -> bool {
        self.method == Method::GET
    }
}

/// Decodes `%41` and its like; what is no valid escape stays as it stands.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a service answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reply {
    /// The HTTP status.
    pub(super) status: u16,
    /// The JSON body.
    pub(super) body: Json,
}

impl Reply {
    /// It happened.
    pub(super) fn ok(body: Json) -> Reply {
        Reply { status: 200, body }
    }

    /// It happened, and something new is there.
    pub(super) fn created(body: Json) -> Reply {
        Reply { status: 201, body }
    }

    /// It did not happen, with a word for programs and a sentence for people.
    pub(super) fn refused(status: u16, error: &str, message: impl Into<String>) -> Reply {
        Reply {
            status,
            body: json!({ "error": error, "message": message.into() }),
        }
    }

    /// There is no such thing here.
    pub(super) fn not_found(what: &str) -> Reply {
        Reply::refused(404, "not_found", format!("there is no such {what}"))
    }
}

/// What one service brings: its tables and its rules. The desk around it gives idempotency.
pub(super) trait Domain: Send {
    /// The tables, as SQL that may run on every start.
    fn tables(&self) -> &'static str;

    /// Fills a new database.
    fn fill(&self, _database: &Connection) -> rusqlite::Result<()> {
        Ok(())
    }

    /// Carries out one call inside a transaction. None when no such route exists.
    fn handle(&self, database: &Connection, call: &Call) -> rusqlite::Result<Option<Reply>>;
}
