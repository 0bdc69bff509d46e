//! Who did what, when, why, and what it was before and after: one row for each verb that was
//! taken and each registration, written in the commit of what it tells. Rows are never changed, and outlive their saga;
//! they go one by one, the oldest first, when they are past their own keeping.

use banyan_core::id::Id;
use banyan_core::saga::Status;
use banyan_core::{Json, Timestamp};

/// What somebody did.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What: a verb of the API.
    pub verb: String,
    /// To which saga; none when it was not done to one.
    pub saga: Option<Id>,
    /// Of which definition, or to which definition or service.
    pub name: Option<String>,
    /// The operation over many sagas that it was a part of, or that it was done to.
    pub operation: Option<Id>,
    /// Why, in their words.
    pub reason: String,
    /// The saga as it was.
    pub before: Option<Standing>,
    /// The saga as it was right after.
    pub after: Option<Standing>,
    /// What else the verb was told; null when nothing. Of what was done to a definition or a
    /// service it also says, as `before` and `after`, how that was.
    pub detail: Json,
}

/// How a saga stands, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its status.
    pub status: Status,
    /// The number of its last record.
    pub seq: u64,
}

/// A row of the audit as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Its place: rows are numbered in the order of their commits, from 1.
    pub number: u64,
    /// What it says.
    pub row: AuditRow,
}

/// Which rows of the audit to read: alternatives within a field, all fields together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// By these.
    pub actor: Vec<String>,
    /// These verbs.
    pub verb: Vec<String>,
    /// On these sagas.
    pub saga: Vec<Id>,
    /// Later than this moment.
    pub after: Option<Timestamp>,
    /// Only rows numbered below this: where a list goes on.
    pub below: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

impl AuditQuery {
    /// Does this row belong to what is asked for?
    pub(crate) fn matches(&self, entry: &AuditEntry) -> bool {
        let row = &entry.row;
        (self.actor.is_empty() || self.actor.contains(&row.actor))
            && (self.verb.is_empty() || self.verb.contains(&row.verb))
            && (self.saga.is_empty() || row.saga.is_some_and(|saga| self.saga.contains(&saga)))
            && self.after.is_none_or(|after| row.at > after)
            && self.below.is_none_or(|below| entry.number < below)
    }
}
