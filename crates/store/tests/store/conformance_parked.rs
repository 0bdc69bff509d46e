//! The promises about sagas that are parked for several services, each run on every
//! implementation.

use crate::conformance::numbers;
use crate::sample::{START, append, ended, id, number, row, start};
use crate::suite::{Fresh, suite};
use banyan_core::Timestamp;
use banyan_core::saga::Status;
use banyan_store::Applied::{Conflict, Done};
use banyan_store::{Change, Counts, Filter, Reader, SagaRow};

suite![
    a_saga_is_found_by_each_service_that_it_is_parked_for,
    pages_go_on_where_the_one_before_ended_whatever_a_saga_is_found_by,
    a_saga_is_no_longer_found_by_a_service_that_it_is_not_parked_for,
    a_change_that_is_refused_leaves_the_parked_as_they_were,
    what_is_parked_goes_with_its_saga,
];

/// A sample saga that is parked for these services, each since so many milliseconds; the first
/// stands in its row.
fn parked(saga: u64, seq: u64, services: &[(&str, i64)]) -> SagaRow {
    let mut row = row(saga, seq);
    let mut services = services
        .iter()
        .map(|(service, since)| ((*service).to_owned(), Timestamp(START + since)));
    if let Some((service, since)) = services.next() {
        row.service = Some(service);
        row.parked_since = Some(since);
    }
    row.also_parked = services.collect();
    row
}

fn found(reader: &dyn Reader, service: &str) -> Vec<u64> {
    let found = reader.parked(service, None, 10).unwrap();
    found.iter().map(|(_, id)| number(*id)).collect()
}

fn counted(reader: &dyn Reader) -> Vec<(String, u64)> {
    reader.counts().unwrap().parked.into_iter().collect()
}

fn of(counts: &[(&str, u64)]) -> Vec<(String, u64)> {
    let owned = counts
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count));
    owned.collect()
}

fn a_saga_is_found_by_each_service_that_it_is_parked_for((mut writer, reader): Fresh) {
    let rows = [
        parked(1, 1, &[("payments", 1), ("stock", 20), ("fraud", 3)]),
        parked(2, 1, &[("stock", 10)]),
        parked(3, 1, &[("stock", 30)]),
        parked(4, 1, &[("stock", 20), ("payments", 0)]),
        row(5, 1),
    ];
    writer.commit(&rows.each_ref().map(start)).unwrap();
    assert_eq!(found(&*reader, "stock"), [2, 1, 4, 3]);
    assert_eq!(found(&*reader, "payments"), [4, 1]);
    assert_eq!(found(&*reader, "fraud"), [1]);
    assert_eq!(found(&*reader, "shipping"), [0; 0]);
    let counts = of(&[("fraud", 1), ("payments", 2), ("stock", 4)]);
    assert_eq!(counted(&*reader), counts);
    for row in &rows {
        assert_eq!(reader.row(row.id).unwrap().as_ref(), Some(row));
        assert_eq!(&reader.load(row.id).unwrap().unwrap().row, row);
    }
    let listed = |service: &str| {
        let filter = Filter {
            service: vec![service.to_owned()],
            ..Filter::default()
        };
        let listed = reader.list(&filter, None, 10).unwrap();
        assert!(listed.iter().all(|row| filter.matches(row)));
        numbers(listed)
    };
    assert_eq!(listed("stock"), [4, 3, 2, 1]);
    assert_eq!(listed("payments"), [5, 4, 1], "the last is under way there");
}

