//! Stock: a catalogue with quantities, and reservations that are shipped or released.
//!
//! Some articles are scarce: of those a delivery of two pieces comes after every third
//! refusal, so that they run out again and again. Common ones are refilled in time.

use super::call::{Call, Domain, Reply};
use super::database::{book, bury};
use banyan_core::Json;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

/// The catalogue: article, price in cents, pieces at the beginning. Fewer than 20 is scarce.
pub(crate) const GOODS: [(&str, i64, i64); 10] = [
    ("tea-pot", 3_490, 500),
    ("tea-cup", 890, 500),
    ("green-tea", 1_250, 500),
    ("black-tea", 1_150, 500),
    ("honey", 720, 500),
    ("biscuits", 410, 500),
    ("wool-blanket", 6_900, 500),
    ("reading-lamp", 4_950, 500),
    ("moon-lamp", 12_900, 3),
    ("signed-print", 18_000, 2),
];

const SCARCE: i64 = 20;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS goods (
  sku      TEXT PRIMARY KEY,
  opening  INTEGER NOT NULL,
  on_hand  INTEGER NOT NULL CHECK (on_hand >= 0),
  reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  shipped  INTEGER NOT NULL DEFAULT 0,
  refusals INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS reservations (
  number INTEGER PRIMARY KEY,
  key    TEXT NOT NULL UNIQUE,
  cart   TEXT NOT NULL,
  items  TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('reserved', 'shipped', 'released'))
) STRICT;
";

/// The rules of stock.
pub(super) struct Stock;

struct Reservation {
    number: i64,
    key: String,
    cart: String,
    items: Vec<(String, i64)>,
    status: String,
}

impl Reservation {
    fn reply(&self, status: &str) -> Reply {
        Reply::ok(json!({ "id": format!("r-{}", self.number), "status": status }))
    }
}

impl Domain for Stock {
    fn tables(&self) -> &'static str {
        TABLES
    }

    fn fill(&self, database: &Connection) -> rusqlite::Result<()> {
        for (sku, _, pieces) in GOODS {
            database.execute(
                "INSERT INTO goods (sku, opening, on_hand) VALUES (?1, ?2, ?2)",
                params![sku, pieces],
            )?;
            book(database, "", "", "delivered", (sku, pieces))?;
        }
        Ok(())
    }

    fn handle(&self, database: &Connection, call: &Call) -> rusqlite::Result<Option<Reply>> {
        let parts = call.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Ok(Some(match (call.method.as_str(), parts.as_slice()) {
            ("POST", ["reservations"]) => reserve(database, call)?,
            ("DELETE", ["reservations", "by-key", key]) => release(database, key)?,
            ("PUT", ["reservations", id, "shipped"]) => ship(database, id)?,
            ("GET", ["reservations", "by-key", key]) => find(database, "key", key)?.map_or_else(
                || Reply::not_found("reservation"),
                |found| found.reply(&found.status),
            ),
            ("GET", ["goods"]) => goods(database)?,
            _ => return Ok(None),
        }))
    }
}

fn reserve(database: &Connection, call: &Call) -> rusqlite::Result<Reply> {
    let items = items_of(&call.body["items"]);
    let cart = call.text("cart");
    if cart.is_empty() || items.is_empty() || items.iter().any(|(_, quantity)| *quantity < 1) {
        let message = "a reservation has a cart and items, each with sku and a quantity from 1";
        return Ok(Reply::refused(422, "invalid_reservation", message));
    }
    // Looks first and takes then, so that a refusal has taken nothing.
    for (sku, quantity) in &items {
        if let Some(refusal) = lacks(database, sku, *quantity)? {
            return Ok(refusal);
        }
    }
    database
        .prepare_cached(
            "INSERT INTO reservations (key, cart, items, status) VALUES (?, ?, ?, 'reserved')",
        )?
        .execute(params![call.key, cart, call.body["items"].to_string()])?;
    let number = database.last_insert_rowid();
    for (sku, quantity) in &items {
        shift(database, sku, [-quantity, *quantity, 0])?;
        book(database, cart, &call.key, "reserved", (sku, *quantity))?;
        refill(database, sku)?;
    }
    Ok(Reply::created(
        json!({ "id": format!("r-{number}"), "status": "reserved" }),
    ))
}

