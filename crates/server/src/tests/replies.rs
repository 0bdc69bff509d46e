//! Replies to calls that were accepted: the address that a call carries is the authority, and
//! settles one call once.

use super::rig::{Rig, WITHOUT};
use axum::routing::{any, post};
use banyan_api::Json;
use serde_json::json;
use std::sync::{Arc, Mutex};

const RENDER: &str = "\
saga: render
version: 1
steps:
  - film:
      do: POST shop /jobs
      reply: later
      for: 1h
      on_refused: continue
      undo: POST shop /jobs/{$key}/undo
  - told: { wait: told, for: 1h }
output: $film
";

/// A shop that accepts every job, and the addresses that it was given.
async fn shop(rig: &Rig) -> Arc<Mutex<Vec<String>>> {
    let given: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&given);
    let accept = move |headers: http::HeaderMap| {
        let address = headers.get("banyan-reply-to");
        let address = address.map_or("", |address| address.to_str().unwrap());
        seen.lock().unwrap().push(address.to_owned());
        std::future::ready(http::StatusCode::ACCEPTED)
    };
    let undo = || std::future::ready(axum::Json(json!({})));
    let shop = axum::Router::new()
        .route("/jobs", post(accept))
        .route("/jobs/{key}/undo", any(undo));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, shop).await });
    rig.put("/v1/services/shop", &json!({ "instances": [url] }))
        .await;
    rig.register("render", RENDER).await;
    given
}

/// A saga that waits for its reply: its path, and that of the address.
async fn waiting(rig: &Rig, given: &Mutex<Vec<String>>, key: &str) -> (String, String) {
    let known = given.lock().unwrap().len();
    let saga = rig.accepted(key, json!({ "definition": "render" })).await;
    let path = format!("/v1/sagas/{}", saga["id"].as_str().unwrap());
    for _ in 0..100_000 {
        let saga = rig.get(&path).await.json();
        if saga["waiting_on"][0]["kind"] == "reply" {
            break;
        }
        tokio::task::yield_now().await;
    }
    let address = given.lock().unwrap()[known].clone();
    let base = format!("http://{}", rig.address);
    let reply = address
        .strip_prefix(&base)
        .expect("an address of this server");
    (path, reply.to_owned())
}

async fn reply(rig: &Rig, path: &str, body: &Json) -> (u16, String, bool) {
    let answer = rig.post(path, &[("authorization", WITHOUT)], body).await;
    let replayed = answer.header("idempotency-replayed") == Some("true");
    (answer.status, answer.code(), replayed)
}

