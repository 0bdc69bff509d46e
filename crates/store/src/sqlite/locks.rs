//! The lines before locks: one row for each saga in one, ordered by ticket. Who stands first
//! has the lowest ticket, holding the lock or not.

use super::row::{self, Hash};
use super::{error, reader};
use crate::dealings::{Holder, LockChange, LockPlace};
use crate::port::ReadError;
use banyan_core::id::Id;
use rusqlite::types::{ToSqlOutput, Type};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeSet;

/// Which line: namespace, definition and hash of the value.
type Name = [String; 3];

/// Lines whose first became another in the commit under way.
#[derive(Debug, Default)]
pub(crate) struct Moved(BTreeSet<Name>);

struct Place {
    name: Name,
    ticket: i64,
}

struct First {
    saga: Id,
    ticket: i64,
    held: bool,
}

/// May this saga take this step? Writes nothing.
pub(crate) fn allow(
    connection: &Connection,
    saga: Id,
    change: &LockChange,
) -> rusqlite::Result<bool> {
    Ok(match change {
        LockChange::Leave => true,
        LockChange::Join { .. } | LockChange::JoinFirst { .. } => {
            place(connection, saga)?.is_none()
        }
        LockChange::Take => match place(connection, saga)? {
            Some(place) => first(connection, &place.name)?.is_some_and(|first| first.saga == saga),
            None => false,
        },
    })
}

/// Takes a step that is allowed. The saga's row is stored.
pub(crate) fn change(
    connection: &Connection,
    moved: &mut Moved,
    saga: Id,
    change: &LockChange,
) -> rusqlite::Result<()> {
    match change {
        LockChange::Join { value } => join(connection, moved, saga, value),
        LockChange::JoinFirst { value } => join_first(connection, moved, saga, value),
        LockChange::Take => take(connection, saga),
        LockChange::Leave => leave(connection, moved, saga),
    }
}

/// Who came to stand first in the commit that ends here, and has not taken the lock.
pub(crate) fn take_granted(
    connection: &Connection,
    moved: &mut Moved,
) -> rusqlite::Result<Vec<Id>> {
    let mut granted = Vec::new();
    for name in std::mem::take(&mut moved.0) {
        let first = first(connection, &name)?;
        granted.extend(first.filter(|first| !first.held).map(|first| first.saga));
    }
    granted.sort_unstable();
    Ok(granted)
}

fn join(connection: &Connection, moved: &mut Moved, saga: Id, value: &str) -> rusqlite::Result<()> {
    let name = name(connection, saga, value)?;
    let hash = Hash::new(&name[2]);
    let last: Option<i64> = connection
        .prepare_cached(
            "SELECT ticket FROM lock_line
             WHERE namespace = ?1 AND definition = ?2 AND value_hash = ?3
             ORDER BY ticket DESC LIMIT 1",
        )?
        .query_row(
            params![name[0], name[1], ToSqlOutput::Borrowed(hash.value())],
            |row| row.get(0),
        )
        .optional()?;
    insert(connection, &name, last.map_or(0, |last| last + 1), saga)?;
    if last.is_none() {
        moved.0.insert(name);
    }
    Ok(())
}

fn join_first(
    connection: &Connection,
    moved: &mut Moved,
    saga: Id,
    value: &str,
) -> rusqlite::Result<()> {
    let name = name(connection, saga, value)?;
    match first(connection, &name)? {
        Some(holder) if holder.held => {
            // The holder makes room: it must keep the lowest ticket.
            connection
                .prepare_cached("UPDATE lock_line SET ticket = ?1 WHERE saga_id = ?2")?
                .execute((holder.ticket - 1, holder.saga.as_bytes()))?;
            insert(connection, &name, holder.ticket, saga)
        }
        waiting => {
            let ticket = waiting.map_or(0, |first| first.ticket - 1);
            insert(connection, &name, ticket, saga)?;
            moved.0.insert(name);
            Ok(())
        }
    }
}

fn take(connection: &Connection, saga: Id) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE lock_line SET held = 1 WHERE saga_id = ?1")?
        .execute([saga.as_bytes()])?;
    Ok(())
}

fn leave(connection: &Connection, moved: &mut Moved, saga: Id) -> rusqlite::Result<()> {
    let Some(place) = place(connection, saga)? else {
        return Ok(());
    };
    if first(connection, &place.name)?.is_some_and(|first| first.ticket == place.ticket) {
        moved.0.insert(place.name);
    }
    connection
        .prepare_cached("DELETE FROM lock_line WHERE saga_id = ?1")?
        .execute([saga.as_bytes()])?;
    Ok(())
}

fn insert(connection: &Connection, name: &Name, ticket: i64, saga: Id) -> rusqlite::Result<()> {
    let hash = Hash::new(&name[2]);
    connection
        .prepare_cached(
            "INSERT INTO lock_line (namespace, definition, value_hash, ticket, saga_id, held)
             VALUES (?1, ?2, ?3, ?4, ?5, 0)",
        )?
        .execute(params![
            name[0],
            name[1],
            ToSqlOutput::Borrowed(hash.value()),
            ticket,
            saga.as_bytes()
        ])?;
    Ok(())
}

