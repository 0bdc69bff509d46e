//! Reads of what was committed, each on a connection of the pool.

use super::lock::Lock;
use super::pool::Pool;
use super::writer::key_hash;
use super::{
    audit, error, list, locks, messages, operations, parked, purge, registry, row, troubles,
};
use crate::audit::{AuditEntry, AuditQuery};
use crate::dealings::{EndedPage, EndedQuery, Holder, LockPlace, Message, MessageKey, Purged};
use crate::operations::{Item, OperationRow, Selection};
use crate::port::{
    Counts, Cursor, DefinitionRow, Filter, ReadError, Reader, SagaRow, ServiceRow, StartKey,
    Stored, Wake, WakeQuery,
};
use crate::trouble::{TroubleQuery, Troubles};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::Entry;
use rusqlite::types::ToSql;
use rusqlite::{Connection, Row};
use std::sync::Arc;

/// The reader of a SQLite store; shared by many threads.
#[derive(Debug)]
pub struct SqliteReader {
    store_id: String,
    secret: [u8; 32],
    pool: Pool,
    _lock: Arc<Lock>,
}

impl SqliteReader {
    pub(crate) fn new(
        (store_id, secret): (String, [u8; 32]),
        connections: Vec<Connection>,
        lock: Arc<Lock>,
    ) -> Self {
        SqliteReader {
            store_id,
            secret,
            pool: Pool::new(connections),
            _lock: lock,
        }
    }
}

impl SqliteReader {
    /// When the stuck saga that has been left alone for longest was last changed.
    fn stuck_since(&self) -> Result<Option<Timestamp>, ReadError> {
        let sql = format!(
            "SELECT min(updated_at) FROM saga INDEXED BY saga_open
             WHERE {} AND status = 'stuck'",
            super::list::OPEN
        );
        let found = query(&*self.pool.lend()?, &sql, &[], |row| {
            let since: rusqlite::Result<Option<i64>> = row.get(0);
            since.map_err(|error| error::read(&error))
        })?;
        Ok(found.into_iter().flatten().next().map(Timestamp))
    }
}

impl Reader for SqliteReader {
    fn store_id(&self) -> &str {
        &self.store_id
    }

    fn secret(&self) -> [u8; 32] {
        self.secret
    }

    fn load(&self, id: Id) -> Result<Option<Stored>, ReadError> {
        let connection = self.pool.lend()?;
        // Row and journal out of one snapshot. Its end has nothing to undo.
        let snapshot = connection.unchecked_transaction();
        let _snapshot = snapshot.map_err(|error| error::read(&error))?;
        let sql = format!("SELECT {} FROM saga WHERE id = ?1", row::COLUMNS);
        let rows = query(&connection, &sql, &[id.as_bytes()], row::decode)?;
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        let journal = journal(&connection, id, row.seq)?;
        Ok(Some(Stored { row, journal }))
    }

    fn row(&self, id: Id) -> Result<Option<SagaRow>, ReadError> {
        let sql = format!("SELECT {} FROM saga WHERE id = ?1", row::COLUMNS);
        let rows = query(&*self.pool.lend()?, &sql, &[id.as_bytes()], row::decode)?;
        Ok(rows.into_iter().next())
    }

    fn start_key(
        &self,
        namespace: &str,
        definition: &str,
        key: &str,
    ) -> Result<Option<StartKey>, ReadError> {
        let hash = key_hash(namespace, definition, key);
        let sql = "SELECT start_key.saga_id, request_hash, purged.status
                   FROM start_key LEFT JOIN purged
                       ON purged.saga_id = start_key.saga_id AND key_hash = hash
                   WHERE hash = ?1";
        let rows = query(&*self.pool.lend()?, sql, &[&hash], start_key)?;
        Ok(rows.into_iter().next())
    }

