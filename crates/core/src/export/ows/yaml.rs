//! JSON written as YAML in block form, in its own order.
//!
//! Numbers and safe words stand plain; any other text stands in quotes, so that no reader of
//! YAML 1.1 or 1.2 takes it for something else.

use crate::Json;
use std::fmt::Write;

/// Words that some version of YAML reads as something else than text.
const TAKEN: [&str; 10] = [
    "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan",
];

/// The value as a YAML document.
pub(super) fn written(value: &Json) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out
}

/// A value on lines of its own, at this depth.
fn block(value: &Json, depth: usize, out: &mut String) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                indent(depth, out);
                entry(key, value, depth, out);
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for item in items {
                indent(depth, out);
                list_item(item, depth, out);
            }
        }
        _ => {
            indent(depth, out);
            let _ = writeln!(out, "{}", scalar(value));
        }
    }
}

/// The first member of a map stands beside the dash.
fn list_item(item: &Json, depth: usize, out: &mut String) {
    match item {
        Json::Object(members) if !members.is_empty() => {
            for (position, (key, value)) in members.iter().enumerate() {
                if position == 0 {
                    out.push_str("- ");
                } else {
                    indent(depth + 1, out);
                }
                entry(key, value, depth + 1, out);
            }
        }
        Json::Array(items) if !items.is_empty() => {
            out.push_str("-\n");
            block(item, depth + 1, out);
        }
        _ => {
            let _ = writeln!(out, "- {}", scalar(item));
        }
    }
}

fn entry(key: &str, value: &Json, depth: usize, out: &mut String) {
    let key = text(key);
    let nested = match value {
        Json::Object(members) => !members.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    };
    if nested {
        let _ = writeln!(out, "{key}:");
        block(value, depth + 1, out);
    } else {
        let _ = writeln!(out, "{key}: {}", scalar(value));
    }
}

fn indent(depth: usize, out: &mut String) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

fn scalar(value: &Json) -> String {
    match value {
        Json::String(value) => text(value),
        other => other.to_string(),
    }
}

fn text(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.' | ' ');
    let safe = value.starts_with(|c: char| c.is_ascii_alphabetic())
        && !value.ends_with(' ')
        && value.chars().all(plain)
        && !TAKEN.contains(&value.to_ascii_lowercase().as_str());
    let printable =
        |c: char| c == ' ' || (!c.is_control() && !c.is_whitespace() && c != '\u{feff}');
    if safe {
        value.to_owned()
    } else if value.chars().all(printable) {
        format!("'{}'", value.replace('\'', "''"))
    } else {
        Json::String(value.to_owned()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_reads_as_the_same_value() {
        for value in [
            json!({ "a": [1, 2.50, -3], "b": { "c": [], "d": {} }, "e": null, "f": true }),
            json!({ "do": [{ "x": { "call": "http" }, "y": [[1], [{ "z": 2 }]] }] }),
            json!({ "true": "yes", "n": "null", "1": "1", "": "", " a": "a ", "é": "it's" }),
            json!({ "lines": "a\nb\t\"c\" \\", "e": "${ \"\\($workflow.id)-x\" }", "c": "a: b # c" }),
            json!({ "dash": "- a", "at": "@x", "x": "0x1f", "d": "2026-01-01", "tilde": "~" }),
        ] {
            let yaml = written(&value);
            assert_eq!(crate::language::tree(&yaml), value, "{yaml}");
        }
    }
}
