//! Retention through the engine: who goes when, who goes before whom, and what is left.

use crate::world::{World, by, soon};
use banyan_core::id::Id;
use banyan_core::saga::{Saga, Status};
use banyan_engine::{Deed, OperationError, OperationRequest, StartError};
use banyan_store::{AuditQuery, CommitError, Filter};
use serde_json::json;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

const LONG: &str = "
saga: long
version: 1
steps:
  - first:
      set: 1
";

const SHORT: &str = "
saga: short
version: 1
keep: 2h
steps:
  - first:
      set: 1
";

const PARENT: &str = "
saga: parent
version: 1
steps:
  - inside:
      run: short
";

async fn is_gone(world: &World, id: Id) -> bool {
    world.engine.get(id).await.unwrap().is_none()
}

async fn until_gone(world: &World, id: Id) {
    soon(async {
        while !is_gone(world, id).await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Waits until a pass that was begun now has come to its end: only then may time go on, since
/// one in the middle of its work would rest by a clock that stands still again.
async fn until_passed(world: &World) {
    let now = world.engine.now();
    soon(async {
        while world.engine.metrics().await.retention_run < Some(now) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn ended(world: &World, definition: &str, key: &str) -> std::sync::Arc<Saga> {
    let saga = world.begin(definition, key).await;
    let saga = world.rest(&saga).await;
    assert_eq!(saga.status(), Status::Completed);
    saga
}

#[tokio::test]
async fn a_saga_goes_when_its_time_is_over_and_its_key_long_after() {
    let world = World::new().await;
    world.register(LONG).await;
    world.register(SHORT).await;
    let long = ended(&world, "long", "k").await;
    let short = ended(&world, "short", "k").await;
    until_passed(&world).await;
    world.clock.advance(HOUR);
    until_passed(&world).await;
    assert!(!is_gone(&world, short.id).await, "an hour is left");
    world.clock.advance(HOUR);
    until_gone(&world, short.id).await;
    until_passed(&world).await;
    assert!(!is_gone(&world, long.id).await);
    let left = world.engine.purged(short.id).await.unwrap().unwrap();
    assert_eq!(
        (left.status, Some(left.ended_at)),
        (Status::Completed, short.ended_at)
    );
    let again = world.start("short", "k", json!({})).await.unwrap_err();
    assert!(
        matches!(again, StartError::Purged { id, status: Status::Completed } if id == short.id),
        "{again}"
    );
    let other = world
        .start("short", "k", json!({"a": 1}))
        .await
        .unwrap_err();
    assert!(matches!(other, StartError::KeyReused { .. }), "{other}");
    world.clock.advance(DAY * 30);
    until_gone(&world, long.id).await;
    until_passed(&world).await;
    world.clock.advance(DAY * 369);
    until_passed(&world).await;
    assert!(world.engine.purged(short.id).await.unwrap().is_some());
    world.clock.advance(DAY);
    until_passed(&world).await;
    assert_eq!(world.engine.purged(short.id).await.unwrap(), None);
    let anew = ended(&world, "short", "k").await;
    assert_ne!(anew.id, short.id);
    let figures = world.engine.metrics().await;
    assert_eq!((figures.purged, figures.keys_forgotten), (2, 2));
}

#[tokio::test]
async fn a_child_is_kept_as_long_as_its_parent() {
    let world = World::new().await;
    world.register(SHORT).await;
    world.register(PARENT).await;
    let parent = ended(&world, "parent", "k").await;
    let child = world.engine.children(&parent).await.unwrap()[0].id;
    until_passed(&world).await;
    world.clock.advance(DAY);
    until_passed(&world).await;
    assert!(!is_gone(&world, child).await);
    world.clock.advance(DAY * 30);
    until_gone(&world, parent.id).await;
    // Where both were accepted in one millisecond the child may have been asked first.
    until_passed(&world).await;
    world.clock.advance(HOUR);
    until_gone(&world, child).await;
}

#[tokio::test]
async fn more_than_one_batch_goes_in_one_pass() {
    const MANY: usize = 700;
    let world = World::new().await;
    world.register(LONG).await;
    for number in 0..MANY {
        world.begin("long", &format!("k{number}")).await;
    }
    let open = world.engine.metrics().await.counts.by_status;
    assert_eq!(open.get(&Status::Completed), Some(&(MANY as u64)));
    until_passed(&world).await;
    world.clock.advance(DAY * 31);
    until_passed(&world).await;
    let figures = world.engine.metrics().await;
    assert_eq!(figures.purged, MANY as u64);
    assert!(figures.counts.by_status.is_empty());
}

#[tokio::test]
async fn what_a_failed_commit_leaves_goes_with_the_next_pass() {
    let world = World::new().await;
    world.register(LONG).await;
    let saga = ended(&world, "long", "k").await;
    until_passed(&world).await;
    let message = "the disk is full".to_owned();
    let error = CommitError::Unavailable { message };
    world.store.fail_next_commit(error);
    world.clock.advance(DAY * 31);
    soon(async {
        while world.engine.metrics().await.commits_unavailable == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!is_gone(&world, saga.id).await);
    // The next pass may not have been put to sleep yet: time goes on until it was.
    soon(async {
        while !is_gone(&world, saga.id).await {
            world.clock.advance(HOUR);
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// A note over all that is there, so slow that it is seen under way.
async fn noted(world: &World) -> Id {
    let request = OperationRequest {
        deed: Deed::Note {
            text: Some("seen".into()),
            owner: None,
        },
        filter: Filter::default(),
        asked: json!({}),
        reason: "stocktaking".into(),
        actor: "ada".into(),
        rate: 1,
        preview: None,
        key: None,
    };
    let begun = world.engine.begin_operation(request).await.unwrap();
    begun.operation.id
}

async fn verbs(world: &World) -> Vec<String> {
    let query = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    let rows = world.engine.audit(query).await.unwrap();
    rows.into_iter().map(|entry| entry.row.verb).collect()
}

#[tokio::test]
async fn operations_that_are_over_and_the_audit_go_when_their_time_is_over() {
    let world = World::new().await;
    world.register(LONG).await;
    ended(&world, "long", "a").await;
    ended(&world, "long", "b").await;
    let over = noted(&world).await;
    world.engine.cancel_operation(over, by()).await.unwrap();
    let paused = noted(&world).await;
    world.engine.pause_operation(paused, by()).await.unwrap();
    let before = verbs(&world).await;
    world.clock.advance(DAY * 399);
    until_passed(&world).await;
    assert_eq!(verbs(&world).await, before, "a day is left");
    world.clock.advance(DAY * 2);
    until_passed(&world).await;
    let gone = world.engine.operation(over).await.unwrap_err();
    assert!(
        matches!(gone, OperationError::NoSuchOperation { .. }),
        "{gone}"
    );
    // What the open one is told by is kept, however old.
    let left = verbs(&world).await;
    assert!(left.contains(&"pause_operation".to_owned()), "{left:?}");
    assert!(!left.contains(&"cancel_operation".to_owned()), "{left:?}");
    world.engine.cancel_operation(paused, by()).await.unwrap();
    until_passed(&world).await;
    world.clock.advance(HOUR);
    until_passed(&world).await;
    assert_eq!(verbs(&world).await, ["cancel_operation"]);
    assert!(world.engine.operation(paused).await.is_ok(), "it is young");
}
