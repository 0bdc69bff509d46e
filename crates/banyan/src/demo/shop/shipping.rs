//! Shipping: shipments are booked, then dispatched, or cancelled by the key that booked them.
//! No carrier goes to Atlantis.

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
            _ => return Ok(None),
        }))
    }
}

fn book_one(database: &Connection, call: &Call) -> rusqlite::Result<Reply> {
    let (cart, city) = (call.text("cart"), call.text("city"));
    if cart.is_empty() || city.is_empty() {
        let message = "a shipment has a cart and a city";
        return Ok(Reply::refused(422, "invalid_shipment", message));
    }
    if city == "Atlantis" {
        let message = "no carrier goes to Atlantis";
        return Ok(Reply::refused(422, "no_carrier", message));
    }
    database
        .prepare_cached(
            "INSERT INTO shipments (key, cart, city, status) VALUES (?, ?, ?, 'booked')",
        )?
        .execute(params![call.key, cart, city])?;
    let id = format!("s-{}", database.last_insert_rowid());
    book(database, cart, &call.key, "booked", (city, 1))?;
    Ok(Reply::created(json!({ "id": id, "status": "booked" })))
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
