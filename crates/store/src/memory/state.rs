//! What was committed to the store in memory, and how changes change it.

use super::lines::Lines;
use crate::audit::{AuditEntry, AuditRow};
use crate::check;
use crate::dealings::{Dealings, Message, MessageKey, Purged};
use crate::operations::{Item, OperationKey, OperationRow};
use crate::port::{
    Applied, Change, Committed, DefinitionRow, SagaRow, ServiceRow, StartKey, Stored,
};
use banyan_core::id::Id;
use banyan_core::saga::Entry;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) sagas: BTreeMap<Id, Stored>,
    pub(super) start_keys: BTreeMap<[String; 3], StartKey>,
    pub(super) definitions: BTreeMap<(String, u32), DefinitionRow>,
    pub(super) services: BTreeMap<String, ServiceRow>,
    pub(super) messages: BTreeMap<(Id, MessageKey), Message>,
    pub(super) lines: Lines,
    /// What is left of purged sagas, by id.
    pub(super) purged: BTreeMap<Id, Gone>,
    /// Who runs a saga, by the saga that is run.
    parents: BTreeMap<Id, Id>,
    pub(super) audit: Vec<AuditEntry>,
    /// Which operation has done its verb to which saga, as the audit says.
    pub(super) taken: BTreeSet<(Id, Id)>,
    pub(super) operations: BTreeMap<Id, (OperationRow, Vec<Item>)>,
}

/// What is left of a purged saga.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) what: Purged,
    /// Its start key.
    pub(super) key: [String; 3],
}

impl State {
    /// Applies a batch in its order.
    pub(super) fn commit(&mut self, changes: &[Change]) -> Committed {
        let applied = changes.iter().map(|change| self.apply(change)).collect();
        let granted = self.lines.take_granted();
        Committed { applied, granted }
    }

    /// Every saga's row, by id.
    pub(super) fn rows(&self) -> impl Iterator<Item = &SagaRow> {
        self.sagas.values().map(|stored| &stored.row)
    }

    fn apply(&mut self, change: &Change) -> Applied {
        let done = match change {
            Change::Start {
                row,
                request_hash,
                entries,
                dealings,
            } => {
                self.lines.allow(row.id, dealings.lock.as_ref())
                    && self.start(row, request_hash, entries)
                    && self.deal(row.id, dealings)
            }
            Change::Append {
                row,
                expected_seq,
                entries,
                dealings,
            } => {
                self.lines.allow(row.id, dealings.lock.as_ref())
                    && self.append(row, *expected_seq, entries)
                    && self.deal(row.id, dealings)
            }
            Change::TakeMessage { to, key } => {
                self.messages.remove(&(*to, *key));
                true
            }
            Change::Purge { id } => self.purge(*id),
            Change::Forget { id } => self.forget(*id),
            Change::Definition(row) => self.define(row),
            Change::Activate { name, version } => self.activate(name, *version),
            Change::Accepting { name, refusal } => self.accept(name, refusal.as_ref()),
            Change::Service(row) => {
                self.services.insert(row.name.clone(), row.clone());
                true
            }
            Change::DeleteService { name } => {
                self.services.remove(name);
                true
            }
            Change::Operation { row, items, key } => {
                let free = self.take_operation_key(row.id, key.as_ref());
                if free {
                    self.operate(row, items);
                }
                free
            }
            Change::ForgetOperation { id, key } => self.forget_operation(*id, key.as_ref()),
            Change::ForgetAudit { number } => self.forget_audit(*number),
            Change::Audited { change, row } => {
                let done = self.apply(change) == Applied::Done;
                if done {
                    self.tell(row);
                }
                done
            }
        };
        if done {
            Applied::Done
        } else {
            Applied::Conflict
        }
    }

    fn start(&mut self, row: &SagaRow, request_hash: &str, entries: &[Entry]) -> bool {
        let key = [&row.namespace, &row.definition, &row.key].map(String::clone);
        if self.start_keys.contains_key(&key) || self.sagas.contains_key(&row.id) {
            return false;
        }
        let owner = StartKey {
            id: row.id,
            request_hash: request_hash.to_owned(),
            purged: None,
        };
        self.start_keys.insert(key, owner);
        if let Some(parent) = check::parent(entries) {
            self.parents.insert(row.id, parent);
        }
        let stored = Stored {
            row: row.clone(),
            journal: entries.to_vec(),
        };
        self.sagas.insert(row.id, stored);
        true
    }

    fn append(&mut self, row: &SagaRow, expected_seq: u64, entries: &[Entry]) -> bool {
        match self.sagas.get_mut(&row.id) {
            Some(stored) if stored.row.seq == expected_seq => {
                check::update(&mut stored.row, row);
                if check::moves(entries) {
                    stored.row.version = row.version;
                    stored.row.definition_hash.clone_from(&row.definition_hash);
                }
                stored.journal.extend_from_slice(entries);
                true
            }
            _ => false,
        }
    }

    /// What a saga does to others. Its row is stored, and its step in a line is allowed.
    fn deal(&mut self, id: Id, dealings: &Dealings) -> bool {
        for key in &dealings.taken {
            self.messages.remove(&(id, *key));
        }
        for message in &dealings.messages {
            let at = (message.to, message.key());
            self.messages.entry(at).or_insert_with(|| message.clone());
        }
        if let (Some(change), Some(stored)) = (&dealings.lock, self.sagas.get(&id)) {
            self.lines.change(&stored.row, change);
        }
        dealings.audit.iter().for_each(|row| self.tell(row));
        true
    }

