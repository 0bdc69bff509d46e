//! Operations that are asked for twice, that race what they are about, and that are over.

use super::operations::{begin, over, waiting};
use super::rig::Rig;
use crate::config::Config;
use banyan_api::Json;
use banyan_core::time::Duration;
use banyan_engine::{Clock, SkippingClock};
use serde_json::json;
use std::sync::Arc;

fn cancel_all() -> Json {
    json!({"verb": "cancel", "filter": {"status": "running"}, "reason": "r", "rate": 10_000})
}

#[tokio::test]
async fn a_key_is_asked_for_and_the_same_one_begins_nothing_twice() {
    let rig = waiting(3).await;
    let without = rig.post("/v1/operations", &[], &cancel_all()).await;
    assert_eq!(
        (without.status, without.code().as_str()),
        (400, "key_required")
    );
    let wrong = begin(&rig, "two words", &cancel_all()).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (400, "invalid_key"));
    let mut dry = cancel_all();
    dry["dry_run"] = json!(true);
    for headers in [&[][..], &[("idempotency-key", "k")]] {
        let preview = rig.post("/v1/operations", headers, &dry).await;
        assert_eq!(preview.status, 200, "a dry run uses up no key");
    }
    let first = begin(&rig, "k", &cancel_all()).await;
    assert_eq!(
        (first.status, first.header("idempotency-replayed")),
        (202, None)
    );
    let id = first.json()["id"].clone();
    over(&rig, id.as_str().unwrap()).await;
    // Canonical JSON: another order of the members is the same body.
    let turned = br#"{"rate": 10000, "reason":"r","filter":{"status":"running"},"verb":"cancel"}"#;
    let again = rig.call(
        "POST",
        "/v1/operations",
        &[("idempotency-key", "k")],
        turned,
    );
    let again = again.await;
    assert_eq!(
        (again.status, again.header("idempotency-replayed")),
        (202, Some("true")),
        "{}",
        again.text()
    );
    assert_eq!(
        (&again.json()["id"], &again.json()["done"]),
        (&id, &json!(3))
    );
    let mut other = cancel_all();
    other["reason"] = json!("another");
    let other = begin(&rig, "k", &other).await;
    assert_eq!((other.status, other.code().as_str()), (409, "key_reused"));
    let all = rig.get("/v1/operations").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_is_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::new(folder.path(), "127.0.0.1:0".parse().unwrap());
    let handle = crate::start(config.clone()).await.unwrap();
    let rig = Rig::around(handle, folder).await.with_samples().await;
    rig.accepted(
        "k-1",
        json!({"definition": "approve", "input": {"customer": "c"}}),
    )
    .await;
    let first = begin(&rig, "k", &cancel_all()).await;
    let id = first.json()["id"].clone();
    over(&rig, id.as_str().unwrap()).await;
    let (handle, folder) = rig.into_parts();
    handle.stop().await.unwrap();
    let rig = Rig::around(crate::start(config).await.unwrap(), folder).await;
    let again = begin(&rig, "k", &cancel_all()).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(
        (&again.json()["id"], &again.json()["done"]),
        (&id, &json!(1))
    );
}

#[tokio::test]
async fn a_preview_counts_for_its_own_filter_and_not_for_ever() {
    let clock = Arc::new(SkippingClock::default());
    let rig = Rig::by(clock.clone(), |_| {}).await.with_samples().await;
    rig.accepted(
        "k-1",
        json!({"definition": "approve", "input": {"customer": "c"}}),
    )
    .await;
    let mut dry = cancel_all();
    dry["dry_run"] = json!(true);
    let preview = rig.post("/v1/operations", &[], &dry).await.json();
    let mut body = cancel_all();
    body["preview"] = preview["preview"].clone();
    let mut other = body.clone();
    other["filter"] = json!({"status": "stuck"});
    let other = begin(&rig, "k-other", &other).await;
    assert_eq!(
        (other.status, other.code().as_str()),
        (412, "changed_since")
    );
    assert!(clock.skip_to(clock.now().plus(Duration::from_secs(16 * 60))));
    let late = begin(&rig, "k-late", &body).await;
    assert_eq!((late.status, late.code().as_str()), (412, "changed_since"));
    assert!(late.text().contains("too old"), "{}", late.text());
    assert_eq!(rig.get("/v1/operations").await.json()["items"], json!([]));
}

#[tokio::test]
async fn sagas_that_end_meanwhile_are_left_alone() {
    let rig = waiting(3).await;
    let mut slow = cancel_all();
    slow["rate"] = json!(1);
    let begun = begin(&rig, "k", &slow).await.json();
    let place = format!("/v1/operations/{}", begun["id"].as_str().unwrap());
    let reason = json!({"reason": "wait for it"});
    let held = rig
        .post(&format!("{place}/pause"), &[], &reason)
        .await
        .json();
    let taken = held["done"].as_u64().unwrap();
    let signal = json!({"by": "ann"});
    for key in ["k-0", "k-1", "k-2"] {
        let saga = format!("/v1/definitions/approve/sagas/{key}");
        let path = format!("{saga}/signals/approved");
        rig.post(&path, &[("idempotency-key", "s")], &signal).await;
        rig.get(&format!("{saga}?wait=20")).await;
    }
    rig.post(&format!("{place}/resume"), &[], &reason).await;
    let ended = over(&rig, begun["id"].as_str().unwrap()).await;
    assert_eq!(
        (ended["state"].as_str(), ended["done"].as_u64()),
        (Some("completed"), Some(taken))
    );
    assert_eq!(ended["skipped_by"], json!({"ended": 3 - taken}));
    for verb in ["pause", "resume", "cancel"] {
        let answer = rig.post(&format!("{place}/{verb}"), &[], &reason).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (409, "not_allowed_now"),
            "{verb}"
        );
        assert!(answer.text().contains("completed"), "{}", answer.text());
    }
}
