//! `cargo xtask torture`: a real server under load, killed again and again, with services that
//! lose answers, refuse, are slow and go down; then an outside checker over what is left.
//!
//! The server is killed with SIGKILL. Clients and services live in this process, survive, and
//! keep exact books. Every run prints its seed.

mod bugs;
mod check;
mod clients;
mod evidence;
mod faults;
mod findings;
mod history;
mod kills;
mod ledger;
mod plans;
mod services;

use crate::load::{Server, free_port};
use crate::run::{again_in_release, banyan};
use anyhow::{Context, Result};
use bugs::Bug;
use clients::Clients;
use findings::Findings;
use kills::{Kills, Victim};
use rand::SeedableRng;
use rand::rngs::StdRng;
use services::{World, pause};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Clients that start sagas one after the other.
const CLIENTS: usize = 64;
/// Sagas that wait for a signal all the time.
const WAITING: usize = 600;
/// By then everything must be at rest once faults are over: the longest row of attempts that a
/// plan allows (20 undos of 300 ms each and as much between them, twice), and room.
const QUIET: Duration = Duration::from_secs(40);

/// How much, and from which seed.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct Options {
    /// 50 kills, within two minutes. Without it 400.
    #[arg(long)]
    short: bool,
    /// Draws faults and kills; a new one each time when not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Plant a bug, one after the other, and see that the checker finds each.
    #[arg(long)]
    canary: bool,
    /// Use this binary of banyan instead of building one.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Run this build of xtask, optimised or not.
    #[arg(long, hide = true)]
    as_built: bool,
    /// Keep the server's data and log in the temporary folder.
    #[arg(long)]
    keep: bool,
}

impl Options {
    /// What the tests run.
    pub(crate) fn short() -> Options {
        Options {
            short: true,
            ..Options::default()
        }
    }

    /// That the checker finds planted bugs.
    pub(crate) fn canary() -> Options {
        Options {
            canary: true,
            ..Options::default()
        }
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["torture".to_owned()];
        let flags = [
            ("--short", self.short),
            ("--canary", self.canary),
            ("--keep", self.keep),
        ];
        arguments.extend(
            flags
                .iter()
                .filter(|flag| flag.1)
                .map(|flag| flag.0.to_owned()),
        );
        if let Some(seed) = self.seed {
            arguments.extend(["--seed".to_owned(), seed.to_string()]);
        }
        if let Some(path) = &self.binary {
            arguments.extend(["--binary".to_owned(), path.display().to_string()]);
        }
        arguments
    }
}

/// One run: how many kills, under load of how many waiting sagas, with which bug.
struct Run {
    seed: u64,
    kills: usize,
    waiting: usize,
    bug: Option<Bug>,
    keep: bool,
    binary: PathBuf,
}

/// Runs the torture, or all canaries.
pub(crate) fn run(options: &Options) -> Result<bool> {
    if cfg!(debug_assertions) && !options.as_built {
        return again_in_release(&options.arguments());
    }
    let seed = options.seed.unwrap_or_else(rand::random);
    println!("torture: seed {seed}");
    let binary = banyan(options.binary.as_deref())?;
    let runtime = tokio::runtime::Runtime::new()?;
    if options.canary {
        return runtime.block_on(canaries(seed, options.keep, &binary));
    }
    let kills = if options.short { 50 } else { 400 };
    let run = Run {
        seed,
        kills,
        waiting: WAITING,
        bug: None,
        keep: options.keep,
        binary,
    };
    let (kills, findings) = runtime.block_on(torture(&run))?;
    let enough = report(&kills);
    Ok(findings.print() && enough)
}

async fn canaries(seed: u64, keep: bool, binary: &Path) -> Result<bool> {
    let mut all = true;
    for bug in Bug::ALL {
        let run = Run {
            seed,
            kills: 3,
            waiting: 0,
            bug: Some(bug),
            keep,
            binary: binary.to_path_buf(),
        };
        let (_, findings) = torture(&run).await?;
        let found = findings.is_broken(bug.breaks());
        println!(
            "planted {bug:?}: {} is {}",
            bug.breaks(),
            if found {
                "found broken"
            } else {
                "NOT found broken"
            }
        );
        all &= found;
    }
    Ok(all)
}

