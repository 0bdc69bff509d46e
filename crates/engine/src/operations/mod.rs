//! Operations: one verb over every saga that a filter selects, in the background.
//!
//! What an operation is about is fixed when it begins: the sagas that the filter selects at that
//! moment, or those of its preview. They are stored with it, so that none is taken twice, none
//! that newly matches is taken for ever, and the figures add up. Each is then asked the verb like
//! any other saga, if it still matches; what came of it is counted.
//!
//! A crash loses at most what was counted since the last commit, and nothing that was done: the
//! audit, in whose rows the operation stands and which are committed with the verbs, tells
//! afterwards which sagas it has taken already.

mod begin;
mod control;
mod limits;
mod preview;
mod run;
mod words;

pub use preview::{OperationPreview, Sampled, Verdicts};
pub(crate) use run::run;

use self::limits::{OPERATION_FAILURES, OPERATION_SAMPLE, OPERATIONS_OPEN};
pub use self::limits::{OPERATION_RATE, OPERATION_RATE_MAX, OPERATION_SAGAS};
use self::words::Words;
use crate::error::Refusal;
use crate::handle::Engine;
use banyan_core::id::Id;
use banyan_core::saga::{Ask, Asked, Retry, Saga, Settle, Status, Verb};
use banyan_core::{Json, Timestamp};
use banyan_store::{Change, Filter, OperationKey, OperationRow, ReadError, Reader};
use preview::Previews;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What an operation does to each saga: a verb with what it needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Turn it back.
    Cancel,
    /// Try again at once.
    Retry(Retry),
    /// A person's word on what became of a leg.
    Settle(Settle),
    /// Undo it although it is completed.
    Undo,
    /// Give it up.
    Abandon,
    /// Let it go on under another version.
    Move {
        /// The version.
        version: u32,
    },
    /// Write down who looks after it, and what is known.
    Note {
        /// What is known.
        text: Option<String>,
        /// Who.
        owner: Option<String>,
    },
}

impl Deed {
    /// Its verb.
    pub fn verb(&self) -> Verb {
        match self {
            Deed::Cancel => Verb::Cancel,
            Deed::Retry(_) => Verb::Retry,
            Deed::Settle(_) => Verb::Settle,
            Deed::Undo => Verb::Undo,
            Deed::Abandon => Verb::Abandon,
            Deed::Move { .. } => Verb::Move,
            Deed::Note { .. } => Verb::Note,
        }
    }
}

/// An operation, as asked for.
#[derive(Clone, Debug)]
pub struct OperationRequest {
    /// What to do.
    pub deed: Deed,
    /// To which sagas.
    pub filter: Filter,
    /// The filter as it was asked for, to be shown.
    pub asked: Json,
    /// Why.
    pub reason: String,
    /// Who.
    pub actor: String,
    /// Sagas a second, at most.
    pub rate: u32,
    /// The preview that was looked at: then the operation is about its sagas, each as it was.
    pub preview: Option<String>,
    /// By which it is known again when it is asked for twice. None for a preview.
    pub key: Option<OperationKey>,
}

/// What came of asking for an operation.
#[derive(Clone, Debug)]
pub struct BegunOperation {
    /// The operation.
    pub operation: Arc<Operation>,
    /// It had begun before, under the same key with the same body.
    pub replayed: bool,
}

/// How an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// It goes on.
    Running,
    /// A person holds it up.
    Paused,
    /// Every saga was taken, skipped or has failed.
    Completed,
    /// A person ended it: what was not taken stays as it is.
    Cancelled,
}

