//! The port: what the engine may ask of a store.

use crate::audit::{AuditEntry, AuditQuery, AuditRow};
use crate::dealings::{
    Dealings, EndedPage, EndedQuery, Holder, LockPlace, Message, MessageKey, Purged,
};
#[cfg(doc)]
use crate::operations::OPERATION_KEYS;
use crate::operations::{Item, OperationKey, OperationRow, Selection};
pub use crate::registry::{DefinitionRow, Pause, ServiceRow};
use crate::trouble::{Trouble, TroubleQuery, Troubles};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::{Entry, Reason, Status};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The one writer of a store. It lives on a thread of its own.
pub trait Writer: Send {
    /// Applies a batch in one transaction, in its order: a change sees the ones before it.
    /// When it returns `Ok`, everything in it that was not a conflict is on disk. An empty batch
    /// changes nothing and is written all the same: it tells whether the store can write.
    ///
    /// # Errors
    /// Nothing of the batch was applied, save [`CommitError::Unknown`].
    ///
    /// # Panics
    /// When a change breaks its own form ([`Change::check`]): that is a bug of the caller, and
    /// a journal with a gap must never reach the disk.
    fn commit(&mut self, changes: &[Change]) -> Result<Committed, CommitError>;
}

/// Reads of committed data; shared by many threads.
pub trait Reader: Send + Sync {
    /// The store's own id: random, made once, kept for ever.
    fn store_id(&self) -> &str;

    /// The store's own secret: random, made once, kept for ever. Whoever knows it can make the
    /// addresses that replies come to.
    fn secret(&self) -> [u8; 32];

    /// A saga's row and whole journal.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn load(&self, id: Id) -> Result<Option<Stored>, ReadError>;

    /// A saga's row alone.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn row(&self, id: Id) -> Result<Option<SagaRow>, ReadError>;

    /// Whom a start key belongs to; with [`OPERATION_KEYS`] as the definition, which operation
    /// was begun under it.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn start_key(
        &self,
        namespace: &str,
        definition: &str,
        key: &str,
    ) -> Result<Option<StartKey>, ReadError>;

    /// Rows by filter, newest first.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn list(
        &self,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<SagaRow>, ReadError>;

    /// Wakes due at or before `until` and after `after` (by time, then id), oldest first. With
    /// `in_flight_only` all rows in flight after `after`, however late they are due.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn wakes(&self, query: &WakeQuery) -> Result<Vec<Wake>, ReadError>;

    /// Sagas with a leg parked for this service, whichever else they are parked for, oldest
    /// parked first, after `after`.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn parked(
        &self,
        service: &str,
        after: Option<(Timestamp, Id)>,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Id)>, ReadError>;

    /// How many sagas have each status, and how many are parked for each service; figures of
    /// zero are left out.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn counts(&self) -> Result<Counts, ReadError>;

    /// What goes wrong with sagas, counted by cause. Its work is bounded by the query's limit,
    /// however many sagas there are.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn troubles(&self, query: &TroubleQuery) -> Result<Troubles, ReadError>;

    /// Every registered definition, by name and version.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn definitions(&self) -> Result<Vec<DefinitionRow>, ReadError>;

    /// Every registered service, by name.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn services(&self) -> Result<Vec<ServiceRow>, ReadError>;

    /// Messages that were not taken yet, after `after`, by receiver, sender and number.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn messages(
        &self,
        after: Option<(Id, MessageKey)>,
        limit: usize,
    ) -> Result<Vec<Message>, ReadError>;

    /// Sagas that stand first in their line and have not taken the lock, by id, after `after`.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn granted(&self, after: Option<Id>, limit: usize) -> Result<Vec<Id>, ReadError>;

    /// Sagas that hold their lock, by id, after `after`, each with who waits next for it.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn holders(&self, after: Option<Id>, limit: usize) -> Result<Vec<Holder>, ReadError>;

    /// Sagas that are running or compensating and have nothing to wake them, by id, after
    /// `after`: there should be none (I-9).
    ///
    /// # Errors
    /// See [`ReadError`].
    fn sleepless(&self, after: Option<Id>, limit: usize) -> Result<Vec<Id>, ReadError>;

    /// Where a saga stands in the line before its lock; none when it stands in none.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn lock(&self, saga: Id) -> Result<Option<LockPlace>, ReadError>;

    /// Sagas that have been at rest for long, by id, which is the order of their acceptance. It
    /// passes over damaged ones.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn ended(&self, query: &EndedQuery) -> Result<EndedPage, ReadError>;

    /// What is left of a purged saga; none once its start key is forgotten.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn purged(&self, id: Id) -> Result<Option<Purged>, ReadError>;

    /// Purged sagas that came to rest at `until` or before, those that ended first first.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn purged_until(&self, until: Timestamp, limit: usize) -> Result<Vec<Id>, ReadError>;

    /// Rows of the audit, newest first.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, ReadError>;

    /// The numbers of the oldest rows of the audit, up to the first that is of a later moment or
    /// belongs to an operation that is open.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn audit_until(&self, until: Timestamp, limit: usize) -> Result<Vec<u64>, ReadError>;

    /// Those of these sagas that an operation has done its verb to, in the order given.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn taken_by(&self, operation: Id, sagas: &[Id]) -> Result<Vec<Id>, ReadError>;

    /// What a filter selects, all of it as it is at one moment, but no more than `most`.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn select(&self, filter: &Filter, most: usize) -> Result<Selection, ReadError>;

    /// An operation over many sagas.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn operation(&self, id: Id) -> Result<Option<OperationRow>, ReadError>;

    /// Operations, newest first, below `after`; with `open_only` those that are not over.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn operations(
        &self,
        open_only: bool,
        after: Option<Id>,
        limit: usize,
    ) -> Result<Vec<OperationRow>, ReadError>;

    /// The sagas that an open operation is about, in their order, from this place on.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn items(&self, operation: Id, from: usize, limit: usize) -> Result<Vec<Item>, ReadError>;
}

