//! Failures by cause, and the filters by which one finds their sagas.

use super::rig::Rig;
use banyan_api::Json;
use serde_json::json;

/// Nothing listens where it calls, and its second attempt is far away.
const FAR: &str = "\
saga: far
version: 1
steps:
  - order:
      do: POST orders /orders
      retry: { attempts: 5, first: 1h, max: 1h }
      undo: DELETE orders /orders/{$key}
";

const OFF: &str = "\
saga: off
version: 1
steps:
  - stop: { refuse: it is off }
";

const SHOP: &str = "\
saga: shop
version: 1
steps:
  - pay: { do: POST payments /charges, undo: none }
";

async fn rig() -> Rig {
    let rig = Rig::start().await;
    for service in ["orders", "payments"] {
        let path = format!("/v1/services/{service}");
        rig.put(&path, &json!({"instances": ["http://127.0.0.1:9"]}))
            .await;
    }
    for (name, source) in [("far", FAR), ("off", OFF), ("shop", SHOP)] {
        rig.register(name, source).await;
    }
    let pause = json!({"reason": "a move"});
    rig.post("/v1/services/payments/pause", &[], &pause).await;
    for (key, definition) in [("1", "far"), ("2", "far"), ("3", "off"), ("4", "shop")] {
        rig.accepted(key, json!({"definition": definition})).await;
    }
    rig
}

/// Kind, definition, step, service, code and count of each group, once the sagas got there.
async fn failures(rig: &Rig, query: &str, groups: usize) -> Vec<String> {
    let mut answer = Json::Null;
    for _ in 0..10_000 {
        answer = rig.get(&format!("/v1/failures{query}")).await.json();
        let counted: u64 = items(&answer)
            .map(|one| one["count"].as_u64().unwrap())
            .sum();
        if items(&answer).count() == groups && counted >= groups as u64 {
            break;
        }
    }
    items(&answer)
        .map(|group| {
            let of = |name: &str| group[name].as_str().unwrap_or("-").to_owned();
            let words = ["kind", "definition", "step", "service", "code"].map(of);
            format!("{} {} · {}", words.join(" "), group["count"], of("help"))
        })
        .collect()
}

fn items(answer: &Json) -> impl Iterator<Item = &Json> {
    answer["items"].as_array().unwrap().iter()
}

#[tokio::test]
async fn failures_are_grouped_by_cause_with_a_command_that_helps() {
    let rig = rig().await;
    for _ in 0..10_000 {
        let far = rig.get("/v1/failures?definition=far").await.json();
        if far["items"][0]["count"] == 2 {
            break;
        }
    }
    assert_eq!(
        failures(&rig, "", 3).await,
        [
            "parked shop pay payments paused 1 · banyan resume payments",
            "retrying far order orders not_sent 2 · banyan services get orders",
            "compensated off stop - refused 1 · banyan list --where \
             'definition=off&status=compensated&code=refused'",
        ]
    );
    let all = rig.get("/v1/failures").await.json();
    assert_eq!(
        (&all["next"], &all["not_counted"]),
        (&Json::Null, &json!([]))
    );
    let sample = all["items"][0]["sample"].as_str().unwrap();
    let saga = rig.get(&format!("/v1/sagas/{sample}")).await.json();
    assert_eq!(saga["definition"], "shop");
    for (query, count) in [
        ("?service=orders", 1),
        ("?service=orders&service=payments", 2),
        ("?status=compensated", 1),
        ("?code=paused&code=refused", 2),
        ("?definition=far&code=refused", 0),
        ("?since=2999-01-01T00:00:00Z", 0),
    ] {
        assert_eq!(failures(&rig, query, count).await.len(), count, "{query}");
    }
}

#[tokio::test]
async fn a_road_that_opens_takes_its_sagas_out_of_the_failures() {
    let rig = rig().await;
    failures(&rig, "?definition=shop", 1).await;
    rig.post(
        "/v1/services/payments/resume",
        &[],
        &json!({"reason": "moved"}),
    )
    .await;
    let retrying = |groups: &[String]| groups[0].starts_with("retrying shop pay payments");
    for _ in 0..10_000 {
        if retrying(&failures(&rig, "?definition=shop", 1).await) {
            return;
        }
    }
    panic!("{:?}", failures(&rig, "?definition=shop", 1).await);
}

#[tokio::test]
async fn lists_take_every_filter() {
    let rig = rig().await;
    failures(&rig, "?status=compensated", 1).await;
    for (query, count) in [
        ("", 4),
        ("?definition=far&definition=off", 3),
        ("?definition=far&status=compensated", 0),
        ("?status=compensated&code=refused", 1),
        ("?service=payments&step=pay", 1),
        ("?owner=ada", 0),
        ("?stalled=true", 0),
        ("?key=1&key=4", 2),
        ("?version=1&started_after=2020-01-01T00:00:00Z", 4),
        ("?ended_before=2020-01-01T00:00:00Z", 0),
    ] {
        let list = rig.get(&format!("/v1/sagas{query}")).await.json();
        assert_eq!(items(&list).count(), count, "{query}");
    }
    let metrics = rig.get("/metrics").await.text();
    let line = "banyan_sagas_stalled{kind=\"overdue\"} 0";
    assert!(metrics.contains(line), "{metrics}");
}
