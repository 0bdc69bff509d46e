//! Two processes over one data folder: the second refuses and says why; the first goes on.

use crate::server::Server;

#[tokio::test]
async fn a_second_process_on_the_same_folder_refuses_to_start() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(data.path()).await;
    let mut second = Server::spawn(data.path());
    assert!(!second.ended().await.success());
    let said = second.errors();
    assert!(
        said.contains(&data.path().display().to_string()),
        "it names the folder: {said}"
    );
    first.client().ready().await.unwrap();
}

#[tokio::test]
async fn the_token_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir().unwrap();
    let _server = Server::start(data.path()).await;
    let token = std::fs::metadata(data.path().join("admin.token")).unwrap();
    assert_eq!(token.permissions().mode() & 0o777, 0o600);
}
