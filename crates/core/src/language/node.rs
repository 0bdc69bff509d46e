//! A saga file as a tree in which every key and every value knows its place.
//!
//! It holds what YAML's core schema gives (null, truth values, numbers digit for digit, text,
//! lists, maps in their order with text keys) and nothing else: no anchors, no tags.

use super::pieces::Pieces;
use crate::json::Json;

/// A place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
    /// Characters on that line, at least 1.
    pub(crate) length: usize,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it stands.
    pub(crate) place: Place,
    /// Where the characters of a text stand.
    pub(crate) pieces: Pieces,
    /// What it is.
    pub(crate) value: Value,
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number with its digits.
    Number(serde_json::Number),
    /// Anything else that is one word or text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map in its order; no key stands twice.
    Map(Vec<Entry>),
}

/// A key of a map and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) place: Place,
    /// The value.
    pub(crate) node: Node,
}

impl Node {
    /// The place of a part of its text: `length` bytes from byte `offset` on. The whole node's
    /// place where that cannot be told.
    pub(crate) fn part(&self, offset: usize, length: usize) -> Place {
        let Value::Text(text) = &self.value else {
            return self.place;
        };
        // What is missing at the end is missing behind the last word, not behind the line break.
        let offset = offset.min(text.trim_end().len());
        let part = self.pieces.part(text, offset, length);
        part.unwrap_or(self.place)
    }

    /// It as JSON, as it stands.
    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(truth) => Json::Bool(*truth),
            Value::Number(number) => Json::Number(number.clone()),
            Value::Text(text) => Json::String(text.clone()),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// What kind of value it is, for people.
    pub(crate) fn noun(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// A short word for it in a message: a scalar as it reads, else its kind.
    pub(crate) fn quoted(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(truth) => format!("`{truth}`"),
            Value::Number(number) => format!("`{}`", shortened(&number.to_string())),
            Value::Text(text) => format!("`{}`", shortened(text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    /// Its kind, and it as it reads when it is a scalar.
    pub(crate) fn described(&self) -> String {
        match &self.value {
            Value::Text(_) | Value::Number(_) | Value::Bool(_) => {
                format!("{} {}", self.noun(), self.quoted())
            }
            Value::Null | Value::List(_) | Value::Map(_) => self.noun().to_owned(),
        }
    }

    /// The part of it that a JSON pointer names, or the nearest part around that.
    pub(crate) fn at_pointer(&self, pointer: &str) -> &Node {
        let mut node = self;
        for segment in pointer.split('/').skip(1) {
            let segment = segment.replace("~1", "/").replace("~0", "~");
            let next = match &node.value {
                Value::Map(entries) => entries
                    .iter()
                    .find(|entry| entry.key == segment)
                    .map(|entry| &entry.node),
                Value::List(items) => segment.parse().ok().and_then(|at: usize| items.get(at)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => None,
            };
            match next {
                Some(next) => node = next,
                None => return node,
            }
        }
        node
    }

    /// How many levels of lists and maps are in it: 0 for a scalar.
    pub(crate) fn levels(&self) -> usize {
        match &self.value {
            Value::List(items) => 1 + items.iter().map(Node::levels).max().unwrap_or(0),
            Value::Map(entries) => {
                1 + entries
                    .iter()
                    .map(|entry| entry.node.levels())
                    .max()
                    .unwrap_or(0)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => 0,
        }
    }
}

/// A text cut to what a message can carry, on one line.
pub(crate) fn shortened(text: &str) -> String {
    let mut out: String = text
        .trim_end()
        .chars()
        .take(60)
        .map(|letter| match letter {
            '\n' | '\t' | '\r' => ' ',
            control if control.is_control() => char::REPLACEMENT_CHARACTER,
            letter => letter,
        })
        .collect();
    if text.trim_end().chars().count() > 60 {
        out.push('…');
    }
    out
}