fn pages_go_on_where_the_one_before_ended_whatever_a_saga_is_found_by((mut w, reader): Fresh) {
    let rows = [
        parked(1, 1, &[("payments", 9), ("stock", 20)]),
        parked(2, 1, &[("stock", 20)]),
        parked(3, 1, &[("payments", 9), ("stock", 20)]),
        parked(4, 1, &[("stock", 30)]),
        parked(5, 1, &[("payments", 9), ("stock", 10)]),
    ];
    w.commit(&rows.each_ref().map(start)).unwrap();
    let (mut after, mut all) = (None, Vec::new());
    for _ in 0..3 {
        let page = reader.parked("stock", after, 2).unwrap();
        after = page.last().copied();
        all.extend(page.into_iter().map(|(_, id)| number(id)));
    }
    assert_eq!(all, [5, 1, 2, 3, 4]);
    assert_eq!(reader.parked("stock", after, 2).unwrap(), []);
}

fn a_saga_is_no_longer_found_by_a_service_that_it_is_not_parked_for((mut w, reader): Fresh) {
    let steps = [
        (
            parked(1, 1, &[("payments", 1), ("stock", 2)]),
            vec!["payments", "stock"],
        ),
        (
            parked(1, 2, &[("payments", 1), ("stock", 2)]),
            vec!["payments", "stock"],
        ),
        (
            parked(1, 3, &[("payments", 1), ("stock", 5), ("fraud", 3)]),
            vec!["fraud", "payments", "stock"],
        ),
        // The first opened: another stands in the row.
        (
            parked(1, 4, &[("stock", 5), ("fraud", 3)]),
            vec!["fraud", "stock"],
        ),
        (parked(1, 5, &[("stock", 5)]), vec!["stock"]),
        (parked(1, 6, &[]), vec![]),
        (
            parked(1, 7, &[("fraud", 8), ("stock", 9)]),
            vec!["fraud", "stock"],
        ),
        (ended(row(1, 8), Status::Completed, 8), vec![]),
    ];
    for (row, services) in steps {
        let change = match row.seq {
            1 => start(&row),
            seq => append(&row, seq - 1),
        };
        assert_eq!(w.commit(&[change]).unwrap().applied, [Done]);
        for service in ["fraud", "payments", "stock"] {
            let expected: &[u64] = if services.contains(&service) {
                &[1]
            } else {
                &[]
            };
            assert_eq!(
                found(&*reader, service),
                expected,
                "{service} at {}",
                row.seq
            );
        }
        let counts: Vec<_> = services.iter().map(|service| (*service, 1)).collect();
        assert_eq!(counted(&*reader), of(&counts), "at {}", row.seq);
        assert_eq!(reader.row(id(1)).unwrap(), Some(row));
    }
}

fn a_change_that_is_refused_leaves_the_parked_as_they_were((mut writer, reader): Fresh) {
    let first = parked(1, 1, &[("payments", 1), ("stock", 2)]);
    writer.commit(&[start(&first)]).unwrap();
    let mut twin = parked(2, 1, &[("payments", 1), ("fraud", 2)]);
    twin.key.clone_from(&first.key);
    let stale = parked(1, 3, &[("payments", 1), ("fraud", 2)]);
    let batch = [start(&twin), append(&stale, 2)];
    assert_eq!(writer.commit(&batch).unwrap().applied, [Conflict, Conflict]);
    assert_eq!(found(&*reader, "stock"), [1]);
    assert_eq!(found(&*reader, "fraud"), [0; 0]);
    assert_eq!(counted(&*reader), of(&[("payments", 1), ("stock", 1)]));
}

fn what_is_parked_goes_with_its_saga((mut writer, reader): Fresh) {
    // Given up while two of its undos were parked.
    let mut given_up = ended(row(1, 1), Status::Abandoned, 1);
    given_up.service = Some("payments".to_owned());
    given_up.parked_since = Some(given_up.started_at);
    given_up
        .also_parked
        .insert("stock".to_owned(), given_up.started_at);
    writer.commit(&[start(&given_up)]).unwrap();
    assert_eq!(found(&*reader, "stock"), [1]);
    let purged = writer.commit(&[Change::Purge { id: id(1) }]).unwrap();
    assert_eq!(purged.applied, [Done]);
    assert_eq!(found(&*reader, "stock"), [0; 0]);
    assert_eq!(reader.counts().unwrap(), Counts::default());
}
