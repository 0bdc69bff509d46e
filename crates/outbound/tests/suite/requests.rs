//! What a service receives.

use crate::support::*;
use banyan_core::definition::Method;
use banyan_core::wire::Request;
use ring::hmac;
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt;

type Seen = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

async fn recorder() -> (Server, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let server = Server::start(move |_, mut stream| {
        let log = Arc::clone(&log);
        async move {
            while let Some(request) = read_request(&mut stream).await {
                log.lock().unwrap().push(request);
                stream
                    .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                    .await
                    .unwrap();
            }
        }
    })
    .await;
    (server, seen)
}

/// The head and body that a service with these further settings receives.
async fn received(request: &Request, base: &str, more: serde_json::Value) -> (String, Vec<u8>) {
    let (server, seen) = recorder().await;
    let mut settings = json!({"instances": [server.url() + base]});
    settings
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let (caller, _) = caller_with(settings);
    assert_eq!(status(&caller.call(request, NOW).await), 204);
    let head = seen.lock().unwrap().remove(0);
    (
        head.0.replace(&server.address.to_string(), "ADDRESS"),
        head.1,
    )
}

/// The value of a header in a head.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let prefix = format!("{name}: ");
    head.lines()
        .find_map(|line| line.strip_prefix(prefix.as_str()))
}

#[tokio::test]
async fn a_call_carries_what_the_api_promises() {
    let (head, body) = received(&request(), "/base/", json!({})).await;
    let saga = request().saga;
    let trace: String = saga.to_string().replace('-', "");
    assert_eq!(head.lines().next(), Some("POST /base/orders?a=1 HTTP/1.1"));
    let span = header(&head, "traceparent")
        .unwrap()
        .split('-')
        .nth(2)
        .unwrap();
    assert_eq!(span.len(), 16);
    for (name, value) in [
        ("host", "ADDRESS"),
        ("user-agent", concat!("banyan/", env!("CARGO_PKG_VERSION"))),
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("content-length", "8"),
        ("idempotency-key", "k-1"),
        ("banyan-saga", saga.to_string().as_str()),
        ("banyan-definition", "place_order@3"),
        ("banyan-step", "prepare.stock"),
        ("banyan-attempt", "2"),
        ("banyan-deadline", "2025-11-21T10:43:07.000Z"),
        ("traceparent", format!("00-{trace}-{span}-01").as_str()),
    ] {
        assert_eq!(header(&head, name), Some(value), "{name}");
    }
    assert_eq!(body, br#"{"id":7}"#);
}

#[tokio::test]
async fn every_attempt_is_a_span_of_its_own_that_never_changes() {
    let span = async |attempt: u32| {
        let (head, _) = received(
            &Request {
                attempt,
                ..request()
            },
            "",
            json!({}),
        )
        .await;
        header(&head, "traceparent").unwrap().to_owned()
    };
    let first = span(1).await;
    assert_eq!(first, span(1).await);
    assert_ne!(first, span(2).await);
}

#[tokio::test]
async fn without_a_body_none_is_announced() {
    for method in Method::ALL {
        let bare = Request {
            method,
            body: None,
            deadline: None,
            ..request()
        };
        let (head, body) = received(&bare, "", json!({})).await;
        assert!(head.starts_with(&format!("{} /orders?a=1 HTTP/1.1", method.as_str())));
        assert_eq!(header(&head, "content-type"), None);
        assert_eq!(header(&head, "banyan-deadline"), None);
        assert!(
            header(&head, "content-length").is_none_or(|length| length == "0"),
            "{head}"
        );
        assert!(body.is_empty());
    }
}

#[tokio::test]
async fn a_definition_adds_headers_but_does_not_forge_or_frame() {
    let headers = [
        ("x-tenant", "t-1"),
        ("accept", "application/vnd.shop+json"),
        ("user-agent", "shop"),
        ("host", "evil"),
        ("content-length", "1"),
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("expect", "100-continue"),
        ("idempotency-key", "forged"),
        ("banyan-saga", "forged"),
        ("banyan-signature", "forged"),
        ("traceparent", "forged"),
        ("x-wide", "grün"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (head, _) = received(
        &Request {
            headers: headers.into(),
            ..request()
        },
        "",
        json!({}),
    )
    .await;
    assert_eq!(header(&head, "x-tenant"), Some("t-1"));
    assert_eq!(header(&head, "x-wide"), Some("grün"));
    assert_eq!(header(&head, "accept"), Some("application/vnd.shop+json"));
    assert_eq!(header(&head, "user-agent"), Some("shop"));
    assert_eq!(header(&head, "content-length"), Some("8"));
    for forged in ["forged", "evil", "chunked", "close", "100-continue"] {
        assert!(!head.contains(forged), "{forged}");
    }
}

#[tokio::test]
async fn credentials_are_read_by_reference_and_win_over_a_definition() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "s3cret\n").unwrap();
    let file = json!({"file": file.to_str().unwrap()});
    let forged = vec![("authorization".to_owned(), "forged".to_owned())];
    let call = Request {
        headers: forged,
        ..request()
    };
    let (head, _) = received(&call, "", json!({"auth": {"bearer": file}})).await;
    assert_eq!(header(&head, "authorization"), Some("Bearer s3cret"));
    let basic = json!({"auth": {"basic": {"username": "me", "password": file}}});
    let (head, _) = received(&call, "", basic).await;
    assert_eq!(header(&head, "authorization"), Some("Basic bWU6czNjcmV0"));
    // Of a variable that every test has.
    let (head, _) = received(
        &call,
        "",
        json!({"auth": {"bearer": {"env": "CARGO_PKG_NAME"}}}),
    )
    .await;
    assert_eq!(
        header(&head, "authorization"),
        Some("Bearer banyan-outbound")
    );
}

#[tokio::test]
async fn a_signature_covers_key_time_and_body() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "s3cret").unwrap();
    let auth = json!({"auth": {"hmac": {"file": file.to_str().unwrap()}}});
    for (body, signed) in [
        (Some(br#"{"id":7}"#.to_vec()), r#"k-1.1763721727.{"id":7}"#),
        (None, "k-1.1763721727."),
    ] {
        let (head, _) = received(&Request { body, ..request() }, "", auth.clone()).await;
        let signature = header(&head, "banyan-signature").unwrap();
        let hex = signature.strip_prefix("t=1763721727,v1=").unwrap();
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"s3cret");
        hmac::verify(&key, signed.as_bytes(), &bytes).unwrap();
        assert_eq!(header(&head, "authorization"), None);
    }
}
