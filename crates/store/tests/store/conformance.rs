//! The promises of the port as cases, each run on every implementation.

use crate::sample::{
    self, START, append, definition, ended, id, number, pause, row, service, start, trouble,
};
use crate::suite::{Fresh, suite};
use banyan_core::Timestamp;
use banyan_core::saga::{Entry, Reason, ReasonCode, Record, Status};
use banyan_store::Applied::{Conflict, Done};
use banyan_store::{Change, Filter, Reader, SagaRow, StartKey, Wake, WakeQuery};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

suite![
    a_start_is_found_by_id_and_by_key,
    a_taken_key_or_id_conflicts_and_leaves_nothing_behind,
    the_same_key_elsewhere_is_another_saga,
    an_append_needs_the_seq_that_its_caller_saw,
    a_change_sees_the_ones_before_it_in_its_batch,
    what_a_start_fixed_stays,
    a_move_takes_the_version_with_it_and_nothing_else_that_a_start_fixed,
    every_field_of_a_row_comes_back,
    a_row_can_change_without_a_record,
    wakes_come_by_time_and_page_by_page,
    rows_in_flight_are_found_however_late,
    parked_sagas_come_oldest_first_and_by_service,
    counts_follow_every_change,
    versions_of_definitions_are_taken_once_and_one_is_active,
    a_name_that_refuses_starts_goes_on_with_new_versions,
    services_come_change_and_go,
    an_empty_batch_is_nothing,
    readers_see_whole_commits_while_the_writer_goes_on,
];

fn wakes(reader: &dyn Reader, query: WakeQuery) -> Vec<(i64, u64)> {
    let wakes = reader.wakes(&query).unwrap();
    wakes
        .iter()
        .map(|wake| (wake.at.0 - START, number(wake.id)))
        .collect()
}

pub(crate) fn numbers(rows: Vec<SagaRow>) -> Vec<u64> {
    rows.iter().map(|row| number(row.id)).collect()
}

fn a_start_is_found_by_id_and_by_key((mut writer, reader): Fresh) {
    let row = row(1, 2);
    assert_eq!(reader.load(row.id).unwrap(), None);
    assert_eq!(writer.commit(&[start(&row)]).unwrap().applied, [Done]);
    let stored = reader.load(row.id).unwrap().unwrap();
    assert_eq!(stored.row, row);
    assert_eq!(stored.journal, sample::entries(&row, 1, 2));
    let owner = StartKey {
        id: row.id,
        request_hash: "c0".repeat(32),
        purged: None,
    };
    let found = reader.start_key("default", "order", "key-1").unwrap();
    assert_eq!(found, Some(owner));
    assert_eq!(reader.start_key("default", "order", "key-2").unwrap(), None);
}

fn a_taken_key_or_id_conflicts_and_leaves_nothing_behind((mut writer, reader): Fresh) {
    let first = row(1, 2);
    let mut same_key = row(2, 2);
    same_key.key.clone_from(&first.key);
    same_key
        .labels
        .insert("city".to_owned(), "Ghent".to_owned());
    let mut same_id = row(1, 3);
    same_id.key = "other".to_owned();
    let last = row(3, 2);
    let batch = [
        start(&first),
        start(&same_key),
        start(&same_id),
        start(&last),
    ];
    let applied = writer.commit(&batch).unwrap().applied;
    assert_eq!(applied, [Done, Conflict, Conflict, Done]);
    assert_eq!(reader.load(same_key.id).unwrap(), None);
    assert_eq!(reader.load(first.id).unwrap().unwrap().row, first);
    assert_eq!(reader.start_key("default", "order", "other").unwrap(), None);
    assert_eq!(reader.counts().unwrap().by_status[&Status::Running], 2);
    let all = reader.list(&Filter::default(), None, 10).unwrap();
    assert_eq!(numbers(all), [3, 1]);
    // The key of the start that lost is still free.
    let mut again = row(4, 1);
    again.key = "other".to_owned();
    assert_eq!(writer.commit(&[start(&again)]).unwrap().applied, [Done]);
}

fn the_same_key_elsewhere_is_another_saga((mut writer, reader): Fresh) {
    let mut rows = [row(1, 1), row(2, 1), row(3, 1), row(4, 1)];
    for row in &mut rows {
        row.key = "k".to_owned();
    }
    rows[1].namespace = "other".to_owned();
    rows[2].definition = "other".to_owned();
    // Parts of a key must not run together.
    rows[3].definition = "orde".to_owned();
    rows[3].key = "rk".to_owned();
    let starts: Vec<Change> = rows.iter().map(start).collect();
    assert_eq!(writer.commit(&starts).unwrap().applied, [Done; 4]);
    let found = reader.start_key("other", "order", "k").unwrap().unwrap();
    assert_eq!(found.id, id(2));
}