/// The line of a value, by what the saga's start fixed.
fn name(connection: &Connection, saga: Id, value: &str) -> rusqlite::Result<Name> {
    connection
        .prepare_cached("SELECT namespace, definition FROM saga WHERE id = ?1")?
        .query_row([saga.as_bytes()], |row| {
            Ok([row.get(0)?, row.get(1)?, value.to_owned()])
        })
}

fn place(connection: &Connection, saga: Id) -> rusqlite::Result<Option<Place>> {
    connection
        .prepare_cached(
            "SELECT namespace, definition, value_hash, ticket FROM lock_line WHERE saga_id = ?1",
        )?
        .query_row([saga.as_bytes()], |row| {
            let name = [row.get(0)?, row.get(1)?, value_hash(row, 2)?];
            let ticket = row.get(3)?;
            Ok(Place { name, ticket })
        })
        .optional()
}

fn first(connection: &Connection, name: &Name) -> rusqlite::Result<Option<First>> {
    let hash = Hash::new(&name[2]);
    connection
        .prepare_cached(
            "SELECT saga_id, ticket, held FROM lock_line
             WHERE namespace = ?1 AND definition = ?2 AND value_hash = ?3
             ORDER BY ticket LIMIT 1",
        )?
        .query_row(
            params![name[0], name[1], ToSqlOutput::Borrowed(hash.value())],
            |row| {
                Ok(First {
                    saga: Id::from_bytes(row.get(0)?),
                    ticket: row.get(1)?,
                    held: row.get(2)?,
                })
            },
        )
        .optional()
}

fn value_hash(row: &Row<'_>, place: usize) -> rusqlite::Result<String> {
    row::read_hash(row.get_ref(place)?).ok_or_else(|| {
        rusqlite::Error::InvalidColumnType(place, "value_hash".to_owned(), Type::Null)
    })
}

/// Does the saga stand in a line?
pub(crate) fn stands(connection: &Connection, saga: Id) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM lock_line WHERE saga_id = ?1)")?
        .query_row([saga.as_bytes()], |row| row.get(0))
}

/// Sagas that stand first and have not taken the lock, by id.
pub(crate) fn waiting_first(
    connection: &Connection,
    after: Option<Id>,
    limit: usize,
) -> Result<Vec<Id>, ReadError> {
    let sql = "SELECT saga_id FROM lock_line AS one
               WHERE held = 0 AND saga_id > ?1 AND NOT EXISTS (
                   SELECT 1 FROM lock_line AS other
                   WHERE other.namespace = one.namespace AND other.definition = one.definition
                       AND other.value_hash = one.value_hash AND other.ticket < one.ticket)
               ORDER BY saga_id LIMIT ?2";
    let after = reader::after_id(after);
    let limit = reader::count(limit);
    reader::query(connection, sql, &[&after, &limit], |row| {
        row::read_id(row, 0)
    })
}

/// Who holds a lock, each with who waits next for it.
pub(crate) fn holders(
    connection: &Connection,
    after: Option<Id>,
    limit: usize,
) -> Result<Vec<Holder>, ReadError> {
    let sql = "SELECT saga_id,
                   (SELECT saga_id FROM lock_line AS other
                    WHERE other.namespace = one.namespace AND other.definition = one.definition
                        AND other.value_hash = one.value_hash AND other.ticket > one.ticket
                    ORDER BY ticket LIMIT 1)
               FROM lock_line AS one WHERE held = 1 AND saga_id > ?1
               ORDER BY saga_id LIMIT ?2";
    let after = reader::after_id(after);
    let limit = reader::count(limit);
    reader::query(connection, sql, &[&after, &limit], |row| {
        let next: Option<[u8; 16]> = row.get(1).map_err(|error| super::error::read(&error))?;
        Ok(Holder {
            saga: row::read_id(row, 0)?,
            next: next.map(Id::from_bytes),
        })
    })
}

/// Where a saga stands.
pub(crate) fn lock(connection: &Connection, saga: Id) -> Result<Option<LockPlace>, ReadError> {
    let sql = "SELECT value_hash, held,
                   (SELECT count(*) FROM lock_line AS other
                    WHERE other.namespace = one.namespace AND other.definition = one.definition
                        AND other.value_hash = one.value_hash AND other.ticket < one.ticket),
                   (SELECT saga_id FROM lock_line AS other
                    WHERE other.namespace = one.namespace AND other.definition = one.definition
                        AND other.value_hash = one.value_hash ORDER BY ticket LIMIT 1)
               FROM lock_line AS one WHERE saga_id = ?1";
    let places = reader::query(connection, sql, &[saga.as_bytes()], |row| {
        let read = || {
            Ok(LockPlace {
                value: value_hash(row, 0)?,
                holds: row.get(1)?,
                ahead: row.get::<_, u32>(2)?.into(),
                first: Id::from_bytes(row.get(3)?),
            })
        };
        read().map_err(|error: rusqlite::Error| error::read(&error))
    })?;
    Ok(places.into_iter().next())
}
