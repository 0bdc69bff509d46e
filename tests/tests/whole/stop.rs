//! SIGTERM: what is in flight is answered and recorded before the process ends.

use crate::kill::{begin, rest};
use crate::server::Server;
use crate::shop::Shop;
use banyan_sdk::api::SagaStatus;

const FILE: &str = r#"
saga: order
version: 1
steps:
  - first:
      do: POST shop /held
      undo: none
  - second:
      do: POST shop /done
      undo: none
"#;

#[tokio::test]
async fn a_stop_waits_for_the_call_in_flight_and_the_next_life_does_not_repeat_it() {
    let data = tempfile::tempdir().unwrap();
    let shop = Shop::start().await;
    let mut server = Server::start(data.path()).await;
    let id = begin(&server.client(), &shop, FILE).await.id.to_string();
    shop.called("POST /held", 1).await;
    server.terminate();
    server.no_longer_ready().await;
    shop.open();
    assert!(server.ended().await.success());

    let server = Server::start(data.path()).await;
    assert_eq!(
        rest(&server.client(), &id).await.status,
        SagaStatus::Completed
    );
    assert_eq!(shop.count("POST /held"), 1);
    assert_eq!(shop.count("POST /done"), 1);
}
