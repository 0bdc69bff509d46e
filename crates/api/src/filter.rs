//! Which sagas: the filter of lists and of verbs over many, as the query of an address
//! (`status=stuck&code=undo_refused`) and as the object `filter` of a body. One parser for
//! both; whatever it refuses, it names the key.
//!
//! A key given twice means *or*, different keys mean *and*. It looks at no saga.

use crate::{Json, Moment};
use banyan_core::Timestamp;
use banyan_core::language::suggest::nearest;
use banyan_core::saga::{ReasonCode, Status, StuckCode};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Map;
use std::collections::BTreeMap;
use std::fmt;

/// The keys of a filter, as written; `label.NAME` stands for one of each name.
pub const FILTER_KEYS: [&str; 14] = [
    "definition",
    "version",
    "status",
    "key",
    "step",
    "service",
    "code",
    "owner",
    "label.NAME",
    "started_after",
    "started_before",
    "ended_after",
    "ended_before",
    "stalled",
];

/// Which sagas: alternatives within a key, all keys together. The default selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Json")]
pub struct Filter {
    /// Of these definitions.
    pub definition: Vec<String>,
    /// At these versions.
    pub version: Vec<u32>,
    /// In these statuses.
    pub status: Vec<Status>,
    /// With these start keys.
    pub key: Vec<String>,
    /// Standing at these steps, by their paths; `lines[].reserve` is that of any item.
    pub step: Vec<String>,
    /// Waiting on these services.
    pub service: Vec<String>,
    /// With these reason or stuck codes.
    pub code: Vec<String>,
    /// Looked after by these.
    pub owner: Vec<String>,
    /// With these label values, by name.
    pub label: BTreeMap<String, Vec<String>>,
    /// Accepted after this moment.
    pub started_after: Option<Timestamp>,
    /// Accepted before this moment.
    pub started_before: Option<Timestamp>,
    /// At rest after this moment.
    pub ended_after: Option<Timestamp>,
    /// At rest before this moment.
    pub ended_before: Option<Timestamp>,
    /// Only those that are reported as stalled.
    pub stalled: bool,
}

/// What is wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The key, as it was given; empty when it is the filter as a whole.
    pub key: String,
    /// What is wrong with it, and what it takes.
    pub message: String,
    /// No filter has such a key.
    pub is_unknown: bool,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => f.write_str(&self.message),
            key => write!(f, "{key}: {}", self.message),
        }
    }
}

impl std::error::Error for FilterError {}

impl FilterError {
    fn new(key: &str, message: impl Into<String>) -> FilterError {
        FilterError {
            key: key.to_owned(),
            message: message.into(),
            is_unknown: false,
        }
    }
}

