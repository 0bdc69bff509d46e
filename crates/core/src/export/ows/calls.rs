//! Calls, and how often they are tried again.

use super::jq::{self, Names};
use super::{Task, list};
use crate::Json;
use crate::definition::{Call, Retry};
use crate::expr::Text;
use crate::time::Duration;
use serde_json::{Map, json};

/// Statuses with which a service says plainly no: nothing happened, and trying again changes
/// nothing.
pub(super) const REFUSED: &[u16] = &[400, 402, 404, 409, 410, 412, 413, 414, 422, 431];

/// Whether an error has one of these statuses. In a `catch`'s own condition the error is what
/// is piped in (`error` is empty then); in its tasks it is `$error`.
pub(super) fn has_status(error: &str, statuses: &[u16]) -> String {
    format!("({error}.status as $status | {statuses:?} | index($status) != null)")
}

/// A `catch` with these tasks, which know the error as `$error`.
pub(super) fn caught(tasks: Vec<Task>) -> Json {
    json!({ "as": "error", "do": list(tasks) })
}

/// What a leg is called by, and which key it shows.
pub(super) struct Leg<'a> {
    /// The name of its task.
    pub(super) task: String,
    /// What its expressions read.
    pub(super) names: Names,
    /// Its idempotency key, as a jq text.
    pub(super) key: String,
    /// Status and headers are asked for as well.
    pub(super) whole: bool,
    /// The call.
    pub(super) call: &'a Call,
}

impl Leg<'_> {
    /// The call with its retries.
    pub(super) fn task(&self) -> Task {
        self.tried_again(self.call.retry.attempts)
    }

    /// The call, sent once.
    pub(super) fn once(&self) -> Task {
        self.tried_again(Some(1))
    }

    fn tried_again(&self, attempts: Option<u32>) -> Task {
        let once = (self.task.clone(), self.sent());
        if attempts == Some(1) {
            return once;
        }
        let task = json!({
            "try": list(vec![once]),
            "catch": {
                "when": jq::wrap(&format!("{} | not", has_status("", REFUSED))),
                "retry": policy(&self.call.retry, attempts),
            },
        });
        (format!("{}-attempts", self.task), task)
    }

    fn sent(&self) -> Json {
        let call = self.call;
        let mut with = json!({
            "method": call.method.as_str().to_ascii_lowercase(),
            "endpoint": self.names.address(&call.service, &call.path),
        });
        let mut headers = self.texts(&call.headers);
        let own = headers
            .keys()
            .any(|name| name.eq_ignore_ascii_case("idempotency-key"));
        if !call.method.is_safe() && !own {
            headers.insert("Idempotency-Key".to_owned(), jq::wrap(&self.key));
        }
        for (name, members) in [("headers", headers), ("query", self.texts(&call.query))] {
            if !members.is_empty() {
                with[name] = members.into();
            }
        }
        if let Some(body) = &call.body {
            with["body"] = self.names.value(body);
        }
        if self.whole {
            with["output"] = "response".into();
        }
        json!({ "call": "http", "with": with, "timeout": { "after": duration(call.timeout) } })
    }

    fn texts(&self, texts: &[(String, Text)]) -> Map<String, Json> {
        let members = texts.iter();
        members
            .map(|(name, text)| (name.clone(), self.names.words(text)))
            .collect()
    }
}

fn policy(retry: &Retry, attempts: Option<u32>) -> Json {
    let grows = if retry.factor_milli > 1000 {
        json!({ "exponential": {} })
    } else {
        json!({ "constant": {} })
    };
    let mut policy = json!({
        "delay": duration(retry.first),
        "backoff": grows,
        "jitter": { "from": duration(Duration::ZERO), "to": duration(retry.first) },
    });
    if let Some(attempts) = attempts {
        policy["limit"] = json!({ "attempt": { "count": attempts.saturating_sub(1) } });
    }
    policy
}

/// A length of time in the units that it is made of.
pub(super) fn duration(time: Duration) -> Json {
    let millis = time.millis();
    let parts = [
        ("days", millis / 86_400_000),
        ("hours", millis / 3_600_000 % 24),
        ("minutes", millis / 60_000 % 60),
        ("seconds", millis / 1_000 % 60),
        ("milliseconds", millis % 1_000),
    ];
    let said: Map<String, Json> = parts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(unit, count)| (unit.to_owned(), count.into()))
        .collect();
    if said.is_empty() {
        return json!({ "milliseconds": 0 });
    }
    said.into()
}
