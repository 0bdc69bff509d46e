//! `kill -9` in the middle of a saga: it ends all the same, done or undone.

use crate::server::Server;
use crate::shop::Shop;
use banyan_sdk::api::{Saga, SagaStatus, ServiceRequest, StartRequest};
use banyan_sdk::{Client, Wait};
use std::sync::Arc;

/// Three steps; `{second}` and `{third}` are the paths of the last two dos.
fn file(second: &str, third: &str, undo: &str) -> String {
    format!(
        r#"
saga: order
version: 1
steps:
  - first:
      do: POST shop /done
      body: {{ text: one }}
      undo: "DELETE shop {undo}/{{$key}}"
  - second:
      do: POST shop {second}
      body: {{ first: $first.id }}
      undo: "DELETE shop /done/{{$key}}"
  - third:
      do: POST shop {third}
      undo: "DELETE shop /done/{{$key}}"
"#
    )
}

/// Registers the shop and the file, starts one saga and does not wait for it.
pub(crate) async fn begin(client: &Client, shop: &Arc<Shop>, file: &str) -> Saga {
    let instances = vec![format!("http://{}", shop.address)];
    let service = ServiceRequest {
        instances,
        ..ServiceRequest::default()
    };
    client.put_service("shop", &service).await.unwrap();
    client.register("order", 1, file, true).await.unwrap();
    let start = StartRequest {
        definition: "order".into(),
        ..StartRequest::default()
    };
    client
        .start(&start, "cart-1", &Wait::default())
        .await
        .unwrap()
        .saga
}

/// Waits for a saga's rest.
pub(crate) async fn rest(client: &Client, id: &str) -> Saga {
    let saga = client.saga(id, Some(60)).await.unwrap();
    assert!(saga.status.is_rest(), "not at rest: {:?}", saga.waiting_on);
    saga
}

#[tokio::test]
async fn killed_during_a_call_it_repeats_it_under_the_same_key_and_ends_completed() {
    let data = tempfile::tempdir().unwrap();
    let shop = Shop::start().await;
    let server = Server::start(data.path()).await;
    let id = begin(&server.client(), &shop, &file("/held", "/done", "/done"))
        .await
        .id
        .to_string();
    shop.called("POST /held", 1).await;
    server.kill();

    let server = Server::start(data.path()).await;
    shop.called("POST /held", 2).await;
    shop.open();
    let saga = rest(&server.client(), &id).await;
    assert_eq!(saga.status, SagaStatus::Completed);
    let held: Vec<_> = shop
        .calls()
        .into_iter()
        .filter(|call| call.what == "POST /held")
        .collect();
    assert_eq!(held[0], held[1], "same key, same bytes");
    assert_eq!(
        shop.calls().len(),
        4,
        "nothing else was repeated: {:?}",
        shop.calls()
    );
}

#[tokio::test]
async fn killed_during_an_undo_it_goes_on_undoing_and_ends_compensated() {
    let data = tempfile::tempdir().unwrap();
    let shop = Shop::start().await;
    let server = Server::start(data.path()).await;
    let id = begin(&server.client(), &shop, &file("/done", "/refuse", "/held"))
        .await
        .id
        .to_string();
    shop.called("DELETE /held/KEY", 1).await;
    server.kill();

    let server = Server::start(data.path()).await;
    shop.called("DELETE /held/KEY", 2).await;
    shop.open();
    let saga = rest(&server.client(), &id).await;
    assert_eq!(saga.status, SagaStatus::Compensated);
    let undos: Vec<_> = shop
        .calls()
        .into_iter()
        .filter(|call| call.what.starts_with("DELETE"))
        .collect();
    assert_eq!(
        undos[0].what, "DELETE /done/KEY",
        "the last step is undone first"
    );
    assert_eq!(undos[1], undos[2], "same key, same bytes");
    assert_eq!(undos.len(), 3);
}

#[tokio::test]
async fn a_start_that_was_acknowledged_is_the_same_saga_after_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let shop = Shop::start().await;
    let server = Server::start(data.path()).await;
    let first = begin(&server.client(), &shop, &file("/held", "/done", "/done")).await;
    server.kill();

    let server = Server::start(data.path()).await;
    let start = StartRequest {
        definition: "order".into(),
        ..StartRequest::default()
    };
    let again = server
        .client()
        .start(&start, "cart-1", &Wait::default())
        .await
        .unwrap();
    assert!(again.replayed);
    assert_eq!(again.saga.id, first.id);
}