    fn list(
        &self,
        filter: &Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<SagaRow>, ReadError> {
        list::list(&*self.pool.lend()?, filter, after, limit)
    }

    fn wakes(&self, wanted: &WakeQuery) -> Result<Vec<Wake>, ReadError> {
        let sql = format!(
            "SELECT wake_at, id FROM saga INDEXED BY saga_wake
             WHERE wake_at IS NOT NULL AND (wake_at, id) > (?1, ?2) AND {}
             ORDER BY wake_at, id LIMIT ?4",
            if wanted.in_flight_only {
                "in_flight = 1 AND ?3 = ?3"
            } else {
                "wake_at <= ?3"
            }
        );
        let (at, id) = from(wanted.after);
        let limit = count(wanted.limit);
        let parameters: [&dyn ToSql; 4] = [&at, &id, &wanted.until.0, &limit];
        let wakes = query(&*self.pool.lend()?, &sql, &parameters, moment_and_id)?;
        Ok(wakes.into_iter().map(|(at, id)| Wake { at, id }).collect())
    }

    fn parked(
        &self,
        service: &str,
        after: Option<(Timestamp, Id)>,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Id)>, ReadError> {
        parked::parked(&*self.pool.lend()?, service, after, limit)
    }

    fn troubles(&self, query: &TroubleQuery) -> Result<Troubles, ReadError> {
        troubles::troubles(&*self.pool.lend()?, query)
    }

    fn counts(&self) -> Result<Counts, ReadError> {
        let sql = "SELECT kind, name, sagas FROM saga_count WHERE sagas > 0";
        let rows = query(&*self.pool.lend()?, sql, &[], |row| {
            let read = || Ok((row.get(0)?, row.get(1)?, row.get::<_, u32>(2)?));
            read().map_err(|error: rusqlite::Error| error::read(&error))
        })?;
        let mut counts = Counts::default();
        for (kind, name, sagas) in rows {
            let (kind, name): (String, String) = (kind, name);
            if kind == "parked" {
                counts.parked.insert(name, sagas.into());
            } else if let Some(status) = row::read_status(&name) {
                counts.by_status.insert(status, sagas.into());
            }
        }
        // Where none is stuck, which is nearly always, nobody walks over the open ones.
        if counts
            .by_status
            .contains_key(&banyan_core::saga::Status::Stuck)
        {
            counts.stuck_since = self.stuck_since()?;
        }
        Ok(counts)
    }

    fn definitions(&self) -> Result<Vec<DefinitionRow>, ReadError> {
        registry::definitions(&*self.pool.lend()?)
    }

    fn services(&self) -> Result<Vec<ServiceRow>, ReadError> {
        registry::services(&*self.pool.lend()?)
    }

    fn messages(
        &self,
        after: Option<(Id, MessageKey)>,
        limit: usize,
    ) -> Result<Vec<Message>, ReadError> {
        messages::messages(&*self.pool.lend()?, after, limit)
    }

    fn granted(&self, after: Option<Id>, limit: usize) -> Result<Vec<Id>, ReadError> {
        locks::waiting_first(&*self.pool.lend()?, after, limit)
    }

    fn holders(&self, after: Option<Id>, limit: usize) -> Result<Vec<Holder>, ReadError> {
        locks::holders(&*self.pool.lend()?, after, limit)
    }

    fn sleepless(&self, after: Option<Id>, limit: usize) -> Result<Vec<Id>, ReadError> {
        let sql = "SELECT id FROM saga INDEXED BY saga_sleepless
                   WHERE wake_at IS NULL AND (status = 'running' OR status = 'compensating')
                       AND id > ?1
                   ORDER BY id LIMIT ?2";
        let (after, limit) = (after_id(after), count(limit));
        query(&*self.pool.lend()?, sql, &[&after, &limit], |row| {
            row::read_id(row, 0)
        })
    }

    fn lock(&self, saga: Id) -> Result<Option<LockPlace>, ReadError> {
        locks::lock(&*self.pool.lend()?, saga)
    }

    fn ended(&self, query: &EndedQuery) -> Result<EndedPage, ReadError> {
        purge::ended(&*self.pool.lend()?, query)
    }

    fn purged(&self, id: Id) -> Result<Option<Purged>, ReadError> {
        purge::purged(&*self.pool.lend()?, id)
    }

    fn purged_until(&self, until: Timestamp, limit: usize) -> Result<Vec<Id>, ReadError> {
        purge::purged_until(&*self.pool.lend()?, until, limit)
    }

    fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, ReadError> {
        audit::audit(&*self.pool.lend()?, query)
    }

    fn audit_until(&self, until: Timestamp, limit: usize) -> Result<Vec<u64>, ReadError> {
        audit::audit_until(&*self.pool.lend()?, until, limit)
    }

    fn taken_by(&self, operation: Id, sagas: &[Id]) -> Result<Vec<Id>, ReadError> {
        audit::taken_by(&*self.pool.lend()?, operation, sagas)
    }

    fn select(&self, filter: &Filter, most: usize) -> Result<Selection, ReadError> {
        list::select(&*self.pool.lend()?, filter, most)
    }

    fn operation(&self, id: Id) -> Result<Option<OperationRow>, ReadError> {
        operations::operation(&*self.pool.lend()?, id)
    }

    fn operations(
        &self,
        open_only: bool,
        after: Option<Id>,
        limit: usize,
    ) -> Result<Vec<OperationRow>, ReadError> {
        operations::operations(&*self.pool.lend()?, open_only, after, limit)
    }

    fn items(&self, operation: Id, from: usize, limit: usize) -> Result<Vec<Item>, ReadError> {
        operations::items(&*self.pool.lend()?, operation, from, limit)
    }
}

/// Runs a query and decodes its rows.
pub(crate) fn query<T>(
    connection: &Connection,
    sql: &str,
    parameters: &[&dyn ToSql],
    mut decode: impl FnMut(&Row<'_>) -> Result<T, ReadError>,
) -> Result<Vec<T>, ReadError> {
    let failed = |error: rusqlite::Error| error::read(&error);
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let parameters = rusqlite::params_from_iter(parameters.iter());
    let mut rows = statement.query(parameters).map_err(failed)?;
    let mut decoded = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        decoded.push(decode(row)?);
    }
    Ok(decoded)
}

/// The journal up to the row's last record; a gap is damage.
fn journal(connection: &Connection, id: Id, last: u64) -> Result<Vec<Entry>, ReadError> {
    let sql = "SELECT seq, at, version, records, checksum FROM journal
               WHERE saga_id = ?1 ORDER BY seq";
    let (mut entries, mut scratch) = (Vec::new(), Vec::new());
    query(connection, sql, &[id.as_bytes()], |row| {
        row::decode_entries(row, id, &mut entries, &mut scratch)
    })?;
    let seq = entries.len() as u64;
    if seq != last {
        return Err(ReadError::Damaged {
            message: format!("saga {id}: its row says {last} records, its journal has {seq}"),
        });
    }
    Ok(entries)
}

fn start_key(row: &Row<'_>) -> Result<StartKey, ReadError> {
    let read = || {
        let purged: Option<String> = row.get(2).ok()?;
        Some(StartKey {
            id: row::read_id(row, 0).ok()?,
            request_hash: row::read_hash(row.get_ref(1).ok()?)?,
            purged: match purged {
                Some(status) => Some(row::read_status(&status)?),
                None => None,
            },
        })
    };
    read().ok_or_else(|| ReadError::Damaged {
        message: "a start key does not parse".to_owned(),
    })
}

pub(crate) fn moment_and_id(row: &Row<'_>) -> Result<(Timestamp, Id), ReadError> {
    let at = row.get(0).map_err(|error| error::read(&error))?;
    Ok((Timestamp(at), row::read_id(row, 1)?))
}

/// The place after which to read; all of it when there is none.
pub(crate) fn from(after: Option<(Timestamp, Id)>) -> (i64, Vec<u8>) {
    let at = after.map_or(i64::MIN, |(at, _)| at.0);
    (at, after_id(after.map(|(_, id)| id)))
}

/// The id after which to read; all of them when there is none. Ids are never empty.
pub(crate) fn after_id(after: Option<Id>) -> Vec<u8> {
    after.map_or_else(Vec::new, |id| id.as_bytes().to_vec())
}

pub(crate) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
