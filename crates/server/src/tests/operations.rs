//! Operations over many sagas, and the audit, over HTTP.

use super::http::Answer;
use super::rig::Rig;
use banyan_api::Json;
use serde_json::json;

/// A server with so many sagas that wait for a person.
pub(super) async fn waiting(count: usize) -> Rig {
    let rig = Rig::start().await.with_samples().await;
    for number in 0..count {
        let body = json!({"definition": "approve", "input": {"customer": format!("c-{number}")}});
        rig.accepted(&format!("k-{number}"), body).await;
    }
    rig
}

/// Asks for an operation under this key.
pub(super) async fn begin(rig: &Rig, key: &str, body: &Json) -> Answer {
    rig.post("/v1/operations", &[("idempotency-key", key)], body)
        .await
}

pub(super) async fn over(rig: &Rig, id: &str) -> Json {
    for _ in 0..100_000 {
        let operation = rig.get(&format!("/v1/operations/{id}")).await.json();
        if operation["ended_at"] != Json::Null {
            return operation;
        }
        tokio::task::yield_now().await;
    }
    panic!("the operation {id} was never over");
}

/// What an operation cannot be, and by which code that is told.
pub(crate) async fn refusals(rig: &Rig) {
    let good = json!({"verb": "cancel", "filter": {"status": "running"}, "reason": "r"});
    let with = |member: &str, value: Json| {
        let mut body = good.clone();
        body[member] = value;
        body
    };
    let bad = |member, value, words| (member, value, 400, "invalid_body", words);
    for (member, value, status, code, words) in [
        bad("verb", json!("stop"), "not one of cancel"),
        bad("filter", json!({}), "all: true"),
        bad("filter", json!(null), "filter is missing"),
        bad("filter", json!([]), "an object"),
        bad("filter", json!({"stauts": "stuck"}), "stauts"),
        bad("filter", json!({"status": "odd"}), "odd"),
        bad("filter", json!({"status": []}), "selects nothing"),
        bad("filter", json!({"status": {"a": 1}}), "is no value"),
        bad("filter", json!({"version": "two"}), "is no version"),
        bad("filter", json!({"stalled": false}), "is not true"),
        bad("filter", json!("status=stuck"), "an object"),
        bad("dry_run", json!("yes"), "dry_run"),
        bad("reason", json!(null), "reason"),
        bad("all", json!(true), "empty filter"),
        bad("rate", json!(0), "1 to 10000"),
        bad("rate", json!(10_001), "1 to 10000"),
        bad("evidence", json!("seen"), "no field"),
        bad("verb", json!("move"), "version"),
        bad("verb", json!("note"), "a note says something"),
        bad("verb", json!("settle"), "step"),
        (
            "filter",
            json!({"key": "nobody"}),
            422,
            "nothing_selected",
            "no saga",
        ),
        (
            "filter",
            json!({"stalled": true}),
            422,
            "nothing_selected",
            "no saga",
        ),
        ("preview", json!("nothing"), 412, "changed_since", "preview"),
    ] {
        let body = with(member, value);
        let answer = begin(rig, "k-refused", &body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{body}"
        );
        assert!(answer.text().contains(words), "{words}: {}", answer.text());
    }
    unknown(rig).await;
}

/// Places and lists that there are not.
async fn unknown(rig: &Rig) {
    let reason = json!({"reason": "r"});
    for path in [
        "/v1/operations/nothing/pause",
        "/v1/operations/0197c1d2-5a3b-7c4d-8e9f-001122334455/resume",
        "/v1/operations/0197c1d2-5a3b-7c4d-8e9f-001122334455/cancel",
    ] {
        let answer = rig.post(path, &[], &reason).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, "no_such_operation")
        );
    }
    for path in [
        "/v1/audit?saga=x",
        "/v1/audit?after=yesterday",
        "/v1/audit?cursor=x",
        "/v1/operations?cursor=x",
    ] {
        let answer = rig.get(path).await;
        assert_eq!(answer.code(), "invalid_parameter", "{path}");
    }
}

#[tokio::test]
async fn what_an_operation_cannot_be_is_told() {
    refusals(&waiting(1).await).await;
}

