//! Codes that need a server in a special state.

use super::http;
use super::rig::Rig;
use serde_json::json;
use std::sync::atomic::Ordering::SeqCst;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const KEY: (&str, &str) = ("idempotency-key", "k-1");

/// What a saga's own state refuses.
pub(crate) async fn sagas(rig: &Rig) {
    let start = json!({"definition": "approve", "input": {"customer": "c-9"}});
    let saga = rig.accepted("k-1", start.clone()).await;
    let path = format!("/v1/sagas/{}", saga["id"].as_str().unwrap());
    let other = json!({"definition": "approve", "input": {"customer": "c-10"}});
    let answer = rig.post("/v1/sagas", &[KEY], &other).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "key_reused"));
    assert_eq!(answer.json()["saga"], saga["id"]);
    let answer = rig
        .post(&format!("{path}/signals/denied"), &[KEY], &json!(1))
        .await;
    assert_eq!(answer.code(), "unknown_signal");
    let answer = rig
        .post(&format!("{path}/signals/approved"), &[KEY], &json!({}))
        .await;
    assert_eq!(answer.code(), "invalid_signal");
    let answer = rig.get(&format!("{path}/attempts?step=nothing")).await;
    assert_eq!(answer.code(), "no_such_step");
    let done = rig.accepted("k-2", json!({"definition": "count"})).await;
    let path = format!("/v1/sagas/{}", done["id"].as_str().unwrap());
    let answer = rig
        .post(&format!("{path}/cancel"), &[], &json!({"reason": "no"}))
        .await;
    assert_eq!(answer.code(), "not_allowed_now");
    let approved = rig.accepted("k-3", start).await;
    let path = format!("/v1/sagas/{}", approved["id"].as_str().unwrap());
    let by = json!({"by": "ann"});
    assert_eq!(
        rig.post(&format!("{path}/signals/approved"), &[KEY], &by)
            .await
            .status,
        202
    );
    let answer = rig
        .post(
            &format!("{path}/signals/approved"),
            &[("idempotency-key", "k-2")],
            &by,
        )
        .await;
    assert_eq!(answer.code(), "saga_ended");
    let brake = json!({"accepting": false, "reason": "a wrong price"});
    assert_eq!(
        rig.put("/v1/definitions/count/accepting", &brake)
            .await
            .json()["accepting"],
        false
    );
    let answer = rig
        .post(
            "/v1/sagas",
            &[("idempotency-key", "k-4")],
            &json!({"definition": "count"}),
        )
        .await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "not_accepting")
    );
    assert!(
        answer.json()["detail"]
            .as_str()
            .unwrap()
            .contains("a wrong price")
    );
    assert!(answer.header("retry-after").is_some());
}

/// A saga holds so many signals and no more.
pub(crate) async fn signals(rig: &Rig) {
    let two = "saga: two\nversion: 1\nsteps:\n  - a:\n      wait: first\n      for: 1d\n  - b:\n      wait: second\n      for: 1d\n";
    rig.register("two", two).await;
    let saga = rig.accepted("k-1", json!({"definition": "two"})).await;
    let path = format!("/v1/sagas/{}/signals/second", saga["id"].as_str().unwrap());
    for place in 0..banyan_core::limits::SIGNALS {
        let key = format!("s-{place}");
        let answer = rig
            .post(&path, &[("idempotency-key", &key)], &json!(place))
            .await;
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    let answer = rig
        .post(&path, &[("idempotency-key", "one-more")], &json!(1))
        .await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (409, "too_many_signals")
    );
}

/// Services that cannot go, and one that the file holds.
pub(crate) async fn services() -> Rig {
    let rig = Rig::with(|config| {
        let settings = json!({"instances": ["http://127.0.0.1:9"]});
        config.services.insert("held".into(), settings);
    })
    .await
    .with_samples()
    .await;
    assert_eq!(
        rig.get("/v1/services/held").await.json()["managed_by_file"],
        true
    );
    let answer = rig.call("DELETE", "/v1/services/held", &[], b"").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (409, "managed_by_file")
    );
    let settings = json!({"instances": ["http://127.0.0.1:9"]});
    assert_eq!(
        rig.put("/v1/services/held", &settings).await.code(),
        "managed_by_file"
    );
    assert_eq!(rig.put("/v1/services/orders", &settings).await.status, 201);
    let answer = rig.call("DELETE", "/v1/services/orders", &[], b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "in_use"));
    rig
}

