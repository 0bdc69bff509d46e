//! What a definition's expressions read: of each step's result, and of the input.
//!
//! It looks at the resolved definition as JSON, so that every key of the language that holds an
//! expression counts, whichever it is.

use super::shape::Shape;
use banyan_core::Definition;
use banyan_core::Json;
use banyan_core::definition::Kind;
use banyan_core::expr::{Expr, Key, Part, Read, Text, Wanted};
use serde_json::Map;
use std::collections::BTreeMap;

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
    holders: BTreeMap<String, Holder>,
}

/// A step whose result is made of the results of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// An object of its parts' results.
    Group,
    /// A list of results.
    Each,
    /// A list of objects of its parts' results.
    EachOfParts,
}

/// What is known where an expression stands.
#[derive(Clone, Default)]
struct Around<'j> {
    /// The step, where `$result` is its result.
    step: Option<&'j str>,
    /// It is in a leg other than the do.
    in_other_leg: bool,
    /// Variables that stand for an item, and the list that it is of, the innermost last.
    items: Vec<(&'j str, Place)>,
}

/// A variable, and the way from it.
type Place = (String, Vec<Key>);

impl Wants {
    /// What a definition reads.
    pub(super) fn of(definition: &Definition) -> Wants {
        let mut wants = Wants::default();
        definition.each_step(&mut |step| {
            let holder = match &step.kind {
                Kind::Group(_) => Holder::Group,
                Kind::Each(each) if matches!(each.body.kind, Kind::Group(_)) => Holder::EachOfParts,
                Kind::Each(_) => Holder::Each,
                _ => return,
            };
            // The body of an `each` bears its name, and comes after it.
            wants.holders.entry(step.name.clone()).or_insert(holder);
        });
        // A definition was made from JSON and serializes; without it nothing is known.
        let mut whole = serde_json::to_value(definition).unwrap_or_default();
        if let Some(keys) = whole.as_object_mut() {
            keys.remove("input");
        }
        wants.walk(&whole, &Around::default());
        wants
    }

    /// The shape of a step's result.
    pub(super) fn of_step(&self, name: &str) -> Shape {
        self.steps.get(name).cloned().unwrap_or_default()
    }

    fn walk(&mut self, value: &Json, around: &Around<'_>) {
        match value {
            Json::String(text) => self.text(text, around),
            Json::Array(items) => {
                for item in items {
                    self.walk(item, around);
                }
            }
            Json::Object(members) => self.members(members, around),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    fn members(&mut self, members: &Map<String, Json>, around: &Around<'_>) {
        let text = |key: &str| members.get(key).and_then(Json::as_str);
        let mut here = around.clone();
        if members.contains_key("kind") && members.contains_key("path") {
            here.step = text("name");
            here.in_other_leg = false;
        }
        if let (Some(items), Some(item)) = (text("items"), text("item"))
            && let Some(place) = list(items)
        {
            self.note(&place, &Wanted::List, around);
            here.items.push((item, place));
        }
        for (key, value) in members {
            let key = key.as_str();
            let mut there = here.clone();
            there.in_other_leg |= OTHER_LEGS.contains(&key);
            if there.in_other_leg && OVER_ANSWERS.contains(&key) {
                there.step = None;
            }
            if !PLAIN.contains(&key) {
                self.walk(value, &there);
            }
        }
    }

    /// A text may be an expression, or hold some between its words, or be neither.
    fn text(&mut self, text: &str, around: &Around<'_>) {
        if let Ok(expression) = Expr::parse(text) {
            self.reads(expression.reads(), around);
        } else if let Ok(text) = Text::parse(text) {
            for part in text.parts() {
                if let Part::Expr(expression, _) = part {
                    self.reads(expression.reads(), around);
                }
            }
        }
    }

    fn reads(&mut self, reads: Vec<Read>, around: &Around<'_>) {
        for read in reads {
            self.note(&(read.variable, read.path), &read.wanted, around);
        }
    }

    fn note(&mut self, place: &Place, wanted: &Wanted, around: &Around<'_>) {
        let Some((name, path)) = self.resolve(place, around) else {
            return;
        };
        match name.as_str() {
            "input" => self.input.note(&path, wanted),
            "saga" | "key" | "body" | "http" => {}
            _ => self.steps.entry(name).or_default().note(&path, wanted),
        }
    }

    /// The step (or the input) that a place is of: an item is of its list, what is read of a
    /// holder is of its parts.
    fn resolve(&self, place: &Place, around: &Around<'_>) -> Option<Place> {
        let (mut name, mut path) = place.clone();
        if name == "result" {
            return around.step.map(|step| (step.to_owned(), path));
        }
        // A list may itself be of an item further out.
        for (item, (list, way)) in around.items.iter().rev() {
            if *item == name {
                name.clone_from(list);
                path = way.iter().cloned().chain([Key::Item]).chain(path).collect();
            }
        }
        let mut rest = path.as_slice();
        loop {
            match (self.holders.get(&name), rest) {
                (Some(Holder::Group), [Key::Name(part), further @ ..])
                | (Some(Holder::EachOfParts), [Key::Item, Key::Name(part), further @ ..]) => {
                    name.clone_from(part);
                    rest = further;
                }
                (Some(Holder::Each), [Key::Item, further @ ..]) => {
                    return Some((name, further.to_vec()));
                }
                (Some(_), _) => return None,
                (None, _) => return Some((name, rest.to_vec())),
            }
        }
    }
}

/// The list that an expression gives, as far as its text tells.
fn list(expression: &str) -> Option<Place> {
    let reads = Expr::parse(expression).ok()?.reads();
    let last = reads.into_iter().next_back()?;
    let mut path = last.path;
    if path.last() == Some(&Key::Item) {
        path.pop();
    }
    Some((last.variable, path))
}