#[tokio::test]
async fn a_verb_over_a_filter_is_previewed_done_and_told() {
    let rig = waiting(12).await;
    let mut body = json!({
        "verb": "cancel", "filter": {"status": ["running"], "definition": "approve"},
        "reason": "the shop closes", "rate": 10_000, "dry_run": true,
    });
    let preview = rig.post("/v1/operations", &[], &body).await;
    assert_eq!(preview.status, 200, "{}", preview.text());
    let preview = preview.json();
    assert_eq!(
        preview["counts"],
        json!([{"definition": "approve", "status": "running", "sagas": 12}])
    );
    assert_eq!(
        (&preview["allowed"], &preview["looked_at"]),
        (&json!(12), &json!(12))
    );
    assert_eq!(preview["sample"].as_array().unwrap().len(), 5);
    assert!(
        rig.get("/v1/operations").await.json()["items"] == json!([]),
        "nothing is stored"
    );
    // One changes after the preview.
    let changed = preview["sample"][0]["saga"].as_str().unwrap();
    let note = json!({"text": "a friend", "reason": "r"});
    rig.post(&format!("/v1/sagas/{changed}/note"), &[], &note)
        .await;
    body["dry_run"] = json!(false);
    body["preview"] = preview["preview"].clone();
    let begun = begin(&rig, "k-close", &body).await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    let place = format!("/v1/operations/{id}");
    assert_eq!(begun.header("location"), Some(place.as_str()));
    let ended = over(&rig, &id).await;
    assert_eq!(ended["state"], "completed");
    assert_eq!(
        (&ended["selected"], &ended["left"]),
        (&json!(12), &json!(0))
    );
    assert_eq!((&ended["done"], &ended["failed"]), (&json!(11), &json!(0)));
    assert_eq!(ended["skipped_by"], json!({"changed_since_preview": 1}));
    let list = rig.get("/v1/operations?limit=1").await.json();
    assert_eq!(
        (&list["items"], &list["next"]),
        (&json!([ended]), &Json::Null)
    );
    let again = rig
        .post(&format!("{place}/cancel"), &[], &json!({"reason": "r"}))
        .await;
    assert_eq!(again.code(), "not_allowed_now");

    told_in_the_audit(&rig, &id, changed).await;
}

async fn told_in_the_audit(rig: &Rig, id: &str, changed: &str) {
    let rows = rig.get("/v1/audit?verb=cancel&limit=10").await.json();
    assert_eq!(rows["items"].as_array().unwrap().len(), 10);
    let next = rows["next"].as_str().unwrap();
    let rest = rig
        .get(&format!("/v1/audit?verb=cancel&limit=10&cursor={next}"))
        .await
        .json();
    assert_eq!(
        (rest["items"].as_array().unwrap().len(), &rest["next"]),
        (1, &Json::Null)
    );
    let row = &rest["items"][0];
    assert_eq!(
        (&row["operation"], &row["reason"]),
        (&json!(id), &json!("the shop closes"))
    );
    assert_eq!(
        (&row["before"]["status"], &row["name"]),
        (&json!("running"), &json!("approve"))
    );
    let of_one = rig.get(&format!("/v1/audit?saga={changed}")).await.json();
    assert_eq!(of_one["items"][0]["verb"], "note");
}

#[tokio::test]
async fn an_operation_is_paused_resumed_and_cancelled() {
    let rig = waiting(3).await;
    let body = json!({"verb": "note", "text": "seen", "filter": {}, "all": true, "reason": "r", "rate": 1});
    let begun = begin(&rig, "k-note", &body).await.json();
    let place = format!("/v1/operations/{}", begun["id"].as_str().unwrap());
    for (verb, state) in [
        ("pause", "paused"),
        ("pause", "paused"),
        ("resume", "running"),
        ("cancel", "cancelled"),
    ] {
        let answer = rig
            .post(&format!("{place}/{verb}"), &[], &json!({"reason": "r"}))
            .await;
        assert_eq!(answer.json()["state"], state, "{}", answer.text());
    }
    let ended = rig.get(&place).await.json();
    let count = |name: &str| ended[name].as_u64().unwrap();
    assert_eq!(count("done") + count("left"), 3, "{ended}");
    let rows = rig
        .get("/v1/audit?verb=pause_operation&verb=cancel_operation")
        .await
        .json();
    assert_eq!(rows["items"].as_array().unwrap().len(), 2);
}
