//! What sagas tell one another. A message leaves in the commit of the record that causes it, and
//! goes in the commit of the record that it causes; a number in each tells one that came twice.

use super::drive::Start;
use super::record::Failure;
use super::request::KEY_CHARS;
use super::state::{Plan, Reason, Saga, Status};
use crate::id::Id;
use crate::json::Json;
use crate::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A key that was taken, a hyphen and an id.
const TAKEN_KEY_CHARS: usize = KEY_CHARS + 1 + 36;

/// A message to another saga.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Whom it is for.
    pub to: Id,
    /// The number of the record that causes it.
    pub seq: u64,
    /// What it says.
    pub telling: Telling,
}

/// What one saga says to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum Telling {
    /// To a child that is to begin.
    Start(Box<ChildStart>),
    /// To a child: turn back, if it still can.
    Cancel,
    /// To a child that is completed: undo everything.
    Undo,
    /// To the parent: how the child stands.
    Report(Box<Report>),
}

/// Whose child a saga is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The parent.
    pub saga: Id,
    /// Its definition's name.
    pub definition: String,
    /// The path of the step that runs the child.
    pub step: String,
}

/// What a parent tells its child to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Turn back, if it still can.
    Cancel,
    /// Undo everything, though it is completed.
    Undo,
}

/// A message of another version of Banyan, or a damaged one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of the kind {kind} cannot be read: {message}")]
pub struct UnknownTelling {
    /// Its kind.
    pub kind: String,
    /// What is wrong with it.
    pub message: String,
}

impl Telling {
    /// The kind and the body as they are stored.
    ///
    /// # Errors
    /// Its words, when they cannot be written as JSON.
    pub fn to_parts(&self) -> Result<(String, Json), serde_json::Error> {
        let mut whole = serde_json::to_value(self)?;
        let body = whole["body"].take();
        let kind = whole["kind"].as_str().unwrap_or_default().to_owned();
        Ok((kind, body))
    }

    /// What was stored.
    ///
    /// # Errors
    /// When this build does not know it.
    pub fn from_parts(kind: &str, body: &Json) -> Result<Telling, UnknownTelling> {
        let whole = match body {
            Json::Null => json!({ "kind": kind }),
            body => json!({ "kind": kind, "body": body }),
        };
        serde_json::from_value(whole).map_err(|error| UnknownTelling {
            kind: kind.to_owned(),
            message: error.to_string(),
        })
    }

    /// The message that carries an order.
    pub const fn of(order: Order) -> Telling {
        match order {
            Order::Cancel => Telling::Cancel,
            Order::Undo => Telling::Undo,
        }
    }
}

/// The start of a child, as its parent decided it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChildStart {
    /// The child's definition.
    pub definition: String,
    /// Its version.
    pub version: u32,
    /// The wall it stands behind.
    pub namespace: String,
    /// Its start key.
    pub key: String,
    /// What the keys of its calls derive from.
    pub call_seed: String,
    /// Its input.
    pub input: Json,
    /// Past it, before its pivot, it is undone: its parent's deadline.
    #[serde(default)]
    pub deadline: Option<Timestamp>,
    /// How long a leg that must run may be parked.
    pub park_limit: Duration,
    /// Whose child it is.
    pub parent: Parent,
}

impl ChildStart {
    /// The start that this asks for. `children` are the versions of what the child itself runs;
    /// `refused` says why it may not begin: then it turns back with nothing done, so that its
    /// parent hears of it like of any other end.
    pub fn into_start(
        self,
        id: Id,
        plan: Arc<Plan>,
        children: BTreeMap<String, u32>,
        refused: Option<Failure>,
    ) -> Start {
        let labels = Saga::labels_of(&plan, &self.input);
        let (labels, without) = match labels {
            Ok(labels) => (labels, None),
            Err((label, message)) => {
                let message = format!("the label {label} has no value: {message}");
                (BTreeMap::new(), Some(refusal("invalid_label", message)))
            }
        };
        Start {
            id,
            plan,
            namespace: self.namespace,
            key: self.key,
            call_seed: self.call_seed,
            input: self.input,
            labels,
            deadline: None,
            park_limit: self.park_limit,
            children,
            parent: Some(self.parent),
            not_after: self.deadline,
            refused: refused.or(without),
        }
    }
}

/// Whether a start key looks like one that a parent made: every child's does, and few others.
pub fn may_be_childs(key: &str) -> bool {
    let is_made = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    // Behind a taken one stands the child's own id.
    matches!(key.len(), KEY_CHARS | TAKEN_KEY_CHARS) && key.bytes().all(is_made)
}

/// Why a child may not begin.
pub fn refusal(cause: &str, message: String) -> Failure {
    Failure {
        code: "refused".to_owned(),
        message,
        detail: BTreeMap::from([("cause".to_owned(), Json::from(cause))]),
    }
}

/// How a child stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The step of the parent that runs it.
    pub step: String,
    /// Its status.
    pub status: Status,
    /// The output of a completed one.
    #[serde(default)]
    pub output: Json,
    /// Why it turned back.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// Where it is stuck, in words.
    #[serde(default)]
    pub stuck: Option<String>,
    /// How often it was opened again after its end.
    #[serde(default)]
    pub reopened: u32,
}

/// What a parent must hear of: when this changes, the child reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It moves.
    Moves,
    /// It needs a person.
    Stuck,
    /// It is at rest.
    Rests(Status),
}

impl Saga {
    pub(super) fn standing(&self) -> Standing {
        match self.status() {
            Status::Running | Status::Compensating => Standing::Moves,
            Status::Stuck => Standing::Stuck,
            rest @ (Status::Completed | Status::Compensated | Status::Abandoned) => {
                Standing::Rests(rest)
            }
        }
    }

    /// What its parent is told, if it has one.
    pub(super) fn report(&self) -> Option<Message> {
        let parent = self.parent.as_ref()?;
        let stuck = self.stuck().map(|stuck| {
            let (step, leg) = (stuck.step, stuck.leg.as_str());
            format!("{step} ({leg}): {}: {}", stuck.code.as_str(), stuck.message)
        });
        Some(Message {
            to: parent.saga,
            seq: self.seq,
            telling: Telling::Report(Box::new(Report {
                step: parent.step.clone(),
                status: self.status(),
                output: self.output.clone().unwrap_or_default(),
                reason: self.reason.clone(),
                stuck,
                reopened: self.reopened,
            })),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_stored_and_read_again() {
        let report = Report {
            step: "lines[3]".into(),
            status: Status::Compensated,
            output: Json::Null,
            reason: None,
            stuck: None,
            reopened: 1,
        };
        for telling in [
            Telling::Cancel,
            Telling::Undo,
            Telling::Report(Box::new(report)),
        ] {
            let (kind, body) = telling.to_parts().unwrap();
            assert_eq!(Telling::from_parts(&kind, &body), Ok(telling));
        }
        let newer = Telling::from_parts("sing", &Json::Null);
        assert!(newer.is_err_and(|error| error.kind == "sing"));
    }
}
