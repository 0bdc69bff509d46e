//! Services that are described outside the store are as described before anything is resumed.

use crate::world::{ORDER, Script, StillClock, World, soon, test_config};
use banyan_core::Timestamp;
use banyan_core::saga::{Leg, Status};
use banyan_core::wire::{Answer, Request};
use banyan_engine::{BoxFuture, By, Calls, Config, Engine, OpenEngineError, Until};
use banyan_outbound::Registry;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Notes where each call would go.
struct Noting {
    script: Script,
    registry: Arc<Registry>,
    went: Arc<Mutex<Vec<String>>>,
}

impl Calls for Noting {
    fn call(&self, request: Arc<Request>, now: Timestamp) -> BoxFuture<'_, Answer> {
        let view = self.registry.view(&request.service).unwrap();
        self.went
            .lock()
            .unwrap()
            .push(view.instances[0].url.clone());
        self.script.call(request, now)
    }
}

type Went = Arc<Mutex<Vec<String>>>;

/// The next life of a world, in which these services are described.
fn reopened(world: World, config: Config) -> (Result<Engine, OpenEngineError>, StillClock, Went) {
    let World {
        store,
        script,
        clock,
        engine,
        ..
    } = world;
    drop(engine);
    let (writer, reader) = store.open();
    let (registry, went) = (Arc::new(Registry::new()), Went::default());
    let calls = Noting {
        script,
        registry: Arc::clone(&registry),
        went: Arc::clone(&went),
    };
    let still = Arc::new(clock.clone());
    let engine = Engine::open(
        Box::new(writer),
        reader,
        registry,
        Arc::new(calls),
        still,
        config,
    );
    (engine, clock, went)
}

fn described(url: &str) -> Config {
    let all = ["orders", "stock"].map(|name| (name.to_owned(), json!({"instances": [url]})));
    Config {
        services: all.to_vec(),
        ..test_config()
    }
}

#[tokio::test]
async fn what_was_in_flight_is_resumed_by_the_services_as_they_are_described_now() {
    let world = World::new().await;
    world.register(ORDER).await;
    let _held = world.script.hold("order", Leg::Do);
    let saga = world.begin("order", "a").await;
    world.script.until_calls(1).await;
    let (engine, clock, went) = reopened(world, described("http://127.0.0.1:10"));
    let engine = engine.unwrap();
    let rest = engine.wait(saga.id, Until::Rest, Duration::from_secs(1 << 30));
    tokio::pin!(rest);
    let rested = soon(async {
        loop {
            tokio::select! {
                biased;
                saga = &mut rest => return saga.unwrap().unwrap(),
                () = tokio::task::yield_now() => clock.advance(Duration::from_millis(10)),
            }
        }
    });
    assert_eq!(rested.await.status(), Status::Completed);
    let went = went.lock().unwrap();
    assert!(went.len() >= 2, "{went:?}");
    let now = |url: &String| url.starts_with("http://127.0.0.1:10");
    assert!(went.iter().all(now), "{went:?}");
}

#[tokio::test]
async fn a_pause_outlives_what_is_described_and_what_did_not_change_is_left_alone() {
    let world = World::new().await;
    let by = By {
        actor: "ada".into(),
        reason: "stocktaking".into(),
    };
    world.engine.pause("orders", by).await.unwrap();
    world.clock.advance(Duration::from_secs(9));
    let (engine, clock, _) = reopened(world, described("http://127.0.0.1:9"));
    let services = engine.unwrap().services().await.unwrap();
    let orders = services.iter().find(|one| one.row.name == "orders");
    let orders = orders.unwrap();
    assert!(orders.row.paused.is_some() && orders.live.paused.is_some());
    let now = banyan_engine::Clock::now(&clock);
    assert!(services.iter().all(|one| one.row.changed_at < now));
}

#[tokio::test]
async fn a_described_service_that_cannot_be_used_is_named() {
    let world = World::new().await;
    let (engine, _, _) = reopened(world, described("no address"));
    let refused = engine.err().unwrap();
    let is_named = matches!(&refused, OpenEngineError::Described { name, .. } if name == "orders");
    assert!(is_named, "{refused}");
}
