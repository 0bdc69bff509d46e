//! Locks: sagas of one definition with the same value run one at a time, in the order of
//! acceptance. Here is what a saga's lock is worth and when it may move; the line before a lock
//! the store keeps.

use super::masked::without_secrets;
use super::{Hold, Phase, Plan, ReasonCode, Saga, Waiting, WaitingKind};
use crate::expr::Scope;
use crate::json::{Json, canonical, sha256_hex};
use crate::limits;
use crate::time::Timestamp;
use std::borrow::Cow;

/// What becomes of a saga's place in the line before its lock, in the commit of its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockStep {
    /// It joins the line at its end.
    Join {
        /// SHA-256 of the value, in hexadecimal digits.
        value: String,
    },
    /// It joins the line ahead of those waiting: it was opened again.
    JoinFirst {
        /// SHA-256 of the value, in hexadecimal digits.
        value: String,
    },
    /// It takes the lock.
    Take,
    /// It leaves the line, holding the lock or not.
    Leave,
}

impl Saga {
    /// The lock of a new saga with this input, as SHA-256 of its value in hexadecimal digits;
    /// none when its definition has none.
    ///
    /// # Errors
    /// Why it has no value that sagas can be told apart by.
    pub fn lock_of(plan: &Plan, input: &Json) -> Result<Option<String>, String> {
        let value = Saga::lock_value(plan, input)?;
        Ok(value.map(|value| sha256_hex(canonical(&value).as_bytes())))
    }

    /// The value of the lock of a saga with this input.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn lock_value(plan: &Plan, input: &Json) -> Result<Option<Json>, String> {
        let Some(lock) = &plan.definition.lock else {
            return Ok(None);
        };
        let mut scope = Scope::default();
        scope.bind("input", Cow::Borrowed(input));
        let source = lock.source();
        let told = |message: &str| without_secrets(&plan.definition, input, message);
        let value = lock.evaluate(&scope);
        match value.map_err(|failed| told(&failed.message))? {
            Json::Null => Err(format!(
                "{source} gave null: a saga without a value would run beside all others"
            )),
            Json::Array(_) | Json::Object(_) => Err(format!(
                "{source} gave a list or an object: give a text, a number, or true or false"
            )),
            Json::String(text) if text.len() > limits::LOCK_BYTES => Err(format!(
                "{source} gave a text of {} bytes, over the limit of {}",
                text.len(),
                limits::LOCK_BYTES
            )),
            value @ (Json::Bool(_) | Json::Number(_) | Json::String(_)) => Ok(Some(value)),
        }
    }

    /// It stands in the line before its lock.
    pub fn waits_for_lock(&self) -> bool {
        let waits = |hold: Hold| matches!(hold, Hold::Waits { .. });
        self.lock.as_ref().is_some_and(|lock| waits(lock.hold))
    }

    /// Since when it waits for its lock; none when it does not.
    pub(super) fn lock_since(&self) -> Option<Timestamp> {
        match self.lock.as_ref()?.hold {
            Hold::Waits { since } if !self.status().is_rest() => Some(since),
            Hold::Waits { .. } | Hold::Holds | Hold::Released => None,
        }
    }

    /// What it waits on while it stands in the line before its lock.
    pub(super) fn lock_wait(&self) -> Option<Waiting> {
        let since = self.lock_since()?;
        let shown = !self.plan.secretive;
        let value = Saga::lock_value(&self.plan, &self.input);
        let value = value.ok().flatten().filter(|_| shown);
        let named = value.map(|value| format!(" {value}")).unwrap_or_default();
        let message = format!(
            "it waits for its lock{named}: sagas of {} with the same value run one at a time",
            self.plan.definition.name
        );
        Some(Waiting {
            kind: WaitingKind::Lock,
            step: String::new(),
            leg: None,
            service: None,
            since,
            until: None,
            message,
            help: format!(
                "banyan list --where 'definition={}&status=running&status=compensating&status=stuck'",
                self.plan.definition.name
            ),
        })
    }

    /// It had come to rest, and moves again: opened by a late effect, or undone after its end.
    fn ended_before(&self) -> bool {
        let reason = self.reason.as_ref().map(|reason| reason.code);
        let undone = reason.is_some_and(ReasonCode::is_after_the_end);
        self.reopened > 0 || undone
    }

    /// It does nothing before it holds its lock. One that was turned back before it began has
    /// nothing to undo, and needs none.
    pub(super) fn is_held_up(&self) -> bool {
        let moves = match self.phase {
            Phase::Forward => self.halt.is_some(),
            // A signal that nobody takes any more may have to be undone.
            Phase::Back => !self.ended_before() && self.signals.is_empty(),
            Phase::Completed | Phase::Compensated | Phase::Abandoned => true,
        };
        self.waits_for_lock() && !moves
    }
}
