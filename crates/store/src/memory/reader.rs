//! Reads of the store in memory.

use super::Store;
use crate::audit::{AuditEntry, AuditQuery};
use crate::check;
use crate::dealings::{EndedPage, EndedQuery, Holder, LockPlace, Message, MessageKey, Purged};
use crate::operations::{Item, OperationRow, Selection};
use crate::port::{
    Counts, Cursor, DefinitionRow, Filter, ReadError, Reader, SagaRow, ServiceRow, StartKey,
    Stored, Wake, WakeQuery,
};
use crate::trouble::{self, TroubleQuery, Troubles};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::{Entry, Status};
use sha2::{Digest, Sha256};
use std::ops::Bound;

/// Reads what was committed.
#[derive(Debug)]
pub struct MemoryReader(Store);

impl MemoryReader {
    pub(super) fn new(store: Store) -> MemoryReader {
        MemoryReader(store)
    }

    /// The records of a saga's journal after this one, oldest first: for who follows it, without
    /// a copy of the rest. None when there is no such saga.
    pub fn records_after(&self, id: Id, seq: u64) -> Option<Vec<Entry>> {
        let disk = self.0.lock();
        let journal = &disk.state.sagas.get(&id)?.journal;
        let known = journal.partition_point(|entry| entry.seq <= seq);
        Some(journal[known..].to_vec())
    }
}

impl Reader for MemoryReader {
    fn store_id(&self) -> &str {
        &self.0.id
    }

    /// Made from the id, so that a run is the same every time.
    fn secret(&self) -> [u8; 32] {
        Sha256::digest(self.0.id.as_bytes()).into()
    }

    fn load(&self, id: Id) -> Result<Option<Stored>, ReadError> {
        Ok(self.0.lock().state.sagas.get(&id).cloned())
    }

    fn row(&self, id: Id) -> Result<Option<SagaRow>, ReadError> {
        let disk = self.0.lock();
        Ok(disk.state.sagas.get(&id).map(|stored| stored.row.clone()))
    }

    fn start_key(
        &self,
        namespace: &str,
        definition: &str,
        key: &str,
    ) -> Result<Option<StartKey>, ReadError> {
        let key = [namespace, definition, key].map(str::to_owned);
        let state = &self.0.lock().state;
        Ok(state.start_keys.get(&key).map(|owner| {
            let gone = state.purged.get(&owner.id);
            StartKey {
                purged: gone
                    .filter(|gone| gone.key == key)
                    .map(|gone| gone.what.status),
                ..owner.clone()
            }
        }))
    }

