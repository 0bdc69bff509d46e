//! The stream of changes, as a client reads it from a connection: order, a cut, a reset, the
//! heartbeat, filters, a slow reader, a stop.

use super::rig::Rig;
use banyan_api::{Json, StreamEvent};
use banyan_engine::{Clock, SkippingClock, SystemClock};
use serde_json::json;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const KEY: (&str, &str) = ("idempotency-key", "k-1");

/// A stream as it is read.
struct Reading {
    stream: TcpStream,
    bytes: Vec<u8>,
    /// What came of the body, chunks undone.
    text: String,
    ended: bool,
    place: String,
}

/// What came.
#[derive(Debug, PartialEq)]
enum Came {
    Event(String, Json),
    Heartbeat,
    End,
}

impl Reading {
    async fn open(rig: &Rig, query: &str, after: Option<&str>) -> Reading {
        let after = after.map(|place| ("last-event-id", place));
        let headers: Vec<_> = after.into_iter().collect();
        let request = rig.request("GET", &format!("/v1/stream{query}"), &headers, b"");
        let mut stream = TcpStream::connect(rig.address).await.unwrap();
        stream.write_all(&request).await.unwrap();
        let mut reading = Reading {
            stream,
            bytes: Vec::new(),
            text: String::new(),
            ended: false,
            place: String::new(),
        };
        let head = loop {
            if let Some(end) = reading
                .bytes
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
            {
                break String::from_utf8(reading.bytes.drain(..end + 4).collect()).unwrap();
            }
            assert!(reading.more().await, "no answer");
        };
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        // The place from which nothing is missed comes first.
        assert_eq!(reading.block().await.unwrap(), "");
        assert!(!reading.place.is_empty());
        reading
    }

    /// Reads once; false when the other side has closed.
    async fn more(&mut self) -> bool {
        let mut some = [0; 4096];
        let count = self.stream.read(&mut some).await.unwrap();
        self.bytes.extend_from_slice(&some[..count]);
        count > 0
    }

    /// Undoes the chunks that are there.
    fn undo_chunks(&mut self) {
        while let Some(end) = self.bytes.windows(2).position(|two| two == b"\r\n") {
            let size = std::str::from_utf8(&self.bytes[..end]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            if self.bytes.len() < end + 2 + size + 2 {
                return;
            }
            let chunk = &self.bytes[end + 2..end + 2 + size];
            self.text.push_str(std::str::from_utf8(chunk).unwrap());
            self.bytes.drain(..end + 2 + size + 2);
            self.ended |= size == 0;
        }
    }

    /// The next block without its id; none at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            self.undo_chunks();
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let mut rest = String::new();
                for line in block.lines().filter(|line| !line.starts_with("retry: ")) {
                    match line.strip_prefix("id: ") {
                        Some(place) => place.clone_into(&mut self.place),
                        None => rest += &format!("{line}\n"),
                    }
                }
                return Some(rest.trim().to_owned());
            }
            if self.ended || !self.more().await {
                assert!(self.ended, "cut off, not ended");
                return None;
            }
        }
    }

    async fn next(&mut self) -> Came {
        let Some(block) = self.block().await else {
            return Came::End;
        };
        if block == ": heartbeat" {
            return Came::Heartbeat;
        }
        let (name, data) = block.split_once('\n').unwrap();
        let name = name.strip_prefix("event: ").unwrap();
        let data = data.strip_prefix("data: ").unwrap();
        // What the contract's own type reads and writes again is the same.
        let event = StreamEvent::read(name, data).unwrap();
        let data: Json = serde_json::from_str(data).unwrap();
        assert_eq!(event.data().unwrap(), data);
        Came::Event(name.to_owned(), data)
    }

    /// The next event, which must be of this name.
    async fn event(&mut self, wanted: &str) -> Json {
        match self.next().await {
            Came::Event(name, data) if name == wanted => data,
            other => panic!("{other:?} came instead of {wanted}"),
        }
    }

    /// Reads on until a saga of this key is told in this status; gives the numbers told of it.
    async fn until(&mut self, key: &str, status: &str) -> Vec<u64> {
        let mut numbers = Vec::new();
        loop {
            let item = self.event("saga").await;
            if item["key"] == key {
                numbers.push(item["seq"].as_u64().unwrap());
                if item["status"] == status {
                    return numbers;
                }
            }
        }
    }
}

