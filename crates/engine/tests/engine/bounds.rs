//! Bounds: what is full refuses, before acceptance, and a repeat is answered all the same.

use crate::gated::gated;
use crate::world::{ORDER, World, http, soon, test_config};
use banyan_core::saga::{Leg, Status};
use banyan_engine::{Config, Refusal, StartError, StartRequest};
use serde_json::json;

#[tokio::test]
async fn starts_past_the_memory_for_active_sagas_are_refused_before_acceptance() {
    let config = Config {
        active_sagas: 2,
        ..test_config()
    };
    let world = World::with(config).await;
    world.register(ORDER).await;
    let first = world.script.hold("order", Leg::Do);
    let _second = world.script.hold("order", Leg::Do);
    let saga = world.begin("order", "a").await;
    world.begin("order", "b").await;
    world.script.until_calls(2).await;
    soon(async {
        while world.engine.metrics().await.active_sagas < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let refused = world.start("order", "c", json!({})).await.unwrap_err();
    assert!(matches!(
        refused,
        StartError::Refused(Refusal::Overloaded { .. })
    ));
    assert!(
        world
            .engine
            .find("default", "order", "c")
            .await
            .unwrap()
            .is_none()
    );
    let again = world.start("order", "a", json!({})).await.unwrap();
    assert!(again.replayed, "a repeat is answered under any load");
    first.send(http(200, json!({}))).unwrap();
    assert_eq!(world.rest(&saga).await.status(), Status::Completed);
    assert!(!world.start("order", "c", json!({})).await.unwrap().replayed);
}

#[tokio::test]
async fn calls_in_flight_never_exceed_their_bound_and_all_are_made() {
    let config = Config {
        calls_in_flight: 1,
        ..test_config()
    };
    let world = World::with(config).await;
    world.register(ORDER).await;
    let first = world.script.hold("order", Leg::Do);
    let one = world.begin("order", "a").await;
    let two = world.begin("order", "b").await;
    world.script.until_calls(1).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.script.calls().len(), 1);
    first.send(http(200, json!({}))).unwrap();
    for saga in [one, two] {
        assert_eq!(world.rest(&saga).await.status(), Status::Completed);
    }
}

#[tokio::test]
async fn many_sagas_share_commits() {
    let world = World::new().await;
    world.register(ORDER).await;
    let mut starts = tokio::task::JoinSet::new();
    for number in 0..200 {
        let engine = world.engine.clone();
        starts.spawn(async move {
            engine
                .start(request(&format!("k{number}")))
                .await
                .unwrap()
                .saga
        });
    }
    for saga in starts.join_all().await {
        assert_eq!(world.rest(&saga).await.status(), Status::Completed);
    }
    let metrics = world.engine.metrics().await;
    assert_eq!((metrics.starts, metrics.completed), (200, 200));
    assert!(metrics.commits < metrics.changes / 4, "{metrics:?}");
    assert_eq!(metrics.active_sagas + metrics.cached_sagas, 0);
}

#[tokio::test]
async fn starts_past_a_full_inbox_are_refused_before_acceptance() {
    let config = Config {
        shards: 1,
        inbox: 1,
        ..test_config()
    };
    let (world, gate) = gated(config).await;
    world.register(ORDER).await;
    gate.set(false);
    let mut waiting = gate.waiting.subscribe();
    let start = |key: &'static str| {
        let engine = world.engine.clone();
        tokio::spawn(async move { engine.start(request(key)).await })
    };
    let first = start("a");
    soon(waiting.wait_for(|held| *held)).await.unwrap();
    let second = start("b");
    // The second was spawned before, and takes the only place; the third finds none.
    let refused = soon(start("c")).await.unwrap();
    let refused = refused.unwrap_err();
    assert!(matches!(
        refused,
        StartError::Refused(Refusal::Overloaded { .. })
    ));
    gate.set(true);
    for accepted in [first, second] {
        assert!(!soon(accepted).await.unwrap().unwrap().replayed);
    }
}

fn request(key: &str) -> StartRequest {
    StartRequest {
        namespace: "default".into(),
        definition: "order".into(),
        version: None,
        key: key.into(),
        input: json!({}),
        request_hash: "hash".into(),
        deadline: None,
    }
}
