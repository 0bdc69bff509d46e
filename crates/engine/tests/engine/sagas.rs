//! Starts, repeats, waits, signals and cancels.

use crate::world::{APPROVAL, ORDER, World, by, http, soon};
use banyan_core::saga::{Ask, Asked, Leg, Status, Verb};
use banyan_engine::{AskError, SignalError, StartError, Until};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_saga_runs_to_its_end() {
    let world = World::new().await;
    world.register(ORDER).await;
    let saga = world.begin("order", "k1").await;
    let saga = world.rest(&saga).await;
    assert_eq!(saga.status(), Status::Completed);
    assert_eq!(world.script.calls(), ["order do 1", "stock do 1"]);
    let journal = world.engine.journal(saga.id).await.unwrap().unwrap();
    assert_eq!(journal.len() as u64, saga.seq);
    let metrics = world.engine.metrics().await;
    assert_eq!((metrics.starts, metrics.completed), (1, 1));
}

#[tokio::test]
async fn a_refused_step_undoes_what_was_done() {
    let world = World::new().await;
    world.register(ORDER).await;
    let no = http(422, json!({"error": "sold out"}));
    world.script.answer("stock", Leg::Do, no);
    let saga = world.begin("order", "k1").await;
    let saga = world.rest(&saga).await;
    assert_eq!(saga.status(), Status::Compensated);
    assert_eq!(
        world.script.calls(),
        ["order do 1", "stock do 1", "order undo 1"]
    );
}

#[tokio::test]
async fn a_repeated_start_is_answered_by_its_saga_whatever_happened_since() {
    let world = World::new().await;
    world.register(ORDER).await;
    let first = world.begin("order", "k1").await;
    world.rest(&first).await;
    let again = world.start("order", "k1", json!({})).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.saga.id, first.id);
    assert_eq!(again.saga.status(), Status::Completed);

    let brake = Some("stocktaking".to_owned());
    world
        .engine
        .set_accepting("order", brake, by())
        .await
        .unwrap();
    let again = world.start("order", "k1", json!({})).await.unwrap();
    assert!(again.replayed);
    let refused = world.start("order", "k2", json!({})).await.unwrap_err();
    assert!(matches!(refused, StartError::NotAccepting { .. }));
}

