//! Children over HTTP: starts that may not be, and what parent and child say of each other.

use super::rig::Rig;
use serde_json::json;

const ERRAND: &str = "\
saga: errand
version: 1
steps:
  - way:
      steps:
        - sum:
            run: count
  - word:
      run: approve
      input: { customer: c-9 }
output: { sum: $sum.first.a }
";

fn runs(name: &str, version: u32, child: &str) -> String {
    format!("saga: {name}\nversion: {version}\nsteps:\n  - a:\n      run: {child}\n")
}

fn plain(name: &str, version: u32, more: &str) -> String {
    format!("saga: {name}\nversion: {version}\nsteps:\n  - a:\n      set: 1\n{more}")
}

async fn put(rig: &Rig, name: &str, version: u32, source: &str) -> super::http::Answer {
    let path = format!("/v1/definitions/{name}/versions/{version}?activate=false");
    let yaml = [("content-type", "application/yaml")];
    rig.call("PUT", &path, &yaml, source.as_bytes()).await
}

async fn activate(rig: &Rig, name: &str, version: u32) {
    let path = format!("/v1/definitions/{name}/active");
    let answer = rig.put(&path, &json!({ "version": version })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Starts that are refused for a child.
pub(crate) async fn refused() -> Rig {
    let rig = Rig::start().await.with_samples().await;
    let start = async |name: &str| {
        let key = [("idempotency-key", "k")];
        let answer = rig
            .post("/v1/sagas", &key, &json!({ "definition": name }))
            .await;
        (answer.status, answer.code())
    };
    let warned = put(&rig, "ping", 1, &runs("ping", 1, "pong")).await;
    assert_eq!(warned.json()["warnings"][0]["code"], "child_not_registered");
    activate(&rig, "ping", 1).await;
    assert_eq!(start("ping").await, (422, "child_not_registered".into()));
    put(&rig, "pong", 1, &plain("pong", 1, "")).await;
    activate(&rig, "pong", 1).await;
    // Each is fine beside what is active; together they are not.
    put(&rig, "ping", 2, &plain("ping", 2, "")).await;
    activate(&rig, "ping", 2).await;
    assert_eq!(
        put(&rig, "pong", 2, &runs("pong", 2, "ping")).await.status,
        201
    );
    activate(&rig, "pong", 2).await;
    activate(&rig, "ping", 1).await;
    assert_eq!(start("ping").await, (422, "child_cycle".into()));
    put(&rig, "pong", 3, &plain("pong", 3, "      pivot: true\n")).await;
    activate(&rig, "pong", 3).await;
    assert_eq!(start("ping").await, (422, "child_with_pivot".into()));
    let locked = plain("pong", 4, "").replace("steps:", "lock: $input.id\nsteps:");
    put(&rig, "pong", 4, &locked).await;
    activate(&rig, "pong", 4).await;
    assert_eq!(start("ping").await, (422, "child_with_lock".into()));
    let itself = put(&rig, "ping", 4, &runs("ping", 4, "ping")).await;
    assert_eq!(itself.json()["errors"][0]["code"], "child_cycle");
    rig
}

#[tokio::test]
async fn a_start_whose_child_may_not_be_says_why() {
    refused().await;
}

#[tokio::test]
async fn a_parent_names_its_children_and_a_child_its_parent() {
    let rig = Rig::start().await.with_samples().await;
    rig.register("errand", ERRAND).await;
    let saga = rig.accepted("k", json!({ "definition": "errand" })).await;
    let path = format!("/v1/sagas/{}", saga["id"].as_str().unwrap());
    let mut saga = saga;
    for _ in 0..10_000 {
        saga = rig.get(&path).await.json();
        if saga["children"]
            .as_array()
            .is_some_and(|all| all.len() == 2)
            && saga["children"][1]["status"] == "running"
        {
            break;
        }
    }
    let told = |child: &serde_json::Value| {
        let word = |name: &str| child[name].as_str().unwrap_or_default().to_owned();
        [word("definition"), word("path"), word("status")]
    };
    assert_eq!(
        told(&saga["children"][0]),
        ["count", "way.sum", "completed"]
    );
    assert_eq!(told(&saga["children"][1]), ["approve", "word", "running"]);
    assert_eq!(saga["waiting_on"][0]["kind"], "child", "{saga}");
    assert_eq!(saga["steps"][1]["kind"], "child");
    let child = saga["children"][1]["id"].as_str().unwrap();
    let child = rig.get(&format!("/v1/sagas/{child}")).await.json();
    let parent = json!({ "id": saga["id"], "definition": "errand", "path": "word" });
    assert_eq!(child["parent"], parent);
    assert_eq!(child["key"], saga["steps"][1]["idempotency_key"]);
    let by = format!(
        "/v1/sagas/{}/signals/approved",
        child["id"].as_str().unwrap()
    );
    let key = [("idempotency-key", "s")];
    assert_eq!(
        rig.post(&by, &key, &json!({ "by": "ann" })).await.status,
        202
    );
    let rest = rig.get(&format!("{path}?wait=20")).await.json();
    assert_eq!(
        (&rest["status"], &rest["output"]["sum"]),
        (&json!("completed"), &json!(1))
    );
    let listed = rig.get("/v1/sagas?definition=approve").await.json();
    assert_eq!(listed["items"][0]["parent"], parent, "{listed}");
}
