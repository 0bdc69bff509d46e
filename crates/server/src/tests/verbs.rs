//! The verbs over HTTP: a stuck saga is looked at, previewed, mended; and two people at once.

use super::rig::Rig;
use super::stand_in::stand_in;
use serde_json::{Value, json};

const ORDER: &str = r#"
saga: order
version: 1
steps:
  - charge: { do: POST cards /charges, body: { sum: 5 }, undo: { do: POST cards /refunds, body: { sum: 5 } } }
  - ship: { do: POST ship /parcels, undo: "DELETE ship /parcels/{$key}" }
"#;

struct Shop<C: Fn(u16), S: Fn(u16)> {
    rig: Rig,
    cards: C,
    ship: S,
}

async fn shop() -> Shop<impl Fn(u16), impl Fn(u16)> {
    let rig = Rig::start().await;
    let (url, cards) = stand_in(200).await;
    rig.put("/v1/services/cards", &json!({ "instances": [url] }))
        .await;
    let (url, ship) = stand_in(200).await;
    rig.put("/v1/services/ship", &json!({ "instances": [url] }))
        .await;
    rig.register("order", ORDER).await;
    Shop { rig, cards, ship }
}

/// A saga whose refund was refused.
async fn stuck(shop: &Shop<impl Fn(u16), impl Fn(u16)>, key: &str) -> String {
    let gate = json!({ "reason": "hold it" });
    shop.rig.post("/v1/services/ship/pause", &[], &gate).await;
    let start = json!({ "definition": "order" });
    let saga = shop.rig.accepted(key, start).await;
    let path = format!("/v1/sagas/{}", saga["id"].as_str().unwrap());
    until(&shop.rig, &path, |saga| {
        saga["waiting_on"][0]["kind"] == "parked"
    })
    .await;
    (shop.cards)(409);
    (shop.ship)(409);
    shop.rig.post("/v1/services/ship/resume", &[], &gate).await;
    let saga = shop.rig.get(&format!("{path}?wait=20")).await.json();
    assert_eq!(saga["status"], "stuck", "{saga}");
    path
}