impl OperationState {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            OperationState::Running => "running",
            OperationState::Paused => "paused",
            OperationState::Completed => "completed",
            OperationState::Cancelled => "cancelled",
        }
    }

    /// It is not over.
    pub fn is_open(self) -> bool {
        matches!(self, OperationState::Running | OperationState::Paused)
    }
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its id.
    pub id: Id,
    /// What it does.
    pub deed: Deed,
    /// To which sagas.
    pub filter: Filter,
    /// The filter as it was asked for.
    pub asked: Json,
    /// Why.
    pub reason: String,
    /// Who began it.
    pub actor: String,
    /// Sagas a second, at most.
    pub rate: u32,
    /// Each saga must be as it was in the preview.
    pub previewed: bool,
    /// By which key it was begun.
    #[serde(default)]
    pub key: Option<OperationKey>,
    /// How it stands.
    pub state: OperationState,
    /// When it began.
    pub began_at: Timestamp,
    /// When it last went on.
    pub updated_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// How many sagas it is about.
    pub selected: u64,
    /// How many of them it has come to: done, failed and skipped together.
    pub position: u64,
    /// How many took the verb.
    pub done: u64,
    /// How many refused it, by code.
    pub failed: BTreeMap<String, u64>,
    /// How many were left alone, by the cause.
    pub skipped: BTreeMap<String, u64>,
    /// The first that failed.
    pub failures: Vec<Failure>,
    /// The first that took the verb.
    #[serde(default)]
    pub sample: Vec<Taken>,
    /// Its words without secrets; none when an earlier build began it.
    #[serde(default)]
    words: Option<Words>,
}

/// A saga that took the verb of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The saga.
    pub saga: Id,
    /// Its definition.
    pub definition: String,
    /// Its key.
    pub key: String,
    /// Its status before.
    pub before: Status,
    /// Its status right after.
    pub after: Status,
}

/// A saga that did not take the verb of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The saga.
    pub saga: Id,
    /// Why, as a code of the API.
    pub code: String,
    /// Why, in words.
    pub message: String,
}

