//! The promises of the audit and of operations over many sagas, each run on every
//! implementation.

use crate::sample::{START, append, ended, id, row, start, with};
use crate::suite::{Fresh, suite};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::Status;
use banyan_store::Applied::{Conflict, Done};
use banyan_store::{
    AuditQuery, AuditRow, Change, Dealings, Filter, Item, OPERATION_KEYS, OperationKey,
    OperationRow, Reader, Standing,
};
use serde_json::{Value as Json, json};

suite![
    a_row_of_the_audit_comes_with_what_it_tells,
    a_conflict_leaves_no_row_of_the_audit,
    every_field_of_the_audit_comes_back_and_outlives_its_saga,
    the_audit_is_filtered_and_comes_page_by_page,
    an_operation_is_told_by_whom_it_has_taken,
    a_selection_is_all_that_a_filter_selects,
    an_operation_keeps_its_sagas_until_it_is_over,
    a_key_begins_one_operation_and_is_free_again_when_that_is_forgotten,
    only_an_operation_that_is_over_is_forgotten,
    the_oldest_rows_of_the_audit_go_save_those_that_an_open_operation_counts_on,
];

fn told(saga: Option<u64>, actor: &str, verb: &str) -> AuditRow {
    AuditRow {
        at: Timestamp(START),
        actor: actor.to_owned(),
        verb: verb.to_owned(),
        saga: saga.map(id),
        name: Some("order".to_owned()),
        operation: None,
        reason: "the customer called – ✓".to_owned(),
        before: None,
        after: None,
        detail: Json::Null,
    }
}

fn audited(change: Change, row: AuditRow) -> Change {
    Change::Audited {
        change: Box::new(change),
        row: Box::new(row),
    }
}

fn of(rows: Vec<AuditRow>) -> Dealings {
    Dealings {
        audit: rows,
        ..Dealings::default()
    }
}

fn all() -> AuditQuery {
    AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    }
}

fn verbs(reader: &dyn Reader, query: &AuditQuery) -> String {
    let rows = reader.audit(query).unwrap();
    let verbs: Vec<String> = rows.into_iter().map(|entry| entry.row.verb).collect();
    verbs.join(" ")
}

fn a_row_of_the_audit_comes_with_what_it_tells((mut writer, reader): Fresh) {
    let both = vec![told(Some(1), "ann", "note"), told(Some(1), "ann", "cancel")];
    let batch = [
        start(&row(1, 1)),
        with(append(&row(1, 2), 1), of(both)),
        audited(
            Change::Service(crate::sample::service("payments")),
            told(None, "ann", "pause"),
        ),
    ];
    assert_eq!(writer.commit(&batch).unwrap().applied, [Done; 3]);
    assert_eq!(verbs(&*reader, &all()), "pause cancel note");
    assert_eq!(reader.services().unwrap().len(), 1);
}

fn a_conflict_leaves_no_row_of_the_audit((mut writer, reader): Fresh) {
    let activate = Change::Activate {
        name: "order".to_owned(),
        version: 1,
    };
    let batch = [
        start(&row(1, 1)),
        with(
            append(&row(1, 3), 2),
            of(vec![told(Some(1), "ann", "note")]),
        ),
        audited(activate, told(None, "ann", "activate")),
    ];
    assert_eq!(
        writer.commit(&batch).unwrap().applied,
        [Done, Conflict, Conflict]
    );
    assert_eq!(verbs(&*reader, &all()), "");
}

fn every_field_of_the_audit_comes_back_and_outlives_its_saga((mut writer, reader): Fresh) {
    let standing = |status, seq| Some(Standing { status, seq });
    let full = AuditRow {
        operation: Some(id(9)),
        before: standing(Status::Stuck, 4),
        after: standing(Status::Abandoned, 5),
        detail: json!({"step": "charge", "amount": 12.50, "z": null}),
        ..told(Some(1), "ann", "abandon")
    };
    let bare = AuditRow {
        name: None,
        ..told(None, "", "")
    };
    let end = ended(row(1, 1), Status::Completed, 1);
    writer
        .commit(&[with(start(&end), of(vec![full.clone(), bare.clone()]))])
        .unwrap();
    assert_eq!(
        writer
            .commit(&[Change::Purge { id: id(1) }])
            .unwrap()
            .applied,
        [Done]
    );
    let rows = reader.audit(&all()).unwrap();
    let numbers: Vec<u64> = rows.iter().map(|entry| entry.number).collect();
    let rows: Vec<AuditRow> = rows.into_iter().map(|entry| entry.row).collect();
    assert_eq!((numbers, rows), (vec![2, 1], vec![bare, full]));
}