fn an_append_needs_the_seq_that_its_caller_saw((mut writer, reader): Fresh) {
    let first = row(1, 2);
    writer.commit(&[start(&first)]).unwrap();
    let next = row(1, 4);
    assert_eq!(
        writer.commit(&[append(&row(2, 4), 2)]).unwrap().applied,
        [Conflict]
    );
    assert_eq!(
        writer.commit(&[append(&row(1, 4), 3)]).unwrap().applied,
        [Conflict]
    );
    let ended = ended(row(1, 4), Status::Completed, 5);
    assert_eq!(
        writer.commit(&[append(&ended, 1)]).unwrap().applied,
        [Conflict]
    );
    assert_eq!(reader.load(first.id).unwrap().unwrap().row, first);
    assert_eq!(writer.commit(&[append(&next, 2)]).unwrap().applied, [Done]);
    assert_eq!(
        writer.commit(&[append(&next, 2)]).unwrap().applied,
        [Conflict]
    );
    let stored = reader.load(first.id).unwrap().unwrap();
    assert_eq!(stored.row, next);
    assert_eq!(stored.journal, sample::entries(&next, 1, 4));
}

fn a_change_sees_the_ones_before_it_in_its_batch((mut writer, reader): Fresh) {
    let end = ended(row(1, 3), Status::Completed, 6);
    let batch = [
        start(&row(1, 2)),
        append(&row(1, 4), 2),
        append(&row(1, 4), 2),
        append(&end, 4),
    ];
    assert_eq!(
        writer.commit(&batch).unwrap().applied,
        [Done, Done, Conflict, Done]
    );
    let stored = reader.load(end.id).unwrap().unwrap();
    assert_eq!(stored.row, end);
    assert_eq!(stored.journal.len(), 6);
}

fn what_a_start_fixed_stays((mut writer, reader): Fresh) {
    let first = row(1, 1);
    writer.commit(&[start(&first)]).unwrap();
    let mut next = row(1, 2);
    next.namespace = "x".to_owned();
    next.definition = "x".to_owned();
    next.version = 9;
    next.definition_hash = "x".to_owned();
    next.shard = 9;
    next.key = "x".to_owned();
    next.labels.insert("x".to_owned(), "x".to_owned());
    next.started_at = Timestamp(0);
    next.deadline = Some(Timestamp(0));
    next.step = Some("ship".to_owned());
    let entries = sample::entries(&first, 2, 2);
    let change = Change::Append {
        row: next,
        expected_seq: 1,
        entries,
        dealings: Default::default(),
    };
    assert_eq!(writer.commit(&[change]).unwrap().applied, [Done]);
    let mut expected = row(1, 2);
    expected.step = Some("ship".to_owned());
    assert_eq!(reader.load(first.id).unwrap().unwrap().row, expected);
}

pub(crate) fn full_row(number: u64) -> SagaRow {
    let mut row = row(number, 3);
    row.definition_hash = "no SHA-256".to_owned();
    row.labels = BTreeMap::from([
        ("city".to_owned(), "Gh\"ent\n".to_owned()),
        ("tier".to_owned(), String::new()),
    ]);
    row.status = Status::Compensating;
    row.reason = Some(Reason {
        code: ReasonCode::UndoneByOperator,
        step: Some("charge".to_owned()),
        message: "zu teuer – ✓".to_owned(),
        detail: BTreeMap::from([("body".to_owned(), json!({"z": 1.10, "a": [1e300_f64]}))]),
    });
    row.stuck = Some("undo_refused".to_owned());
    row.parked_since = Some(Timestamp(START));
    row.deadline = Some(Timestamp(START + 5));
    row.ended_at = Some(Timestamp(-1));
    row.owner = Some("Ada".to_owned());
    row.trouble = Some(trouble(START, "stuck", "undo_refused"));
    row
}

