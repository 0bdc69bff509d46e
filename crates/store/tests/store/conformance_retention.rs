//! The promises of retention, each run on every implementation.

use crate::sample::{START, append, child_entries, ended, id, number, row, start, with};
use crate::suite::{Fresh, suite};
use banyan_core::Timestamp;
use banyan_core::saga::Status;
use banyan_store::Applied::{Conflict, Done};
use banyan_store::{
    Change, Counts, Dealings, Ended, EndedQuery, Filter, LockChange, Message, Purged, Reader,
    SagaRow, StartKey,
};
use serde_json::json;
use std::collections::BTreeMap;

suite![
    of_a_purged_saga_only_its_start_key_is_left,
    what_a_purge_takes_is_its_sagas_alone,
    a_saga_that_is_not_at_rest_is_not_purged,
    a_saga_with_messages_owed_is_not_purged,
    a_saga_in_a_line_is_not_purged,
    a_saga_at_rest_with_something_under_way_is_not_purged,
    a_child_goes_after_its_parent_and_a_parent_after_its_open_children,
    a_purge_sees_the_changes_before_it,
    sagas_at_rest_come_oldest_first_and_page_by_page,
    who_ended_later_is_not_found,
    what_is_left_of_a_purged_saga_is_known_until_its_key_is_forgotten,
    the_key_of_a_saga_that_is_there_is_not_forgotten,
];

fn purge(saga: u64) -> Change {
    Change::Purge { id: id(saga) }
}

/// All that are at rest, looking at so many at most.
fn found(reader: &dyn Reader, after: Option<u64>, look: usize) -> (Vec<u64>, Option<u64>) {
    let query = EndedQuery {
        after: after.map(id),
        until: Timestamp(i64::MAX),
        look,
    };
    let page = reader.ended(&query).unwrap();
    let ids = page.ended.into_iter().map(|one| number(one.id)).collect();
    (ids, page.next.map(number))
}

fn at_rest(saga: u64, status: Status) -> SagaRow {
    let mut row = ended(row(saga, 4), status, 4);
    row.labels = BTreeMap::from([
        ("city".to_owned(), "Ghent\0\"".to_owned()),
        ("tier".to_owned(), format!("tier-{saga}")),
    ]);
    row
}

fn of_a_purged_saga_only_its_start_key_is_left((mut writer, reader): Fresh) {
    let mut parked = at_rest(1, Status::Compensated);
    parked.service = Some("stock".to_owned());
    parked.parked_since = Some(parked.started_at);
    writer.commit(&[start(&parked)]).unwrap();
    assert_eq!(writer.commit(&[purge(1)]).unwrap().applied, [Done]);
    assert_eq!(reader.load(id(1)).unwrap(), None);
    assert_eq!(reader.list(&Filter::default(), None, 10).unwrap(), []);
    assert_eq!(reader.parked("stock", None, 10).unwrap(), []);
    assert_eq!(found(&*reader, None, 10), (vec![], None));
    assert_eq!(reader.counts().unwrap(), Counts::default());
    let owner = StartKey {
        id: id(1),
        request_hash: "c0".repeat(32),
        purged: Some(Status::Compensated),
    };
    let found = reader.start_key("default", "order", "key-1").unwrap();
    assert_eq!(found, Some(owner));
    // Its key stays taken, and there is nothing left to purge.
    let batch = [start(&parked), purge(1)];
    assert_eq!(writer.commit(&batch).unwrap().applied, [Conflict, Conflict]);
    // Not even labels or records that a saga under its id would meet.
    let mut again = row(1, 1);
    again.key = "other".to_owned();
    assert_eq!(writer.commit(&[start(&again)]).unwrap().applied, [Done]);
    assert_eq!(reader.load(id(1)).unwrap().unwrap().journal.len(), 1);
    let label: Filter = serde_json::from_value(json!({"label": {"tier": ["tier-1"]}})).unwrap();
    assert_eq!(reader.list(&label, None, 10).unwrap(), []);
}

