//! Reads the fields of a JSON body one by one and gathers every fault with its pointer.
//!
//! The API's bodies are small objects; taking their fields out moves the payload instead of
//! copying it, and tells all that is wrong at once.

use crate::fault::{Answer, Fault};
use banyan_api::{Code, FieldError, Json};
use banyan_core::limits::TIMER_MAX_MS;
use banyan_core::time::Duration;
use serde_json::Map;

/// The fields of a body that were not read yet, and the faults found.
pub(crate) struct Fields {
    members: Map<String, Json>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// The fields of an object.
    pub(crate) fn of(body: Json) -> Answer<Fields> {
        match body {
            Json::Object(members) => Ok(Fields {
                members,
                known: Vec::new(),
                errors: Vec::new(),
            }),
            other => Err(Fault::new(
                Code::InvalidBody,
                format!("the body must be an object, not {}", kind(&other)),
            )),
        }
    }

    /// Takes a field out; null counts as absent.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Json> {
        self.known.push(name);
        self.members.remove(name).filter(|value| !value.is_null())
    }

    /// Takes a field as it is, null when it is absent.
    pub(crate) fn value(&mut self, name: &'static str) -> Json {
        self.take(name).unwrap_or(Json::Null)
    }

    /// A text that must be there.
    pub(crate) fn text(&mut self, name: &'static str) -> String {
        match self.optional_text(name) {
            Some(text) => text,
            None if self.is_faulty(name) => String::new(),
            None => {
                self.fault(name, format!("{name} is missing: give a string"));
                String::new()
            }
        }
    }

    /// A text, if it is there.
    pub(crate) fn optional_text(&mut self, name: &'static str) -> Option<String> {
        match self.take(name)? {
            Json::String(text) => Some(text),
            other => {
                self.fault(
                    name,
                    format!("{name} must be a string, not {}", kind(&other)),
                );
                None
            }
        }
    }

    /// A truth value that must be there when `required`, else false.
    pub(crate) fn flag(&mut self, name: &'static str, required: bool) -> bool {
        match self.take(name) {
            Some(Json::Bool(flag)) => flag,
            Some(other) => {
                let message = format!("{name} must be true or false, not {}", kind(&other));
                self.fault(name, message);
                false
            }
            None => {
                if required {
                    self.fault(name, format!("{name} is missing"));
                }
                false
            }
        }
    }

    /// A version, if it is there: a whole number from 1.
    pub(crate) fn version(&mut self, name: &'static str) -> Option<u32> {
        let value = self.take(name)?;
        let version = value.as_u64().and_then(|number| u32::try_from(number).ok());
        if version.is_none_or(|version| version == 0) {
            self.fault(
                name,
                format!("{name} must be a whole number from 1, not {value}"),
            );
        }
        version
    }

    /// A duration, if it is there; as long as one of the language may be.
    pub(crate) fn duration(&mut self, name: &'static str) -> Option<Duration> {
        let text = self.optional_text(name)?;
        let shown: String = text.chars().take(80).collect();
        match text.parse::<Duration>() {
            Ok(duration) if (1..=TIMER_MAX_MS).contains(&duration.millis()) => {
                return Some(duration);
            }
            Ok(_) => {
                let most = Duration::from_millis(TIMER_MAX_MS);
                self.fault(
                    name,
                    format!("{name} is {shown:?}: it is from 1ms to {most}"),
                );
            }
            Err(error) => self.fault(name, format!("{name} is {shown:?}: {error}")),
        }
        None
    }

    /// Says that a field is wrong.
    pub(crate) fn fault(&mut self, name: &str, message: impl Into<String>) {
        let place = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        self.errors
            .push(FieldError::at(Code::InvalidBody, place, message));
    }

    /// Has this field been found wrong?
    pub(crate) fn is_faulty(&self, name: &str) -> bool {
        let pointer = pointer(name);
        self.errors.iter().any(|error| error.pointer == pointer)
    }

    /// Ends the reading: what is left over is a fault too.
    pub(crate) fn end(mut self) -> Answer<()> {
        let left: Vec<String> = self.members.keys().cloned().collect();
        for name in left {
            let known = self.known.join(", ");
            self.fault(
                &name,
                format!("the call takes no field {name:?}; it takes {known}"),
            );
        }
        match self.errors.first() {
            None => Ok(()),
            Some(first) => {
                let detail = first.message.clone();
                Err(Fault::new(Code::InvalidBody, detail).with_errors(self.errors))
            }
        }
    }
}

fn pointer(name: &str) -> Option<String> {
    Some(format!("/{name}"))
}

/// What a value is, in words.
fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a truth value",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
