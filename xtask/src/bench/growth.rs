//! What a full store costs: the same cell at 64 in flight while more and more ended sagas stand
//! in the store, each time beside the limit, for the machine drifts meanwhile. What is compared
//! is the share of the limit, with that of the nearly empty store.

use super::measure::Sample;
use super::report::{Row, is_sound};
use super::{Kind, Options, limit, saga, services};
use crate::load::{Api, Server, free_port};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Sagas in flight, while it is measured and while the store fills.
const IN_FLIGHT: usize = 64;
/// Sagas in the store, one row each.
const STORED: [u64; 3] = [10_000, 100_000, 1_000_000];
const SHORT: [u64; 2] = [10_000, 100_000];
/// How long the store is filled before it is asked how full it is.
const FILL: Duration = Duration::from_secs(1);

/// The cell at one fill of the store.
pub(super) struct Stage {
    stored: u64,
    row: Row,
    mebibytes: f64,
}

/// Measures every stage, in the order of their fill.
pub(super) async fn measure(options: &Options, binary: &Path) -> Result<Vec<Stage>> {
    let folder = tempfile::tempdir().context("no folder for the server's data")?;
    let data = folder.path().join("data");
    let services = services::Process::start().await?;
    let mut server = Server::start(binary, &data, free_port()?)?;
    let api = server.ready().await?;
    saga::register(&api, &services.addresses).await?;

    let fills: &[u64] = match options.short {
        true => &SHORT,
        false => &STORED,
    };
    let mut stages = Vec::new();
    let mut stored = 0;
    for &wanted in [0].iter().chain(fills) {
        while stored < wanted {
            stored += fill(&api, &server, wanted - stored).await?;
        }
        let plan = options.plan();
        let mut row = Row::new(IN_FLIGHT, Kind::Done);
        for round in 0..=plan.rounds {
            let limit =
                limit::measure(&services.addresses, IN_FLIGHT, Kind::Done, plan.cell).await?;
            let banyan = saga::measure(&api, &server, IN_FLIGHT, Kind::Done, plan.cell).await?;
            stored += banyan.times.len();
            if round > 0 {
                row.add(limit, banyan);
            }
        }
        let mebibytes = mebibytes(&data)?;
        eprintln!("{stored} sagas stored");
        stages.push(Stage {
            stored,
            row,
            mebibytes,
        });
    }
    Ok(stages)
}

/// Runs sagas for a while, but no more than are wanted; how many it were.
async fn fill(api: &Api, server: &Server, wanted: u64) -> Result<u64> {
    // The last cells are short ones, so that a stage begins near to its fill.
    let cell = if wanted > 20_000 { FILL } else { FILL / 10 };
    let sample: Sample = saga::measure(api, server, IN_FLIGHT, Kind::Done, cell).await?;
    anyhow::ensure!(
        is_sound(std::slice::from_ref(&sample)),
        "a saga that filled the store did not end as it must"
    );
    Ok(sample.times.len())
}

/// What the files of the data folder take.
fn mebibytes(data: &Path) -> Result<f64> {
    let mut sum: u64 = 0;
    for entry in std::fs::read_dir(data)? {
        sum += entry?.metadata()?.len();
    }
    let kibibytes = u32::try_from(sum / 1_024).unwrap_or(u32::MAX);
    Ok(f64::from(kibibytes) / 1_024.0)
}

/// Whether every saga ended as it must.
pub(super) fn all_sound(stages: &[Stage]) -> bool {
    stages.iter().all(|stage| stage.row.is_sound())
}

/// Prints a line a stage.
pub(super) fn print(stages: &[Stage]) {
    println!("{IN_FLIGHT} in flight; medians over the rounds");
    println!(
        "{:>10}  {:>9}  {:>8}  {:>5}  {:>13}  {:>15}",
        "stored", "on disk", "sagas/s", "ratio", "of the empty", "p50/p99"
    );
    for stage in stages {
        println!(
            "{:>10}  {:>5.0} MiB  {:>8.0}  {:>5.2}  {:>13.2}  {:>15}",
            stage.stored,
            stage.mebibytes,
            stage.row.rate(),
            stage.row.ratio(),
            share(stages, stage),
            stage.row.times(),
        );
    }
    println!("asked in the end: 0.90 of the empty store's ratio");
}

/// A stage's ratio in that of the nearly empty store.
fn share(stages: &[Stage], stage: &Stage) -> f64 {
    let empty = stages.first().map_or(0.0, |first| first.row.ratio());
    stage.row.ratio() / empty.max(f64::EPSILON)
}

/// The figures of every stage.
pub(super) fn to_json(stages: &[Stage]) -> Value {
    let all = stages.iter().map(|stage| {
        json!({
            "stored": stage.stored,
            "mebibytes": stage.mebibytes,
            "of_the_empty": share(stages, stage),
            "row": stage.row.to_json(),
        })
    });
    json!({ "growth": all.collect::<Vec<_>>() })
}
