//! What a definition's expressions read: of each step's result, and of the input.
//!
//! It looks at the resolved definition as JSON, so that every key of the language that holds an
//! expression counts, whichever it is.

use super::shape::Shape;
use banyan_core::Definition;
use banyan_core::Json;
use banyan_core::definition::Kind;
use banyan_core::expr::{Expr, Key, Part, Read, Text};
use std::collections::{BTreeMap, BTreeSet};

/// Conditions over an answer: in a leg other than the do, `$result` is that leg's answer there.
const OVER_ANSWERS: [&str; 3] = ["refused_when", "pending_when", "missing_when"];
/// Legs other than the do.
const OTHER_LEGS: [&str; 3] = ["undo", "check", "confirm"];
/// What holds no expressions.
const PLAIN: [&str; 3] = ["accepts", "description", "hash"];

/// The shapes that a definition's readers want.
#[derive(Debug, Default)]
pub(super) struct Wants {
    /// Of each step's result, by the step's name.
    steps: BTreeMap<String, Shape>,
    /// Of the input.
    pub(super) input: Shape,
    groups: BTreeSet<String>,
}

impl Wants {
    /// What a definition reads.
    pub(super) fn of(definition: &Definition) -> Wants {
        let mut wants = Wants::default();
        definition.each_step(&mut |step| {
            if let Kind::Group(_) = step.kind {
                wants.groups.insert(step.name.clone());
            }
        });
        // A definition was made from JSON and serializes; without it nothing is known.
        let mut whole = serde_json::to_value(definition).unwrap_or_default();
        if let Some(keys) = whole.as_object_mut() {
            keys.remove("input");
        }
        wants.walk(&whole, None, false);
        wants
    }

    /// The shape of a step's result.
    pub(super) fn of_step(&self, name: &str) -> Shape {
        self.steps.get(name).cloned().unwrap_or_default()
    }

    fn walk(&mut self, value: &Json, step: Option<&str>, other_leg: bool) {
        match value {
            Json::String(text) => self.text(text, step),
            Json::Array(items) => {
                for item in items {
                    self.walk(item, step, other_leg);
                }
            }
            Json::Object(members) => {
                let is_step = members.contains_key("kind") && members.contains_key("path");
                let named = members.get("name").and_then(Json::as_str);
                let step = if is_step { named } else { step };
                for (key, value) in members {
                    let other_leg = other_leg || OTHER_LEGS.contains(&key.as_str());
                    let answers = other_leg && OVER_ANSWERS.contains(&key.as_str());
                    if !PLAIN.contains(&key.as_str()) {
                        self.walk(value, step.filter(|_| !answers), other_leg);
                    }
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    /// A text may be an expression, or hold some between its words, or be neither.
    fn text(&mut self, text: &str, step: Option<&str>) {
        if let Ok(expression) = Expr::parse(text) {
            self.reads(&expression.reads(), step);
        } else if let Ok(text) = Text::parse(text) {
            for part in text.parts() {
                if let Part::Expr(expression, _) = part {
                    self.reads(&expression.reads(), step);
                }
            }
        }
    }

    fn reads(&mut self, reads: &[Read], step: Option<&str>) {
        for read in reads {
            let (name, path) = self.resolve(read, step);
            match name {
                Some("input") => self.input.note(path, &read.wanted),
                Some("saga" | "key" | "body" | "http") | None => {}
                Some(name) => {
                    let shape = self.steps.entry(name.to_owned()).or_default();
                    shape.note(path, &read.wanted);
                }
            }
        }
    }

    /// A read of a group is one of its part.
    fn resolve<'r>(&self, read: &'r Read, step: Option<&'r str>) -> (Option<&'r str>, &'r [Key]) {
        let mut name = match read.variable.as_str() {
            "result" => step,
            name => Some(name),
        };
        let mut path = read.path.as_slice();
        while let (Some(group), [Key::Name(part), rest @ ..]) = (name, path) {
            if !self.groups.contains(group) {
                break;
            }
            name = Some(part);
            path = rest;
        }
        (name, path)
    }
}
