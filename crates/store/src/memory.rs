//! The store in memory: the model that the simulator runs on and that SQLite is compared with.
//!
//! It keeps the port's promises to the letter, with no thread, no clock and no randomness.
//! A [`Store`] is the disk: what was committed stays in it when its writer is dropped, and
//! opening it again is the restart after a crash, after which the old writer is fenced.
//! It does not outlive the process.

use crate::check;
use crate::port::{
    Applied, Change, CommitError, Counts, Cursor, DefinitionRow, Filter, ReadError, Reader,
    SagaRow, ServiceRow, StartKey, Stored, Wake, WakeQuery, Writer,
};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::Entry;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A store in memory, opened: its one writer and its reader.
pub fn memory() -> (MemoryWriter, Arc<MemoryReader>) {
    Store::new("memory").open()
}

/// What outlives a crash. Clones are the same store.
#[derive(Clone, Debug)]
pub struct Store {
    id: Arc<str>,
    state: Arc<Mutex<State>>,
}

impl Store {
    /// An empty store with this id.
    pub fn new(store_id: &str) -> Store {
        Store {
            id: store_id.into(),
            state: Arc::default(),
        }
    }

    /// Opens it. Every writer that was opened before is [`CommitError::Fenced`] from now on.
    pub fn open(&self) -> (MemoryWriter, Arc<MemoryReader>) {
        let mut state = self.lock();
        state.opened += 1;
        let writer = MemoryWriter {
            store: self.clone(),
            opened: state.opened,
        };
        (writer, Arc::new(MemoryReader(self.clone())))
    }

    /// The next commit fails with this error and leaves nothing behind.
    pub fn fail_next_commit(&self, error: CommitError) {
        self.lock().fault = Some(Fault::Fail(error));
    }

    /// The next commit happens, and its caller is told [`CommitError::Unknown`].
    pub fn lose_next_answer(&self) {
        self.lock().fault = Some(Fault::LoseAnswer);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock leaves at worst a half applied batch of a caller that is
        // gone; tests go on reading.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
enum Fault {
    Fail(CommitError),
    LoseAnswer,
}

#[derive(Debug, Default)]
struct State {
    opened: u64,
    fault: Option<Fault>,
    sagas: BTreeMap<Id, Stored>,
    start_keys: BTreeMap<[String; 3], StartKey>,
    definitions: BTreeMap<(String, u32), DefinitionRow>,
    services: BTreeMap<String, ServiceRow>,
}

/// The one writer.
#[derive(Debug)]
pub struct MemoryWriter {
    store: Store,
    opened: u64,
}

impl Writer for MemoryWriter {
    fn commit(&mut self, changes: &[Change]) -> Result<Vec<Applied>, CommitError> {
        changes.iter().for_each(Change::check);
        let mut state = self.store.lock();
        if state.opened != self.opened {
            return Err(CommitError::Fenced);
        }
        let fault = state.fault.take();
        if let Some(Fault::Fail(error)) = fault {
            return Err(error);
        }
        let applied = changes.iter().map(|change| state.apply(change)).collect();
        match fault {
            None => Ok(applied),
            Some(_) => Err(CommitError::Unknown {
                message: "its answer was lost".to_owned(),
            }),
        }
    }
}

impl State {
    fn apply(&mut self, change: &Change) -> Applied {
        let done = match change {
            Change::Start {
                row,
                request_hash,
                entries,
            } => self.start(row, request_hash, entries),
            Change::Append {
                row,
                expected_seq,
                entries,
            } => self.append(row, *expected_seq, entries),
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
                stored.journal.extend_from_slice(entries);
                true
            }
            _ => false,
        }
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

/// Reads what was committed.
#[derive(Debug)]
pub struct MemoryReader(Store);

impl Reader for MemoryReader {
    fn store_id(&self) -> &str {
        &self.0.id
    }

    fn load(&self, id: Id) -> Result<Option<Stored>, ReadError> {
        Ok(self.0.lock().sagas.get(&id).cloned())
    }

    fn start_key(
        &self,
        namespace: &str,
        definition: &str,
        key: &str,
    ) -> Result<Option<StartKey>, ReadError> {
        let key = [namespace, definition, key].map(str::to_owned);
        Ok(self.0.lock().start_keys.get(&key).cloned())
    }

    fn list(
        &self,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<SagaRow>, ReadError> {
        let state = self.0.lock();
        let rows = state.sagas.values().rev().map(|stored| &stored.row);
        let rows = rows.filter(|row| after.is_none_or(|after| row.id < after));
        Ok(rows
            .filter(|row| filter.matches(row))
            .take(limit)
            .cloned()
            .collect())
    }

    fn wakes(&self, query: &WakeQuery) -> Result<Vec<Wake>, ReadError> {
        let state = self.0.lock();
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
        let state = self.0.lock();
        let mut parked: Vec<(Timestamp, Id)> = state
            .rows()
            .filter(|row| row.service.as_deref() == Some(service))
            .filter_map(|row| Some((row.parked_since?, row.id)))
            .filter(|one| after.is_none_or(|after| *one > after))
            .collect();
        parked.sort_unstable();
        parked.truncate(limit);
        Ok(parked)
    }

    fn counts(&self) -> Result<Counts, ReadError> {
        let mut counts = Counts::default();
        for row in self.0.lock().rows() {
            *counts.by_status.entry(row.status).or_default() += 1;
            if let (Some(service), Some(_)) = (&row.service, row.parked_since) {
                *counts.parked.entry(service.clone()).or_default() += 1;
            }
        }
        Ok(counts)
    }

    fn definitions(&self) -> Result<Vec<DefinitionRow>, ReadError> {
        Ok(self.0.lock().definitions.values().cloned().collect())
    }

    fn services(&self) -> Result<Vec<ServiceRow>, ReadError> {
        Ok(self.0.lock().services.values().cloned().collect())
    }
}

impl State {
    fn rows(&self) -> impl Iterator<Item = &SagaRow> {
        self.sagas.values().map(|stored| &stored.row)
    }
}
