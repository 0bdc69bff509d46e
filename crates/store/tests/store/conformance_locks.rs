//! The promises of the lines before locks, each run on every implementation.

use crate::sample::{append, id, number, row, start, with};
use crate::suite::{Fresh, suite};
use banyan_store::Applied::{Conflict, Done};
use banyan_store::{Change, Dealings, LockChange, LockPlace, Message, Reader, Writer};
use serde_json::json;

suite![
    a_line_is_in_the_order_of_commits_and_its_first_is_granted_the_lock,
    who_leaves_first_lets_the_next_one_in,
    who_leaves_from_the_middle_lets_nobody_in,
    who_joins_and_leaves_in_one_batch_is_granted_nothing,
    who_takes_in_the_batch_that_grants_is_not_told,
    a_take_out_of_turn_is_a_conflict_and_leaves_nothing_behind,
    who_stands_in_a_line_joins_no_other,
    a_saga_opened_again_stands_behind_the_holder_and_before_all_who_wait,
    a_saga_opened_again_goes_before_one_that_was_granted_the_lock_and_has_not_taken_it,
    who_is_first_again_in_one_batch_is_granted_the_lock_again,
    lines_of_other_values_definitions_and_namespaces_are_apart,
    a_line_goes_by_what_the_start_fixed,
    who_is_to_take_its_lock_is_found_page_by_page,
];

const NOBODY: [u64; 0] = [];

fn deal(lock: LockChange) -> Dealings {
    Dealings {
        lock: Some(lock),
        ..Dealings::default()
    }
}

fn join(value: &str) -> LockChange {
    let value = value.to_owned();
    LockChange::Join { value }
}

fn join_first(value: &str) -> LockChange {
    let value = value.to_owned();
    LockChange::JoinFirst { value }
}

/// A value's hash.
fn hash() -> String {
    "5e".repeat(32)
}

fn started(saga: u64, lock: LockChange) -> Change {
    with(start(&row(saga, 1)), deal(lock))
}

/// A change of the row alone: its records stay one.
fn step(saga: u64, lock: LockChange) -> Change {
    with(append(&row(saga, 1), 1), deal(lock))
}

/// Commits what must succeed; the numbers of those who were granted their lock.
fn commit(writer: &mut dyn Writer, changes: &[Change]) -> Vec<u64> {
    let committed = writer.commit(changes).unwrap();
    assert_eq!(committed.applied, vec![Done; changes.len()]);
    committed.granted.into_iter().map(number).collect()
}

/// The line of these sagas, as each of them sees it: who stands where, and does it hold the lock?
fn check_line(reader: &dyn Reader, line: &[u64], held: bool) {
    for (ahead, saga) in line.iter().enumerate() {
        let expected = LockPlace {
            value: hash(),
            holds: held && ahead == 0,
            ahead: ahead as u64,
            first: id(line[0]),
        };
        assert_eq!(reader.lock(id(*saga)).unwrap(), Some(expected), "{saga}");
    }
}

/// Sagas 1 to 3 in a line, the first of which has taken the lock.
fn line_of_three(writer: &mut dyn Writer) {
    let batch = [3, 2, 1].map(|saga| started(saga, join(&hash())));
    assert_eq!(commit(writer, &batch[2..]), [1]);
    assert_eq!(commit(writer, &[step(1, LockChange::Take)]), NOBODY);
    assert_eq!(commit(writer, &batch[1..2]), NOBODY);
    assert_eq!(commit(writer, &batch[..1]), NOBODY);
}

fn a_line_is_in_the_order_of_commits_and_its_first_is_granted_the_lock((mut w, reader): Fresh) {
    let batch = [4, 2, 3].map(|saga| started(saga, join(&hash())));
    assert_eq!(commit(&mut *w, &batch), [4]);
    check_line(&*reader, &[4, 2, 3], false);
    assert_eq!(commit(&mut *w, &[started(1, join(&hash()))]), NOBODY);
    check_line(&*reader, &[4, 2, 3, 1], false);
    let take = [step(4, LockChange::Take), step(4, LockChange::Take)];
    assert_eq!(commit(&mut *w, &take), NOBODY);
    check_line(&*reader, &[4, 2, 3, 1], true);
    assert_eq!(reader.lock(id(5)).unwrap(), None);
}

fn who_leaves_first_lets_the_next_one_in((mut writer, reader): Fresh) {
    line_of_three(&mut *writer);
    assert_eq!(commit(&mut *writer, &[step(1, LockChange::Leave)]), [2]);
    check_line(&*reader, &[2, 3], false);
    assert_eq!(reader.lock(id(1)).unwrap(), None);
    // It was granted the lock and never takes it.
    assert_eq!(commit(&mut *writer, &[step(2, LockChange::Leave)]), [3]);
    let last = [step(3, LockChange::Take), step(3, LockChange::Leave)];
    assert_eq!(commit(&mut *writer, &last), NOBODY);
    // Without a line it changes nothing; the next line begins anew.
    let anew = [
        step(3, LockChange::Leave),
        step(2, join(&hash())),
        step(1, join(&hash())),
    ];
    assert_eq!(commit(&mut *writer, &anew), [2]);
    check_line(&*reader, &[2, 1], false);
}

