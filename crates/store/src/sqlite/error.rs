//! What SQLite's errors mean for a commit, a read and an open.

use crate::port::{CommitError, OpenError, ReadError};
use rusqlite::{Error, ErrorCode};
use std::path::Path;

/// A commit's error, once its transaction was rolled back.
///
/// Only what certainly did not happen, and may succeed later, is `Unavailable`. A failed write
/// or fsync is not: the system may have dropped pages that SQLite believes written.
pub(crate) fn commit(error: &Error) -> CommitError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => CommitError::Unavailable {
            message: "the disk is full: free space on the volume of the data folder".to_owned(),
        },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => CommitError::Unavailable {
            message: "another program holds the database locked: close it".to_owned(),
        },
        Some(ErrorCode::ReadOnly) => CommitError::Unavailable {
            message: "the database became read-only: make its volume writable".to_owned(),
        },
        _ => CommitError::Unknown {
            message: error.to_string(),
        },
    }
}

/// A read's error.
pub(crate) fn read(error: &Error) -> ReadError {
    let message = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            ReadError::Damaged { message }
        }
        Some(_) => ReadError::Unavailable { message },
        // A column of another type than the schema says.
        None => ReadError::Damaged { message },
    }
}

/// Why a database did not open.
pub(crate) fn open(file: &Path, error: Error) -> OpenError {
    let path = file.display().to_string();
    let message = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            OpenError::ReadOnly { path, message }
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            OpenError::Damaged { path, message }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse { path },
        _ => OpenError::Failed { path, message },
    }
}
