//! The store on disk: one SQLite database, `banyan.db`, in the data folder.
//!
//! Write-ahead log, `synchronous=FULL`, one writer connection and a few readers. A commit is
//! one transaction with one fsync. A folder is held by one process at a time (`banyan.lock`).
//! Rows carry checksums, verified when they are read. An error of the disk that leaves a
//! commit in doubt ends the writer: it answers `Unknown` from then on, and the process must
//! end. Disks that lie about fsync are outside the promise.

mod audit;
mod checksum;
mod error;
mod family;
mod items;
mod list;
mod lock;
mod locks;
mod messages;
mod operations;
mod parked;
mod pool;
mod purge;
mod reader;
mod registry;
mod row;
mod schema;
mod tally;
mod troubles;
mod writer;

pub use lock::LOCK_FILE;
pub use reader::SqliteReader;
pub use writer::SqliteWriter;

use crate::port::OpenError;
use lock::Lock;
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The database's file in the data folder.
pub const FILE: &str = "banyan.db";

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Connections for reading; a read waits when all are in use.
    pub readers: usize,
    /// KiB of pages that the writer keeps.
    pub writer_cache_kib: u32,
    /// KiB of pages that each reader keeps.
    pub reader_cache_kib: u32,
    /// Pages in the log (4 KiB each) before the writer moves them into the database.
    pub checkpoint_pages: i32,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            // Reads are short; more only help where cores are idle.
            readers: 4,
            // Holds the pages of the sagas on their way and the upper levels of the start keys.
            // Not more: a commit that split a page walks the whole cache (24 MiB: 50 µs), and
            // what is not here is in the system's cache.
            writer_cache_kib: 8 * 1024,
            reader_cache_kib: 2 * 1024,
            // A page that many commits dirty is moved once; longer logs cost readers and
            // restarts more than that saves.
            checkpoint_pages: 4_000,
        }
    }
}

/// Waits for a lock that only another program (a shell, a backup) can hold.
const BUSY: Duration = Duration::from_secs(5);

/// Opens the store in a folder, and makes both when they are not there.
///
/// # Errors
/// See [`OpenError`].
pub fn open(
    folder: &Path,
    options: Options,
) -> Result<(SqliteWriter, Arc<SqliteReader>), OpenError> {
    create_folder(folder)?;
    let lock = Arc::new(Lock::take(folder)?);
    let file = folder.join(FILE);
    keep_private(&file)?;
    let failed = |error| error::open(&file, error);
    let writer = connect(&file, &options).map_err(failed)?;
    // Before anything is written: the file may be somebody else's, or a newer Banyan's.
    let found = schema::recognise(&writer, &file)?;
    prove_writable(&writer, found).map_err(failed)?;
    configure(&writer).map_err(failed)?;
    schema::migrate(&writer, found).map_err(failed)?;
    sync_folder(folder)?;
    let meta = writer
        .query_row("SELECT store_id, secret FROM meta", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .map_err(failed)?;
    let readers = (0..options.readers.max(1))
        .map(|_| open_reader(&file, &options))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    let reader = SqliteReader::new(meta, readers, Arc::clone(&lock));
    let writer = SqliteWriter::new(writer, options.checkpoint_pages, lock).map_err(failed)?;
    Ok((writer, Arc::new(reader)))
}

fn create_folder(folder: &Path) -> Result<(), OpenError> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut private = fs::DirBuilder::new();
    private.recursive(true).mode(0o700);
    let made = private.create(folder);
    made.map_err(|error| system(folder, &error))?;
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => Ok(()),
    }
}

/// What the store holds is read by its owner only: payloads, and the secret that makes reply
/// addresses. SQLite gives its other files the mode of the first. A file whose mode somebody
/// widened stays as it is, and is told.
fn keep_private(file: &Path) -> Result<(), OpenError> {
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600);
    match options.open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let mode = fs::metadata(file).map_or(0, |known| known.permissions().mode());
            if mode & 0o077 != 0 {
                let file = file.display();
                tracing::warn!("others may read {file}, and with it secrets: chmod go= {file}*");
            }
            Ok(())
        }
        Err(error) => Err(system(file, &error)),
    }
}

/// Makes names in a folder durable, not only what the files hold.
fn sync_folder(folder: &Path) -> Result<(), OpenError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| system(folder, &error))
}

fn system(path: &Path, error: &io::Error) -> OpenError {
    let path = path.display().to_string();
    let message = error.to_string();
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            OpenError::ReadOnly { path, message }
        }
        _ => OpenError::Failed { path, message },
    }
}

fn connect(file: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    common(&connection, options.writer_cache_kib)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    // The writer runs the checkpoint itself: SQLite's own swallows the errors of its fsyncs.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    // A log that grew behind a slow reader gives its space back.
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))
}

fn open_reader(file: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    common(&connection, options.reader_cache_kib)?;
    Ok(connection)
}

fn common(connection: &Connection, cache_kib: u32) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    connection.pragma_update_and_check(None, "mmap_size", 0, |_| Ok(()))
}

/// A read-only file opens, and even begins a transaction; the first write says so. Better now
/// than at the first start.
fn prove_writable(connection: &Connection, schema: u32) -> rusqlite::Result<()> {
    let same = format!("BEGIN IMMEDIATE; PRAGMA user_version = {schema}; ROLLBACK");
    connection.execute_batch(&same)
}
