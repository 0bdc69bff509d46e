//! One run for each item of a list: a loop that keeps what each item left, so that the way
//! back can undo item by item, the last one first.

use super::calls::caught;
use super::jq::{self, member};
use super::tasks::{in_doubt, raise_again, set_value};
use super::{Lowering, Task, list};
use crate::Json;
use crate::definition::{Each, Kind, Step};
use serde_json::json;

/// Where the loop keeps what its items left.
fn kept(step: &Step) -> String {
    format!("{}-items", step.name)
}

impl Lowering {
    /// The loop, and the array of results behind it.
    pub(super) fn each(&self, step: &Step, each: &Each) -> Vec<Task> {
        let at = format!("At_{}", step.name);
        let inside = self.within(each, format!("${}", each.item), format!("${at}"));
        let mut own = Vec::new();
        gather(&each.body, &mut own);
        let keep = json!({
            "set": { "item": jq::wrap(&format!("${}", each.item)) },
            "export": { "as": jq::wrap(&keeping(step, each, &at, &own)) },
        });
        let named = |what: &str| format!("{}-item-{what}", step.name);
        let forget: Vec<String> = own.iter().map(|name| format!(".[\"{name}\"]")).collect();
        let begin = json!({
            "set": { "item": jq::wrap(&format!("${}", each.item)) },
            "export": { "as": jq::wrap(&format!("$context // {{}} | del({})", forget.join(", "))) },
        });
        let failed = vec![
            (named("failed"), keep.clone()),
            raise_again(&format!("{}-item", step.name)),
        ];
        let item = json!({ "try": list(inside.step(&each.body)), "catch": caught(failed) });
        let tasks = vec![
            (named("begins"), begin),
            (named("done"), item),
            (named("kept"), keep),
        ];
        let run = json!({
            "for": { "each": each.item, "in": self.names.expression(&each.items), "at": at },
            "do": list(tasks),
        });
        let results = format!(
            "[$context[\"{}\"][]? | .results[\"{}\"]]",
            kept(step),
            step.name
        );
        let result = set_value(&step.name, jq::wrap(&results));
        vec![
            (format!("{}-loop", step.name), run),
            (format!("{}-result", step.name), result),
        ]
    }

    /// The loop that undoes the items that were kept, backwards.
    pub(super) fn undo_each(&self, step: &Step, each: &Each) -> Vec<Task> {
        let mut tasks = self.kept_items(step, each, "undo", |inside, body| inside.undo(body));
        for (_, task) in &mut tasks {
            let items = format!("{}[\"{}\"] // [] | reverse", self.results, kept(step));
            task["for"]["in"] = jq::wrap(&items);
        }
        tasks
    }

    /// A loop over what was kept of each item; none when there is nothing to do for one.
    pub(super) fn kept_items(
        &self,
        step: &Step,
        each: &Each,
        leg: &str,
        tasks: impl FnOnce(&Lowering, &Step) -> Vec<Task>,
    ) -> Vec<Task> {
        let past = format!("Past_{}", step.name);
        let mut inside = self.within(each, format!("${past}.item"), format!("${past}.index"));
        inside.results = format!("${past}.results");
        let mut own = Vec::new();
        gather(&each.body, &mut own);
        for name in own {
            let text = member(&inside.results, &name);
            inside.names = inside.names.with(&name, text);
        }
        let tasks = tasks(&inside, &each.body);
        if tasks.is_empty() {
            return tasks;
        }
        let items = jq::wrap(&format!("{}[\"{}\"] // []", self.results, kept(step)));
        let run = json!({ "for": { "each": past, "in": items }, "do": list(tasks) });
        vec![(format!("{}-items-{leg}", step.name), run)]
    }

    fn within(&self, each: &Each, item: String, at: String) -> Lowering {
        let mut places = self.places.clone();
        places.push(at);
        Lowering {
            names: self.names.with(&each.item, item),
            results: self.results.clone(),
            places,
        }
    }
}

/// The context with one more item kept: its value, its place, and what its steps left.
fn keeping(step: &Step, each: &Each, at: &str, own: &[String]) -> String {
    let name = Json::from(kept(step));
    let own = Json::from(own.to_vec());
    format!(
        "$context + {{{name}: (($context[{name}] // []) + [{{item: ${}, index: ${at}, results: ($context // {{}} | with_entries(select(.key as $key | {own} | index($key) != null)))}}])}}",
        each.item
    )
}

/// Every member of the context that a step and its parts write.
fn gather(step: &Step, own: &mut Vec<String>) {
    own.push(step.name.clone());
    own.push(in_doubt(step));
    match &step.kind {
        Kind::Group(group) => {
            own.push(format!("{}-failed", step.name));
            group.steps.iter().for_each(|part| gather(part, own));
        }
        Kind::Each(each) => {
            own.push(kept(step));
            gather(&each.body, own);
        }
        Kind::Call(_)
        | Kind::Wait(_)
        | Kind::Sleep(_)
        | Kind::Set(_)
        | Kind::Refuse(_)
        | Kind::Run(_) => {}
    }
}