async fn torture(run: &Run) -> Result<(Kills, Findings)> {
    let folder = tempfile::tempdir().context("no folder for the server's data")?;
    let (mut victim, clients) = begin(run, &folder).await?;
    start_waiting(&clients, run.waiting).await?;
    let busy: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(Arc::clone(&clients).keep_starting()))
        .collect();

    let mut random = StdRng::seed_from_u64(run.seed);
    let kills = kills::run(&mut victim, &clients, run.kills, &mut random).await?;

    clients.world.calm.store(true, Ordering::SeqCst);
    clients.enough.store(true, Ordering::SeqCst);
    come_to_rest(&clients, busy).await?;
    let evidence = evidence::collect(&clients, kills.open_seen.clone()).await?;
    println!(
        "{} sagas, {} events in the ledgers",
        evidence.sagas.len(),
        evidence.events.len()
    );
    if run.keep {
        println!("kept: {}", folder.keep().display());
    }
    Ok((kills, check::check(&evidence)))
}

/// Services, server, definitions and clients.
async fn begin(run: &Run, folder: &TempDir) -> Result<(Victim, Arc<Clients>)> {
    let world = Arc::new(World {
        ledger: ledger::Ledger::default(),
        seed: run.seed,
        calm: false.into(),
        bug: run.bug,
    });
    let data = folder.path().join("data");
    let mut server = Server::start(&run.binary, &data, free_port()?)?;
    let api = server.ready().await?;
    for name in plans::SERVICES {
        api.service(name, services::start(Arc::clone(&world)).await?)
            .await?;
    }
    for plan in plans::BUSY.iter().chain([&plans::WAITING]) {
        api.definition(plan.name, 1, plan.yaml).await?;
    }
    let clients = Arc::new(Clients {
        api,
        history: history::History::default(),
        enough: false.into(),
        life: 1.into(),
        number: 0.into(),
        world,
    });
    Ok((
        Victim {
            binary: run.binary.clone(),
            data,
            server,
        },
        clients,
    ))
}

/// Starts the sagas that wait, a few at a time.
async fn start_waiting(clients: &Arc<Clients>, count: usize) -> Result<()> {
    let workers = 32;
    let tasks: Vec<_> = (0..workers)
        .map(|worker| {
            let clients = Arc::clone(clients);
            tokio::spawn(async move {
                for _ in (worker..count).step_by(workers) {
                    clients.start_waiting().await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await.context("a client failed")??;
    }
    Ok(())
}

/// Lets every client end what it began, sends the signals, and waits for rest.
#[expect(clippy::disallowed_methods, reason = "bounds the wait for a condition")]
async fn come_to_rest(
    clients: &Arc<Clients>,
    busy: Vec<tokio::task::JoinHandle<Result<()>>>,
) -> Result<()> {
    let begun = Instant::now();
    let waiting = clients
        .history
        .starts()
        .into_iter()
        .filter(|(_, start)| start.definition == plans::WAITING.name);
    let mut tasks = busy;
    for (key, start) in waiting {
        let clients = Arc::clone(clients);
        let id = start
            .told
            .first()
            .map(|told| told.id.clone())
            .unwrap_or_default();
        tasks.push(tokio::spawn(async move { clients.signal(&key, &id).await }));
    }
    for task in tasks {
        let left = QUIET.saturating_sub(begun.elapsed());
        match tokio::time::timeout(left, task).await {
            Ok(ended) => ended.context("a client failed")??,
            Err(_) => break, // I-8 will tell which sagas are not at rest.
        }
    }
    while begun.elapsed() < QUIET {
        let (open, _) = evidence::open(&clients.api).await?;
        if open == 0 {
            println!(
                "all at rest {:.1} s after the last fault",
                begun.elapsed().as_secs_f64()
            );
            break;
        }
        pause(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Prints the kills; whether there were enough of each kind.
fn report(kills: &Kills) -> bool {
    let mut restarts = kills.restarts.clone();
    restarts.sort();
    let median = restarts
        .get(restarts.len() / 2)
        .copied()
        .unwrap_or_default();
    println!(
        "{} kills with {} or more sagas in flight, {} during undo, {} during recovery; restart to ready: median {} ms",
        kills.all,
        kills.fewest_in_flight,
        kills.during_undo,
        kills.during_recovery,
        median.as_millis()
    );
    kills.all >= 50
        && kills.during_undo >= 10
        && kills.during_recovery >= 5
        && kills.fewest_in_flight >= 32
}
