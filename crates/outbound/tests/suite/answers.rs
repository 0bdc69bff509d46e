//! What comes back, as the core sees it: a table of answers, kind and hostile.

use crate::support::*;
use banyan_core::definition::Method;
use banyan_core::limits::PAYLOAD_BYTES;
use banyan_core::wire::{Body, Http, Request, What};
use serde_json::json;
use tokio::io::AsyncWriteExt;

fn sized(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

async fn http(bytes: Vec<u8>) -> Http {
    let server = Server::answering_once(bytes).await;
    let answer = call(&server, &request()).await;
    let What::Http(http) = answer.what else {
        panic!("{answer:?}")
    };
    http
}

#[tokio::test]
async fn bodies_are_read_for_what_they_are() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let cases: Vec<(&str, Vec<u8>, Body)> = vec![
        ("nothing", vec![], Body::Empty),
        (
            "an object",
            br#"{"a":1}"#.to_vec(),
            Body::Json(json!({"a": 1})),
        ),
        ("a scalar", b" null\n".to_vec(), Body::Json(json!(null))),
        (
            "text",
            b"out of stock".to_vec(),
            Body::NotJson("out of stock".into()),
        ),
        ("two values", b"{}{}".to_vec(), Body::NotJson("{}{}".into())),
        (
            "half a value",
            br#"{"a":"#.to_vec(),
            Body::NotJson(r#"{"a":"#.into()),
        ),
        (
            "invalid UTF-8",
            b"\"\xff\"".to_vec(),
            Body::NotJson("\"\u{fffd}\"".into()),
        ),
        (
            "a raw NUL",
            b"\"\0\"".to_vec(),
            Body::NotJson("\"\u{fffd}\"".into()),
        ),
        (
            "an escape",
            b"\x1b[31m".to_vec(),
            Body::NotJson("\u{fffd}[31m".into()),
        ),
        (
            "a written NUL",
            br#""\u0000""#.to_vec(),
            Body::Json(json!("\0")),
        ),
        (
            "too deep",
            deep(200).into_bytes(),
            Body::NotJson(deep(200)[..200].into()),
        ),
        (
            "long text",
            vec![b'x'; 5_000],
            Body::NotJson("x".repeat(200)),
        ),
        (
            "wide text",
            "ü".repeat(500).into_bytes(),
            Body::NotJson("ü".repeat(200)),
        ),
        ("too large", vec![b' '; PAYLOAD_BYTES + 1], Body::TooLarge),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(http(sized("200 OK", &bytes)).await.body, expected, "{name}");
    }
}

#[tokio::test]
async fn numbers_keep_their_digits_and_the_largest_payload_fits() {
    let digits: serde_json::Value = serde_json::from_str("12345678901234567890.120").unwrap();
    let body = http(sized("200 OK", b"12345678901234567890.120"))
        .await
        .body;
    assert_eq!(body, Body::Json(digits), "numbers keep their digits");
    let largest = [
        b"\"".to_vec(),
        vec![b'x'; PAYLOAD_BYTES - 2],
        b"\"".to_vec(),
    ]
    .concat();
    let body = http(sized("200 OK", &largest)).await.body;
    assert!(matches!(body, Body::Json(_)), "the largest payload fits");
}

#[tokio::test]
async fn ways_to_frame_a_body_are_understood() {
    for (name, bytes, expected) in [
        (
            "chunks",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[1\r\n1;x=y\r\n]\r\n0\r\na: b\r\n\r\n",
            Body::Json(json!([1])),
        ),
        (
            "until the end",
            "HTTP/1.1 200 OK\r\n\r\n[1]",
            Body::Json(json!([1])),
        ),
        ("204", "HTTP/1.1 204 No Content\r\n\r\n", Body::Empty),
        (
            "1xx before",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            Body::Json(json!({})),
        ),
    ] {
        assert_eq!(http(bytes.into()).await.body, expected, "{name}");
    }
    // More than a payload may have, of unknown length.
    let endless = Server::start(|_, mut stream| async move {
        read_request(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
        while stream.write_all(chunk.as_bytes()).await.is_ok() {}
    })
    .await;
    let caller = caller(&[endless.url()]);
    for round in 1..=2 {
        let answer = caller.call(&request(), NOW).await;
        let What::Http(http) = answer.what else {
            panic!("{answer:?}")
        };
        assert_eq!(
            (http.body, endless.accepted()),
            (Body::TooLarge, round),
            "not reused"
        );
    }
}

#[tokio::test]
async fn a_head_is_answered_without_a_body() {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n").await;
    let caller = caller(&[server.url()]);
    let head = Request {
        method: Method::Head,
        body: None,
        ..request()
    };
    for _ in 0..3 {
        let answer = caller.call(&head, NOW).await;
        let What::Http(http) = answer.what else {
            panic!("{answer:?}")
        };
        assert_eq!((http.status, http.body), (200, Body::Empty));
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn redirects_are_answers_and_not_followed() {
    let elsewhere = Server::answering(sized("200 OK", b"")).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{status} Moved\r\nlocation: {}", elsewhere.url());
        let http = http(sized(&location, b"")).await;
        assert_eq!(http.status, status);
        assert_eq!(http.header("location"), Some(elsewhere.url().as_str()));
    }
    assert_eq!(elsewhere.accepted(), 0);
}

#[tokio::test]
async fn headers_come_in_lower_case_and_without_what_is_no_text() {
    let mut bytes = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nX-Odd: \xff\xfe\r\n".to_vec();
    bytes.extend_from_slice(b"content-length: 0\r\n\r\n");
    let http = http(bytes).await;
    assert_eq!(http.header("retry-after"), Some("7"));
    assert_eq!(http.header("x-odd"), None);
}

#[tokio::test]
async fn what_is_no_whole_answer_is_lost() {
    let lines = |count: usize| "x: y\r\n".repeat(count);
    let cases: Vec<(&str, String)> = vec![
        ("closed without a word", String::new()),
        ("half a head", "HTTP/1.1 200 OK\r\ncontent-le".into()),
        (
            "half a body",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"a\"".into(),
        ),
        (
            "half a chunk",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{}".into(),
        ),
        (
            "no chunk",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n".into(),
        ),
        (
            "a huge chunk",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n".into(),
        ),
        ("no HTTP", "+OK hello\r\n\r\n".into()),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into()),
        ("no status", "HTTP/1.1 abc OK\r\n\r\n".into()),
        (
            "a length that is none",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n".into(),
        ),
        (
            "two lengths",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}".into(),
        ),
        (
            "too many headers",
            format!("HTTP/1.1 200 OK\r\n{}\r\n", lines(200)),
        ),
        (
            "a NUL in a header",
            "HTTP/1.1 200 OK\r\nx: \0\r\n\r\n".into(),
        ),
        ("1xx only", "HTTP/1.1 100 Continue\r\n\r\n".into()),
        (
            "another protocol",
            "HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n".into(),
        ),
    ];
    for (name, bytes) in cases {
        let server = Server::answering_once(bytes).await;
        let answer = call(&server, &request()).await;
        assert!(!lost(&answer).is_empty(), "{name}");
        assert_eq!(answer.instance, Some(server.url()));
        assert_eq!(server.accepted(), 1, "{name}: nothing is repeated");
    }
}

#[tokio::test]
async fn endless_headers_are_lost_and_bounded() {
    let server = Server::start(|_, mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await;
        while stream.write_all(&[b'y'; 1024]).await.is_ok() {}
    })
    .await;
    assert!(lost(&call(&server, &request()).await).contains("too large"));
}

#[tokio::test]
async fn the_timeout_counts_to_the_last_byte() {
    let silent = Server::answering("").await;
    assert!(lost(&call(&silent, &impatient()).await).contains("within 150ms"));
    let half = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{").await;
    assert!(lost(&call(&half, &impatient()).await).contains("within 150ms"));
    // Bytes keep coming, the end never does.
    let dripping = Server::start(|_, mut stream| async move {
        read_request(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
        let _ = stream.write_all(head.as_bytes()).await;
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(10));
        while stream.write_all(b" ").await.is_ok() {
            ticks.tick().await;
        }
    })
    .await;
    assert!(lost(&call(&dripping, &impatient()).await).contains("within 150ms"));
    let early_hints = Server::start(|_, mut stream| async move {
        read_request(&mut stream).await;
        while stream
            .write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            .await
            .is_ok()
        {}
    })
    .await;
    lost(&call(&early_hints, &impatient()).await);
}

#[tokio::test]
async fn the_settings_of_a_service_cap_the_timeout() {
    let silent = Server::answering("").await;
    let settings = json!({"instances": [silent.url()], "timeout": "100ms"});
    let (caller, _) = caller_with(settings);
    assert!(lost(&caller.call(&request(), NOW).await).contains("within 100ms"));
}
