//! The first record of a journal: everything that is fixed when a start is accepted.

use super::mail::Parent;
use crate::json::Json;
use crate::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An accepted start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The definition's name.
    pub definition: String,
    /// Its version.
    pub version: u32,
    /// Its hash.
    pub definition_hash: String,
    /// The wall it stands behind.
    pub namespace: String,
    /// The caller's key.
    pub key: String,
    /// What the idempotency keys of its calls derive from, beside their paths and rounds.
    pub call_seed: String,
    /// The input.
    pub input: Json,
    /// The labels, computed once.
    pub labels: BTreeMap<String, String>,
    /// When it is undone if it has not passed its pivot.
    pub deadline: Option<Timestamp>,
    /// How long a leg that must run may be parked before its saga is stuck.
    pub park_limit: Duration,
    /// SHA-256 of its lock's value, in hexadecimal digits; none when it needs no lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// The versions of the definitions that it runs, fixed when it starts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub children: BTreeMap<String, u32>,
    /// The saga that it is a child of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
}
