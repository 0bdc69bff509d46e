//! JSON as Banyan holds it: numbers digit for digit, objects in their order, and a canonical
//! form under which two texts of the same value are equal.

use sha2::{Digest, Sha256};

/// A JSON value. Numbers keep the digits they were written with.
pub type Json = serde_json::Value;

/// The canonical text of a value: object keys sorted by code point, no white space.
///
/// Numbers are compared as they were written (`1.0` and `1` differ), since Banyan never
/// changes the digits of a number that it only moves.
///
/// ```
/// let a: banyan_core::Json = serde_json::from_str(r#"{"b": 1, "a": [true, null]}"#).unwrap();
/// assert_eq!(banyan_core::json::canonical(&a), r#"{"a":[true,null],"b":1}"#);
/// ```
pub fn canonical(value: &Json) -> String {
    let mut out = Vec::new();
    write_canonical(value, &mut out);
    // JSON that is written here is UTF-8: nothing is replaced.
    String::from_utf8(out)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The text of a value as bytes, object keys in their order: what `Display` writes.
///
/// ```
/// let text = r#"{"b":-1.50e+3,"a":["\u0007 \"é\"",null,{}]}"#;
/// let value: banyan_core::Json = serde_json::from_str(text).unwrap();
/// assert_eq!(banyan_core::json::bytes(&value), text.as_bytes());
/// assert_eq!(value.to_string(), text);
/// ```
pub fn bytes(value: &Json) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

/// How deep a value nests: 0 for one that holds nothing, 1 for `[]`.
///
/// ```
/// let value = serde_json::json!({ "a": [1, [2]] });
/// assert_eq!(banyan_core::json::levels(&value), 3);
/// ```
pub fn levels(value: &Json) -> usize {
    let deepest = match value {
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => return 0,
        Json::Array(items) => items.iter().map(levels).max(),
        Json::Object(members) => members.values().map(levels).max(),
    };
    1 + deepest.unwrap_or(0)
}

/// The lower-case hexadecimal SHA-256 of some bytes.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    push_hex(&Sha256::digest(bytes), &mut text);
    text
}

/// Writes bytes as lower-case hexadecimal digits behind a text.
pub fn push_hex(bytes: &[u8], text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// Straight into the bytes: the way over `Display` formats each piece anew.
fn write<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Memory takes every byte, and texts, numbers and lists of them are always JSON.
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "a value that is no JSON");
}

fn write_canonical(value: &Json, out: &mut Vec<u8>) {
    match value {
        Json::Object(members) => {
            let mut keys: Vec<&String> = members.keys().collect();
            keys.sort_unstable();
            out.push(b'{');
            for (position, key) in keys.into_iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write(key, out);
                out.push(b':');
                write_canonical(&members[key], out);
            }
            out.push(b'}');
        }
        Json::Array(items) => {
            out.push(b'[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_canonical(item, out);
            }
            out.push(b']');
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => write(value, out),
    }
}
