//! Reasons: whoever must say why says something.

use super::rig::Rig;
use serde_json::json;

#[tokio::test]
async fn an_empty_reason_is_none() {
    let rig = Rig::start().await.with_samples().await;
    let service = json!({ "instances": ["http://127.0.0.1:9"] });
    rig.put("/v1/services/stock", &service).await;
    let start = json!({ "definition": "approve", "input": { "customer": "c-1" } });
    let saga = rig.accepted("k-1", start).await;
    let saga = format!("/v1/sagas/{}", saga["id"].as_str().unwrap());
    let operation = "/v1/operations/0197c1d2-5a3b-7c4d-8e9f-001122334455";
    let before = rig.get(&saga).await.json();
    let settle = json!({ "step": "approval", "leg": "do", "as": "done", "evidence": "seen" });
    let operate = json!({ "verb": "cancel", "filter": { "status": "running" }, "dry_run": true });
    let calls = [
        ("POST", format!("{saga}/cancel"), json!({})),
        ("POST", format!("{saga}/cancel"), json!({ "dry_run": true })),
        ("POST", format!("{saga}/retry"), json!({})),
        ("POST", format!("{saga}/settle"), settle),
        ("POST", format!("{saga}/undo"), json!({})),
        ("POST", format!("{saga}/abandon"), json!({})),
        ("POST", format!("{saga}/move"), json!({ "version": 1 })),
        ("POST", format!("{saga}/note"), json!({ "text": "seen" })),
        ("POST", "/v1/operations".to_owned(), operate),
        ("POST", format!("{operation}/pause"), json!({})),
        ("POST", format!("{operation}/resume"), json!({})),
        ("POST", format!("{operation}/cancel"), json!({})),
        ("POST", "/v1/services/stock/pause".to_owned(), json!({})),
        ("POST", "/v1/services/stock/resume".to_owned(), json!({})),
        (
            "PUT",
            "/v1/definitions/count/active".to_owned(),
            json!({ "version": 1 }),
        ),
        (
            "PUT",
            "/v1/definitions/count/accepting".to_owned(),
            json!({ "accepting": false }),
        ),
        (
            "PUT",
            "/v1/definitions/count/accepting".to_owned(),
            json!({ "accepting": true }),
        ),
    ];
    for (method, path, body) in calls {
        for reason in ["", " \t\n"] {
            let mut body = body.clone();
            body["reason"] = json!(reason);
            let bytes = body.to_string();
            let answer = rig.call(method, &path, &[], bytes.as_bytes()).await;
            let told = format!("{method} {path} {body}: {}", answer.text());
            assert_eq!(answer.status, 400, "{told}");
            let problem = answer.json();
            assert_eq!(problem["code"], "invalid_body", "{told}");
            assert_eq!(problem["errors"][0]["pointer"], "/reason", "{told}");
            let message = problem["errors"][0]["message"].as_str().unwrap();
            assert!(message.contains("reason says why"), "{told}");
        }
    }
    assert_eq!(rig.get(&saga).await.json(), before, "nothing was changed");
}
