//! Services that are paused, or answer that the road is wrong.

use crate::world::{ORDER, World, by, http};
use banyan_core::saga::{Leg, LegPhase, Saga, Status, StepState};
use banyan_core::wire::What;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

fn is_parked(saga: &Saga, step: usize) -> bool {
    matches!(saga.steps[step].forward.phase, LegPhase::Parked { .. })
}

#[tokio::test]
async fn steps_of_a_paused_service_park_and_go_on_when_it_is_resumed() {
    let world = World::new().await;
    world.register(ORDER).await;
    world.engine.pause("stock", by()).await.unwrap();
    let mut sagas = Vec::new();
    for key in ["a", "b", "c"] {
        let saga = world.begin("order", key).await;
        sagas.push(world.until(&saga, |saga| is_parked(saga, 1)).await);
    }
    let services = world.engine.services().await.unwrap();
    let stock = services.iter().find(|one| one.row.name == "stock").unwrap();
    assert_eq!(
        (
            stock.parked,
            stock.row.paused.as_ref().map(|one| one.by.as_str())
        ),
        (3, Some("ada"))
    );
    world.engine.resume("stock", by()).await.unwrap();
    for saga in &sagas {
        assert_eq!(world.rest(saga).await.status(), Status::Completed);
    }
}

#[tokio::test]
async fn what_is_parked_over_a_crash_goes_on_when_its_service_is_resumed() {
    let world = World::new().await;
    world.register(ORDER).await;
    world.engine.pause("stock", by()).await.unwrap();
    let saga = world.begin("order", "a").await;
    world.until(&saga, |saga| is_parked(saga, 1)).await;
    let world = world.crash().await;
    let services = world.engine.services().await.unwrap();
    let stock = services.iter().find(|one| one.row.name == "stock").unwrap();
    assert!(stock.live.paused.is_some());
    world.engine.resume("stock", by()).await.unwrap();
    assert_eq!(world.rest(&saga).await.status(), Status::Completed);
}

#[tokio::test]
async fn a_misconfigured_road_is_probed_by_one_and_opens_for_all() {
    let world = World::new().await;
    world.register(ORDER).await;
    world.script.answer("stock", Leg::Do, http(403, json!({})));
    let mut sagas = Vec::new();
    for key in ["a", "b", "c"] {
        let saga = world.begin("order", key).await;
        sagas.push(world.until(&saga, |saga| is_parked(saga, 1)).await);
    }
    assert_eq!(
        world
            .script
            .calls()
            .iter()
            .filter(|call| call.starts_with("stock"))
            .count(),
        1
    );
    world.script.answer("stock", Leg::Do, http(403, json!({})));
    world.clock.advance(Duration::from_secs(31));
    world.script.until_calls(5).await;
    for saga in &sagas {
        world.until(saga, |saga| is_parked(saga, 1)).await;
    }
    world.clock.advance(Duration::from_secs(61));
    for saga in &sagas {
        assert_eq!(world.rest(saga).await.status(), Status::Completed);
    }
}

#[tokio::test]
async fn after_a_restart_a_parked_road_is_tried_by_one_first() {
    let world = World::new().await;
    world.register(ORDER).await;
    world.script.answer("stock", Leg::Do, http(403, json!({})));
    for key in ["a", "b", "c"] {
        let saga = world.begin("order", key).await;
        world.until(&saga, |saga| is_parked(saga, 1)).await;
    }
    let tries = world.script.hold("stock", Leg::Do);
    let before = world.script.calls().len();
    let world = world.crash().await;
    assert_eq!(world.script.until_calls(before + 1).await.len(), before + 1);
    tries.send(http(200, json!({}))).unwrap();
    assert_eq!(world.script.until_calls(before + 3).await.len(), before + 3);
}

/// Two branches of one saga, each for a service of its own.
const BRANCHES: &str = "
saga: order
version: 1
steps:
  - prepare:
      together:
        - order:
            do: POST orders /orders
            undo: none
        - stock:
            do: POST stock /reservations
            undo: none
";

/// A saga whose branches are parked for two services that are paused.
async fn parked_for_both(world: &World) -> Arc<Saga> {
    world.register(BRANCHES).await;
    for service in ["orders", "stock"] {
        world.engine.pause(service, by()).await.unwrap();
    }
    let saga = world.begin("order", "a").await;
    let parked = |part: &StepState| matches!(part.forward.phase, LegPhase::Parked { .. });
    let both = |saga: &Saga| {
        let parts = &saga.steps[0].parts;
        parts.len() == 2 && parts.iter().all(parked)
    };
    world.until(&saga, both).await
}

/// No moment passes: a patrol would need an hour.
#[tokio::test]
async fn a_branch_goes_on_at_once_when_its_service_opens_whatever_the_others_are_parked_for() {
    for [first, second] in [["orders", "stock"], ["stock", "orders"]] {
        let world = World::new().await;
        let saga = parked_for_both(&world).await;
        for service in world.engine.services().await.unwrap() {
            let expected = u64::from([first, second].contains(&service.row.name.as_str()));
            assert_eq!(service.parked, expected, "{}", service.row.name);
        }
        world.engine.resume(first, by()).await.unwrap();
        world.script.until_calls(1).await;
        world.engine.resume(second, by()).await.unwrap();
        assert_eq!(world.rest(&saga).await.status(), Status::Completed);
    }
}

#[tokio::test]
async fn a_branch_that_stays_parked_over_a_crash_goes_on_at_once_when_its_service_opens() {
    for [first, second] in [["orders", "stock"], ["stock", "orders"]] {
        let world = World::new().await;
        let saga = parked_for_both(&world).await;
        let world = world.crash().await;
        world.engine.resume(first, by()).await.unwrap();
        world.script.until_calls(1).await;
        let world = world.crash().await;
        world.engine.resume(second, by()).await.unwrap();
        assert_eq!(world.rest(&saga).await.status(), Status::Completed);
    }
}

/// A pause that comes while a call is on its way out holds it back: nothing has left.
#[tokio::test]
async fn a_call_that_was_held_back_is_asked_again_once_nothing_holds_it() {
    let world = World::new().await;
    world.register(ORDER).await;
    let held = || What::Held {
        message: "the service stock is paused".to_owned(),
    };
    // The pause was over before the answer was there.
    world.script.answer("stock", Leg::Do, held());
    let saga = world.begin("order", "a").await;
    assert_eq!(world.rest(&saga).await.status(), Status::Completed);
    assert_eq!(
        world.script.calls(),
        ["order do 1", "stock do 1", "stock do 2"]
    );
    // The pause lasts.
    let answer = world.script.hold("stock", Leg::Do);
    let saga = world.begin("order", "b").await;
    world.script.until_calls(5).await;
    world.engine.pause("stock", by()).await.unwrap();
    answer.send(held()).unwrap();
    world.until(&saga, |saga| is_parked(saga, 1)).await;
    assert_eq!(world.script.calls().len(), 5);
    world.engine.resume("stock", by()).await.unwrap();
    assert_eq!(world.rest(&saga).await.status(), Status::Completed);
}
