//! A store that cannot write: from the refused commit until one succeeds callers are refused,
//! what is on disk can be looked at, and nobody waits for the disk.

use crate::faulty::{Faults, faulty};
use crate::world::{APPROVAL, ORDER, World, http, soon, test_config};
use banyan_core::saga::{Leg, Status};
use banyan_engine::{Config, Refusal, SignalError, StartError, Until};
use banyan_store::memory::Store;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

async fn world() -> (World, Arc<Faults>) {
    let config = Config {
        shells: 1,
        ..test_config()
    };
    let (store, faults) = (Store::new("full"), Arc::<Faults>::default());
    let (writer, reader) = faulty(&store, &faults);
    (World::around(store, writer, reader, config).await, faults)
}

async fn passes(world: &World, millis: u64) {
    for _ in 0..millis / 50 {
        world.clock.advance(Duration::from_millis(50));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

async fn until_ready(world: &World, ready: bool) {
    soon(async {
        while world.engine.ready() != ready {
            world.clock.advance(Duration::from_millis(10));
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_accepted_before_a_commit_succeeds_though_nobody_has_anything_to_commit() {
    let (world, faults) = world().await;
    world.register(ORDER).await;
    faults.full.store(true, Ordering::SeqCst);
    world.start("order", "a", json!({})).await.unwrap_err();
    for _ in 0..10 {
        passes(&world, 700).await;
        assert!(!world.engine.ready(), "it says that it can, and cannot");
        let refused = world.start("order", "b", json!({})).await.unwrap_err();
        let is_away = matches!(refused, StartError::Refused(Refusal::Unavailable { .. }));
        assert!(is_away, "{refused}");
    }
    faults.full.store(false, Ordering::SeqCst);
    until_ready(&world, true).await;
    let saga = world.begin("order", "c").await;
    assert_eq!(world.rest(&saga).await.status(), Status::Completed);
}

#[tokio::test]
async fn while_a_shell_holds_what_was_refused_everybody_is_answered() {
    let (world, faults) = world().await;
    world.register(ORDER).await;
    world.register(APPROVAL).await;
    let waiting = world.begin("approval", "w").await;
    let waiting = world.until(&waiting, |saga| saga.seq > 3).await;
    let held = world.script.hold("stock", Leg::Do);
    let saga = world.begin("order", "a").await;
    world.script.until_calls(3).await;
    faults.full.store(true, Ordering::SeqCst);
    held.send(http(200, json!({}))).unwrap();
    until_ready(&world, false).await;
    for round in 0..10 {
        passes(&world, 700).await;
        assert!(!world.engine.ready());
        let seen = soon(world.engine.get(saga.id)).await.unwrap().unwrap();
        assert_eq!(seen.status(), Status::Running, "what is on disk");
        let refused = world.start("order", "b", json!({})).await.unwrap_err();
        let is_away = matches!(refused, StartError::Refused(Refusal::Unavailable { .. }));
        assert!(is_away, "{refused}");
        let (name, body) = ("approved".to_owned(), json!({"by": "ada"}));
        let signal = world
            .engine
            .signal(waiting.id, name, format!("s{round}"), body);
        let refused = soon(signal).await.unwrap_err();
        let is_away = matches!(refused, SignalError::Refused(Refusal::Unavailable { .. }));
        assert!(is_away, "{refused}");
        let wait = world.engine.wait(saga.id, Until::Rest, Duration::ZERO);
        assert!(soon(wait).await.unwrap().is_some());
    }
    let rest = world
        .engine
        .wait(saga.id, Until::Rest, Duration::from_secs(1 << 30));
    faults.full.store(false, Ordering::SeqCst);
    until_ready(&world, true).await;
    assert_eq!(
        soon(rest).await.unwrap().unwrap().status(),
        Status::Completed
    );
}
