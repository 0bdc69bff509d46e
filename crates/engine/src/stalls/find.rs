//! What a round of the look for stalled sagas reads, and what it makes of it. Reads alone, each
//! of a page at most.

use super::{Stall, StallKind};
use crate::shard::Loaded;
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::{Leg, LegPhase, Saga, Status};
use banyan_store::{Filter, ReadError, Reader, SagaRow, WakeQuery};
use std::collections::BTreeSet;

/// Overdue sagas whose journals are read in one round, to tell a damaged one.
const JOURNALS: usize = 16;
/// Parents whose journals are read in one round.
const FAMILIES: usize = 32;

/// What the look for parents needs to know.
pub(super) struct Family<'a> {
    /// The definitions that run others.
    pub(super) parents: &'a [String],
    /// Folds a saga.
    pub(super) load: &'a dyn Fn(Id) -> Loaded,
}

/// Where the look has come to.
#[derive(Debug)]
pub(super) struct Finder {
    /// After so many milliseconds without progress a saga has stalled.
    bound: i64,
    page: usize,
    /// Where the walk over locks goes on, and that over parents.
    holders: Option<Id>,
    parents: Option<Id>,
    /// What the walks found: they do not come by again soon.
    locked: BTreeSet<Id>,
    waiting: BTreeSet<Id>,
}

impl Finder {
    pub(super) fn new(bound: i64, page: usize) -> Finder {
        Finder {
            bound,
            page: page.max(1),
            holders: None,
            parents: None,
            locked: BTreeSet::new(),
            waiting: BTreeSet::new(),
        }
    }

    /// What may stall now.
    pub(super) fn round(
        &mut self,
        reader: &dyn Reader,
        now: Timestamp,
        family: &Family<'_>,
    ) -> Result<Vec<Stall>, ReadError> {
        let mut found = self.overdue(reader, now)?;
        found.extend(self.sleepless(reader, now)?);
        found.extend(self.mail(reader, now)?);
        found.extend(self.locks(reader, now)?);
        found.extend(self.families(reader, now, family)?);
        Ok(found)
    }

    fn is_old(&self, at: Timestamp, now: Timestamp) -> bool {
        at.0.saturating_add(self.bound) <= now.0
    }

    /// Wakes that passed long ago. An intent's wake stands behind its deadline.
    fn overdue(&self, reader: &dyn Reader, now: Timestamp) -> Result<Vec<Stall>, ReadError> {
        let wakes = reader.wakes(&WakeQuery {
            until: Timestamp(now.0.saturating_sub(self.bound)),
            after: None,
            in_flight_only: false,
            limit: self.page,
        })?;
        let mut found = Vec::new();
        for (place, wake) in wakes.into_iter().enumerate() {
            let read = if place < JOURNALS {
                let loaded = reader.load(wake.id);
                loaded.map(|stored| stored.map(|stored| stored.row))
            } else {
                reader.row(wake.id)
            };
            let (kind, cause) = match read {
                Err(ReadError::Damaged { message }) => (StallKind::Damaged, message),
                Err(error) => return Err(error),
                Ok(Some(row)) if row.wake_at == Some(wake.at) => missed(&row, wake.at),
                Ok(_) => continue,
            };
            found.push(Stall {
                id: wake.id,
                kind,
                since: wake.at,
                cause,
            });
        }
        Ok(found)
    }

    fn sleepless(&self, reader: &dyn Reader, now: Timestamp) -> Result<Vec<Stall>, ReadError> {
        let mut found = Vec::new();
        for id in reader.sleepless(None, self.page)? {
            let Some(row) = whole(reader.row(id))? else {
                continue;
            };
            if self.is_old(row.updated_at, now) {
                found.push(Stall {
                    id,
                    kind: StallKind::NoWake,
                    since: row.updated_at,
                    cause: "it is open, and nothing is stored that would wake it".to_owned(),
                });
            }
        }
        Ok(found)
    }

    /// A message is told to its receiver at once; how long one was there, only rounds can tell.
    fn mail(&self, reader: &dyn Reader, now: Timestamp) -> Result<Vec<Stall>, ReadError> {
        let mut found: Vec<Stall> = Vec::new();
        for message in reader.messages(None, self.page)? {
            let (to, from, kind) = (message.to, message.from, &message.kind);
            let is_there = whole(reader.row(to))?.is_some();
            let (id, cause) = if is_there {
                let cause = format!("it does not take the message {kind} from the saga {from}");
                (to, cause)
            } else {
                let cause = format!("nobody takes its message {kind} to the saga {to}");
                (from, cause)
            };
            if found.last().is_none_or(|last| last.id != id) {
                found.push(Stall {
                    id,
                    kind: StallKind::Message,
                    since: now,
                    cause,
                });
            }
        }
        Ok(found)
    }

