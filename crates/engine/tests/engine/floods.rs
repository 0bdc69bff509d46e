//! More at once than fits in memory: timers, recovery and parked sagas come all the same, a
//! few at a time.

use crate::world::{ORDER, World, by, soon, test_config};
use banyan_core::saga::{Leg, LegPhase, Status};
use banyan_engine::Config;
use std::time::Duration;

const SAGAS: usize = 300;
const ACTIVE: usize = 20;

fn tight() -> Config {
    Config {
        active_sagas: ACTIVE,
        cached_sagas: 0,
        page: 16,
        inbox: 8,
        ..test_config()
    }
}

const NAP: &str = "
saga: nap
version: 1
steps:
  - sleep: { sleep: 1h }
  - order: { do: POST orders /orders, undo: none }
";

async fn completed(world: &World) -> u64 {
    let counts = world.engine.metrics().await.counts;
    counts
        .by_status
        .get(&Status::Completed)
        .copied()
        .unwrap_or_default()
}

/// Lets time pass until all sagas are completed.
async fn all_complete(world: &World) {
    soon(async {
        while completed(world).await < SAGAS as u64 {
            world.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn timers_that_are_due_at_once_all_come() {
    let world = World::with(tight()).await;
    world.register(NAP).await;
    for number in 0..SAGAS {
        world.begin("nap", &format!("k{number}")).await;
    }
    world.clock.advance(Duration::from_secs(3_600));
    all_complete(&world).await;
    assert_eq!(world.script.calls().len(), SAGAS, "each once");
}

#[tokio::test]
async fn timers_that_came_due_while_nobody_lived_all_come() {
    let world = World::with(tight()).await;
    world.register(NAP).await;
    for number in 0..SAGAS {
        world.begin("nap", &format!("k{number}")).await;
    }
    world.clock.advance(Duration::from_secs(7_200));
    let world = world.crash().await;
    all_complete(&world).await;
    assert_eq!(world.script.calls().len(), SAGAS, "each once");
}

#[tokio::test]
async fn all_that_was_in_flight_is_resumed() {
    let roomy = Config {
        active_sagas: 10_000,
        ..tight()
    };
    let mut world = World::with(roomy).await;
    world.register(ORDER).await;
    let mut held = Vec::new();
    for number in 0..SAGAS {
        held.push(world.script.hold("order", Leg::Do));
        world.begin("order", &format!("k{number}")).await;
    }
    world.script.until_calls(SAGAS).await;
    world.config = tight();
    let world = world.crash().await;
    all_complete(&world).await;
    // Each was asked again for what was interrupted, and once for what follows.
    assert_eq!(world.script.calls().len(), 3 * SAGAS);
}

#[tokio::test]
async fn all_that_is_parked_goes_on_when_its_service_is_resumed() {
    let world = World::with(tight()).await;
    world.register(ORDER).await;
    world.engine.pause("orders", by()).await.unwrap();
    for number in 0..SAGAS {
        let saga = world.begin("order", &format!("k{number}")).await;
        assert!(matches!(
            saga.steps[0].forward.phase,
            LegPhase::Parked { .. }
        ));
    }
    let metrics = world.engine.metrics().await;
    assert_eq!(metrics.counts.parked.get("orders"), Some(&(SAGAS as u64)));
    assert_eq!(metrics.active_sagas + metrics.cached_sagas, 0);
    world.engine.resume("orders", by()).await.unwrap();
    soon(async {
        while completed(&world).await < SAGAS as u64 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
