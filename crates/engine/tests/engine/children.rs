//! Children through the engine: mail between shards, starts that may not be, and deaths between
//! any two commits.

use crate::world::{World, by, soon, test_config};
use banyan_core::children::ChildProblem;
use banyan_core::saga::{Saga, Status};
use banyan_engine::StartError;
use banyan_store::memory::{MemoryWriter, Store};
use banyan_store::{Change, CommitError, Committed, Reader, Writer};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const PARENT: &str = "
saga: parcel
version: 1
steps:
  - order:
      do: POST orders /orders
      undo: DELETE orders /orders/by-key/{$key}
  - lines:
      each: $input.lines
      as: line
      run: pick
      input: { line: $line }
  - stop:
      when: $input.fails
      refuse: it is off
output: $lines
";

const CHILD: &str = "
saga: pick
version: 4
input: { type: object, properties: { line: { type: integer } } }
steps:
  - pay:
      do: POST payments /charges
      undo: DELETE payments /charges/by-key/{$key}
  - shelf:
      run: shelf
output: { line: $input.line }
";

const GRANDCHILD: &str = "
saga: shelf
version: 1
steps:
  - take:
      do: POST stock /reservations
      undo: DELETE stock /reservations/by-key/{$key}
";

/// A store whose writer dies after so many commits: before the next one, or right behind it.
struct Mortal {
    inner: MemoryWriter,
    left: Arc<AtomicI64>,
    behind: bool,
}

impl Writer for Mortal {
    fn commit(&mut self, changes: &[Change]) -> Result<Committed, CommitError> {
        let message = || "it died".to_owned();
        if self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            return self.inner.commit(changes);
        }
        if self.behind {
            self.inner.commit(changes)?;
        }
        Err(CommitError::Unknown { message: message() })
    }
}

async fn register(world: &World) {
    for source in [GRANDCHILD, CHILD, PARENT] {
        world.register(source).await;
    }
}

