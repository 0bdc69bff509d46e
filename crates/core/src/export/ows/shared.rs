//! Retry policies that stand once, under a name, instead of at every call.

use crate::Json;
use serde_json::{Map, json};

/// What holds values of the saga's own, where nothing is looked for.
const VALUES: [&str; 5] = ["with", "set", "input", "output", "document"];

/// Moves each different retry policy of a document's tasks to `use`, ahead of `do`.
pub(super) fn retries(document: &mut Json) {
    let mut found = Vec::new();
    if let Some(tasks) = document.get_mut("do") {
        name(tasks, &mut found);
    }
    if found.is_empty() {
        return;
    }
    let named: Map<String, Json> = (1..).map(named).zip(found).collect();
    if let Json::Object(members) = document {
        let tasks = members.shift_remove("do").unwrap_or_default();
        let output = members.shift_remove("output").unwrap_or_default();
        members.insert("use".to_owned(), json!({ "retries": named }));
        members.insert("do".to_owned(), tasks);
        members.insert("output".to_owned(), output);
    }
}

fn named(position: usize) -> String {
    format!("retry-{position}")
}

fn name(value: &mut Json, found: &mut Vec<Json>) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(|item| name(item, found)),
        Json::Object(members) => {
            for (key, value) in members {
                if key == "retry" && value.get("delay").is_some() {
                    let known = found.iter().position(|policy| policy == value);
                    let position = known.unwrap_or_else(|| {
                        found.push(value.clone());
                        found.len() - 1
                    });
                    *value = named(position + 1).into();
                } else if !VALUES.contains(&key.as_str()) {
                    name(value, found);
                }
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}
