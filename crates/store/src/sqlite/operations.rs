//! Operations over many sagas, and the sagas that they are about: packed, since an operation may
//! be about very many, which are only ever read in their order.

use super::checksum::checksum;
use super::writer::key_hash;
use super::{error, reader, row};
use crate::operations::{Item, OperationKey, OperationRow};
use crate::port::ReadError;
use banyan_core::id::Id;
use rusqlite::types::{ToSql, ValueRef};
use rusqlite::{Connection, Row};

/// Items of one row.
const PACKED: usize = 1_024;
/// Bytes of one item: the saga's id and the number of its record.
const ITEM: usize = 24;

/// An operation, new or as it stands now. With one that is over go its items.
pub(crate) fn put(
    connection: &Connection,
    operation: &OperationRow,
    items: &[Item],
    scratch: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    let body = row::json(&operation.body);
    let mut columns = [
        ValueRef::Blob(operation.id.as_bytes()),
        ValueRef::Integer(operation.open.into()),
        ValueRef::Text(body.as_bytes()),
        ValueRef::Null,
    ];
    columns[3] = ValueRef::Integer(checksum(&columns[..3], scratch));
    let mut statement =
        connection.prepare_cached("INSERT OR REPLACE INTO operation VALUES (?1, ?2, ?3, ?4)")?;
    row::bind(&mut statement, 1, &columns)?;
    statement.raw_execute()?;
    if !operation.open {
        connection
            .prepare_cached("DELETE FROM operation_items WHERE operation_id = ?1")?
            .execute([operation.id.as_bytes()])?;
        return Ok(());
    }
    for (number, items) in (0_i64..).zip(items.chunks(PACKED)) {
        put_items(connection, operation.id, number, items, scratch)?;
    }
    Ok(())
}

fn put_items(
    connection: &Connection,
    operation: Id,
    number: i64,
    items: &[Item],
    scratch: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    let mut packed = Vec::with_capacity(items.len() * ITEM);
    for item in items {
        packed.extend_from_slice(item.id.as_bytes());
        packed.extend_from_slice(&item.seq.to_be_bytes());
    }
    let mut columns = [
        ValueRef::Blob(operation.as_bytes()),
        ValueRef::Integer(number),
        ValueRef::Blob(&packed),
        ValueRef::Null,
    ];
    columns[3] = ValueRef::Integer(checksum(&columns[..3], scratch));
    let mut statement =
        connection.prepare_cached("INSERT INTO operation_items VALUES (?1, ?2, ?3, ?4)")?;
    row::bind(&mut statement, 1, &columns)?;
    statement.raw_execute()?;
    Ok(())
}

/// Removes an operation that is over, with its key; false when there is none, or it is open.
pub(crate) fn forget(
    connection: &Connection,
    id: Id,
    key: Option<&OperationKey>,
) -> rusqlite::Result<bool> {
    let gone = connection
        .prepare_cached("DELETE FROM operation WHERE id = ?1 AND open = 0")?
        .execute([id.as_bytes()])?;
    if let (1, Some(key)) = (gone, key) {
        let [namespace, definition, key] = key.parts();
        connection
            .prepare_cached("DELETE FROM start_key WHERE hash = ?1 AND saga_id = ?2")?
            .execute((key_hash(namespace, definition, key), id.as_bytes()))?;
    }
    Ok(gone == 1)
}

/// An operation.
pub(crate) fn operation(
    connection: &Connection,
    id: Id,
) -> Result<Option<OperationRow>, ReadError> {
    let sql = "SELECT id, open, body, checksum FROM operation WHERE id = ?1";
    let mut scratch = Vec::new();
    let found = reader::query(connection, sql, &[id.as_bytes()], |row| {
        decode(row, &mut scratch)
    })?;
    Ok(found.into_iter().next())
}

/// Operations, newest first, below `after`. One whose row is damaged is told in the log and left
/// out: it would hide all others.
pub(crate) fn operations(
    connection: &Connection,
    open_only: bool,
    after: Option<Id>,
    limit: usize,
) -> Result<Vec<OperationRow>, ReadError> {
    let sql = "SELECT id, open, body, checksum FROM operation
               WHERE (?1 IS NULL OR id < ?1) AND open >= ?2 ORDER BY id DESC";
    let failed = |error: rusqlite::Error| error::read(&error);
    let after = after.map(|id| id.as_bytes().to_vec());
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query((after, open_only)).map_err(failed)?;
    let (mut found, mut scratch) = (Vec::new(), Vec::new());
    while found.len() < limit {
        let Some(row) = rows.next().map_err(failed)? else {
            break;
        };
        match decode(row, &mut scratch) {
            Ok(operation) => found.push(operation),
            Err(error @ ReadError::Damaged { .. }) => tracing::error!(%error, "it is left out"),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The sagas of an operation from this place on.
pub(crate) fn items(
    connection: &Connection,
    operation: Id,
    from: usize,
    limit: usize,
) -> Result<Vec<Item>, ReadError> {
    let sql = "SELECT operation_id, number, items, checksum FROM operation_items
               WHERE operation_id = ?1 AND number >= ?2 ORDER BY number LIMIT ?3";
    let first = reader::count(from / PACKED);
    let rows = reader::count(limit / PACKED + 2);
    let parameters: [&dyn ToSql; 3] = [operation.as_bytes(), &first, &rows];
    let mut scratch = Vec::new();
    let packs = reader::query(connection, sql, &parameters, |row| {
        unpack(row, operation, &mut scratch)
    })?;
    let items = packs.into_iter().flatten();
    Ok(items.skip(from % PACKED).take(limit).collect())
}

fn unpack(row: &Row<'_>, operation: Id, scratch: &mut Vec<u8>) -> Result<Vec<Item>, ReadError> {
    let columns = columns(row)?;
    let damaged = |what: &str| ReadError::Damaged {
        message: format!("the sagas of operation {operation}: {what}"),
    };
    if columns[3] != ValueRef::Integer(checksum(&columns[..3], scratch)) {
        return Err(damaged("their checksum is wrong"));
    }
    let one = |packed: &[u8]| {
        let (id, seq) = packed.split_at_checked(16)?;
        Some(Item {
            id: Id::from_bytes(id.try_into().ok()?),
            seq: u64::from_be_bytes(seq.try_into().ok()?),
        })
    };
    let packed = columns[2].as_blob().unwrap_or_default();
    let items: Option<Vec<Item>> = packed.chunks(ITEM).map(one).collect();
    items.ok_or_else(|| damaged("they do not parse"))
}

fn decode(row: &Row<'_>, scratch: &mut Vec<u8>) -> Result<OperationRow, ReadError> {
    let id = row::read_id(row, 0)?;
    let damaged = |what: &str| ReadError::Damaged {
        message: format!("operation {id}: {what}"),
    };
    let columns = columns(row)?;
    if columns[3] != ValueRef::Integer(checksum(&columns[..3], scratch)) {
        return Err(damaged("its checksum is wrong"));
    }
    let parsed = || {
        Some(OperationRow {
            id,
            open: columns[1].as_i64().ok()? == 1,
            body: serde_json::from_str(columns[2].as_str().ok()?).ok()?,
        })
    };
    parsed().ok_or_else(|| damaged("it does not parse"))
}

fn columns<'a>(row: &'a Row<'_>) -> Result<[ValueRef<'a>; 4], ReadError> {
    let mut columns = [ValueRef::Null; 4];
    for (place, column) in columns.iter_mut().enumerate() {
        *column = row.get_ref(place).map_err(|error| error::read(&error))?;
    }
    Ok(columns)
}
