//! Orders: created, then closed, or deleted by the key that created them.

use super::call::{Call, Domain, Reply};
use super::database::{book, bury};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS orders (
  number   INTEGER PRIMARY KEY,
  key      TEXT NOT NULL UNIQUE,
  cart     TEXT NOT NULL,
  customer TEXT NOT NULL,
  items    TEXT NOT NULL,
  amount   INTEGER NOT NULL,
  status   TEXT NOT NULL CHECK (status IN ('open', 'closed', 'deleted'))
) STRICT;
";

/// The rules of orders.
pub(super) struct Orders;

struct Order {
    number: i64,
    key: String,
    cart: String,
    amount: i64,
    status: String,
}

impl Order {
    fn id(&self) -> String {
        format!("o-{}", self.number)
    }

    fn reply(&self, status: &str) -> Reply {
        Reply::ok(json!({ "id": self.id(), "status": status, "amount": self.amount }))
    }
}

impl Domain for Orders {
    fn tables(&self) -> &'static str {
        TABLES
    }

    fn handle(&self, database: &Connection, call: &Call) -> rusqlite::Result<Option<Reply>> {
        let parts = call.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Ok(Some(match (call.method.as_str(), parts.as_slice()) {
            ("POST", ["orders"]) => create(database, call)?,
            ("DELETE", ["orders", "by-key", key]) => delete(database, key)?,
            ("PUT", ["orders", id, "closed"]) => close(database, id)?,
            ("GET", ["orders", "by-key", key]) => read(find(database, "key", key)?),
            ("GET", ["orders", id]) => read(by_id(database, id)?),
            _ => return Ok(None),
        }))
    }
}

fn create(database: &Connection, call: &Call) -> rusqlite::Result<Reply> {
    let (cart, customer) = (call.text("cart"), call.text("customer"));
    let items = call.body["items"].as_array().map_or(0, Vec::len);
    let amount = call.whole("amount").unwrap_or(0);
    if cart.is_empty() || customer.is_empty() || items == 0 || amount <= 0 {
        let message = "an order has a cart, a customer, items and an amount above zero";
        return Ok(Reply::refused(422, "invalid_order", message));
    }
    database
        .prepare_cached(
            "INSERT INTO orders (key, cart, customer, items, amount, status)
             VALUES (?, ?, ?, ?, ?, 'open')",
        )?
        .execute(params![
            call.key,
            cart,
            customer,
            call.body["items"].to_string(),
            amount
        ])?;
    let id = format!("o-{}", database.last_insert_rowid());
    book(database, cart, &call.key, "created", (&id, amount))?;
    Ok(Reply::created(
        json!({ "id": id, "status": "open", "amount": amount }),
    ))
}

fn delete(database: &Connection, key: &str) -> rusqlite::Result<Reply> {
    let Some(order) = find(database, "key", key)? else {
        return bury(database, key, "order");
    };
    match order.status.as_str() {
        "deleted" => return Ok(order.reply("deleted")),
        "closed" => return Ok(Reply::refused(409, "closed", "a closed order stays")),
        _ => {}
    }
    set(database, &order, "deleted")
}

fn close(database: &Connection, id: &str) -> rusqlite::Result<Reply> {
    let Some(order) = by_id(database, id)? else {
        return Ok(Reply::not_found("order"));
    };
    match order.status.as_str() {
        "closed" => return Ok(order.reply("closed")),
        "deleted" => return Ok(Reply::refused(409, "deleted", "the order was deleted")),
        _ => {}
    }
    set(database, &order, "closed")
}

fn set(database: &Connection, order: &Order, status: &str) -> rusqlite::Result<Reply> {
    database
        .prepare_cached("UPDATE orders SET status = ? WHERE number = ?")?
        .execute(params![status, order.number])?;
    book(
        database,
        &order.cart,
        &order.key,
        status,
        (&order.id(), order.amount),
    )?;
    Ok(order.reply(status))
}

fn read(order: Option<Order>) -> Reply {
    order.map_or_else(
        || Reply::not_found("order"),
        |order| order.reply(&order.status),
    )
}

fn by_id(database: &Connection, id: &str) -> rusqlite::Result<Option<Order>> {
    match id.strip_prefix("o-") {
        Some(number) => find(database, "number", number),
        None => Ok(None),
    }
}

/// `column` is one of our own words, never a caller's.
fn find(
    database: &Connection,
    column: &'static str,
    value: &str,
) -> rusqlite::Result<Option<Order>> {
    database
        .prepare_cached(&format!(
            "SELECT number, key, cart, amount, status FROM orders WHERE {column} = ?"
        ))?
        .query_row([value], |row| {
            Ok(Order {
                number: row.get(0)?,
                key: row.get(1)?,
                cart: row.get(2)?,
                amount: row.get(3)?,
                status: row.get(4)?,
            })
        })
        .optional()
}
