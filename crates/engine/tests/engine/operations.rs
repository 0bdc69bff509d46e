//! Operations over many sagas: what they are about is fixed when they begin, each saga is taken
//! at most once whatever dies in between, and the figures add up. And the audit that tells it.

use crate::world::{ORDER, World, by, http, soon, test_config};
use banyan_core::id::Id;
use banyan_core::saga::{Ask, Asked, Leg, Status};
use banyan_engine::{
    Deed, Operation, OperationError, OperationRequest, OperationState, StartRequest,
};
use banyan_store::{AuditQuery, Filter, OperationKey};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// As many as show it in a moment; optimised, it is the hundred thousand.
const SAGAS: usize = if cfg!(debug_assertions) { 400 } else { 100_000 };

/// Slow enough that it is seen under way, whatever the clock does meanwhile.
const RATE: u32 = if cfg!(debug_assertions) { 40 } else { 10_000 };

/// A second step that refuses makes the saga undo its first, whose undo is refused too.
const STUCK: &str = "
saga: order
version: 1
steps:
  - order:
      do: POST orders /orders
      undo: DELETE orders /orders/1
  - stock:
      do: POST stock /reservations
      undo: none
";

fn request(deed: Deed, filter: Filter) -> OperationRequest {
    OperationRequest {
        deed,
        filter,
        asked: json!({}),
        reason: "the ledger was mended".into(),
        actor: "ada".into(),
        rate: RATE,
        preview: None,
        key: None,
    }
}

fn stuck() -> Filter {
    Filter {
        status: vec![Status::Stuck],
        ..Filter::default()
    }
}

fn retry() -> Deed {
    Deed::Retry(Default::default())
}

/// A world with so many sagas whose undo was refused.
async fn world_of_stuck(count: usize) -> (World, Vec<Id>) {
    let world = World::with(test_config()).await;
    world.register(STUCK).await;
    for _ in 0..count {
        world
            .script
            .answer("stock", Leg::Do, http(409, json!({"message": "sold out"})));
        world
            .script
            .answer("order", Leg::Undo, http(409, json!({"message": "shipped"})));
    }
    let mut ids = Vec::with_capacity(count);
    let keys: Vec<String> = (0..count).map(|number| format!("k{number}")).collect();
    for keys in keys.chunks(100) {
        let starts: Vec<StartRequest> = keys
            .iter()
            .map(|key| world.request("order", key, json!({})))
            .collect();
        let mut sagas = Vec::new();
        for start in starts {
            sagas.push(soon(world.engine.start(start)).await.unwrap().saga);
        }
        for saga in sagas {
            assert_eq!(world.rest(&saga).await.status(), Status::Stuck);
            ids.push(saga.id);
        }
    }
    (world, ids)
}

