//! Definitions and services: few rows, read whole.

use super::error;
use crate::port::{DefinitionRow, Pause, ReadError, ServiceRow};
use banyan_core::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};

/// A definition's version; false when that version is another hash's.
pub(crate) fn define(connection: &Connection, row: &DefinitionRow) -> rusqlite::Result<bool> {
    let there: Option<String> = connection
        .prepare_cached("SELECT hash FROM definition WHERE name = ?1 AND version = ?2")?
        .query_row((&row.name, row.version), |row| row.get(0))
        .optional()?;
    if let Some(hash) = there {
        return Ok(hash == row.hash);
    }
    let refusal: Option<Option<String>> = connection
        .prepare_cached("SELECT refusal FROM definition WHERE name = ?1 LIMIT 1")?
        .query_row([&row.name], |row| row.get(0))
        .optional()?;
    connection
        .prepare_cached("INSERT INTO definition VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
        .execute((
            &row.name,
            row.version,
            &row.hash,
            &row.source,
            row.resolved.to_string(),
            row.registered_at.0,
            row.active,
            refusal.unwrap_or_else(|| row.refusal.clone()),
        ))?;
    if row.active {
        activate(connection, &row.name, row.version)?;
    }
    Ok(true)
}

/// Which version starts use; false when it is not registered.
pub(crate) fn activate(
    connection: &Connection,
    name: &str,
    version: u32,
) -> rusqlite::Result<bool> {
    let changed = connection
        .prepare_cached(
            "UPDATE definition SET active = (version = ?2) WHERE name = ?1 AND EXISTS
             (SELECT 1 FROM definition WHERE name = ?1 AND version = ?2)",
        )?
        .execute((name, version))?;
    Ok(changed > 0)
}

/// Whether starts are accepted; false when no version is registered.
pub(crate) fn accept(
    connection: &Connection,
    name: &str,
    refusal: Option<&str>,
) -> rusqlite::Result<bool> {
    let changed = connection
        .prepare_cached("UPDATE definition SET refusal = ?2 WHERE name = ?1")?
        .execute((name, refusal))?;
    Ok(changed > 0)
}

/// A service, new or changed.
pub(crate) fn put_service(connection: &Connection, row: &ServiceRow) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO service VALUES (?1, ?2, ?3, ?4)")?
        .execute((
            &row.name,
            row.settings.to_string(),
            row.paused.as_ref().map(crate::check::json),
            row.changed_at.0,
        ))?;
    Ok(true)
}

/// A service goes.
pub(crate) fn delete_service(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("DELETE FROM service WHERE name = ?1")?
        .execute([name])?;
    Ok(true)
}

/// Every definition, by name and version.
pub(crate) fn definitions(connection: &Connection) -> Result<Vec<DefinitionRow>, ReadError> {
    let sql = "SELECT name, version, hash, source, resolved, registered_at, active, refusal
               FROM definition ORDER BY name, version";
    read_all(connection, sql, |row| {
        Ok(DefinitionRow {
            name: row.get(0)?,
            version: row.get(1)?,
            hash: row.get(2)?,
            source: row.get(3)?,
            resolved: json(row, 4)?,
            registered_at: Timestamp(row.get(5)?),
            active: row.get(6)?,
            refusal: row.get(7)?,
        })
    })
}

/// Every service, by name.
pub(crate) fn services(connection: &Connection) -> Result<Vec<ServiceRow>, ReadError> {
    let sql = "SELECT name, settings, paused, changed_at FROM service ORDER BY name";
    read_all(connection, sql, |row| {
        Ok(ServiceRow {
            name: row.get(0)?,
            settings: json(row, 1)?,
            paused: pause(row)?,
            changed_at: Timestamp(row.get(3)?),
        })
    })
}

fn read_all<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, ReadError> {
    let rows = || -> rusqlite::Result<Vec<T>> {
        connection
            .prepare_cached(sql)?
            .query_map((), read)?
            .collect()
    };
    rows().map_err(|error| error::read(&error))
}

fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, place: usize) -> rusqlite::Result<T> {
    let text: String = row.get(place)?;
    serde_json::from_str(&text).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(place, kind, error.into())
    })
}

/// A pause, if there is one.
fn pause(row: &Row<'_>) -> rusqlite::Result<Option<Pause>> {
    match row.get_ref(2)? {
        ValueRef::Null => Ok(None),
        _ => json(row, 2),
    }
}
