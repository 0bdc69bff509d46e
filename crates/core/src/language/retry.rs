//! When a leg is tried again: what the file says, and the defaults where it says nothing.

use super::codes::Code;
use super::keys::Within;
use super::node::{Entry, Node, Value};
use super::read::{Fields, LONGEST, Reader, SHORTEST};
use crate::definition::Retry;
use crate::time::Duration;

/// Which defaults hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LegKind {
    /// A do or a check.
    DoOrCheck,
    /// An undo.
    Undo,
    /// A confirm: retried until it is done.
    Confirm,
    /// The call at a saga's end.
    End,
}

/// Most attempts that a retry may ask for; more is `forever`.
const ATTEMPTS_MAX: u32 = 10_000;
/// Largest factor; more than that is one pause of `max`.
const FACTOR_MAX_MILLI: u32 = 100_000;
/// Where the bound of a leg ends that is retried until done.
const FOREVER_MAX: Duration = Duration::from_secs(30);

/// The defaults of a leg (outcomes.md): after the pivot it is retried until done.
pub(crate) fn defaults(leg: LegKind, after_pivot: bool) -> Retry {
    let before = match leg {
        LegKind::DoOrCheck | LegKind::Confirm => Retry {
            attempts: Some(5),
            first: Duration::from_millis(200),
            factor_milli: 2_000,
            max: Duration::from_secs(30),
        },
        LegKind::Undo => Retry {
            attempts: Some(12),
            first: Duration::from_secs(1),
            factor_milli: 2_500,
            max: Duration::from_secs(15 * 60),
        },
        // Nobody waits for it, and nothing depends on it: it is tried gently, for ever.
        LegKind::End => {
            return Retry {
                attempts: None,
                ..defaults(LegKind::Undo, false)
            };
        }
    };
    if after_pivot || leg == LegKind::Confirm {
        forever(before)
    } else {
        before
    }
}

fn forever(retry: Retry) -> Retry {
    Retry {
        attempts: None,
        max: FOREVER_MAX,
        ..retry
    }
}

impl Reader<'_> {
    /// The retry of a leg, from its `retry` key if there is one.
    pub(crate) fn retry(&mut self, node: Option<&Node>, leg: LegKind) -> Retry {
        let mut retry = defaults(leg, self.after_pivot);
        let Some(node) = node else {
            return retry;
        };
        match &node.value {
            Value::Text(word) if word == "forever" && leg == LegKind::End => return retry,
            Value::Text(word) if word == "forever" => return forever(retry),
            Value::Map(_) => {}
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                self.wrong_type(
                    node,
                    "`retry` is `forever` or a map such as `{ attempts: 5, first: 200ms, factor: 2, max: 30s }`",
                    "write how often under `attempts`: `retry: { attempts: 5 }`",
                );
                return retry;
            }
        }
        let Some(fields) = self.fields(node, Within::Retry) else {
            return retry;
        };
        self.retry_map(node, &fields, leg, &mut retry);
        retry
    }

    fn retry_map(&mut self, node: &Node, fields: &Fields<'_>, leg: LegKind, retry: &mut Retry) {
        if let Some(entry) = fields.entry("attempts") {
            self.attempts(entry, leg, retry);
        }
        let mut pause = |name: &str, shown: &str| {
            let node = fields.get(name)?;
            self.duration(node, shown, (SHORTEST, LONGEST))
        };
        retry.first = pause("first", "`first`").unwrap_or(retry.first);
        retry.max = pause("max", "`max`").unwrap_or(retry.max);
        let factor = fields.get("factor").and_then(|node| self.factor(node));
        retry.factor_milli = factor.unwrap_or(retry.factor_milli);
        if retry.first > retry.max {
            let place = fields
                .get("first")
                .or(fields.get("max"))
                .unwrap_or(node)
                .place;
            self.problems.add(
                Code::OutOfRange,
                place,
                format!(
                    "`first` ({}) is longer than `max` ({})",
                    retry.first, retry.max
                ),
                "`first` is the bound of the first pause, `max` that of the longest",
            );
        }
    }

    fn attempts(&mut self, entry: &Entry, leg: LegKind, retry: &mut Retry) {
        let until_done = if leg == LegKind::Confirm {
            Some("a confirm")
        } else if self.after_pivot && leg != LegKind::End {
            Some("a leg after the pivot")
        } else {
            None
        };
        if let Some(which) = until_done {
            self.problems.add(
                Code::AttemptsAfterPivot,
                entry.place,
                format!("`attempts` may not stand on {which}: it is retried until done"),
                "remove it; `first`, `factor` and `max` may stay",
            );
        } else if let Some(attempts) = self.count(&entry.node, "`attempts`", (1, ATTEMPTS_MAX)) {
            retry.attempts = Some(attempts);
        }
    }

    /// By how much the bound grows, in thousandths; digits beyond them are cut.
    fn factor(&mut self, node: &Node) -> Option<u32> {
        let Value::Number(number) = &node.value else {
            self.wrong_type(
                node,
                "`factor` is a number",
                "2 doubles the pause each time; write it without quotes",
            );
            return None;
        };
        let milli = number
            .to_string()
            .parse::<rust_decimal::Decimal>()
            .ok()
            .and_then(|factor| factor.checked_mul(1_000.into()))
            .and_then(|milli| u32::try_from(milli.trunc()).ok())
            .filter(|milli| (1_000..=FACTOR_MAX_MILLI).contains(milli));
        if milli.is_none() {
            self.problems.add(
                Code::OutOfRange,
                node.place,
                format!(
                    "`factor` is a number from 1 to {}, not {}",
                    FACTOR_MAX_MILLI / 1_000,
                    node.quoted()
                ),
                "2 doubles the pause each time; 1 keeps it as it is",
            );
        }
        milli
    }
}
