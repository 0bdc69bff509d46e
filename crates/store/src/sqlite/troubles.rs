//! Troubles, counted from the index of rows in trouble alone: for each status the newest, up to
//! the limit. Whoever is not in trouble is not touched.

use super::error;
use crate::port::ReadError;
use crate::trouble::{Counting, TroubleQuery, Troubles};
use banyan_core::Timestamp;
use banyan_core::saga::Status;
use rusqlite::Connection;

pub(crate) fn troubles(
    connection: &Connection,
    query: &TroubleQuery,
) -> Result<Troubles, ReadError> {
    let mut counting = Counting::default();
    for status in &query.status {
        of_status(connection, query, *status, &mut counting)?;
    }
    Ok(counting.end())
}

fn of_status(
    connection: &Connection,
    query: &TroubleQuery,
    status: Status,
    counting: &mut Counting,
) -> Result<(), ReadError> {
    let failed = |error: rusqlite::Error| error::read(&error);
    let mut statement = connection
        .prepare_cached(
            "SELECT definition, trouble, trouble_since, id, namespace
             FROM saga INDEXED BY saga_trouble
             WHERE status = ?1 AND trouble_since IS NOT NULL AND trouble_since >= ?2
             ORDER BY trouble_since DESC, id DESC",
        )
        .map_err(failed)?;
    let since = query.since.map_or(i64::MIN, |since| since.0);
    let mut rows = statement.query((status.as_str(), since)).map_err(failed)?;
    let mut counted = 0;
    let mut oldest = None;
    while let Some(row) = rows.next().map_err(failed)? {
        let text = |place| -> rusqlite::Result<&str> { Ok(row.get_ref(place)?.as_str()?) };
        let namespace = text(4).map_err(failed)?;
        let is_ours = |wall: &String| wall == namespace;
        if !query.namespace.is_empty() && !query.namespace.iter().any(is_ours) {
            continue;
        }
        let at = Timestamp(row.get(2).map_err(failed)?);
        if counted == query.limit {
            counting.cut(status, oldest.unwrap_or(at));
            return Ok(());
        }
        let id = super::row::read_id(row, 3)?;
        let (definition, cause) = (text(0).map_err(failed)?, text(1).map_err(failed)?);
        if !counting.add(definition, cause, at, id) {
            let message = format!("the row of saga {id}: its trouble does not parse");
            return Err(ReadError::Damaged { message });
        }
        (counted, oldest) = (counted + 1, Some(at));
    }
    Ok(())
}