fn the_audit_is_filtered_and_comes_page_by_page((mut writer, reader): Fresh) {
    let mut rows = vec![
        told(Some(1), "ann", "note"),
        told(Some(2), "bob", "cancel"),
        told(None, "ann", "pause"),
        told(Some(1), "bob", "retry"),
    ];
    for (later, row) in (0..).zip(&mut rows) {
        row.at = Timestamp(START + later);
    }
    writer.commit(&[with(start(&row(1, 1)), of(rows))]).unwrap();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let asked = |change: &dyn Fn(&mut AuditQuery)| {
        let mut query = all();
        change(&mut query);
        query
    };
    for (query, expected) in [
        (all(), "retry pause cancel note"),
        (asked(&|query| query.actor = words(&["ann"])), "pause note"),
        (
            asked(&|query| query.actor = words(&["ann", "bob"])),
            "retry pause cancel note",
        ),
        (
            asked(&|query| query.verb = words(&["retry", "pause"])),
            "retry pause",
        ),
        (asked(&|query| query.saga = vec![id(1)]), "retry note"),
        (
            asked(&|query| {
                query.saga = vec![id(1)];
                query.actor = words(&["ann"]);
            }),
            "note",
        ),
        (
            asked(&|query| query.after = Some(Timestamp(START + 1))),
            "retry pause",
        ),
        (asked(&|query| query.limit = 2), "retry pause"),
        (
            asked(&|query| {
                query.below = Some(3);
                query.limit = 1;
            }),
            "cancel",
        ),
        (asked(&|query| query.below = Some(1)), ""),
        (asked(&|query| query.actor = words(&["' OR 1"])), ""),
    ] {
        assert_eq!(verbs(&*reader, &query), expected, "{query:?}");
    }
}

fn an_operation_is_told_by_whom_it_has_taken((mut writer, reader): Fresh) {
    let by = |saga: u64, operation: Option<Id>| AuditRow {
        operation,
        ..told(Some(saga), "ann", "retry")
    };
    let rows = vec![
        by(1, Some(id(90))),
        by(2, Some(id(91))),
        by(3, None),
        by(4, Some(id(90))),
    ];
    writer.commit(&[with(start(&row(1, 1)), of(rows))]).unwrap();
    let asked = [id(4), id(3), id(2), id(1), id(5)];
    assert_eq!(reader.taken_by(id(90), &asked).unwrap(), [id(4), id(1)]);
    assert_eq!(reader.taken_by(id(92), &asked).unwrap(), []);
    assert_eq!(reader.taken_by(id(90), &[]).unwrap(), []);
}

fn a_selection_is_all_that_a_filter_selects((mut writer, reader): Fresh) {
    let mut rows = [
        row(1, 1),
        row(2, 1),
        row(3, 2),
        ended(row(4, 1), Status::Completed, 1),
    ];
    rows[1].definition = "refund".to_owned();
    rows[2].labels.insert("city".to_owned(), "Ghent".to_owned());
    let starts: Vec<Change> = rows.iter().map(start).collect();
    writer.commit(&starts).unwrap();
    let item = |number: u64, seq| Item {
        id: id(number),
        seq,
    };
    let every = reader.select(&Filter::default(), 10).unwrap();
    assert_eq!(
        every.items,
        [item(4, 1), item(3, 2), item(2, 1), item(1, 1)]
    );
    let count = |name: &str, status| every.counts[&(name.to_owned(), status)];
    assert_eq!(count("order", Status::Running), 2);
    assert_eq!(count("order", Status::Completed), 1);
    assert_eq!(count("refund", Status::Running), 1);
    assert!(!every.more);
    let some = reader.select(&Filter::default(), 3).unwrap();
    assert_eq!((some.items.len(), some.more), (3, true));
    let cities = vec!["Ghent".to_owned(), "Oslo".to_owned()];
    let labelled = Filter {
        label: [("city".to_owned(), cities)].into_iter().collect(),
        ..Filter::default()
    };
    assert_eq!(reader.select(&labelled, 10).unwrap().items, [item(3, 2)]);
}

fn an_operation_keeps_its_sagas_until_it_is_over((mut writer, reader): Fresh) {
    let operation = |number: u64, open: bool, done: u64| OperationRow {
        id: id(number),
        open,
        body: json!({"verb": "retry", "done": done}),
    };
    let items: Vec<Item> = (0..3_000).map(|n| Item { id: id(n), seq: n }).collect();
    let put = |row: OperationRow, items: &[Item]| Change::Operation {
        row,
        items: items.to_vec(),
        key: None,
    };
    let batch = [
        put(operation(7_001, true, 0), &items),
        put(operation(7_002, true, 0), &items[..1]),
        put(operation(7_001, true, 10), &[]),
    ];
    assert_eq!(writer.commit(&batch).unwrap().applied, [Done; 3]);
    assert_eq!(
        reader.operation(id(7_001)).unwrap().unwrap().body["done"],
        10
    );
    assert_eq!(reader.operation(id(7_009)).unwrap(), None);
    for (from, limit) in [
        (0, 3_000),
        (0, 1),
        (1_000, 100),
        (1_024, 1_024),
        (2_990, 50),
        (3_000, 1),
    ] {
        let found = reader.items(id(7_001), from, limit).unwrap();
        let expected: Vec<Item> = items.iter().skip(from).take(limit).copied().collect();
        assert_eq!(found, expected, "{from} {limit}");
    }
    writer
        .commit(&[put(operation(7_001, false, 3_000), &[])])
        .unwrap();
    assert_eq!(reader.items(id(7_001), 0, 10).unwrap(), []);
    assert_eq!(reader.items(id(7_002), 0, 10).unwrap().len(), 1);
    let ids = |rows: Vec<OperationRow>| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let list = |open, after, limit| ids(reader.operations(open, after, limit).unwrap());
    assert_eq!(list(false, None, 10), [id(7_002), id(7_001)]);
    assert_eq!(list(true, None, 10), [id(7_002)]);
    assert_eq!(list(false, Some(id(7_002)), 10), [id(7_001)]);
    assert_eq!(list(false, None, 1), [id(7_002)]);
}

