//! How fast the SQLite writer is alone: `cargo run --release -p banyan-store --example
//! writer_speed [sagas] [changes per batch] [checkpoint pages]`. Four commits a saga, eight records, as an ordinary
//! three-step saga makes them; the disk is real and durability is on.

#![allow(clippy::unwrap_used, reason = "a measurement that fails must stop")]
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[path = "../tests/store/sample.rs"]
#[allow(dead_code, reason = "the tests use more of the samples")]
mod sample;

use banyan_core::saga::{Entry, Status};
use banyan_store::{Applied, Change, SagaRow, Writer, sqlite};
use std::time::{Duration, Instant};

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u64>().unwrap());
    let sagas = arguments.next().unwrap_or(300_000);
    let batch = arguments.next().unwrap_or(40);
    let mut options = sqlite::Options::default();
    if let Some(pages) = arguments.next() {
        options.checkpoint_pages = i32::try_from(pages).unwrap();
    }
    let folder =
        tempfile::tempdir_in(std::env::var_os("BENCH_FOLDER").unwrap_or(".".into())).unwrap();
    let (mut writer, reader) = sqlite::open(folder.path(), options).unwrap();
    let mut spent = Duration::ZERO;
    let mut slowest = Duration::ZERO;
    let mut last = Duration::ZERO;
    // Four cohorts are on their way at once; each commit takes one stage of each.
    let cohorts = sagas / (batch / 4).max(1);
    for turn in 0..cohorts + 3 {
        let changes: Vec<Change> = (0..4)
            .filter_map(|stage| turn.checked_sub(stage).map(|cohort| (stage, cohort)))
            .filter(|(_, cohort)| *cohort < cohorts)
            .flat_map(|(stage, cohort)| {
                let first = cohort * (batch / 4).max(1);
                (first..first + (batch / 4).max(1)).map(move |number| change(number, stage))
            })
            .collect();
        let begun = Instant::now();
        let applied = writer.commit(&changes).unwrap().applied;
        let took = begun.elapsed();
        assert!(applied.iter().all(|one| *one == Applied::Done));
        spent += took;
        slowest = slowest.max(took);
        if (turn + 1) % (cohorts / 6).max(1) == 0 {
            let since = (spent - last).as_secs_f64() * 1e6;
            last = spent;
            println!(
                "{:>8} sagas: {:>6.1} µs per saga, slowest commit so far {:.1} ms",
                (turn + 1) * (batch / 4).max(1),
                since / ((cohorts / 6) * (batch / 4).max(1)) as f64,
                slowest.as_secs_f64() * 1e3,
            );
        }
    }
    let file = std::fs::metadata(folder.path().join(sqlite::FILE)).unwrap();
    println!(
        "{sagas} sagas of 4 commits, {batch} changes a batch: {:.1} µs per saga, {} bytes each",
        spent.as_secs_f64() * 1e6 / sagas as f64,
        file.len() / sagas,
    );
    println!(
        "counts: {:?}",
        banyan_store::Reader::counts(&*reader).unwrap()
    );
}

/// A stage of a saga: start with the first intent, twice an answer and the next intent, the
/// last answer and the end.
fn change(number: u64, stage: u64) -> Change {
    let mut row = sample::row(number, (stage + 1) * 2);
    // Start keys come in any order.
    row.key = format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    match stage {
        0 => sample::start(&row),
        1 | 2 => append(row, stage * 2),
        _ => append(sample::ended(row, Status::Completed, 8), 6),
    }
}

fn append(row: SagaRow, expected_seq: u64) -> Change {
    let entries: Vec<Entry> = sample::entries(&row, expected_seq + 1, row.seq);
    Change::Append {
        row,
        expected_seq,
        entries,
        dealings: Default::default(),
    }
}
