//! Every way in which a folder cannot be opened says which, and leaves the folder as it was.

use crate::child;
use crate::sample::{row, start};
use banyan_store::{OpenError, Reader, Writer, sqlite};
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn open_error(folder: &Path) -> OpenError {
    match sqlite::open(folder, Default::default()) {
        Err(error) => error,
        Ok(_) => panic!("it opened"),
    }
}

/// A folder with a store of one saga, closed.
fn store() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, _reader) = sqlite::open(folder.path(), Default::default()).unwrap();
    writer.commit(&[start(&row(1, 2))]).unwrap();
    folder
}

fn file(folder: &tempfile::TempDir) -> std::path::PathBuf {
    folder.path().join(sqlite::FILE)
}

#[test]
fn a_second_opening_is_refused_until_writer_and_reader_are_gone() {
    let folder = store();
    let (writer, reader) = sqlite::open(folder.path(), Default::default()).unwrap();
    let error = open_error(folder.path());
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains("in use by another Banyan"));
    drop(writer);
    assert!(matches!(open_error(folder.path()), OpenError::InUse { .. }));
    drop(reader);
    let (_, reader) = sqlite::open(folder.path(), Default::default()).unwrap();
    assert!(reader.load(row(1, 2).id).unwrap().is_some());
}

#[test]
fn another_process_is_refused_too() {
    let folder = store();
    let _held = sqlite::open(folder.path(), Default::default()).unwrap();
    child::run("opening::in_use_child", folder.path(), "");
}

#[test]
fn in_use_child() {
    let Some(folder) = child::folder() else {
        return;
    };
    assert!(matches!(open_error(&folder), OpenError::InUse { .. }));
}

#[test]
fn the_store_id_and_its_secret_are_made_once() {
    let (one, other) = (store(), store());
    let id = |folder: &tempfile::TempDir| {
        let (_, reader) = sqlite::open(folder.path(), Default::default()).unwrap();
        (reader.store_id().to_owned(), reader.secret())
    };
    assert_eq!(id(&one), id(&one));
    assert_ne!(id(&one), id(&other));
    assert_eq!(id(&one).0.len(), 32);
    assert_ne!(id(&one).1, id(&other).1);
}

#[test]
fn folders_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b");
    sqlite::open(&deep, Default::default()).unwrap();
    assert!(deep.join(sqlite::FILE).is_file());
}

/// Payloads are on disk in plain text, and so is the secret of reply addresses.
#[test]
fn nobody_else_reads_what_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("deep/data");
    let (mut writer, _reader) = sqlite::open(&data, Default::default()).unwrap();
    writer.commit(&[start(&row(1, 2))]).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let mut files = 0;
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        let holds = path.to_string_lossy().contains(sqlite::FILE);
        files += usize::from(holds);
        assert!(!holds || mode(&path) == 0o600, "{}", path.display());
    }
    assert!(files >= 2, "the database and its log");
}

#[test]
fn a_file_in_the_folders_place_fails() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = open_error(file.path());
    assert!(matches!(error, OpenError::Failed { .. }), "{error:?}");
}

#[test]
fn what_is_no_database_is_damaged_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        file(&folder),
        "some text that is no database at all".repeat(50),
    )
    .unwrap();
    let before = fs::read(file(&folder)).unwrap();
    let error = open_error(folder.path());
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    assert_eq!(fs::read(file(&folder)).unwrap(), before);
}

#[test]
fn somebody_elses_database_is_refused_and_stays_as_it_is() {
    for version in ["0", "1"] {
        let folder = tempfile::tempdir().unwrap();
        let theirs = Connection::open(file(&folder)).unwrap();
        let sql = format!("CREATE TABLE t (a); PRAGMA user_version = {version}");
        theirs.execute_batch(&sql).unwrap();
        drop(theirs);
        let before = fs::read(file(&folder)).unwrap();
        let error = open_error(folder.path());
        assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
        assert_eq!(fs::read(file(&folder)).unwrap(), before);
    }
}

#[test]
fn a_store_cut_short_is_damaged() {
    let folder = store();
    let whole = fs::read(file(&folder)).unwrap();
    fs::write(file(&folder), &whole[..6_000]).unwrap();
    let error = open_error(folder.path());
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
}

#[test]
fn a_newer_schema_is_refused_with_both_numbers_and_stays_as_it_is() {
    let folder = store();
    let newer = Connection::open(file(&folder)).unwrap();
    newer.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(newer);
    let before = fs::read(file(&folder)).unwrap();
    let error = open_error(folder.path());
    match &error {
        OpenError::TooNew {
            found: 99, known, ..
        } => assert!(*known < 99),
        other => panic!("{other:?}"),
    }
    assert!(error.to_string().contains("schema 99"));
    assert_eq!(fs::read(file(&folder)).unwrap(), before);
}

/// A write version above 2 in the file's header makes SQLite treat it as read-only, for root
/// as well, whom permissions do not bind.
#[test]
fn a_read_only_database_is_refused() {
    let folder = store();
    let mut bytes = fs::read(file(&folder)).unwrap();
    bytes[18] = 3;
    fs::write(file(&folder), &bytes).unwrap();
    let error = open_error(folder.path());
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
}

#[test]
fn a_read_only_volume_is_refused_and_keeps_its_sagas() {
    let folder = store();
    if child::can_mount(folder.path()) {
        let path = folder.path().display();
        let mounts =
            format!("mount --bind '{path}' '{path}' && mount -o remount,bind,ro '{path}' &&");
        child::run_mounted("opening::read_only_child", folder.path(), &mounts);
    }
    let (_, reader) = sqlite::open(folder.path(), Default::default()).unwrap();
    assert!(reader.load(row(1, 2).id).unwrap().is_some());
}

#[test]
fn read_only_child() {
    let Some(folder) = child::folder() else {
        return;
    };
    let error = open_error(&folder);
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
}
