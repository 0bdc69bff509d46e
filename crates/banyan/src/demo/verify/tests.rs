//! The judgement over books made by hand: right books pass, and every single change is found.

use super::super::log::{Order, Told};
use super::super::shop::Service;
use super::books::{Book, Row, Standing};
use super::judge;
use super::sagas::Fact;
use banyan_sdk::api::SagaStatus;
use serde_json::json;
use std::collections::BTreeMap;

type Change<T> = fn(&mut T);

struct World {
    orders: BTreeMap<String, Order>,
    sagas: Vec<Fact>,
    books: Vec<Book>,
}

impl World {
    fn problems(&self) -> Vec<String> {
        let mut found = judge::sagas(&self.orders, &self.sagas);
        found.extend(judge::orders(&self.orders, &self.sagas, &self.books));
        found.extend(judge::books(&self.books));
        for balance in [judge::money(&self.books), judge::stock(&self.books)] {
            found.extend((!balance.holds()).then(|| balance.to_string()));
        }
        found
    }
}

/// `done` went through, `back` was undone after its charge, `never` was refused at once.
fn world() -> World {
    let (orders, sagas) = [
        order("done", SagaStatus::Completed),
        order("back", SagaStatus::Compensated),
        order("never", SagaStatus::Compensated),
    ]
    .into_iter()
    .unzip();
    World {
        orders,
        sagas,
        books: books(),
    }
}

/// An express order of one jar of honey, and its saga.
fn order(key: &str, status: SagaStatus) -> ((String, Order), Fact) {
    let input = json!({
        "customer": "ada", "city": "Oslo", "amount": 720,
        "items": [{ "sku": "honey", "quantity": 1 }],
    });
    let order = Order {
        definition: "express_order".to_owned(),
        input,
        told: Some(Told::Accepted(format!("id-{key}"))),
    };
    let saga = Fact {
        id: format!("id-{key}"),
        definition: "express_order".to_owned(),
        key: key.to_owned(),
        status,
        reason: None,
        is_child: false,
    };
    ((key.to_owned(), order), saga)
}

fn books() -> Vec<Book> {
    vec![
        book(
            Service::Orders,
            &[
                "done created o-1 720",
                "back created o-2 720",
                "done closed o-1 720",
                "back deleted o-2 720",
            ],
            &[
                ("done", "closed", Some(720)),
                ("back", "deleted", Some(720)),
            ],
            &[],
        ),
        book(
            Service::Stock,
            &[
                " delivered honey 9",
                "done reserved honey 1",
                "back reserved honey 1",
                "done shipped honey 1",
                "back released honey 1",
            ],
            &[("done", "shipped", None), ("back", "released", None)],
            &[("honey", [8, 0, 1])],
        ),
        book(
            Service::Payments,
            &[
                " paid_in ada 9000",
                "done charged ada 720",
                "back charged ada 720",
                "back refunded ada 720",
            ],
            &[
                ("done", "charged", Some(720)),
                ("back", "refunded", Some(720)),
            ],
            &[("ada", [8280, 0, 0])],
        ),
        book(
            Service::Shipping,
            &["done booked Oslo 1", "done dispatched Oslo 1"],
            &[("done", "dispatched", Some(1))],
            &[],
        ),
        book(
            Service::Notifications,
            &["done told ada 1"],
            &[("done", "told", Some(1))],
            &[],
        ),
    ]
}

fn book(
    service: Service,
    rows: &[&str],
    standings: &[(&str, &str, Option<i64>)],
    totals: &[(&str, [i64; 3])],
) -> Book {
    let row = |(position, text): (usize, &&str)| {
        let words: Vec<&str> = text.split(' ').collect();
        Row {
            seq: i64::try_from(position).unwrap() + 1,
            cart: words[0].to_owned(),
            key: key(service, words[0]),
            entry: words[1].to_owned(),
            subject: words[2].to_owned(),
            amount: words[3].parse().unwrap(),
        }
    };
    let standing = |(cart, status, amount): &(&str, &str, Option<i64>)| {
        let last = rows
            .iter()
            .rfind(|row| row.starts_with(&format!("{cart} ")));
        let subject = last.and_then(|row| row.split(' ').nth(2));
        let standing = Standing {
            cart: (*cart).to_owned(),
            status: (*status).to_owned(),
            amount: *amount,
            subject: subject.filter(|_| amount.is_some()).map(str::to_owned),
        };
        (key(service, cart), standing)
    };
    Book {
        service,
        rows: rows.iter().enumerate().map(row).collect(),
        standings: standings.iter().map(standing).collect(),
        totals: totals
            .iter()
            .map(|(name, total)| ((*name).to_owned(), *total))
            .collect(),
    }
}

fn key(service: Service, cart: &str) -> String {
    if cart.is_empty() {
        String::new()
    } else {
        format!("{}-{cart}", service.name())
    }
}

#[test]
fn right_books_have_no_problem() {
    assert_eq!(world().problems(), Vec::<String>::new());
}

#[test]
fn every_single_change_of_a_row_is_found() {
    let changes: [(&str, Change<Row>); 5] = [
        ("amount", |row| row.amount += 1),
        ("entry", |row| row.entry.push('x')),
        ("subject", |row| row.subject.push('x')),
        ("cart", |row| row.cart.push('x')),
        ("key", |row| row.key.push('x')),
    ];
    for book in 0..5 {
        for row in 0..world().books[book].rows.len() {
            for (what, change) in changes {
                let mut world = world();
                let changed = &mut world.books[book].rows[row];
                change(changed);
                assert!(!world.problems().is_empty(), "{what} of {book} {row}");
            }
        }
    }
}

#[test]
fn a_row_taken_away_or_doubled_is_found() {
    for book in 0..5 {
        for row in 0..world().books[book].rows.len() {
            let mut less = world();
            less.books[book].rows.remove(row);
            assert!(!less.problems().is_empty(), "without {book} {row}");
            let mut more = world();
            let mut doubled = more.books[book].rows[row].clone();
            doubled.seq = i64::try_from(more.books[book].rows.len()).unwrap() + 1;
            more.books[book].rows.push(doubled);
            assert!(!more.problems().is_empty(), "twice {book} {row}");
        }
    }
}

#[test]
fn problems_name_the_order_and_the_row() {
    let mut world = world();
    world.books[2].rows[1].amount = 1;
    let problems = world.problems();
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("done: row 2 of payments")),
        "{problems:#?}"
    );
}

#[test]
fn sagas_that_are_lost_doubled_strange_or_moving_are_found() {
    let breaks: [(&str, Change<World>); 6] = [
        ("which is not there", |world| drop(world.sagas.remove(0))),
        ("2 sagas", |world| world.sagas.push(world.sagas[0].clone())),
        ("by nobody", |world| drop(world.orders.remove("never"))),
        ("is running", |world| {
            world.sagas[0].status = SagaStatus::Running
        }),
        ("is stuck", |world| {
            world.sagas[1].status = SagaStatus::Stuck
        }),
        ("but it is", |world| world.sagas[1].id.push('x')),
    ];
    for (words, break_it) in breaks {
        let mut world = world();
        break_it(&mut world);
        let problems = world.problems();
        assert!(
            problems.iter().any(|problem| problem.contains(words)),
            "{words}: {problems:?}"
        );
    }
}

#[test]
fn an_order_half_done_or_half_undone_is_found() {
    let mut half = world();
    half.sagas[1].status = SagaStatus::Completed;
    assert!(!half.problems().is_empty());
    let mut half = world();
    half.sagas[0].status = SagaStatus::Compensated;
    assert!(!half.problems().is_empty());
}