fn operation(number: u64, open: bool, key: Option<&str>) -> Change {
    Change::Operation {
        row: OperationRow {
            id: id(number),
            open,
            body: json!({"verb": "retry"}),
        },
        items: Vec::new(),
        key: key.map(key_of),
    }
}

fn key_of(key: &str) -> OperationKey {
    OperationKey {
        namespace: "default".to_owned(),
        key: key.to_owned(),
        request_hash: "ab".repeat(32),
    }
}

fn forget(number: u64, key: Option<&str>) -> Change {
    Change::ForgetOperation {
        id: id(number),
        key: key.map(key_of),
    }
}

/// Which operation was begun under a key.
fn begun(reader: &dyn Reader, key: &str) -> Option<Id> {
    let found = reader.start_key("default", OPERATION_KEYS, key).unwrap();
    found.map(|found| {
        assert_eq!(
            (found.request_hash, found.purged),
            ("ab".repeat(32), None),
            "{key}"
        );
        found.id
    })
}

fn a_key_begins_one_operation_and_is_free_again_when_that_is_forgotten(
    (mut writer, reader): Fresh,
) {
    let mut saga = row(1, 1);
    saga.key = "k".to_owned();
    let batch = [
        start(&saga),
        operation(7_001, true, Some("k")),
        audited(
            operation(7_002, true, Some("k")),
            told(None, "ann", "begin_operation"),
        ),
        operation(7_001, false, None),
    ];
    let applied = writer.commit(&batch).unwrap().applied;
    assert_eq!(applied, [Done, Done, Conflict, Done]);
    assert_eq!(begun(&*reader, "k"), Some(id(7_001)));
    assert_eq!(reader.operation(id(7_002)).unwrap(), None);
    assert_eq!(verbs(&*reader, &all()), "");
    let of_saga = reader.start_key("default", "order", "k").unwrap();
    assert_eq!(of_saga.unwrap().id, id(1));
    let batch = [forget(7_001, Some("k")), operation(7_003, true, Some("k"))];
    assert_eq!(writer.commit(&batch).unwrap().applied, [Done; 2]);
    assert_eq!(begun(&*reader, "k"), Some(id(7_003)));
    assert_eq!(reader.operation(id(7_001)).unwrap(), None);
}

fn only_an_operation_that_is_over_is_forgotten((mut writer, reader): Fresh) {
    let batch = [
        operation(7_001, true, Some("a")),
        operation(7_002, false, Some("b")),
        forget(7_001, Some("a")),
        forget(7_009, None),
        // The key of another stays.
        forget(7_002, Some("a")),
    ];
    assert_eq!(
        writer.commit(&batch).unwrap().applied,
        [Done, Done, Conflict, Conflict, Done]
    );
    assert_eq!(begun(&*reader, "a"), Some(id(7_001)));
    let left = reader.operations(false, None, 10).unwrap();
    assert_eq!((left.len(), left[0].id), (1, id(7_001)));
}

fn the_oldest_rows_of_the_audit_go_save_those_that_an_open_operation_counts_on(
    (mut writer, reader): Fresh,
) {
    let at = |later: i64, operation: Option<u64>| AuditRow {
        at: Timestamp(START + later),
        operation: operation.map(id),
        ..told(Some(1), "ann", "retry")
    };
    let rows = vec![at(0, None), at(1, Some(7_001)), at(2, None), at(9, None)];
    let batch = [
        operation(7_001, true, None),
        with(start(&row(1, 1)), of(rows)),
    ];
    writer.commit(&batch).unwrap();
    let until = |later, limit| reader.audit_until(Timestamp(START + later), limit).unwrap();
    assert!(until(-1, 10).is_empty());
    assert_eq!(until(5, 10), [1], "the second is counted on");
    let gone = |number| Change::ForgetAudit { number };
    let batch = [gone(2), gone(1), gone(1), operation(7_001, false, None)];
    assert_eq!(
        writer.commit(&batch).unwrap().applied,
        [Conflict, Done, Conflict, Done]
    );
    assert_eq!(until(5, 10), [2, 3]);
    assert_eq!(until(5, 1), [2]);
    assert_eq!(until(9, 10), [2, 3, 4]);
    writer.commit(&[gone(2), gone(3)]).unwrap();
    let later = audited(
        Change::Service(crate::sample::service("payments")),
        at(10, None),
    );
    writer.commit(&[later]).unwrap();
    let numbers = reader.audit(&all()).unwrap();
    let numbers: Vec<u64> = numbers.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [5, 4]);
}