/// What came of one saga of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It took the verb; with how, unless that was before a crash.
    Done(Option<Box<Taken>>),
    Failed(&'static str, String),
    Skipped(&'static str),
}

impl Operation {
    /// As the API tells it.
    pub fn shown(&self) -> Json {
        let moment = |at: Timestamp| Json::from(at.to_string());
        let failed: u64 = self.failed.values().sum();
        let skipped: u64 = self.skipped.values().sum();
        let words = self.told();
        serde_json::json!({
            "id": self.id.to_string(),
            "verb": self.deed.verb().as_str(),
            "state": self.state.as_str(),
            "arguments": words.arguments,
            "filter": self.asked,
            "reason": words.reason,
            "actor": self.actor,
            "rate": self.rate,
            "previewed": self.previewed,
            "selected": self.selected,
            "left": self.selected.saturating_sub(self.position),
            "done": self.done,
            "failed": failed,
            "failed_by": self.failed,
            "skipped": skipped,
            "skipped_by": self.skipped,
            "failures": self.failures,
            "sample": self.sample,
            "began_at": moment(self.began_at),
            "updated_at": moment(self.updated_at),
            "ended_at": self.ended_at.map(moment),
        })
    }

    /// What it says of itself.
    fn told(&self) -> Words {
        let known = self.words.clone();
        known.unwrap_or_else(|| Words::of(&self.deed, &self.reason))
    }

    /// Counts what came of the next saga.
    fn count(&mut self, saga: Id, fate: Fate) {
        self.position += 1;
        match fate {
            Fate::Done(taken) => {
                self.done += 1;
                let room = self.sample.len() < OPERATION_SAMPLE;
                self.sample
                    .extend(taken.filter(|_| room).map(|taken| *taken));
            }
            Fate::Skipped(cause) => *self.skipped.entry(cause.to_owned()).or_default() += 1,
            Fate::Failed(code, message) => {
                *self.failed.entry(code.to_owned()).or_default() += 1;
                if self.failures.len() < OPERATION_FAILURES {
                    let message = message.chars().take(500).collect();
                    let code = code.to_owned();
                    self.failures.push(Failure {
                        saga,
                        code,
                        message,
                    });
                }
            }
        }
    }

    fn row(&self) -> Result<OperationRow, Refusal> {
        let body = serde_json::to_value(self).map_err(|error| Refusal::Unavailable {
            message: format!("an operation cannot be written: {error}"),
        })?;
        Ok(OperationRow {
            id: self.id,
            open: self.state.is_open(),
            body,
        })
    }

    fn read(row: OperationRow) -> Result<Operation, Refusal> {
        let id = row.id;
        serde_json::from_value(row.body).map_err(|error| Refusal::Unavailable {
            message: format!("the operation {id} cannot be read: {error}"),
        })
    }
}

/// The change by which an operation goes that has been over since `until` or before.
pub(crate) fn forgets(row: OperationRow, until: Timestamp) -> Option<Change> {
    // One that cannot be read stays as it is: nobody knows whether it is over.
    let operation = Operation::read(row).ok()?;
    let ended = operation.ended_at.is_some_and(|at| at <= until);
    ended.then_some(Change::ForgetOperation {
        id: operation.id,
        key: operation.key,
    })
}

/// Why an operation was not begun, or did not do what was asked of it. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OperationError {
    /// The filter selects no saga.
    #[error("the filter selects no saga")]
    NothingSelected,
    /// The filter selects more than one operation takes.
    #[error("the filter selects more than {limit} sagas")]
    TooMuchSelected {
        /// The bound.
        limit: usize,
    },
    /// The preview is not known, or was of something else.
    #[error("no such preview is known for this filter: it is too old, or was of another server")]
    NoSuchPreview,
    /// The key was used for another operation.
    #[error("the key {key} was used for another operation: {id}")]
    KeyReused {
        /// The key.
        key: String,
        /// The operation that it began.
        id: Id,
    },
    /// As many are open as may be.
    #[error("{limit} operations are not over, and no more may be begun")]
    TooMany {
        /// The bound.
        limit: usize,
    },
    /// There is no such operation.
    #[error("no operation has the id {id}")]
    NoSuchOperation {
        /// The id.
        id: Id,
    },
    /// It is over.
    #[error("the operation is over: it is {}", state.as_str())]
    Over {
        /// How it stands.
        state: OperationState,
    },
    /// Not now.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// The operations that are not over, and the previews that somebody may go by.
pub(crate) struct Operations {
    /// Held by whoever changes an operation that has begun: a batch of its sagas, a pause.
    turn: tokio::sync::Mutex<()>,
    open: Mutex<BTreeMap<Id, Arc<Operation>>>,
    previews: Mutex<Previews>,
    begun: Notify,
}

impl Operations {
    /// Those that the store holds.
    pub(crate) fn load(reader: &dyn Reader) -> Result<Operations, ReadError> {
        let mut open = BTreeMap::new();
        for row in reader.operations(true, None, OPERATIONS_OPEN)? {
            let id = row.id;
            match Operation::read(row) {
                Ok(operation) => drop(open.insert(id, Arc::new(operation))),
                Err(error) => tracing::error!(operation = %id, %error, "it stays as it is"),
            }
        }
        Ok(Operations {
            turn: tokio::sync::Mutex::default(),
            open: Mutex::new(open),
            previews: Mutex::default(),
            begun: Notify::new(),
        })
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<Id, Arc<Operation>>> {
        // Nothing that can panic runs under the lock between two halves of a change.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an operation as it was committed.
    fn put(&self, operation: Operation) -> Arc<Operation> {
        let operation = Arc::new(operation);
        let mut open = self.open();
        if operation.state.is_open() {
            open.insert(operation.id, Arc::clone(&operation));
        } else {
            open.remove(&operation.id);
        }
        operation
    }

    /// The oldest that runs.
    fn next(&self) -> Option<Arc<Operation>> {
        let open = self.open();
        let mut running = open
            .values()
            .filter(|one| one.state == OperationState::Running);
        running.next().cloned()
    }
}

impl Engine {
    /// What a deed asks of one saga.
    pub(crate) fn asked(
        &self,
        deed: &Deed,
        saga: &Saga,
        by: (&str, &str),
        operation: Option<Id>,
    ) -> Result<Asked, crate::error::MoveError> {
        let what = match deed {
            Deed::Cancel => Ask::Cancel,
            Deed::Retry(retry) => Ask::Retry(retry.clone()),
            Deed::Settle(settle) => Ask::Settle(settle.clone()),
            Deed::Undo => Ask::Undo,
            Deed::Abandon => Ask::Abandon,
            Deed::Move { version } => {
                let (plan, family) = self.target_of_move(saga, *version)?;
                let children = family.versions;
                Ask::Move { plan, children }
            }
            Deed::Note { text, owner } => Ask::Note {
                text: text.clone(),
                owner: owner.clone(),
            },
        };
        let (actor, reason) = by;
        Ok(Asked {
            what,
            reason: reason.to_owned(),
            actor: actor.to_owned(),
            expected_seq: None,
            operation,
        })
    }
}