async fn start(rig: &Rig, key: &str) -> String {
    let start = json!({"definition": "approve", "input": {"customer": "c-9"}});
    let saga = rig.accepted(key, start).await;
    saga["id"].as_str().unwrap().to_owned()
}

async fn approve(rig: &Rig, id: &str) {
    let path = format!("/v1/sagas/{id}/signals/approved");
    let answer = rig.post(&path, &[KEY], &json!({"by": "ann"})).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
}

#[tokio::test]
async fn each_change_of_a_saga_is_told_in_order_as_lists_show_it() {
    let rig = Rig::start().await.with_samples().await;
    let mut reading = Reading::open(&rig, "", None).await;
    let id = start(&rig, "a").await;
    let item = reading.event("saga").await;
    let listed = rig.get("/v1/sagas").await.json();
    assert_eq!(item, listed["items"][0]);
    assert_eq!(item["waiting_on"][0]["kind"], "signal");
    approve(&rig, &id).await;
    let numbers = reading.until("a", "completed").await;
    assert!(numbers.is_sorted(), "{numbers:?}");
}

#[tokio::test]
async fn after_a_cut_a_stream_goes_on_without_a_gap_and_without_a_repeat() {
    let rig = Rig::start().await.with_samples().await;
    let mut reading = Reading::open(&rig, "", None).await;
    let before = reading.place.clone();
    start(&rig, "a").await;
    reading.until("a", "running").await;
    let place = reading.place.clone();
    drop(reading);
    for key in ["b", "c"] {
        start(&rig, key).await;
    }
    let mut again = Reading::open(&rig, "", Some(&place)).await;
    for key in ["b", "c"] {
        assert_eq!(again.event("saga").await["key"], key);
    }
    let mut from_before = Reading::open(&rig, "", Some(&before)).await;
    for key in ["a", "b", "c"] {
        assert_eq!(from_before.event("saga").await["key"], key);
    }
}

#[tokio::test]
async fn a_place_of_another_run_is_answered_by_a_reset_and_the_stream_goes_on() {
    let rig = Rig::start().await.with_samples().await;
    let place = Reading::open(&rig, "", None).await.place;
    let other = Rig::start().await.with_samples().await;
    let mut reading = Reading::open(&other, "", Some(&place)).await;
    assert_eq!(reading.event("reset").await, json!({"reason": "other_run"}));
    start(&other, "a").await;
    assert_eq!(reading.event("saga").await["key"], "a");
}