fn what_a_purge_takes_is_its_sagas_alone((mut writer, reader): Fresh) {
    let rows = [1, 2, 3].map(|saga| at_rest(saga, Status::Completed));
    writer.commit(&rows.each_ref().map(start)).unwrap();
    assert_eq!(writer.commit(&[purge(2)]).unwrap().applied, [Done]);
    for row in [&rows[0], &rows[2]] {
        let stored = reader.load(row.id).unwrap().unwrap();
        assert_eq!((&stored.row, stored.journal.len()), (row, 4));
    }
    let city = json!({"label": {"city": ["Ghent\0\""]}});
    let found = reader.list(&serde_json::from_value(city).unwrap(), None, 10);
    assert_eq!(found.unwrap(), [rows[2].clone(), rows[0].clone()]);
    let counts = reader.counts().unwrap();
    assert_eq!(counts.by_status, BTreeMap::from([(Status::Completed, 2)]));
    let key = reader.start_key("default", "order", "key-1").unwrap();
    assert_eq!(key.unwrap().purged, None);
}

fn a_saga_that_is_not_at_rest_is_not_purged((mut writer, reader): Fresh) {
    let mut rows = [row(1, 1), row(2, 1), row(3, 1)];
    rows[1].status = Status::Compensating;
    rows[2].status = Status::Stuck;
    writer.commit(&rows.each_ref().map(start)).unwrap();
    let batch = [1, 2, 3, 4].map(purge);
    assert_eq!(writer.commit(&batch).unwrap().applied, [Conflict; 4]);
    assert_eq!(reader.list(&Filter::default(), None, 10).unwrap().len(), 3);
    let key = reader.start_key("default", "order", "key-3").unwrap();
    assert_eq!(key.unwrap().purged, None);
}

fn a_saga_with_messages_owed_is_not_purged((mut writer, reader): Fresh) {
    let message = Message {
        to: id(2),
        from: id(1),
        seq: 4,
        kind: "child_ended".to_owned(),
        body: json!(null),
    };
    let key = message.key();
    let sender = Dealings {
        messages: vec![message],
        ..Dealings::default()
    };
    let batch = [
        with(start(&at_rest(1, Status::Completed)), sender),
        start(&at_rest(2, Status::Abandoned)),
    ];
    writer.commit(&batch).unwrap();
    let both = [purge(1), purge(2)];
    assert_eq!(writer.commit(&both).unwrap().applied, [Conflict; 2]);
    assert_eq!(found(&*reader, None, 10).0, [1, 2]);
    let take = Change::TakeMessage { to: id(2), key };
    writer.commit(&[take]).unwrap();
    assert_eq!(writer.commit(&both).unwrap().applied, [Done; 2]);
}

fn a_saga_in_a_line_is_not_purged((mut writer, reader): Fresh) {
    let deal = |lock| Dealings {
        lock: Some(lock),
        ..Dealings::default()
    };
    let value = "5e".repeat(32);
    let end = at_rest(1, Status::Completed);
    let stands = with(start(&end), deal(LockChange::Join { value }));
    writer.commit(&[stands]).unwrap();
    assert_eq!(writer.commit(&[purge(1)]).unwrap().applied, [Conflict]);
    assert!(reader.load(id(1)).unwrap().is_some());
    let leaves = with(append(&end, 4), deal(LockChange::Leave));
    assert_eq!(
        writer.commit(&[leaves, purge(1)]).unwrap().applied,
        [Done; 2]
    );
}

fn a_purge_sees_the_changes_before_it((mut writer, reader): Fresh) {
    let end = ended(row(1, 2), Status::Completed, 3);
    let batch = [
        start(&row(1, 2)),
        purge(1),
        append(&end, 2),
        purge(1),
        append(&end, 3),
    ];
    let applied = writer.commit(&batch).unwrap().applied;
    assert_eq!(applied, [Done, Conflict, Done, Done, Conflict]);
    assert_eq!(reader.counts().unwrap(), Counts::default());
}