fn who_leaves_from_the_middle_lets_nobody_in((mut writer, reader): Fresh) {
    line_of_three(&mut *writer);
    assert_eq!(commit(&mut *writer, &[step(2, LockChange::Leave)]), NOBODY);
    check_line(&*reader, &[1, 3], true);
    assert_eq!(commit(&mut *writer, &[step(2, join(&hash()))]), NOBODY);
    check_line(&*reader, &[1, 3, 2], true);
}

fn who_joins_and_leaves_in_one_batch_is_granted_nothing((mut writer, reader): Fresh) {
    let batch = [started(1, join(&hash())), step(1, LockChange::Leave)];
    assert_eq!(commit(&mut *writer, &batch), NOBODY);
    assert_eq!(reader.lock(id(1)).unwrap(), None);
    let batch = [
        step(1, join(&hash())),
        started(2, join(&hash())),
        step(1, LockChange::Leave),
        started(3, join(&hash())),
    ];
    assert_eq!(commit(&mut *writer, &batch), [2]);
    check_line(&*reader, &[2, 3], false);
}

fn who_takes_in_the_batch_that_grants_is_not_told((mut writer, reader): Fresh) {
    let batch = [started(1, join(&hash())), step(1, LockChange::Take)];
    assert_eq!(commit(&mut *writer, &batch), NOBODY);
    check_line(&*reader, &[1], true);
    assert_eq!(reader.granted(None, 10).unwrap(), []);
}

fn a_take_out_of_turn_is_a_conflict_and_leaves_nothing_behind((mut writer, reader): Fresh) {
    line_of_three(&mut *writer);
    let take = deal(LockChange::Take);
    let batch = [
        with(append(&row(2, 3), 1), take.clone()),
        with(start(&row(4, 1)), take.clone()),
        with(append(&row(5, 2), 1), take),
    ];
    let committed = writer.commit(&batch).unwrap();
    assert_eq!(committed.applied, [Conflict; 3]);
    assert_eq!(committed.granted, []);
    let stored = reader.load(id(2)).unwrap().unwrap();
    assert_eq!((stored.row.seq, stored.journal.len()), (1, 1));
    assert_eq!(reader.load(id(4)).unwrap(), None);
    let key = reader.start_key("default", "order", "key-4");
    assert_eq!(key.unwrap(), None);
    check_line(&*reader, &[1, 2, 3], true);
}

fn who_stands_in_a_line_joins_no_other((mut writer, reader): Fresh) {
    line_of_three(&mut *writer);
    let batch = [
        step(1, join("other")),
        step(2, join(&hash())),
        step(3, join_first(&hash())),
        // Its records are not what the caller saw, though its step is allowed.
        with(append(&row(4, 2), 1), deal(join(&hash()))),
    ];
    assert_eq!(writer.commit(&batch).unwrap().applied, [Conflict; 4]);
    check_line(&*reader, &[1, 2, 3], true);
    assert_eq!(reader.lock(id(4)).unwrap(), None);
}

fn a_saga_opened_again_stands_behind_the_holder_and_before_all_who_wait((mut w, reader): Fresh) {
    line_of_three(&mut *w);
    assert_eq!(commit(&mut *w, &[started(4, join_first(&hash()))]), NOBODY);
    check_line(&*reader, &[1, 4, 2, 3], true);
    assert_eq!(commit(&mut *w, &[started(5, join_first(&hash()))]), NOBODY);
    check_line(&*reader, &[1, 5, 4, 2, 3], true);
    assert_eq!(commit(&mut *w, &[started(6, join(&hash()))]), NOBODY);
    assert_eq!(commit(&mut *w, &[step(1, LockChange::Leave)]), [5]);
    check_line(&*reader, &[5, 4, 2, 3, 6], false);
    assert_eq!(commit(&mut *w, &[started(7, join_first("empty"))]), [7]);
}

fn a_saga_opened_again_goes_before_one_that_was_granted_the_lock_and_has_not_taken_it(
    (mut writer, reader): Fresh,
) {
    assert_eq!(commit(&mut *writer, &[started(1, join(&hash()))]), [1]);
    assert_eq!(
        commit(&mut *writer, &[started(2, join_first(&hash()))]),
        [2]
    );
    check_line(&*reader, &[2, 1], false);
    let late = writer.commit(&[step(1, LockChange::Take)]).unwrap();
    assert_eq!(late.applied, [Conflict]);
    assert_eq!(commit(&mut *writer, &[step(2, LockChange::Take)]), NOBODY);
    assert_eq!(commit(&mut *writer, &[step(2, LockChange::Leave)]), [1]);
}

