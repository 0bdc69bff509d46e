//! What was acknowledged survives SIGKILL, life after life.

use crate::child;
use crate::sample::{append, ended, id, row, start};
use banyan_core::saga::Status;
use banyan_store::{Applied, Change, Counts, Reader, Writer, sqlite};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

const LIVES: u64 = 6;

/// Sagas of one life: far more than it lives to start.
const SAGAS: u64 = 100_000;

#[test]
fn what_was_acknowledged_survives_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    for life in 0..LIVES {
        let seed = RandomState::new().hash_one(life);
        let acks = 1 + seed % 150;
        println!("life {life}: killed after {acks} acknowledged commits");
        live(folder.path(), acks as usize, &mut acknowledged);
        let (_writer, reader) = sqlite::open(folder.path(), Default::default()).unwrap();
        for (number, seq) in &acknowledged {
            let stored = reader.load(id(*number)).unwrap();
            let seq_found = stored.map_or(0, |stored| stored.row.seq);
            assert!(
                seq_found >= *seq,
                "saga {number}: {seq_found} of {seq} records"
            );
        }
        assert_eq!(reader.counts().unwrap(), counted_by_hand(folder.path()));
    }
    assert!(acknowledged.len() > 10);
}

/// One life: the child commits and acknowledges until it is killed.
fn live(folder: &Path, acks: usize, acknowledged: &mut BTreeMap<u64, u64>) {
    let mut child = child::command("kill::child", folder, "").spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    for line in lines {
        let line = line.unwrap();
        if let Some(ack) = line.split("ack ").nth(1) {
            for pair in ack.split_whitespace() {
                let (number, seq) = pair.split_once(':').unwrap();
                acknowledged.insert(number.parse().unwrap(), seq.parse().unwrap());
            }
            seen += 1;
        }
        // What it still wrote into the pipe before it died was acknowledged too.
        if seen == acks {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(seen >= acks, "it died by itself after {seen} of {acks}");
}

#[test]
fn child() {
    let Some(folder) = child::folder() else {
        return;
    };
    let (mut writer, reader) = sqlite::open(&folder, Default::default()).unwrap();
    let begun: u64 = reader.counts().unwrap().by_status.values().sum();
    for number in (begun..begun + SAGAS).step_by(2) {
        let whole = |change: fn(u64) -> Change| [change(number), change(number + 1)];
        commit(
            &mut writer,
            &whole(|number| start(&row(number, 2))),
            number,
            2,
        );
        commit(
            &mut writer,
            &whole(|number| append(&row(number, 5), 2)),
            number,
            5,
        );
        let end = |number| append(&ended(row(number, 5), Status::Completed, 6), 5);
        commit(&mut writer, &whole(end), number, 6);
    }
}

fn commit(writer: &mut dyn Writer, changes: &[Change], number: u64, seq: u64) {
    assert_eq!(writer.commit(changes).unwrap().applied, [Applied::Done; 2]);
    let mut out = std::io::stdout().lock();
    writeln!(out, "ack {number}:{seq} {}:{seq}", number + 1).unwrap();
    out.flush().unwrap();
}

fn counted_by_hand(folder: &Path) -> Counts {
    let connection = rusqlite::Connection::open(folder.join(sqlite::FILE)).unwrap();
    let mut statement = connection
        .prepare("SELECT status, count(*) FROM saga GROUP BY status")
        .unwrap();
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get::<_, u32>(1)?)));
    let mut counts = Counts::default();
    for (status, sagas) in rows.unwrap().map(Result::<(String, u32), _>::unwrap) {
        let known = Status::ALL.into_iter().find(|one| one.as_str() == status);
        counts.by_status.insert(known.unwrap(), sagas.into());
    }
    counts
}
