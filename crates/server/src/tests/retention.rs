//! Sagas past their keeping, over HTTP: what is answered for them, and what dashboards see.

use super::http::Answer;
use super::rig::Rig;
use banyan_core::time::Duration;
use banyan_engine::{Clock, SkippingClock};
use serde_json::json;
use std::sync::Arc;

const KEY: (&str, &str) = ("idempotency-key", "k-1");

/// Ends at once, and wants to be forgotten soon.
const SHORT: &str = "\
saga: short
version: 1
keep: 2h
steps:
  - first:
      set: 1
";

/// Asks until the answer is this one.
async fn until(rig: &Rig, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
    for _ in 0..100_000 {
        let answer = rig.get(path).await;
        if wanted(&answer) {
            return answer;
        }
        tokio::task::yield_now().await;
    }
    panic!("{path} never answered what it should");
}

/// A saga that was purged, looked for in every way.
pub(crate) async fn purged() -> Rig {
    let clock = Arc::new(SkippingClock::default());
    let rig = Rig::by(clock.clone(), |_| {}).await.with_samples().await;
    rig.register("short", SHORT).await;
    let skip = |hours: u64| {
        let by = Duration::from_secs(hours * 3_600);
        assert!(clock.skip_to(clock.now().plus(by)));
    };
    let body = json!({"definition": "short"});
    let saga = rig.accepted("k-1", body.clone()).await;
    let other = rig.accepted("k-1", json!({"definition": "count"})).await;
    let path = format!("/v1/sagas/{}", saga["id"].as_str().unwrap());
    rig.get(&format!("{path}?wait=20")).await;
    skip(3);
    let gone = until(&rig, &path, |answer| answer.status != 200).await;
    for answer in [
        gone,
        rig.get(&format!("{path}/journal")).await,
        rig.get("/v1/definitions/short/sagas/k-1").await,
        rig.post("/v1/sagas", &[KEY], &body).await,
    ] {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (410, "saga_purged")
        );
        let problem = answer.json();
        assert_eq!(problem["saga"], saga["id"]);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("ended completed"), "{detail}");
    }
    changes(&rig, &path, &saga["id"]).await;
    // Another body under the key is still another body.
    let reused = json!({"definition": "short", "input": {"a": 1}});
    let answer = rig.post("/v1/sagas", &[KEY], &reused).await;
    assert_eq!(answer.code(), "key_reused");
    // The server's own default is longer.
    let kept = format!("/v1/sagas/{}", other["id"].as_str().unwrap());
    assert_eq!(rig.get(&kept).await.status, 200);
    let figures = until(&rig, "/metrics", |answer| {
        answer.text().contains("banyan_sagas_purged_total 1")
    });
    let figures = figures.await.text();
    assert!(figures.contains("banyan_retention_last_run_timestamp_seconds"));
    rig
}

/// Who would change it is told the same, by its id and by its key.
async fn changes(rig: &Rig, path: &str, id: &banyan_api::Json) {
    let by_key = "/v1/definitions/short/sagas/k-1";
    let plain = json!({"reason": "r"});
    let note = json!({"reason": "r", "text": "t"});
    let settle =
        json!({"reason": "r", "step": "first", "leg": "do", "as": "done", "evidence": "e"});
    let to = json!({"reason": "r", "version": 1});
    let dry = json!({"reason": "r", "dry_run": true});
    let dry_move = json!({"reason": "r", "version": 1, "dry_run": true});
    for (place, body) in [
        (format!("{path}/cancel"), &plain),
        (format!("{path}/retry"), &plain),
        (format!("{path}/settle"), &settle),
        (format!("{path}/undo"), &plain),
        (format!("{path}/abandon"), &plain),
        (format!("{path}/note"), &note),
        (format!("{path}/move"), &to),
        (format!("{path}/cancel"), &dry),
        (format!("{path}/move"), &dry_move),
        (format!("{path}/signals/approved"), &plain),
        (format!("{by_key}/signals/approved"), &plain),
    ] {
        let answer = rig.post(&place, &[KEY], body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (410, "saga_purged"),
            "{place}"
        );
        let problem = answer.json();
        assert_eq!(&problem["saga"], id, "{place}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("ended completed"), "{place}: {detail}");
    }
}

#[tokio::test]
async fn a_purged_saga_answers_with_its_id_and_last_status() {
    purged().await;
}
