//! The memory store's own: it is a disk that outlives its writer, and fails when told to.

use crate::sample::{id, row, start, with};
use banyan_store::{Applied, CommitError, Dealings, Message, Reader, Writer, memory};

#[test]
fn what_was_committed_survives_the_crash_and_the_old_writer_is_fenced() {
    let store = memory::Store::new("s-1");
    let (mut old, _) = store.open();
    old.commit(&[start(&row(1, 1))]).unwrap();
    let (mut new, reader) = store.open();
    assert_eq!(reader.store_id(), "s-1");
    assert!(reader.load(id(1)).unwrap().is_some());
    let error = old.commit(&[start(&row(2, 1))]).unwrap_err();
    assert!(matches!(error, CommitError::Fenced));
    assert_eq!(
        new.commit(&[start(&row(2, 1))]).unwrap().applied,
        [Applied::Done]
    );
}

#[test]
fn a_commit_that_fails_leaves_nothing_and_the_next_succeeds() {
    let store = memory::Store::new("s");
    let (mut writer, reader) = store.open();
    store.fail_next_commit(CommitError::Unavailable {
        message: "full".to_owned(),
    });
    assert!(writer.commit(&[start(&row(1, 1))]).is_err());
    assert_eq!(reader.load(id(1)).unwrap(), None);
    assert_eq!(
        writer.commit(&[start(&row(1, 1))]).unwrap().applied,
        [Applied::Done]
    );
}

#[test]
fn a_lost_answer_is_unknown_and_the_commit_happened() {
    let store = memory::Store::new("s");
    let (mut writer, reader) = store.open();
    store.lose_next_answer();
    let error = writer.commit(&[start(&row(1, 1))]).unwrap_err();
    assert!(matches!(error, CommitError::Unknown { .. }));
    assert!(reader.load(id(1)).unwrap().is_some());
}

#[test]
#[should_panic(expected = "I-5: a gap in the journal")]
fn a_journal_with_a_gap_is_never_stored() {
    let mut change = start(&row(1, 3));
    if let banyan_store::Change::Start { entries, .. } = &mut change {
        entries.remove(1);
    }
    let _ = banyan_store::memory().0.commit(&[change]);
}

#[test]
#[should_panic(expected = "sends a message that no record of it caused")]
fn a_message_without_its_cause_is_never_stored() {
    let message = Message {
        to: id(2),
        from: id(1),
        seq: 4,
        kind: "child_ended".to_owned(),
        body: serde_json::json!(null),
    };
    let dealings = Dealings {
        messages: vec![message],
        ..Dealings::default()
    };
    let _ = banyan_store::memory()
        .0
        .commit(&[with(start(&row(1, 3)), dealings)]);
}