impl Filter {
    /// Reads the query of an address, percent signs decoded.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn of_query(text: &str) -> Result<Filter, FilterError> {
        let mut filter = Filter::default();
        let text = text.strip_prefix('?').unwrap_or(text);
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').ok_or_else(|| {
                FilterError::new(part, "a filter is written KEY=VALUE, several joined by &")
            })?;
            let read =
                |text: &str| percent_decode(text, true).map_err(|why| FilterError::new(text, why));
            filter.add(&read(key)?, &read(value)?)?;
        }
        Ok(filter)
    }

    /// Reads the pairs of a query that is decoded already.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn of_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Filter, FilterError> {
        let mut filter = Filter::default();
        for (key, value) in pairs {
            filter.add(key, value)?;
        }
        Ok(filter)
    }

    /// Reads the object `filter` of a body: a value or an array of values by key.
    ///
    /// # Errors
    /// Every key that is wrong.
    pub fn of_object(members: &Map<String, Json>) -> Result<Filter, Vec<FilterError>> {
        let mut filter = Filter::default();
        let mut errors = Vec::new();
        for (key, given) in members {
            let values = match given {
                Json::Array(values) => values.as_slice(),
                value => std::slice::from_ref(value),
            };
            if values.is_empty() {
                let why = "an empty array selects nothing: give a value, or leave the key out";
                errors.push(FilterError::new(key, why));
            }
            for value in values {
                let added = text_of(key, value).and_then(|text| filter.add(key, &text));
                errors.extend(added.err());
            }
        }
        if errors.is_empty() {
            Ok(filter)
        } else {
            Err(errors)
        }
    }

    /// It selects everything.
    pub fn is_all(&self) -> bool {
        *self == Filter::default()
    }

    /// Its keys and values in the order of [`FILTER_KEYS`], as a query has them.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        let mut push = |key: &str, value: String| pairs.push((key.to_owned(), value));
        let each = |push: &mut dyn FnMut(&str, String), key: &str, values: &[String]| {
            values.iter().for_each(|value| push(key, value.clone()));
        };
        each(&mut push, "definition", &self.definition);
        self.version
            .iter()
            .for_each(|version| push("version", version.to_string()));
        self.status
            .iter()
            .for_each(|status| push("status", status.as_str().to_owned()));
        each(&mut push, "key", &self.key);
        each(&mut push, "step", &self.step);
        each(&mut push, "service", &self.service);
        each(&mut push, "code", &self.code);
        each(&mut push, "owner", &self.owner);
        for (name, values) in &self.label {
            each(&mut push, &format!("label.{name}"), values);
        }
        let moments = [
            ("started_after", self.started_after),
            ("started_before", self.started_before),
            ("ended_after", self.ended_after),
            ("ended_before", self.ended_before),
        ];
        for (key, at) in moments {
            if let Some(at) = at {
                push(key, at.to_string());
            }
        }
        if self.stalled {
            push("stalled", "true".to_owned());
        }
        pairs
    }

    /// It as an object: a value by key, an array where there are several.
    pub fn object(&self) -> Map<String, Json> {
        let mut members: Map<String, Json> = Map::new();
        for (key, value) in self.pairs() {
            let value = Json::String(value);
            match members.get_mut(&key) {
                None => {
                    members.insert(key, value);
                }
                Some(Json::Array(values)) => values.push(value),
                Some(first) => *first = Json::Array(vec![first.take(), value]),
            }
        }
        members
    }

    fn add(&mut self, key: &str, value: &str) -> Result<(), FilterError> {
        let wrong = |why: String| FilterError::new(key, why);
        match key {
            "definition" => self.definition.push(value.to_owned()),
            "key" => self.key.push(value.to_owned()),
            "step" => self.step.push(value.to_owned()),
            "service" => self.service.push(value.to_owned()),
            "code" => self.code.push(code(value).map_err(wrong)?),
            "owner" => self.owner.push(value.to_owned()),
            "version" => self.version.push(version(value).map_err(wrong)?),
            "status" => self.status.push(status(value).map_err(wrong)?),
            "started_after" => once(&mut self.started_after, value).map_err(wrong)?,
            "started_before" => once(&mut self.started_before, value).map_err(wrong)?,
            "ended_after" => once(&mut self.ended_after, value).map_err(wrong)?,
            "ended_before" => once(&mut self.ended_before, value).map_err(wrong)?,
            "stalled" if value == "true" => self.stalled = true,
            "stalled" => {
                return Err(wrong(format!(
                    "{value:?} is not true: leave it out instead"
                )));
            }
            _ => match key.strip_prefix("label.") {
                Some(name) if !name.is_empty() => {
                    let values = self.label.entry(name.to_owned()).or_default();
                    values.push(value.to_owned());
                }
                Some(_) | None => {
                    return Err(FilterError {
                        is_unknown: true,
                        ..wrong(format!("no filter; there are {}", FILTER_KEYS.join(", ")))
                    });
                }
            },
        }
        Ok(())
    }
}

impl TryFrom<Json> for Filter {
    type Error = FilterError;

    fn try_from(value: Json) -> Result<Filter, FilterError> {
        let Json::Object(members) = &value else {
            return Err(FilterError::new("", "a filter is an object"));
        };
        Filter::of_object(members).map_err(|mut errors| errors.swap_remove(0))
    }
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object().serialize(serializer)
    }
}

impl utoipa::PartialSchema for Filter {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        let words = "Which sagas: keys as in the query of GET /v1/sagas, each with a value or an \
                     array of values.";
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(words))
            .into()
    }
}

impl utoipa::ToSchema for Filter {}

fn text_of(key: &str, value: &Json) -> Result<String, FilterError> {
    match value {
        Json::String(text) => Ok(text.clone()),
        Json::Number(number) => Ok(number.to_string()),
        Json::Bool(flag) => Ok(flag.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => Err(FilterError::new(
            key,
            format!("{value} is no value: give a text, or an array of texts"),
        )),
    }
}

fn version(text: &str) -> Result<u32, String> {
    let version = text.parse().ok().filter(|version| *version > 0);
    version.ok_or_else(|| format!("{text:?} is no version: a whole number from 1"))
}

fn status(text: &str) -> Result<Status, String> {
    let word = one_of(text, &Status::ALL.map(Status::as_str))?;
    let mut all = Status::ALL.into_iter();
    let known = all.find(|status| status.as_str() == word);
    known.ok_or_else(|| format!("{text:?} is no status"))
}

fn code(text: &str) -> Result<String, String> {
    let known: Vec<&str> = known_codes().collect();
    one_of(text, &known).map(str::to_owned)
}

/// Why sagas turn back or are stuck: the codes that a saga can have, each once.
pub fn known_codes() -> impl Iterator<Item = &'static str> {
    let reasons = ReasonCode::ALL.map(ReasonCode::as_str);
    let stuck = StuckCode::ALL.map(StuckCode::as_str).into_iter();
    let others = stuck.filter(move |code| !reasons.contains(code));
    reasons.into_iter().chain(others)
}

