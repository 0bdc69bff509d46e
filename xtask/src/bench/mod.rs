//! `cargo xtask bench`: three HTTP calls in a row without an orchestrator (the limit), and the
//! same three as a saga, in turn in one run. Absolute figures drift from machine to machine;
//! the ratio is the result.
//!
//! Services, server and load generator are three processes on one machine. The load is a
//! closed loop: each worker begins its next saga when its last one has ended. At the end an
//! open loop measures how long sagas take at half of the highest rate. `--growth` measures one
//! cell while the store fills.

mod growth;
mod limit;
mod measure;
mod open;
mod plot;
mod report;
mod saga;
mod services;

use crate::load::{Server, free_port};
use crate::run::{again_in_release, banyan};
use crate::workspace;
use anyhow::{Context, Result};
use measure::Sample;
use open::Open;
use report::Row;
pub(crate) use services::serve;
use std::path::PathBuf;
use std::time::Duration;

/// How long, how much, and where the figures go.
#[derive(clap::Args, Clone)]
pub(crate) struct Options {
    /// Fewer and shorter rounds, at 1 and 64 in flight.
    #[arg(long)]
    short: bool,
    /// Rounds of the whole table; medians are taken over them.
    #[arg(long)]
    rounds: Option<usize>,
    /// Sagas in flight, one row of the table each [default: 1, 16, 64, 256; short: 1, 64].
    #[arg(long, value_name = "COUNT", value_delimiter = ',')]
    in_flight: Vec<usize>,
    /// Instead: what 10 thousand, 100 thousand and a million ended sagas in the store cost
    /// (short: the first two).
    #[arg(long)]
    growth: bool,
    /// Where to write the figures as JSON, and a plot of them as SVG beside it
    /// [default: bench/results/latest.json].
    #[arg(long)]
    json: Option<PathBuf>,
    /// Use this binary of banyan instead of building one.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Run this build of xtask, optimised or not.
    #[arg(long, hide = true)]
    as_built: bool,
    /// One tenth of a second a cell: shows that it runs, measures nothing.
    #[arg(long, hide = true)]
    smoke: bool,
}

impl Options {
    /// The form that the tests run: it counts, and its times mean nothing.
    pub(crate) fn smoke() -> Options {
        Options {
            short: true,
            rounds: Some(1),
            in_flight: Vec::new(),
            growth: false,
            json: None,
            binary: None,
            as_built: false,
            smoke: true,
        }
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["bench".to_owned()];
        let flags = [
            ("--short", self.short),
            ("--growth", self.growth),
            ("--smoke", self.smoke),
        ];
        arguments.extend(
            flags
                .iter()
                .filter(|flag| flag.1)
                .map(|flag| flag.0.to_owned()),
        );
        if let Some(rounds) = self.rounds {
            arguments.extend(["--rounds".to_owned(), rounds.to_string()]);
        }
        for count in &self.in_flight {
            arguments.extend(["--in-flight".to_owned(), count.to_string()]);
        }
        if let Some(path) = &self.json {
            arguments.extend(["--json".to_owned(), path.display().to_string()]);
        }
        if let Some(path) = &self.binary {
            arguments.extend(["--binary".to_owned(), path.display().to_string()]);
        }
        arguments
    }

    fn plan(&self) -> Plan {
        let millis = match (self.smoke, self.short) {
            (true, _) => 100,
            (false, true) => 1_000,
            (false, false) => 2_000,
        };
        Plan {
            cell: Duration::from_millis(millis),
            rounds: self.rounds.unwrap_or(if self.short { 3 } else { 5 }),
            in_flight: match (self.in_flight.as_slice(), self.short) {
                ([], true) => vec![1, 64],
                ([], false) => vec![1, 16, 64, 256],
                (chosen, _) => chosen.to_vec(),
            },
        }
    }
}

struct Plan {
    cell: Duration,
    rounds: usize,
    in_flight: Vec<usize>,
}

/// What is measured in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Three steps that are done.
    Done,
    /// Step three refuses, two steps are undone: five calls.
    Refused,
}

impl Kind {
    const ALL: [Kind; 2] = [Kind::Done, Kind::Refused];
}

/// Runs the bench in a release build of this program. False when a saga did not end as it must; times never fail it.
pub(crate) fn run(options: &Options) -> Result<bool> {
    if cfg!(debug_assertions) && !options.as_built {
        return again_in_release(&options.arguments());
    }
    let runtime = tokio::runtime::Runtime::new()?;
    if options.growth {
        return runtime.block_on(grow(options));
    }
    let (rows, open) = runtime.block_on(measure_all(
        &options.plan(),
        banyan(options.binary.as_deref())?,
    ))?;
    report::print(&rows, &open);
    if !options.smoke {
        let default = || workspace::root().join("bench/results/latest.json");
        report::write(&rows, &open, &options.json.clone().unwrap_or_else(default))?;
    }
    Ok(rows.iter().all(Row::is_sound) && report::is_sound(&open.samples))
}

async fn grow(options: &Options) -> Result<bool> {
    let stages = growth::measure(options, &banyan(options.binary.as_deref())?).await?;
    growth::print(&stages);
    let default = || workspace::root().join("bench/results/growth.json");
    let path = options.json.clone().unwrap_or_else(default);
    report::write_json(&growth::to_json(&stages), &path)?;
    println!("figures: {}", path.display());
    Ok(growth::all_sound(&stages))
}

async fn measure_all(plan: &Plan, binary: PathBuf) -> Result<(Vec<Row>, Open)> {
    let folder = tempfile::tempdir().context("no folder for the server's data")?;
    let services = services::Process::start().await?;
    let mut server = Server::start(&binary, &folder.path().join("data"), free_port()?)?;
    let api = server.ready().await?;
    saga::register(&api, &services.addresses).await?;

    let mut rows = Vec::new();
    for &in_flight in &plan.in_flight {
        for kind in Kind::ALL {
            rows.push(Row::new(in_flight, kind));
        }
    }
    for round in 0..=plan.rounds {
        // The first round warms up and is not counted.
        for row in &mut rows {
            let cell = if round == 0 { plan.cell / 2 } else { plan.cell };
            let limit = limit::measure(&services.addresses, row.in_flight, row.kind, cell).await?;
            let banyan = saga::measure(&api, &server, row.in_flight, row.kind, cell).await?;
            if round > 0 {
                row.add(limit, banyan);
            }
        }
        eprintln!("round {round} of {}", plan.rounds);
    }
    let top = rows.iter().filter(|row| row.kind == Kind::Done);
    let top = top.map(Row::rate).fold(0.0, f64::max);
    let open = open::measure(&api, top / 2.0, plan.rounds, plan.cell).await?;
    Ok((rows, open))
}

/// Runs `workers` closed loops for as long as `cell` says and adds up what they saw.
async fn closed_loops<F, W>(workers: usize, cell: Duration, worker: F) -> Result<Sample>
where
    F: Fn(usize, measure::Until) -> W,
    W: Future<Output = Result<Sample>> + Send + 'static,
{
    let until = measure::Until::after(cell);
    let tasks: Vec<_> = (0..workers)
        .map(|number| tokio::spawn(worker(number, until)))
        .collect();
    let mut sum = Sample::new()?;
    for task in tasks {
        sum.merge(&task.await.context("a worker of the bench failed")??)?;
    }
    sum.seconds = until.elapsed().as_secs_f64();
    Ok(sum)
}
