//! Which saga runs which, as far as retention asks: a child goes after its parent, which may
//! have to undo it, and a parent goes after those of its children that are open.

use banyan_core::id::Id;
use rusqlite::Connection;

/// A saga starts that another one runs.
pub(crate) fn put(connection: &Connection, parent: Id, child: Id) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO child (saga_id, parent) VALUES (?1, ?2)")?
        .execute((child.as_bytes(), parent.as_bytes()))?;
    Ok(())
}

/// Does a parent or a child of this saga need it?
pub(crate) fn needed(connection: &Connection, id: Id) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (
                 SELECT 1 FROM child JOIN saga ON saga.id = child.parent
                 WHERE child.saga_id = ?1)
             OR EXISTS (
                 SELECT 1 FROM child JOIN saga ON saga.id = child.saga_id
                 WHERE child.parent = ?1 AND (saga.status = 'running'
                     OR saga.status = 'compensating' OR saga.status = 'stuck'))",
        )?
        .query_row([id.as_bytes()], |row| row.get(0))
}

/// A saga goes.
pub(crate) fn remove(connection: &Connection, id: Id) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM child WHERE saga_id = ?1",
        "DELETE FROM child WHERE parent = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([id.as_bytes()])?;
    }
    Ok(())
}
