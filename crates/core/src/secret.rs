//! Secrets of a definition: the places of values that nobody is to see.
//!
//! A [`SecretPath`] names a place (`$result.token`, `$input.cards[].number`), masks what is
//! there, and says what it holds. Who is shown what, [`crate::saga`] knows.

use crate::expr::Key;
use crate::json::Json;
use serde::{Deserialize, Serialize};

/// What stands where a secret was.
pub const MASK: &str = "***";

/// Texts of fewer characters are masked in their places only, and not wherever they come up:
/// half of every message would be.
const TELLING: usize = 4;

/// The place of a value that nobody is to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretPath {
    /// The variable that holds it, without its `$`.
    pub variable: String,
    /// The way from there.
    pub path: Vec<Key>,
}

impl SecretPath {
    /// Reads `$result.token`, `$input.cards[].number` or `$body."card-number"`.
    ///
    /// # Errors
    /// In words, when it is no path.
    pub fn parse(text: &str) -> Result<SecretPath, String> {
        let wrong = || {
            format!(
                "{text:?} is no path: write a variable and the way to the value, such as `$result.token` or `$input.cards[].number`"
            )
        };
        let mut rest = text.strip_prefix('$').ok_or_else(wrong)?;
        let variable = name(&mut rest).ok_or_else(wrong)?;
        let mut path = Vec::new();
        while !rest.is_empty() {
            let key = key(&mut rest).ok_or_else(wrong)?;
            path.push(key);
        }
        Ok(SecretPath { variable, path })
    }

    /// Either leads to the other, or both to the same: reading the one shows something of the
    /// other.
    pub fn meets(&self, variable: &str, path: &[Key]) -> bool {
        self.variable == variable && self.path.iter().zip(path).all(|(one, other)| one == other)
    }

    /// Masks what is there. Nothing (null) stays nothing.
    pub fn mask(&self, value: &mut Json) {
        visit(value, &self.path, &mut |secret| {
            if !secret.is_null() {
                *secret = Json::from(MASK);
            }
        });
    }

    /// Adds the texts that would tell what is there.
    pub fn texts(&self, value: &Json, found: &mut Vec<String>) {
        look(value, &self.path, found);
    }
}

impl TryFrom<String> for SecretPath {
    type Error = String;

    fn try_from(text: String) -> Result<SecretPath, String> {
        SecretPath::parse(&text)
    }
}

impl From<SecretPath> for String {
    fn from(secret: SecretPath) -> String {
        let mut text = format!("${}", secret.variable);
        for key in secret.path {
            match key {
                Key::Item => text.push_str("[]"),
                Key::Name(name) => {
                    text.push('.');
                    text.push_str(&Json::from(name).to_string());
                }
            }
        }
        text
    }
}

/// Masks every text that holds one of these, wherever it stands.
pub fn mask_texts(value: &mut Json, texts: &[String]) {
    match value {
        Json::String(text) => *text = masked_text(text, texts),
        Json::Array(items) => items.iter_mut().for_each(|item| mask_texts(item, texts)),
        Json::Object(members) => members
            .values_mut()
            .for_each(|member| mask_texts(member, texts)),
        // A number has no part that could be masked: it is a secret as a whole, or none.
        Json::Number(number) => {
            let number = number.to_string();
            if texts.contains(&number) {
                *value = Json::String(MASK.to_owned());
            }
        }
        Json::Null | Json::Bool(_) => {}
    }
}

/// A text in which none of these stands any more.
pub fn masked_text(text: &str, texts: &[String]) -> String {
    texts
        .iter()
        .fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
}

fn name(rest: &mut &str) -> Option<String> {
    let plain = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let end = rest.find(|character| !plain(character));
    let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
    *rest = after;
    (!name.is_empty()).then(|| name.to_owned())
}

fn key(rest: &mut &str) -> Option<Key> {
    if let Some(after) = rest.strip_prefix("[]") {
        *rest = after;
        return Some(Key::Item);
    }
    let after = rest.strip_prefix('.')?;
    *rest = after;
    if !after.starts_with('"') {
        return name(rest).map(Key::Name);
    }
    let mut quoted = serde_json::Deserializer::from_str(after).into_iter::<String>();
    let name = quoted.next()?.ok()?;
    *rest = &after[quoted.byte_offset()..];
    Some(Key::Name(name))
}

