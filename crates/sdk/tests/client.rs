//! The client against a small server that misbehaves as told: what is repeated, and what is not.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

use banyan_sdk::api::StartRequest;
use banyan_sdk::{Client, Error, SagaFilter, Wait};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SAGA_PAGE: &str = r#"{"items":[],"next":null}"#;

/// Answers each connection's single request with the next of `answers`; an empty one closes the
/// connection. The last is repeated. Gives the address and the count of requests seen.
async fn server(answers: &'static [&'static str]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let number = count.fetch_add(1, Ordering::SeqCst);
            let answer = answers[number.min(answers.len() - 1)];
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, seen)
}

fn answer(status: &str, body: &str) -> &'static str {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .leak()
}

fn problem(status: u16, code: &str) -> &'static str {
    let body = format!(
        r#"{{"type":"/errors/{code}","title":"t","status":{status},"code":"{code}","detail":"d","errors":[],"saga":null}}"#
    );
    answer(&format!("{status} X"), &body)
}

fn patient(address: &str) -> Client {
    Client::new(address, None)
        .unwrap()
        .with_patience(Duration::from_secs(10))
}

#[tokio::test]
async fn a_read_is_repeated_after_a_lost_answer_and_a_full_server() {
    let page = answer("200 OK", SAGA_PAGE);
    let (address, seen) = server(vec!["", problem(503, "over_capacity"), page].leak()).await;
    let found = patient(&address)
        .sagas(&SagaFilter::default(), 5, None)
        .await
        .unwrap();
    assert!(found.items.is_empty());
    assert_eq!(seen.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_start_is_repeated_under_its_key_until_the_server_says_no() {
    let (address, seen) = server(vec!["", problem(409, "key_reused")].leak()).await;
    let failed = patient(&address)
        .start(&StartRequest::default(), "k", &Wait::default())
        .await
        .unwrap_err();
    assert_eq!(failed.problem().unwrap().code, "key_reused");
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_cancel_has_no_key_and_is_not_repeated_when_it_may_have_arrived() {
    let (address, seen) = server(&[""]).await;
    let failed = patient(&address).cancel("x", "because").await.unwrap_err();
    assert!(matches!(failed, Error::Lost { .. }), "{failed:?}");
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_brake_is_no_passing_trouble() {
    let (address, seen) = server(vec![problem(503, "not_accepting")].leak()).await;
    let failed = patient(&address)
        .start(&StartRequest::default(), "k", &Wait::default())
        .await
        .unwrap_err();
    assert_eq!(failed.problem().unwrap().code, "not_accepting");
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_others_are_not_banyan() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let failed = Client::new(&address, None)
        .unwrap()
        .ready()
        .await
        .unwrap_err();
    assert!(matches!(failed, Error::Unreachable { .. }), "{failed:?}");

    let (address, _) = server(vec![answer("200 OK", "<html>")].leak()).await;
    let failed = Client::new(&address, None)
        .unwrap()
        .ready()
        .await
        .unwrap_err();
    assert!(
        matches!(failed, Error::NotBanyan { status: 200, .. }),
        "{failed:?}"
    );
}

#[test]
fn addresses_that_cannot_be_a_server_say_why() {
    for text in [
        "",
        "https://a:1",
        "http://a",
        "http://a:1/path",
        "me@a:1",
        "a b:1",
    ] {
        assert!(
            matches!(Client::new(text, None), Err(Error::InvalidServer { .. })),
            "{text}"
        );
    }
    for text in [
        "http://127.0.0.1:7400",
        "127.0.0.1:7400",
        "http://localhost:1/",
        "[::1]:7400",
    ] {
        assert!(Client::new(text, None).is_ok(), "{text}");
    }
}