fn sagas_at_rest_come_oldest_first_and_page_by_page((mut writer, reader): Fresh) {
    let mut unended = at_rest(5, Status::Abandoned);
    unended.ended_at = None;
    unended.updated_at = Timestamp(77);
    let rows = [
        unended,
        row(4, 1),
        at_rest(3, Status::Compensated),
        at_rest(2, Status::Stuck),
        at_rest(1, Status::Completed),
    ];
    writer.commit(&rows.each_ref().map(start)).unwrap();
    assert_eq!(found(&*reader, None, 10), (vec![1, 3, 5], None));
    assert_eq!(found(&*reader, None, 1), (vec![1], Some(1)));
    assert_eq!(found(&*reader, Some(1), 1), (vec![], Some(2)));
    assert_eq!(found(&*reader, Some(2), 3), (vec![3, 5], Some(5)));
    assert_eq!(found(&*reader, Some(5), 10), (vec![], None));
    let query = EndedQuery {
        after: None,
        until: Timestamp(i64::MAX),
        look: 10,
    };
    let ended = reader.ended(&query).unwrap().ended;
    let first = Ended {
        id: id(1),
        definition: "order".to_owned(),
        version: 1,
        status: Status::Completed,
        ended_at: rows[4].ended_at.unwrap(),
    };
    assert_eq!(ended[0], first);
    assert_eq!(ended[2].ended_at, Timestamp(77));
}

fn who_ended_later_is_not_found((mut writer, reader): Fresh) {
    const DAY: i64 = 24 * 60 * 60 * 1_000;
    let mut rows = [1, 2].map(|saga| at_rest(saga, Status::Completed));
    rows[0].ended_at = Some(Timestamp(START + DAY));
    // Accepted long after.
    let mut young = at_rest(3, Status::Completed);
    young.id = banyan_core::id::Id::new((START + 2 * DAY) as u64, 3, 7);
    young.ended_at = Some(Timestamp(START + 2 * DAY));
    writer
        .commit(&[start(&rows[0]), start(&rows[1]), start(&young)])
        .unwrap();
    for (until, ids, next) in [
        (START, vec![], None),
        (START + 6, vec![id(2)], None),
        (START + DAY - 1, vec![id(2)], None),
        (START + DAY, vec![id(1), id(2)], None),
        (
            START + 2 * DAY,
            vec![id(1), id(2), young.id],
            Some(young.id),
        ),
    ] {
        let query = EndedQuery {
            after: None,
            until: Timestamp(until),
            look: 3,
        };
        let page = reader.ended(&query).unwrap();
        let found: Vec<_> = page.ended.iter().map(|one| one.id).collect();
        assert_eq!((found, page.next), (ids, next), "{until}");
    }
}

fn a_saga_at_rest_with_something_under_way_is_not_purged((mut writer, reader): Fresh) {
    let mut rows = [1, 2].map(|saga| at_rest(saga, Status::Completed));
    // Its end is still to be told, or a late effect to be undone.
    rows[0].wake_at = Some(Timestamp(START + 9));
    rows[1].wake_at = Some(Timestamp(START + 9));
    rows[1].in_flight = true;
    writer.commit(&rows.each_ref().map(start)).unwrap();
    let both = [purge(1), purge(2)];
    assert_eq!(writer.commit(&both).unwrap().applied, [Conflict; 2]);
    let over = rows.map(|mut row| {
        (row.wake_at, row.in_flight, row.seq) = (None, false, 5);
        append(&row, 4)
    });
    writer.commit(&over).unwrap();
    assert_eq!(writer.commit(&both).unwrap().applied, [Done; 2]);
    assert_eq!(reader.list(&Filter::default(), None, 10).unwrap(), []);
}

