//! Rows changed behind the store's back are found when they are read, and named.

use crate::sample::{append, definition, ended, id, row, start, with};
use banyan_core::Timestamp;
use banyan_core::saga::Status;
use banyan_store::{
    Applied, Change, Dealings, EndedQuery, Filter, LockChange, Message, OperationRow, ReadError,
    Reader, Writer, sqlite,
};
use rusqlite::Connection;

/// What reading says after this was done to the file.
fn after(sql: &str, read: fn(&dyn Reader) -> Result<(), ReadError>) -> Result<(), ReadError> {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, reader) = sqlite::open(folder.path(), Default::default()).unwrap();
    let mut definition = Change::Definition(definition("order", 1, "a"));
    if let Change::Definition(row) = &mut definition {
        row.active = true;
    }
    writer
        .commit(&[dealing(), start(&row(2, 4)), definition])
        .unwrap();
    let connection = Connection::open(folder.path().join(sqlite::FILE)).unwrap();
    let changed = connection.execute(sql, ()).unwrap();
    assert!(changed > 0, "{sql}");
    assert!(
        reader.load(id(2)).unwrap().is_some(),
        "the other saga is whole"
    );
    read(&*reader)
}

/// The start of the first saga, with a message to the second and a place in a line.
fn dealing() -> Change {
    let message = Message {
        to: id(2),
        from: id(1),
        seq: 4,
        kind: "child_ended".to_owned(),
        body: serde_json::json!({"total": 12.50}),
    };
    let value = "5e".repeat(32);
    let dealings = Dealings {
        messages: vec![message],
        lock: Some(LockChange::Join { value }),
        ..Dealings::default()
    };
    with(start(&row(1, 4)), dealings)
}

fn messages(reader: &dyn Reader) -> Result<(), ReadError> {
    reader.messages(None, 10).map(|_| ())
}

fn load(reader: &dyn Reader) -> Result<(), ReadError> {
    reader.load(id(1)).map(|_| ())
}

fn definitions(reader: &dyn Reader) -> Result<(), ReadError> {
    reader.definitions().map(|_| ())
}

/// SQL, how to read, and words of the error. FIRST stands for the first saga's id.
type Case = (
    &'static str,
    fn(&dyn Reader) -> Result<(), ReadError>,
    &'static str,
);

const CASES: &[Case] = &[
    (
        "UPDATE journal SET records = replace(records, 'charge', 'CHARGE') WHERE seq = 3 AND saga_id = FIRST",
        load,
        "the journal of saga FIRST, at record 3: the checksum is wrong",
    ),
    (
        "UPDATE journal SET at = at + 1 WHERE seq = 3 AND saga_id = FIRST",
        load,
        "saga FIRST, at record 3: the checksum",
    ),
    (
        "UPDATE journal SET checksum = checksum + 1 WHERE seq = 1 AND saga_id = FIRST",
        load,
        "saga FIRST, at record 1",
    ),
    (
        "DELETE FROM journal WHERE seq = 1 AND saga_id = FIRST",
        load,
        "saga FIRST, at record 1: it is missing",
    ),
    (
        "DELETE FROM journal WHERE seq = 3 AND saga_id = FIRST",
        load,
        "saga FIRST: its row says 4 records, its journal has 2",
    ),
    (
        "UPDATE saga SET wake_at = wake_at + 1 WHERE id = FIRST",
        load,
        "the row of saga FIRST: its checksum",
    ),
    (
        "UPDATE saga SET key = 'other' WHERE id = FIRST",
        load,
        "the row of saga FIRST: its checksum",
    ),
    (
        "UPDATE saga SET status = 'completed' WHERE id = FIRST",
        load,
        "the row of saga FIRST: its checksum",
    ),
    (
        "UPDATE saga SET state_check = 0 WHERE id = FIRST",
        load,
        "the row of saga FIRST: its checksum",
    ),
    (
        "UPDATE message SET body = replace(body, '12.5', '12.6') WHERE from_saga = FIRST",
        messages,
        "a message of saga FIRST to saga",
    ),
    (
        "UPDATE definition SET resolved = '{' WHERE name = 'order'",
        definitions,
        "",
    ),
];

