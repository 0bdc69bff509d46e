//! Operations over many sagas: what is known of each, and the sagas that it is about.
//!
//! An operation's row is the engine's to read: here it is JSON. The sagas are stored with it when
//! it begins, so that what it is about is what was so then, and go when it ends. The key under
//! which it was begun stands among the start keys, and goes with its row.

use banyan_core::Json;
use banyan_core::id::Id;
use banyan_core::saga::Status;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What stands for the definition in the start key of an operation: no definition has this name.
pub const OPERATION_KEYS: &str = "";

/// By which key an operation was begun, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationKey {
    /// The wall behind which the key counts.
    pub namespace: String,
    /// The caller's key.
    pub key: String,
    /// SHA-256 of the canonical body, to tell a repeat from another operation.
    pub request_hash: String,
}

impl OperationKey {
    /// It as a start key.
    pub(crate) fn parts(&self) -> [&str; 3] {
        [&self.namespace, OPERATION_KEYS, &self.key]
    }
}

/// An operation.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationRow {
    /// Its id; ids are in the order in which operations begin.
    pub id: Id,
    /// It is not over.
    pub open: bool,
    /// Everything else.
    pub body: Json,
}

/// A saga that an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// The saga.
    pub id: Id,
    /// The number of its last record when it was chosen.
    pub seq: u64,
}

/// The sagas that a filter selects at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// They, newest first.
    pub items: Vec<Item>,
    /// How many of each definition have each status.
    pub counts: BTreeMap<(String, Status), u64>,
    /// There are more than were asked for.
    pub more: bool,
}

impl Selection {
    /// Takes one more, or notes that there are more.
    pub(crate) fn add(&mut self, most: usize, item: Item, definition: &str, status: Status) {
        if self.items.len() >= most {
            self.more = true;
            return;
        }
        self.items.push(item);
        let key = (definition.to_owned(), status);
        *self.counts.entry(key).or_default() += 1;
    }
}
