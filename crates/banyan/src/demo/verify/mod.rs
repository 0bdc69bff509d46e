//! `banyan demo verify`: proves the books from what everybody left behind: the clients' log,
//! the server's sagas, and the services' five databases.
//!
//! It trusts none of them alone. What a client was told must be a saga at rest; what the saga
//! says must stand in every ledger, row for row; what the ledgers say must add up to the
//! services' own tables. Nothing here writes.

mod books;
mod judge;
mod outcomes;
mod sagas;
#[cfg(test)]
mod tests;

use super::folder::Folder;
use super::log;
use super::shop::Service;
use crate::cli::{Context, Exit, Fail, print, print_json};
use books::Book;
use std::fmt::Write;

/// Problems that are printed one by one; past them only their number.
const SHOWN: usize = 20;

/// Everything that verifying found.
#[derive(Debug, serde::Serialize)]
struct Findings {
    orders: usize,
    accepted: usize,
    refused: usize,
    outcomes: Vec<(&'static str, usize)>,
    rows: Vec<(&'static str, usize)>,
    money_in_cents: judge::Balance,
    pieces_of_stock: judge::Balance,
    problems: Vec<String>,
    never_seen: Vec<&'static str>,
}

pub(super) async fn run(context: &Context, folder: &Folder) -> Result<Exit, Fail> {
    if !folder.clients_log().exists() {
        let root = folder.root().display();
        return Err(Fail::Usage(format!(
            "{root} holds no demo: run `banyan demo` first, or name its folder with --data"
        )));
    }
    let orders = log::read(&folder.clients_log()).map_err(Fail::Here)?;
    let sagas = sagas::read(context, folder).await?;
    let mut books = Vec::new();
    for service in Service::ALL {
        let book = Book::read(&folder.database(service), service)
            .map_err(|error| Fail::Here(format!("the database of {}: {error}", service.name())))?;
        books.push(book);
    }
    let mut problems = judge::sagas(&orders, &sagas);
    problems.extend(judge::orders(&orders, &sagas, &books));
    problems.extend(judge::books(&books));
    let outcomes = outcomes::count(&sagas, &books);
    let findings = Findings {
        orders: orders.len(),
        accepted: told(&orders, |told| matches!(told, log::Told::Accepted(_))),
        refused: told(&orders, |told| matches!(told, log::Told::Refused(_))),
        rows: books
            .iter()
            .map(|book| (book.service.name(), book.rows.len()))
            .collect(),
        money_in_cents: judge::money(&books),
        pieces_of_stock: judge::stock(&books),
        never_seen: outcomes::never_seen(&outcomes),
        outcomes,
        problems,
    };
    if context.json() {
        print_json(&findings)?;
    } else {
        print(&describe(context, &findings));
    }
    let well = findings.problems.is_empty()
        && findings.never_seen.is_empty()
        && findings.money_in_cents.holds()
        && findings.pieces_of_stock.holds();
    Ok(if well { Exit::Well } else { Exit::Error })
}

fn told(
    orders: &std::collections::BTreeMap<String, log::Order>,
    is: impl Fn(&log::Told) -> bool,
) -> usize {
    orders
        .values()
        .filter(|order| order.told.as_ref().is_some_and(&is))
        .count()
}

fn describe(context: &Context, findings: &Findings) -> String {
    let style = context.style;
    let mut text = format!(
        "{} orders sent, {} accepted, {} refused at the door\n\n",
        findings.orders, findings.accepted, findings.refused
    );
    for (outcome, count) in &findings.outcomes {
        let _ = writeln!(text, "  {count:>7}  {outcome}");
    }
    text.push('\n');
    for (service, rows) in &findings.rows {
        let _ = writeln!(text, "  {rows:>7}  rows in the ledger of {service}");
    }
    text.push('\n');
    for (name, balance) in [
        ("money, in cents", &findings.money_in_cents),
        ("stock, in pieces", &findings.pieces_of_stock),
    ] {
        let mark = if balance.holds() {
            style.good("adds up")
        } else {
            style.bad("DOES NOT ADD UP")
        };
        let _ = writeln!(text, "  {name}: {balance}: {mark}");
    }
    text.push('\n');
    for problem in findings.problems.iter().take(SHOWN) {
        let _ = writeln!(text, "{} {problem}", style.bad("✗"));
    }
    if findings.problems.len() > SHOWN {
        let _ = writeln!(text, "  and {} more", findings.problems.len() - SHOWN);
    }
    for outcome in &findings.never_seen {
        let _ = writeln!(
            text,
            "{} no order ended as \"{outcome}\": let the demo run longer, so that it proves that too",
            style.bad("✗")
        );
    }
    if findings.problems.is_empty() && findings.never_seen.is_empty() {
        let _ = writeln!(
            text,
            "{} every order is wholly done or wholly undone",
            style.good("✓")
        );
    }
    text
}
