//! Connections are reused, and only those that can be.

mod support;

use std::sync::atomic::Ordering;
use support::*;
use tokio::io::AsyncWriteExt;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"ok\":true}";

#[tokio::test]
async fn calls_in_a_row_share_one_connection() {
    let server = Server::answering(OK).await;
    let caller = caller(&[server.url()]);
    for _ in 0..50 {
        assert_eq!(status(&caller.call(&request(), NOW).await), 200);
    }
    assert_eq!(server.accepted(), 1);
}