#[tokio::test]
async fn a_key_is_good_for_one_start() {
    let world = World::new().await;
    world.register(ORDER).await;
    let first = world.begin("order", "k1").await;
    let other = world.start("order", "k1", json!({"other": true})).await;
    match other.unwrap_err() {
        StartError::KeyReused { id, .. } => assert_eq!(id, first.id),
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn starts_with_one_key_at_the_same_time_make_one_saga() {
    let world = World::new().await;
    world.register(ORDER).await;
    let starts = (0..8).map(|_| world.start("order", "k1", json!({})));
    let mut answers = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        answers.push(start.await.unwrap());
    }
    let first = answers[0].saga.id;
    assert!(answers.iter().all(|answer| answer.saga.id == first));
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
}

#[tokio::test]
async fn an_input_is_checked_and_every_violation_is_named() {
    let world = World::new().await;
    let source = "
saga: typed
version: 1
input:
  type: object
  required: [amount]
  properties: { amount: { type: integer }, city: { type: string } }
steps:
  - order: { do: POST orders /orders, undo: none }
";
    world.register(source).await;
    let input = json!({"amount": "much", "city": 7});
    match world.start("typed", "k1", input).await.unwrap_err() {
        StartError::InvalidInput { violations } => {
            let pointers: Vec<_> = violations.iter().map(|one| one.pointer.as_str()).collect();
            assert_eq!(pointers, ["/amount", "/city"]);
        }
        error => panic!("{error}"),
    }
    assert!(world.script.calls().is_empty());
}

#[tokio::test]
async fn a_wait_for_a_step_comes_back_at_its_end() {
    let world = World::new().await;
    world.register(ORDER).await;
    let _held = world.script.hold("stock", Leg::Do);
    let saga = world.begin("order", "k1").await;
    let until = Until::StepEnded("order".into());
    let wait = world.engine.wait(saga.id, until, Duration::from_secs(60));
    let seen = soon(wait).await.unwrap().unwrap();
    assert_eq!(seen.status(), Status::Running);
}

#[tokio::test]
async fn a_start_that_waits_is_answered_when_it_has_come_and_a_repeat_has_nothing_to_come() {
    let world = World::new().await;
    world.register(ORDER).await;
    let _held = world.script.hold("stock", Leg::Do);
    let start = || {
        let until = Until::StepEnded("order".into());
        let request = world.request("order", "k1", json!({}));
        soon(world.engine.start_and_watch(request, until))
    };
    let (answer, coming) = start().await.unwrap();
    let come = world.engine.come(coming.unwrap(), Duration::from_secs(60));
    let seen = soon(come).await.unwrap().unwrap();
    assert_eq!((seen.id, seen.status()), (answer.saga.id, Status::Running));
    let (again, nothing) = start().await.unwrap();
    assert_eq!((again.saga.id, again.replayed), (answer.saga.id, true));
    assert!(nothing.is_none());
}

#[tokio::test]
async fn a_wait_that_is_over_shows_the_saga_as_it_is() {
    let world = World::new().await;
    world.register(ORDER).await;
    let _held = world.script.hold("order", Leg::Do);
    let saga = world.begin("order", "k1").await;
    let engine = world.engine.clone();
    let wait = tokio::spawn(async move {
        engine
            .wait(saga.id, Until::Rest, Duration::from_secs(5))
            .await
    });
    // The wait begins before its time is over, or after: either way it ends.
    let advance = async {
        while !wait.is_finished() {
            world.clock.advance(Duration::from_secs(5));
            tokio::task::yield_now().await;
        }
    };
    soon(advance).await;
    let seen = soon(wait).await.unwrap().unwrap().unwrap();
    assert_eq!(seen.status(), Status::Running);
}

#[tokio::test]
async fn a_signal_may_come_early_and_counts_once() {
    let world = World::new().await;
    world.register(APPROVAL).await;
    let held = world.script.hold("order", Leg::Do);
    let saga = world.begin("approval", "k1").await;
    let send = |key: &str| {
        let (name, body) = ("approved".to_owned(), json!({"by": "ada"}));
        world.engine.signal(saga.id, name, key.to_owned(), body)
    };
    assert!(!soon(send("s1")).await.unwrap().replayed);
    assert!(soon(send("s1")).await.unwrap().replayed);
    held.send(http(200, json!({}))).unwrap();
    assert_eq!(world.rest(&saga).await.status(), Status::Completed);
    assert!(
        soon(send("s1")).await.unwrap().replayed,
        "also after the end"
    );
    let ended = soon(send("s2")).await.unwrap_err();
    assert!(matches!(ended, SignalError::Ended { .. }));
}

#[tokio::test]
async fn signals_that_nothing_waits_for_or_that_do_not_hold_are_refused() {
    let world = World::new().await;
    world.register(APPROVAL).await;
    let saga = world.begin("approval", "k1").await;
    let send = |name: &str, body| {
        let (name, key) = (name.to_owned(), "s1".to_owned());
        world.engine.signal(saga.id, name, key, body)
    };
    match soon(send("aproved", json!({}))).await.unwrap_err() {
        SignalError::UnknownSignal { known, .. } => assert_eq!(known, ["approved"]),
        error => panic!("{error}"),
    }
    match soon(send("approved", json!({}))).await.unwrap_err() {
        SignalError::InvalidBody { violations } => assert_eq!(violations.len(), 1),
        error => panic!("{error}"),
    }
    let nobody = banyan_core::id::Id::new(1, 2, 3);
    let lost = world
        .engine
        .signal(nobody, "approved".into(), "s1".into(), json!({}));
    let lost = soon(lost).await.unwrap_err();
    assert!(matches!(lost, SignalError::NoSuchSaga { .. }));
}

#[tokio::test]
async fn a_cancelled_saga_is_undone() {
    let world = World::new().await;
    world.register(APPROVAL).await;
    let saga = world.begin("approval", "k1").await;
    world.script.until_calls(1).await;
    let cancel = || Asked {
        what: Ask::Cancel,
        reason: "changed my mind".into(),
        actor: "ada".into(),
        expected_seq: None,
        operation: None,
    };
    soon(world.engine.ask(saga.id, cancel())).await.unwrap();
    assert_eq!(world.rest(&saga).await.status(), Status::Compensated);
    let ended = soon(world.engine.ask(saga.id, cancel())).await.unwrap_err();
    let AskError::NotAllowedNow { allowed, .. } = ended else {
        panic!("{ended}");
    };
    assert_eq!(allowed, [Verb::Note]);
}

#[tokio::test]
async fn a_retry_comes_at_its_time() {
    let world = World::new().await;
    world.register(ORDER).await;
    world.script.answer("order", Leg::Do, http(503, json!({})));
    let saga = world.begin("order", "k1").await;
    world
        .until(&saga, |saga| {
            saga.steps[0].forward.attempts == 1 && !saga.in_flight()
        })
        .await;
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.rest(&saga).await.status(), Status::Completed);
    let calls = world.script.calls();
    assert_eq!(calls, ["order do 1", "order do 2", "stock do 1"]);
}

#[tokio::test]
async fn lists_go_page_by_page() {
    let world = World::new().await;
    world.register(ORDER).await;
    for key in ["a", "b", "c"] {
        let saga = world.begin("order", key).await;
        world.rest(&saga).await;
        world.clock.advance(Duration::from_millis(1));
    }
    let filter = banyan_store::Filter::default();
    let first = world.engine.list(filter.clone(), None, 2).await.unwrap();
    let keys: Vec<_> = first.items.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(keys, ["c", "b"]);
    let last = world.engine.list(filter, first.next, 2).await.unwrap();
    assert_eq!((last.items.len(), last.next), (1, None));
}
