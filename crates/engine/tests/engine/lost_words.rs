//! Words between sagas that were lost on their way, of a lock that came free and of a child that
//! ended: the store knows them, and everybody goes on by what it says (I-8, I-9, I-45).

use crate::faulty::{Faults, faulty};
use crate::gated::gated;
use crate::world::{World, http, soon, test_config};
use banyan_core::id::{Id, spread};
use banyan_core::saga::{Leg, Saga, Status};
use banyan_engine::Config;
use banyan_store::memory::Store;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const LOCKED: &str = "
saga: locked
version: 1
lock: $input.table
steps:
  - order: { do: POST orders /orders, undo: DELETE orders /orders/1 }
";

const NAP: &str = "
saga: nap
version: 1
steps:
  - nap: { sleep: 20d }
";

const PARENT: &str = "
saga: parcel
version: 1
steps:
  - shelf: { run: shelf }
";

const CHILD: &str = "
saga: shelf
version: 1
steps:
  - take: { do: POST stock /reservations, undo: DELETE stock /reservations/1 }
";

/// A world whose store can be told to fail, and which keeps no saga in memory that waits.
async fn failing() -> (World, Arc<Faults>) {
    let config = Config {
        cached_sagas: 0,
        ..test_config()
    };
    let (store, faults) = (Store::new("failing"), Arc::<Faults>::default());
    let (writer, reader) = faulty(&store, &faults);
    (World::around(store, writer, reader, config).await, faults)
}

/// A start key whose saga another shell drives than this one's.
fn elsewhere(saga: &Saga) -> String {
    let shard = |key: &str| Id::new(0, 0, spread("default", "nap", key)).shard(4);
    let mut keys = (0..).map(|number| format!("k{number}"));
    keys.find(|key| shard(key) != saga.id.shard(4)).unwrap()
}

async fn locked(world: &World, key: &str) -> Arc<Saga> {
    let started = world.start("locked", key, json!({"table": 7})).await;
    started.unwrap().saga
}

async fn yields() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Waits until a load failed.
async fn stumbled(faults: &Faults) {
    soon(async {
        while faults.failed.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Lets a few seconds pass, a little at a time, until the saga rests; far less than its patrol.
async fn rests_within_a_minute(world: &World, saga: &Saga) {
    for _ in 0..600 {
        let now = world.engine.get(saga.id).await.unwrap().unwrap();
        if now.status().is_rest() {
            assert_eq!(now.status(), Status::Completed);
            return;
        }
        world.clock.advance(Duration::from_millis(100));
        yields().await;
    }
    panic!("the word was lost: {:?}", world.engine.get(saga.id).await);
}

#[tokio::test]
async fn a_lock_that_comes_free_in_a_commit_with_a_service_is_granted() {
    let (world, gate) = gated(test_config()).await;
    world.register(LOCKED).await;
    world.register(NAP).await;
    let held = world.script.hold("order", Leg::Do);
    let first = locked(&world, "a").await;
    world.script.until_calls(1).await;
    let second = locked(&world, "b").await;
    gate.set(false);
    let mut waiting = gate.waiting.subscribe();
    // One commit is under way, of another shell, and a service comes to the writer behind it,
    // before the end of who holds the lock.
    let engine = world.engine.clone();
    let start = world.request("nap", &elsewhere(&first), json!({}));
    let under_way = tokio::spawn(async move { engine.start(start).await });
    soon(waiting.wait_for(|held| *held)).await.unwrap();
    let engine = world.engine.clone();
    let settings = json!({"instances": ["http://127.0.0.1:9"]});
    let service = tokio::spawn(async move { engine.put_service("another", settings, None).await });
    yields().await;
    held.send(http(200, json!({}))).unwrap();
    yields().await;
    gate.set(true);
    soon(under_way).await.unwrap().unwrap();
    assert!(soon(service).await.unwrap().unwrap());
    assert_eq!(world.rest(&first).await.status(), Status::Completed);
    assert_eq!(world.rest(&second).await.status(), Status::Completed);
}

#[tokio::test]
async fn a_lock_that_came_free_without_a_word_is_found_by_the_patrol_of_who_waits() {
    let (world, faults) = failing().await;
    world.register(LOCKED).await;
    let held = world.script.hold("order", Leg::Do);
    let first = locked(&world, "a").await;
    world.script.until_calls(1).await;
    let second = locked(&world, "b").await;
    faults.silent.store(true, Ordering::SeqCst);
    held.send(http(200, json!({}))).unwrap();
    assert_eq!(world.rest(&first).await.status(), Status::Completed);
    yields().await;
    assert_eq!(world.script.calls().len(), 1, "nobody was told");
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(world.rest(&second).await.status(), Status::Completed);
}

#[tokio::test]
async fn a_free_lock_is_taken_after_one_failed_read() {
    let (world, faults) = failing().await;
    world.register(LOCKED).await;
    let held = world.script.hold("order", Leg::Do);
    let first = locked(&world, "a").await;
    world.script.until_calls(1).await;
    let second = locked(&world, "b").await;
    *faults.unreadable.lock().unwrap() = Some(second.id);
    held.send(http(200, json!({}))).unwrap();
    assert_eq!(world.rest(&first).await.status(), Status::Completed);
    stumbled(&faults).await;
    *faults.unreadable.lock().unwrap() = None;
    rests_within_a_minute(&world, &second).await;
}

#[tokio::test]
async fn the_end_of_a_child_reaches_its_parent_after_one_failed_read() {
    let (world, faults) = failing().await;
    world.register(CHILD).await;
    world.register(PARENT).await;
    let held = world.script.hold("take", Leg::Do);
    let parent = world.begin("parcel", "a").await;
    world.script.until_calls(1).await;
    *faults.unreadable.lock().unwrap() = Some(parent.id);
    held.send(http(200, json!({}))).unwrap();
    stumbled(&faults).await;
    *faults.unreadable.lock().unwrap() = None;
    rests_within_a_minute(&world, &parent).await;
}
