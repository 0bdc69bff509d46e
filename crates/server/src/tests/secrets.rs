//! What a file calls secret reaches the services and nobody who looks (I-42): every answer that
//! tells of a saga is read for the marker that its secrets carry.

use super::rig::Rig;
use axum::Json as Body;
use axum::routing::post;
use banyan_api::Json;
use serde_json::json;
use std::sync::{Arc, Mutex};

/// What no answer may hold.
const MARKER: &str = "4111-1111-tok-SECRET";

const PAY: &str = "\
saga: pay
version: 1
secret: [$input.card]
steps:
  - token:
      do: POST vault /tokens
      body: { card: $input.card }
      secret: [$body.card, $result.token]
      undo: POST vault /tokens/{$key}/undo
  - code: { wait: code, for: 1h, secret: [$result.code] }
  - charge:
      do: POST vault /charges
      body: { token: $token.token, code: $code.code }
      secret: [$body.token, $body.code]
      retry: { attempts: 1 }
      undo: none
output: { last: 4 }
";

/// A vault that says its secrets in its answers, refusals included; what it was sent.
async fn vault(rig: &Rig) -> Arc<Mutex<Vec<Json>>> {
    let sent: Arc<Mutex<Vec<Json>>> = Arc::default();
    let (tokens, charges) = (Arc::clone(&sent), Arc::clone(&sent));
    let token = move |Body(body): Body<Json>| {
        tokens.lock().unwrap().push(body);
        std::future::ready(Body(json!({ "token": MARKER, "id": "t-1" })))
    };
    let charge = move |Body(body): Body<Json>| {
        let message = format!("{} is declined", body["token"].as_str().unwrap_or_default());
        charges.lock().unwrap().push(body);
        let refusal = Body(json!({ "message": message }));
        std::future::ready((http::StatusCode::CONFLICT, refusal))
    };
    let undo = || std::future::ready(Body(json!({})));
    let vault = axum::Router::new()
        .route("/tokens", post(token))
        .route("/charges", post(charge))
        .route("/tokens/{key}/undo", post(undo));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, vault).await });
    rig.put("/v1/services/vault", &json!({ "instances": [url] }))
        .await;
    rig.register("pay", PAY).await;
    sent
}

#[tokio::test]
async fn no_answer_holds_what_a_file_calls_secret() {
    let rig = Rig::start().await;
    let sent = vault(&rig).await;
    let start = json!({ "definition": "pay", "input": { "card": MARKER } });
    let saga = rig.accepted("k", start.clone()).await;
    let id = saga["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/sagas/{id}");
    assert!(!saga.to_string().contains(MARKER), "{saga}");
    let key = [("idempotency-key", "s")];
    let signal = format!("{path}/signals/code");
    rig.post(&signal, &key, &json!({ "code": MARKER })).await;
    let looks = [
        format!("{path}?wait=20"),
        path.clone(),
        "/v1/definitions/pay/sagas/k".to_owned(),
        format!("{path}/journal"),
        format!("{path}/attempts"),
        "/v1/sagas?definition=pay".to_owned(),
        "/v1/services".to_owned(),
        "/metrics".to_owned(),
    ];
    for look in &looks {
        let answer = rig.get(look).await;
        assert_eq!(answer.status, 200, "{look}");
        assert!(!answer.text().contains(MARKER), "{look}: {}", answer.text());
    }
    let ended = rig.get(&path).await.json();
    assert_eq!(ended["status"], "compensated", "{ended}");
    assert_eq!(ended["input"]["card"], "***", "{ended}");
    assert_eq!(ended["steps"][0]["result"]["token"], "***", "{ended}");
    assert_eq!(
        ended["steps"][0]["result"]["id"], "t-1",
        "the rest is shown"
    );
    let replayed = rig
        .post("/v1/sagas", &[("idempotency-key", "k")], &start)
        .await;
    assert!(!replayed.text().contains(MARKER), "{}", replayed.text());
    // The services got the real thing.
    let sent = sent.lock().unwrap();
    assert_eq!(sent[0], json!({ "card": MARKER }));
    assert_eq!(sent[1], json!({ "token": MARKER, "code": MARKER }));
}