    fn list(
        &self,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<SagaRow>, ReadError> {
        let disk = self.0.lock();
        let state = &disk.state;
        let rows = state.sagas.values().rev().map(|stored| &stored.row);
        let rows = rows.filter(|row| after.is_none_or(|after| row.id < after));
        Ok(rows
            .filter(|row| filter.matches(row))
            .take(limit)
            .cloned()
            .collect())
    }

    fn wakes(&self, query: &WakeQuery) -> Result<Vec<Wake>, ReadError> {
        let disk = self.0.lock();
        let state = &disk.state;
        let mut wakes: Vec<(Timestamp, Id)> = state
            .rows()
            .filter(|row| row.in_flight || !query.in_flight_only)
            .filter_map(|row| Some((row.wake_at?, row.id)))
            .filter(|(at, _)| query.in_flight_only || *at <= query.until)
            .filter(|wake| query.after.is_none_or(|after| *wake > after))
            .collect();
        wakes.sort_unstable();
        wakes.truncate(query.limit);
        Ok(wakes.into_iter().map(|(at, id)| Wake { at, id }).collect())
    }

    fn parked(
        &self,
        service: &str,
        after: Option<(Timestamp, Id)>,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Id)>, ReadError> {
        let disk = self.0.lock();
        let state = &disk.state;
        let mut parked: Vec<(Timestamp, Id)> = state
            .rows()
            .filter_map(|row| Some((check::parked_for(row, service)?, row.id)))
            .filter(|one| after.is_none_or(|after| *one > after))
            .collect();
        parked.sort_unstable();
        parked.truncate(limit);
        Ok(parked)
    }

    fn counts(&self) -> Result<Counts, ReadError> {
        let mut counts = Counts::default();
        for row in self.0.lock().state.rows() {
            *counts.by_status.entry(row.status).or_default() += 1;
            if row.status == banyan_core::saga::Status::Stuck {
                let since = counts.stuck_since.unwrap_or(row.updated_at);
                counts.stuck_since = Some(since.min(row.updated_at));
            }
            let first = row.service.as_ref().filter(|_| row.parked_since.is_some());
            for service in first.into_iter().chain(row.also_parked.keys()) {
                *counts.parked.entry(service.clone()).or_default() += 1;
            }
        }
        Ok(counts)
    }

    fn troubles(&self, query: &TroubleQuery) -> Result<Troubles, ReadError> {
        Ok(trouble::count(self.0.lock().state.rows(), query))
    }

    fn definitions(&self) -> Result<Vec<DefinitionRow>, ReadError> {
        Ok(self.0.lock().state.definitions.values().cloned().collect())
    }

    fn services(&self) -> Result<Vec<ServiceRow>, ReadError> {
        Ok(self.0.lock().state.services.values().cloned().collect())
    }

    fn messages(
        &self,
        after: Option<(Id, MessageKey)>,
        limit: usize,
    ) -> Result<Vec<Message>, ReadError> {
        let disk = self.0.lock();
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let messages = disk.state.messages.range((after, Bound::Unbounded));
        Ok(messages
            .take(limit)
            .map(|(_, message)| message.clone())
            .collect())
    }

    fn granted(&self, after: Option<Id>, limit: usize) -> Result<Vec<Id>, ReadError> {
        let mut granted = self.0.lock().state.lines.waiting_first();
        granted.retain(|id| after.is_none_or(|after| *id > after));
        granted.truncate(limit);
        Ok(granted)
    }

    fn holders(&self, after: Option<Id>, limit: usize) -> Result<Vec<Holder>, ReadError> {
        let mut holders = self.0.lock().state.lines.holders();
        holders.retain(|holder| after.is_none_or(|after| holder.saga > after));
        holders.truncate(limit);
        Ok(holders)
    }

    fn sleepless(&self, after: Option<Id>, limit: usize) -> Result<Vec<Id>, ReadError> {
        let disk = self.0.lock();
        let moves = |row: &&SagaRow| matches!(row.status, Status::Running | Status::Compensating);
        let rows = disk.state.rows().filter(moves);
        let rows = rows.filter(|row| row.wake_at.is_none());
        let ids = rows.map(|row| row.id);
        Ok(ids
            .filter(|id| after.is_none_or(|after| *id > after))
            .take(limit)
            .collect())
    }

    fn lock(&self, saga: Id) -> Result<Option<LockPlace>, ReadError> {
        Ok(self.0.lock().state.lines.place(saga))
    }

    fn ended(&self, query: &EndedQuery) -> Result<EndedPage, ReadError> {
        let disk = self.0.lock();
        let last = check::last_id(query.until);
        let (mut page, mut looked) = (EndedPage::default(), 0);
        for row in disk
            .state
            .rows()
            .filter(|row| query.after.is_none_or(|after| row.id > after) && row.id <= last)
            .take(query.look)
        {
            looked += 1;
            page.next = Some(row.id);
            let ended = check::ended(row).filter(|ended| ended.ended_at <= query.until);
            page.ended.extend(ended);
        }
        page.next = page.next.filter(|_| looked == query.look);
        Ok(page)
    }

    fn purged(&self, id: Id) -> Result<Option<Purged>, ReadError> {
        let disk = self.0.lock();
        Ok(disk.state.purged.get(&id).map(|gone| gone.what))
    }

    fn purged_until(&self, until: Timestamp, limit: usize) -> Result<Vec<Id>, ReadError> {
        let disk = self.0.lock();
        let gone = disk.state.purged.values().map(|gone| gone.what);
        let mut old: Vec<(Timestamp, Id)> = gone
            .filter(|gone| gone.ended_at <= until)
            .map(|gone| (gone.ended_at, gone.id))
            .collect();
        old.sort_unstable();
        old.truncate(limit);
        Ok(old.into_iter().map(|(_, id)| id).collect())
    }

    fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, ReadError> {
        let disk = self.0.lock();
        let rows = disk.state.audit.iter().rev();
        let rows = rows.filter(|entry| query.matches(entry));
        Ok(rows.take(query.limit).cloned().collect())
    }

    fn audit_until(&self, until: Timestamp, limit: usize) -> Result<Vec<u64>, ReadError> {
        let disk = self.0.lock();
        let state = &disk.state;
        let due = |entry: &&AuditEntry| entry.row.at <= until && !state.is_counted_on(entry);
        let due = state.audit.iter().take_while(due).take(limit);
        Ok(due.map(|entry| entry.number).collect())
    }

    fn taken_by(&self, operation: Id, sagas: &[Id]) -> Result<Vec<Id>, ReadError> {
        let disk = self.0.lock();
        let taken = |saga: &Id| disk.state.taken.contains(&(operation, *saga));
        Ok(sagas.iter().copied().filter(taken).collect())
    }

    fn select(&self, filter: &Filter, most: usize) -> Result<Selection, ReadError> {
        let disk = self.0.lock();
        let mut selection = Selection::default();
        let rows = disk.state.sagas.values().rev().map(|stored| &stored.row);
        for row in rows.filter(|row| filter.matches(row)) {
            let item = Item {
                id: row.id,
                seq: row.seq,
            };
            selection.add(most, item, &row.definition, row.status);
        }
        Ok(selection)
    }

    fn operation(&self, id: Id) -> Result<Option<OperationRow>, ReadError> {
        let disk = self.0.lock();
        Ok(disk.state.operations.get(&id).map(|(row, _)| row.clone()))
    }

    fn operations(
        &self,
        open_only: bool,
        after: Option<Id>,
        limit: usize,
    ) -> Result<Vec<OperationRow>, ReadError> {
        let disk = self.0.lock();
        let rows = disk.state.operations.values().rev().map(|(row, _)| row);
        let rows = rows.filter(|row| row.open || !open_only);
        let rows = rows.filter(|row| after.is_none_or(|after| row.id < after));
        Ok(rows.take(limit).cloned().collect())
    }

    fn items(&self, operation: Id, from: usize, limit: usize) -> Result<Vec<Item>, ReadError> {
        let disk = self.0.lock();
        let items = disk.state.operations.get(&operation);
        let items = items.map(|(_, items)| items.as_slice()).unwrap_or_default();
        Ok(items.iter().skip(from).take(limit).copied().collect())
    }
}
