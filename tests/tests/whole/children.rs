//! `kill -9` while a parent waits for its children: everybody comes to the same end.

use crate::kill::{begin, rest};
use crate::server::Server;
use crate::shop::Shop;
use banyan_sdk::Client;
use banyan_sdk::api::{Saga, SagaStatus};
use std::collections::BTreeMap;

/// Three children; `{last}` is the path of the parent's last do.
fn parent(last: &str) -> String {
    format!(
        r#"
saga: order
version: 1
steps:
  - first:
      do: POST shop /done
      undo: "DELETE shop /done/{{$key}}"
  - lines:
      each: "[1, 2, 3]"
      as: line
      run: line
      input: {{ line: $line }}
  - last:
      do: POST shop {last}
      undo: "DELETE shop /done/{{$key}}"
output: $lines
"#
    )
}

/// What is done for a line: `{held}` is the path of its do, and `{undo}` that of its undo.
fn child(held: &str, undo: &str) -> String {
    format!(
        r#"
saga: line
version: 1
steps:
  - take:
      do: POST shop {held}
      body: $input
      undo: "DELETE shop {undo}/{{$key}}"
output: $input.line
"#
    )
}

/// The parent rests, and so do its children, all in this status; each call went out under one
/// key for each child, however often.
async fn agree(client: &Client, shop: &Shop, id: &str, status: SagaStatus) -> Saga {
    let saga = rest(client, id).await;
    assert_eq!(saga.status, status, "{:?}", saga.reason);
    assert_eq!(saga.children.len(), 3);
    for one in &saga.children {
        assert_eq!(one.status, status, "I-45: {one:?}");
        let one = client.saga(&one.id.to_string(), None).await.unwrap();
        let parent = one.parent.map(|parent| parent.id.to_string());
        assert_eq!(parent.as_deref(), Some(id));
    }
    let mut bodies: BTreeMap<String, _> = BTreeMap::new();
    for call in shop.calls() {
        let known = bodies.entry(call.key.clone()).or_insert(call.clone());
        assert_eq!(known.body, call.body, "same key, same bytes");
    }
    let posts = |call: &&crate::shop::Call| call.what.starts_with("POST");
    assert_eq!(bodies.values().filter(posts).count(), 5, "I-46: {bodies:?}");
    saga
}

#[tokio::test]
async fn killed_while_children_run_all_of_them_are_completed() {
    let data = tempfile::tempdir().unwrap();
    let shop = Shop::start().await;
    let server = Server::start(data.path()).await;
    let client = server.client();
    let line = child("/held", "/done");
    client.register("line", 1, &line, true).await.unwrap();
    let id = begin(&client, &shop, &parent("/done")).await.id.to_string();
    shop.called("POST /held", 3).await;
    server.kill();

    let server = Server::start(data.path()).await;
    shop.called("POST /held", 6).await;
    shop.open();
    let saga = agree(&server.client(), &shop, &id, SagaStatus::Completed).await;
    assert_eq!(saga.output, serde_json::json!([1, 2, 3]));
}

#[tokio::test]
async fn killed_while_completed_children_are_undone_all_of_them_are_compensated() {
    let data = tempfile::tempdir().unwrap();
    let shop = Shop::start().await;
    let server = Server::start(data.path()).await;
    let client = server.client();
    let line = child("/done", "/held");
    client.register("line", 1, &line, true).await.unwrap();
    let id = begin(&client, &shop, &parent("/refuse"))
        .await
        .id
        .to_string();
    shop.called("DELETE /held/KEY", 3).await;
    server.kill();

    let server = Server::start(data.path()).await;
    shop.called("DELETE /held/KEY", 6).await;
    shop.open();
    agree(&server.client(), &shop, &id, SagaStatus::Compensated).await;
}
