//! What a value must look like to please those who read it, and a value that does.

use banyan_core::Json;
use banyan_core::expr::{Key, Wanted};
use serde_json::{Map, json};

/// Names of members that say who a thing is: they are called after their owner.
const IDENTITIES: [&str; 4] = ["id", "key", "number", "reference"];

/// The shape of a value, as far as its readers tell.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    wanted: Vec<Wanted>,
    members: Vec<(String, Shape)>,
    item: Option<Box<Shape>>,
}

impl Shape {
    /// Somebody reads this place, and seems to want this there.
    pub(super) fn note(&mut self, path: &[Key], wanted: &Wanted) {
        match path {
            [] => self.wanted.push(wanted.clone()),
            [Key::Name(name), rest @ ..] => self.member(name).note(rest, wanted),
            [Key::Item, rest @ ..] => self.item.get_or_insert_default().note(rest, wanted),
        }
    }

    /// Nobody reads anything of it.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.item.is_none() && self.wanted.iter().all(is_vague)
    }

    /// The members that are read.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &Shape)> {
        self.members
            .iter()
            .map(|(name, shape)| (name.as_str(), shape))
    }

    /// The member of this name, when it is read.
    pub(super) fn get(&self, name: &str) -> Option<&Shape> {
        let mut members = self.members();
        members.find(|(known, _)| *known == name).map(|(_, it)| it)
    }

    /// The items, when they are read.
    pub(super) fn item(&self) -> Option<&Shape> {
        self.item.as_deref()
    }

    fn member(&mut self, name: &str) -> &mut Shape {
        let known = self.members.iter().position(|(known, _)| known == name);
        let position = known.unwrap_or_else(|| {
            self.members.push((name.to_owned(), Shape::default()));
            self.members.len() - 1
        });
        &mut self.members[position].1
    }

    /// A value of this shape. `owner` is whom an `id` is called after, `name` what the value
    /// itself is called, `count` tells one such value from the next.
    pub(super) fn value(&self, owner: &str, name: &str, count: u64) -> Json {
        if !self.members.is_empty() {
            let members = self.members.iter();
            let object: Map<String, Json> = members
                .map(|(member, shape)| (member.clone(), shape.value(owner, member, count)))
                .collect();
            return Json::Object(object);
        }
        if let Some(item) = &self.item {
            let called = name.strip_suffix('s').unwrap_or(name);
            return json!([item.value(called, called, 1), item.value(called, called, 2)]);
        }
        let said = self.wanted.iter().find(|wanted| !is_vague(wanted));
        match said {
            Some(Wanted::Number | Wanted::Compared(Json::Number(_))) => json!(1),
            Some(Wanted::Compared(Json::Bool(_))) => json!(true),
            Some(Wanted::List | Wanted::Compared(Json::Array(_))) => json!([]),
            Some(Wanted::Object | Wanted::Compared(Json::Object(_))) => json!({}),
            _ if IDENTITIES.contains(&name) => json!(format!("{owner}-{count}")),
            _ => json!(format!("{name}-{count}")),
        }
    }
}

/// It tells nothing of what the value is.
fn is_vague(wanted: &Wanted) -> bool {
    matches!(wanted, Wanted::Anything | Wanted::Compared(Json::Null))
}
