//! Messages between sagas, from the commit that causes one to the commit of what it causes.

use super::checksum::checksum;
use super::{error, reader, row};
use crate::check::json;
use crate::dealings::{Message, MessageKey};
use crate::port::ReadError;
use banyan_core::id::Id;
use rusqlite::types::{ToSql, ValueRef};
use rusqlite::{Connection, Row};

/// Stores a message; one that is there already stays as it is.
pub(crate) fn put(
    connection: &Connection,
    message: &Message,
    scratch: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    let body = json(&message.body);
    let mut columns = [
        ValueRef::Blob(message.to.as_bytes()),
        ValueRef::Blob(message.from.as_bytes()),
        row::number(message.seq),
        ValueRef::Text(message.kind.as_bytes()),
        ValueRef::Text(body.as_bytes()),
        ValueRef::Null,
    ];
    columns[5] = ValueRef::Integer(checksum(&columns[..5], scratch));
    let mut statement = connection.prepare_cached(
        "INSERT INTO message (to_saga, from_saga, from_seq, kind, body, checksum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
    )?;
    row::bind(&mut statement, 1, &columns)?;
    statement.raw_execute()?;
    Ok(())
}

/// A message goes; one that is gone already changes nothing.
pub(crate) fn take(connection: &Connection, to: Id, key: &MessageKey) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM message WHERE to_saga = ?1 AND from_saga = ?2 AND from_seq = ?3",
    )?;
    let columns = [
        ValueRef::Blob(to.as_bytes()),
        ValueRef::Blob(key.from.as_bytes()),
        row::number(key.seq),
    ];
    row::bind(&mut statement, 1, &columns)?;
    statement.raw_execute()?;
    Ok(())
}

/// Is a message from this saga, or to it, not taken yet?
pub(crate) fn owed(connection: &Connection, saga: Id) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM message WHERE to_saga = ?1)
                 OR EXISTS (SELECT 1 FROM message WHERE from_saga = ?1)",
        )?
        .query_row([saga.as_bytes()], |row| row.get(0))
}

/// Messages that were not taken, by receiver, sender and number.
pub(crate) fn messages(
    connection: &Connection,
    after: Option<(Id, MessageKey)>,
    limit: usize,
) -> Result<Vec<Message>, ReadError> {
    let sql = "SELECT to_saga, from_saga, from_seq, kind, body, checksum FROM message
               WHERE (to_saga, from_saga, from_seq) > (?1, ?2, ?3)
               ORDER BY to_saga, from_saga, from_seq LIMIT ?4";
    let to = reader::after_id(after.map(|(to, _)| to));
    let from = reader::after_id(after.map(|(_, key)| key.from));
    let seq = after.map_or(0, |(_, key)| i64::try_from(key.seq).unwrap_or(i64::MAX));
    let limit = reader::count(limit);
    let parameters: [&dyn ToSql; 4] = [&to, &from, &seq, &limit];
    let mut scratch = Vec::new();
    reader::query(connection, sql, &parameters, |row| {
        decode(row, &mut scratch)
    })
}

fn decode(row: &Row<'_>, scratch: &mut Vec<u8>) -> Result<Message, ReadError> {
    let (to, from) = (row::read_id(row, 0)?, row::read_id(row, 1)?);
    let damaged = |what: &str| ReadError::Damaged {
        message: format!("a message of saga {from} to saga {to}: {what}"),
    };
    let mut columns = [ValueRef::Null; 6];
    for (place, column) in columns.iter_mut().enumerate() {
        *column = row.get_ref(place).map_err(|error| error::read(&error))?;
    }
    if columns[5] != ValueRef::Integer(checksum(&columns[..5], scratch)) {
        return Err(damaged("its checksum is wrong"));
    }
    let parsed = || {
        Some(Message {
            to,
            from,
            seq: u64::try_from(columns[2].as_i64().ok()?).ok()?,
            kind: columns[3].as_str().ok()?.to_owned(),
            body: serde_json::from_str(columns[4].as_str().ok()?).ok()?,
        })
    };
    parsed().ok_or_else(|| damaged("it does not parse"))
}