fn every_field_of_a_row_comes_back((mut writer, reader): Fresh) {
    let full = full_row(1);
    writer.commit(&[start(&full)]).unwrap();
    assert_eq!(reader.load(full.id).unwrap().unwrap().row, full);
    let mut bare = ended(full, Status::Stuck, 4);
    bare.reason = None;
    bare.stuck = None;
    bare.ended_at = None;
    bare.owner = None;
    writer.commit(&[append(&bare, 3)]).unwrap();
    assert_eq!(reader.load(bare.id).unwrap().unwrap().row, bare);
    let mut upper = row(2, 1);
    upper.definition_hash = "5E".repeat(32);
    writer.commit(&[start(&upper)]).unwrap();
    assert_eq!(reader.load(upper.id).unwrap().unwrap().row, upper);
}

fn a_row_can_change_without_a_record((mut writer, reader): Fresh) {
    let mut row = row(1, 2);
    writer.commit(&[start(&row)]).unwrap();
    row.wake_at = Some(Timestamp(START + 1));
    assert_eq!(writer.commit(&[append(&row, 2)]).unwrap().applied, [Done]);
    let stored = reader.load(row.id).unwrap().unwrap();
    assert_eq!((stored.row, stored.journal.len()), (row, 2));
}

fn with_wake(number: u64, wake: Option<i64>, in_flight: bool) -> SagaRow {
    let mut row = row(number, 1);
    row.wake_at = wake.map(|wake| Timestamp(START + wake));
    row.in_flight = in_flight;
    row
}

fn wakes_come_by_time_and_page_by_page((mut writer, reader): Fresh) {
    let rows = [
        with_wake(1, Some(50), false),
        with_wake(2, Some(20), true),
        with_wake(3, None, false),
        with_wake(4, Some(20), false),
        with_wake(5, Some(51), false),
    ];
    let starts: Vec<Change> = rows.iter().map(start).collect();
    writer.commit(&starts).unwrap();
    let mut query = WakeQuery {
        until: Timestamp(START + 50),
        after: None,
        in_flight_only: false,
        limit: 10,
    };
    assert_eq!(wakes(&*reader, query), [(20, 2), (20, 4), (50, 1)]);
    query.limit = 1;
    assert_eq!(wakes(&*reader, query), [(20, 2)]);
    query.after = Some((Timestamp(START + 20), id(2)));
    query.limit = 10;
    assert_eq!(wakes(&*reader, query), [(20, 4), (50, 1)]);
    let end = ended(rows[3].clone(), Status::Completed, 2);
    writer.commit(&[append(&end, 1)]).unwrap();
    assert_eq!(wakes(&*reader, query), [(50, 1)]);
    let wake = reader.wakes(&query).unwrap();
    let at = Timestamp(START + 50);
    assert_eq!(wake, [Wake { at, id: id(1) }]);
}

fn rows_in_flight_are_found_however_late((mut writer, reader): Fresh) {
    let rows = [
        with_wake(1, Some(9_000), true),
        with_wake(2, Some(20), false),
        with_wake(3, Some(-5), true),
    ];
    let starts: Vec<Change> = rows.iter().map(start).collect();
    writer.commit(&starts).unwrap();
    let mut query = WakeQuery {
        until: Timestamp(START),
        after: None,
        in_flight_only: true,
        limit: 10,
    };
    assert_eq!(wakes(&*reader, query), [(-5, 3), (9_000, 1)]);
    query.after = Some((Timestamp(START - 5), id(3)));
    assert_eq!(wakes(&*reader, query), [(9_000, 1)]);
    let mut idle = with_wake(1, Some(9_000), false);
    idle.seq = 2;
    writer.commit(&[append(&idle, 1)]).unwrap();
    assert_eq!(wakes(&*reader, query), []);
}

fn with_parked(number: u64, service: Option<&str>, since: Option<i64>) -> SagaRow {
    let mut row = row(number, 1);
    row.service = service.map(str::to_owned);
    row.parked_since = since.map(|since| Timestamp(START + since));
    row
}

fn parked_sagas_come_oldest_first_and_by_service((mut writer, reader): Fresh) {
    let rows = [
        with_parked(1, Some("stock"), Some(30)),
        with_parked(2, Some("stock"), Some(10)),
        with_parked(3, Some("stock"), None),
        with_parked(4, Some("payments"), Some(5)),
        with_parked(5, Some("stock"), Some(10)),
        with_parked(6, None, Some(10)),
    ];
    let starts: Vec<Change> = rows.iter().map(start).collect();
    writer.commit(&starts).unwrap();
    let parked = |after: Option<(i64, u64)>, limit| -> Vec<u64> {
        let after = after.map(|(at, number)| (Timestamp(START + at), id(number)));
        let parked = reader.parked("stock", after, limit).unwrap();
        parked.iter().map(|(_, id)| number(*id)).collect()
    };
    assert_eq!(parked(None, 10), [2, 5, 1]);
    assert_eq!(parked(None, 2), [2, 5]);
    assert_eq!(parked(Some((10, 2)), 10), [5, 1]);
    let mut drawn = with_parked(2, Some("stock"), None);
    drawn.seq = 2;
    let mut moved = with_parked(5, Some("payments"), Some(10));
    moved.seq = 2;
    writer
        .commit(&[append(&drawn, 1), append(&moved, 1)])
        .unwrap();
    assert_eq!(parked(None, 10), [1]);
    assert_eq!(reader.parked("payments", None, 10).unwrap().len(), 2);
}

