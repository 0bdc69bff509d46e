//! The one writer: a batch of guarded changes in one transaction.
//!
//! Each change proves its guard before it writes anything, so a conflict leaves nothing behind
//! and needs no savepoint. The writer also moves the log into the database (the checkpoint),
//! because SQLite's own automatic one hides a failed fsync.

use super::lock::Lock;
use super::locks::{self, Moved};
use super::row::{self, FixedTexts, Hash, StateTexts};
use super::tally::Tally;
use super::{audit, error, family, messages, operations, parked, purge, registry};
use crate::dealings::Dealings;
use crate::port::{Applied, Change, CommitError, Committed, SagaRow, Writer};
use banyan_core::id::Id;
use banyan_core::saga::{Entry, RECORD_VERSION};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

/// So many times the ordinary length, and the checkpoint waits for readers: the log must not
/// grow for ever.
const PATIENCE: i32 = 32;

/// A row of the journal that holds so much takes no further record.
const ROW_BYTES: usize = 64 * 1024;

/// The one writer of a SQLite store.
#[derive(Debug)]
pub struct SqliteWriter {
    connection: Connection,
    tally: Tally,
    moved: Moved,
    scratch: Vec<u8>,
    records: Vec<u8>,
    log_pages: Arc<AtomicI32>,
    checkpoint_pages: i32,
    /// Set once a commit was in doubt: nothing is written any more.
    broken: Option<String>,
    _lock: Arc<Lock>,
}

impl Writer for SqliteWriter {
    fn commit(&mut self, changes: &[Change]) -> Result<Committed, CommitError> {
        changes.iter().for_each(Change::check);
        if let Some(message) = self.broken.clone() {
            return Err(CommitError::Unknown { message });
        }
        let result = self.checkpoint().and_then(|()| self.transact(changes));
        result.map_err(|error| self.give_up(&error))
    }
}