    fn tell(&mut self, row: &AuditRow) {
        self.taken.extend(row.operation.zip(row.saga));
        self.audit.push(AuditEntry {
            number: self.audit.last().map_or(0, |last| last.number) + 1,
            row: row.clone(),
        });
    }

    fn operate(&mut self, row: &OperationRow, items: &[Item]) {
        let known = self.operations.remove(&row.id);
        let mut all = known.map(|(_, items)| items).unwrap_or_default();
        all.extend_from_slice(items);
        if !row.open {
            all.clear();
        }
        self.operations.insert(row.id, (row.clone(), all));
    }

    fn take_operation_key(&mut self, id: Id, key: Option<&OperationKey>) -> bool {
        let Some(key) = key else { return true };
        let parts = key.parts().map(str::to_owned);
        if self.start_keys.contains_key(&parts) {
            return false;
        }
        let owner = StartKey {
            id,
            request_hash: key.request_hash.clone(),
            purged: None,
        };
        self.start_keys.insert(parts, owner);
        true
    }

    fn forget_operation(&mut self, id: Id, key: Option<&OperationKey>) -> bool {
        if self.operations.get(&id).is_none_or(|(row, _)| row.open) {
            return false;
        }
        self.operations.remove(&id);
        let parts = key.map(|key| key.parts().map(str::to_owned));
        if let Some(parts) = parts
            && self.start_keys.get(&parts).is_some_and(|it| it.id == id)
        {
            self.start_keys.remove(&parts);
        }
        true
    }

    fn forget_audit(&mut self, number: u64) -> bool {
        let found = self.audit.iter().position(|entry| entry.number == number);
        let Some(place) = found.filter(|place| !self.is_counted_on(&self.audit[*place])) else {
            return false;
        };
        self.audit.remove(place);
        true
    }

    /// An open operation is told by this row whom it has taken.
    pub(super) fn is_counted_on(&self, entry: &AuditEntry) -> bool {
        let operation = entry.row.operation.and_then(|id| self.operations.get(&id));
        operation.is_some_and(|(row, _)| row.open)
    }

    fn purge(&mut self, id: Id) -> bool {
        let Some(row) = self.sagas.get(&id).map(|stored| &stored.row) else {
            return false;
        };
        let owed = self
            .messages
            .keys()
            .any(|(to, key)| [*to, key.from].contains(&id));
        let under_way = row.in_flight || row.wake_at.is_some();
        if under_way || owed || self.lines.place(id).is_some() || self.needed(id) {
            return false;
        }
        let Some(ended) = check::ended(row) else {
            return false;
        };
        let gone = Gone {
            what: Purged {
                id,
                status: ended.status,
                ended_at: ended.ended_at,
            },
            key: [&row.namespace, &row.definition, &row.key].map(String::clone),
        };
        self.purged.insert(id, gone);
        self.parents
            .retain(|child, parent| *child != id && *parent != id);
        self.sagas.remove(&id);
        true
    }

    /// Does a parent or a child of this saga need it?
    fn needed(&self, id: Id) -> bool {
        let open = |child: &Id| {
            let child = self.sagas.get(child);
            child.is_some_and(|stored| !stored.row.status.is_rest())
        };
        let parent = self.parents.get(&id);
        parent.is_some_and(|parent| self.sagas.contains_key(parent))
            || self
                .parents
                .iter()
                .any(|(child, parent)| *parent == id && open(child))
    }

    fn forget(&mut self, id: Id) -> bool {
        let Some(gone) = self.purged.remove(&id) else {
            return false;
        };
        let owner = self.start_keys.get(&gone.key);
        if owner.is_some_and(|owner| owner.id == id) {
            self.start_keys.remove(&gone.key);
        }
        true
    }

    fn define(&mut self, row: &DefinitionRow) -> bool {
        let at = (row.name.clone(), row.version);
        if let Some(there) = self.definitions.get(&at) {
            return there.hash == row.hash;
        }
        let mut row = row.clone();
        if let Some(sibling) = self.versions(&row.name).next() {
            row.refusal.clone_from(&sibling.refusal);
        }
        let (name, version, active) = (row.name.clone(), row.version, row.active);
        self.definitions.insert(at, row);
        !active || self.activate(&name, version)
    }

    fn activate(&mut self, name: &str, version: u32) -> bool {
        if !self.definitions.contains_key(&(name.to_owned(), version)) {
            return false;
        }
        for row in self.versions(name) {
            row.active = row.version == version;
        }
        true
    }

    fn accept(&mut self, name: &str, refusal: Option<&String>) -> bool {
        let mut found = false;
        for row in self.versions(name) {
            row.refusal = refusal.cloned();
            found = true;
        }
        found
    }

    fn versions(&mut self, name: &str) -> impl Iterator<Item = &mut DefinitionRow> {
        let all = (name.to_owned(), 0)..=(name.to_owned(), u32::MAX);
        self.definitions.range_mut(all).map(|(_, row)| row)
    }
}
