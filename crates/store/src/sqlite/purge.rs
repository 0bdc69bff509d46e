//! Retention: which sagas are at rest, and how one goes.

use super::tally::Tally;
use super::writer::key_hash;
use super::{error, locks, messages, reader, row};
use crate::check;
use crate::dealings::Ended;
use crate::port::ReadError;
use banyan_core::id::Id;
use banyan_core::saga::Status;
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;

/// Removes a saga with all that is stored of it; false when it is not at rest, or others still
/// count on it. Its start key says with which status it went.
pub(crate) fn purge(connection: &Connection, tally: &mut Tally, id: Id) -> rusqlite::Result<bool> {
    let Some(saga) = find(connection, id)?.flatten() else {
        return Ok(false);
    };
    if !saga.status.is_rest() || messages::owed(connection, id)? || locks::stands(connection, id)? {
        return Ok(false);
    }
    let key = key_hash(&saga.namespace, &saga.definition, &saga.key);
    connection
        .prepare_cached("UPDATE start_key SET purged = ?1 WHERE hash = ?2")?
        .execute((saga.status.as_str(), key))?;
    remove_labels(connection, id, &saga)?;
    remove_journal(connection, id)?;
    connection
        .prepare_cached("DELETE FROM saga WHERE id = ?1")?
        .execute([id.as_bytes()])?;
    tally.status(saga.status.as_str(), -1);
    if let Some(service) = &saga.parked_for {
        tally.parked(service, -1);
    }
    Ok(true)
}

struct Found {
    namespace: String,
    definition: String,
    key: String,
    labels: BTreeMap<String, String>,
    status: Status,
    parked_for: Option<String>,
}

/// The saga, if it is there; of it nothing, when its row does not parse. A damaged row stays,
/// and ends no writer.
fn find(connection: &Connection, id: Id) -> rusqlite::Result<Option<Option<Found>>> {
    connection
        .prepare_cached(
            "SELECT namespace, definition, key, labels, status,
                 CASE WHEN parked_since IS NOT NULL THEN service END
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
                })
            };
            Ok(parse())
        })
        .optional()
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

fn remove_journal(connection: &Connection, id: Id) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM journal WHERE saga_id = ?1")?
        .execute([id.as_bytes()])?;
    Ok(())
}

/// Sagas at rest, oldest first. It walks by id, so that no saga pays for an index: between two
/// pages lie open sagas and young ones only.
pub(crate) fn ended(
    connection: &Connection,
    after: Option<Id>,
    limit: usize,
) -> Result<Vec<Ended>, ReadError> {
    let rest: Vec<String> = Status::ALL
        .into_iter()
        .filter(|status| status.is_rest())
        .map(|status| format!("status = '{}'", status.as_str()))
        .collect();
    let sql = format!(
        "SELECT {} FROM saga NOT INDEXED WHERE id > ?1 AND ({}) ORDER BY id",
        row::COLUMNS,
        rest.join(" OR "),
    );
    let failed = |error: rusqlite::Error| error::read(&error);
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let mut rows = statement.query([reader::after_id(after)]).map_err(failed)?;
    let mut ended = Vec::new();
    while ended.len() < limit
        && let Some(row) = rows.next().map_err(failed)?
    {
        match row::decode(row) {
            Ok(saga) => ended.extend(check::ended(&saga)),
            // It must not stand in the way of the others.
            Err(ReadError::Damaged { message }) => {
                tracing::warn!(message, "a damaged saga is not removed");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(ended)
}
