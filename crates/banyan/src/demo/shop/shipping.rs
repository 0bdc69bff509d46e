//! Shipping: shipments are booked, then dispatched, or cancelled by the key that booked them.
//! No carrier goes to Atlantis.
//!
//! Freight is asked for, and booked only once a haulier has said yes, which is told where the
//! caller asked for it: a freight waits here until then, over restarts.

use super::call::{Call, Domain, Reply};
use super::database::{book, bury};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS shipments (
  number INTEGER PRIMARY KEY,
  key    TEXT NOT NULL UNIQUE,
  cart   TEXT NOT NULL,
  city   TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('booked', 'dispatched', 'cancelled'))
) STRICT;
CREATE TABLE IF NOT EXISTS freights (
  key      TEXT PRIMARY KEY,
  cart     TEXT NOT NULL,
  city     TEXT NOT NULL,
  reply_to TEXT NOT NULL,
  status   TEXT NOT NULL CHECK (status IN ('asked', 'withdrawn', 'booked', 'told'))
) STRICT, WITHOUT ROWID;
";

/// The rules of shipping.
pub(super) struct Shipping;

struct Shipment {
    number: i64,
    key: String,
    cart: String,
    city: String,
    status: String,
}

impl Shipment {
    fn reply(&self, status: &str) -> Reply {
        Reply::ok(json!({ "id": format!("s-{}", self.number), "status": status }))
    }
}

impl Domain for Shipping {
    fn tables(&self) -> &'static str {
        TABLES
    }

    fn handle(&self, database: &Connection, call: &Call) -> rusqlite::Result<Option<Reply>> {
        let parts = call.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Ok(Some(match (call.method.as_str(), parts.as_slice()) {
            ("POST", ["shipments"]) => book_one(database, call)?,
            ("DELETE", ["shipments", "by-key", key]) => cancel(database, key)?,
            ("PUT", ["shipments", id, "dispatched"]) => dispatch(database, id)?,
            ("GET", ["shipments", "by-key", key]) => find(database, "key", key)?.map_or_else(
                || Reply::not_found("shipment"),
                |found| found.reply(&found.status),
            ),
            ("POST", ["freights"]) => ask_freight(database, call)?,
            ("POST", ["cancellations"]) => withdraw(database, call)?,
            ("GET", ["freights"]) => freights(database)?,
            ("PUT", ["freights", key, "booked"]) => haul(database, key)?,
            ("PUT", ["freights", key, "told"]) => turn(database, key, "told")?,
            _ => return Ok(None),
        }))
    }
}

fn book_one(database: &Connection, call: &Call) -> rusqlite::Result<Reply> {
    let (cart, city) = (call.text("cart"), call.text("city"));
    match refusal(cart, city) {
        Some(refusal) => Ok(refusal),
        None => enter(database, &call.key, (cart, city)),
    }
}

/// Why nothing goes there, if so.
fn refusal(cart: &str, city: &str) -> Option<Reply> {
    if cart.is_empty() || city.is_empty() {
        let message = "a shipment has a cart and a city";
        return Some(Reply::refused(422, "invalid_shipment", message));
    }
    let message = "no carrier goes to Atlantis";
    (city == "Atlantis").then(|| Reply::refused(422, "no_carrier", message))
}

fn enter(database: &Connection, key: &str, (cart, city): (&str, &str)) -> rusqlite::Result<Reply> {
    database
        .prepare_cached(
            "INSERT INTO shipments (key, cart, city, status) VALUES (?, ?, ?, 'booked')",
        )?
        .execute(params![key, cart, city])?;
    let id = format!("s-{}", database.last_insert_rowid());
    book(database, cart, key, "booked", (city, 1))?;
    Ok(Reply::created(json!({ "id": id, "status": "booked" })))
}

fn ask_freight(database: &Connection, call: &Call) -> rusqlite::Result<Reply> {
    let (cart, city) = (call.text("cart"), call.text("city"));
    if let Some(refusal) = refusal(cart, city) {
        return Ok(refusal);
    }
    if call.reply_to.is_empty() {
        let message = "say in Banyan-Reply-To where to tell what the haulier says";
        return Ok(Reply::refused(422, "invalid_freight", message));
    }
    database
        .prepare_cached(
            "INSERT INTO freights (key, cart, city, reply_to, status) VALUES (?, ?, ?, ?, 'asked')",
        )?
        .execute(params![call.key, cart, city, call.reply_to])?;
    let status = 202;
    let body = json!({ "status": "asked" });
    Ok(Reply { status, body })
}

