//! Definitions and services: registered once, changed one at a time, deleted when unused.

use crate::world::{ORDER, World, by};
use banyan_engine::{DefinitionError, RegisterError, ServiceError, StartError};
use serde_json::json;

#[tokio::test]
async fn a_definition_is_registered_once_and_is_there_after_a_crash() {
    let world = World::new().await;
    let first = world.engine.register(ORDER, true, by()).await.unwrap();
    assert!(first.row.active && !first.replayed);
    let again = world.engine.register(ORDER, true, by()).await.unwrap();
    assert!(again.replayed);
    let other = ORDER.replace("/orders\n", "/other\n");
    let taken = world.engine.register(&other, true, by()).await.unwrap_err();
    assert!(matches!(taken, RegisterError::VersionTaken { .. }));
    let world = world.crash().await;
    assert_eq!(world.engine.definitions().len(), 1);
    let again = world.engine.register(ORDER, true, by()).await.unwrap();
    assert!(again.replayed);
}

#[tokio::test]
async fn a_faulty_file_is_refused_with_every_problem() {
    let world = World::new().await;
    let refused = world
        .engine
        .register("saga: X\nstepz: []\n", true, by())
        .await;
    match refused.unwrap_err() {
        RegisterError::Invalid { diagnostics } => assert!(diagnostics.len() > 1),
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn the_active_version_is_the_one_that_starts_use() {
    let world = World::new().await;
    world.register(ORDER).await;
    world
        .register(&ORDER.replace("version: 1", "version: 2"))
        .await;
    let version = |saga: &banyan_core::saga::Saga| saga.plan.definition.version;
    assert_eq!(version(&*world.begin("order", "a").await), 2);
    world.engine.activate("order", 1, by()).await.unwrap();
    assert_eq!(version(&*world.begin("order", "b").await), 1);
    let none = world.engine.activate("order", 3, by()).await.unwrap_err();
    assert!(matches!(none, DefinitionError::NoSuchVersion { .. }));
    let none = world.engine.activate("older", 1, by()).await.unwrap_err();
    assert!(matches!(none, DefinitionError::NoSuchDefinition { .. }));
}

#[tokio::test]
async fn starts_of_what_is_not_registered_are_refused() {
    let world = World::new().await;
    let refused = world.start("order", "a", json!({})).await.unwrap_err();
    assert!(matches!(refused, StartError::NoSuchDefinition { .. }));
    world.register(ORDER).await;
    world.engine.delete_service("payments", by()).await.unwrap();
    let used = world
        .engine
        .delete_service("stock", by())
        .await
        .unwrap_err();
    assert!(matches!(used, ServiceError::InUse { .. }));
    let none = world
        .engine
        .delete_service("stick", by())
        .await
        .unwrap_err();
    assert!(matches!(none, ServiceError::NoSuchService { .. }));
    let invalid = world
        .engine
        .put_service("stock", json!({"instances": 1}), Some(by()))
        .await;
    assert!(matches!(invalid.unwrap_err(), ServiceError::Invalid(_)));
    assert!(
        !world
            .engine
            .put_service(
                "stock",
                json!({"instances": ["http://127.0.0.1:8"]}),
                Some(by())
            )
            .await
            .unwrap()
    );
}
