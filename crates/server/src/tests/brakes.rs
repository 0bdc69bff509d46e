//! Brakes: a definition that takes no starts, a service that is paused. Both outlast a restart
//! and say why.

use super::rig::Rig;
use banyan_api::Json;
use serde_json::json;

const PAY: &str = "\
saga: pay
version: 1
steps:
  - charge: { do: POST payments /charges, undo: none }
";

const FAMILY: &str = "\
saga: family
version: 1
steps:
  - go: { wait: go, for: 1h }
  - child: { run: count }
";

async fn started() -> (Rig, crate::Config) {
    let folder = tempfile::tempdir().unwrap();
    let config = crate::Config::new(folder.path(), "127.0.0.1:0".parse().unwrap());
    let handle = crate::start(config.clone()).await.unwrap();
    let rig = Rig::around(handle, folder).await;
    let rig = rig.with_samples().await;
    (rig, config)
}

async fn restarted(rig: Rig, config: crate::Config) -> Rig {
    let (handle, folder) = rig.into_parts();
    handle.stop().await.unwrap();
    Rig::around(crate::start(config).await.unwrap(), folder).await
}

async fn brake(rig: &Rig, definition: &str) {
    let body = json!({"accepting": false, "reason": "the year is closed"});
    let path = format!("/v1/definitions/{definition}/accepting");
    let answer = rig.put(&path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["refusal"], "the year is closed");
}

#[tokio::test]
async fn a_definition_that_takes_no_starts_says_why_also_after_a_restart() {
    let (rig, config) = started().await;
    let known = rig.accepted("k", json!({"definition": "count"})).await;
    brake(&rig, "count").await;
    let rig = restarted(rig, config).await;
    let refused = json!({"definition": "count"});
    let other = [("idempotency-key", "other")];
    let answer = rig.post("/v1/sagas", &other, &refused).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "not_accepting")
    );
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("the year is closed"), "{detail}");
    let again = rig.accepted("k", refused).await;
    assert_eq!(again["id"], known["id"], "a known key is answered");
    let shown = rig.get("/v1/definitions/count").await.json();
    assert_eq!(
        (&shown["accepting"], &shown["refusal"]),
        (&json!(false), &json!("the year is closed"))
    );
    let list = rig.get("/v1/definitions").await.json();
    let counts = list["items"].as_array().unwrap().iter();
    let count: Vec<&Json> = counts.filter(|one| one["name"] == "count").collect();
    assert_eq!(count[0]["accepting"], false);
    rig.put(
        "/v1/definitions/count/accepting",
        &json!({"accepting": true}),
    )
    .await;
    rig.accepted("other", json!({"definition": "count"})).await;
}

#[tokio::test]
async fn children_of_parents_that_run_still_start() {
    let (rig, _) = started().await;
    rig.register("family", FAMILY).await;
    let saga = rig.accepted("k", json!({"definition": "family"})).await;
    let path = format!("/v1/sagas/{}", saga["id"].as_str().unwrap());
    brake(&rig, "count").await;
    let key = [("idempotency-key", "s")];
    rig.post(&format!("{path}/signals/go"), &key, &json!({}))
        .await;
    let rest = rig.get(&format!("{path}?wait=20")).await.json();
    assert_eq!(rest["status"], "completed", "{rest}");
}

#[tokio::test]
async fn what_is_parked_stays_parked_over_a_restart_and_says_who_paused_it_and_why() {
    let (rig, config) = started().await;
    let service = json!({"instances": ["http://127.0.0.1:9"]});
    rig.put("/v1/services/payments", &service).await;
    rig.register("pay", PAY).await;
    let reason = json!({"reason": "moving its database"});
    let paused = rig
        .post("/v1/services/payments/pause", &[], &reason)
        .await
        .json();
    assert_eq!(
        (&paused["pause_reason"], &paused["paused_by"]),
        (&json!("moving its database"), &json!("admin"))
    );
    let saga = rig.accepted("k", json!({"definition": "pay"})).await;
    let path = format!("/v1/sagas/{}", saga["id"].as_str().unwrap());
    let told = |saga: &Json| {
        let waits = &saga["waiting_on"][0];
        assert_eq!(waits["kind"], "parked", "{saga}");
        assert_eq!(waits["help"], "banyan resume payments");
        let words = waits["message"].as_str().unwrap().to_owned();
        assert!(
            words.contains("moving its database (paused by admin"),
            "{words}"
        );
    };
    told(&saga);
    let rig = restarted(rig, config).await;
    told(&rig.get(&path).await.json());
    let again = rig.get("/v1/services/payments").await.json();
    for field in ["paused", "pause_reason", "paused_by", "paused_since"] {
        assert_eq!(again[field], paused[field], "{field}");
    }
    assert_eq!(again["parked"], 1);
    rig.post("/v1/services/payments/resume", &[], &reason).await;
    for _ in 0..10_000 {
        let saga = rig.get(&path).await.json();
        if saga["waiting_on"][0]["kind"] != "parked" {
            return;
        }
    }
    panic!("{}", rig.get(&path).await.text());
}
