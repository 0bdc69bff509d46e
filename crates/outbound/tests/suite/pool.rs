//! Connections are reused, and only those that can be.

use crate::support::*;
use banyan_core::wire::{Body, Request, What};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"ok\":true}";

#[tokio::test]
async fn calls_in_a_row_share_one_connection() {
    for answer in [
        OK,
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ntrue\r\n0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno",
    ] {
        let server = Server::answering(answer).await;
        let caller = caller(&[server.url()]);
        for _ in 0..50 {
            status(&caller.call(&request(), NOW).await);
        }
        assert_eq!(server.accepted(), 1, "{answer}");
    }
}

#[tokio::test]
async fn calls_at_once_have_connections_of_their_own_that_are_kept() {
    let server = Server::answering(OK).await;
    let caller = caller(&[server.url()]);
    for _ in 0..3 {
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let caller = caller.clone();
                tokio::spawn(async move { caller.call(&request(), NOW).await })
            })
            .collect();
        for call in calls {
            assert_eq!(status(&call.await.unwrap()), 200);
        }
    }
    assert!(
        (1..=20).contains(&server.accepted()),
        "{}",
        server.accepted()
    );
}

#[tokio::test]
async fn a_connection_that_says_close_is_not_used_again() {
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\ntrue",
        "HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\ntrue",
    ] {
        let server = Server::answering(answer).await;
        let caller = caller(&[server.url()]);
        for _ in 0..3 {
            assert_eq!(status(&caller.call(&request(), NOW).await), 200);
        }
        assert_eq!(server.accepted(), 3, "{answer}");
    }
}

/// A server that, after its first answer on each connection and before the second request,
/// writes `unasked` and, if told so, closes; then says that it has.
async fn speaking_when_idle(unasked: &'static [u8], close: bool) -> (Server, Arc<Notify>) {
    let spoken = Arc::new(Notify::new());
    let told = Arc::clone(&spoken);
    let server = Server::start(move |_, mut stream| {
        let told = Arc::clone(&told);
        async move {
            read_request(&mut stream).await.unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
            stream.write_all(unasked).await.unwrap();
            if close {
                stream.shutdown().await.unwrap();
            }
            told.notify_one();
            drain(&mut stream).await;
        }
    })
    .await;
    (server, spoken)
}

#[tokio::test]
async fn an_idle_connection_that_was_closed_or_has_spoken_is_dropped_before_use() {
    const EARLY: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n";
    for (unasked, close) in [(&b""[..], true), (EARLY, true), (EARLY, false)] {
        let (server, spoken) = speaking_when_idle(unasked, close).await;
        let caller = caller(&[server.url()]);
        for _ in 0..10 {
            // Were the unasked 408 taken for the answer, the status would show it.
            assert_eq!(status(&caller.call(&request(), NOW).await), 200);
            spoken.notified().await;
            // The loopback has delivered what was written; let the reactor see it.
            tokio::task::yield_now().await;
        }
        assert_eq!(server.accepted(), 10, "{close}");
    }
}

#[tokio::test]
async fn a_fresh_connection_that_is_closed_at_once_hands_the_call_to_the_next_instance() {
    let good = Server::answering(OK).await;
    let dead = format!("http://{}", closed_port().await);
    let caller = caller(&[dead.clone(), dead + "/b", good.url()]);
    for _ in 0..9 {
        let answer = caller.call(&request(), NOW).await;
        assert_eq!(status(&answer), 200);
        assert_eq!(answer.instance, Some(good.url()));
    }
}

#[tokio::test]
async fn instances_are_called_in_turn_and_nothing_that_may_have_left_moves_on() {
    let good = Server::answering(OK).await;
    let closing = Server::answering_once("").await;
    let caller = caller(&[good.url(), closing.url()]);
    let mut lost_calls = 0;
    for _ in 0..10 {
        match caller.call(&request(), NOW).await.what {
            What::Http(http) => assert_eq!(http.status, 200),
            What::Lost { .. } => lost_calls += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((lost_calls, closing.accepted()), (5, 5));
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_no_connection_behind() {
    let hung = Arc::new(Notify::new());
    let arrived = Arc::clone(&hung);
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    let server = Server::start(move |number, mut stream| {
        let (arrived, count) = (Arc::clone(&arrived), Arc::clone(&count));
        async move {
            while read_request(&mut stream).await.is_some() {
                if number == 0 {
                    arrived.notify_one();
                    drain(&mut stream).await;
                    return;
                }
                count.fetch_add(1, Ordering::SeqCst);
                stream.write_all(OK.as_bytes()).await.unwrap();
            }
        }
    })
    .await;
    let caller = caller(&[server.url()]);
    {
        let first = request();
        let call = caller.call(&first, NOW);
        tokio::select! {
            answer = call => panic!("{answer:?}"),
            () = hung.notified() => {}
        }
    }
    assert_eq!(status(&caller.call(&request(), NOW).await), 200);
    assert_eq!((server.accepted(), served.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test]
async fn an_answer_before_the_body_was_taken_is_an_answer_and_ends_the_connection() {
    let server = Server::start(|_, mut stream| async move {
        // Only the head is read; the body stays in the pipe.
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let refusal = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\n{}";
        stream.write_all(refusal.as_bytes()).await.unwrap();
        drain(&mut stream).await;
    })
    .await;
    let big = Request {
        body: Some(vec![b' '; 16 * 1024 * 1024]),
        ..request()
    };
    let caller = caller(&[server.url()]);
    for _ in 0..3 {
        let answer = caller.call(&big, NOW).await;
        let What::Http(http) = answer.what else {
            panic!("{answer:?}")
        };
        assert_eq!(
            (http.status, http.body),
            (413, Body::Json(serde_json::json!({})))
        );
    }
    assert_eq!(server.accepted(), 3);
}

#[tokio::test]
async fn a_call_in_flight_takes_little_memory() {
    let caller = caller(&["http://127.0.0.1:9".to_owned()]);
    let call = request();
    let bytes = size_of_val(&caller.call(&call, NOW));
    assert!(bytes <= 2_560, "{bytes} bytes");
}

/// Sends every body back while it still comes.
async fn echo(mut stream: TcpStream) {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else {
                return;
            };
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .unwrap();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        let (reading, mut writing) = stream.split();
        let mut body = reading.take(length.parse().unwrap());
        let _ = tokio::io::copy(&mut body, &mut writing).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_go_both_ways_at_once() {
    let server = Server::start(|_, stream| echo(stream)).await;
    let caller = caller(&[server.url()]);
    let text = format!("\"{}\"", "x".repeat(1_000_000));
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let caller = caller.clone();
            let call = Request {
                body: Some(text.clone().into_bytes()),
                ..request()
            };
            tokio::spawn(async move { caller.call(&call, NOW).await })
        })
        .collect();
    for call in calls {
        let answer = call.await.unwrap();
        let What::Http(http) = answer.what else {
            panic!("{answer:?}")
        };
        let Body::Json(json) = http.body else {
            panic!("{:?}", http.body)
        };
        assert_eq!(json.as_str(), Some(text.trim_matches('"')));
    }
}
