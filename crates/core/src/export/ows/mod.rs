//! A definition as a plain document of the CNCF Open Workflow DSL (Serverless Workflow 1.0).
//!
//! Results travel in `$context`, one member a step. The steps up to the pivot lie in nested
//! `try`: what follows a step stands inside the `try` whose `catch` undoes that step and then
//! raises again, so that undos run in reverse. What the language has no word for is listed in
//! [`Exported::lost`] and stands as comments at the head of the document.

mod calls;
mod confirm;
mod each;
mod jq;
mod lost;
mod shared;
mod tasks;
mod undo;
mod yaml;

use crate::Json;
use crate::definition::{Definition, Kind, Step};
use jq::Names;
use serde_json::{Map, json};
use std::fmt::Write;

/// The version of the DSL that documents are written in.
const DSL: &str = "1.0.3";
/// How long a name may be there.
const NAME_CHARS: usize = 63;

/// A document in another language, and what it could not take over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The document, its comments included.
    pub document: String,
    /// What is lost, a sentence each.
    pub lost: Vec<String>,
}

/// The definition as a Serverless Workflow document in YAML.
pub fn ows(definition: &Definition) -> Exported {
    let lost = lost::of(definition);
    let mut document = format!(
        "# {} version {}, exported from Banyan. What this language cannot carry:\n",
        definition.name, definition.version
    );
    for line in &lost {
        let _ = writeln!(document, "# - {line}");
    }
    document.push_str(&yaml::written(&document_of(definition)));
    Exported { document, lost }
}

/// A task under its name.
type Task = (String, Json);

fn document_of(definition: &Definition) -> Json {
    let lowering = Lowering {
        names: Names::of(definition),
        results: "$context".to_owned(),
        places: Vec::new(),
    };
    let mut head = json!({
        "dsl": DSL,
        "namespace": "default",
        "name": name_of(&definition.name),
        "version": format!("{}.0.0", definition.version),
    });
    if let Some(description) = &definition.description {
        head["summary"] = description.as_str().into();
    }
    let mut document = json!({ "document": head });
    if let Some(schema) = &definition.input {
        document["input"] = json!({ "schema": { "format": "json", "document": schema } });
    }
    document["do"] = list(lowering.saga(&definition.steps));
    let output = match &definition.output {
        Some(output) => jq::wrap(&lowering.names.construction(output)),
        None => jq::wrap("null"),
    };
    document["output"] = json!({ "as": output });
    shared::retries(&mut document);
    document
}

/// Names there have hyphens where ours have underscores, and end in a letter or digit.
fn name_of(name: &str) -> String {
    let name: String = name.replace('_', "-").chars().take(NAME_CHARS).collect();
    name.trim_end_matches('-').to_owned()
}

fn list(tasks: Vec<Task>) -> Json {
    tasks
        .into_iter()
        .map(|(name, task)| Json::Object(Map::from_iter([(name, task)])))
        .collect()
}

/// What lowering needs to know of where it stands.
struct Lowering {
    /// What variables stand for.
    names: Names,
    /// What holds the results: the context, or what is kept of one item of an `each`.
    results: String,
    /// Which items of which `each` it is within, as jq texts.
    places: Vec<String>,
}

impl Lowering {
    /// All tasks: those up to the pivot with their undos around them, then the rest.
    fn saga(&self, steps: &[Step]) -> Vec<Task> {
        let items = flattened(steps);
        let pivot = items.iter().position(|item| match item {
            Item::Step(step) => step.pivot,
            Item::Result(_) => false,
        });
        let (before, after) = items.split_at(pivot.map_or(items.len(), |pivot| pivot + 1));
        let mut tasks = self.nested(before);
        tasks.extend(after.iter().flat_map(|item| self.item(item)));
        tasks.extend(steps.iter().flat_map(|step| self.confirms(step)));
        tasks
    }

    /// Each step with everything that follows it in the `try` that undoes it.
    fn nested(&self, items: &[Item<'_>]) -> Vec<Task> {
        let Some((first, rest)) = items.split_first() else {
            return Vec::new();
        };
        let mut tasks = self.item(first);
        tasks.extend(self.nested(rest));
        let Item::Step(step) = first else {
            return tasks;
        };
        let mut undo = self.undo(step);
        if undo.is_empty() {
            return tasks;
        }
        undo.push(tasks::raise_again(&step.name));
        let guarded = json!({ "try": list(tasks), "catch": calls::caught(undo) });
        vec![(format!("{}-and-after", step.name), guarded)]
    }

    fn item(&self, item: &Item<'_>) -> Vec<Task> {
        match item {
            Item::Step(step) => self.step(step),
            Item::Result(group) => vec![self.group_result(group)],
        }
    }
}

/// What stands one after another at the top.
enum Item<'d> {
    /// A step.
    Step(&'d Step),
    /// The result of a sequence whose parts stand before it.
    Result(&'d Step),
}

/// The steps in their order; a sequence that holds the pivot gives way to its parts, so that
/// nothing after the pivot stands within a `try` that undoes.
fn flattened(steps: &[Step]) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    for step in steps {
        match &step.kind {
            Kind::Group(group) if holds_pivot(&group.steps) => {
                items.extend(flattened(&group.steps));
                items.push(Item::Result(step));
            }
            Kind::Group(_)
            | Kind::Call(_)
            | Kind::Wait(_)
            | Kind::Sleep(_)
            | Kind::Set(_)
            | Kind::Refuse(_)
            | Kind::Each(_)
            | Kind::Run(_) => items.push(Item::Step(step)),
        }
    }
    items
}

fn holds_pivot(steps: &[Step]) -> bool {
    steps.iter().any(|step| match &step.kind {
        Kind::Group(group) => holds_pivot(&group.steps),
        Kind::Call(_)
        | Kind::Wait(_)
        | Kind::Sleep(_)
        | Kind::Set(_)
        | Kind::Refuse(_)
        | Kind::Each(_)
        | Kind::Run(_) => step.pivot,
    })
}
