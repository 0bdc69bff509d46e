//! Starts, waits, lists, signals, cancels.

use super::http::Answer;
use super::rig::Rig;
use axum::routing::{delete, post};
use serde_json::{Value, json};

fn approve(customer: &str) -> Value {
    json!({"definition": "approve", "input": {"customer": customer}})
}

fn path(saga: &Value) -> String {
    format!("/v1/sagas/{}", saga["id"].as_str().unwrap())
}

async fn rig() -> Rig {
    Rig::start().await.with_samples().await
}

async fn start(rig: &Rig, target: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    rig.post(target, headers, body).await
}

#[tokio::test]
async fn a_start_is_202_and_its_repeat_the_same_saga() {
    let rig = rig().await;
    let key = [("idempotency-key", "cart-17")];
    let first = start(&rig, "/v1/sagas", &key, &approve("c-9")).await;
    assert_eq!(first.status, 202);
    assert_eq!(first.header("location"), Some(path(&first.json()).as_str()));
    assert_eq!(first.header("idempotency-replayed"), None);
    let saga = first.json();
    assert_eq!(saga["key"], "cart-17");
    assert_eq!(saga["labels"], json!({"customer": "c-9"}));
    assert_eq!(saga["waiting_on"][0]["kind"], "signal");
    assert_eq!(saga["allowed"], json!(["cancel", "move", "note"]));
    assert_eq!(saga["steps"][0]["state"], "running");
    // Canonical: white space and the order of keys do not count.
    let text = b"{ \"input\": {\"customer\": \"c-9\"},\n \"definition\": \"approve\" }";
    let again = rig.call("POST", "/v1/sagas", &key, text).await;
    assert_eq!(
        (again.status, again.header("idempotency-replayed")),
        (202, Some("true"))
    );
    assert_eq!(again.json()["id"], saga["id"]);
    let by_key = rig.get("/v1/definitions/approve/sagas/cart-17").await;
    assert_eq!(by_key.json()["id"], saga["id"]);
}

#[tokio::test]
async fn a_known_key_is_answered_before_brake_and_version() {
    let rig = rig().await;
    let first = rig.accepted("k", approve("c-1")).await;
    let brake = json!({"accepting": false, "reason": "closed"});
    assert_eq!(
        rig.put("/v1/definitions/approve/accepting", &brake)
            .await
            .status,
        200
    );
    let again = rig.accepted("k", approve("c-1")).await;
    assert_eq!(again["id"], first["id"]);
    let other = start(
        &rig,
        "/v1/sagas",
        &[("idempotency-key", "k2")],
        &approve("c-1"),
    )
    .await;
    assert_eq!(other.code(), "not_accepting");
    assert_eq!(
        rig.put(
            "/v1/definitions/approve/accepting",
            &json!({"accepting": true})
        )
        .await
        .status,
        200
    );
    rig.accepted("k2", approve("c-1")).await;
}

#[tokio::test]
async fn a_start_that_waits_is_200_at_rest_and_202_before() {
    let rig = rig().await;
    let count = json!({"definition": "count"});
    let wait = [("idempotency-key", "k"), ("prefer", "wait=20")];
    let done = start(&rig, "/v1/sagas", &wait, &count).await;
    assert_eq!(done.status, 200);
    let saga = done.json();
    assert_eq!(saga["status"], "completed");
    assert_eq!(saga["waiting_on"], json!([]));
    // Digit for digit.
    assert!(
        done.text().contains("12345678901234567890.10"),
        "{}",
        done.text()
    );
    assert_eq!(start(&rig, "/v1/sagas", &wait, &count).await.status, 200);
    let short = [("idempotency-key", "k2"), ("prefer", "wait=0")];
    assert_eq!(
        start(&rig, "/v1/sagas", &short, &approve("c")).await.status,
        202
    );
}

