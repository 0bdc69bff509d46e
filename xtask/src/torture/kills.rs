//! The kills: when, and what must be under way for one to count.

use super::clients::Clients;
use super::evidence;
use super::services::pause;
use crate::load::Server;
use anyhow::{Context, Result, bail};
use rand::Rng;
use rand::rngs::StdRng;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Sagas that must be in flight when the server is killed.
const IN_FLIGHT: usize = 32;
/// Sagas that must be open when the server is killed while it recovers.
const OPEN: usize = 500;

/// What the kills met.
#[derive(Debug, Default)]
pub(crate) struct Kills {
    /// All of them.
    pub(crate) all: usize,
    /// With an undo at work at a service.
    pub(crate) during_undo: usize,
    /// Before the first ready answer of that life.
    pub(crate) during_recovery: usize,
    /// The fewest sagas in flight at any of them.
    pub(crate) fewest_in_flight: usize,
    /// Sagas seen open after the restarts, and those of them that waited on nothing.
    pub(crate) open_seen: (u64, Vec<String>),
    /// How long a start took until it was ready, each.
    pub(crate) restarts: Vec<Duration>,
}

/// The server under torture.
pub(crate) struct Victim {
    /// The binary.
    pub(crate) binary: PathBuf,
    /// Its data folder.
    pub(crate) data: PathBuf,
    /// Its present life.
    pub(crate) server: Server,
}

/// Kills the server `count` times while it works, every eighth time once more while it recovers.
pub(crate) async fn run(
    victim: &mut Victim,
    clients: &Arc<Clients>,
    count: usize,
    random: &mut StdRng,
) -> Result<Kills> {
    let mut kills = Kills {
        fewest_in_flight: usize::MAX,
        ..Kills::default()
    };
    // About as long as a start takes on an idle machine.
    let mut patience = Duration::from_millis(20);
    for number in 0..count {
        pause(Duration::from_millis(random.random_range(50..400))).await;
        let in_flight = wait_for_load(clients, number % 2 == 0).await?;
        kills.all += 1;
        kills.during_undo += usize::from(clients.world.ledger.undos_in_progress() > 0);
        victim.server.kill()?;
        kills.fewest_in_flight = kills.fewest_in_flight.min(in_flight);
        if number % 8 == 7 {
            kill_while_recovering(victim, clients, &mut kills, &mut patience).await?;
        }
        restart(victim, clients, &mut kills).await?;
        let (open, idle) = evidence::open(&clients.api)
            .await
            .context("the list after a restart")?;
        kills.open_seen.0 += open;
        kills.open_seen.1.extend(idle);
        clients.note_reasons().await?;
        if number % 10 == 9 {
            eprintln!("{} kills", kills.all);
        }
    }
    Ok(kills)
}

#[expect(clippy::disallowed_methods, reason = "bounds the wait for a condition")]
async fn wait_for_load(clients: &Clients, with_undo: bool) -> Result<usize> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        let in_flight = in_flight(clients);
        let undoing = clients.world.ledger.undos_in_progress() > 0;
        if in_flight >= IN_FLIGHT && (undoing || !with_undo) {
            return Ok(in_flight);
        }
        pause(Duration::from_millis(1)).await;
    }
    bail!("within 10 s there were never {IN_FLIGHT} sagas in flight with an undo among them")
}

fn in_flight(clients: &Clients) -> usize {
    clients
        .history
        .in_flight(|key| clients.world.ledger.heard_of(key))
}

/// Starts the server and kills it before it ever answered that it is ready; as late as that
/// can be, which is found by trying.
async fn kill_while_recovering(
    victim: &mut Victim,
    clients: &Clients,
    kills: &mut Kills,
    patience: &mut Duration,
) -> Result<()> {
    for _ in 0..10 {
        let open = in_flight(clients);
        if open < OPEN {
            bail!("only {open} sagas are open, {OPEN} were to be");
        }
        let mut server = Server::start(&victim.binary, &victim.data, victim.server.address)?;
        pause(*patience).await;
        let ready = server.answers_ready().await;
        server.kill()?;
        kills.all += 1;
        kills.fewest_in_flight = kills.fewest_in_flight.min(open);
        if !ready {
            kills.during_recovery += 1;
            *patience = patience.mul_f64(1.1);
            return Ok(());
        }
        *patience = patience.mul_f64(0.7);
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures how long a restart takes"
)]
async fn restart(victim: &mut Victim, clients: &Clients, kills: &mut Kills) -> Result<()> {
    let begun = Instant::now();
    clients.life.fetch_add(1, Ordering::SeqCst);
    victim.server = Server::start(&victim.binary, &victim.data, victim.server.address)?;
    victim.server.ready().await?;
    kills.restarts.push(begun.elapsed());
    Ok(())
}