fn visit(value: &mut Json, path: &[Key], at: &mut dyn FnMut(&mut Json)) {
    let Some((first, rest)) = path.split_first() else {
        return at(value);
    };
    match (first, value) {
        (Key::Name(name), Json::Object(members)) => {
            if let Some(member) = members.get_mut(name) {
                visit(member, rest, at);
            }
        }
        (Key::Item, Json::Array(items)) => items.iter_mut().for_each(|item| visit(item, rest, at)),
        (Key::Item, Json::Object(members)) => members
            .values_mut()
            .for_each(|member| visit(member, rest, at)),
        (Key::Name(_) | Key::Item, _) => {}
    }
}

fn look(value: &Json, path: &[Key], found: &mut Vec<String>) {
    let all = |found: &mut Vec<String>, inner: &mut dyn Iterator<Item = &Json>, rest: &[Key]| {
        for value in inner {
            look(value, rest, found);
        }
    };
    match (path.split_first(), value) {
        (None, Json::String(text)) => tell(text.clone(), found),
        (None, Json::Number(number)) => tell(number.to_string(), found),
        (None, Json::Array(items)) => all(found, &mut items.iter(), &[]),
        (None, Json::Object(members)) => all(found, &mut members.values(), &[]),
        (Some((Key::Name(name), rest)), Json::Object(members)) => {
            all(found, &mut members.get(name).into_iter(), rest);
        }
        (Some((Key::Item, rest)), Json::Array(items)) => all(found, &mut items.iter(), rest),
        (Some((Key::Item, rest)), Json::Object(members)) => {
            all(found, &mut members.values(), rest);
        }
        (None, Json::Null | Json::Bool(_)) | (Some(_), _) => {}
    }
}

fn tell(text: String, found: &mut Vec<String>) {
    if text.chars().count() >= TELLING && !found.contains(&text) {
        // In a message a value often stands as JSON, with its quotes escaped.
        let quoted = Json::from(text.as_str()).to_string();
        let inner = quoted[1..quoted.len() - 1].to_owned();
        if inner != text {
            found.push(inner);
        }
        found.push(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_is_read_and_written_as_it_is() {
        for text in [
            "$result",
            "$result.token",
            "$input.cards[].number",
            "$body.\"a-b\".c",
        ] {
            let path = SecretPath::parse(text).unwrap();
            let written = String::from(path.clone());
            assert_eq!(SecretPath::parse(&written).unwrap(), path, "{written}");
        }
        for text in [
            "result.token",
            "$",
            "$result.",
            "$result[0]",
            "$a | .b",
            "$a.\"b",
            "$a b",
        ] {
            assert!(SecretPath::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_there_is_masked_and_told() {
        let path = SecretPath::parse("$input.cards[].number").unwrap();
        let mut value = json!({ "cards": [{ "number": "4111-1", "cvv": 1 }, { "number": null }] });
        let mut texts = Vec::new();
        path.texts(&value, &mut texts);
        assert_eq!(texts, ["4111-1"]);
        path.mask(&mut value);
        assert_eq!(
            value,
            json!({ "cards": [{ "number": MASK, "cvv": 1 }, { "number": null }] })
        );
        let mut told = json!({ "said": ["card 4111-1 declined", 4] });
        mask_texts(&mut told, &texts);
        assert_eq!(told, json!({ "said": ["card *** declined", 4] }));
    }

    #[test]
    fn a_path_meets_what_is_around_it_and_in_it() {
        let path = SecretPath::parse("$input.card.number").unwrap();
        for (other, meets) in [
            ("$input", true),
            ("$input.card", true),
            ("$input.card.number.x", true),
            ("$input.card.name", false),
            ("$result.card", false),
        ] {
            let other = SecretPath::parse(other).unwrap();
            assert_eq!(path.meets(&other.variable, &other.path), meets, "{other:?}");
        }
    }
}
