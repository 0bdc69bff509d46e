//! What goes wrong with sagas, counted by cause: what `failures` is made of.
//!
//! A row says at most one trouble of its saga, and only rows in trouble stand in the index that
//! is read here, so that a saga without any pays nothing for it. A read counts at most so many
//! rows of each status, the newest first, and says what it left out.

use crate::port::SagaRow;
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::{Leg, Status};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// What goes wrong with a saga.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// What it is.
    pub cause: Cause,
}

/// A trouble without its time: sagas with the same one are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cause {
    /// What kind of trouble.
    pub kind: TroubleKind,
    /// The step's path, its items unnumbered; none where no step is to blame.
    pub step: Option<String>,
    /// The leg; none where the saga turned back.
    pub leg: Option<Leg>,
    /// The service that it calls.
    pub service: Option<String>,
    /// The code: why it is stuck, why it is parked, why it turned back, or what its step would
    /// be if it were not tried again.
    pub code: String,
}

/// What kind of trouble a saga is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// A leg needs a person.
    Stuck,
    /// A road or a credential is wrong.
    Misconfigured,
    /// A leg waits for its road.
    Parked,
    /// An attempt failed, and the next is to come or under way.
    Retrying,
    /// It turned back, and nothing is left of it.
    Compensated,
}

impl TroubleKind {
    /// All of them, the gravest first.
    pub const ALL: [TroubleKind; 5] = [
        TroubleKind::Stuck,
        TroubleKind::Misconfigured,
        TroubleKind::Parked,
        TroubleKind::Retrying,
        TroubleKind::Compensated,
    ];

    /// The kind as written in the API and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            TroubleKind::Stuck => "stuck",
            TroubleKind::Misconfigured => "misconfigured",
            TroubleKind::Parked => "parked",
            TroubleKind::Retrying => "retrying",
            TroubleKind::Compensated => "compensated",
        }
    }
}

/// Which troubles to count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TroubleQuery {
    /// Behind these walls; none means all.
    pub namespace: Vec<String>,
    /// Of sagas in these statuses.
    pub status: Vec<Status>,
    /// That began at this moment or later.
    pub since: Option<Timestamp>,
    /// At most so many sagas of each status, the newest troubles first.
    pub limit: usize,
}

/// Troubles, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Troubles {
    /// Sagas of one definition with one cause, by definition and cause.
    pub groups: Vec<Group>,
    /// Statuses of which there are more than were counted, each with the moment of the oldest
    /// trouble that was.
    pub cut: BTreeMap<Status, Timestamp>,
}

/// Sagas of one definition that are in trouble for one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The definition.
    pub definition: String,
    /// The cause.
    pub cause: Cause,
    /// How many.
    pub sagas: u64,
    /// When the trouble of the first of them began.
    pub first: Timestamp,
    /// When that of the last of them began.
    pub last: Timestamp,
    /// The last of them.
    pub sample: Id,
}

/// Counts troubles that come newest first, those of each status in turn.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    /// By definition and cause as written, so that few causes are read, however many rows.
    groups: HashMap<(String, String), Group>,
    cut: BTreeMap<Status, Timestamp>,
}

impl Counting {
    /// One more; false when its cause cannot be read.
    pub(crate) fn add(&mut self, definition: &str, cause: &str, at: Timestamp, id: Id) -> bool {
        let key = (definition.to_owned(), cause.to_owned());
        if let Some(group) = self.groups.get_mut(&key) {
            group.sagas += 1;
            group.first = group.first.min(at);
            if (group.last, group.sample) < (at, id) {
                (group.last, group.sample) = (at, id);
            }
            return true;
        }
        let Ok(read) = serde_json::from_str(cause) else {
            return false;
        };
        let group = Group {
            definition: definition.to_owned(),
            cause: read,
            sagas: 1,
            first: at,
            last: at,
            sample: id,
        };
        self.groups.insert(key, group);
        true
    }

    /// There are more of a status than were counted.
    pub(crate) fn cut(&mut self, status: Status, oldest: Timestamp) {
        self.cut.insert(status, oldest);
    }

    pub(crate) fn end(self) -> Troubles {
        let mut groups: Vec<Group> = self.groups.into_values().collect();
        groups.sort_by(|one, other| {
            (&one.definition, &one.cause).cmp(&(&other.definition, &other.cause))
        });
        Troubles {
            groups,
            cut: self.cut,
        }
    }
}

/// Counts rows, as every store does.
pub(crate) fn count<'a>(rows: impl Iterator<Item = &'a SagaRow>, query: &TroubleQuery) -> Troubles {
    let mut found: Vec<(&SagaRow, &Trouble)> = rows
        .filter(|row| query.namespace.is_empty() || query.namespace.contains(&row.namespace))
        .filter_map(|row| Some((row, row.trouble.as_ref()?)))
        .filter(|(_, trouble)| query.since.is_none_or(|since| trouble.since >= since))
        .collect();
    found.sort_by_key(|(row, trouble)| std::cmp::Reverse((trouble.since, row.id)));
    let mut counting = Counting::default();
    for status in &query.status {
        let of_status = found.iter().filter(|(row, _)| row.status == *status);
        let mut oldest = None;
        for (place, (row, trouble)) in of_status.enumerate() {
            if place == query.limit {
                counting.cut(*status, oldest.unwrap_or(trouble.since));
                break;
            }
            oldest = Some(trouble.since);
            let cause = crate::check::json(&trouble.cause);
            counting.add(&row.definition, &cause, trouble.since, row.id);
        }
    }
    counting.end()
}