#[tokio::test]
async fn a_journal_shows_results_as_they_are() {
    let rig = rig().await;
    let saga = rig.accepted("k", json!({"definition": "count"})).await;
    let journal = rig.get(&format!("{}/journal", path(&saga))).await;
    let ended = journal.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["type"] == "step_ended")
        .cloned()
        .unwrap();
    assert_eq!(ended["result"]["a"], 1);
    assert!(journal.text().contains("12345678901234567890.10"));
}

#[tokio::test]
async fn until_waits_for_a_step_to_end() {
    let rig = rig().await;
    let source = "saga: halves\nversion: 1\nsteps:\n  - first:\n      set: 1\n  - second:\n      wait: go\n      for: 1d\n";
    rig.register("halves", source).await;
    let wait = [("idempotency-key", "k"), ("prefer", "wait=20")];
    let body = json!({"definition": "halves"});
    let answer = start(&rig, "/v1/sagas?until=first", &wait, &body).await;
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (200, &json!("running"))
    );
    assert_eq!(
        start(
            &rig,
            "/v1/sagas?until=first",
            &[("idempotency-key", "k")],
            &body
        )
        .await
        .status,
        200
    );
}

#[tokio::test]
async fn return_minimal_is_id_status_and_seq() {
    let rig = rig().await;
    let headers = [
        ("idempotency-key", "k"),
        ("prefer", "return=minimal, wait=20"),
    ];
    let answer = start(&rig, "/v1/sagas", &headers, &json!({"definition": "count"})).await;
    let fields: Vec<String> = answer.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["id", "status", "seq"]);
    assert_eq!(answer.json()["status"], "completed");
}

#[tokio::test]
async fn a_get_can_wait_for_rest() {
    let rig = rig().await;
    let saga = rig.accepted("k", approve("c")).await;
    let target = format!("{}?wait=30", path(&saga));
    let signal = format!("{}/signals/approved", path(&saga));
    let key = [("idempotency-key", "s")];
    let by = json!({"by": "ann"});
    let (waited, signalled) = tokio::join!(rig.get(&target), rig.post(&signal, &key, &by));
    assert_eq!(signalled.status, 202);
    assert_eq!(waited.json()["status"], "completed");
    assert_eq!(waited.json()["output"], json!({"by": "ann"}));
}

