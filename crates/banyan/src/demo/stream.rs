//! The stream of orders: at a rate, bounded in how many are on their way, and beginning where a
//! former run of the same folder stopped.

use super::clients::Clients;
use super::log::{Order, Told};
use super::orders::{self, Draft};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Orders placed and not at rest; past it the next one waits.
const AT_ONCE: usize = 512;

/// Places one order after the other at the rate, beginning with those that a former run sent
/// and never heard of, until it is stopped; then waits for all of them.
pub(super) async fn take_orders(
    clients: Arc<Clients>,
    known: BTreeMap<String, Order>,
    seed: u64,
    rate: u32,
    mut stopping: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut placed = JoinSet::new();
    let (open, next) = resume(&known, &format!("order-{seed}-"), |number| {
        Some(orders::draw(seed, number))
    });
    for draft in open {
        let clients = Arc::clone(&clients);
        placed.spawn(async move { clients.place(draft, true).await });
    }
    let mut beat = tokio::time::interval(Duration::from_secs(1) / rate);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for number in next.. {
        tokio::select! {
            biased;
            _ = stopping.changed() => break,
            _ = beat.tick() => {}
        }
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            break;
        };
        let clients = Arc::clone(&clients);
        placed.spawn(async move {
            clients.place(orders::draw(seed, number), false).await;
            drop(place);
        });
        while placed.try_join_next().is_some() {}
    }
    while placed.join_next().await.is_some() {}
}

/// Orders whose keys begin so that were sent and never heard of, and the next free number.
pub(super) fn resume(
    known: &BTreeMap<String, Order>,
    prefix: &str,
    draw: impl Fn(u64) -> Option<Draft>,
) -> (Vec<Draft>, u64) {
    let number = |key: &str| -> Option<u64> { key.strip_prefix(prefix)?.parse().ok() };
    let numbers = known.keys().filter_map(|key| number(key));
    let next = numbers.max().map_or(1, |last| last + 1);
    let open = known
        .iter()
        .filter(|(_, order)| !matches!(order.told, Some(Told::Refused(_))))
        .filter_map(|(key, _)| number(key))
        .filter_map(draw)
        .collect();
    (open, next)
}
