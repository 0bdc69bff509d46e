//! A value as YAML in block form, texts in double quotes.

use crate::json::Json;
use std::fmt::Write;

/// A value as a YAML document.
pub fn render(value: &Json) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out
}

fn block(value: &Json, indent: usize, out: &mut String) {
    match value {
        Json::Object(members) => {
            for (key, value) in members {
                // Writing into a String cannot fail.
                let _ = write!(out, "{:indent$}{}:", "", key_text(key));
                below(value, indent + 2, out);
            }
        }
        Json::Array(items) => {
            for item in items {
                let mut lines = String::new();
                match item {
                    Json::Object(members) if !members.is_empty() => {
                        block(item, indent + 2, &mut lines);
                        lines.replace_range(indent..indent + 1, "-");
                        out.push_str(&lines);
                    }
                    other => {
                        let _ = writeln!(out, "{:indent$}- {other}", "");
                    }
                }
            }
        }
        other => {
            let _ = writeln!(out, "{other}");
        }
    }
}

fn below(value: &Json, indent: usize, out: &mut String) {
    let nested = match value {
        Json::Object(members) => !members.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    };
    if nested {
        out.push('\n');
        block(value, indent, out);
    } else {
        let _ = writeln!(out, " {value}");
    }
}

fn key_text(key: &str) -> String {
    let plain = key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        && !matches!(key, "null" | "true" | "false");
    if plain {
        key.to_owned()
    } else {
        Json::from(key).to_string()
    }
}
