//! The store in memory: the model that the simulator runs on and that SQLite is compared with.
//!
//! It keeps the port's promises to the letter, with no thread, no clock and no randomness.
//! A [`Store`] is the disk: what was committed stays in it when its writer is dropped, and
//! opening it again is the restart after a crash, after which the old writer is fenced.
//! It does not outlive the process.

mod lines;
mod reader;
mod state;

pub use reader::MemoryReader;

use crate::port::{Change, CommitError, Committed, Writer};
use state::State;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A store in memory, opened: its one writer and its reader.
pub fn memory() -> (MemoryWriter, Arc<MemoryReader>) {
    Store::new("memory").open()
}

/// What outlives a crash. Clones are the same store.
#[derive(Clone, Debug)]
pub struct Store {
    id: Arc<str>,
    disk: Arc<Mutex<Disk>>,
}

impl Store {
    /// An empty store with this id.
    pub fn new(store_id: &str) -> Store {
        Store {
            id: store_id.into(),
            disk: Arc::default(),
        }
    }

    /// Opens it. Every writer that was opened before is [`CommitError::Fenced`] from now on.
    pub fn open(&self) -> (MemoryWriter, Arc<MemoryReader>) {
        let mut disk = self.lock();
        disk.opened += 1;
        let writer = MemoryWriter {
            store: self.clone(),
            opened: disk.opened,
        };
        (writer, Arc::new(MemoryReader::new(self.clone())))
    }

    /// The next commit fails with this error and leaves nothing behind.
    pub fn fail_next_commit(&self, error: CommitError) {
        self.lock().fault = Some(Fault::Fail(error));
    }

    /// The next commit happens, and its caller is told [`CommitError::Unknown`].
    pub fn lose_next_answer(&self) {
        self.lock().fault = Some(Fault::LoseAnswer);
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        // A panic under the lock leaves at worst a half applied batch of a caller that is
        // gone; tests go on reading.
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was committed, who may write to it, and what befalls the next commit.
#[derive(Debug, Default)]
struct Disk {
    opened: u64,
    fault: Option<Fault>,
    state: State,
}

#[derive(Debug)]
enum Fault {
    Fail(CommitError),
    LoseAnswer,
}

/// The one writer.
#[derive(Debug)]
pub struct MemoryWriter {
    store: Store,
    opened: u64,
}

impl Writer for MemoryWriter {
    fn commit(&mut self, changes: &[Change]) -> Result<Committed, CommitError> {
        changes.iter().for_each(Change::check);
        let mut disk = self.store.lock();
        if disk.opened != self.opened {
            return Err(CommitError::Fenced);
        }
        let fault = disk.fault.take();
        if let Some(Fault::Fail(error)) = fault {
            return Err(error);
        }
        let committed = disk.state.commit(changes);
        match fault {
            None => Ok(committed),
            Some(_) => Err(CommitError::Unknown {
                message: "its answer was lost".to_owned(),
            }),
        }
    }
}
