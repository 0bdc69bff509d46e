//! The audit over HTTP: who registered, activated, braked, paused, changed and deleted what, and
//! what it was before and after.

use super::rig::{COUNT, Rig};
use banyan_api::Json;
use serde_json::json;

async fn rows(rig: &Rig) -> Vec<Json> {
    let rows = rig.get("/v1/audit").await.json();
    let mut rows = rows["items"].as_array().unwrap().clone();
    rows.reverse();
    rows
}

async fn register(rig: &Rig, version: u32, query: &str) -> u16 {
    let source = COUNT.replace("version: 1", &format!("version: {version}"));
    let path = format!("/v1/definitions/count/versions/{version}{query}");
    let yaml = [("content-type", "application/yaml")];
    let answer = rig.call("PUT", &path, &yaml, source.as_bytes()).await;
    answer.status
}

/// Verb, on what, why, before, after and what else, of a row.
fn told(row: &Json) -> Json {
    assert_eq!(row["actor"], "admin", "{row}");
    json!([
        row["verb"],
        row["name"],
        row["reason"],
        row["before"],
        row["after"],
        row["detail"]
    ])
}

fn definition(active: Option<u32>, refusal: Option<&str>) -> Json {
    json!({ "active_version": active, "accepting": refusal.is_none(), "refusal": refusal })
}

#[tokio::test]
async fn every_change_of_a_definition_stands_there_with_what_it_was_before() {
    let rig = Rig::start().await;
    assert_eq!(register(&rig, 1, "").await, 201);
    assert_eq!(register(&rig, 2, "?activate=false").await, 201);
    assert_eq!(register(&rig, 3, "").await, 201);
    let again = register(&rig, 3, "").await;
    assert_eq!(again, 200, "the same content again changes nothing");
    let active = "/v1/definitions/count/active";
    let back = json!({ "version": 1, "reason": "the way back" });
    assert_eq!(rig.put(active, &back).await.status, 200);
    let accepting = "/v1/definitions/count/accepting";
    let brake = json!({ "accepting": false, "reason": "a wrong price" });
    assert_eq!(rig.put(accepting, &brake).await.status, 200);
    let release = json!({ "accepting": true });
    assert_eq!(rig.put(accepting, &release).await.status, 200);

    let rows = rows(&rig).await;
    let registered = |version: u32, activated: bool| {
        let shown = rows
            .iter()
            .find(|row| row["detail"]["version"] == version)
            .unwrap();
        let hash = shown["detail"]["hash"].clone();
        assert!(hash.is_string(), "{shown}");
        json!({ "version": version, "hash": hash, "activated": activated })
    };
    let with = |active: u32| definition(Some(active), None);
    let braked = definition(Some(1), Some("a wrong price"));
    assert_eq!(
        rows.iter().map(told).collect::<Vec<_>>(),
        [
            json!([
                "register",
                "count",
                null,
                null,
                with(1),
                registered(1, true)
            ]),
            json!([
                "register",
                "count",
                null,
                with(1),
                with(1),
                registered(2, false)
            ]),
            json!([
                "register",
                "count",
                null,
                with(1),
                with(3),
                registered(3, true)
            ]),
            json!(["activate", "count", "the way back", with(3), with(1), { "version": 1 }]),
            json!(["accepting", "count", "a wrong price", with(1), braked, { "accepting": false }]),
            json!(["accepting", "count", null, braked, with(1), { "accepting": true }]),
        ]
    );
}

#[tokio::test]
async fn a_first_version_that_is_not_activated_leaves_none_active() {
    let rig = Rig::start().await;
    assert_eq!(register(&rig, 1, "?activate=false").await, 201);
    let rows = rows(&rig).await;
    assert_eq!(
        (&rows[0]["before"], &rows[0]["after"]),
        (&Json::Null, &definition(None, None))
    );
}

#[tokio::test]
async fn every_change_of_a_service_stands_there_without_its_credentials() {
    let rig = Rig::start().await;
    let place = "/v1/services/stock";
    let first = json!({ "instances": ["http://127.0.0.1:9"], "auth": { "bearer": { "env": "STOCK_TOKEN" } } });
    assert_eq!(rig.put(place, &first).await.status, 201);
    let second = json!({ "instances": ["http://127.0.0.1:9"], "timeout": "3s", "auth": { "bearer": { "env": "OTHER_TOKEN" } } });
    assert_eq!(rig.put(place, &second).await.status, 200);
    for verb in ["pause", "resume"] {
        let why = json!({ "reason": format!("{verb} it") });
        let answer = rig.post(&format!("{place}/{verb}"), &[], &why).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let gone = rig.call("DELETE", place, &[], b"").await;
    assert_eq!(gone.status, 204);

    let rows = rows(&rig).await;
    let secret = json!(rows).to_string();
    assert!(!secret.contains("_TOKEN"), "{secret}");
    let service = |timeout: Option<&str>, pause: Json| {
        json!({
            "instances": ["http://127.0.0.1:9"], "keys_kept": "1d", "timeout": timeout,
            "auth": "bearer", "paused": pause != Json::Null, "pause_reason": pause,
        })
    };
    let shown = rows.iter().map(|row| {
        let mut row = told(row);
        for place in [3, 4] {
            if let Some(state) = row[place].as_object_mut() {
                let by = state.remove("paused_by").unwrap();
                assert_eq!(by == "admin", state["paused"] == true, "{state:?}");
                let since = state.remove("paused_since").unwrap();
                assert_eq!(since.is_string(), state["paused"] == true, "{state:?}");
            }
        }
        row
    });
    let first = service(None, Json::Null);
    let second = service(Some("3s"), Json::Null);
    let paused = service(Some("3s"), json!("pause it"));
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            json!(["put_service", "stock", null, null, first, { "changed": ["auth", "instances"] }]),
            json!(["put_service", "stock", null, first, second, { "changed": ["auth", "timeout"] }]),
            json!(["pause", "stock", "pause it", second, paused, null]),
            json!(["resume", "stock", "resume it", paused, second, null]),
            json!(["delete_service", "stock", null, second, null, null]),
        ]
    );
}

#[tokio::test]
async fn what_the_configuration_file_holds_is_nobodys_deed() {
    let service = json!({ "instances": ["http://127.0.0.1:9"] });
    let rig = Rig::with(|config| {
        config.services.insert("stock".to_owned(), service);
    })
    .await;
    assert_eq!(rig.get("/v1/services/stock").await.status, 200);
    assert_eq!(rows(&rig).await, [] as [Json; 0]);
}
