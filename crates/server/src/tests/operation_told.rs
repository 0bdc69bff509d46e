//! What an operation tells of itself: what its verb was told, and some of the sagas that took it;
//! without secrets.

use super::operations::{begin, over, waiting};
use super::rig::Rig;
use banyan_api::Json;
use serde_json::json;

async fn begun_row(rig: &Rig) -> Json {
    let rows = rig.get("/v1/audit?verb=begin_operation&limit=1").await;
    rows.json()["items"][0].clone()
}

#[tokio::test]
async fn an_operation_tells_what_its_verb_was_told() {
    let rig = waiting(1).await;
    let settle = json!({
        "verb": "settle", "step": "approval", "leg": "do", "as": "done",
        "result": { "by": "ann" }, "evidence": "the signed list",
    });
    let verbs = [
        (json!({ "verb": "cancel" }), Json::Null),
        (
            settle,
            json!({ "step": "approval", "leg": "do", "as": "done", "with_result": true, "evidence": "the signed list" }),
        ),
        (
            json!({ "verb": "retry", "step": "approval", "body": { "a": 1 } }),
            json!({ "step": "approval", "leg": null, "edited_body": true }),
        ),
        (
            json!({ "verb": "move", "version": 7 }),
            json!({ "version": 7 }),
        ),
        (
            json!({ "verb": "note", "text": "seen", "owner": "ann" }),
            json!({ "text": "seen", "owner": "ann" }),
        ),
    ];
    for (number, (verb, arguments)) in verbs.into_iter().enumerate() {
        let mut body = verb;
        body["filter"] = json!({ "definition": "approve" });
        body["reason"] = json!("it is time");
        let begun = begin(&rig, &format!("k-{number}"), &body).await;
        assert_eq!(begun.status, 202, "{}", begun.text());
        assert_eq!(begun.json()["arguments"], arguments, "{body}");
        let id = begun.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(over(&rig, &id).await["arguments"], arguments, "{body}");
        let row = begun_row(&rig).await;
        assert_eq!(row["operation"], json!(id));
        assert_eq!(row["detail"]["arguments"], arguments, "{row}");
    }
}

#[tokio::test]
async fn an_operation_shows_the_first_sagas_that_took_its_verb() {
    let rig = waiting(7).await;
    let body = json!({
        "verb": "cancel", "filter": { "definition": "approve" }, "reason": "r", "rate": 10_000,
    });
    let begun = begin(&rig, "k-op", &body).await.json();
    assert_eq!(begun["sample"], json!([]), "nothing was done yet");
    let ended = over(&rig, begun["id"].as_str().unwrap()).await;
    let sample = ended["sample"].as_array().unwrap();
    assert_eq!((sample.len(), &ended["done"]), (5, &json!(7)));
    for one in sample {
        let saga = one["saga"].as_str().unwrap();
        let saga = rig.get(&format!("/v1/sagas/{saga}")).await.json();
        let shown = json!({
            "saga": saga["id"], "definition": "approve", "key": saga["key"],
            "before": "running", "after": saga["status"],
        });
        assert_eq!(*one, shown);
    }
}

#[tokio::test]
async fn what_is_secret_of_a_saga_is_masked_where_its_operation_is_told() {
    const MARKER: &str = "4111-1111-tok-SECRET";
    let rig = Rig::start().await;
    let source =
        "saga: pay\nversion: 1\nsecret: [$input.card]\nsteps:\n  - code: { wait: code, for: 1h }\n";
    rig.register("pay", source).await;
    let start = json!({ "definition": "pay", "input": { "card": MARKER } });
    rig.accepted("k", start).await;
    let words = format!("card {MARKER} was asked about");
    let filter = json!({ "definition": "pay" });
    let preview = json!({
        "verb": "note", "filter": filter, "reason": words, "text": words, "owner": words, "dry_run": true,
    });
    let previewed = rig.post("/v1/operations", &[], &preview).await;
    assert!(!previewed.text().contains(MARKER), "{}", previewed.text());
    let bodies = [
        json!({ "verb": "note", "filter": filter, "reason": words, "text": words, "owner": words }),
        json!({
            "verb": "settle", "filter": filter, "reason": words, "step": "code", "leg": "do",
            "as": "done", "evidence": words, "result": { "card": MARKER },
        }),
    ];
    for (number, body) in bodies.iter().enumerate() {
        let begun = begin(&rig, &format!("k-{number}"), body).await;
        assert_eq!(begun.status, 202, "{}", begun.text());
        assert!(!begun.text().contains(MARKER), "{}", begun.text());
        let told = over(&rig, begun.json()["id"].as_str().unwrap()).await;
        assert!(!told.to_string().contains(MARKER), "{told}");
        assert!(told["reason"].as_str().unwrap().contains("was asked about"));
        let row = begun_row(&rig).await;
        assert!(!row.to_string().contains(MARKER), "{row}");
    }
    let all = rig.get("/v1/audit").await;
    assert!(!all.text().contains(MARKER), "{}", all.text());
}
