//! Crashes, and commits that fail: the same fold, and nothing before its commit.

use crate::gated::gated;
use crate::world::{APPROVAL, ORDER, World, http, soon, test_config};
use banyan_core::saga::{Leg, Status};
use banyan_engine::{Refusal, StartError};
use banyan_store::{CommitError, WakeQuery};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

#[tokio::test]
async fn a_call_that_a_crash_interrupted_is_made_again() {
    let world = World::new().await;
    world.register(ORDER).await;
    let _lost = world.script.hold("order", Leg::Do);
    let saga = world.begin("order", "k1").await;
    world.script.until_calls(1).await;
    let world = world.crash().await;
    world
        .until(&saga, |saga| saga.steps[0].forward.may_have)
        .await;
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.rest(&saga).await.status(), Status::Completed);
    let calls = world.script.calls();
    assert_eq!(calls, ["order do 1", "order do 2", "stock do 1"]);
}

#[tokio::test]
async fn a_saga_that_waits_is_not_in_memory_and_goes_on_after_a_crash() {
    let config = banyan_engine::Config {
        cached_sagas: 0,
        ..test_config()
    };
    let world = World::with(config).await;
    world.register(APPROVAL).await;
    let saga = world.begin("approval", "k1").await;
    world.until(&saga, |saga| !saga.in_flight()).await;
    let metrics = world.engine.metrics().await;
    assert_eq!((metrics.active_sagas, metrics.cached_sagas), (0, 0));
    let world = world.crash().await;
    let body = json!({"by": "ada"});
    let signal = world
        .engine
        .signal(saga.id, "approved".into(), "s1".into(), body);
    soon(signal).await.unwrap();
    assert_eq!(world.rest(&saga).await.status(), Status::Completed);
}

#[tokio::test]
async fn a_timer_that_came_due_while_nobody_lived_is_not_lost() {
    let world = World::new().await;
    world.register(APPROVAL).await;
    let saga = world.begin("approval", "k1").await;
    world.until(&saga, |saga| !saga.in_flight()).await;
    world.clock.advance(Duration::from_secs(3 * 24 * 3600));
    let world = world.crash().await;
    assert_eq!(world.rest(&saga).await.status(), Status::Compensated);
}

#[tokio::test]
async fn every_row_that_is_not_at_rest_has_a_reason_to_wake() {
    let world = World::new().await;
    world.register(APPROVAL).await;
    for key in ["a", "b", "c"] {
        let saga = world.begin("approval", key).await;
        world.until(&saga, |saga| !saga.in_flight()).await;
    }
    let World { store, engine, .. } = world;
    drop(engine);
    let (_, reader) = store.open();
    let query = WakeQuery {
        until: banyan_core::Timestamp(i64::MAX),
        after: None,
        in_flight_only: false,
        limit: 10,
    };
    let wakes = banyan_store::Reader::wakes(&*reader, &query).unwrap();
    assert_eq!(wakes.len(), 3);
}

#[tokio::test]
async fn nothing_leaves_before_its_commit() {
    let (world, gate) = gated(test_config()).await;
    world.register(ORDER).await;
    gate.set(false);
    let mut waiting = gate.waiting.subscribe();
    {
        let start = world.start("order", "k1", json!({}));
        tokio::pin!(start);
        let held = async { waiting.wait_for(|held| *held).await.map(|_| ()) };
        tokio::select! {
            biased;
            answer = &mut start => panic!("I-4: answered before its commit: {answer:?}"),
            held = soon(held) => held.unwrap(),
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(
            world.script.calls().is_empty(),
            "I-13: called before its commit"
        );
        gate.set(true);
        let saga = start.await.unwrap().saga;
        assert_eq!(world.rest(&saga).await.status(), Status::Completed);
    }
}

#[tokio::test]
async fn a_store_that_cannot_write_refuses_starts_and_loses_no_answer() {
    let world = World::new().await;
    world.register(ORDER).await;
    let held = world.script.hold("order", Leg::Do);
    let saga = world.begin("order", "k1").await;
    let full = || CommitError::Unavailable {
        message: "the disk is full".into(),
    };
    world.store.fail_next_commit(full());
    let refused = world.start("order", "k2", json!({})).await.unwrap_err();
    match refused {
        StartError::Refused(Refusal::Unavailable { message }) => {
            assert_eq!(message, "the disk is full");
        }
        error => panic!("{error}"),
    }
    assert!(!world.engine.ready());
    world.store.fail_next_commit(full());
    held.send(http(200, json!({}))).unwrap();
    let rest = world.rest(&saga);
    tokio::pin!(rest);
    let saga = soon(async {
        loop {
            tokio::select! {
                biased;
                saga = &mut rest => return saga,
                () = tokio::task::yield_now() => world.clock.advance(Duration::from_millis(10)),
            }
        }
    })
    .await;
    assert_eq!(saga.status(), Status::Completed);
    assert_eq!(world.script.calls(), ["order do 1", "stock do 1"]);
}

#[tokio::test]
async fn a_commit_whose_fate_is_unknown_ends_the_engine() {
    let (told, mut fatal) = watch::channel(String::new());
    let on_fatal = Arc::new(move |message: &str| drop(told.send_replace(message.to_owned())));
    let config = banyan_engine::Config {
        on_fatal,
        ..test_config()
    };
    let world = World::with(config).await;
    world.register(ORDER).await;
    world.store.lose_next_answer();
    let refused = world.start("order", "k1", json!({})).await.unwrap_err();
    assert!(
        matches!(refused, StartError::Refused(Refusal::ShuttingDown)),
        "{refused}"
    );
    let message = soon(fatal.wait_for(|message| !message.is_empty()))
        .await
        .unwrap()
        .clone();
    assert!(message.contains("does not know"), "{message}");
    assert!(!world.engine.ready());
    assert!(world.script.calls().is_empty());
    let world = world.crash().await;
    let again = world.start("order", "k1", json!({})).await.unwrap();
    assert!(again.replayed, "I-31: the commit had happened");
}
