//! Versions over HTTP: which sagas go by which, the way back, and moves, over a restart too.

use super::rig::Rig;
use crate::config::Config;
use serde_json::{Value, json};

fn file(version: u32, steps: &str) -> String {
    format!(
        "saga: approve_it\nversion: {version}\nsteps:\n  - first: {{ set: {{ a: 1 }} }}\n  - approval: {{ wait: approved, for: 2d }}\n{steps}output: {{ by: $approval.by }}\n"
    )
}

async fn register(rig: &Rig, version: u32, steps: &str) {
    let path = format!("/v1/definitions/approve_it/versions/{version}");
    let yaml = [("content-type", "application/yaml")];
    let answer = rig
        .call("PUT", &path, &yaml, file(version, steps).as_bytes())
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

async fn start(rig: &Rig, key: &str) -> Value {
    rig.accepted(key, json!({ "definition": "approve_it" }))
        .await
}

fn path(saga: &Value) -> String {
    format!("/v1/sagas/{}", saga["id"].as_str().unwrap())
}

async fn signal(rig: &Rig, saga: &Value) -> Value {
    let path = path(saga);
    let key = [("idempotency-key", "s")];
    let by = json!({ "by": "ann" });
    rig.post(&format!("{path}/signals/approved"), &key, &by)
        .await;
    rig.get(&format!("{path}?wait=20")).await.json()
}

/// A step after, and one before what has begun.
const AFTER: &str = "  - last: { set: 3 }\n";

fn before() -> String {
    file(3, "").replace("  - first:", "  - zero: { set: 0 }\n  - first:")
}

/// What a move refuses, for whoever counts codes.
pub(crate) async fn refusals(rig: &Rig) {
    register(rig, 1, "").await;
    let saga = start(rig, "k-move").await;
    register(rig, 2, AFTER).await;
    let yaml = [("content-type", "application/yaml")];
    let third = "/v1/definitions/approve_it/versions/3?activate=false";
    let answer = rig.call("PUT", third, &yaml, before().as_bytes()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let target = format!("{}/move", path(&saga));
    let to = |version: u32| json!({ "version": version, "reason": "a mend" });
    for (headers, body, status, code) in [
        (vec![], to(3), 422, "move_not_safe"),
        (vec![], to(9), 404, "no_such_version"),
        (vec![("if-match", "\"1\"")], to(2), 412, "changed_since"),
        (vec![("if-match", "abc")], to(2), 400, "invalid_header"),
        (vec![], json!({ "reason": "a mend" }), 400, "invalid_body"),
        (vec![], json!({ "version": 2 }), 400, "invalid_body"),
    ] {
        let answer = rig.post(&target, &headers, &body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{body}"
        );
    }
    let unsafe_move = rig.post(&target, &[], &to(3)).await.json();
    assert_eq!(unsafe_move["errors"][0]["code"], "step_before");
    let shown = rig.get(&path(&saga)).await.json();
    assert_eq!(
        (&shown["version"], &shown["seq"]),
        (&saga["version"], &saga["seq"])
    );
    let ended = signal(rig, &saga).await;
    assert_eq!(ended["status"], "completed");
    let late = rig.post(&target, &[], &to(2)).await;
    assert_eq!(
        (late.status, late.code().as_str()),
        (409, "not_allowed_now")
    );
    let detail = late.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.ends_with("; allowed now: undo, note"), "{detail}");
    let mut dry = to(2);
    dry["dry_run"] = json!(true);
    let told = rig.post(&target, &[], &dry).await.json();
    assert_eq!(told["detail"], json!(detail), "a dry run is refused alike");
}

#[tokio::test]
async fn sagas_end_as_they_began_and_the_active_version_has_a_way_back() {
    let rig = Rig::start().await;
    refusals(&rig).await;
    let second = start(&rig, "k-2").await;
    assert_eq!(second["version"], 2);
    let active = "/v1/definitions/approve_it/active";
    assert_eq!(rig.put(active, &json!({ "version": 1 })).await.status, 200);
    let first = start(&rig, "k-1").await;
    assert_eq!(first["version"], 1);
    let names = |saga: &Value| -> Vec<String> {
        let steps = saga["steps"].as_array().unwrap().iter();
        steps
            .map(|step| step["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        names(&signal(&rig, &second).await),
        ["first", "approval", "last"]
    );
    assert_eq!(names(&signal(&rig, &first).await), ["first", "approval"]);
}

#[tokio::test]
async fn a_saga_that_was_moved_goes_by_the_new_version_after_a_restart_too() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::new(folder.path(), "127.0.0.1:0".parse().unwrap());
    let handle = crate::start(config.clone()).await.unwrap();
    let rig = Rig::around(handle, folder).await;
    register(&rig, 1, "").await;
    let saga = start(&rig, "k").await;
    register(&rig, 2, AFTER).await;
    let target = format!("{}/move", path(&saga));
    let mut wanted = json!({ "version": 2, "reason": "a mend", "dry_run": true });
    let preview = rig.post(&target, &[], &wanted).await;
    let seen = preview.header("etag").unwrap().to_owned();
    let told = preview.json();
    assert_eq!(
        (&told["moved"], &told["obstacles"]),
        (&json!(false), &json!([]))
    );
    assert_eq!(told["changes"][0]["path"], "last");
    assert_eq!(
        (&told["verb"], &told["dry_run"]),
        (&json!("move"), &json!(true))
    );
    let before = rig.get(&path(&saga)).await.json();
    assert_eq!(before["seq"], saga["seq"], "a dry run changes nothing");
    assert_eq!(before["allowed"], json!(["cancel", "move", "note"]));
    wanted["dry_run"] = json!(false);
    let moved = rig.post(&target, &[("if-match", &seen)], &wanted).await;
    assert_eq!(moved.status, 200, "{}", moved.text());
    assert_eq!(moved.json()["moved"], true);
    assert_eq!(
        (&moved.json()["verb"], &moved.json()["dry_run"]),
        (&json!("move"), &json!(false))
    );
    let again = rig.post(&target, &[], &wanted).await.json();
    assert_eq!(
        (&again["from"], &again["seq"]),
        (&json!(2), &moved.json()["seq"])
    );

    let (handle, folder) = rig.into_parts();
    handle.stop().await.unwrap();
    let rig = Rig::around(crate::start(config).await.unwrap(), folder).await;
    let listed = rig
        .get("/v1/sagas?definition=approve_it&version=2")
        .await
        .json();
    assert_eq!(
        listed["items"][0]["id"], saga["id"],
        "its row is of that version"
    );
    assert_eq!(
        rig.get("/v1/sagas?version=1").await.json()["items"],
        json!([])
    );
    let journal = rig.get(&format!("{}/journal", path(&saga))).await.json();
    let last = journal["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["type"], &last["from"]), (&json!("moved"), &json!(1)));
    let ended = signal(&rig, &saga).await;
    assert_eq!(
        (&ended["status"], &ended["version"]),
        (&json!("completed"), &json!(2))
    );
    assert_eq!(ended["steps"][2]["state"], "done");
}
