//! The items of an `each`, asked for by path: one, or every one.

use super::rig::Rig;
use super::stand_in::stand_in;
use banyan_api::Json;
use serde_json::json;

const BASKET: &str = "\
saga: basket
version: 1
steps:
  - lines:
      each: $input.lines
      as: line
      steps:
        - reserve: { do: POST stock /reservations, body: { sku: $line }, undo: none, retry: { attempts: 2, first: 1ms } }
        - price: { do: GET stock /prices }
  - close: { do: POST stock /closed, undo: none }
";

const PLAIN: &str = "\
saga: plain
version: 1
steps:
  - shelves:
      each: $input.shelves
      as: shelf
      do: POST stock /shelves
      body: { name: $shelf }
      undo: none
";

async fn rig() -> Rig {
    let rig = Rig::start().await;
    let (url, _) = stand_in(200).await;
    rig.put("/v1/services/stock", &json!({ "instances": [url] }))
        .await;
    rig.register("basket", BASKET).await;
    rig.register("plain", PLAIN).await;
    rig
}

async fn ended(rig: &Rig, start: Json) -> String {
    let saga = rig.accepted("k", start).await;
    let path = format!("/v1/sagas/{}", saga["id"].as_str().unwrap());
    let saga = rig.get(&format!("{path}?wait=20")).await.json();
    assert_eq!(saga["status"], "completed", "{saga}");
    path
}

/// The steps of the attempts that are answered, or the code of the refusal.
async fn attempts(rig: &Rig, path: &str, step: &str) -> Vec<String> {
    let step = step.replace('[', "%5B").replace(']', "%5D");
    let answer = rig.get(&format!("{path}/attempts?step={step}")).await;
    if answer.status != 200 {
        return vec![answer.code()];
    }
    let answer = answer.json();
    let items = answer["items"].as_array().unwrap().iter();
    let mut steps: Vec<String> = items
        .map(|one| one["step"].as_str().unwrap().to_owned())
        .collect();
    steps.sort();
    steps
}

#[tokio::test]
async fn attempts_are_asked_for_by_item_and_for_every_item() {
    let rig = rig().await;
    let start = json!({"definition": "basket", "input": {"lines": ["a", "b"]}});
    let path = ended(&rig, start).await;
    let reserved = ["lines[0].reserve", "lines[1].reserve"];
    for (step, expected) in [
        ("lines[0].reserve", &reserved[..1]),
        ("lines[1].reserve", &reserved[1..]),
        ("lines[].reserve", &reserved),
        ("reserve", &reserved),
        ("lines[1]", &["lines[1].price", "lines[1].reserve"]),
        ("close", &["close"]),
        ("lines[2].reserve", &["no_such_step"]),
        ("lines[00].reserve", &["no_such_step"]),
        ("lines[].ship", &["no_such_step"]),
        ("lines[0", &["no_such_step"]),
        ("lines[x].reserve", &["no_such_step"]),
    ] {
        assert_eq!(attempts(&rig, &path, step).await, expected, "{step}");
    }
    for all in ["lines", "lines[]"] {
        assert_eq!(attempts(&rig, &path, all).await.len(), 4, "{all}");
    }
    let start = json!({"definition": "plain", "input": {"shelves": ["a", "b"]}});
    let path = ended(&rig, start).await;
    let both = ["shelves[0]", "shelves[1]"];
    for (step, expected) in [
        ("shelves", &both[..]),
        ("shelves[]", &both),
        ("shelves[1]", &both[1..]),
    ] {
        assert_eq!(attempts(&rig, &path, step).await, expected, "{step}");
    }
}

#[tokio::test]
async fn a_start_waits_for_a_step_of_one_item_or_of_every_one() {
    let rig = rig().await;
    for (key, step, lines, status) in [
        ("one", "lines%5B1%5D.reserve", json!(["a", "b"]), 200),
        ("all", "lines%5B%5D.reserve", json!(["a", "b"]), 200),
        ("none", "lines%5B%5D.reserve", json!([]), 200),
        ("odd", "lines%5B%5D.ship", json!(["a"]), 404),
    ] {
        let body = json!({"definition": "basket", "input": {"lines": lines}});
        let target = format!("/v1/sagas?until={step}");
        let headers = [("idempotency-key", key), ("prefer", "wait=20")];
        let answer = rig.post(&target, &headers, &body).await;
        assert_eq!(answer.status, status, "{key}: {}", answer.text());
    }
}

#[tokio::test]
async fn lists_and_operations_take_a_step_of_every_item() {
    let rig = rig().await;
    let hold = json!({ "reason": "a move" });
    rig.post("/v1/services/stock/pause", &[], &hold).await;
    let start = json!({"definition": "basket", "input": {"lines": ["a", "b"]}});
    let saga = rig.accepted("k", start).await;
    let path = format!("/v1/sagas/{}", saga["id"].as_str().unwrap());
    for _ in 0..2_000 {
        if rig.get(&path).await.json()["waiting_on"][0]["kind"] == "parked" {
            break;
        }
        tokio::task::yield_now().await;
    }
    let failures = rig.get("/v1/failures").await.json();
    let named = failures["items"][0]["step"].as_str().unwrap();
    assert_eq!(named, "lines[].reserve");
    for (step, count) in [(named, 1), ("lines[0].reserve", 1), ("lines[].price", 0)] {
        let query = step.replace('[', "%5B").replace(']', "%5D");
        let list = rig.get(&format!("/v1/sagas?step={query}")).await.json();
        assert_eq!(list["items"].as_array().unwrap().len(), count, "{step}");
        let body =
            json!({"verb": "cancel", "filter": {"step": step}, "reason": "r", "dry_run": true});
        let key = [("idempotency-key", step)];
        let preview = rig.post("/v1/operations", &key, &body).await.json();
        let expected = [json!({"code": "nothing_selected"}), json!({"selected": 1})];
        for (name, value) in expected[count].as_object().unwrap() {
            assert_eq!(&preview[name], value, "{preview}");
        }
    }
}