/// Lets time pass until the saga rests.
async fn rested(world: &World, saga: &Saga) -> Arc<Saga> {
    soon(async {
        loop {
            let now = world.engine.get(saga.id).await.unwrap().unwrap();
            if now.status().is_rest() {
                return now;
            }
            world.clock.advance(Duration::from_millis(50));
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// Everybody came to the same end, and nothing is owed.
async fn agrees(world: &World, saga: &Saga, status: Status, story: &str) {
    assert_eq!(saga.status(), status, "{story}\n{}", saga.draw());
    let mut open = vec![saga.id];
    let mut members = 0;
    while let Some(id) = open.pop() {
        members += 1;
        let one = world.engine.get(id).await.unwrap().unwrap();
        assert_eq!(one.status(), status, "I-45: {story}\n{}", one.draw());
        let children = world.engine.children(&one).await.unwrap();
        open.extend(children.iter().map(|child| child.id));
    }
    assert_eq!(members, 5, "I-46: {story}");
    let (_, reader) = world.store.open();
    let owed = reader.messages(None, 9).unwrap();
    assert!(owed.is_empty(), "I-46: {story}: {owed:?}");
    let all = reader.list(&banyan_store::Filter::default(), None, 99);
    assert_eq!(all.unwrap().len(), 5, "I-46: {story}");
}

#[tokio::test]
async fn a_parent_completes_with_its_children_and_is_undone_with_them() {
    for (fails, status) in [(false, Status::Completed), (true, Status::Compensated)] {
        let world = World::new().await;
        register(&world).await;
        let input = json!({"lines": [7, 8], "fails": fails});
        let saga = world.start("parcel", "k1", input).await.unwrap().saga;
        let saga = rested(&world, &saga).await;
        if !fails {
            assert_eq!(saga.output, Some(json!([{"line": 7}, {"line": 8}])));
        }
        agrees(&world, &saga, status, "undisturbed").await;
    }
}

#[tokio::test]
async fn a_death_between_any_two_commits_loses_and_doubles_nothing() {
    for (fails, status) in [(false, Status::Completed), (true, Status::Compensated)] {
        let mut deaths = 0;
        for (commits, behind) in (0..60).flat_map(|commits| [(commits, false), (commits, true)]) {
            let store = Store::new("mortal");
            let (inner, reader) = store.open();
            let left = Arc::new(AtomicI64::new(i64::MAX));
            let writer = Mortal {
                inner,
                left: Arc::clone(&left),
                behind,
            };
            let world = World::around(store, Box::new(writer), reader, test_config()).await;
            register(&world).await;
            left.store(commits, Ordering::SeqCst);
            let input = json!({"lines": [7, 8], "fails": fails});
            let first = world.start("parcel", "k1", input.clone()).await;
            if let Ok(started) = &first {
                soon(async {
                    // One that died answers nothing.
                    while let Ok(Some(saga)) = world.engine.get(started.saga.id).await
                        && !saga.status().is_rest()
                        && left.load(Ordering::SeqCst) >= 0
                    {
                        world.clock.advance(Duration::from_millis(50));
                        tokio::task::yield_now().await;
                    }
                })
                .await;
            }
            let died = left.load(Ordering::SeqCst) < 0;
            deaths += u32::from(died);
            let world = world.crash().await;
            let saga = world.start("parcel", "k1", input).await.unwrap().saga;
            let saga = rested(&world, &saga).await;
            let story = format!("died {died} after {commits} commits, behind {behind}");
            agrees(&world, &saga, status, &story).await;
            if !died {
                break;
            }
        }
        // How many commits there are hangs on what is gathered into one.
        assert!(deaths >= 12, "{deaths}");
    }
}

#[tokio::test]
async fn a_start_whose_children_are_not_there_or_may_not_be_is_refused() {
    let world = World::new().await;
    world.register(PARENT).await;
    let start = || world.start("parcel", "k1", json!({"lines": [1], "fails": false}));
    let refused = start().await.unwrap_err().to_string();
    assert_eq!(refused, "the child pick is not registered");
    world.register(CHILD).await;
    let refused = start().await.unwrap_err().to_string();
    assert_eq!(refused, "the child shelf is not registered");
    let round = "saga: shelf\nversion: 2\nsteps:\n  - a:\n      run: parcel\n";
    let refused = world.engine.register(round, true, by()).await.unwrap_err();
    let told = format!("{refused:?}");
    assert!(told.contains("parcel runs pick runs shelf"), "{told}");
    let firm = "saga: shelf\nversion: 3\nsteps:\n  - a:\n      set: 1\n      pivot: true\n";
    world.register(firm).await;
    let problem = start().await.unwrap_err();
    assert!(
        matches!(problem, StartError::Child(ChildProblem::NoReturn { .. })),
        "{problem}"
    );
    world.register(GRANDCHILD).await;
    let saga = start().await.unwrap().saga;
    assert_eq!(rested(&world, &saga).await.status(), Status::Completed);
}

#[tokio::test]
async fn a_child_whose_input_does_not_hold_refuses_its_step_with_the_reason() {
    let world = World::new().await;
    register(&world).await;
    let input = json!({"lines": ["seven"], "fails": false});
    let saga = world.start("parcel", "k1", input).await.unwrap().saga;
    let saga = rested(&world, &saga).await;
    assert_eq!(saga.status(), Status::Compensated);
    let reason = saga.reason.clone().unwrap();
    assert_eq!(reason.step.as_deref(), Some("lines[0]"));
    let expected = "pick was undone: pick does not take the input at /line";
    assert!(reason.message.starts_with(expected), "{}", reason.message);
    let child = &world.engine.children(&saga).await.unwrap()[0];
    assert_eq!(
        (child.status, child.path.as_str()),
        (Status::Compensated, "lines[0]")
    );
}