/// One guarded change.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new saga. Conflict when its start key or its id is taken.
    Start {
        /// Its row, with `seq` of its last record.
        row: SagaRow,
        /// SHA-256 of the start's canonical body, to tell a repeat from another start.
        request_hash: String,
        /// Its first records.
        entries: Vec<Entry>,
        /// What it has to do with other sagas. Conflict when its step in a line is none.
        dealings: Dealings,
    },
    /// More records of a saga. Conflict when the stored `seq` is not `expected_seq`.
    Append {
        /// The row as it is now. What a start fixed (names, key, labels, start, deadline)
        /// stays as stored; the definition's version and hash go with a move.
        row: SagaRow,
        /// The `seq` that the caller saw.
        expected_seq: u64,
        /// The records after it.
        entries: Vec<Entry>,
        /// What it has to do with other sagas. Conflict when its step in a line is none.
        dealings: Dealings,
    },
    /// A message goes that causes nothing: it came twice. Never a conflict.
    TakeMessage {
        /// Whom it was for.
        to: Id,
        /// Which of the messages to it.
        key: MessageKey,
    },
    /// A saga goes, with its journal and its labels. Its start key stays, and says with which
    /// status it went. Conflict when it is not at rest or something of it is still under way (a
    /// wake, a call), when a message from it or to it is still owed, when it stands in a line
    /// before a lock, when the saga that runs it is there (which may have to undo it), and when
    /// a saga that it runs is open.
    Purge {
        /// The saga.
        id: Id,
    },
    /// The start key of a purged saga goes: nothing is known of the saga any more. Conflict when
    /// no purged saga has this id.
    Forget {
        /// The saga.
        id: Id,
    },
    /// A definition's version. Conflict when that version is taken by another hash; with the
    /// same hash nothing changes. An active one displaces the one before; a name that refuses
    /// starts goes on refusing them.
    Definition(DefinitionRow),
    /// Which version starts use. Conflict when it is not registered.
    Activate {
        /// The definition's name.
        name: String,
        /// The version.
        version: u32,
    },
    /// Whether starts are accepted, and why not. Conflict when no version is registered.
    Accepting {
        /// The definition's name.
        name: String,
        /// Why starts are refused; none accepts them.
        refusal: Option<String>,
    },
    /// A service, new or changed.
    Service(ServiceRow),
    /// A service goes. The caller has made sure that nothing uses it.
    DeleteService {
        /// Its name.
        name: String,
    },
    /// An operation over many sagas: a new one with the sagas that it is about, or one as it
    /// stands now, without. When it is over its sagas go. Conflict when its key is taken.
    Operation {
        /// The operation.
        row: OperationRow,
        /// The sagas that a new one is about.
        items: Vec<Item>,
        /// By which key a new one is begun.
        key: Option<OperationKey>,
    },
    /// An operation that is over goes, with its key. Conflict when there is none, or it is open.
    ForgetOperation {
        /// The operation.
        id: Id,
        /// The key by which it was begun.
        key: Option<OperationKey>,
    },
    /// A row of the audit goes. Conflict when there is none of this number, or it belongs to an
    /// operation that is open, which is told by it whom it has taken.
    ForgetAudit {
        /// Its number.
        number: u64,
    },
    /// A change that somebody asked for, and the row of the audit that says so. A conflict when
    /// the change is one, and then without the row. Changes of sagas carry theirs in their
    /// dealings.
    Audited {
        /// What changes.
        change: Box<Change>,
        /// What is told of it.
        row: Box<AuditRow>,
    },
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// What became of each change, in their order.
    pub applied: Vec<Applied>,
    /// Sagas that came to stand first in their line through this batch and have not taken the
    /// lock, by id.
    pub granted: Vec<Id>,
}