async fn until(rig: &Rig, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..2_000 {
        let saga = rig.get(path).await.json();
        if holds(&saga) {
            return saga;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never came to that: {}", rig.get(path).await.text());
}

async fn ask(rig: &Rig, path: &str, verb: &str, body: Value) -> (u16, Value) {
    let answer = rig.post(&format!("{path}/{verb}"), &[], &body).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn a_stuck_saga_says_what_helps_and_a_retry_under_a_fresh_key_mends_it() {
    let shop = shop().await;
    let path = stuck(&shop, "k").await;
    let seen = shop.rig.get(&path).await.json();
    assert_eq!(
        (&seen["stuck"]["code"], &seen["stuck"]["verbs"]),
        (
            &json!("undo_refused"),
            &json!(["retry", "settle", "abandon"])
        )
    );
    let dry = json!({ "reason": "mended", "dry_run": true });
    let preview = shop.rig.post(&format!("{path}/retry"), &[], &dry).await;
    let tag = preview.header("etag").unwrap().to_owned();
    assert_eq!(tag, format!("\"{}\"", seen["seq"]));
    let told = preview.json();
    assert_eq!(
        (&told["before"], &told["after"]),
        (&json!("stuck"), &json!("compensating"))
    );
    assert_eq!(told["records"][0]["type"], "retried");
    let call = &told["calls"][0];
    assert_eq!(
        (&call["step"], &call["leg"], &call["target"], &call["body"]),
        (
            &json!("charge"),
            &json!("undo"),
            &json!("/refunds"),
            &json!({ "sum": 5 })
        )
    );
    assert!(
        call["idempotency_key"]
            .as_str()
            .unwrap()
            .ends_with("-undo-2")
    );
    assert_eq!(
        shop.rig.get(&path).await.json(),
        seen,
        "a dry run changes nothing"
    );
    (shop.cards)(200);
    let body = json!({ "reason": "mended", "body": { "sum": 4 } });
    let answer = shop
        .rig
        .post(&format!("{path}/retry"), &[("if-match", &tag)], &body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let ended = shop.rig.get(&format!("{path}?wait=20")).await.json();
    assert_eq!(ended["status"], "compensated");
    let journal = shop.rig.get(&format!("{path}/journal")).await.json();
    let items = journal["items"].as_array().unwrap().iter();
    let retried: Vec<&Value> = items.filter(|one| one["type"] == "retried").collect();
    assert_eq!(retried.len(), 1);
    assert_eq!(
        (
            &retried[0]["reason"],
            &retried[0]["actor"],
            &retried[0]["body"]
        ),
        (&json!("mended"), &json!("admin"), &json!({ "sum": 4 }))
    );
}

#[tokio::test]
async fn of_two_people_who_looked_at_the_same_saga_only_one_mends_it() {
    let shop = shop().await;
    let path = stuck(&shop, "k").await;
    let dry = json!({ "reason": "r", "dry_run": true });
    let tag = |answer: super::http::Answer| answer.header("etag").unwrap().to_owned();
    let first = tag(shop.rig.post(&format!("{path}/abandon"), &[], &dry).await);
    let settle = json!({
        "step": "charge", "leg": "undo", "as": "done", "evidence": "receipt 7", "reason": "r", "dry_run": true
    });
    let second = tag(shop.rig.post(&format!("{path}/settle"), &[], &settle).await);
    assert_eq!(first, second);
    let mut settle = settle;
    settle["dry_run"] = json!(false);
    let settled = shop
        .rig
        .post(&format!("{path}/settle"), &[("if-match", &second)], &settle)
        .await;
    assert_eq!(settled.status, 200, "{}", settled.text());
    let given_up = json!({ "reason": "r" });
    let late = shop
        .rig
        .post(
            &format!("{path}/abandon"),
            &[("if-match", &first)],
            &given_up,
        )
        .await;
    assert_eq!((late.status, late.code().as_str()), (412, "changed_since"));
    let ended = shop.rig.get(&format!("{path}?wait=20")).await.json();
    assert_eq!(ended["status"], "compensated");
    let again = shop.rig.post(&format!("{path}/settle"), &[], &settle).await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (409, "not_allowed_now")
    );
}

#[tokio::test]
async fn who_gives_a_saga_up_is_told_what_remains_and_who_notes_is_found_by_it() {
    let shop = shop().await;
    let path = stuck(&shop, "k").await;
    let (status, noted) = ask(
        &shop.rig,
        &path,
        "note",
        json!({ "reason": "r", "owner": "ann", "text": "asked the bank" }),
    )
    .await;
    assert_eq!((status, &noted["owner"]), (200, &json!("ann")));
    let found = shop.rig.get("/v1/sagas?status=stuck").await.json();
    assert_eq!(found["items"][0]["owner"], "ann");
    let (status, left) = ask(&shop.rig, &path, "abandon", json!({ "reason": "too old" })).await;
    assert_eq!((status, &left["status"]), (200, &json!("abandoned")));
    assert_eq!(
        left["left"],
        json!([{ "step": "charge", "outcome": "done", "undo": "stuck" }])
    );
    let (status, refused) = ask(&shop.rig, &path, "retry", json!({ "reason": "r" })).await;
    assert_eq!((status, &refused["code"]), (409, &json!("not_allowed_now")));
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .contains("allowed now: note")
    );
}

#[tokio::test]
async fn a_completed_saga_is_undone_as_a_whole_and_the_preview_named_every_call() {
    let shop = shop().await;
    let done = shop
        .rig
        .accepted("k", json!({ "definition": "order" }))
        .await;
    let path = format!("/v1/sagas/{}", done["id"].as_str().unwrap());
    let done = shop.rig.get(&format!("{path}?wait=20")).await.json();
    assert_eq!(done["status"], "completed");
    let (_, told) = ask(
        &shop.rig,
        &path,
        "undo",
        json!({ "reason": "r", "dry_run": true }),
    )
    .await;
    let calls: Vec<&str> = told["calls"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|call| call["step"].as_str())
        .collect();
    assert_eq!(calls, ["ship", "charge"]);
    let (status, _) = ask(
        &shop.rig,
        &path,
        "undo",
        json!({ "reason": "the customer may" }),
    )
    .await;
    assert_eq!(status, 200);
    let ended = shop.rig.get(&format!("{path}?wait=20")).await.json();
    assert_eq!(
        (&ended["status"], &ended["reason"]["code"]),
        (&json!("compensated"), &json!("undone_by_operator"))
    );
    for (verb, body) in [
        ("undo", json!({ "reason": "r" })),
        ("cancel", json!({ "reason": "r", "dry_run": true })),
    ] {
        let (status, refused) = ask(&shop.rig, &path, verb, body).await;
        assert_eq!((status, &refused["code"]), (409, &json!("not_allowed_now")));
    }
    let nowhere = json!({ "reason": "r", "step": "nowhere" });
    let (status, refused) = ask(&shop.rig, &path, "retry", nowhere).await;
    assert_eq!((status, &refused["code"]), (404, &json!("no_such_step")));
}
