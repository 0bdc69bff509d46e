//! The lines before locks, in memory.

use crate::dealings::{Holder, LockChange, LockPlace};
use crate::port::SagaRow;
use banyan_core::id::Id;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Namespace, definition and hash of the value.
type Name = [String; 3];

/// All lines. One that nobody stands in is not there.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: BTreeMap<Name, Line>,
    places: BTreeMap<Id, Name>,
    /// Lines whose first became another in the commit under way.
    moved: BTreeSet<Name>,
}

#[derive(Debug, Default)]
struct Line {
    /// The first of the line has taken the lock.
    held: bool,
    sagas: VecDeque<Id>,
}

impl Lines {
    /// May this saga take this step? Changes nothing.
    pub(super) fn allow(&self, saga: Id, change: Option<&LockChange>) -> bool {
        match change {
            None | Some(LockChange::Leave) => true,
            Some(LockChange::Join { .. } | LockChange::JoinFirst { .. }) => {
                !self.places.contains_key(&saga)
            }
            Some(LockChange::Take) => self.place(saga).is_some_and(|place| place.first == saga),
        }
    }

    /// Takes a step that is allowed.
    pub(super) fn change(&mut self, row: &SagaRow, change: &LockChange) {
        match change {
            LockChange::Join { value } => self.join(row, value, usize::MAX),
            LockChange::JoinFirst { value } => self.join(row, value, 0),
            LockChange::Take => {
                let name = self.places.get(&row.id);
                if let Some(line) = name.and_then(|name| self.lines.get_mut(name)) {
                    line.held = true;
                }
            }
            LockChange::Leave => self.leave(row.id),
        }
    }

    /// Stands as far in front as `place`, though never before who holds the lock.
    fn join(&mut self, row: &SagaRow, value: &str, place: usize) {
        let name = [&row.namespace, &row.definition, value].map(str::to_owned);
        let line = self.lines.entry(name.clone()).or_default();
        let place = place.clamp(line.held.into(), line.sagas.len());
        line.sagas.insert(place, row.id);
        if place == 0 {
            self.moved.insert(name.clone());
        }
        self.places.insert(row.id, name);
    }

    fn leave(&mut self, saga: Id) {
        let Some(name) = self.places.remove(&saga) else {
            return;
        };
        if let Some(line) = self.lines.get_mut(&name) {
            if line.sagas.front() == Some(&saga) {
                line.held = false;
                self.moved.insert(name.clone());
            }
            line.sagas.retain(|one| *one != saga);
            if line.sagas.is_empty() {
                self.lines.remove(&name);
            }
        }
    }

    /// Who came to stand first in the commit that ends here, and has not taken the lock.
    pub(super) fn take_granted(&mut self) -> Vec<Id> {
        let moved = std::mem::take(&mut self.moved);
        let lines = moved.iter().filter_map(|name| self.lines.get(name));
        sorted(lines)
    }

    /// Everybody who stands first and has not taken the lock, by id.
    pub(super) fn waiting_first(&self) -> Vec<Id> {
        sorted(self.lines.values())
    }

    /// Who holds a lock, by id.
    pub(super) fn holders(&self) -> Vec<Holder> {
        let held = self.lines.values().filter(|line| line.held);
        let holder = |line: &Line| {
            Some(Holder {
                saga: *line.sagas.front()?,
                next: line.sagas.get(1).copied(),
            })
        };
        let mut holders: Vec<Holder> = held.filter_map(holder).collect();
        holders.sort_unstable_by_key(|holder| holder.saga);
        holders
    }

    /// Where a saga stands.
    pub(super) fn place(&self, saga: Id) -> Option<LockPlace> {
        let name = self.places.get(&saga)?;
        let line = self.lines.get(name)?;
        let ahead = line.sagas.iter().position(|one| *one == saga)?;
        Some(LockPlace {
            value: name[2].clone(),
            holds: line.held && ahead == 0,
            ahead: ahead as u64,
            first: *line.sagas.front()?,
        })
    }
}

fn sorted<'a>(lines: impl Iterator<Item = &'a Line>) -> Vec<Id> {
    let waiting = lines.filter(|line| !line.held);
    let mut firsts: Vec<Id> = waiting
        .filter_map(|line| line.sagas.front().copied())
        .collect();
    firsts.sort_unstable();
    firsts
}
