//! JSON as the API takes it: UTF-8, as deep as a payload may nest, no key twice in one object.
//!
//! Parsers disagree about a doubled key, so a body that has one means different things to
//! different readers: it is refused. serde_json bounds the depth of the first pass; the second
//! one runs over text that is known to be well-formed.

use crate::fault::{Answer, Fault};
use banyan_api::{Code, Json};
use banyan_core::json::levels;
use banyan_core::limits::PAYLOAD_LEVELS;
use std::borrow::Cow;
use std::collections::HashSet;

/// Reads a body.
pub(crate) fn parse(bytes: &[u8]) -> Answer<Json> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        malformed(format!("the body is no UTF-8: byte {} is not", at + 1))
    })?;
    if text.trim_ascii().is_empty() {
        return Err(malformed("the body is empty; this call takes JSON".into()));
    }
    let value = serde_json::from_str(text).map_err(|error| malformed(words(&error)))?;
    if levels(&value) > PAYLOAD_LEVELS {
        return Err(malformed(too_deep()));
    }
    match first_repeat(text) {
        None => Ok(value),
        Some(repeat) => {
            let (line, column) = place(text, repeat.offset);
            Err(malformed(format!(
                "the key {:?} stands twice in one object, at line {line} column {column}",
                repeat.key
            )))
        }
    }
}

fn too_deep() -> String {
    format!("the body nests deeper than {PAYLOAD_LEVELS} levels")
}

fn malformed(detail: String) -> Fault {
    Fault::new(Code::MalformedJson, detail)
}

fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("recursion limit exceeded") {
        format!(
            "{}, at line {} column {}",
            too_deep(),
            error.line(),
            error.column()
        )
    } else {
        text
    }
}

struct Repeat<'a> {
    key: Cow<'a, str>,
    offset: usize,
}

/// The first key that stands a second time in its object. The text must be well-formed.
fn first_repeat(text: &str) -> Option<Repeat<'_>> {
    let bytes = text.as_bytes();
    // An array's entry stays empty: strings in it are never followed by a colon.
    let mut keys: Vec<HashSet<Cow<'_, str>>> = Vec::new();
    let mut offset = 0;
    while let Some(&byte) = bytes.get(offset) {
        match byte {
            b'{' | b'[' => keys.push(HashSet::new()),
            b'}' | b']' => {
                keys.pop();
            }
            b'"' => {
                let end = string_end(bytes, offset);
                if is_key(bytes, end) {
                    let key = unescaped(text.get(offset..end)?);
                    if let Some(known) = keys.last_mut()
                        && !known.insert(key.clone())
                    {
                        return Some(Repeat { key, offset });
                    }
                }
                offset = end;
                continue;
            }
            _ => {}
        }
        offset += 1;
    }
    None
}

/// The offset behind the closing quote of the string that opens at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut offset = start + 1;
    while let Some(&byte) = bytes.get(offset) {
        match byte {
            b'\\' => offset += 2,
            b'"' => return offset + 1,
            _ => offset += 1,
        }
    }
    bytes.len()
}

fn is_key(bytes: &[u8], end: usize) -> bool {
    bytes[end.min(bytes.len())..]
        .iter()
        .find(|byte| !byte.is_ascii_whitespace())
        == Some(&b':')
}

/// The text of a quoted string; two spellings of one key are one key.
fn unescaped(quoted: &str) -> Cow<'_, str> {
    let inner = &quoted[1..quoted.len() - 1];
    if inner.contains('\\') {
        serde_json::from_str::<String>(quoted).map_or(Cow::Borrowed(inner), Cow::Owned)
    } else {
        Cow::Borrowed(inner)
    }
}

/// Line and column (in characters), from 1.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (line, before[start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(body: &[u8]) -> String {
        match parse(body) {
            Ok(value) => format!("ok {value}"),
            Err(fault) => fault.problem().detail.clone(),
        }
    }

    #[test]
    fn bodies_are_read_or_refused_with_their_place() {
        let cases: [(&[u8], &str); 11] = [
            (
                br#"{"a": 1.0, "b": [1e400]}"#,
                r#"ok {"a":1.0,"b":[1e+400]}"#,
            ),
            (
                br#"[{"a":1},{"a":2},{"b":{"a":"a"}}]"#,
                r#"ok [{"a":1},{"a":2},{"b":{"a":"a"}}]"#,
            ),
            (
                br#"{"a": ["a:", "a"], "b": "\"a\":"}"#,
                r#"ok {"a":["a:","a"],"b":"\"a\":"}"#,
            ),
            (
                b"{\"a\": 1,\n \"a\": 2}",
                "the key \"a\" stands twice in one object, at line 2 column 2",
            ),
            (
                br#"{"a": 1, "\u0061": 2}"#,
                "the key \"a\" stands twice in one object, at line 1 column 10",
            ),
            (
                br#"{"a": {"b": 1, "b" : 1}}"#,
                "the key \"b\" stands twice in one object, at line 1 column 16",
            ),
            (b"  ", "the body is empty; this call takes JSON"),
            (b"{\"a\": 1,}", "trailing comma at line 1 column 9"),
            (b"{} {}", "trailing characters at line 1 column 4"),
            (
                b"\"a\x00b\"",
                "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 3",
            ),
            (b"\"\xff\"", "the body is no UTF-8: byte 2 is not"),
        ];
        for (body, expected) in cases {
            assert_eq!(detail(body), expected, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn depth_is_bounded_and_costs_no_stack() {
        let deep = "[".repeat(100_000);
        assert!(detail(deep.as_bytes()).starts_with("the body nests deeper than 64 levels, at"));
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(
            detail(nested(65).as_bytes()),
            "the body nests deeper than 64 levels"
        );
        assert!(detail(nested(64).as_bytes()).starts_with("ok "));
    }
}
