//! What a plain word means: YAML 1.2's core schema, with numbers digit for digit.
//!
//! `yes`, `no`, `on` and `off` are texts. `.inf` and `.nan` are refused: JSON has neither.

use super::node::Value;
use std::str::FromStr;

/// The value of a plain word.
///
/// # Errors
/// Why it is a number that JSON cannot hold, to be put behind the word.
pub(crate) fn resolve(text: &str) -> Result<Value, &'static str> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err("is a number that JSON does not have");
    }
    if let Some(value) = radix(text) {
        return value;
    }
    Ok(match decimal(text) {
        Some(number) => Value::Number(number),
        None => Value::Text(text.to_owned()),
    })
}

/// `0x1F` and `0o17`.
fn radix(text: &str) -> Option<Result<Value, &'static str>> {
    let (digits, radix) = if let Some(digits) = text.strip_prefix("0x") {
        (digits, 16)
    } else {
        (text.strip_prefix("0o")?, 8)
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    Some(
        u64::from_str_radix(digits, radix)
            .map(|number| Value::Number(number.into()))
            .map_err(|_| "is a number that is too large to be written in this way"),
    )
}

/// A decimal number in JSON's spelling: without `+`, leading zeros, and bare points.
fn decimal(text: &str) -> Option<serde_json::Number> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let no_digit = whole.is_empty() && fraction.is_none_or(str::is_empty);
    if no_digit || !all_digits(whole) || !fraction.is_none_or(all_digits) {
        return None;
    }
    let mut out = String::from(sign);
    let whole = whole.trim_start_matches('0');
    out.push_str(if whole.is_empty() { "0" } else { whole });
    if let Some(fraction) = fraction.filter(|fraction| !fraction.is_empty()) {
        out.push('.');
        out.push_str(fraction);
    }
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if digits.is_empty() || !all_digits(digits) {
            return None;
        }
        out.push('e');
        out.push_str(exponent);
    }
    serde_json::Number::from_str(&out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match resolve(text) {
            Ok(Value::Text(text)) => format!("text {text}"),
            Ok(Value::Number(number)) => format!("number {number}"),
            Ok(Value::Bool(truth)) => format!("bool {truth}"),
            Ok(Value::Null) => "null".to_owned(),
            Ok(Value::List(_) | Value::Map(_)) => unreachable!("a word is no collection"),
            Err(why) => why.to_owned(),
        }
    }

    #[test]
    fn words_read_as_the_core_schema_says_and_numbers_keep_their_digits() {
        for (word, meaning) in [
            ("yes", "text yes"),
            ("off", "text off"),
            ("true", "bool true"),
            ("~", "null"),
            ("0.10", "number 0.10"),
            (
                "12345678901234567890.123456789",
                "number 12345678901234567890.123456789",
            ),
            ("007", "number 7"),
            ("+5", "number 5"),
            (".5", "number 0.5"),
            ("1.", "number 1"),
            ("0x1F", "number 31"),
            ("0o17", "number 15"),
            ("0xZZ", "text 0xZZ"),
            ("1_000", "text 1_000"),
            ("1:30", "text 1:30"),
            (".", "text ."),
            ("-", "text -"),
            ("1e", "text 1e"),
            (".inf", "is a number that JSON does not have"),
        ] {
            assert_eq!(read(word), meaning, "{word}");
        }
    }
}
