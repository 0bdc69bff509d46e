//! The judgement: pure, over what was read. Every problem names its order and its row.

use super::super::log::{Order, Told};
use super::super::shop::Service;
use super::books::{Book, Row, Standing};
use super::sagas::Fact;
use banyan_sdk::api::SagaStatus;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Two sums that must be equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Balance {
    pub(super) came_in: i64,
    pub(super) is_there: i64,
}

impl Balance {
    pub(super) fn holds(&self) -> bool {
        self.came_in == self.is_there
    }
}

impl std::fmt::Display for Balance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} came in, {} is there", self.came_in, self.is_there)
    }
}

/// Money paid in, against balances and what the shop captured.
pub(super) fn money(books: &[Book]) -> Balance {
    let book = book(books, Service::Payments);
    let captured = book.sum("charged") - book.sum("refunded");
    let balances: i64 = book.totals.values().map(|total| total[0]).sum();
    Balance {
        came_in: book.sum("paid_in"),
        is_there: balances + captured,
    }
}

/// Pieces delivered, against those on hand, reserved and shipped.
pub(super) fn stock(books: &[Book]) -> Balance {
    let book = book(books, Service::Stock);
    Balance {
        came_in: book.sum("delivered"),
        is_there: book.totals.values().flatten().sum(),
    }
}

/// Whether every accepted start is exactly one saga at rest, and every saga somebody's start.
pub(super) fn sagas(orders: &BTreeMap<String, Order>, sagas: &[Fact]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut by_key: HashMap<&str, Vec<&Fact>> = HashMap::new();
    for saga in sagas {
        if !saga.is_child {
            by_key.entry(&saga.key).or_default().push(saga);
        }
        if !saga.is_child && !orders.contains_key(&saga.key) {
            problems.push(format!(
                "{}: saga {} was started by nobody",
                saga.key, saga.id
            ));
        }
        if !saga.status.is_rest() {
            problems.push(format!("{}: saga {} is {}", saga.key, saga.id, saga.status));
        }
    }
    for (key, order) in orders {
        let found = by_key.get(key.as_str()).map_or(&[][..], Vec::as_slice);
        if found.len() > 1 {
            problems.push(format!("{key}: one order, {} sagas", found.len()));
        }
        match (&order.told, found) {
            (Some(Told::Accepted(id)), []) => {
                problems.push(format!("{key}: accepted as saga {id}, which is not there"));
            }
            (Some(Told::Accepted(id)), [saga]) if saga.id != *id => {
                problems.push(format!(
                    "{key}: accepted as saga {id}, but it is {}",
                    saga.id
                ));
            }
            (Some(Told::Refused(code)), [saga]) => {
                problems.push(format!(
                    "{key}: refused ({code}), and yet there is {}",
                    saga.id
                ));
            }
            (_, [saga]) if saga.definition != order.definition => {
                problems.push(format!("{key}: saga {} is of {}", saga.id, saga.definition));
            }
            _ => {}
        }
    }
    problems
}

/// Whether every order is wholly done or wholly undone over all five ledgers.
pub(super) fn orders(
    orders: &BTreeMap<String, Order>,
    sagas: &[Fact],
    books: &[Book],
) -> Vec<String> {
    let status: HashMap<&str, &SagaStatus> = sagas
        .iter()
        .filter(|saga| !saga.is_child)
        .map(|saga| (saga.key.as_str(), &saga.status))
        .collect();
    let mut problems = Vec::new();
    for book in books {
        let mut by_cart: HashMap<&str, Vec<&Row>> = HashMap::new();
        for row in &book.rows {
            by_cart.entry(&row.cart).or_default().push(row);
        }
        for (key, order) in orders {
            let rows = by_cart.remove(key.as_str()).unwrap_or_default();
            let steps = steps(book.service, order);
            match status.get(key.as_str()) {
                Some(SagaStatus::Completed) => {
                    problems.extend(whole(book, key, rows, &steps, Side::Done));
                }
                _ => problems.extend(whole(book, key, rows, &steps, Side::Undone)),
            }
        }
        by_cart.remove("");
        for (cart, rows) in by_cart {
            let row = rows.first().map_or(0, |row| row.seq);
            let name = book.service.name();
            problems.push(format!(
                "{cart}: row {row} of {name} is of no order that was sent"
            ));
        }
    }
    problems
}

/// What one service books for an order: subject and amount, with the words for begun, finished
/// and taken back.
struct Step {
    subject: Option<String>,
    amount: i64,
    begun: &'static str,
    finished: Option<&'static str>,
    back: Option<&'static str>,
}