/// The refusal, when there are not enough pieces of an article.
fn lacks(database: &Connection, sku: &str, quantity: i64) -> rusqlite::Result<Option<Reply>> {
    let goods: Option<(i64, i64, i64)> = database
        .prepare_cached("SELECT opening, on_hand, refusals FROM goods WHERE sku = ?")?
        .query_row([sku], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((opening, on_hand, refusals)) = goods else {
        let message = format!("the catalogue has no {sku:?}");
        return Ok(Some(Reply::refused(422, "unknown_article", message)));
    };
    if on_hand >= quantity {
        return Ok(None);
    }
    database
        .prepare_cached("UPDATE goods SET refusals = refusals + 1 WHERE sku = ?")?
        .execute([sku])?;
    if opening < SCARCE && refusals % 3 == 2 {
        deliver(database, sku, 2)?;
    }
    let message = format!("{sku} is out of stock: {on_hand} left, {quantity} wanted");
    Ok(Some(Reply::refused(409, "out_of_stock", message)))
}

fn refill(database: &Connection, sku: &str) -> rusqlite::Result<()> {
    let (opening, on_hand): (i64, i64) = database
        .prepare_cached("SELECT opening, on_hand FROM goods WHERE sku = ?")?
        .query_row([sku], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if opening >= SCARCE && on_hand < opening / 5 {
        deliver(database, sku, opening)?;
    }
    Ok(())
}

fn deliver(database: &Connection, sku: &str, pieces: i64) -> rusqlite::Result<()> {
    shift(database, sku, [pieces, 0, 0])?;
    book(database, "", "", "delivered", (sku, pieces))
}

fn release(database: &Connection, key: &str) -> rusqlite::Result<Reply> {
    let Some(found) = find(database, "key", key)? else {
        return bury(database, key, "reservation");
    };
    match found.status.as_str() {
        "released" => Ok(found.reply("released")),
        "shipped" => Ok(Reply::refused(409, "shipped", "what was shipped is gone")),
        _ => set(database, &found, "released", |quantity| {
            [quantity, -quantity, 0]
        }),
    }
}

fn ship(database: &Connection, id: &str) -> rusqlite::Result<Reply> {
    let number = id.strip_prefix("r-").unwrap_or("");
    let Some(found) = find(database, "number", number)? else {
        return Ok(Reply::not_found("reservation"));
    };
    match found.status.as_str() {
        "shipped" => Ok(found.reply("shipped")),
        "released" => Ok(Reply::refused(
            409,
            "released",
            "the reservation was released",
        )),
        _ => set(database, &found, "shipped", |quantity| {
            [0, -quantity, quantity]
        }),
    }
}

fn set(
    database: &Connection,
    found: &Reservation,
    status: &str,
    change: impl Fn(i64) -> [i64; 3],
) -> rusqlite::Result<Reply> {
    database
        .prepare_cached("UPDATE reservations SET status = ? WHERE number = ?")?
        .execute(params![status, found.number])?;
    for (sku, quantity) in &found.items {
        shift(database, sku, change(*quantity))?;
        book(database, &found.cart, &found.key, status, (sku, *quantity))?;
    }
    Ok(found.reply(status))
}

fn shift(database: &Connection, sku: &str, change: [i64; 3]) -> rusqlite::Result<()> {
    let [on_hand, reserved, shipped] = change;
    database
        .prepare_cached(
            "UPDATE goods SET on_hand = on_hand + ?, reserved = reserved + ?,
             shipped = shipped + ? WHERE sku = ?",
        )?
        .execute(params![on_hand, reserved, shipped, sku])?;
    Ok(())
}

fn goods(database: &Connection) -> rusqlite::Result<Reply> {
    let mut statement = database
        .prepare_cached("SELECT sku, on_hand, reserved, shipped FROM goods ORDER BY sku")?;
    let rows = statement.query_map([], |row| {
        Ok(json!({
            "sku": row.get::<_, String>(0)?, "on_hand": row.get::<_, i64>(1)?,
            "reserved": row.get::<_, i64>(2)?, "shipped": row.get::<_, i64>(3)?,
        }))
    })?;
    Ok(Reply::ok(
        json!({ "items": rows.collect::<Result<Vec<_>, _>>()? }),
    ))
}

/// `column` is one of our own words, never a caller's.
fn find(
    database: &Connection,
    column: &'static str,
    value: &str,
) -> rusqlite::Result<Option<Reservation>> {
    database
        .prepare_cached(&format!(
            "SELECT number, key, cart, items, status FROM reservations WHERE {column} = ?"
        ))?
        .query_row([value], |row| {
            let items: String = row.get(3)?;
            Ok(Reservation {
                number: row.get(0)?,
                key: row.get(1)?,
                cart: row.get(2)?,
                items: items_of(&serde_json::from_str(&items).unwrap_or_default()),
                status: row.get(4)?,
            })
        })
        .optional()
}

/// Articles and quantities; the same article twice is added up.
fn items_of(items: &Json) -> Vec<(String, i64)> {
    let mut sums: Vec<(String, i64)> = Vec::new();
    for item in items.as_array().into_iter().flatten() {
        let sku = item["sku"].as_str().unwrap_or("");
        let quantity = item["quantity"].as_i64().unwrap_or(0);
        match sums.iter_mut().find(|(known, _)| known == sku) {
            Some((_, sum)) => *sum += quantity,
            None => sums.push((sku.to_owned(), quantity)),
        }
    }
    sums
}