/// The word among those that are known.
///
/// # Errors
/// That it is none of them, which there are, and which is near.
pub fn one_of<'k>(text: &str, known: &[&'k str]) -> Result<&'k str, String> {
    if let Some(word) = known.iter().find(|word| **word == text) {
        return Ok(word);
    }
    let near = nearest(text, known.iter().copied());
    let meant = near.map(|near| format!("; did you mean {near}?"));
    Err(format!(
        "{text:?} is none of {}{}",
        known.join(", "),
        meant.unwrap_or_default()
    ))
}

fn once(moment: &mut Option<Timestamp>, text: &str) -> Result<(), String> {
    if moment.is_some() {
        return Err("it may be given once only".to_owned());
    }
    let read: Moment = text
        .parse()
        .map_err(|error: crate::moment::InvalidMoment| format!("{text:?}: {error}"))?;
    *moment = Some(read.0);
    Ok(())
}

/// Decodes percent signs, and pluses where they mean spaces.
///
/// # Errors
/// Why the text cannot be decoded.
pub fn percent_decode(text: &str, plus_is_space: bool) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' if plus_is_space => bytes.push(b' '),
            b'%' => {
                let digits = (rest.next().and_then(hex), rest.next().and_then(hex));
                let (Some(high), Some(low)) = digits else {
                    return Err("a percent sign is followed by two hexadecimal digits");
                };
                bytes.push(high * 16 + low);
            }
            other => bytes.push(other),
        }
    }
    let decoded = String::from_utf8(bytes).map_err(|_| "it is no UTF-8")?;
    if decoded.contains('\0') {
        return Err("it holds a NUL");
    }
    Ok(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_query_and_an_object_with_the_same_keys_are_the_same_filter() {
        let query = "definition=a&definition=b&version=3&status=stuck&status=running&key=k%26&\
                     step=s&service=x&code=undo_refused&owner=Ada+L&label.city=Ghent&\
                     started_after=2026-11-21T12:00:00%2B02:00&stalled=true";
        let object = json!({
            "definition": ["a", "b"], "version": 3, "status": ["stuck", "running"], "key": "k&",
            "step": "s", "service": "x", "code": ["undo_refused"], "owner": "Ada L",
            "label.city": "Ghent", "started_after": "2026-11-21T10:00:00Z", "stalled": true,
        });
        let filter = Filter::of_query(query).unwrap();
        assert_eq!(serde_json::from_value::<Filter>(object).unwrap(), filter);
        let pairs = filter.pairs();
        let pairs = pairs.iter().map(|(key, value)| (&**key, &**value));
        assert_eq!(Filter::of_pairs(pairs).unwrap(), filter);
        let written = serde_json::to_value(&filter).unwrap();
        assert_eq!(serde_json::from_value::<Filter>(written).unwrap(), filter);
        assert!(Filter::of_query("").unwrap().is_all());
        assert!(Filter::of_object(&Map::new()).unwrap().is_all());
        assert!(!filter.is_all());
    }

    #[test]
    fn whatever_is_wrong_is_told_with_its_key() {
        for (query, words) in [
            ("stutus=stuck", "stutus: no filter; there are definition, "),
            ("label.=x", "label.: no filter"),
            ("status=done", "status: \"done\" is none of running, "),
            ("code=paused", "code: \"paused\" is none of refused, "),
            ("version=0", "version: \"0\" is no version"),
            ("status", "status: a filter is written KEY=VALUE"),
            ("ended_before=now", "ended_before: \"now\": a moment is"),
            ("stalled=false", "stalled: \"false\" is not true"),
            ("key=%zz", "%zz: a percent sign"),
            (
                "ended_after=2026-11-21T10:00:00Z&ended_after=2026-11-21T10:00:00Z",
                "ended_after: it may be given once only",
            ),
        ] {
            let error = Filter::of_query(query).unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
        for (query, near) in [
            ("code=undo_refuse", "did you mean undo_refused?"),
            ("status=stick", "did you mean stuck?"),
        ] {
            let error = Filter::of_query(query).unwrap_err().to_string();
            assert!(error.ends_with(near), "{error}");
        }
        for code in known_codes() {
            assert!(Filter::of_query(&format!("code={code}")).is_ok(), "{code}");
        }
        let object = json!({"a": 1, "status": [], "key": {}, "version": ["x"]});
        let errors = Filter::of_object(object.as_object().unwrap()).unwrap_err();
        let keys: Vec<&str> = errors.iter().map(|error| error.key.as_str()).collect();
        assert_eq!(keys, ["a", "status", "key", "version"], "{errors:?}");
        assert!(serde_json::from_value::<Filter>(json!("stuck")).is_err());
    }
}