#[tokio::test]
async fn who_reads_more_slowly_than_things_change_is_told_and_holds_nobody_up() {
    let rig = Rig::with(|config| config.limits.changes = 8)
        .await
        .with_samples()
        .await;
    let mut slow = Reading::open(&rig, "", None).await;
    let place = slow.place.clone();
    for number in 0..200 {
        start(&rig, &format!("k-{number}")).await;
    }
    let mut late = Reading::open(&rig, "", Some(&place)).await;
    assert_eq!(late.event("reset").await, json!({"reason": "too_old"}));
    // What it was too slow for is not told; the last state of whatever comes after is.
    start(&rig, "last").await;
    loop {
        match slow.next().await {
            Came::Event(name, data) if name == "saga" && data["key"] == "last" => break,
            Came::Event(name, data) if name == "reset" => {
                assert_eq!(data["reason"], "fell_behind");
            }
            Came::Event(..) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_heartbeat_comes_every_15_seconds_and_carries_the_place() {
    let clock = Arc::new(SkippingClock::default());
    let rig = Rig::by(clock.clone(), |_| {}).await.with_samples().await;
    let mut filtered = Reading::open(&rig, "?definition=count", None).await;
    let place = filtered.place.clone();
    start(&rig, "a").await;
    for _ in 0..2 {
        clock.skip_to(clock.now().plus(banyan_core::time::Duration::from_secs(15)));
        assert_eq!(filtered.next().await, Came::Heartbeat);
    }
    assert_ne!(filtered.place, place, "what was left out is behind it too");
}

#[tokio::test]
async fn filters_select_sagas_by_id_and_by_definition() {
    let rig = Rig::start().await.with_samples().await;
    let (a, b) = (start(&rig, "a").await, start(&rig, "b").await);
    let mut of_b = Reading::open(&rig, &format!("?id={b}"), None).await;
    let mut of_both = Reading::open(&rig, &format!("?id={b}&id={a}"), None).await;
    let mut counts = Reading::open(&rig, "?definition=count", None).await;
    let query = format!("?definition=count&id={a}");
    let mut neither = Reading::open(&rig, &query, None).await;
    let service = json!({"instances": ["http://127.0.0.1:9"]});
    rig.put("/v1/services/orders", &service).await;
    rig.accepted("count", json!({"definition": "count"})).await;
    approve(&rig, &a).await;
    approve(&rig, &b).await;
    assert_eq!(of_b.event("saga").await["key"], "b");
    assert_eq!(of_both.event("saga").await["key"], "a");
    assert_eq!(of_both.event("saga").await["key"], "b");
    assert_eq!(counts.event("saga").await["definition"], "count");
    rig.handle.begin_stop();
    for reading in [&mut of_b, &mut of_both, &mut counts, &mut neither] {
        assert_eq!(reading.next().await, Came::End);
    }
}

#[tokio::test]
async fn services_are_told_with_their_state() {
    let rig = Rig::start().await;
    let mut reading = Reading::open(&rig, "", None).await;
    let service = json!({"instances": ["http://127.0.0.1:9"]});
    rig.put("/v1/services/orders", &service).await;
    let event = reading.event("service").await;
    assert_eq!(
        (&event["name"], &event["change"]),
        (&json!("orders"), &json!("changed"))
    );
    let why = json!({"reason": "stocktaking"});
    for (verb, word, paused) in [("pause", "paused", true), ("resume", "resumed", false)] {
        rig.post(&format!("/v1/services/orders/{verb}"), &[], &why)
            .await;
        let event = reading.event("service").await;
        assert_eq!(event["change"], word);
        assert_eq!(event["service"]["paused"], paused);
    }
    rig.call("DELETE", "/v1/services/orders", &[], b"").await;
    let event = reading.event("service").await;
    assert_eq!(
        event,
        json!({"name": "orders", "change": "deleted", "service": null})
    );
}

#[tokio::test]
async fn a_service_that_is_misconfigured_is_told_and_again_when_it_is_well() {
    let rig = Rig::start().await.with_samples().await;
    let (url, set_status) = super::stand_in::stand_in(401).await;
    rig.put("/v1/services/orders", &json!({"instances": [url]}))
        .await;
    let mut reading = Reading::open(&rig, "", None).await;
    rig.accepted("a", json!({"definition": "order"})).await;
    let wait_for = async |reading: &mut Reading, change: &str| loop {
        if let Came::Event(name, data) = reading.next().await
            && name == "service"
            && data["change"] == change
        {
            return data["service"].clone();
        }
    };
    let service = wait_for(&mut reading, "misconfigured").await;
    assert_eq!(
        service["misconfigured"].as_array().unwrap().len(),
        1,
        "{service}"
    );
    set_status(200);
    rig.post(
        "/v1/services/orders/resume",
        &[],
        &json!({"reason": "a new token"}),
    )
    .await;
    let service = wait_for(&mut reading, "resumed").await;
    assert_eq!(service["misconfigured"], json!([]));
}

#[tokio::test]
async fn only_so_many_streams_are_open_and_a_closed_one_makes_room() {
    let rig = Rig::with(|config| config.limits.streams = 2).await;
    let both = [
        Reading::open(&rig, "", None).await,
        Reading::open(&rig, "", None).await,
    ];
    let refused = rig.get("/v1/stream").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "over_capacity")
    );
    assert!(refused.text().contains("streams"), "{}", refused.text());
    drop(both);
    for attempt in 0.. {
        let request = rig.request("GET", "/v1/stream", &[], b"");
        let mut stream = TcpStream::connect(rig.address).await.unwrap();
        stream.write_all(&request).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        if &first == b"HTTP/1.1 200" {
            break;
        }
        assert!(attempt < 10_000, "{}", String::from_utf8_lossy(&first));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stop_ends_streams_well_also_one_that_nobody_reads() {
    let rig = Rig::by(Arc::new(SystemClock), |_| {})
        .await
        .with_samples()
        .await;
    let mut reading = Reading::open(&rig, "", None).await;
    let mut idle = Reading::open(&rig, "", None).await;
    start(&rig, "a").await;
    rig.handle.begin_stop();
    loop {
        match reading.next().await {
            Came::End => break,
            Came::Event(..) => {}
            Came::Heartbeat => panic!("a heartbeat"),
        }
    }
    rig.handle.stop().await.unwrap();
    while idle.next().await != Came::End {}
}