fn counts_follow_every_change((mut writer, reader): Fresh) {
    assert_eq!(reader.counts().unwrap(), Default::default());
    let rows = [
        with_parked(1, Some("stock"), Some(1)),
        with_parked(2, Some("stock"), Some(2)),
        row(3, 1),
        row(4, 1),
    ];
    let starts: Vec<Change> = rows.iter().map(start).collect();
    writer.commit(&starts).unwrap();
    let counts = reader.counts().unwrap();
    assert_eq!(counts.by_status, BTreeMap::from([(Status::Running, 4)]));
    assert_eq!(counts.parked, BTreeMap::from([("stock".to_owned(), 2)]));
    let mut moved = with_parked(1, Some("payments"), Some(1));
    moved.seq = 2;
    let mut back = row(3, 2);
    back.status = Status::Compensating;
    let done = ended(rows[1].clone(), Status::Completed, 2);
    let batch = [
        append(&moved, 1),
        append(&back, 1),
        append(&done, 1),
        append(&done, 1),
    ];
    assert_eq!(
        writer.commit(&batch).unwrap().applied,
        [Done, Done, Done, Conflict]
    );
    let counts = reader.counts().unwrap();
    let expected = [
        (Status::Running, 2),
        (Status::Compensating, 1),
        (Status::Completed, 1),
    ];
    assert_eq!(counts.by_status, BTreeMap::from(expected));
    assert_eq!(counts.parked, BTreeMap::from([("payments".to_owned(), 1)]));
    assert_eq!(counts.stuck_since, None);
    let stuck = |number, seq, at| {
        let mut stuck = row(number, seq);
        (stuck.status, stuck.updated_at) = (Status::Stuck, Timestamp(at));
        stuck
    };
    let batch = [append(&stuck(3, 3, 700), 2), append(&stuck(4, 2, 500), 1)];
    writer.commit(&batch).unwrap();
    let since = |reader: &dyn Reader| reader.counts().unwrap().stuck_since;
    assert_eq!(since(&*reader), Some(Timestamp(500)));
    writer.commit(&[append(&stuck(4, 3, 900), 2)]).unwrap();
    assert_eq!(since(&*reader), Some(Timestamp(700)));
}

fn versions_of_definitions_are_taken_once_and_one_is_active((mut writer, reader): Fresh) {
    let mut second = definition("order", 2, "b");
    second.active = true;
    let batch = [
        Change::Definition(definition("order", 1, "a")),
        Change::Activate {
            name: "order".to_owned(),
            version: 1,
        },
        Change::Definition(definition("order", 1, "x")),
        Change::Definition(definition("order", 1, "a")),
        Change::Activate {
            name: "order".to_owned(),
            version: 2,
        },
        Change::Definition(second),
        Change::Definition(definition("refund", 1, "c")),
        Change::Activate {
            name: "none".to_owned(),
            version: 1,
        },
    ];
    let applied = writer.commit(&batch).unwrap().applied;
    assert_eq!(
        applied,
        [Done, Done, Conflict, Done, Conflict, Done, Done, Conflict]
    );
    let rows = reader.definitions().unwrap();
    let short: Vec<_> = rows
        .iter()
        .map(|row| (&*row.name, row.version, row.active))
        .collect();
    assert_eq!(
        short,
        [
            ("order", 1, false),
            ("order", 2, true),
            ("refund", 1, false)
        ]
    );
    assert_eq!(rows[2], definition("refund", 1, "c"));
}