fn steps(service: Service, order: &Order) -> Vec<Step> {
    let input = &order.input;
    let text = |name: &str| input[name].as_str().map(str::to_owned);
    let one = |subject, amount, begun, finished, back| {
        vec![Step {
            subject,
            amount,
            begun,
            finished,
            back,
        }]
    };
    let amount = input["amount"].as_i64().unwrap_or(0);
    match service {
        Service::Orders => one(None, amount, "created", Some("closed"), Some("deleted")),
        Service::Payments => one(text("customer"), amount, "charged", None, Some("refunded")),
        Service::Shipping => one(
            text("city"),
            1,
            "booked",
            Some("dispatched"),
            Some("cancelled"),
        ),
        Service::Notifications => one(text("customer"), 1, "told", None, None),
        Service::Stock => {
            let items = input["items"].as_array().into_iter().flatten();
            items
                .map(|item| Step {
                    subject: item["sku"].as_str().map(str::to_owned),
                    amount: item["quantity"].as_i64().unwrap_or(0),
                    begun: "reserved",
                    finished: Some("shipped"),
                    back: Some("released"),
                })
                .collect()
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Done,
    Undone,
}

/// Compares an order's rows in one ledger with what must stand there.
fn whole(book: &Book, cart: &str, rows: Vec<&Row>, steps: &[Step], side: Side) -> Vec<String> {
    let name = book.service.name();
    let mut problems = Vec::new();
    let mut left = rows;
    let keys: HashSet<&str> = left.iter().map(|row| row.key.as_str()).collect();
    if keys.len() > 1 {
        problems.push(format!("{cart}: {name} did it under {} keys", keys.len()));
    }
    // Undone may also mean never begun; what was begun must then be wholly taken back.
    if side == Side::Done || !left.is_empty() {
        for step in steps {
            let after = match side {
                Side::Done => step.finished,
                Side::Undone => step.back,
            };
            let undoable = side == Side::Done || step.back.is_some();
            let entries = [Some(step.begun).filter(|_| undoable), after];
            for entry in entries.into_iter().flatten() {
                match left.iter().position(|row| fits(row, step, entry)) {
                    Some(position) => drop(left.remove(position)),
                    None => problems.push(missing(cart, name, step, entry)),
                }
            }
        }
    }
    for row in left {
        let Row {
            seq,
            entry,
            subject,
            amount,
            ..
        } = row;
        problems.push(format!(
            "{cart}: row {seq} of {name} ({entry} {subject} {amount}) should not be there"
        ));
    }
    problems
}

fn fits(row: &Row, step: &Step, entry: &str) -> bool {
    let subject = step
        .subject
        .as_ref()
        .is_none_or(|subject| *subject == row.subject);
    row.entry == entry && row.amount == step.amount && subject
}

fn missing(cart: &str, name: &str, step: &Step, entry: &str) -> String {
    let subject = step.subject.as_deref().unwrap_or("its order");
    format!(
        "{cart}: {name} has no row \"{entry} {subject} {}\"",
        step.amount
    )
}

/// Whether each service's ledger agrees with its own tables, row by row.
pub(super) fn books(books: &[Book]) -> Vec<String> {
    books
        .iter()
        .flat_map(|book| {
            let mut problems = gaps(book);
            problems.extend(standings(book));
            problems.extend(totals(book));
            problems
        })
        .collect()
}

/// Rows are only ever added, so that their numbers have no gap.
fn gaps(book: &Book) -> Vec<String> {
    let expected = 1..;
    let gap = book
        .rows
        .iter()
        .zip(expected)
        .find(|(row, number)| row.seq != *number);
    gap.map(|(_, number)| format!("row {number} of {} is missing", book.service.name()))
        .into_iter()
        .collect()
}

fn standings(book: &Book) -> Vec<String> {
    let name = book.service.name();
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    let of_orders = |row: &&Row| !row.cart.is_empty() || !row.key.is_empty();
    for row in book.rows.iter().filter(of_orders) {
        last.insert(&row.key, &row.entry);
        let known = book.standings.get(&row.key).is_some_and(|standing| {
            row.cart == standing.cart
                && standing.amount.is_none_or(|amount| amount == row.amount)
                && standing
                    .subject
                    .as_ref()
                    .is_none_or(|subject| *subject == row.subject)
        });
        if !known {
            let Row {
                seq,
                cart,
                entry,
                subject,
                amount,
                ..
            } = row;
            problems.push(format!(
                "{cart}: row {seq} of {name} ({entry} {subject} {amount}) is of nothing that {name} has"
            ));
        }
    }
    for (key, Standing { cart, status, .. }) in &book.standings {
        if last.get(key.as_str()) != Some(&status.as_str()) {
            problems.push(format!(
                "{cart}: {name} has it as {status} under {key}, and its ledger says otherwise"
            ));
        }
    }
    problems
}

/// What articles and accounts hold, against the sum of their rows.
fn totals(book: &Book) -> Vec<String> {
    let mut sums: BTreeMap<&str, [i64; 3]> = BTreeMap::new();
    for row in &book.rows {
        let change = match row.entry.as_str() {
            "delivered" | "paid_in" | "refunded" => [1, 0, 0],
            "charged" => [-1, 0, 0],
            "reserved" => [-1, 1, 0],
            "released" => [1, -1, 0],
            "shipped" => [0, -1, 1],
            _ => continue,
        };
        let sum = sums.entry(&row.subject).or_default();
        for (total, sign) in sum.iter_mut().zip(change) {
            *total += sign * row.amount;
        }
    }
    let name = book.service.name();
    let mut problems = Vec::new();
    for (subject, total) in &book.totals {
        let sum = sums.remove(subject.as_str()).unwrap_or_default();
        if sum != *total {
            problems.push(format!(
                "{name} holds {total:?} of {subject}, and its ledger says {sum:?}"
            ));
        }
    }
    problems.extend(sums.keys().map(|subject| {
        format!("the ledger of {name} has rows of {subject}, which {name} does not know")
    }));
    problems
}

#[expect(
    clippy::expect_used,
    reason = "the caller reads the books of every service"
)]
fn book(books: &[Book], service: Service) -> &Book {
    let found = books.iter().find(|book| book.service == service);
    found.expect("a book of every service")
}