#[tokio::test]
async fn lists_filter_page_and_show_only_the_first_wait() {
    let rig = rig().await;
    for place in 0..5 {
        let customer = format!("c-{}", place % 2);
        rig.accepted(&format!("k-{place}"), approve(&customer))
            .await;
    }
    let done = [("idempotency-key", "done"), ("prefer", "wait=20")];
    start(&rig, "/v1/sagas", &done, &json!({"definition": "count"})).await;
    let keys = |answer: &Answer| -> Vec<String> {
        let items = answer.json()["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["key"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = rig.get("/v1/sagas").await;
    assert_eq!(keys(&all).len(), 6);
    assert_eq!(keys(&all)[0], "done", "newest first");
    let item = &all.json()["items"][1];
    assert_eq!(item["waiting_on"].as_array().unwrap().len(), 1);
    assert!(item.get("steps").is_none() && item.get("input").is_none());
    let cases = [
        ("definition=approve", 5),
        ("definition=approve&definition=count", 6),
        ("definition=approve&status=completed", 0),
        ("status=running&status=completed", 6),
        ("label.customer=c-1", 2),
        ("label.customer=c-1&label.customer=c-0", 5),
        ("label.other=c-1", 0),
        ("key=k-3", 1),
        ("version=1", 6),
        ("version=2", 0),
        ("step=approval", 5),
        ("started_after=2020-01-01T00:00:00Z", 6),
        ("started_before=2020-01-01T00:00:00%2B02:00", 0),
        ("ended_after=2020-01-01T00:00:00Z", 1),
    ];
    for (query, expected) in cases {
        let answer = rig.get(&format!("/v1/sagas?{query}")).await;
        assert_eq!(keys(&answer).len(), expected, "{query}: {}", answer.text());
    }
    let mut seen = Vec::new();
    let mut target = "/v1/sagas?definition=approve&limit=2".to_owned();
    loop {
        let page = rig.get(&target).await;
        seen.extend(keys(&page));
        match page.json()["next"].as_str() {
            Some(next) => target = format!("/v1/sagas?definition=approve&limit=2&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["k-4", "k-3", "k-2", "k-1", "k-0"]);
}

#[tokio::test]
async fn a_signal_counts_once_and_comes_early_or_by_key() {
    let rig = rig().await;
    let source = "saga: two\nversion: 1\nsteps:\n  - a:\n      wait: first\n      for: 1d\n  - b:\n      wait: second\n      for: 1d\n";
    rig.register("two", source).await;
    let saga = rig.accepted("cart/1", json!({"definition": "two"})).await;
    let key = [("idempotency-key", "s-1")];
    let early = "/v1/definitions/two/sagas/cart%2F1/signals/second";
    let answer = rig.post(early, &key, &json!({"n": 1.50})).await;
    assert_eq!(
        (answer.status, answer.header("idempotency-replayed")),
        (202, None)
    );
    let shown = rig.get(&path(&saga)).await;
    assert_eq!(shown.json()["signals"][0]["name"], "second");
    let again = rig.post(early, &key, &json!({"n": 1.50})).await;
    assert_eq!(
        (again.status, again.header("idempotency-replayed")),
        (202, Some("true"))
    );
    let other = rig.post(early, &key, &json!({"n": 2})).await;
    assert_eq!(other.code(), "key_reused");
    let first = format!("{}/signals/first", path(&saga));
    assert_eq!(
        rig.post(&first, &[("idempotency-key", "s-2")], &Value::Null)
            .await
            .status,
        202
    );
    let rest = rig.get(&format!("{}?wait=20", path(&saga))).await;
    assert_eq!(rest.json()["status"], "completed");
    // A known key is answered also after the end.
    assert_eq!(rig.post(early, &key, &json!({"n": 1.50})).await.status, 202);
}

#[tokio::test]
async fn a_cancelled_saga_turns_back_and_says_why() {
    let rig = rig().await;
    let saga = rig.accepted("k", approve("c")).await;
    let cancel = format!("{}/cancel", path(&saga));
    let answer = rig
        .post(&cancel, &[], &json!({"reason": "the customer left"}))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let rest = rig.get(&format!("{}?wait=20", path(&saga))).await.json();
    assert_eq!(rest["status"], "compensated");
    assert_eq!(rest["reason"]["code"], "cancelled");
    assert!(
        rest["reason"]["message"]
            .as_str()
            .unwrap()
            .contains("the customer left")
    );
    assert_eq!(rest["allowed"], json!(["note"]));
}

#[tokio::test]
async fn the_journal_is_paged_oldest_first_with_moments_as_text() {
    let rig = rig().await;
    let saga = rig.accepted("k", approve("c")).await;
    let target = format!("{}/journal", path(&saga));
    let whole = rig.get(&target).await.json();
    let items = whole["items"].as_array().unwrap();
    assert_eq!(
        (&items[0]["seq"], &items[0]["type"]),
        (&json!(1), &json!("started"))
    );
    assert_eq!(items[0]["input"], json!({"customer": "c"}));
    let begun = items
        .iter()
        .find(|item| item["type"] == "step_started")
        .unwrap();
    assert!(begun["until"].as_str().unwrap().ends_with('Z'));
    let first = rig.get(&format!("{target}?limit=1")).await.json();
    assert_eq!(first["items"].as_array().unwrap().len(), 1);
    let next = first["next"].as_str().unwrap();
    let second = rig.get(&format!("{target}?cursor={next}")).await.json();
    assert_eq!(second["items"].as_array().unwrap()[..], items[1..]);
}

/// A service whose orders succeed and whose charges are declined.
async fn shop() -> String {
    let declined = (
        axum::http::StatusCode::UNPROCESSABLE_ENTITY,
        axum::Json(json!({"message": "card declined"})),
    );
    let app = axum::Router::new()
        .route("/orders", post(async || axum::Json(json!({"id": "o-1"}))))
        .route("/orders/{key}", delete(async || axum::Json(json!({}))))
        .route("/charges", post(async move || declined.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

const SHOP: &str = "\
saga: buy
version: 1
steps:
  - order:
      do: POST shop /orders
      body: { item: 1 }
      undo: DELETE shop /orders/{$key}
  - pay:
      do: POST shop /charges
      undo: none
";

#[tokio::test]
async fn a_refused_step_undoes_the_one_before_and_attempts_tell_it() {
    let rig = Rig::start().await;
    let settings = json!({"instances": [shop().await], "keys_kept": "2h"});
    let service = rig.put("/v1/services/shop", &settings).await;
    assert_eq!(
        (service.status, &service.json()["keys_kept"]),
        (201, &json!("2h"))
    );
    assert_eq!(rig.put("/v1/services/shop", &settings).await.status, 200);
    rig.register("buy", SHOP).await;
    let headers = [("idempotency-key", "k"), ("prefer", "wait=20")];
    let saga = start(&rig, "/v1/sagas", &headers, &json!({"definition": "buy"}))
        .await
        .json();
    assert_eq!(saga["status"], "compensated", "{saga}");
    assert_eq!(
        (&saga["reason"]["code"], &saga["reason"]["step"]),
        (&json!("refused"), &json!("pay"))
    );
    assert_eq!(saga["steps"][0]["undo"]["state"], "done");
    assert_eq!(saga["steps"][1]["outcome"], "refused");
    let attempts = rig.get(&format!("{}/attempts", path(&saga))).await.json();
    let told: Vec<_> = attempts["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| {
            let word = |name: &str| attempt[name].as_str().unwrap().to_owned();
            (
                word("step"),
                word("leg"),
                word("outcome"),
                attempt["sent"].as_bool(),
            )
        })
        .collect();
    let expected = [
        ("order", "do", "done"),
        ("pay", "do", "refused"),
        ("order", "undo", "done"),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(a, b, c)| (a.to_string(), b.to_string(), c.to_string(), Some(true)))
        .collect();
    assert_eq!(told, expected);
    let of_step = rig
        .get(&format!("{}/attempts?step=pay", path(&saga)))
        .await
        .json();
    assert_eq!(of_step["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_paused_service_parks_its_steps_until_it_is_resumed() {
    let rig = Rig::start().await;
    rig.put("/v1/services/shop", &json!({"instances": [shop().await]}))
        .await;
    rig.register("buy", SHOP).await;
    let paused = rig
        .post(
            "/v1/services/shop/pause",
            &[],
            &json!({"reason": "stocktaking"}),
        )
        .await
        .json();
    assert_eq!(
        (&paused["paused"], &paused["pause_reason"]),
        (&json!(true), &json!("stocktaking"))
    );
    let saga = rig.accepted("k", json!({"definition": "buy"})).await;
    assert_eq!(saga["waiting_on"][0]["kind"], "parked");
    assert!(
        saga["waiting_on"][0]["message"]
            .as_str()
            .unwrap()
            .contains("stocktaking")
    );
    let resumed = rig
        .post(
            "/v1/services/shop/resume",
            &[],
            &json!({"reason": "counted"}),
        )
        .await
        .json();
    assert_eq!(resumed["paused"], false);
    let rest = rig.get(&format!("{}?wait=20", path(&saga))).await.json();
    assert_eq!(rest["status"], "compensated");
}

#[tokio::test]
async fn content_that_is_registered_already_becomes_active_only_when_that_is_asked() {
    let rig = rig().await;
    let yaml = [("content-type", "application/yaml")];
    let second = super::rig::COUNT.replace("version: 1", "version: 2");
    let target = "/v1/definitions/count/versions/2";
    for (query, status, active) in [
        ("?activate=false", 201, false),
        ("", 200, false),
        ("?activate=false", 200, false),
        ("?activate=true", 200, true),
        ("?activate=true", 200, true),
        ("?activate=false", 200, true),
        ("", 200, true),
    ] {
        let path = format!("{target}{query}");
        let answer = rig.call("PUT", &path, &yaml, second.as_bytes()).await;
        assert_eq!(
            (answer.status, &answer.json()["active"]),
            (status, &json!(active)),
            "{query}"
        );
        let kept = rig.get("/v1/definitions/count").await.json();
        let expected = if active { 2 } else { 1 };
        assert_eq!(kept["active_version"], expected, "{query}");
    }
    let audit = rig.get("/v1/audit?verb=activate").await.json();
    assert_eq!(audit["items"].as_array().unwrap().len(), 1, "{audit}");
}

#[tokio::test]
async fn definitions_are_registered_listed_and_switched() {
    let rig = rig().await;
    let list = rig.get("/v1/definitions?limit=2").await.json();
    assert_eq!(list["items"][0]["name"], "approve");
    assert_eq!(list["next"], "after:count");
    let rest = rig.get("/v1/definitions?cursor=after:count").await.json();
    assert_eq!(
        (&rest["items"][0]["name"], &rest["next"]),
        (&json!("order"), &Value::Null)
    );
    let second = super::rig::COUNT.replace("version: 1", "version: 2");
    let yaml = [("content-type", "application/yaml")];
    let target = "/v1/definitions/count/versions/2?activate=false";
    let answer = rig.call("PUT", target, &yaml, second.as_bytes()).await;
    assert_eq!(
        (answer.status, &answer.json()["active"]),
        (201, &json!(false))
    );
    assert_eq!(
        rig.call("PUT", target, &yaml, second.as_bytes())
            .await
            .status,
        200
    );
    assert_eq!(
        rig.get("/v1/definitions/count").await.json()["active_version"],
        1
    );
    let active = rig
        .put("/v1/definitions/count/active", &json!({"version": 2}))
        .await
        .json();
    assert_eq!(
        (&active["active_version"], &active["versions"]),
        (&json!(2), &json!([2, 1]))
    );
    let version = rig.get("/v1/definitions/count/versions/1").await.json();
    assert_eq!(version["source"], super::rig::COUNT);
    assert_eq!(version["resolved"]["name"], "count");
    let diff = rig.get("/v1/definitions/count/diff?from=1&to=2").await;
    assert_eq!(
        diff.json(),
        json!({"name": "count", "from": 1, "to": 2, "items": []})
    );
}

#[tokio::test]
async fn a_check_registers_nothing_and_answers_everything() {
    let rig = Rig::start().await;
    let yaml = [("content-type", "application/yaml")];
    let answer = rig
        .call(
            "POST",
            "/v1/checks",
            &yaml,
            b"saga: a\nversion: 1\nstpes: []\n",
        )
        .await;
    assert_eq!(answer.status, 200);
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    assert!(!errors.is_empty());
    assert!(
        errors
            .iter()
            .all(|error| error["line"].as_u64().unwrap() >= 1)
    );
    let good = rig
        .call("POST", "/v1/checks", &yaml, super::rig::COUNT.as_bytes())
        .await
        .json();
    assert_eq!(good["errors"], json!([]));
    assert_eq!(rig.get("/v1/definitions").await.json()["items"], json!([]));
}

#[tokio::test]
async fn figures_count_what_was_done() {
    let rig = rig().await;
    rig.accepted("k", json!({"definition": "count"})).await;
    rig.accepted("k", json!({"definition": "count"})).await;
    let text = rig.get("/metrics").await.text();
    assert!(text.contains("banyan_starts_total 1"), "{text}");
    assert!(text.contains("banyan_replays_total 1"), "{text}");
    assert!(text.ends_with("# EOF\n"));
}
