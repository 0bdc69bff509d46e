//! Other versions of generated saga files: changes as people make them, some of which a running
//! saga can be moved over and some of which stand in its way.

use super::random::Random;
use super::render::render;
use crate::json::Json;
use serde_json::json;

/// The next version of a saga file, changed as the seed has it. It checks without an error where
/// the file does, and its name, its lock and its point of no return are the same.
///
/// ```
/// use banyan_core::language::{Surroundings, check};
/// use banyan_core::testkit::{change, generate};
///
/// let first = check(&generate(7), &Surroundings::default());
/// let next = check(&change(&generate(7), 1), &Surroundings::default());
/// let version = |checked: banyan_core::language::Checked| checked.definition.unwrap().version;
/// assert_eq!(version(next), version(first) + 1);
/// ```
pub fn change(source: &str, seed: u64) -> String {
    let mut random = Random::new(seed ^ 0xc4a9);
    let mut file = crate::language::tree(source);
    let version = file["version"].as_u64().unwrap_or(1);
    file["version"] = json!(version + 1);
    if random.chance(30) {
        file["deadline"] = json!("40d");
    }
    if random.chance(30) {
        file["description"] = json!("Changed by a test.");
    }
    let Some(Json::Array(mut steps)) = file.get_mut("steps").map(Json::take) else {
        return render(&file);
    };
    if random.chance(50) {
        each_call(&mut steps, &mut |call| {
            if random.chance(30) {
                call.insert("timeout".to_owned(), json!("7s"));
            }
        });
    }
    if random.chance(60) {
        let more = json!({ "do": "POST one /more/{$input.id}",
            "undo": "DELETE one /more/{$key}" });
        steps.push(json!({ "more": more }));
    }
    match random.below(12) {
        0 => steps.insert(0, json!({ "early": { "set": 1 } })),
        1 => each_call(&mut steps, &mut |call| {
            if random.chance(50) {
                call.insert("query".to_owned(), json!({ "changed": 1 }));
            }
        }),
        2 => each_call(&mut steps, &mut |call| {
            if call.get("undo").is_some_and(|undo| *undo != "none") && random.chance(50) {
                call.insert("undo".to_owned(), json!("PUT one /undone/{$key}"));
            }
        }),
        _ => {}
    }
    file["steps"] = Json::Array(steps);
    render(&file)
}

/// Every call of a list of steps and of its groups.
fn each_call(steps: &mut [Json], visit: &mut dyn FnMut(&mut serde_json::Map<String, Json>)) {
    for item in steps.iter_mut().filter_map(Json::as_object_mut) {
        for step in item.values_mut().filter_map(Json::as_object_mut) {
            if step.contains_key("do") {
                visit(step);
            }
            for group in ["steps", "together"] {
                if let Some(Json::Array(parts)) = step.get_mut(group) {
                    each_call(parts, visit);
                }
            }
        }
    }
}
