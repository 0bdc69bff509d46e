//! The lock on a data folder: one process at a time, and one opening within a process.
//!
//! Held for as long as the writer or the reader lives; the system frees it with the process,
//! however that ends.

use crate::port::OpenError;
use std::fs::{File, TryLockError};
use std::path::Path;

/// The file whose lock says that a process holds the data folder.
pub const LOCK_FILE: &str = "banyan.lock";

/// A folder that is held.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// Takes the lock, or says who has it.
    pub(crate) fn take(folder: &Path) -> Result<Lock, OpenError> {
        let path = folder.join(LOCK_FILE);
        let system = |error| super::system(&path, &error);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(system)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
                path: folder.display().to_string(),
            }),
            Err(TryLockError::Error(error)) => Err(system(error)),
        }
    }
}

impl Drop for Lock {
    /// Closing the file is not enough: a child that was forked and has not yet begun its own
    /// program still holds a copy.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the data folder stays locked until the process ends");
        }
    }
}
