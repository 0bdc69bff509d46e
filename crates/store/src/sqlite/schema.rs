//! The tables, as numbered migrations.
//!
//! Each runs in one transaction together with its number (`PRAGMA user_version`), so that a
//! crash at any statement leaves the step before it whole (I-41). Migrations only add, and a
//! released one is never edited.

use crate::port::OpenError;
use rusqlite::Connection;
use std::path::Path;

/// The migrations in order; the number of one is its place, from 1.
const MIGRATIONS: &[&str] = &[include_str!("schema_1.sql"), include_str!("schema_2.sql")];

/// "Bnyn", in the file's header: what `file` and we know a Banyan store by.
const APPLICATION_ID: i32 = 0x426e_796e;

/// The newest schema that this build knows.
pub(crate) fn newest() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// The schema of a database, 0 when it is new. Writes nothing.
///
/// # Errors
/// `TooNew`, `Damaged` when it is something else than a Banyan store, or what SQLite says.
pub(crate) fn recognise(connection: &Connection, file: &Path) -> Result<u32, OpenError> {
    let failed = |error| super::error::open(file, error);
    let path = file.display().to_string();
    let found: u32 = pragma(connection, "user_version").map_err(failed)?;
    let application: i32 = pragma(connection, "application_id").map_err(failed)?;
    let ours = match found {
        0 => tables(connection).map_err(failed)? == 0,
        _ => application == APPLICATION_ID,
    };
    if !ours {
        let message = "it is a database, but none of Banyan's".to_owned();
        return Err(OpenError::Damaged { path, message });
    }
    let known = newest();
    if found > known {
        return Err(OpenError::TooNew { path, found, known });
    }
    Ok(found)
}

/// Runs the migrations after `found`.
pub(crate) fn migrate(connection: &Connection, found: u32) -> rusqlite::Result<()> {
    for (number, step) in (1..).zip(MIGRATIONS).skip(found as usize) {
        run(connection, number, step)?;
    }
    Ok(())
}

fn run(connection: &Connection, number: u32, step: &str) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", number)?;
    transaction.commit()
}

fn tables(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
