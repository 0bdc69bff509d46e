//! A service's books: its ledger, and its own table of what stands now.

use super::super::shop::Service;
use rusqlite::{Connection, OpenFlags, Row as SqlRow};
use std::collections::BTreeMap;
use std::path::Path;

/// One row of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) seq: i64,
    pub(super) cart: String,
    pub(super) key: String,
    pub(super) entry: String,
    pub(super) subject: String,
    pub(super) amount: i64,
}

/// What a service's own table says of one do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) cart: String,
    pub(super) status: String,
    /// Cents or pieces; none where the table holds several.
    pub(super) amount: Option<i64>,
    /// What the ledger calls it by; none where the table holds several.
    pub(super) subject: Option<String>,
}

/// A service's books.
#[derive(Clone, Debug)]
pub(super) struct Book {
    pub(super) service: Service,
    pub(super) rows: Vec<Row>,
    /// By the key of the do.
    pub(super) standings: BTreeMap<String, Standing>,
    /// By article `[on hand, reserved, shipped]`, by account `[balance, 0, 0]`.
    pub(super) totals: BTreeMap<String, [i64; 3]>,
}

impl Book {
    /// Reads it, at one moment, without writing.
    pub(super) fn read(path: &Path, service: Service) -> rusqlite::Result<Book> {
        let mut database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let moment = database.transaction()?;
        let rows = moment
            .prepare("SELECT seq, cart, key, entry, subject, amount FROM ledger ORDER BY seq")?
            .query_map([], ledger_row)?
            .collect::<Result<_, _>>()?;
        let standings = moment
            .prepare(standings(service))?
            .query_map([], |row| {
                let standing = Standing {
                    cart: row.get(1)?,
                    status: row.get(2)?,
                    amount: row.get(3)?,
                    subject: row.get(4)?,
                };
                Ok((row.get(0)?, standing))
            })?
            .collect::<Result<_, _>>()?;
        let totals = match totals(service) {
            None => BTreeMap::new(),
            Some(question) => moment
                .prepare(question)?
                .query_map([], |row| {
                    Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?]))
                })?
                .collect::<Result<_, _>>()?,
        };
        Ok(Book {
            service,
            rows,
            standings,
            totals,
        })
    }

    /// The sum of the amounts of an entry.
    pub(super) fn sum(&self, entry: &str) -> i64 {
        let rows = self.rows.iter().filter(|row| row.entry == entry);
        rows.map(|row| row.amount).sum()
    }
}

fn ledger_row(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        seq: row.get(0)?,
        cart: row.get(1)?,
        key: row.get(2)?,
        entry: row.get(3)?,
        subject: row.get(4)?,
        amount: row.get(5)?,
    })
}

/// Statuses in the words of the ledger.
const fn standings(service: Service) -> &'static str {
    match service {
        Service::Orders => {
            "SELECT key, cart, replace(status, 'open', 'created'), amount, 'o-' || number
             FROM orders"
        }
        Service::Stock => "SELECT key, cart, status, NULL, NULL FROM reservations",
        Service::Payments => {
            "SELECT key, cart, replace(status, 'captured', 'charged'), amount, account
             FROM charges"
        }
        Service::Shipping => "SELECT key, cart, status, 1, city FROM shipments",
        Service::Notifications => "SELECT key, cart, 'told', 1, customer FROM messages",
    }
}

const fn totals(service: Service) -> Option<&'static str> {
    match service {
        Service::Stock => Some("SELECT sku, on_hand, reserved, shipped FROM goods"),
        Service::Payments => Some("SELECT name, balance, 0, 0 FROM accounts"),
        Service::Orders | Service::Shipping | Service::Notifications => None,
    }
}