/// In between its taking would have been a conflict: it has to be told.
fn who_is_first_again_in_one_batch_is_granted_the_lock_again((mut writer, reader): Fresh) {
    assert_eq!(commit(&mut *writer, &[started(1, join(&hash()))]), [1]);
    let batch = [
        started(2, join_first(&hash())),
        step(1, LockChange::Take),
        step(2, LockChange::Leave),
    ];
    let committed = writer.commit(&batch).unwrap();
    assert_eq!(committed.applied, [Done, Conflict, Done]);
    assert_eq!(committed.granted, [id(1)]);
    check_line(&*reader, &[1], false);
}

fn lines_of_other_values_definitions_and_namespaces_are_apart((mut writer, reader): Fresh) {
    let mut rows = [row(1, 1), row(2, 1), row(3, 1), row(4, 1)];
    rows[1].definition = "refund".to_owned();
    rows[2].namespace = "other".to_owned();
    let lines = [hash(), hash(), hash(), hash().to_uppercase()];
    let batch: Vec<Change> = rows
        .iter()
        .zip(&lines)
        .map(|(row, value)| with(start(row), deal(join(value))))
        .collect();
    assert_eq!(commit(&mut *writer, &batch), [1, 2, 3, 4]);
    for (row, value) in rows.iter().zip(lines) {
        let place = reader.lock(row.id).unwrap().unwrap();
        assert_eq!((place.ahead, place.value), (0, value));
    }
}

fn a_line_goes_by_what_the_start_fixed((mut writer, reader): Fresh) {
    commit(
        &mut *writer,
        &[started(1, join(&hash())), start(&row(2, 1))],
    );
    let mut changed = row(2, 1);
    changed.definition = "refund".to_owned();
    changed.namespace = "other".to_owned();
    let second = with(append(&changed, 1), deal(join(&hash())));
    assert_eq!(commit(&mut *writer, &[second]), NOBODY);
    check_line(&*reader, &[1, 2], false);
}

fn who_is_to_take_its_lock_is_found_page_by_page((mut writer, reader): Fresh) {
    line_of_three(&mut *writer);
    let batch = [
        started(6, join("c")),
        started(7, join("a")),
        started(5, join("a")),
        started(4, join("b")),
    ];
    assert_eq!(commit(&mut *writer, &batch), [4, 6, 7]);
    let granted = |after: Option<u64>, limit| -> Vec<u64> {
        let found = reader.granted(after.map(id), limit).unwrap();
        found.into_iter().map(number).collect()
    };
    assert_eq!(granted(None, 10), [4, 6, 7]);
    assert_eq!(granted(None, 1), [4]);
    assert_eq!(granted(Some(4), 1), [6]);
    assert_eq!(granted(Some(5), 10), [6, 7]);
    assert!(granted(Some(7), 10).is_empty());
    commit(&mut *writer, &[step(6, LockChange::Take)]);
    assert_eq!(granted(None, 10), [4, 7]);
}

/// What is taken up after a crash: lines as they stood, messages as they were owed.
fn check_restart(open: &mut dyn FnMut() -> Fresh) {
    let (mut writer, _) = open();
    line_of_three(&mut *writer);
    let message = Message {
        to: id(9),
        from: id(2),
        seq: 1,
        kind: "child_ended".to_owned(),
        body: json!({"total": 12.50}),
    };
    let sent = Dealings {
        messages: vec![message.clone()],
        ..Dealings::default()
    };
    let other = started(4, join("other"));
    let batch = [other, with(append(&row(2, 1), 1), sent)];
    assert_eq!(commit(&mut *writer, &batch), [4]);
    drop(writer);
    let (mut writer, reader) = open();
    check_line(&*reader, &[1, 2, 3], true);
    assert_eq!(reader.granted(None, 10).unwrap(), [id(4)]);
    assert_eq!(reader.messages(None, 10).unwrap(), [message]);
    assert_eq!(commit(&mut *writer, &[step(1, LockChange::Leave)]), [2]);
}

#[test]
fn lines_and_messages_survive_a_restart() {
    let store = banyan_store::memory::Store::new("s");
    check_restart(&mut || {
        let (writer, reader) = store.open();
        (Box::new(writer), reader)
    });
    let folder = tempfile::tempdir().unwrap();
    check_restart(&mut || {
        let opened = banyan_store::sqlite::open(folder.path(), Default::default());
        let (writer, reader) = opened.unwrap();
        (Box::new(writer), reader)
    });
}
