//! What differs between two JSON Schemas, told by the members that they describe.

use super::{Difference, words};
use crate::Json;
use crate::definition::Step;
use serde_json::Map;
use std::collections::BTreeSet;

/// Compares the schemas behind a key of the document or of a step.
pub(super) fn compare(
    key: &str,
    step: Option<&Step>,
    from: Option<&Json>,
    to: Option<&Json>,
    found: &mut Vec<Difference>,
) {
    let subject = match step {
        Some(step) => format!("{}: {key}", step.name),
        None => key.to_owned(),
    };
    let mut comparison = Comparison {
        key,
        path: step.map(|step| step.path.clone()),
        subject,
        found,
    };
    match (from, to) {
        (Some(Json::Object(from)), Some(Json::Object(to))) => comparison.objects("", from, to),
        (from, to) => {
            let (from, to) = (from.cloned(), to.cloned());
            comparison.value("", "its schema", from, to);
        }
    }
}

struct Comparison<'f> {
    key: &'f str,
    path: Option<String>,
    subject: String,
    found: &'f mut Vec<Difference>,
}

impl Comparison<'_> {
    /// Two schemas of what stands at `member`. The schemas' depth is bounded by the file's.
    fn objects(&mut self, member: &str, from: &Map<String, Json>, to: &Map<String, Json>) {
        let mut keys: Vec<&String> = to.keys().collect();
        keys.extend(from.keys().filter(|key| !to.contains_key(*key)));
        for key in keys {
            let (was, is) = (from.get(key), to.get(key));
            match (key.as_str(), was, is) {
                _ if was == is => {}
                ("required", _, _) => self.required(member, was, is),
                ("properties", Some(Json::Object(was)), Some(Json::Object(is))) => {
                    self.properties(member, was, is);
                }
                ("items", Some(Json::Object(was)), Some(Json::Object(is))) => {
                    self.objects(&format!("{member}[]"), was, is);
                }
                (key, was, is) => self.value(member, key, was.cloned(), is.cloned()),
            }
        }
    }

    fn required(&mut self, member: &str, was: Option<&Json>, is: Option<&Json>) {
        let names = |list: Option<&Json>| -> BTreeSet<String> {
            let items = list.and_then(Json::as_array).into_iter().flatten();
            items
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect()
        };
        let (was, is) = (names(was), names(is));
        for name in is.difference(&was) {
            let name = inside(member, name);
            let message = format!("`{name}` is required now");
            self.add(&name, "required", false.into(), true.into(), &message);
        }
        for name in was.difference(&is) {
            let name = inside(member, name);
            let message = format!("`{name}` is no longer required");
            self.add(&name, "required", true.into(), false.into(), &message);
        }
    }

    fn properties(&mut self, member: &str, was: &Map<String, Json>, is: &Map<String, Json>) {
        for (name, new) in is {
            let member = inside(member, name);
            match was.get(name) {
                None => {
                    let message = format!("`{member}` is described now: {}", words::quoted(new));
                    self.add(&member, "schema", Json::Null, new.clone(), &message);
                }
                Some(old) if old == new => {}
                Some(Json::Object(old)) if new.is_object() => {
                    let new = new.as_object().cloned().unwrap_or_default();
                    self.objects(&member, old, &new);
                }
                Some(old) => self.value(&member, "schema", Some(old.clone()), Some(new.clone())),
            }
        }
        for (name, old) in was.iter().filter(|(name, _)| !is.contains_key(*name)) {
            let member = inside(member, name);
            let message = format!("`{member}` is no longer described");
            self.add(&member, "schema", old.clone(), Json::Null, &message);
        }
    }

    fn value(&mut self, member: &str, keyword: &str, was: Option<Json>, is: Option<Json>) {
        if was == is {
            return;
        }
        let (was, is) = (was.unwrap_or_default(), is.unwrap_or_default());
        let of = if member.is_empty() {
            String::new()
        } else {
            format!(" of `{member}`")
        };
        let part = format!("{keyword}{of}");
        let message = words::changed("", &part, &was, &is);
        self.add(member, keyword, was, is, message.trim_start_matches(": "));
    }

    fn add(&mut self, member: &str, keyword: &str, from: Json, to: Json, message: &str) {
        let parts = [self.key, member, keyword];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        self.found.push(Difference {
            path: self.path.clone(),
            what: parts.join("."),
            from,
            to,
            message: format!("{}: {message}", self.subject),
        });
    }
}

fn inside(member: &str, name: &str) -> String {
    if member.is_empty() {
        name.to_owned()
    } else {
        format!("{member}.{name}")
    }
}