fn a_name_that_refuses_starts_goes_on_with_new_versions((mut writer, reader): Fresh) {
    let accepting = |refusal: Option<&str>| Change::Accepting {
        name: "order".to_owned(),
        refusal: refusal.map(str::to_owned),
    };
    assert_eq!(
        writer.commit(&[accepting(None)]).unwrap().applied,
        [Conflict]
    );
    let batch = [
        Change::Definition(definition("order", 1, "a")),
        accepting(Some("closing down")),
        Change::Definition(definition("order", 2, "b")),
    ];
    assert_eq!(writer.commit(&batch).unwrap().applied, [Done; 3]);
    let refusals = || -> Vec<Option<String>> {
        let rows = reader.definitions().unwrap();
        rows.into_iter().map(|row| row.refusal).collect()
    };
    assert_eq!(
        refusals(),
        [
            Some("closing down".to_owned()),
            Some("closing down".to_owned())
        ]
    );
    writer.commit(&[accepting(None)]).unwrap();
    assert_eq!(refusals(), [None, None]);
}

fn services_come_change_and_go((mut writer, reader): Fresh) {
    let mut paused = service("stock");
    paused.paused = Some(pause("stocktaking"));
    let batch = [
        Change::Service(service("stock")),
        Change::Service(service("payments")),
        Change::Service(paused.clone()),
    ];
    assert_eq!(writer.commit(&batch).unwrap().applied, [Done; 3]);
    assert_eq!(reader.services().unwrap(), [service("payments"), paused]);
    let delete = |name: &str| Change::DeleteService {
        name: name.to_owned(),
    };
    let applied = writer
        .commit(&[delete("stock"), delete("stock")])
        .unwrap()
        .applied;
    assert_eq!(applied, [Done, Done]);
    assert_eq!(reader.services().unwrap(), [service("payments")]);
}

fn an_empty_batch_is_nothing((mut writer, reader): Fresh) {
    assert_eq!(writer.commit(&[]).unwrap().applied, []);
    assert_eq!(reader.list(&Filter::default(), None, 10).unwrap(), []);
    assert!(!reader.store_id().is_empty());
}

/// Two sagas always move in one commit, so no reader may see them apart, nor a journal that is
/// not as long as its row says.
fn readers_see_whole_commits_while_the_writer_goes_on((mut writer, reader): Fresh) {
    writer
        .commit(&[start(&row(1, 1)), start(&row(2, 1))])
        .unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let mut seen = 0;
                while !over.load(Ordering::Relaxed) {
                    let rows = reader.list(&Filter::default(), None, 10).unwrap();
                    assert_eq!(rows[0].seq, rows[1].seq);
                    assert!(rows[0].seq >= seen, "a commit was unseen");
                    seen = rows[0].seq;
                    let stored = reader.load(id(1)).unwrap().unwrap();
                    assert_eq!(stored.journal.len() as u64, stored.row.seq);
                }
            });
        }
        for seq in 2..150 {
            let batch = [append(&row(1, seq), seq - 1), append(&row(2, seq), seq - 1)];
            assert_eq!(writer.commit(&batch).unwrap().applied, [Done, Done]);
        }
        over.store(true, Ordering::Relaxed);
    });
}

fn a_move_takes_the_version_with_it_and_nothing_else_that_a_start_fixed(
    (mut writer, reader): Fresh,
) {
    let first = full_row(1);
    writer.commit(&[start(&first)]).unwrap();
    let moved = |version: u32| {
        let mut row = first.clone();
        (row.version, row.definition_hash) = (version, "b2".repeat(32));
        (row.key, row.seq) = ("another".to_owned(), first.seq + 1);
        row
    };
    let append = |row: SagaRow, record: Record| Change::Append {
        expected_seq: row.seq - 1,
        entries: vec![Entry {
            seq: row.seq,
            at: row.updated_at,
            record,
        }],
        row,
        dealings: Default::default(),
    };
    let record = Record::Moved {
        from: first.version,
        version: 9,
        definition_hash: "b2".repeat(32),
        children: BTreeMap::new(),
        reason: "a mend".to_owned(),
        actor: "someone".to_owned(),
    };
    let change = append(moved(9), record);
    assert_eq!(writer.commit(&[change]).unwrap().applied, [Done]);
    let mut expected = moved(9);
    expected.key.clone_from(&first.key);
    assert_eq!(reader.load(first.id).unwrap().unwrap().row, expected);
    // Without a move the version stays, whatever the row says.
    let mut later = moved(11);
    later.seq += 1;
    let change = append(later, Record::DeadlinePassed);
    assert_eq!(writer.commit(&[change]).unwrap().applied, [Done]);
    let stored = reader.load(first.id).unwrap().unwrap().row;
    assert_eq!((stored.version, stored.seq), (9, first.seq + 2));
}