impl SqliteWriter {
    pub(crate) fn new(
        mut connection: Connection,
        checkpoint_pages: i32,
        lock: Arc<Lock>,
    ) -> rusqlite::Result<Self> {
        let log_pages = Arc::new(AtomicI32::new(0));
        let pages = Arc::clone(&log_pages);
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, logged| {
            pages.store(logged, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(SqliteWriter {
            connection,
            tally: Tally::default(),
            moved: Moved::default(),
            scratch: Vec::new(),
            records: Vec::new(),
            log_pages,
            checkpoint_pages,
            broken: None,
            _lock: lock,
        })
    }

    /// Bounds the database to so many bytes. A commit that needs more is answered as on a
    /// full disk.
    ///
    /// # Errors
    /// When SQLite does not answer.
    pub fn limit_bytes(&mut self, bytes: u64) -> Result<(), CommitError> {
        let set = |connection: &Connection| -> rusqlite::Result<()> {
            let size: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / size.max(1);
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
        };
        set(&self.connection).map_err(|error| error::commit(&error))
    }

    fn transact(&mut self, changes: &[Change]) -> rusqlite::Result<Committed> {
        self.tally.clear();
        self.moved = Moved::default();
        self.connection
            .prepare_cached("BEGIN IMMEDIATE")?
            .execute(())?;
        if changes.is_empty() {
            // The page is written though nothing on it changes: an empty transaction would
            // succeed on any disk.
            self.connection
                .prepare_cached("UPDATE meta SET store_id = store_id")?
                .execute(())?;
        }
        let mut applied = Vec::with_capacity(changes.len());
        for change in changes {
            let done = self.apply(change)?;
            applied.push(if done {
                Applied::Done
            } else {
                Applied::Conflict
            });
        }
        self.tally.write(&self.connection)?;
        let granted = locks::take_granted(&self.connection, &mut self.moved)?;
        self.connection.prepare_cached("COMMIT")?.execute(())?;
        Ok(Committed { applied, granted })
    }

    fn apply(&mut self, change: &Change) -> rusqlite::Result<bool> {
        match change {
            Change::Start {
                row,
                request_hash,
                entries,
                dealings,
            } => Ok(self.allow(row.id, dealings)?
                && self.start(row, request_hash, entries)?
                && self.deal(row.id, dealings)?),
            Change::Append {
                row,
                expected_seq,
                entries,
                dealings,
            } => Ok(self.allow(row.id, dealings)?
                && self.update(row, *expected_seq)?
                && (!crate::check::moves(entries) || self.move_version(row)?)
                && self.write_entries(row.id, entries)?
                && self.deal(row.id, dealings)?),
            Change::TakeMessage { to, key } => {
                messages::take(&self.connection, *to, key)?;
                Ok(true)
            }
            Change::Purge { id } => purge::purge(&self.connection, &mut self.tally, *id),
            Change::Forget { id } => purge::forget(&self.connection, *id),
            Change::Definition(row) => registry::define(&self.connection, row),
            Change::Activate { name, version } => {
                registry::activate(&self.connection, name, *version)
            }
            Change::Accepting { name, refusal } => {
                registry::accept(&self.connection, name, refusal.as_deref())
            }
            Change::Service(row) => registry::put_service(&self.connection, row),
            Change::DeleteService { name } => registry::delete_service(&self.connection, name),
            Change::Operation { row, items, key } => {
                if let Some(key) = key {
                    let [namespace, definition, text] = key.parts();
                    let hash = key_hash(namespace, definition, text);
                    if !self.take_key(&hash, row.id, &key.request_hash)? {
                        return Ok(false);
                    }
                }
                operations::put(&self.connection, row, items, &mut self.scratch)?;
                Ok(true)
            }
            Change::ForgetOperation { id, key } => {
                operations::forget(&self.connection, *id, key.as_ref())
            }
            Change::ForgetAudit { number } => audit::forget(&self.connection, *number),
            Change::Audited { change, row } => {
                let done = self.apply(change)?;
                if done {
                    audit::add(&self.connection, row, &mut self.scratch)?;
                }
                Ok(done)
            }
        }
    }

    /// Proves a step in a line before anything of its change is written.
    fn allow(&self, id: Id, dealings: &Dealings) -> rusqlite::Result<bool> {
        match &dealings.lock {
            Some(change) => locks::allow(&self.connection, id, change),
            None => Ok(true),
        }
    }

    /// Writes what a saga does to others.
    fn deal(&mut self, id: Id, dealings: &Dealings) -> rusqlite::Result<bool> {
        for key in &dealings.taken {
            messages::take(&self.connection, id, key)?;
        }
        for message in &dealings.messages {
            messages::put(&self.connection, message, &mut self.scratch)?;
        }
        if let Some(change) = &dealings.lock {
            locks::change(&self.connection, &mut self.moved, id, change)?;
        }
        for row in &dealings.audit {
            audit::add(&self.connection, row, &mut self.scratch)?;
        }
        Ok(true)
    }

    fn start(&mut self, row: &SagaRow, hash: &str, entries: &[Entry]) -> rusqlite::Result<bool> {
        let key = key_hash(&row.namespace, &row.definition, &row.key);
        if !self.take_key(&key, row.id, hash)? {
            return Ok(false);
        }
        if !self.insert(row)? {
            self.connection
                .prepare_cached("DELETE FROM start_key WHERE hash = ?1")?
                .execute([&key])?;
            return Ok(false);
        }
        self.write_labels(row)?;
        if let Some(parent) = crate::check::parent(entries) {
            family::put(&self.connection, parent, row.id)?;
        }
        self.tally.status(row.status.as_str(), 1);
        if let (Some(service), Some(_)) = (&row.service, row.parked_since) {
            self.tally.parked(service, 1);
        }
        parked::replace(
            &self.connection,
            &mut self.tally,
            row.id,
            false,
            &row.also_parked,
        )?;
        self.write_entries(row.id, entries)
    }

    fn take_key(&self, key: &[u8; 16], id: Id, request_hash: &str) -> rusqlite::Result<bool> {
        let hash = Hash::new(request_hash);
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO start_key (hash, saga_id, request_hash) VALUES (?1, ?2, ?3)
             ON CONFLICT DO NOTHING",
        )?;
        statement.raw_bind_parameter(1, key)?;
        statement.raw_bind_parameter(2, id.as_bytes())?;
        row::bind(&mut statement, 3, &[hash.value()])?;
        Ok(statement.raw_execute()? == 1)
    }

    fn insert(&mut self, row: &SagaRow) -> rusqlite::Result<bool> {
        let (fixed_texts, state_texts) = (FixedTexts::of(row), StateTexts::of(row));
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO saga VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
             ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25,
             ?26, ?27) ON CONFLICT DO NOTHING",
        )?;
        let fixed = row::fixed(row, &fixed_texts, &mut self.scratch);
        row::bind(&mut statement, 1, &fixed)?;
        let state = row::state(row, &state_texts, &mut self.scratch);
        row::bind(&mut statement, 1 + fixed.len(), &state)?;
        Ok(statement.raw_execute()? == 1)
    }

    fn write_labels(&self, row: &SagaRow) -> rusqlite::Result<()> {
        for (name, value) in &row.labels {
            self.connection
                .prepare_cached(
                    "INSERT INTO label (name, value, namespace, saga_id)
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute((name, value, &row.namespace, row.id.as_bytes()))?;
        }
        Ok(())
    }

    /// Writes another version of the definition into the stored row; the rest of what its start
    /// fixed stays, under a new checksum.
    fn move_version(&mut self, row: &SagaRow) -> rusqlite::Result<bool> {
        let sql = format!("SELECT {} FROM saga WHERE id = ?1", row::COLUMNS);
        let stored = self
            .connection
            .prepare_cached(&sql)?
            .query_row([row.id.as_bytes()], |found| Ok(row::decode(found)))?;
        // A row that is damaged is not made whole by a move: its next read says so.
        let Ok(mut stored) = stored else {
            return Ok(true);
        };
        stored.version = row.version;
        stored.definition_hash.clone_from(&row.definition_hash);
        let texts = FixedTexts::of(&stored);
        let fixed = row::fixed(&stored, &texts, &mut self.scratch);
        let mut statement = self.connection.prepare_cached(
            "UPDATE saga SET version = ?4, definition_hash = ?5, fixed_check = ?11 WHERE id = ?1",
        )?;
        for place in [1, 4, 5, 11] {
            row::bind(&mut statement, place, &fixed[place - 1..place])?;
        }
        Ok(statement.raw_execute()? == 1)
    }

    /// Writes the row when the stored one stands at `expected_seq`.
    fn update(&mut self, row: &SagaRow, expected_seq: u64) -> rusqlite::Result<bool> {
        // Most commits of a saga leave all indexed columns alone. SQLite rewrites the index
        // entries of each column that an UPDATE names, changed or not, so one that names none
        // of them is tried first. A saga at rest has left its status, so it is not tried.
        let quiet = row.parked_since.is_none() && !row.status.is_rest();
        Ok((quiet && self.update_quietly(row, expected_seq)?)
            || (self.account(row, expected_seq)? && self.update_wholly(row)?))
    }

    fn update_quietly(&mut self, row: &SagaRow, expected_seq: u64) -> rusqlite::Result<bool> {
        let texts = StateTexts::of(row);
        let mut statement = self.connection.prepare_cached(
            "UPDATE saga SET reason = ?2, reason_detail = ?3, stuck = ?4, step = ?5,
                 service = ?6, seq = ?10, updated_at = ?11, ended_at = ?12, owner = ?13,
                 state_check = ?16
             WHERE id = ?17 AND seq = ?18 AND status = ?1 AND parked_since IS ?7
                 AND wake_at IS ?8 AND in_flight = ?9 AND trouble IS ?14
                 AND trouble_since IS ?15",
        )?;
        let state = row::state(row, &texts, &mut self.scratch);
        row::bind(&mut statement, 1, &state)?;
        statement.raw_bind_parameter(17, row.id.as_bytes())?;
        row::bind(&mut statement, 18, &[row::number(expected_seq)])?;
        Ok(statement.raw_execute()? == 1)
    }

    /// Takes the stored row out of the counts and the new one in; false when its `seq` is
    /// another or there is none.
    fn account(&mut self, row: &SagaRow, expected_seq: u64) -> rusqlite::Result<bool> {
        let mut statement = self.connection.prepare_cached(
            "SELECT status, service, parked_since IS NOT NULL FROM saga
             WHERE id = ?1 AND seq = ?2",
        )?;
        statement.raw_bind_parameter(1, row.id.as_bytes())?;
        row::bind(&mut statement, 2, &[row::number(expected_seq)])?;
        let mut rows = statement.raw_query();
        let Some(stored) = rows.next()? else {
            return Ok(false);
        };
        let status = stored.get_ref(0)?.as_str()?;
        if status != row.status.as_str() {
            self.tally.status(status, -1);
            self.tally.status(row.status.as_str(), 1);
        }
        let was_parked = stored.get(2)?;
        if let (Some(service), true) = (stored.get_ref(1)?.as_str_or_null()?, was_parked) {
            self.tally.parked(service, -1);
        }
        if let (Some(service), Some(_)) = (&row.service, row.parked_since) {
            self.tally.parked(service, 1);
        }
        let (tally, also) = (&mut self.tally, &row.also_parked);
        parked::replace(&self.connection, tally, row.id, was_parked, also)?;
        Ok(true)
    }

    fn update_wholly(&mut self, row: &SagaRow) -> rusqlite::Result<bool> {
        let texts = StateTexts::of(row);
        let mut statement = self.connection.prepare_cached(
            "UPDATE saga SET status = ?1, reason = ?2, reason_detail = ?3, stuck = ?4,
                 step = ?5, service = ?6, parked_since = ?7, wake_at = ?8, in_flight = ?9,
                 seq = ?10, updated_at = ?11, ended_at = ?12, owner = ?13, trouble = ?14,
                 trouble_since = ?15, state_check = ?16
             WHERE id = ?17",
        )?;
        let state = row::state(row, &texts, &mut self.scratch);
        row::bind(&mut statement, 1, &state)?;
        statement.raw_bind_parameter(17, row.id.as_bytes())?;
        Ok(statement.raw_execute()? == 1)
    }

    /// Writes records, those of one moment as one row: a row costs more than what is in it.
    fn write_entries(&mut self, id: Id, entries: &[Entry]) -> rusqlite::Result<bool> {
        let mut rest = entries;
        while let Some(first) = rest.first() {
            let taken = join(rest, &mut self.records)?;
            rest = &rest[taken..];
            let text = std::str::from_utf8(&self.records)
                .map_err(|error| rusqlite::Error::Utf8Error(0, error))?;
            let columns = row::records(
                &id,
                first.seq,
                first.at,
                RECORD_VERSION,
                text,
                &mut self.scratch,
            );
            let mut statement = self
                .connection
                .prepare_cached("INSERT INTO journal VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
            row::bind(&mut statement, 1, &columns)?;
            statement.raw_execute()?;
        }
        Ok(true)
    }

    /// Moves the log into the database when it is long. A full disk is no error here: the log
    /// still holds everything, and the next commit tries again.
    fn checkpoint(&mut self) -> rusqlite::Result<()> {
        let logged = self.log_pages.load(Ordering::Relaxed);
        if logged < self.checkpoint_pages {
            return Ok(());
        }
        let mode = if logged / PATIENCE < self.checkpoint_pages {
            "PRAGMA wal_checkpoint(PASSIVE)"
        } else {
            "PRAGMA wal_checkpoint(RESTART)"
        };
        let moved = self
            .connection
            .prepare_cached(mode)?
            .query_row((), |_| Ok(()));
        match moved {
            Ok(_) => {
                self.log_pages.store(0, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Leaves no transaction open, and remembers what ends the writer.
    fn give_up(&mut self, error: &rusqlite::Error) -> CommitError {
        let mut answer = error::commit(error);
        if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
            // What the log holds moves into the database before the next commit, and the log's
            // space is used again.
            self.log_pages.store(i32::MAX, Ordering::Relaxed);
        }
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            answer = CommitError::Unknown {
                message: error.to_string(),
            };
        }
        if let CommitError::Unknown { message } = &answer {
            tracing::error!(cause = %message, "a commit is in doubt: the process must end");
            self.broken = Some(message.clone());
            // Nor is the log moved when the connection closes: what it holds is in doubt, and
            // the next opening reads it afresh.
            let keep = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
            if let Err(error) = self.connection.set_db_config(keep, true) {
                tracing::error!(%error, "the log may be moved when the store closes");
            }
        }
        answer
    }
}

impl Drop for SqliteWriter {
    /// Leaves the database whole in one file. Nothing is lost when it does not work.
    fn drop(&mut self) {
        if self.broken.is_none() {
            let emptied = self
                .connection
                .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
            if let Err(error) = emptied {
                tracing::warn!(%error, "the log could not be moved into the database");
            }
        }
    }
}

/// Writes the first of these records, as many as belong into one row, as a JSON array: those
/// of one moment, up to a bound. Gives how many they are, at least one.
fn join(entries: &[Entry], text: &mut Vec<u8>) -> rusqlite::Result<usize> {
    text.clear();
    text.push(b'[');
    let mut taken = 0;
    for entry in entries {
        if taken > 0 {
            if entry.at != entries[0].at || text.len() >= ROW_BYTES {
                break;
            }
            text.push(b',');
        }
        serde_json::to_writer(&mut *text, &entry.record)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        taken += 1;
    }
    text.push(b']');
    Ok(taken)
}

/// Where a start key stands: the first half of a SHA-256 over its three parts.
pub(crate) fn key_hash(namespace: &str, definition: &str, key: &str) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in [namespace, definition, key] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}