/// Lets time go until an operation is as it is waited for.
async fn until(world: &World, id: Id, holds: impl Fn(&Operation) -> bool) -> Arc<Operation> {
    let looked = async {
        loop {
            let operation = world.engine.operation(id).await.unwrap();
            if holds(&operation) {
                return operation;
            }
            world.clock.advance(Duration::from_millis(50));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(55), looked)
        .await
        .expect("the operation went on")
}

async fn over(world: &World, id: Id) -> Arc<Operation> {
    until(world, id, |operation| !operation.state.is_open()).await
}

fn adds_up(operation: &Operation) {
    let failed: u64 = operation.failed.values().sum();
    let skipped: u64 = operation.skipped.values().sum();
    assert_eq!(
        operation.done + failed + skipped,
        operation.position,
        "{operation:?}"
    );
}

/// How often each verb of the audit was taken of each saga.
async fn told(world: &World, verb: &str) -> BTreeMap<Id, usize> {
    let query = AuditQuery {
        verb: vec![verb.to_owned()],
        limit: usize::MAX,
        ..AuditQuery::default()
    };
    let mut told = BTreeMap::new();
    for entry in world.engine.audit(query).await.unwrap() {
        *told.entry(entry.row.saga.unwrap()).or_default() += 1;
    }
    told
}

fn ask(what: Ask) -> Asked {
    Asked {
        what,
        reason: "by hand".into(),
        actor: "bob".into(),
        expected_seq: None,
        operation: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_is_previewed_paused_killed_and_ends_with_figures_that_add_up() {
    let (mut world, ids) = world_of_stuck(SAGAS).await;
    let wanted = request(retry(), stuck());
    let preview = world.engine.preview_operation(&wanted);
    let preview = preview.await.unwrap();
    assert_eq!(preview.selected as usize, SAGAS);
    assert_eq!(
        preview.counts[&("order".to_owned(), Status::Stuck)],
        SAGAS as u64
    );
    assert_eq!(preview.verdicts.allowed, preview.verdicts.looked_at);
    assert_eq!(preview.sample.len(), 5);
    // One in a hundred is taken out of the way by hand after the preview.
    let hundredth = SAGAS / 100;
    for id in &ids[..hundredth] {
        world.engine.ask(*id, ask(Ask::Abandon)).await.unwrap();
    }
    let asked = OperationRequest {
        preview: Some(preview.token),
        ..request(retry(), stuck())
    };
    let operation = world.engine.begin_operation(asked).await.unwrap().operation;
    assert_eq!(operation.selected as usize, SAGAS);
    let id = operation.id;
    until(&world, id, |operation| operation.position > 0).await;
    let paused = world.engine.pause_operation(id, by()).await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    let still = world.engine.operation(id).await.unwrap();
    assert_eq!(
        (still.position, still.state),
        (paused.position, OperationState::Paused)
    );
    // A pause outlives a crash.
    world = world.crash().await;
    let still = world.engine.operation(id).await.unwrap();
    assert_eq!(
        (still.position, still.state),
        (paused.position, OperationState::Paused)
    );
    world.engine.resume_operation(id, by()).await.unwrap();
    for part in [3, 2] {
        let at = SAGAS as u64 / part;
        until(&world, id, |operation| {
            operation.position >= at || !operation.state.is_open()
        })
        .await;
        world = world.crash().await;
    }
    let ended = over(&world, id).await;
    adds_up(&ended);
    assert_eq!(ended.position as usize, SAGAS);
    assert_eq!(ended.done as usize, SAGAS - hundredth, "{ended:?}");
    assert_eq!(ended.skipped["changed_since_preview"] as usize, hundredth);
    let told = told(&world, "retry").await;
    assert_eq!(told.len(), SAGAS - hundredth);
    assert!(told.values().all(|times| *times == 1), "each once");
}

#[tokio::test]
async fn what_fails_is_counted_by_its_code_and_told() {
    let (world, ids) = world_of_stuck(20).await;
    for id in &ids[..3] {
        world.engine.ask(*id, ask(Ask::Abandon)).await.unwrap();
    }
    let every = request(Deed::Abandon, Filter::default());
    let preview = world.engine.preview_operation(&every).await.unwrap();
    let (refused, message) = &preview.verdicts.refused["not_allowed_now"];
    assert_eq!((preview.verdicts.allowed, *refused), (17, 3));
    assert!(message.contains("abandoned"), "{message}");
    let begun = world.engine.begin_operation(every).await.unwrap().operation;
    let ended = over(&world, begun.id).await;
    adds_up(&ended);
    assert_eq!((ended.done, ended.failed["not_allowed_now"]), (17, 3));
    assert_eq!(ended.failures.len(), 3);
    assert!(
        ended
            .failures
            .iter()
            .all(|one| ids[..3].contains(&one.saga))
    );
}

#[tokio::test]
async fn a_saga_that_took_the_verb_before_its_operation_was_counted_is_not_asked_again() {
    let (world, ids) = world_of_stuck(4).await;
    let slow = OperationRequest {
        rate: 1,
        ..request(
            Deed::Note {
                text: Some("seen".into()),
                owner: None,
            },
            Filter::default(),
        )
    };
    let begun = world.engine.begin_operation(slow).await.unwrap().operation;
    let id = begun.id;
    world.engine.pause_operation(id, by()).await.unwrap();
    let before = world.engine.operation(id).await.unwrap();
    // As a crash leaves it between the commit of a verb and that of the operation's figures.
    let next = ids[ids.len() - 1 - before.position as usize];
    let taken = Asked {
        operation: Some(id),
        ..ask(Ask::Note {
            text: Some("seen".into()),
            owner: None,
        })
    };
    world.engine.ask(next, taken).await.unwrap();
    let world = world.crash().await;
    world.engine.resume_operation(id, by()).await.unwrap();
    let ended = over(&world, id).await;
    assert_eq!(ended.done, 4);
    let told = told(&world, "note").await;
    assert_eq!(told.len(), 4);
    assert!(told.values().all(|times| *times == 1), "{told:?}");
}

#[tokio::test]
async fn sagas_that_no_longer_match_are_left_alone_and_new_ones_are_not_taken() {
    let (world, ids) = world_of_stuck(6).await;
    let slow = OperationRequest {
        rate: 1,
        ..request(Deed::Abandon, stuck())
    };
    let begun = world.engine.begin_operation(slow).await.unwrap().operation;
    let held = world.engine.pause_operation(begun.id, by()).await.unwrap();
    // The oldest come last.
    world.engine.ask(ids[0], ask(Ask::Abandon)).await.unwrap();
    world
        .script
        .answer("stock", Leg::Do, http(409, json!({"message": "sold out"})));
    world
        .script
        .answer("order", Leg::Undo, http(409, json!({"message": "shipped"})));
    let new = world.begin("order", "new").await;
    assert_eq!(world.rest(&new).await.status(), Status::Stuck);
    world.engine.resume_operation(held.id, by()).await.unwrap();
    let ended = over(&world, held.id).await;
    adds_up(&ended);
    assert_eq!(
        (ended.selected, ended.done, ended.skipped["ended"]),
        (6, 5, 1)
    );
    assert_eq!(world.rest(&new).await.status(), Status::Stuck);
}

#[tokio::test]
async fn what_an_operation_cannot_be_is_refused() {
    let (world, _) = world_of_stuck(1).await;
    let none = Filter {
        key: vec!["nobody".into()],
        ..Filter::default()
    };
    let nothing = world.engine.begin_operation(request(retry(), none.clone()));
    assert!(matches!(
        nothing.await,
        Err(OperationError::NothingSelected)
    ));
    let wanted = request(retry(), stuck());
    let preview = world.engine.preview_operation(&wanted);
    let token = preview.await.unwrap().token;
    let by_token = |token: &str, filter| OperationRequest {
        preview: Some(token.to_owned()),
        ..request(retry(), filter)
    };
    for request in [by_token("none", stuck()), by_token(&token, none)] {
        let error = world.engine.begin_operation(request).await.unwrap_err();
        assert!(matches!(error, OperationError::NoSuchPreview));
    }
    let unknown = Id::new(1, 1, 1);
    let error = world
        .engine
        .pause_operation(unknown, by())
        .await
        .unwrap_err();
    assert!(matches!(error, OperationError::NoSuchOperation { .. }));
    let begun = world.engine.begin_operation(request(retry(), stuck()));
    let id = begun.await.unwrap().operation.id;
    world.engine.cancel_operation(id, by()).await.unwrap();
    let again = world.engine.cancel_operation(id, by()).await;
    let state = again
        .map(|one| one.state)
        .unwrap_or(OperationState::Completed);
    let error = world.engine.resume_operation(id, by()).await.unwrap_err();
    assert!(matches!(error, OperationError::Over { .. }), "{state:?}");
}

#[tokio::test]
async fn a_key_begins_one_operation_also_when_it_comes_twice_at_once_and_after_a_crash() {
    let (world, _) = world_of_stuck(3).await;
    let keyed = |hash: &str| OperationRequest {
        key: Some(OperationKey {
            namespace: "default".into(),
            key: "tuesday".into(),
            request_hash: hash.into(),
        }),
        ..request(Deed::Abandon, stuck())
    };
    let (first, second) = tokio::join!(
        world.engine.begin_operation(keyed("a")),
        world.engine.begin_operation(keyed("a")),
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.operation.id, second.operation.id);
    assert_ne!(first.replayed, second.replayed);
    let id = first.operation.id;
    assert_eq!(over(&world, id).await.done, 3);
    let world = world.crash().await;
    // Nothing is selected any more: a repeat is answered all the same.
    let again = world.engine.begin_operation(keyed("a")).await.unwrap();
    assert_eq!((again.operation.id, again.replayed), (id, true));
    assert_eq!(again.operation.done, 3);
    let other = world.engine.begin_operation(keyed("b")).await.unwrap_err();
    assert!(
        matches!(&other, OperationError::KeyReused { key, id: of } if key == "tuesday" && *of == id),
        "{other}"
    );
    assert_eq!(world.engine.operations(None, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_audit_tells_every_verb_and_every_brake() {
    let world = World::new().await;
    world.register(ORDER).await;
    let held = world.script.hold("order", Leg::Do);
    let saga = world.begin("order", "a").await;
    world.script.until_calls(1).await;
    let note = Ask::Note {
        text: Some("asked the shop".into()),
        owner: Some("ann".into()),
    };
    world.engine.ask(saga.id, ask(note)).await.unwrap();
    world.engine.ask(saga.id, ask(Ask::Cancel)).await.unwrap();
    // Refused: it leaves no row.
    let refused = world.engine.ask(saga.id, ask(Ask::Cancel)).await;
    assert!(refused.is_err());
    drop(held);
    world.engine.pause("stock", by()).await.unwrap();
    world.engine.resume("stock", by()).await.unwrap();
    world.engine.activate("order", 1, by()).await.unwrap();
    let brake = Some("stocktaking".to_owned());
    world
        .engine
        .set_accepting("order", brake, by())
        .await
        .unwrap();
    let query = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    let rows = world.engine.audit(query).await.unwrap();
    let line = |entry: &banyan_store::AuditEntry| {
        let row = &entry.row;
        let name = row.name.as_deref().unwrap_or("-");
        let mut detail = row.detail.clone();
        if let Some(members) = detail.as_object_mut() {
            // How definitions and services stood is looked at over HTTP.
            members.remove("before");
            members.remove("after");
            members.remove("hash");
        }
        let detail = banyan_core::json::canonical(&detail);
        format!("{} {} {name} {} {detail}", row.actor, row.verb, row.reason)
    };
    let lines: Vec<String> = rows.iter().rev().map(line).collect();
    assert_eq!(
        lines,
        [
            r#"ada register order stocktaking {"activated":true,"version":1}"#,
            r#"bob note order by hand {"owner":"ann","text":"asked the shop"}"#,
            "bob cancel order by hand null",
            "ada pause stock stocktaking {}",
            "ada resume stock stocktaking {}",
            r#"ada activate order stocktaking {"version":1}"#,
            r#"ada accepting order stocktaking {"accepting":false}"#,
        ]
    );
    let cancel = &rows[rows.len() - 2].row;
    assert_eq!(cancel.saga, Some(saga.id));
    let (before, after) = (cancel.before.unwrap(), cancel.after.unwrap());
    assert!(before.seq < after.seq && before.status == Status::Running);
}