/// Takes a freight back. It does not look whether the haulier heard of it: what it answers is
/// "noted", as such counters do.
fn withdraw(database: &Connection, call: &Call) -> rusqlite::Result<Reply> {
    let key = call.text("freight_key");
    if find(database, "key", key)?.is_some() {
        return cancel(database, key);
    }
    match turn(database, key, "withdrawn")? {
        reply if reply.status == 404 => bury(database, key, "freight"),
        reply => Ok(reply),
    }
}

/// The haulier takes it.
fn haul(database: &Connection, key: &str) -> rusqlite::Result<Reply> {
    let asked: Option<(String, String)> = database
        .prepare_cached("SELECT cart, city FROM freights WHERE key = ?")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((cart, city)) = asked else {
        return Ok(Reply::not_found("freight"));
    };
    turn(database, key, "booked")?;
    match find(database, "key", key)? {
        Some(found) => Ok(found.reply(&found.status)),
        None => enter(database, key, (&cart, &city)),
    }
}

fn turn(database: &Connection, key: &str, status: &str) -> rusqlite::Result<Reply> {
    let turned = database
        .prepare_cached("UPDATE freights SET status = ? WHERE key = ?")?
        .execute([status, key])?;
    if turned == 0 {
        return Ok(Reply::not_found("freight"));
    }
    Ok(Reply::ok(json!({ "status": status })))
}

/// What the haulier still has to hear of, or to tell.
fn freights(database: &Connection) -> rusqlite::Result<Reply> {
    let mut statement = database.prepare_cached(
        "SELECT key, status, reply_to FROM freights WHERE status <> 'told' ORDER BY key LIMIT 100",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(json!({
            "key": row.get::<_, String>(0)?, "status": row.get::<_, String>(1)?,
            "reply_to": row.get::<_, String>(2)?,
        }))
    })?;
    Ok(Reply::ok(
        json!({ "items": rows.collect::<Result<Vec<_>, _>>()? }),
    ))
}

fn cancel(database: &Connection, key: &str) -> rusqlite::Result<Reply> {
    let Some(found) = find(database, "key", key)? else {
        return bury(database, key, "shipment");
    };
    match found.status.as_str() {
        "cancelled" => Ok(found.reply("cancelled")),
        "dispatched" => Ok(Reply::refused(
            409,
            "dispatched",
            "the parcel is on its way",
        )),
        _ => set(database, &found, "cancelled"),
    }
}

fn dispatch(database: &Connection, id: &str) -> rusqlite::Result<Reply> {
    let number = id.strip_prefix("s-").unwrap_or("");
    let Some(found) = find(database, "number", number)? else {
        return Ok(Reply::not_found("shipment"));
    };
    match found.status.as_str() {
        "dispatched" => Ok(found.reply("dispatched")),
        "cancelled" => Ok(Reply::refused(
            409,
            "cancelled",
            "the shipment was cancelled",
        )),
        _ => set(database, &found, "dispatched"),
    }
}

fn set(database: &Connection, found: &Shipment, status: &str) -> rusqlite::Result<Reply> {
    database
        .prepare_cached("UPDATE shipments SET status = ? WHERE number = ?")?
        .execute(params![status, found.number])?;
    book(database, &found.cart, &found.key, status, (&found.city, 1))?;
    Ok(found.reply(status))
}

/// `column` is one of our own words, never a caller's.
fn find(
    database: &Connection,
    column: &'static str,
    value: &str,
) -> rusqlite::Result<Option<Shipment>> {
    database
        .prepare_cached(&format!(
            "SELECT number, key, cart, city, status FROM shipments WHERE {column} = ?"
        ))?
        .query_row([value], |row| {
            Ok(Shipment {
                number: row.get(0)?,
                key: row.get(1)?,
                cart: row.get(2)?,
                city: row.get(3)?,
                status: row.get(4)?,
            })
        })
        .optional()
}