/// What became of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is on disk.
    Done,
    /// It found something else than it expected; nothing of it was applied.
    Conflict,
}

/// Why a commit failed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// It did not happen, and may succeed later: the disk is full, the database is busy.
    #[error("the store cannot write now: {message}")]
    Unavailable {
        /// What stands in the way, and how to mend it.
        message: String,
    },
    /// This node no longer owns what it wrote to.
    #[error("another node owns this shard")]
    Fenced,
    /// It may have happened. An fsync that failed is this: the process must end.
    #[error("the store does not know whether the commit happened: {message}")]
    Unknown {
        /// What happened.
        message: String,
    },
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It may succeed later.
    #[error("the store cannot be read now: {message}")]
    Unavailable {
        /// What stands in the way.
        message: String,
    },
    /// A row's checksum is wrong, or it does not parse.
    #[error("the store is damaged: {message}")]
    Damaged {
        /// Which row, and what is wrong with it.
        message: String,
    },
}

/// Why a store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds it.
    #[error(
        "{path} is in use by another Banyan: end it first, or give this one another --data folder"
    )]
    InUse {
        /// The data folder.
        path: String,
    },
    /// It cannot be written.
    #[error("{path} cannot be written: {message}")]
    ReadOnly {
        /// The file or folder.
        path: String,
        /// What the system said.
        message: String,
    },
    /// A newer Banyan wrote it.
    #[error(
        "{path} was written by a newer Banyan (schema {found}; this one knows up to {known}): start that one, or restore a backup"
    )]
    TooNew {
        /// The file.
        path: String,
        /// Its schema.
        found: u32,
        /// The newest that this build knows.
        known: u32,
    },
    /// It is damaged, or no Banyan store at all.
    #[error("{path} is damaged: {message}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// Anything else of the system.
    #[error("{path} cannot be opened: {message}")]
    Failed {
        /// The file or folder.
        path: String,
        /// What the system said.
        message: String,
    },
}

