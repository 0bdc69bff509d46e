//! A store in memory that fails where a test says so: loads of one saga, and the word of which
//! locks came free.

use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_store::memory::{MemoryWriter, Store};
use banyan_store::{
    AuditEntry, AuditQuery, Change, CommitError, Committed, Counts, Cursor, DefinitionRow,
    EndedPage, EndedQuery, Filter, Holder, Item, LockPlace, MemoryReader, Message, MessageKey,
    OperationRow, Purged, ReadError, Reader, SagaRow, Selection, ServiceRow, StartKey, Stored,
    TroubleQuery, Troubles, Wake, WakeQuery, Writer,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What goes wrong from now on.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// This saga cannot be loaded.
    pub(crate) unreadable: Mutex<Option<Id>>,
    /// How many loads failed.
    pub(crate) failed: AtomicUsize,
    /// Nobody is told whose lock came free.
    pub(crate) silent: AtomicBool,
    /// Nothing can be written.
    pub(crate) full: AtomicBool,
}

impl Faults {
    fn pass(&self, id: Id) -> Result<(), ReadError> {
        if *self.unreadable.lock().unwrap() != Some(id) {
            return Ok(());
        }
        self.failed.fetch_add(1, Ordering::SeqCst);
        let message = "the disk went away".to_owned();
        Err(ReadError::Unavailable { message })
    }
}

/// Both ends of such a store.
pub(crate) fn faulty(store: &Store, faults: &Arc<Faults>) -> (Box<dyn Writer>, Arc<dyn Reader>) {
    let (inner, reader) = store.open();
    let writer = FaultyWriter {
        inner,
        faults: Arc::clone(faults),
    };
    let reader = Faulty {
        inner: reader,
        faults: Arc::clone(faults),
    };
    (Box::new(writer), Arc::new(reader))
}

struct FaultyWriter {
    inner: MemoryWriter,
    faults: Arc<Faults>,
}

impl Writer for FaultyWriter {
    fn commit(&mut self, changes: &[Change]) -> Result<Committed, CommitError> {
        if self.faults.full.load(Ordering::SeqCst) {
            let message = "the disk is full".to_owned();
            return Err(CommitError::Unavailable { message });
        }
        let mut committed = self.inner.commit(changes)?;
        if self.faults.silent.load(Ordering::SeqCst) {
            committed.granted.clear();
        }
        Ok(committed)
    }
}

struct Faulty {
    inner: Arc<MemoryReader>,
    faults: Arc<Faults>,
}

impl Reader for Faulty {
    fn store_id(&self) -> &str {
        self.inner.store_id()
    }

    fn secret(&self) -> [u8; 32] {
        self.inner.secret()
    }

    fn load(&self, id: Id) -> Result<Option<Stored>, ReadError> {
        self.faults.pass(id)?;
        self.inner.load(id)
    }

    fn row(&self, id: Id) -> Result<Option<SagaRow>, ReadError> {
        self.inner.row(id)
    }

    fn start_key(
        &self,
        namespace: &str,
        definition: &str,
        key: &str,
    ) -> Result<Option<StartKey>, ReadError> {
        self.inner.start_key(namespace, definition, key)
    }

    fn list(
        &self,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<SagaRow>, ReadError> {
        self.inner.list(filter, after, limit)
    }

    fn wakes(&self, query: &WakeQuery) -> Result<Vec<Wake>, ReadError> {
        self.inner.wakes(query)
    }

    fn parked(
        &self,
        service: &str,
        after: Option<(Timestamp, Id)>,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Id)>, ReadError> {
        self.inner.parked(service, after, limit)
    }

    fn counts(&self) -> Result<Counts, ReadError> {
        self.inner.counts()
    }

    fn troubles(&self, query: &TroubleQuery) -> Result<Troubles, ReadError> {
        self.inner.troubles(query)
    }

    fn definitions(&self) -> Result<Vec<DefinitionRow>, ReadError> {
        self.inner.definitions()
    }

    fn services(&self) -> Result<Vec<ServiceRow>, ReadError> {
        self.inner.services()
    }

    fn messages(
        &self,
        after: Option<(Id, MessageKey)>,
        limit: usize,
    ) -> Result<Vec<Message>, ReadError> {
        self.inner.messages(after, limit)
    }

    fn granted(&self, after: Option<Id>, limit: usize) -> Result<Vec<Id>, ReadError> {
        self.inner.granted(after, limit)
    }

    fn holders(&self, after: Option<Id>, limit: usize) -> Result<Vec<Holder>, ReadError> {
        self.inner.holders(after, limit)
    }

    fn sleepless(&self, after: Option<Id>, limit: usize) -> Result<Vec<Id>, ReadError> {
        self.inner.sleepless(after, limit)
    }

    fn lock(&self, saga: Id) -> Result<Option<LockPlace>, ReadError> {
        self.inner.lock(saga)
    }

    fn ended(&self, query: &EndedQuery) -> Result<EndedPage, ReadError> {
        self.inner.ended(query)
    }

    fn purged(&self, id: Id) -> Result<Option<Purged>, ReadError> {
        self.inner.purged(id)
    }

    fn purged_until(&self, until: Timestamp, limit: usize) -> Result<Vec<Id>, ReadError> {
        self.inner.purged_until(until, limit)
    }

    fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, ReadError> {
        self.inner.audit(query)
    }

    fn audit_until(&self, until: Timestamp, limit: usize) -> Result<Vec<u64>, ReadError> {
        self.inner.audit_until(until, limit)
    }

    fn taken_by(&self, operation: Id, sagas: &[Id]) -> Result<Vec<Id>, ReadError> {
        self.inner.taken_by(operation, sagas)
    }

    fn select(&self, filter: &Filter, most: usize) -> Result<Selection, ReadError> {
        self.inner.select(filter, most)
    }

    fn operation(&self, id: Id) -> Result<Option<OperationRow>, ReadError> {
        self.inner.operation(id)
    }

    fn operations(
        &self,
        open_only: bool,
        after: Option<Id>,
        limit: usize,
    ) -> Result<Vec<OperationRow>, ReadError> {
        self.inner.operations(open_only, after, limit)
    }

    fn items(&self, operation: Id, from: usize, limit: usize) -> Result<Vec<Item>, ReadError> {
        self.inner.items(operation, from, limit)
    }
}