#[test]
fn each_kind_of_damage_is_found_and_named() {
    let first = id(1).to_string();
    let blob = format!("x'{}'", first.replace('-', ""));
    for (sql, read, words) in CASES {
        let sql = sql.replace("FIRST", &blob);
        match after(&sql, *read) {
            Err(ReadError::Damaged { message }) => {
                let words = words.replace("FIRST", &first);
                assert!(message.contains(&words), "{sql}: {message}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[test]
fn a_damaged_row_hides_no_other_in_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, reader) = sqlite::open(folder.path(), Default::default()).unwrap();
    let rows = [1, 2, 3, 4, 5].map(|saga| row(saga, 2));
    writer.commit(&rows.each_ref().map(start)).unwrap();
    let connection = Connection::open(folder.path().join(sqlite::FILE)).unwrap();
    for damaged in [3, 4] {
        let damage = "UPDATE saga SET seq = seq + 1 WHERE id = ?1";
        connection
            .execute(damage, [id(damaged).as_bytes()])
            .unwrap();
    }
    let listed = |after, limit| {
        let found = reader.list(&Filter::default(), after, limit).unwrap();
        found.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(None, 9), [id(5), id(2), id(1)]);
    assert_eq!(listed(None, 2), [id(5), id(2)], "as many as were asked for");
    assert_eq!(listed(Some(id(5)), 1), [id(2)]);
    assert_eq!(listed(Some(id(5)), 0), []);
}

#[test]
fn a_damaged_operation_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, reader) = sqlite::open(folder.path(), Default::default()).unwrap();
    let begin = |number| Change::Operation {
        row: OperationRow {
            id: id(number),
            open: true,
            body: serde_json::json!({ "number": number }),
        },
        items: Vec::new(),
        key: None,
    };
    writer.commit(&[1, 2, 3].map(begin)).unwrap();
    let connection = Connection::open(folder.path().join(sqlite::FILE)).unwrap();
    let damage = "UPDATE operation SET body = '{}' WHERE id = ?1";
    connection.execute(damage, [id(2).as_bytes()]).unwrap();
    let found = reader.operations(true, None, 2).unwrap();
    let ids: Vec<_> = found.iter().map(|one| one.id).collect();
    assert_eq!(ids, [id(3), id(1)], "as many as were asked for");
    let error = reader.operation(id(2)).unwrap_err();
    assert!(matches!(error, ReadError::Damaged { .. }), "{error:?}");
}

#[test]
fn what_a_damaged_saga_is_parked_for_besides_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, reader) = sqlite::open(folder.path(), Default::default()).unwrap();
    let mut parked = row(1, 2);
    parked.service = Some("stock".to_owned());
    parked.parked_since = Some(Timestamp(5));
    parked.also_parked = [("pay".to_owned(), Timestamp(6))].into();
    writer.commit(&[start(&parked)]).unwrap();
    let connection = Connection::open(folder.path().join(sqlite::FILE)).unwrap();
    let damage = "UPDATE parked SET service = CAST(x'ff' AS TEXT)";
    assert_eq!(connection.execute(damage, ()).unwrap(), 1);
    let read = reader.row(id(1)).unwrap().unwrap();
    assert_eq!(read.service, parked.service, "the saga itself is whole");
    let mut next = parked.clone();
    next.seq = 3;
    next.also_parked = [("mail".to_owned(), Timestamp(7))].into();
    writer.commit(&[append(&next, 2)]).unwrap();
    let found = reader.parked("mail", None, 9).unwrap();
    assert_eq!(found, [(Timestamp(7), id(1))]);
    assert_eq!(reader.row(id(1)).unwrap().unwrap(), next);
}

#[test]
fn a_damaged_saga_is_not_removed_and_stands_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, reader) = sqlite::open(folder.path(), Default::default()).unwrap();
    let rows = [1, 2, 3].map(|saga| ended(row(saga, 4), Status::Completed, 4));
    writer.commit(&rows.each_ref().map(start)).unwrap();
    let connection = Connection::open(folder.path().join(sqlite::FILE)).unwrap();
    let damage = "UPDATE saga SET labels = '{', ended_at = 1 WHERE id = ?1";
    connection.execute(damage, [id(1).as_bytes()]).unwrap();
    let query = EndedQuery {
        after: None,
        until: Timestamp(i64::MAX),
        look: 9,
    };
    let ended = reader.ended(&query).unwrap().ended;
    let ids: Vec<_> = ended.iter().map(|one| one.id).collect();
    assert_eq!(ids, [id(2), id(3)]);
    let batch = [1, 2].map(|saga| Change::Purge { id: id(saga) });
    let applied = writer.commit(&batch).unwrap().applied;
    assert_eq!(applied, [Applied::Conflict, Applied::Done]);
}

#[test]
fn people_read_the_tables_with_a_plain_shell() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, _reader) = sqlite::open(folder.path(), Default::default()).unwrap();
    writer.commit(&[dealing()]).unwrap();
    let connection = Connection::open(folder.path().join(sqlite::FILE)).unwrap();
    let line: String = connection
        .query_row(
            "SELECT id || ' ' || status || ' ' || started_at FROM saga_readable",
            (),
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(line, format!("{} running 2025-11-21T10:42:07.001Z", id(1)));
    let line: String = connection
        .query_row(
            "SELECT saga || ' ' || seq || ' ' || type || ' ' || (record ->> '$.data.step')
             FROM journal_readable WHERE seq = 2",
            (),
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(line, format!("{} 2 attempt_started charge", id(1)));
    let line: String = connection
        .query_row(
            "SELECT message_readable.sender || ' ' || receiver || ' ' || kind || ' ' || ticket
                 || ' ' || held || ' ' || substr(value_hash, 1, 4)
             FROM message_readable JOIN lock_readable ON sender = saga",
            (),
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(line, format!("{} {} child_ended 0 0 5e5e", id(1), id(2)));
}