    fn locks(&mut self, reader: &dyn Reader, now: Timestamp) -> Result<Vec<Stall>, ReadError> {
        let mut found = Vec::new();
        for id in reader.granted(None, self.page)? {
            let cause = "its lock is free for it, and it does not take it".to_owned();
            found.push(Stall {
                id,
                kind: StallKind::Lock,
                since: now,
                cause,
            });
        }
        let holders = reader.holders(self.holders, self.page)?;
        let is_last = holders.len() < self.page;
        self.holders = holders.last().map(|last| last.saga).filter(|_| !is_last);
        let mut waiting = std::mem::take(&mut self.locked);
        waiting.extend(holders.iter().filter_map(|holder| holder.next));
        for id in waiting {
            if let Some(cause) = held_in_vain(reader, id)? {
                self.locked.insert(id);
                found.push(Stall {
                    id,
                    kind: StallKind::Lock,
                    since: now,
                    cause,
                });
            }
        }
        Ok(found)
    }

    /// Parents that were not written for long: is there anything to wait for?
    fn families(
        &mut self,
        reader: &dyn Reader,
        now: Timestamp,
        family: &Family<'_>,
    ) -> Result<Vec<Stall>, ReadError> {
        let (parents, load) = (family.parents, family.load);
        let mut found = Vec::new();
        let mut looked = std::mem::take(&mut self.waiting);
        looked.extend(self.next_parents(reader, now, parents)?);
        for id in looked {
            // One that cannot be loaded is found by its wake.
            let Loaded::Found { saga, .. } = load(id) else {
                continue;
            };
            let orphaned = orphaned(reader, &saga, |at| self.is_old(at, now))?;
            if let Some((since, cause)) = orphaned {
                self.waiting.insert(id);
                found.push(Stall {
                    id,
                    kind: StallKind::Child,
                    since,
                    cause,
                });
            }
        }
        Ok(found)
    }

    fn next_parents(
        &mut self,
        reader: &dyn Reader,
        now: Timestamp,
        parents: &[String],
    ) -> Result<Vec<Id>, ReadError> {
        if parents.is_empty() {
            return Ok(Vec::new());
        }
        let filter = Filter {
            definition: parents.to_vec(),
            status: vec![Status::Running, Status::Compensating],
            ..Filter::default()
        };
        let rows = match reader.list(&filter, self.parents, FAMILIES) {
            // A page with a damaged row is passed over: that one is found by its wake.
            Err(ReadError::Damaged { .. }) => Vec::new(),
            other => other?,
        };
        let is_last = rows.len() < FAMILIES;
        self.parents = rows.last().map(|last| last.id).filter(|_| !is_last);
        let still = rows.into_iter().filter(|row| !row.in_flight);
        let still = still.filter(|row| self.is_old(row.updated_at, now));
        Ok(still.map(|row| row.id).collect())
    }
}

/// Damaged rows are found by their wakes.
fn whole(read: Result<Option<SagaRow>, ReadError>) -> Result<Option<SagaRow>, ReadError> {
    match read {
        Err(ReadError::Damaged { .. }) => Ok(None),
        other => other,
    }
}

fn missed(row: &SagaRow, at: Timestamp) -> (StallKind, String) {
    let step = row.step.as_deref().unwrap_or("a step");
    if row.in_flight {
        let service = row.service.as_deref().unwrap_or("a service");
        let cause = format!(
            "the call of {step} to {service} should have ended by {at}, and nobody waits for its answer"
        );
        return (StallKind::Unanswered, cause);
    }
    let cause = format!("it was to be woken at {at}, and nobody took that up");
    (StallKind::Overdue, cause)
}

/// Why a saga in a line waits in vain: who holds the lock will never let it go.
fn held_in_vain(reader: &dyn Reader, id: Id) -> Result<Option<String>, ReadError> {
    let Some(place) = reader.lock(id)?.filter(|place| place.first != id) else {
        return Ok(None);
    };
    let first = place.first;
    Ok(match reader.row(first) {
        Ok(None) => Some(format!(
            "its lock is held by the saga {first}, which is gone"
        )),
        Ok(Some(row)) if row.status.is_rest() => Some(format!(
            "its lock is held by the saga {first}, which is {}",
            row.status.as_str()
        )),
        Ok(Some(_)) | Err(ReadError::Damaged { .. }) => None,
        Err(error) => return Err(error),
    })
}

/// The child that a parent waits for, and that will tell it nothing any more.
fn orphaned(
    reader: &dyn Reader,
    saga: &Saga,
    is_old: impl Fn(Timestamp) -> bool,
) -> Result<Option<(Timestamp, String)>, ReadError> {
    let mut open: Vec<(Id, Timestamp)> = Vec::new();
    saga.each_state(&mut |_, state| {
        for leg in Leg::ALL {
            if let (LegPhase::Child { since }, Some(child)) = (&state.leg(leg).phase, &state.child)
            {
                open.push((child.id, *since));
            }
        }
    });
    for (child, since) in open.into_iter().filter(|(_, since)| is_old(*since)) {
        let cause = match reader.row(child) {
            Ok(None) => format!("it waits for the saga {child}, which does not exist"),
            Ok(Some(row)) if row.status.is_rest() && is_old(row.updated_at) => format!(
                "it waits for the saga {child}, which is {} and has nothing more to say",
                row.status.as_str()
            ),
            Ok(Some(_)) | Err(ReadError::Damaged { .. }) => continue,
            Err(error) => return Err(error),
        };
        return Ok(Some((since, cause)));
    }
    Ok(None)
}
