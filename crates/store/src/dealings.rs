//! What a saga has to do with other sagas: the messages between them, the lines before locks.
//!
//! Both change in the commit of the saga that causes it, so that neither can be lost or come
//! without its cause. What a message means, and who may join which line, the core decides.

use crate::audit::AuditRow;
use banyan_core::id::Id;
use banyan_core::saga::Status;
use banyan_core::{Json, Timestamp};

/// A message from one saga to another, stored with the commit that causes it and removed in the
/// commit of what it causes. Unique in `to`, `from` and `seq`.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Whom it is for; the saga need not exist yet.
    pub to: Id,
    /// Who sent it.
    pub from: Id,
    /// The number of the sender's record that caused it.
    pub seq: u64,
    /// What kind of message it is.
    pub kind: String,
    /// What it says.
    pub body: Json,
}

impl Message {
    /// What its taker knows it by.
    pub fn key(&self) -> MessageKey {
        MessageKey {
            from: self.from,
            seq: self.seq,
        }
    }
}

/// What a saga knows a message to it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey {
    /// Who sent it.
    pub from: Id,
    /// The number of the sender's record that caused it.
    pub seq: u64,
}

/// What a commit of a saga does to others, beside its own row and records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dealings {
    /// Messages that the saga sends. One that is there already changes nothing.
    pub messages: Vec<Message>,
    /// Messages to the saga that this commit acts on, and that go with it. One that is gone
    /// already changes nothing: the saga's journal tells a message that came twice.
    pub taken: Vec<MessageKey>,
    /// Where the saga stands in the line before its lock.
    pub lock: Option<LockChange>,
    /// The verbs that lead to this commit.
    pub audit: Vec<AuditRow>,
}

/// A step in the line before a lock. A saga stands in one line at most; the lines of two
/// definitions or namespaces are never the same. Who holds the lock stands first in its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockChange {
    /// Stands at the end of the line: lines are in the order of commits. Conflict when it stands
    /// in one already.
    Join {
        /// SHA-256 of the lock's value, in hexadecimal digits.
        value: String,
    },
    /// Stands before everybody who waits, and after who holds the lock: a saga that was opened
    /// again. Conflict when it stands in a line already.
    JoinFirst {
        /// SHA-256 of the lock's value, in hexadecimal digits.
        value: String,
    },
    /// Takes the lock. Conflict when it is not the first of a line.
    Take,
    /// Leaves the line, holding the lock or not. Without a line it changes nothing.
    Leave,
}

/// Where a saga stands in the line before its lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockPlace {
    /// SHA-256 of the lock's value.
    pub value: String,
    /// It holds the lock.
    pub holds: bool,
    /// So many stand before it.
    pub ahead: u64,
    /// Who holds the lock, or is to take it next.
    pub first: Id,
}

/// Which sagas at rest to look for.
#[derive(Clone, Copy, Debug)]
pub struct EndedQuery {
    /// After this one.
    pub after: Option<Id>,
    /// At rest since this moment, or longer.
    pub until: Timestamp,
    /// Look at so many sagas at most, at rest or not: no read takes long, whatever it finds.
    pub look: usize,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndedPage {
    /// Those at rest.
    pub ended: Vec<Ended>,
    /// Where to go on; none when there are no more.
    pub next: Option<Id>,
}

/// What is left of a saga that was purged, for as long as its start key is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purged {
    /// Its id.
    pub id: Id,
    /// Its last status.
    pub status: Status,
    /// When it came to rest.
    pub ended_at: Timestamp,
}

/// A saga that holds its lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The saga.
    pub saga: Id,
    /// Who takes the lock after it; none when nobody waits.
    pub next: Option<Id>,
}

/// A saga at rest, as far as retention asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its id.
    pub id: Id,
    /// The definition's name.
    pub definition: String,
    /// Its version.
    pub version: u32,
    /// Its status.
    pub status: Status,
    /// When it came to rest.
    pub ended_at: Timestamp,
}
