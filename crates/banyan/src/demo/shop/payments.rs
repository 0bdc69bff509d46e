//! Payments: accounts with balances, charges, and refunds by the key of their charge.
//!
//! A charge that the balance does not cover is refused with 402. A card that the bank declines
//! is answered 200 with `"status": "declined"`, as some payment services do. After every second
//! 402 the account's owner pays in, so that the shop keeps running.

use super::call::{Call, Domain, Reply};
use super::database::{book, bury};
use super::faults::Faults;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

/// The customers and what they have at the beginning, in cents. The last two are short of money.
pub(crate) const ACCOUNTS: [(&str, i64); 8] = [
    ("ada", 50_000_000),
    ("bela", 50_000_000),
    ("chen", 50_000_000),
    ("dora", 50_000_000),
    ("emil", 50_000_000),
    ("fatma", 50_000_000),
    ("gus", 9_000),
    ("hana", 5_000),
];

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS accounts (
  name     TEXT PRIMARY KEY,
  opening  INTEGER NOT NULL,
  balance  INTEGER NOT NULL CHECK (balance >= 0),
  refusals INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS charges (
  number  INTEGER PRIMARY KEY,
  key     TEXT NOT NULL UNIQUE,
  cart    TEXT NOT NULL,
  account TEXT NOT NULL,
  amount  INTEGER NOT NULL,
  status  TEXT NOT NULL CHECK (status IN ('captured', 'refunded'))
) STRICT;
";

/// The rules of payments.
pub(super) struct Payments {
    faults: Faults,
}

impl Payments {
    /// Payments whose declined cards the faults decide.
    pub(super) fn new(faults: Faults) -> Payments {
        Payments { faults }
    }
}

struct Charge {
    number: i64,
    cart: String,
    account: String,
    amount: i64,
    status: String,
}

impl Charge {
    fn reply(&self) -> Reply {
        Reply::ok(json!({
            "id": format!("c-{}", self.number), "status": self.status, "amount": self.amount,
        }))
    }
}

impl Domain for Payments {
    fn tables(&self) -> &'static str {
        TABLES
    }

    fn fill(&self, database: &Connection) -> rusqlite::Result<()> {
        for (name, balance) in ACCOUNTS {
            database.execute(
                "INSERT INTO accounts (name, opening, balance) VALUES (?1, ?2, ?2)",
                params![name, balance],
            )?;
            book(database, "", "", "paid_in", (name, balance))?;
        }
        Ok(())
    }

    fn handle(&self, database: &Connection, call: &Call) -> rusqlite::Result<Option<Reply>> {
        let parts = call.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Ok(Some(match (call.method.as_str(), parts.as_slice()) {
            ("POST", ["charges"]) => self.charge(database, call)?,
            ("POST", ["refunds"]) => refund(database, call)?,
            ("GET", ["charges", "by-key", key]) => find(database, key)?
                .map_or_else(|| Reply::not_found("charge"), |charge| charge.reply()),
            ("GET", ["accounts"]) => accounts(database)?,
            _ => return Ok(None),
        }))
    }
}

impl Payments {
    fn charge(&self, database: &Connection, call: &Call) -> rusqlite::Result<Reply> {
        let (cart, account) = (call.text("cart"), call.text("account"));
        let amount = call.whole("amount").unwrap_or(0);
        if cart.is_empty() || amount <= 0 {
            let message = "a charge has a cart, an account and an amount above zero";
            return Ok(Reply::refused(422, "invalid_charge", message));
        }
        if self.faults.declines(cart) {
            let body = json!({ "status": "declined", "message": "the bank declines this card" });
            return Ok(Reply::ok(body));
        }
        if let Some(refusal) = lacks(database, account, amount)? {
            return Ok(refusal);
        }
        database
            .prepare_cached(
                "INSERT INTO charges (key, cart, account, amount, status)
                 VALUES (?, ?, ?, ?, 'captured')",
            )?
            .execute(params![call.key, cart, account, amount])?;
        let id = format!("c-{}", database.last_insert_rowid());
        shift(database, account, -amount)?;
        book(database, cart, &call.key, "charged", (account, amount))?;
        Ok(Reply::created(
            json!({ "id": id, "status": "captured", "amount": amount }),
        ))
    }
}

/// The refusal, when an account does not hold enough.
fn lacks(database: &Connection, account: &str, amount: i64) -> rusqlite::Result<Option<Reply>> {
    let found: Option<(i64, i64, i64)> = database
        .prepare_cached("SELECT opening, balance, refusals FROM accounts WHERE name = ?")?
        .query_row([account], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((opening, balance, refusals)) = found else {
        let message = format!("there is no account {account:?}");
        return Ok(Some(Reply::refused(422, "unknown_account", message)));
    };
    if balance >= amount {
        return Ok(None);
    }
    database
        .prepare_cached("UPDATE accounts SET refusals = refusals + 1 WHERE name = ?")?
        .execute([account])?;
    if refusals % 2 == 1 {
        shift(database, account, opening)?;
        book(database, "", "", "paid_in", (account, opening))?;
    }
    let message = format!("the balance of {account} does not cover {amount} cents");
    Ok(Some(Reply::refused(402, "insufficient_funds", message)))
}

fn refund(database: &Connection, call: &Call) -> rusqlite::Result<Reply> {
    let key = call.text("charge_key");
    if key.is_empty() {
        let message = "a refund names its charge by charge_key";
        return Ok(Reply::refused(422, "invalid_refund", message));
    }
    let Some(mut charge) = find(database, key)? else {
        return bury(database, key, "charge");
    };
    if charge.status == "captured" {
        database
            .prepare_cached("UPDATE charges SET status = 'refunded' WHERE key = ?")?
            .execute([key])?;
        shift(database, &charge.account, charge.amount)?;
        book(
            database,
            &charge.cart,
            key,
            "refunded",
            (&charge.account, charge.amount),
        )?;
        charge.status = "refunded".to_owned();
    }
    Ok(charge.reply())
}

fn shift(database: &Connection, account: &str, change: i64) -> rusqlite::Result<()> {
    database
        .prepare_cached("UPDATE accounts SET balance = balance + ? WHERE name = ?")?
        .execute(params![change, account])?;
    Ok(())
}

fn accounts(database: &Connection) -> rusqlite::Result<Reply> {
    let mut statement =
        database.prepare_cached("SELECT name, balance FROM accounts ORDER BY name")?;
    let rows = statement.query_map([], |row| {
        Ok(json!({ "name": row.get::<_, String>(0)?, "balance": row.get::<_, i64>(1)? }))
    })?;
    Ok(Reply::ok(
        json!({ "items": rows.collect::<Result<Vec<_>, _>>()? }),
    ))
}

fn find(database: &Connection, key: &str) -> rusqlite::Result<Option<Charge>> {
    database
        .prepare_cached("SELECT number, cart, account, amount, status FROM charges WHERE key = ?")?
        .query_row([key], |row| {
            Ok(Charge {
                number: row.get(0)?,
                cart: row.get(1)?,
                account: row.get(2)?,
                amount: row.get(3)?,
                status: row.get(4)?,
            })
        })
        .optional()
}
