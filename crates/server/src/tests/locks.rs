//! Locks over HTTP: who waits says for whom, and goes on when that one is gone.

use super::rig::Rig;
use banyan_api::Json;
use serde_json::json;

const TURN: &str = "\
saga: turn
version: 1
lock: $input.table
steps:
  - go: { wait: go, for: 1h }
";

async fn come(rig: &Rig, path: &str, wanted: impl Fn(&Json) -> bool) -> Json {
    for _ in 0..10_000 {
        let saga = rig.get(path).await.json();
        if wanted(&saga) {
            return saga;
        }
    }
    panic!("it does not come: {}", rig.get(path).await.text());
}

#[tokio::test]
async fn sagas_of_one_value_run_one_at_a_time_and_say_for_whom_they_wait() {
    let rig = Rig::start().await;
    rig.register("turn", TURN).await;
    let mut paths = Vec::new();
    for key in ["a", "b", "c"] {
        let start = json!({ "definition": "turn", "input": { "table": 7 } });
        let saga = rig.accepted(key, start).await;
        paths.push(format!("/v1/sagas/{}", saga["id"].as_str().unwrap()));
    }
    let first = paths[0].rsplit('/').next().unwrap();
    come(&rig, &paths[0], |saga| {
        saga["waiting_on"][0]["kind"] == "signal"
    })
    .await;
    let last = rig.get(&paths[2]).await.json();
    let waits = &last["waiting_on"][0];
    assert_eq!(waits["kind"], "lock", "{last}");
    let words = waits["message"].as_str().unwrap();
    let whom = format!("2 stand before it, the first is {first} (running)");
    assert!(words.contains(&whom), "{words}");
    for path in &paths {
        come(&rig, path, |saga| saga["waiting_on"][0]["kind"] == "signal").await;
        let key = [("idempotency-key", "s")];
        rig.post(&format!("{path}/signals/go"), &key, &json!({}))
            .await;
        come(&rig, path, |saga| saga["status"] == "completed").await;
    }
}

#[tokio::test]
async fn a_lock_without_a_value_is_refused_at_the_start() {
    let rig = Rig::start().await;
    rig.register("turn", TURN).await;
    let key = [("idempotency-key", "k")];
    for value in [
        json!(null),
        json!([1]),
        json!({}),
        json!("x".repeat(1_000_000)),
    ] {
        let start = json!({ "definition": "turn", "input": { "table": value } });
        let answer = rig.post("/v1/sagas", &key, &start).await;
        assert_eq!(
            (answer.status, answer.code()),
            (422, "invalid_input".to_owned())
        );
        let words = answer.json()["errors"][0]["message"].to_string();
        assert!(words.contains("lock"), "{words}");
    }
}
