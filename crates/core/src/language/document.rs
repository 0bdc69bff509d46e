//! The file as a whole: its own keys, its bounds, and the hash of what it resolved to.

use super::Surroundings;
use super::codes::Code;
use super::keys::Within;
use super::node::{Node, Value, shortened};
use super::problems::Problems;
use super::read::{Fields, LONGEST, Reader, SHORTEST};
use super::steps;
use super::values::Scope;
use crate::definition::{Definition, Label};
use crate::expr::Template;
use crate::json::{Json, canonical, sha256_hex};
use crate::limits;
use std::collections::HashMap;

/// Reads the tree of a file. None when something in it is wrong.
pub(crate) fn read(
    root: &Node,
    surroundings: &Surroundings<'_>,
    problems: Problems,
) -> (Option<Definition>, Problems) {
    let mut reader = Reader {
        problems,
        surroundings,
        names: HashMap::new(),
        visible: Vec::new(),
        current: None,
        pivot: None,
        after_pivot: false,
        no_pivot: None,
        deadline: None,
        uses: Vec::new(),
        children: Vec::new(),
    };
    let definition = reader.document(root);
    if reader.problems.any_error() {
        return (None, reader.problems);
    }
    (definition, reader.problems)
}

impl Reader<'_> {
    fn document(&mut self, root: &Node) -> Option<Definition> {
        let fields = self.fields(root, Within::Document)?;
        let count = fields
            .get("steps")
            .map_or(0, |node| steps::names(node, &mut self.names));
        self.language_version(&fields);
        let name = self.required(&fields, "saga", "name the saga: `saga: place_order`");
        let name = name.and_then(|node| self.name(node, "a saga's name"));
        let version = self.required(&fields, "version", "number the definition: `version: 1`");
        let version = version.and_then(|node| self.count(node, "`version`", (1, u32::MAX)));
        let description = match fields.get("description") {
            Some(node) => self.words(node, "`description`").map(str::to_owned),
            None => None,
        };
        let input = fields
            .get("input")
            .map(|node| self.json_schema(node, "`input`"));
        let labels = self.labels(fields.get("labels"));
        let lock = fields
            .get("lock")
            .map(|node| self.expression(node, "`lock`", Scope::LOCK));
        let secret = self.secrets(fields.get("secret"), &["input", "output"]);
        self.labels_without_secrets(&fields, &labels, &secret);
        self.deadline = fields
            .get("deadline")
            .and_then(|node| self.duration(node, "`deadline`", (SHORTEST, LONGEST)));
        let keep = fields
            .get("keep")
            .and_then(|node| self.duration(node, "`keep`", (SHORTEST, LONGEST)));
        let steps = self.required(&fields, "steps", "a saga has at least one step");
        let steps = steps.and_then(|node| self.all_steps(node, count));
        let output = self.output(&fields);
        if let (Some(name), Some(version)) = (&name, version) {
            self.check_children(name, version);
        }
        let on_end = fields.get("on_end").map(|node| self.on_end(node));
        if matches!(on_end, Some(None)) {
            return None;
        }
        let mut definition = Definition {
            name: name?,
            version: version?,
            hash: String::new(),
            description,
            input: input.flatten(),
            labels,
            deadline: self.deadline,
            steps: steps?,
            output,
            on_end: on_end.flatten().map(Box::new),
            lock: lock.flatten(),
            keep,
            secret,
        };
        definition.hash = hash(&definition)?;
        Some(definition)
    }

    fn required<'n>(&mut self, fields: &Fields<'n>, name: &str, help: &str) -> Option<&'n Node> {
        let node = fields.get(name);
        if node.is_none() {
            self.missing(name, fields.place, help);
        }
        node
    }

    fn language_version(&mut self, fields: &Fields<'_>) {
        let Some(node) = fields.get("banyan") else {
            return;
        };
        let is_one = matches!(&node.value, Value::Number(number) if number.to_string() == "1");
        if !is_one {
            self.problems.add(
                Code::InvalidValue,
                node.place,
                format!(
                    "this Banyan knows version 1 of the saga language, not {}",
                    node.quoted()
                ),
                "write `banyan: 1`, or leave it out",
            );
        }
    }

    fn labels(&mut self, node: Option<&Node>) -> Vec<Label> {
        let Some(node) = node else {
            return Vec::new();
        };
        let Value::Map(entries) = &node.value else {
            self.wrong_type(
                node,
                "`labels` is a map of names and expressions over `$input`",
                "write `labels: { customer: $input.customer }`",
            );
            return Vec::new();
        };
        if let Some(entry) = entries.get(limits::LABELS) {
            self.problems.add(
                Code::TooManyLabels,
                entry.place,
                format!(
                    "a saga has at most {} labels, and these are {}",
                    limits::LABELS,
                    entries.len()
                ),
                "label what people search by; everything else is in the input",
            );
        }
        let mut labels = Vec::new();
        for entry in entries {
            self.check_name(&entry.key, entry.place, "a label's name");
            let what = format!("the label `{}`", shortened(&entry.key));
            if let Some(value) = self.expression(&entry.node, &what, Scope::LABEL) {
                labels.push(Label {
                    name: entry.key.clone(),
                    value,
                });
            }
        }
        labels
    }

    fn all_steps(&mut self, node: &Node, count: usize) -> Option<Vec<crate::definition::Step>> {
        if count > limits::DEFINITION_STEPS {
            self.problems.add(
                Code::TooManySteps,
                node.place,
                format!(
                    "a saga has at most {} steps, and these are {count}",
                    limits::DEFINITION_STEPS
                ),
                "split it into several sagas",
            );
            return None;
        }
        self.steps(node, "steps", false, &[])
    }

    fn output(&mut self, fields: &Fields<'_>) -> Option<Template> {
        let node = fields.get("output")?;
        self.template(node, Scope::OUTPUT)
    }
}

/// SHA-256 of the canonical resolved form without the hash itself.
fn hash(definition: &Definition) -> Option<String> {
    let mut form = serde_json::to_value(definition).ok()?;
    if let Json::Object(members) = &mut form {
        members.remove("hash");
    }
    Some(sha256_hex(canonical(&form).as_bytes()))
}
