//! Notifications: what customers were told, one message per order. They stand after the point
//! of no return, so that nobody is told of an order that is undone.
//!
//! A message is put under its order's number; a letter is printed for each call, and its caller's
//! key alone tells a repeat.

use super::call::{Call, Domain, Reply};
use super::database::book;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS messages (
  order_id TEXT PRIMARY KEY,
  key      TEXT NOT NULL,
  cart     TEXT NOT NULL,
  customer TEXT NOT NULL,
  text     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

/// The rules of notifications.
pub(super) struct Notifications;

impl Domain for Notifications {
    fn tables(&self) -> &'static str {
        TABLES
    }

    fn handle(&self, database: &Connection, call: &Call) -> rusqlite::Result<Option<Reply>> {
        let parts = call.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match (call.method.as_str(), parts.as_slice()) {
            ("PUT", ["notifications", order]) => tell(database, order, call).map(Some),
            ("POST", ["letters"]) => tell(database, call.text("order"), call).map(Some),
            ("GET", ["letters", "by-key", key]) => letter(database, key).map(Some),
            _ => Ok(None),
        }
    }
}

fn tell(database: &Connection, order: &str, call: &Call) -> rusqlite::Result<Reply> {
    let (cart, customer) = (call.text("cart"), call.text("customer"));
    if cart.is_empty() || customer.is_empty() || order.is_empty() {
        let message = "a notification has an order, a cart and a customer";
        return Ok(Reply::refused(422, "invalid_notification", message));
    }
    let new = database
        .prepare_cached(
            "INSERT OR IGNORE INTO messages (order_id, key, cart, customer, text)
             VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![order, call.key, cart, customer, call.text("text")])?;
    if new == 1 {
        book(database, cart, &call.key, "told", (customer, 1))?;
    }
    Ok(Reply::ok(json!({ "order": order, "status": "told" })))
}

fn letter(database: &Connection, key: &str) -> rusqlite::Result<Reply> {
    let order: Option<String> = database
        .prepare_cached("SELECT order_id FROM messages WHERE key = ?")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    Ok(order.map_or_else(
        || Reply::not_found("letter"),
        |order| Reply::ok(json!({ "order": order, "status": "told" })),
    ))
}