/// A call that was settled, and then said to be refused.
pub(crate) async fn settled() -> Rig {
    let rig = Rig::start().await;
    let given = shop(&rig).await;
    let (saga, address) = waiting(&rig, &given, "k-1").await;
    let done = json!({ "outcome": "done", "result": { "url": "x" } });
    assert_eq!(
        reply(&rig, &address, &done).await,
        (202, String::new(), false)
    );
    assert_eq!(
        reply(&rig, &address, &done).await,
        (202, String::new(), true)
    );
    let refused = json!({ "outcome": "refused", "error": "too dark" });
    let settled = (409, "already_settled".to_owned(), false);
    assert_eq!(reply(&rig, &address, &refused).await, settled);
    let film = rig.get(&saga).await.json()["steps"][0].clone();
    assert_eq!(
        (&film["state"], &film["result"]["url"]),
        (&json!("done"), &json!("x"))
    );
    let journal = rig.get(&format!("{saga}/journal")).await.json();
    let kinds: Vec<&str> = journal["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["type"].as_str())
        .collect();
    assert!(kinds.contains(&"reply_received"), "{kinds:?}");
    rig
}

#[tokio::test]
async fn who_has_the_address_settles_the_call_once_and_needs_no_token() {
    settled().await;
}

#[tokio::test]
async fn done_after_refused_is_undone() {
    let rig = Rig::start().await;
    let given = shop(&rig).await;
    let (saga, address) = waiting(&rig, &given, "k-1").await;
    let refused = json!({ "outcome": "refused", "error": { "message": "too dark" } });
    assert_eq!(reply(&rig, &address, &refused).await.0, 202);
    let film = rig.get(&saga).await.json()["steps"][0].clone();
    assert_eq!(film["state"], "refused");
    assert!(
        film["error"]["message"]
            .as_str()
            .unwrap()
            .contains("too dark")
    );
    let done = json!({ "outcome": "done" });
    assert_eq!(
        reply(&rig, &address, &done).await,
        (202, String::new(), false)
    );
    for _ in 0..100_000 {
        let film = rig.get(&saga).await.json()["steps"][0].clone();
        if film["undo"]["state"] == "done" {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the late effect is never undone");
}

#[tokio::test]
async fn an_address_that_was_not_given_out_is_not_told_from_one_that_was_changed() {
    let rig = Rig::start().await;
    let given = shop(&rig).await;
    let (saga, mine) = waiting(&rig, &given, "k-1").await;
    let (_, other) = waiting(&rig, &given, "k-2").await;
    let (named, tag) = mine.split_once('.').unwrap();
    let (_, other_tag) = other.split_once('.').unwrap();
    let done = json!({ "outcome": "done" });
    for forged in [
        format!("{named}.{other_tag}"),
        named.to_owned(),
        format!("{named}."),
        format!("{named}.{tag}A"),
        "/v1/replies/a.b".to_owned(),
        "/v1/replies/%20".to_owned(),
        format!("/v1/replies/{}", "a".repeat(2_000)),
    ] {
        let answer = reply(&rig, &forged, &done).await;
        assert_eq!(answer, (404, "no_such_reply".to_owned(), false), "{forged}");
        // Nobody's body is read who has no address.
        let bad = rig.call("POST", &forged, &[], b"{").await;
        assert_eq!(bad.code(), "no_such_reply");
    }
    assert_eq!(
        rig.get(&saga).await.json()["waiting_on"][0]["kind"],
        "reply"
    );
}

#[tokio::test]
async fn a_body_that_says_nothing_or_two_things_changes_nothing() {
    let rig = Rig::start().await;
    let given = shop(&rig).await;
    let (saga, address) = waiting(&rig, &given, "k-1").await;
    for body in [
        json!({}),
        json!({ "outcome": "" }),
        json!({ "outcome": "maybe" }),
        json!({ "outcome": true }),
        json!({ "outcome": "done", "error": "no" }),
        json!({ "outcome": "refused", "result": 1 }),
        json!({ "outcome": "done", "more": 1 }),
        json!([]),
    ] {
        let answer = reply(&rig, &address, &body).await;
        assert_eq!(answer, (400, "invalid_body".to_owned(), false), "{body}");
    }
    let malformed = rig.call("POST", &address, &[], b"{").await;
    assert_eq!(malformed.code(), "malformed_json");
    assert_eq!(
        rig.get(&saga).await.json()["waiting_on"][0]["kind"],
        "reply"
    );
}

#[tokio::test]
async fn behind_a_proxy_services_are_given_its_address() {
    let rig = Rig::with(|config| {
        config.public_url = Some("https://banyan.example.com/b".to_owned());
    })
    .await;
    let given = shop(&rig).await;
    rig.accepted("k-1", json!({ "definition": "render" })).await;
    for _ in 0..100_000 {
        if !given.lock().unwrap().is_empty() {
            break;
        }
        rig.get("/healthz").await;
    }
    let address = given.lock().unwrap()[0].clone();
    let path = address
        .strip_prefix("https://banyan.example.com/b")
        .unwrap();
    let done = json!({ "outcome": "done" });
    let host = [("host", "banyan.example.com"), ("authorization", WITHOUT)];
    let answer = rig.post(path, &host, &done).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
}

#[tokio::test]
async fn an_address_that_was_given_out_before_a_restart_still_settles_its_call() {
    let folder = tempfile::tempdir().unwrap();
    let config = crate::Config::new(folder.path(), "127.0.0.1:0".parse().unwrap());
    let rig = Rig::around(crate::start(config.clone()).await.unwrap(), folder).await;
    let given = shop(&rig).await;
    let (saga, address) = waiting(&rig, &given, "k-1").await;
    let (handle, folder) = rig.into_parts();
    handle.stop().await.unwrap();
    let rig = Rig::around(crate::start(config).await.unwrap(), folder).await;
    let done = json!({ "outcome": "done", "result": { "url": "x" } });
    assert_eq!(
        reply(&rig, &address, &done).await,
        (202, String::new(), false)
    );
    let film = rig.get(&saga).await.json()["steps"][0].clone();
    assert_eq!(film["result"]["url"], "x", "{film}");
}
