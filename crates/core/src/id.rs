//! Saga ids: UUIDs that sort by time and carry their shard in their last two bytes.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// The id of one saga. Young ids are neighbours in the store, and whoever holds one knows
/// its shard without a lookup.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(uuid::Uuid);

impl Id {
    /// An id for a saga accepted at `millis` (since the epoch), with `random` bits in its
    /// middle and the spread of its caller's key at its end.
    pub fn new(millis: u64, random: u64, spread: u16) -> Id {
        let mut tail = [0u8; 10];
        tail[..8].copy_from_slice(&random.to_be_bytes());
        tail[8..].copy_from_slice(&spread.to_be_bytes());
        Id(uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid())
    }

    /// Which of `shards` this saga belongs to.
    pub fn shard(self, shards: u16) -> u16 {
        let bytes = self.0.as_bytes();
        u16::from_be_bytes([bytes[14], bytes[15]]) % shards
    }

    /// The sixteen bytes as stored.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id whose stored bytes are these.
    pub fn from_bytes(bytes: [u8; 16]) -> Id {
        Id(uuid::Uuid::from_bytes(bytes))
    }
}

/// Where a start key falls: the same for every start with the same namespace, definition and
/// key, so that all of them meet in one shard.
pub fn spread(namespace: &str, definition: &str, key: &str) -> u16 {
    let mut hash = Sha256::new();
    for part in [namespace, definition, key] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    u16::from_be_bytes([digest[0], digest[1]])
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no saga id.
#[derive(Debug, thiserror::Error)]
#[error("a saga id looks like 0197c1d2-5a3b-7c4d-8e9f-001122334455")]
pub struct InvalidId;

impl FromStr for Id {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Id, InvalidId> {
        // Only the hyphenated form: one saga, one spelling.
        match uuid::Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 36 => Ok(Id(uuid)),
            _ => Err(InvalidId),
        }
    }
}

impl TryFrom<String> for Id {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Id, InvalidId> {
        text.parse()
    }
}

impl From<Id> for String {
    fn from(id: Id) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_keep_their_shard() {
        let young = Id::new(2_000, 0, 0xffff);
        let old = Id::new(1_000, u64::MAX, 3);
        assert!(old < young);
        assert_eq!(old.shard(64), 3);
        assert_eq!(young.shard(64), 63);
        assert_eq!(old.to_string().parse::<Id>().unwrap(), old);
        assert!("0197c1".parse::<Id>().is_err());
    }

    #[test]
    fn parts_of_a_start_key_do_not_run_together() {
        assert_ne!(spread("a", "bc", "d"), spread("ab", "c", "d"));
    }
}
