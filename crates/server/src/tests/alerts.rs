//! `docs/alerts.yml`: every metric that a rule names is one that a running server has.

use super::rig::Rig;
use banyan_api::Json;
use serde_json::json;
use std::collections::BTreeSet;

/// Names in an expression that are metrics of ours, with their label when they name one.
fn metrics(expression: &str) -> Vec<(String, Option<String>)> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(begin) = rest.find("banyan_") {
        rest = &rest[begin..];
        let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let label = after
            .strip_prefix('{')
            .and_then(|label| label.split('}').next());
        found.push((name.to_owned(), label.map(str::to_owned)));
        rest = after;
    }
    found
}

#[tokio::test]
async fn every_metric_of_an_alert_is_one_that_a_running_server_has() {
    let text = include_str!("../../../../docs/alerts.yml");
    let file: Json = serde_saphyr::from_str(text).unwrap();
    let rig = Rig::start().await;
    let service = json!({"instances": ["http://127.0.0.1:9"]});
    rig.put("/v1/services/orders", &service).await;
    let figures = rig.get("/metrics").await.text();
    let (mut names, mut alerts) = (BTreeSet::new(), BTreeSet::new());
    for group in file["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            let alert = rule["alert"].as_str().unwrap();
            assert!(alerts.insert(alert.to_owned()), "{alert} stands twice");
            for key in ["summary", "description"] {
                assert!(rule["annotations"][key].is_string(), "{alert} has no {key}");
            }
            let severity = rule["labels"]["severity"].as_str().unwrap();
            assert!(matches!(severity, "warning" | "critical"), "{alert}");
            let expression = rule["expr"].as_str().unwrap();
            let named = metrics(expression);
            assert!(!named.is_empty(), "{alert} names no metric");
            for (name, label) in named {
                let is_there = figures.lines().any(|line| {
                    let sample = line
                        .strip_prefix(&name)
                        .filter(|rest| rest.starts_with([' ', '{']));
                    sample.is_some_and(|rest| {
                        label
                            .as_ref()
                            .is_none_or(|label| rest.contains(label.as_str()))
                    })
                });
                assert!(is_there, "{alert}: {name} {label:?} is not in:\n{figures}");
                names.insert(name);
            }
        }
    }
    assert!(names.len() >= 14, "{names:?}");
}
