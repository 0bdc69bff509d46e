//! The same engine over SQLite: what waits over a restart goes on.

use crate::world::{APPROVAL, SERVICES, Script, StillClock, by, open, soon, test_config};
use banyan_core::id::Id;
use banyan_core::saga::Status;
use banyan_engine::{Engine, StartRequest, Until};
use banyan_store::sqlite;
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinSet;

const SAGAS: usize = 300;

fn open_in(folder: &Path, script: &Script, clock: &StillClock) -> Engine {
    let (writer, reader) = sqlite::open(folder, sqlite::Options::default()).unwrap();
    open(Box::new(writer), reader, script, clock, &test_config())
}

async fn start(engine: Engine, number: usize) -> Id {
    let request = StartRequest {
        namespace: "default".into(),
        definition: "approval".into(),
        version: None,
        key: format!("k{number}"),
        input: json!({"text": "x".repeat(2_000)}),
        request_hash: "hash".into(),
        deadline: None,
    };
    let saga = engine.start(request).await.unwrap().saga;
    let until = Until::StepEnded("order".into());
    engine
        .wait(saga.id, until, Duration::from_secs(60))
        .await
        .unwrap();
    saga.id
}

async fn approve(engine: Engine, id: Id) -> Status {
    let body = json!({"by": "ada"});
    engine
        .signal(id, "approved".into(), "s1".into(), body)
        .await
        .unwrap();
    let rest = engine.wait(id, Until::Rest, Duration::from_secs(60)).await;
    rest.unwrap().unwrap().status()
}

#[tokio::test]
async fn sagas_that_wait_over_a_restart_all_complete() {
    let folder = tempfile::tempdir().unwrap();
    let (script, clock) = (Script::new(), StillClock::default());
    let engine = open_in(folder.path(), &script, &clock);
    for service in SERVICES {
        let settings = json!({"instances": ["http://127.0.0.1:9"]});
        engine.put_service(service, settings, None).await.unwrap();
    }
    engine.register(APPROVAL, true, by()).await.unwrap();
    let mut starts = JoinSet::new();
    for number in 0..SAGAS {
        starts.spawn(start(engine.clone(), number));
    }
    let ids = soon(starts.join_all()).await;
    soon(engine.shutdown(Duration::from_secs(1))).await;
    drop(engine);

    let engine = open_in(folder.path(), &script, &clock);
    let mut signals = JoinSet::new();
    for id in ids {
        signals.spawn(approve(engine.clone(), id));
    }
    let ends = soon(signals.join_all()).await;
    assert_eq!(ends, [Status::Completed; SAGAS]);
    let metrics = engine.metrics().await;
    assert_eq!(
        metrics.counts.by_status.get(&Status::Completed),
        Some(&(SAGAS as u64))
    );
    soon(engine.shutdown(Duration::from_secs(1))).await;
}
