//! Signals after the end: taken where a wait has an undo, and there alone.

use super::rig::Rig;
use axum::routing::post;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

fn file(undo: &str) -> String {
    format!(
        "saga: paid_late\nversion: 1\nsteps:\n  - paid:\n      wait: paid\n      for: 1d\n{undo}"
    )
}

const UNDO: &str = "      undo: { do: POST cards /refunds, body: { charge: $result.charge } }\n";

#[tokio::test]
async fn who_pays_after_the_end_is_answered_202_and_gets_the_money_back() {
    let refunds: Arc<Mutex<Vec<Value>>> = Arc::default();
    let seen = Arc::clone(&refunds);
    let refund = move |axum::Json(body): axum::Json<Value>| {
        seen.lock().unwrap().push(body);
        std::future::ready(axum::Json(json!({})))
    };
    let shop = axum::Router::new().route("/refunds", post(refund));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, shop).await });
    let rig = Rig::start().await;
    rig.put("/v1/services/cards", &json!({ "instances": [url] }))
        .await;
    rig.register("paid_late", &file(UNDO)).await;
    let saga = rig
        .accepted("k", json!({ "definition": "paid_late" }))
        .await;
    let path = format!("/v1/sagas/{}", saga["id"].as_str().unwrap());
    let cancel = json!({ "reason": "out of stock" });
    rig.post(&format!("{path}/cancel"), &[], &cancel).await;
    let ended = rig.get(&format!("{path}?wait=20")).await.json();
    assert_eq!(ended["status"], "compensated");

    let signal = format!("{path}/signals/paid");
    let charge = json!({ "charge": "c-1" });
    let key = [("idempotency-key", "c-1")];
    let late = rig.post(&signal, &key, &charge).await;
    assert_eq!(
        (late.status, late.header("idempotency-replayed")),
        (202, None)
    );
    assert_eq!(late.json()["status"], "compensating");
    let ended = rig.get(&format!("{path}?wait=20")).await.json();
    assert_eq!(ended["status"], "compensated");
    let part = &ended["steps"][0]["steps"][0];
    assert_eq!(
        (&part["path"], &part["undo"]["state"]),
        (&json!("paid[0]"), &json!("done"))
    );
    let again = rig.post(&signal, &key, &charge).await;
    assert_eq!(
        (again.status, again.header("idempotency-replayed")),
        (202, Some("true"))
    );
    assert_eq!(*refunds.lock().unwrap(), [charge]);
    let journal = rig.get(&format!("{path}/journal")).await.json();
    let kinds: Vec<&str> = journal["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["type"].as_str())
        .collect();
    assert!(
        kinds.contains(&"reopened") && kinds.contains(&"signal_late"),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn without_an_undo_a_signal_after_the_end_is_refused() {
    let rig = Rig::start().await;
    rig.register("paid_late", &file("")).await;
    let saga = rig
        .accepted("k", json!({ "definition": "paid_late" }))
        .await;
    let path = format!("/v1/sagas/{}", saga["id"].as_str().unwrap());
    let cancel = json!({ "reason": "out of stock" });
    rig.post(&format!("{path}/cancel"), &[], &cancel).await;
    let key = [("idempotency-key", "c-1")];
    let late = rig
        .post(&format!("{path}/signals/paid"), &key, &json!({}))
        .await;
    assert_eq!((late.status, late.code().as_str()), (409, "saga_ended"));
}
