//! Requests that no library sends: half of one, endless headers, broken framing.

use super::http;
use super::rig::Rig;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// What is sent, and what it gets.
fn cases() -> [(String, u16, &'static str); 12] {
    let endless = format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}",
        "y".repeat(200_000)
    );
    let many = format!("GET /healthz HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(150));
    let post = "POST /v1/sagas HTTP/1.1\r\nhost: HOST\r\nauthorization: Bearer TOKEN\r\nidempotency-key: k\r\ncontent-type: application/json\r\n";
    [
        (
            "GET /healthz HTTP/1.1\r\nhost: x\r\n".into(),
            408,
            "request_timeout",
        ),
        ("G".into(), 408, "request_timeout"),
        (
            format!("{post}content-length: 50\r\n\r\n{{\"definition\":"),
            408,
            "request_timeout",
        ),
        (
            format!("{post}transfer-encoding: chunked\r\n\r\n5\r\n{{\"def"),
            408,
            "request_timeout",
        ),
        (
            format!("{post}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n"),
            400,
            "malformed_request",
        ),
        (
            format!("{post}content-length: -5\r\n\r\n{{}}"),
            400,
            "malformed_request",
        ),
        (
            format!("{post}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}"),
            400,
            "malformed_request",
        ),
        (
            "GET /healthz HTTP/1.1\r\nbad header: x\r\n\r\n".into(),
            400,
            "malformed_request",
        ),
        (
            "GET /healthz\0 HTTP/1.1\r\nhost: x\r\n\r\n".into(),
            400,
            "malformed_request",
        ),
        (
            "\u{16}\u{3}\u{1}hello\r\n\r\n".into(),
            400,
            "malformed_request",
        ),
        (endless, 431, "headers_too_large"),
        (many, 431, "headers_too_large"),
    ]
}

/// Sends each case; the connection stays open on our side meanwhile.
pub(crate) async fn run(rig: &Rig) {
    for (text, status, code) in cases() {
        let bytes = text
            .replace("HOST", &rig.address.to_string())
            .replace("TOKEN", &rig.token);
        let mut stream = TcpStream::connect(rig.address).await.unwrap();
        let _ = stream.write_all(bytes.as_bytes()).await;
        let answer = rig.judge("GET", "/healthz", http::finish(stream).await);
        let shown = bytes.get(..80).unwrap_or(&bytes);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{shown:?}"
        );
    }
}

/// A server whose patience is short.
pub(crate) async fn impatient() -> Rig {
    Rig::with(|config| {
        config.limits.header_read = Duration::from_millis(200);
        config.limits.body_read = Duration::from_millis(200);
    })
    .await
}

#[tokio::test]
async fn requests_that_no_library_sends_get_an_answer_with_words() {
    run(&impatient().await).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let rig = impatient().await;
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    let mut all = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut all)
        .await
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&all), "");
}

#[tokio::test]
async fn requests_may_follow_each_other_on_one_connection() {
    let rig = Rig::start().await;
    let host = rig.address.to_string();
    let call = format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let last = String::from_utf8(rig.request("GET", "/v1/nothing", &[], b"")).unwrap();
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    let all = [call.as_str(), &call, &last].concat();
    stream.write_all(all.as_bytes()).await.unwrap();
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text)
        .await
        .unwrap();
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2, "{text}");
    assert_eq!(text.matches("HTTP/1.1 404 Not Found").count(), 1, "{text}");
}

#[tokio::test]
async fn a_caller_that_takes_no_answer_is_given_up() {
    let rig = Rig::with(|config| config.limits.write = Duration::from_millis(200)).await;
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    let host = rig.address.to_string();
    let call = format!("GET /v1/openapi.json HTTP/1.1\r\nhost: {host}\r\n\r\n");
    // Asks for ever and reads nothing: in the end the server closes, and writing fails.
    for _ in 0..1_000_000 {
        if stream.write_all(call.as_bytes()).await.is_err() {
            return;
        }
    }
    panic!("the server never gave up");
}
