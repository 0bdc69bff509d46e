//! A service's database: the tables that every service has (ledger, remembered answers,
//! tombstones) and the few questions asked of them.
//!
//! Rows of the ledger are only ever added. Each carries the cart it belongs to, the key of the
//! do that it is about, and a signed meaning that `demo verify` adds up.

use super::Service;
use super::call::{Call, Domain, Reply};
use banyan_core::json::{canonical, sha256_hex};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::{Path, PathBuf};
use std::time::Duration;

const COMMON: &str = "
CREATE TABLE IF NOT EXISTS ledger (
  seq     INTEGER PRIMARY KEY AUTOINCREMENT,
  cart    TEXT NOT NULL,      -- the order it belongs to; empty for the shop's own bookings
  key     TEXT NOT NULL,      -- the idempotency key of the do
  entry   TEXT NOT NULL,      -- what happened
  subject TEXT NOT NULL,      -- to what: an order, an article, an account, a shipment
  amount  INTEGER NOT NULL    -- pieces or cents
) STRICT;
CREATE TABLE IF NOT EXISTS remembered (
  key    TEXT PRIMARY KEY,
  print  TEXT NOT NULL,
  status INTEGER NOT NULL,
  body   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tombstone (key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
";

/// The database file of a service in a data folder.
pub(crate) fn ledger_file(data: &Path, service: Service) -> PathBuf {
    data.join(format!("{}.db", service.name()))
}

/// Opens (and on the first time fills) a service's database.
pub(super) fn open(
    data: &Path,
    service: Service,
    domain: &dyn Domain,
) -> anyhow::Result<Connection> {
    std::fs::create_dir_all(data)?;
    let mut database = Connection::open(ledger_file(data, service))?;
    database.busy_timeout(Duration::from_secs(5))?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "FULL")?;
    let transaction = database.transaction()?;
    transaction.execute_batch(COMMON)?;
    transaction.execute_batch(domain.tables())?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 {
        domain.fill(&transaction)?;
        transaction.pragma_update(None, "user_version", 1)?;
    }
    transaction.commit()?;
    Ok(database)
}

/// Adds one row to the ledger.
pub(super) fn book(
    database: &Connection,
    cart: &str,
    key: &str,
    entry: &str,
    (subject, amount): (&str, i64),
) -> rusqlite::Result<()> {
    database
        .prepare_cached(
            "INSERT INTO ledger (cart, key, entry, subject, amount) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![cart, key, entry, subject, amount])?;
    Ok(())
}

/// Leaves a mark that refuses the do of this key when it comes after its undo, and says that
/// there was nothing to undo.
pub(super) fn bury(database: &Connection, key: &str, what: &str) -> rusqlite::Result<Reply> {
    database
        .prepare_cached("INSERT OR IGNORE INTO tombstone (key) VALUES (?)")?
        .execute([key])?;
    Ok(Reply::not_found(what))
}

/// Answers a call once per key: a repeat gets the stored answer, another call under the same
/// key 422, and a do whose undo came first 409.
pub(super) fn once(
    database: &Connection,
    domain: &dyn Domain,
    call: &Call,
) -> rusqlite::Result<Option<Reply>> {
    if call.is_read() {
        return domain.handle(database, call);
    }
    if call.key.is_empty() {
        let message = "send an Idempotency-Key header with every call that changes something";
        return Ok(Some(Reply::refused(400, "key_required", message)));
    }
    let print =
        sha256_hex(format!("{} {} {}", call.method, call.path, canonical(&call.body)).as_bytes());
    if let Some(reply) = recall(database, call, &print)? {
        return Ok(Some(reply));
    }
    let reply = domain.handle(database, call)?;
    if let Some(reply) = &reply {
        remember(database, call, &print, reply)?;
    }
    Ok(reply)
}

fn recall(database: &Connection, call: &Call, print: &str) -> rusqlite::Result<Option<Reply>> {
    let stored: Option<(String, u16, String)> = database
        .prepare_cached("SELECT print, status, body FROM remembered WHERE key = ?")?
        .query_row([&call.key], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    if let Some((first, status, body)) = stored {
        let same = first == print;
        let body = serde_json::from_str(&body).unwrap_or_default();
        return Ok(Some(if same {
            Reply { status, body }
        } else {
            let message = "this Idempotency-Key came before with another request";
            Reply::refused(422, "key_reused", message)
        }));
    }
    let buried = database
        .prepare_cached("SELECT 1 FROM tombstone WHERE key = ?")?
        .exists([&call.key])?;
    Ok(buried.then(|| {
        let message = "the undo of this key came first; the do is not carried out any more";
        Reply::refused(409, "already_undone", message)
    }))
}

fn remember(
    database: &Connection,
    call: &Call,
    print: &str,
    reply: &Reply,
) -> rusqlite::Result<()> {
    database
        .prepare_cached("INSERT INTO remembered (key, print, status, body) VALUES (?, ?, ?, ?)")?
        .execute(params![
            call.key,
            print,
            reply.status,
            reply.body.to_string()
        ])?;
    Ok(())
}
