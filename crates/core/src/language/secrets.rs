//! What a file says is secret: paths, and what must not read them.

use super::codes::Code;
use super::node::{Node, Value, shortened};
use super::read::{Fields, Reader};
use crate::definition::Label;
use crate::secret::SecretPath;

impl Reader<'_> {
    /// A list of paths into these variables.
    pub(crate) fn secrets(&mut self, node: Option<&Node>, variables: &[&str]) -> Vec<SecretPath> {
        let Some(node) = node else {
            return Vec::new();
        };
        let Value::List(items) = &node.value else {
            let first = variables.first().unwrap_or(&"result");
            let help = format!("write `secret: [${first}.token]`");
            self.wrong_type(node, "`secret` is a list of paths", &help);
            return Vec::new();
        };
        let paths = items.iter().map(|item| self.secret_path(item, variables));
        paths.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn secret_path(&mut self, node: &Node, variables: &[&str]) -> Option<SecretPath> {
        let Value::Text(text) = &node.value else {
            let first = variables.first().unwrap_or(&"result");
            let help = format!("write the way to the value, such as `${first}.token`");
            self.wrong_type(node, "a secret is a path", &help);
            return None;
        };
        let named: Vec<String> = variables.iter().map(|name| format!("`${name}`")).collect();
        let named = named.join(" or ");
        let example = format!(
            "such as `${}.token`",
            variables.first().unwrap_or(&"result")
        );
        match SecretPath::parse(text) {
            Ok(path) if variables.contains(&path.variable.as_str()) => Some(path),
            Ok(path) => {
                let message = format!(
                    "`${}` cannot be secret here, only parts of {named}",
                    shortened(&path.variable)
                );
                self.problems
                    .add(Code::InvalidValue, node.place, message, example);
                None
            }
            Err(message) => {
                let help = format!("a secret is the way to a value in {named}, {example}");
                self.problems
                    .add(Code::InvalidValue, node.place, message, help);
                None
            }
        }
    }

    /// People search by labels and see them everywhere.
    pub(crate) fn labels_without_secrets(
        &mut self,
        fields: &Fields<'_>,
        labels: &[Label],
        secrets: &[SecretPath],
    ) {
        let Some(Value::Map(entries)) = fields.get("labels").map(|node| &node.value) else {
            return;
        };
        for label in labels {
            let reads = label.value.reads();
            let secret = secrets.iter().find(|secret| {
                reads
                    .iter()
                    .any(|read| secret.meets(&read.variable, &read.path))
            });
            let entry = entries.iter().find(|entry| entry.key == label.name);
            if let (Some(secret), Some(entry)) = (secret, entry) {
                let path = String::from(secret.clone());
                self.problems.add(
                    Code::LabelReadsSecret,
                    entry.node.place,
                    format!(
                        "the label `{}` reads `{path}`, which is secret",
                        shortened(&label.name)
                    ),
                    "labels are seen by everybody: label something else, or make a part of it secret that the label does not read",
                );
            }
        }
    }
}
