//! Retention: which sagas have been at rest for long, how one goes, and how what is left of it
//! goes too.

use super::tally::Tally;
use super::writer::key_hash;
use super::{error, family, locks, messages, parked, reader, row};
use crate::check;
use crate::dealings::{EndedPage, EndedQuery, Purged};
use crate::port::ReadError;
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::Status;
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;

/// Removes a saga with all that is stored of it; false when it is not at rest, something of it
/// is under way, or others still count on it. What is left says with which status it went.
pub(crate) fn purge(connection: &Connection, tally: &mut Tally, id: Id) -> rusqlite::Result<bool> {
    let Some(saga) = find(connection, id)?.flatten() else {
        return Ok(false);
    };
    if !saga.status.is_rest()
        || saga.under_way
        || messages::owed(connection, id)?
        || locks::stands(connection, id)?
        || family::needed(connection, id)?
    {
        return Ok(false);
    }
    remember(connection, id, &saga)?;
    family::remove(connection, id)?;
    remove_labels(connection, id, &saga)?;
    for sql in [
        "DELETE FROM journal WHERE saga_id = ?1",
        "DELETE FROM saga WHERE id = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([id.as_bytes()])?;
    }
    tally.status(saga.status.as_str(), -1);
    if let Some(service) = &saga.parked_for {
        tally.parked(service, -1);
    }
    if saga.is_parked {
        parked::replace(connection, tally, id, true, &BTreeMap::new())?;
    }
    Ok(true)
}

/// Forgets a purged saga with its start key; false when there is none of this id.
pub(crate) fn forget(connection: &Connection, id: Id) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "DELETE FROM start_key
             WHERE saga_id = ?1 AND hash = (SELECT key_hash FROM purged WHERE saga_id = ?1)",
        )?
        .execute([id.as_bytes()])?;
    let gone = connection
        .prepare_cached("DELETE FROM purged WHERE saga_id = ?1")?
        .execute([id.as_bytes()])?;
    Ok(gone == 1)
}

struct Found {
    namespace: String,
    definition: String,
    key: String,
    labels: BTreeMap<String, String>,
    status: Status,
    parked_for: Option<String>,
    is_parked: bool,
    under_way: bool,
    ended_at: i64,
}

/// The saga, if it is there; of it nothing, when its row does not parse. A damaged row stays,
/// and ends no writer.
fn find(connection: &Connection, id: Id) -> rusqlite::Result<Option<Option<Found>>> {
    connection
        .prepare_cached(
            "SELECT namespace, definition, key, labels, status,
                 CASE WHEN parked_since IS NOT NULL THEN service END,
                 wake_at IS NOT NULL OR in_flight = 1, coalesce(ended_at, updated_at),
                 parked_since IS NOT NULL
             FROM saga WHERE id = ?1",
        )?
        .query_row([id.as_bytes()], |row| {
            let parse = || {
                let labels: Option<String> = row.get(3).ok()?;
                Some(Found {
                    namespace: row.get(0).ok()?,
                    definition: row.get(1).ok()?,
                    key: row.get(2).ok()?,
                    labels: labels.map_or(Some(BTreeMap::new()), |labels| {
                        serde_json::from_str(&labels).ok()
                    })?,
                    status: row::read_status(row.get_ref(4).ok()?.as_str().ok()?)?,
                    parked_for: row.get(5).ok()?,
                    under_way: row.get(6).ok()?,
                    ended_at: row.get(7).ok()?,
                    is_parked: row.get(8).ok()?,
                })
            };
            Ok(parse())
        })
        .optional()
}

fn remember(connection: &Connection, id: Id, saga: &Found) -> rusqlite::Result<()> {
    let key = key_hash(&saga.namespace, &saga.definition, &saga.key);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO purged (saga_id, key_hash, status, ended_at)
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((id.as_bytes(), key, saga.status.as_str(), saga.ended_at))?;
    Ok(())
}

fn remove_labels(connection: &Connection, id: Id, saga: &Found) -> rusqlite::Result<()> {
    for (name, value) in &saga.labels {
        connection
            .prepare_cached(
                "DELETE FROM label
                 WHERE name = ?1 AND value = ?2 AND namespace = ?3 AND saga_id = ?4",
            )?
            .execute((name, value, &saga.namespace, id.as_bytes()))?;
    }
    Ok(())
}

/// Sagas at rest, by id. It walks the table itself, so that no saga pays for an index: who was
/// accepted after `until` cannot have ended before, and is not looked at.
pub(crate) fn ended(connection: &Connection, wanted: &EndedQuery) -> Result<EndedPage, ReadError> {
    let sql = format!(
        "SELECT {} FROM saga NOT INDEXED WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3",
        row::COLUMNS,
    );
    let failed = |error: rusqlite::Error| error::read(&error);
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let after = reader::after_id(wanted.after);
    let last = *check::last_id(wanted.until).as_bytes();
    let look = reader::count(wanted.look);
    let mut rows = statement.query((after, last, look)).map_err(failed)?;
    let (mut page, mut looked) = (EndedPage::default(), 0);
    while let Some(row) = rows.next().map_err(failed)? {
        looked += 1;
        page.next = Some(row::read_id(row, 0)?);
        match row::decode(row) {
            Ok(saga) => {
                let ended = check::ended(&saga);
                page.ended
                    .extend(ended.filter(|ended| ended.ended_at <= wanted.until));
            }
            // It must not stand in the way of the others.
            Err(ReadError::Damaged { message }) => {
                tracing::debug!(cause = message, "a damaged saga is not removed");
            }
            Err(error) => return Err(error),
        }
    }
    page.next = page.next.filter(|_| looked == wanted.look);
    Ok(page)
}

/// What is left of a purged saga.
pub(crate) fn purged(connection: &Connection, id: Id) -> Result<Option<Purged>, ReadError> {
    let sql = "SELECT status, ended_at FROM purged WHERE saga_id = ?1";
    let rows = reader::query(connection, sql, &[id.as_bytes()], |row| {
        let read = || {
            Some(Purged {
                id,
                status: row::read_status(row.get_ref(0).ok()?.as_str().ok()?)?,
                ended_at: Timestamp(row.get(1).ok()?),
            })
        };
        read().ok_or_else(|| ReadError::Damaged {
            message: format!("what is left of the purged saga {id} does not parse"),
        })
    })?;
    Ok(rows.into_iter().next())
}

/// Purged sagas that ended at this moment or before.
pub(crate) fn purged_until(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<Id>, ReadError> {
    let sql = "SELECT saga_id FROM purged WHERE ended_at <= ?1
               ORDER BY ended_at, saga_id LIMIT ?2";
    let limit = reader::count(limit);
    reader::query(connection, sql, &[&until.0, &limit], |row| {
        row::read_id(row, 0)
    })
}
