//! Failures by cause, and the filters by which one finds their sagas.

use super::rig::Rig;
use super::stand_in::stand_in;
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

/// Stuck past their pivots, for one reason, at different places.
const TWO: &str = "\
saga: grp
version: 1
steps:
  - go: { do: PUT books /go, pivot: true }
  - q: { do: PUT stock /q, when: $input.at == \"q\" }
  - r: { do: PUT ship /r, when: $input.at == \"r\" }
";

#[tokio::test]
async fn the_help_of_a_group_selects_its_sagas_and_no_others() {
    let rig = Rig::start().await;
    for (service, status) in [("books", 200), ("stock", 409), ("ship", 409)] {
        let (url, _) = stand_in(status).await;
        let path = format!("/v1/services/{service}");
        rig.put(&path, &json!({ "instances": [url] })).await;
    }
    rig.register("grp", TWO).await;
    for at in ["q", "r"] {
        let start = json!({"definition": "grp", "input": {"at": at}});
        let saga = rig.accepted(at, start).await;
        let path = format!("/v1/sagas/{}?wait=20", saga["id"].as_str().unwrap());
        assert_eq!(rig.get(&path).await.json()["status"], "stuck");
    }
    let mut selected = Vec::new();
    let all = rig.get("/v1/failures").await.json();
    for group in items(&all) {
        let help = group["help"].as_str().unwrap();
        let query = help.split('\'').nth(1).unwrap();
        let list = rig.get(&format!("/v1/sagas?{query}")).await.json();
        assert_eq!(list["items"].as_array().unwrap().len(), 1, "{help}");
        assert_eq!(list["items"][0]["id"], group["sample"], "{help}");
        selected.push(help.to_owned());
    }
    selected.sort();
    let of = |place: &str| {
        format!("banyan retry --where 'definition=grp&status=stuck&code=forward_refused&{place}'")
    };
    assert_eq!(
        selected,
        [of("step=q&service=stock"), of("step=r&service=ship")]
    );
}

#[tokio::test]
async fn failures_come_in_pages_and_misspelled_words_are_refused() {
    let rig = rig().await;
    failures(&rig, "", 3).await;
    let mut paged = Vec::new();
    let mut query = "?limit=1".to_owned();
    for _ in 0..3 {
        let page = rig.get(&format!("/v1/failures{query}")).await.json();
        paged.extend(items(&page).map(|one| one["definition"].clone()));
        match page["next"].as_str() {
            Some(next) => query = format!("?limit=1&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, ["shop", "far", "off"]);
    for query in ["limit=0", "cursor=x", "code=undo_refuse", "status=stick"] {
        let answer = rig.get(&format!("/v1/failures?{query}")).await;
        assert_eq!(answer.code(), "invalid_parameter", "{query}");
    }
    for call in ["sagas", "definitions", "services", "operations", "audit"] {
        for cursor in ["zzz", "", "-1"] {
            let answer = rig.get(&format!("/v1/{call}?cursor={cursor}")).await;
            assert_eq!(answer.code(), "invalid_parameter", "{call} {cursor}");
        }
    }
    let answer = rig.get("/v1/sagas?code=undo_refuse").await;
    assert!(
        answer.text().contains("did you mean undo_refused?"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn lists_by_name_go_on_after_the_last_name() {
    let rig = rig().await;
    for (call, expected) in [
        ("definitions", &["far", "off", "shop"][..]),
        ("services", &["orders", "payments"]),
    ] {
        let mut names = Vec::new();
        let mut query = "?limit=1".to_owned();
        for _ in expected {
            let page = rig.get(&format!("/v1/{call}{query}")).await.json();
            names.extend(items(&page).map(|one| one["name"].clone()));
            let next = page["next"].as_str();
            assert_eq!(next.is_none(), names.len() == expected.len(), "{page}");
            query = format!("?limit=1&cursor={}", next.unwrap_or_default());
        }
        assert_eq!(names, expected, "{call}");
    }
}

#[tokio::test]
async fn a_saga_that_is_at_rest_stands_at_no_step_and_waits_on_no_service() {
    let rig = Rig::start().await;
    for (service, status) in [("books", 200), ("stock", 409), ("ship", 409)] {
        let (url, _) = stand_in(status).await;
        let path = format!("/v1/services/{service}");
        rig.put(&path, &json!({ "instances": [url] })).await;
    }
    rig.register("grp", TWO).await;
    let mut ended = Vec::new();
    for (at, verb) in [("q", Some("abandon")), ("none", Some("undo"))] {
        let start = json!({"definition": "grp", "input": {"at": at}});
        let saga = rig.accepted(at, start).await;
        let path = format!("/v1/sagas/{}", saga["id"].as_str().unwrap());
        rig.get(&format!("{path}?wait=20")).await;
        if let Some(verb) = verb {
            let because = json!({ "reason": "because" });
            rig.post(&format!("{path}/{verb}"), &[], &because).await;
        }
        ended.push(rig.get(&format!("{path}?wait=20")).await.json());
    }
    for saga in &ended {
        assert_eq!(saga["waiting_on"], json!([]), "{saga}");
    }
    for query in ["step=q", "service=stock", "step=go", "service=books"] {
        let list = rig.get(&format!("/v1/sagas?{query}")).await.json();
        assert_eq!(items(&list).count(), 0, "{query}: {list}");
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