/// A store that fails.
pub(crate) async fn store() -> Rig {
    let rig = Rig::start().await.with_samples().await;
    let saga = rig.accepted("k-1", json!({"definition": "count"})).await;
    rig.faults.damaged.store(true, SeqCst);
    let journal = format!("/v1/sagas/{}/journal", saga["id"].as_str().unwrap());
    let answer = rig.get(&journal).await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "internal"));
    rig.faults.unavailable.store(true, SeqCst);
    let answer = rig.get(&journal).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "store_unavailable")
    );
    rig
}

/// More bytes of bodies than the server may hold.
pub(crate) async fn full() -> Rig {
    let rig = Rig::with(|config| config.limits.body_bytes_held = 1024).await;
    // The first caller holds all there is, for as long as it takes to send its body.
    let body = [b' '; 1000];
    let whole = rig.request("POST", "/v1/checks", &[], &body);
    let mut slow = TcpStream::connect(rig.address).await.unwrap();
    slow.write_all(&whole[..whole.len() - 10]).await.unwrap();
    for attempt in 0.. {
        let answer = rig.call("POST", "/v1/checks", &[], &body).await;
        if answer.code() == "over_capacity" {
            assert_eq!(answer.header("retry-after"), Some("1"));
            break;
        }
        assert!(attempt < 1_000, "{}", answer.text());
    }
    slow.write_all(&whole[whole.len() - 10..]).await.unwrap();
    assert_eq!(http::finish(slow).await.status, 200);
    rig
}

/// A start that is on its way when the server stops. Gives the codes that were answered.
pub(crate) async fn stopping() -> std::collections::BTreeSet<String> {
    let rig = Rig::start().await.with_samples().await;
    let body = json!({"definition": "count"}).to_string();
    let whole = rig.request("POST", "/v1/sagas", &[KEY], body.as_bytes());
    let mut slow = TcpStream::connect(rig.address).await.unwrap();
    slow.write_all(&whole[..whole.len() - 5]).await.unwrap();
    // Its headers were read once another call was answered after them.
    for _ in 0..10 {
        rig.get("/healthz").await;
    }
    let address = rig.address;
    rig.handle.begin_stop();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    slow.write_all(&whole[whole.len() - 5..]).await.unwrap();
    let answer = rig.judge("POST", "/v1/sagas", http::finish(slow).await);
    assert_eq!((answer.status, answer.code().as_str()), (503, "stopping"));
    let codes = rig.codes();
    rig.handle.stop().await.unwrap();
    codes
}

#[tokio::test]
async fn a_saga_refuses_what_it_cannot_do() {
    sagas(&Rig::start().await.with_samples().await).await;
}

#[tokio::test]
async fn a_start_in_the_middle_of_a_stop_is_refused_before_acceptance() {
    stopping().await;
}

#[tokio::test]
async fn a_server_on_disk_keeps_its_sagas_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = crate::Config::new(folder.path(), "127.0.0.1:0".parse().unwrap());
    let first = crate::start(config.clone()).await.unwrap();
    let second = crate::start(config.clone()).await.unwrap_err();
    assert!(second.to_string().contains("in use"), "{second}");
    let rig = Rig::around(first, folder).await.with_samples().await;
    let start = json!({"definition": "approve", "input": {"customer": "c-9"}});
    let saga = rig.accepted("k", start).await;
    let (handle, folder) = rig.into_parts();
    handle.stop().await.unwrap();
    let rig = Rig::around(crate::start(config).await.unwrap(), folder).await;
    let path = format!("/v1/sagas/{}", saga["id"].as_str().unwrap());
    assert_eq!(rig.get(&path).await.json(), saga);
    let by = json!({"by": "ann"});
    let signal = format!("{path}/signals/approved");
    assert_eq!(rig.post(&signal, &[KEY], &by).await.status, 202);
    let rest = rig.get(&format!("{path}?wait=20")).await.json();
    assert_eq!(rest["status"], "completed");
}

#[tokio::test]
async fn an_address_that_others_reach_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = crate::Config::new(folder.path(), "0.0.0.0:0".parse().unwrap());
    let error = crate::start(config).await.unwrap_err();
    assert!(error.to_string().contains("loopback"), "{error}");
    assert!(!folder.path().join("banyan.db").exists());
}
