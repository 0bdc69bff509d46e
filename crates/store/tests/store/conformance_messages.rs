//! The promises of messages between sagas, each run on every implementation.

use crate::sample::{append, ended, id, row, start, with};
use crate::suite::{Fresh, suite};
use banyan_core::saga::Status;
use banyan_store::Applied::{Conflict, Done};
use banyan_store::{Change, Dealings, Message, MessageKey, Reader};
use serde_json::json;
use std::slice;

suite![
    a_message_comes_with_its_cause_and_goes_with_its_effect,
    a_message_may_come_before_its_receiver_and_goes_with_its_start,
    a_message_that_is_there_already_stays_as_it_is,
    messages_come_by_receiver_sender_and_number_page_by_page,
    a_conflict_sends_nothing_and_takes_nothing,
    a_message_that_causes_nothing_is_taken_alone,
];

fn message(from: u64, seq: u64, to: u64) -> Message {
    Message {
        to: id(to),
        from: id(from),
        seq,
        kind: "child_ended".to_owned(),
        body: json!({"output": {"total": 12.50, "z": null, "a": ["Ghent – ✓"]}}),
    }
}

fn sent(messages: &[Message]) -> Dealings {
    Dealings {
        messages: messages.to_vec(),
        ..Dealings::default()
    }
}

fn taken(messages: &[Message]) -> Dealings {
    Dealings {
        taken: messages.iter().map(Message::key).collect(),
        ..Dealings::default()
    }
}

fn all(reader: &dyn Reader) -> Vec<Message> {
    reader.messages(None, 100).unwrap()
}

fn a_message_comes_with_its_cause_and_goes_with_its_effect((mut writer, reader): Fresh) {
    writer
        .commit(&[start(&row(1, 1)), start(&row(2, 1))])
        .unwrap();
    let [first, second] = [message(1, 2, 2), message(1, 3, 2)];
    let cause = with(
        append(&row(1, 3), 1),
        sent(&[first.clone(), second.clone()]),
    );
    assert_eq!(writer.commit(&[cause]).unwrap().applied, [Done]);
    assert_eq!(all(&*reader), [first.clone(), second.clone()]);
    // The effect sends in its turn.
    let answer = message(2, 2, 1);
    let mut dealings = taken(&[first]);
    dealings.messages.push(answer.clone());
    let effect = with(append(&row(2, 2), 1), dealings);
    assert_eq!(writer.commit(&[effect]).unwrap().applied, [Done]);
    assert_eq!(all(&*reader), [answer, second]);
}

fn a_message_may_come_before_its_receiver_and_goes_with_its_start((mut writer, reader): Fresh) {
    let call = message(1, 1, 2);
    let parent = with(start(&row(1, 1)), sent(slice::from_ref(&call)));
    assert_eq!(writer.commit(&[parent]).unwrap().applied, [Done]);
    assert_eq!(all(&*reader), slice::from_ref(&call));
    let child = with(start(&row(2, 1)), taken(&[call]));
    assert_eq!(writer.commit(&[child]).unwrap().applied, [Done]);
    assert_eq!(all(&*reader), []);
}

fn a_message_that_is_there_already_stays_as_it_is((mut writer, reader): Fresh) {
    let first = message(1, 1, 2);
    let mut other = first.clone();
    other.kind = "cancel".to_owned();
    other.body = json!(null);
    let batch = [
        with(start(&row(1, 1)), sent(&[first.clone(), other.clone()])),
        with(append(&row(1, 2), 1), sent(&[other])),
    ];
    assert_eq!(writer.commit(&batch).unwrap().applied, [Done, Done]);
    assert_eq!(all(&*reader), [first]);
}

fn messages_come_by_receiver_sender_and_number_page_by_page((mut writer, reader): Fresh) {
    let batch = [
        with(
            start(&row(3, 300)),
            sent(&[message(3, 256, 1), message(3, 2, 1)]),
        ),
        with(start(&row(1, 1)), sent(&[message(1, 1, 3)])),
        with(
            start(&row(2, 2)),
            sent(&[message(2, 2, 1), message(2, 1, 4)]),
        ),
    ];
    assert_eq!(writer.commit(&batch).unwrap().applied, [Done; 3]);
    let expected = [
        message(2, 2, 1),
        message(3, 2, 1),
        message(3, 256, 1),
        message(1, 1, 3),
        message(2, 1, 4),
    ];
    assert_eq!(all(&*reader), expected);
    for cut in 0..expected.len() {
        let after = (expected[cut].to, expected[cut].key());
        let found = reader.messages(Some(after), 2).unwrap();
        let expected: Vec<Message> = expected.iter().skip(cut + 1).take(2).cloned().collect();
        assert_eq!(found, expected);
    }
    assert_eq!(reader.messages(None, 0).unwrap(), []);
}

fn a_conflict_sends_nothing_and_takes_nothing((mut writer, reader): Fresh) {
    let call = message(1, 1, 2);
    let parent = with(start(&row(1, 1)), sent(slice::from_ref(&call)));
    writer.commit(&[parent, start(&row(2, 1))]).unwrap();
    let mut dealings = taken(slice::from_ref(&call));
    dealings.messages.push(message(2, 3, 1));
    let stale = with(append(&row(2, 3), 2), dealings.clone());
    dealings.messages = vec![message(2, 1, 1)];
    let again = with(start(&row(2, 1)), dealings);
    let applied = writer.commit(&[stale, again]).unwrap().applied;
    assert_eq!(applied, [Conflict, Conflict]);
    assert_eq!(all(&*reader), [call]);
}

fn a_message_that_causes_nothing_is_taken_alone((mut writer, reader): Fresh) {
    let [first, second] = [message(1, 1, 2), message(1, 1, 3)];
    let end = ended(row(1, 1), Status::Completed, 1);
    let parent = with(start(&end), sent(&[first.clone(), second.clone()]));
    writer.commit(&[parent]).unwrap();
    let take = |to: u64, from: u64| Change::TakeMessage {
        to: id(to),
        key: MessageKey {
            from: id(from),
            seq: 1,
        },
    };
    let batch = [take(2, 1), take(2, 1), take(3, 4)];
    assert_eq!(writer.commit(&batch).unwrap().applied, [Done; 3]);
    assert_eq!(all(&*reader), [second]);
}
