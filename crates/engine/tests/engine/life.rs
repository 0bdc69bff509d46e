//! The end of an engine: what is in flight may end, nothing new begins, nothing is lost.

use crate::gated::gated;
use crate::world::{ORDER, World, http, soon, test_config};
use banyan_core::saga::{Leg, Status};
use banyan_engine::{Refusal, StartError};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_graceful_end_keeps_the_answers_that_come_and_begins_nothing() {
    let world = World::new().await;
    world.register(ORDER).await;
    let held = world.script.hold("order", Leg::Do);
    let saga = world.begin("order", "k1").await;
    world.script.until_calls(1).await;
    let engine = world.engine.clone();
    let shutdown = tokio::spawn(async move { engine.shutdown(Duration::from_secs(10)).await });
    soon(async {
        while world.engine.ready() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let refused = world.start("order", "k2", json!({})).await.unwrap_err();
    assert!(matches!(
        refused,
        StartError::Refused(Refusal::ShuttingDown)
    ));
    held.send(http(200, json!({}))).unwrap();
    soon(shutdown).await.unwrap();
    assert_eq!(world.script.calls(), ["order do 1"]);
    let world = world.crash().await;
    let saga = world.rest(&saga).await;
    assert_eq!(saga.status(), Status::Completed);
    assert_eq!(world.script.calls(), ["order do 1", "stock do 1"]);
}

#[tokio::test]
async fn a_call_that_outlasts_the_grace_is_resumed_by_the_next() {
    let world = World::new().await;
    world.register(ORDER).await;
    let _held = world.script.hold("order", Leg::Do);
    let saga = world.begin("order", "k1").await;
    world.script.until_calls(1).await;
    soon(world.engine.shutdown(Duration::ZERO)).await;
    let world = world.crash().await;
    world
        .until(&saga, |saga| saga.steps[0].forward.may_have)
        .await;
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.rest(&saga).await.status(), Status::Completed);
}

/// A round whose intent is being committed when the stop begins launches its call afterwards:
/// the stop waits for its answer, so that the next life need not repeat it.
#[tokio::test]
async fn a_stop_waits_for_a_call_whose_intent_is_being_committed() {
    let (world, gate) = gated(test_config()).await;
    world.register(ORDER).await;
    gate.set(false);
    let mut waiting = gate.waiting.subscribe();
    let mut starts = Box::pin(world.start("order", "k1", json!({})));
    tokio::select! {
        biased;
        answer = &mut starts => panic!("I-4: answered before its commit: {answer:?}"),
        held = soon(async { waiting.wait_for(|held| *held).await.map(|_| ()) }) => held.unwrap(),
    }
    let engine = world.engine.clone();
    let shutdown = tokio::spawn(async move { engine.shutdown(Duration::from_secs(10)).await });
    soon(async {
        while world.engine.ready() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    gate.set(true);
    let saga = starts.as_mut().await.unwrap().saga;
    drop(starts);
    soon(shutdown).await.unwrap();
    assert_eq!(world.script.calls(), ["order do 1"]);
    let world = world.crash().await;
    assert_eq!(world.rest(&saga).await.status(), Status::Completed);
    assert_eq!(
        world.script.calls(),
        ["order do 1", "stock do 1"],
        "the first call was answered before the stop, and is not repeated"
    );
}