/// A saga's row: what lists, timers and recovery need without its journal. Input and results
/// stand in the journal only.
#[derive(Clone, Debug, PartialEq)]
pub struct SagaRow {
    /// Its id.
    pub id: Id,
    /// The wall it stands behind.
    pub namespace: String,
    /// The definition's name.
    pub definition: String,
    /// Its version.
    pub version: u32,
    /// Its hash.
    pub definition_hash: String,
    /// Its shard.
    pub shard: u16,
    /// The caller's key.
    pub key: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its status.
    pub status: Status,
    /// Why it turned back.
    pub reason: Option<Reason>,
    /// The code of its first stuck leg.
    pub stuck: Option<String>,
    /// The step it stands at (the first of what it waits on).
    pub step: Option<String>,
    /// The service that it waits on.
    pub service: Option<String>,
    /// Since when a leg of it has been parked for `service`; none when none is.
    pub parked_since: Option<Timestamp>,
    /// The other services that legs of it are parked for, each with since when. Empty unless
    /// `parked_since` is set.
    pub also_parked: BTreeMap<String, Timestamp>,
    /// When to look at it, at the latest.
    pub wake_at: Option<Timestamp>,
    /// Some attempt's intent stands without an answer. Then `wake_at` is set.
    pub in_flight: bool,
    /// The number of its last record.
    pub seq: u64,
    /// When its start was accepted: the moment in its id, give or take an hour. Lists by time
    /// rely on it.
    pub started_at: Timestamp,
    /// When its last record was written.
    pub updated_at: Timestamp,
    /// When it came to rest.
    pub ended_at: Option<Timestamp>,
    /// Past it, before the pivot, it is undone.
    pub deadline: Option<Timestamp>,
    /// Who looks after it; none when nobody was named.
    pub owner: Option<String>,
    /// What goes wrong with it; none when nothing does.
    pub trouble: Option<Trouble>,
}

/// A saga as loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its row.
    pub row: SagaRow,
    /// Its journal, oldest first.
    pub journal: Vec<Entry>,
}

/// Whom a start key belongs to. It outlives its saga.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartKey {
    /// The saga, or the operation.
    pub id: Id,
    /// SHA-256 of the start's canonical body.
    pub request_hash: String,
    /// Its last status once the saga itself was purged.
    pub purged: Option<Status>,
}

/// A filter over sagas: alternatives within a field, all fields together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Behind these walls.
    pub namespace: Vec<String>,
    /// Of these definitions.
    pub definition: Vec<String>,
    /// At these versions.
    pub version: Vec<u32>,
    /// In these statuses.
    pub status: Vec<Status>,
    /// With these start keys.
    pub key: Vec<String>,
    /// Standing at these steps, by their paths; `lines[].reserve` is that of any item.
    pub step: Vec<String>,
    /// Waiting on these services, or parked for them besides.
    pub service: Vec<String>,
    /// With these reason or stuck codes.
    pub code: Vec<String>,
    /// Looked after by these.
    pub owner: Vec<String>,
    /// With these label values: by name, any of the values.
    pub label: BTreeMap<String, Vec<String>>,
    /// Accepted after this moment.
    pub started_after: Option<Timestamp>,
    /// Accepted before this moment.
    pub started_before: Option<Timestamp>,
    /// At rest after this moment.
    pub ended_after: Option<Timestamp>,
    /// At rest before this moment.
    pub ended_before: Option<Timestamp>,
    /// Only those that are stalled. A store does not know which these are and finds none: who
    /// knows looks them up by id.
    pub stalled: bool,
}

/// Where a list goes on: below this id (ids sort by the time of acceptance).
pub type Cursor = Id;

/// Which wakes to read.
#[derive(Clone, Copy, Debug)]
pub struct WakeQuery {
    /// Due at or before this.
    pub until: Timestamp,
    /// After this one, by time and id.
    pub after: Option<(Timestamp, Id)>,
    /// Only rows with an attempt in flight.
    pub in_flight_only: bool,
    /// At most so many.
    pub limit: usize,
}

/// A saga that wants to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// When.
    pub at: Timestamp,
    /// Whom.
    pub id: Id,
}

/// Figures over all sagas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sagas by status, those not at rest exactly; ended ones as far as the store counts them.
    pub by_status: BTreeMap<Status, u64>,
    /// Sagas parked, by service; one that is parked for several counts with each.
    pub parked: BTreeMap<String, u64>,
    /// When the stuck saga that has been left alone for longest was last changed; none when
    /// none is stuck.
    pub stuck_since: Option<Timestamp>,
}
