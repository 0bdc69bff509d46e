//! A disk that is full, and one that fails.

use crate::child;
use crate::sample::{append, row, start};
use banyan_store::sqlite::SqliteWriter;
use banyan_store::{Applied, CommitError, Reader, Writer, sqlite};
use std::fs;

/// Starts sagas one a commit until that fails; how many there are, and the error.
fn fill(writer: &mut SqliteWriter, first: u64) -> (u64, CommitError) {
    for number in first..100_000 {
        let mut row = row(number, 3);
        row.key = "k".repeat(200) + &number.to_string();
        match writer.commit(&[start(&row)]) {
            Ok(committed) => assert_eq!(committed.applied, [Applied::Done]),
            Err(error) => return (number, error),
        }
    }
    panic!("the disk never filled");
}

fn assert_all_there(reader: &dyn Reader, sagas: u64) {
    for number in 0..sagas {
        let stored = reader.load(row(number, 3).id).unwrap().unwrap();
        assert_eq!(stored.journal.len(), 3);
    }
    assert_eq!(reader.load(row(sagas, 3).id).unwrap(), None);
    let counted: u64 = reader.counts().unwrap().by_status.values().sum();
    assert_eq!(counted, sagas);
}

#[test]
fn a_full_disk_refuses_commits_keeps_all_and_goes_on_once_freed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, reader) = sqlite::open(folder.path(), Default::default()).unwrap();
    writer.limit_bytes(400 * 1024).unwrap();
    let (sagas, error) = fill(&mut writer, 0);
    assert!(
        matches!(error, CommitError::Unavailable { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("the disk is full"));
    assert_all_there(&*reader, sagas);
    writer.limit_bytes(10 << 20).unwrap();
    let batch = [start(&row(sagas, 3)), append(&row(0, 4), 3)];
    assert_eq!(writer.commit(&batch).unwrap().applied, [Applied::Done; 2]);
    assert_eq!(reader.load(row(0, 4).id).unwrap().unwrap().journal.len(), 4);
}

#[test]
fn a_really_full_volume_does_too() {
    let folder = tempfile::tempdir().unwrap();
    if child::can_mount(folder.path()) {
        let mounts = format!(
            "mount -t tmpfs -o size=3m none '{}' &&",
            folder.path().display()
        );
        child::run_mounted("disk::full_child", folder.path(), &mounts);
    }
}

#[test]
fn full_child() {
    let Some(folder) = child::folder() else {
        return;
    };
    fs::write(folder.join("ballast"), vec![0; 1 << 20]).unwrap();
    let (mut writer, reader) = sqlite::open(&folder, Default::default()).unwrap();
    let (sagas, error) = fill(&mut writer, 0);
    assert!(
        matches!(error, CommitError::Unavailable { .. }),
        "{error:?}"
    );
    assert_all_there(&*reader, sagas);
    fs::remove_file(folder.join("ballast")).unwrap();
    let (more, error) = fill(&mut writer, sagas);
    assert!(more > sagas + 20, "only {} more", more - sagas);
    assert!(
        matches!(error, CommitError::Unavailable { .. }),
        "{error:?}"
    );
    assert_all_there(&*reader, more);
    drop((writer, reader));
    fs::remove_file(folder.join("banyan.lock")).unwrap();
    let (_, reader) = sqlite::open(&folder, Default::default()).unwrap();
    assert_all_there(&*reader, more);
}

/// A file may grow no further than a limit of the process: to SQLite that is a failed write,
/// of which nobody can say how far it came.
#[test]
fn a_failed_write_puts_the_commit_in_doubt_and_ends_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let shell = "trap '' XFSZ; ulimit -f 2000;";
    child::run("disk::failed_write_child", folder.path(), shell);
    let sagas = fs::read_to_string(folder.path().join("sagas")).unwrap();
    let sagas: u64 = sagas.parse().unwrap();
    let (_, reader) = sqlite::open(folder.path(), Default::default()).unwrap();
    assert!(sagas > 10);
    for number in 0..sagas {
        assert!(reader.load(row(number, 3).id).unwrap().is_some());
    }
}

#[test]
fn failed_write_child() {
    let Some(folder) = child::folder() else {
        return;
    };
    let (mut writer, _reader) = sqlite::open(&folder, Default::default()).unwrap();
    let (sagas, error) = fill(&mut writer, 0);
    assert!(matches!(error, CommitError::Unknown { .. }), "{error:?}");
    let again = writer.commit(&[]).unwrap_err();
    assert!(matches!(again, CommitError::Unknown { .. }), "{again:?}");
    fs::write(folder.join("sagas"), sagas.to_string()).unwrap();
}
