//! Sentences about what changed.

use crate::Json;

/// How much of a value a sentence quotes, in characters.
const MOST: usize = 80;

/// A value within a sentence: text as it is, anything else as JSON, cut where it is long.
pub(super) fn quoted(value: &Json) -> String {
    let text = match value {
        Json::String(text) => text.replace('\n', " "),
        other => other.to_string(),
    };
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Of a key of the document.
pub(super) fn became(what: &str, from: &Json, to: &Json) -> String {
    match (from, to) {
        (Json::Null, to) => format!("{what}: new, {}", quoted(to)),
        (from, Json::Null) => format!("{what}: gone, it was {}", quoted(from)),
        (from, to) => format!("{what}: {} became {}", quoted(from), quoted(to)),
    }
}

/// Of a part of something.
pub(super) fn changed(subject: &str, part: &str, from: &Json, to: &Json) -> String {
    match (from, to) {
        (Json::Null, to) => format!("{subject}: {part} is new: {}", quoted(to)),
        (from, Json::Null) => format!("{subject}: {part} is gone, it was {}", quoted(from)),
        (from, to) => format!(
            "{subject}: {part} changed from {} to {}",
            quoted(from),
            quoted(to)
        ),
    }
}
