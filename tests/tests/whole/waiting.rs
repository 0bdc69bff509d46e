//! A hundred thousand sagas that wait cost disk, not memory, and each has a reason to wake.

use crate::crowd::{WORKERS, each};
use crate::server::Server;
use banyan_sdk::api::{SagaStatus, StartRequest};
use banyan_sdk::{Client, SagaFilter, Wait};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use std::path::Path;

/// In a release build; an unoptimised one would only be slow at showing the same.
const SAGAS: usize = if cfg!(debug_assertions) {
    2_000
} else {
    100_000
};
/// MiB of resident memory at most, in both lives.
const PEAK_MIB: u64 = 128;

const FILE: &str = r#"
saga: patience
version: 1
input: { type: object }
steps:
  - word:
      wait: go
      for: 30d
output: { said: $word.text }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_sagas_cost_no_memory_and_all_complete_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let client = server.client();
    client.register("patience", 1, FILE, true).await.unwrap();
    each(&client, (0..SAGAS).collect(), |client, number| async move {
        let filling = "x".repeat(2 * 1024);
        let input = json!({ "number": number, "filling": filling });
        let start = StartRequest {
            definition: "patience".into(),
            input,
            ..StartRequest::default()
        };
        client
            .start(&start, &key(number), &Wait::default())
            .await
            .unwrap();
    })
    .await;
    let first_life = server.peak_memory_mib();
    server.kill();
    assert_eq!(
        open_and_asleep(data.path()),
        (u32::try_from(SAGAS).unwrap(), 0),
        "each has a reason to wake"
    );

    let server = Server::start(data.path()).await;
    let client = server.client();
    each(&client, (0..SAGAS).collect(), |client, number| async move {
        let (key, body) = (key(number), json!({ "text": "go on" }));
        client
            .signal_by_key(("patience", &key), "go", &body, "once")
            .await
            .unwrap();
    })
    .await;
    all_complete(&client).await;
    let second_life = server.peak_memory_mib();
    println!("peak memory: {first_life} MiB before the kill, {second_life} MiB after it");
    assert!(first_life < PEAK_MIB, "{first_life} MiB in the first life");
    assert!(
        second_life < PEAK_MIB,
        "{second_life} MiB in the second life"
    );
}

fn key(number: usize) -> String {
    format!("waiting-{number}")
}

/// Sagas not at rest, and those of them that nothing would wake.
fn open_and_asleep(data: &Path) -> (u32, u32) {
    let file = data.join("banyan.db");
    let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let query =
        "SELECT count(*), coalesce(sum(wake_at IS NULL), 0) FROM saga WHERE ended_at IS NULL";
    database
        .query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
}

/// Waits until none is left running, then looks that none ended otherwise.
async fn all_complete(client: &Client) {
    for number in 0..SAGAS {
        // The last ones may still be at it; each answers once it is at rest.
        if number + 2 * WORKERS >= SAGAS {
            let id = client
                .saga_by_key("patience", &key(number))
                .await
                .unwrap()
                .id
                .to_string();
            client.saga(&id, Some(60)).await.unwrap();
        }
    }
    for status in [
        "running",
        "compensating",
        "stuck",
        "compensated",
        "abandoned",
    ] {
        let left = client
            .sagas(&SagaFilter::default().with("status", status), 1, None)
            .await
            .unwrap();
        assert!(left.items.is_empty(), "{status}: {:?}", left.items);
    }
    let saga = client.saga_by_key("patience", &key(0)).await.unwrap();
    assert_eq!(saga.status, SagaStatus::Completed);
    assert_eq!(saga.output, json!({ "said": "go on" }));
}
