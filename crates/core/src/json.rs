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
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

/// The lower-case hexadecimal SHA-256 of some bytes.
pub fn sha256_hex(bytes: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: u8| [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
    Sha256::digest(bytes)
        .iter()
        .flat_map(|byte| digits(*byte))
        .map(char::from)
        .collect()
}

fn write_canonical(value: &Json, out: &mut String) {
    match value {
        Json::Object(members) => {
            let mut keys: Vec<&String> = members.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (position, key) in keys.into_iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                out.push_str(&Json::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(&members[key], out);
            }
            out.push('}');
        }
        Json::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            out.push_str(&value.to_string());
        }
    }
}
