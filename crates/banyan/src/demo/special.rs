//! Orders that come only while something is broken: one a second of each kind, and few of each
//! at once, so that whoever mends them by hand comes to an end.

use super::clients::Clients;
use super::folder::Folder;
use super::log::Order;
use super::orders::{self, Draft};
use super::shop::Break;
use super::stream::resume;
use clap::ValueEnum;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// Orders of one kind that are placed and not at rest.
const AT_ONCE: usize = 6;
/// Between two orders of one kind.
const PAUSE: Duration = Duration::from_secs(1);

/// One kind of them.
struct Kind {
    of: Break,
    next: u64,
    room: Arc<Semaphore>,
}

/// Takes such orders, beginning with those that a former run sent and never heard of, until it
/// is stopped; then waits for all of them.
pub(super) async fn take_orders(
    clients: Arc<Clients>,
    known: BTreeMap<String, Order>,
    seed: u64,
    folder: Folder,
    mut stopping: watch::Receiver<bool>,
) {
    let mut placed = JoinSet::new();
    let mut kinds = Vec::new();
    for of in Break::value_variants() {
        let Some(definition) = of.orders() else {
            continue;
        };
        let prefix = orders::special_prefix(definition, seed);
        let (open, next) = resume(&known, &prefix, |number| orders::special(*of, seed, number));
        for draft in open {
            place(&mut placed, &clients, (draft, true), None);
        }
        let room = Arc::new(Semaphore::new(AT_ONCE));
        kinds.push(Kind {
            of: *of,
            next,
            room,
        });
    }
    let mut beat = tokio::time::interval(PAUSE);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = stopping.changed() => break,
            _ = beat.tick() => {}
        }
        let broken = folder.broken().unwrap_or_default();
        for kind in kinds.iter_mut().filter(|kind| broken.contains(&kind.of)) {
            let Ok(room) = Arc::clone(&kind.room).try_acquire_owned() else {
                continue;
            };
            if let Some(draft) = orders::special(kind.of, seed, kind.next) {
                place(&mut placed, &clients, (draft, false), Some(room));
                kind.next += 1;
            }
        }
        while placed.try_join_next().is_some() {}
    }
    while placed.join_next().await.is_some() {}
}

/// Follows an order to its end, and holds its room until then.
fn place(
    placed: &mut JoinSet<()>,
    clients: &Arc<Clients>,
    (draft, again): (Draft, bool),
    room: Option<OwnedSemaphorePermit>,
) {
    let clients = Arc::clone(clients);
    placed.spawn(async move {
        clients.place(draft, again).await;
        drop(room);
    });
}