fn run_by(parent: u64, child: &SagaRow) -> Change {
    Change::Start {
        row: child.clone(),
        request_hash: "c0".repeat(32),
        entries: child_entries(child, id(parent)),
        dealings: Dealings::default(),
    }
}

fn a_child_goes_after_its_parent_and_a_parent_after_its_open_children((mut writer, reader): Fresh) {
    let parent = at_rest(1, Status::Completed);
    let open = row(3, 1);
    let batch = [
        start(&parent),
        run_by(1, &at_rest(2, Status::Completed)),
        run_by(1, &open),
        // Run by nobody who is there.
        run_by(9, &at_rest(4, Status::Completed)),
    ];
    assert_eq!(writer.commit(&batch).unwrap().applied, [Done; 4]);
    let all = [purge(2), purge(1), purge(4)];
    let applied = writer.commit(&all).unwrap().applied;
    assert_eq!(applied, [Conflict, Conflict, Done]);
    // An open one is as good as gone when it is at rest.
    let end = ended(open, Status::Compensated, 2);
    let batch = [append(&end, 1), purge(3), purge(1), purge(2), purge(3)];
    let applied = writer.commit(&batch).unwrap().applied;
    assert_eq!(applied, [Done, Conflict, Done, Done, Done]);
    assert_eq!(reader.list(&Filter::default(), None, 10).unwrap(), []);
}

fn what_is_left_of_a_purged_saga_is_known_until_its_key_is_forgotten((mut writer, reader): Fresh) {
    let rows = [
        at_rest(1, Status::Completed),
        at_rest(2, Status::Compensated),
        at_rest(3, Status::Abandoned),
    ];
    writer.commit(&rows.each_ref().map(start)).unwrap();
    assert_eq!(reader.purged(id(2)).unwrap(), None);
    let batch = [3, 2].map(purge);
    assert_eq!(writer.commit(&batch).unwrap().applied, [Done; 2]);
    let left = Purged {
        id: id(2),
        status: Status::Compensated,
        ended_at: rows[1].ended_at.unwrap(),
    };
    assert_eq!(reader.purged(id(2)).unwrap(), Some(left));
    assert_eq!(reader.purged(id(1)).unwrap(), None);
    let until = |at: Timestamp, limit| reader.purged_until(at, limit).unwrap();
    assert_eq!(until(Timestamp(i64::MAX), 9), [id(2), id(3)]);
    assert_eq!(until(Timestamp(i64::MAX), 1), [id(2)]);
    assert_eq!(until(left.ended_at, 9), [id(2)]);
    assert!(until(Timestamp(left.ended_at.0 - 1), 9).is_empty());
    let forget = Change::Forget { id: id(2) };
    let batch = [forget.clone(), forget];
    assert_eq!(writer.commit(&batch).unwrap().applied, [Done, Conflict]);
    assert_eq!(reader.purged(id(2)).unwrap(), None);
    assert_eq!(reader.start_key("default", "order", "key-2").unwrap(), None);
    let other = reader.start_key("default", "order", "key-3").unwrap();
    assert_eq!(other.unwrap().purged, Some(Status::Abandoned));
    // Its key may be used again.
    let mut again = row(7, 1);
    again.key = "key-2".to_owned();
    assert_eq!(writer.commit(&[start(&again)]).unwrap().applied, [Done]);
}

fn the_key_of_a_saga_that_is_there_is_not_forgotten((mut writer, reader): Fresh) {
    let end = at_rest(1, Status::Completed);
    writer.commit(&[start(&end)]).unwrap();
    let forget = [1, 2].map(|saga| Change::Forget { id: id(saga) });
    assert_eq!(writer.commit(&forget).unwrap().applied, [Conflict; 2]);
    let key = reader.start_key("default", "order", "key-1").unwrap();
    assert_eq!(key.unwrap().purged, None);
}
