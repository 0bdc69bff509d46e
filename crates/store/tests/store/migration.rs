//! Stores written under every earlier schema open with all their data, also when the upgrade
//! is cut short.

use banyan_core::saga::Status;
use banyan_store::{AuditQuery, Filter, Reader, Writer, sqlite};
use rusqlite::Connection;
use std::path::Path;

/// A store as each schema wrote it, as SQL text; the number is its place, from 1.
const FIXTURES: &[&str] = &[
    include_str!("fixtures/schema_1.sql"),
    include_str!("fixtures/schema_2.sql"),
];

fn restore(folder: &Path, fixture: &str) {
    let connection = Connection::open(folder.join(sqlite::FILE)).unwrap();
    connection.execute_batch(fixture).unwrap();
}

fn version(folder: &Path) -> u32 {
    let connection = Connection::open(folder.join(sqlite::FILE)).unwrap();
    let read = connection.pragma_query_value(None, "user_version", |row| row.get(0));
    read.unwrap()
}

#[test]
fn every_schema_that_was_ever_written_has_a_fixture() {
    let folder = tempfile::tempdir().unwrap();
    sqlite::open(folder.path(), Default::default()).unwrap();
    assert_eq!(version(folder.path()) as usize, FIXTURES.len());
}

#[test]
fn a_store_of_every_earlier_schema_opens_with_all_its_data() {
    for (schema, fixture) in (1..).zip(FIXTURES) {
        let folder = tempfile::tempdir().unwrap();
        restore(folder.path(), fixture);
        assert_eq!(version(folder.path()), schema);
        let (mut writer, reader) = sqlite::open(folder.path(), Default::default()).unwrap();
        assert_eq!(reader.store_id(), "00112233445566778899aabbccddeeff");
        assert_eq!(reader.secret(), [0xab; 32]);
        let rows = reader.list(&Filter::default(), None, 10).unwrap();
        let status: Vec<Status> = rows.iter().map(|row| row.status).collect();
        assert_eq!(
            status,
            [Status::Running, Status::Compensating, Status::Completed]
        );
        for row in &rows {
            let stored = reader.load(row.id).unwrap().unwrap();
            assert_eq!(stored.journal.len() as u64, row.seq);
            let key = reader.start_key(&row.namespace, &row.definition, &row.key);
            assert_eq!(key.unwrap().unwrap().id, row.id);
        }
        assert_eq!(reader.counts().unwrap().by_status.len(), 3);
        let messages = reader.messages(None, 10).unwrap();
        assert_eq!((messages.len(), messages[0].from), (1, rows[1].id));
        let place = reader.lock(rows[1].id).unwrap().unwrap();
        assert_eq!((place.holds, place.value), (true, "5e".repeat(32)));
        assert_eq!(reader.definitions().unwrap().len(), 1);
        assert_eq!(reader.services().unwrap().len(), 1);
        let query = AuditQuery {
            saga: vec![rows[2].id],
            limit: 10,
            ..AuditQuery::default()
        };
        let audit = reader.audit(&query).unwrap();
        assert_eq!((audit.len(), audit[0].row.verb.as_str()), (1, "cancel"));
        let open = reader.operations(true, None, 10).unwrap();
        let items = reader.items(open[0].id, 0, 10).unwrap();
        assert_eq!((items.len(), items[0].id), (1, rows[2].id));
        if schema >= 2 {
            let parked = reader.parked("stock", None, 10).unwrap();
            assert_eq!((parked.len(), parked[0].1), (1, rows[0].id));
            assert!(rows[0].also_parked.contains_key("stock"));
        }
        writer.commit(&[]).unwrap();
        drop((writer, reader));
        assert_eq!(version(folder.path()) as usize, FIXTURES.len());
    }
}

/// The very first opening, cut short in the middle of its statements, leaves an empty file
/// that the next one begins anew.
#[test]
fn an_upgrade_cut_short_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join(sqlite::FILE)).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = wal")
        .unwrap();
    let cut = "BEGIN; CREATE TABLE meta (store_id TEXT NOT NULL) STRICT;";
    connection.execute_batch(cut).unwrap();
    // As a crash leaves it: never committed.
    drop(connection);
    assert_eq!(version(folder.path()), 0);
    let (_, reader) = sqlite::open(folder.path(), Default::default()).unwrap();
    assert_eq!(reader.store_id().len(), 32);
}
