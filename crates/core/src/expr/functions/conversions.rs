//! Between values and texts: `tostring`, `tojson` and the formats.

use super::describe;
use crate::expr::ast::{Format, Native};
use crate::expr::eval::wrong_type;
use crate::expr::meter::Meter;
use crate::expr::number::Num;
use crate::expr::value::{Res, Str, Val};
use crate::json::Json;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

pub(super) fn call<'a>(native: Native, input: Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    match native {
        Native::ToText => Ok(Val::Text(format(Format::Text, input, meter)?)),
        Native::ToJson => Ok(Val::Text(format(Format::Json, input, meter)?)),
        Native::Format(name) => Ok(Val::Text(format(name, input, meter)?)),
        Native::ToArray => match input {
            Val::Array(_) => Ok(input),
            other => {
                let mut items = meter.list(1)?;
                items.push(other);
                Val::array(items)
            }
        },
        Native::ToNumber => to_number(input, meter),
        _ => from_json(&input, meter),
    }
}

fn to_number<'a>(input: Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    match input {
        Val::Number(_) => Ok(input),
        Val::Text(text) => {
            meter.read(text.as_str().len())?;
            meter.allocate(text.as_str().len() + 32)?;
            match Num::parse(text.as_str()) {
                Some(number) => Ok(Val::Number(number)),
                None => Err(wrong_type(format!(
                    "{} is no number",
                    describe(&Val::Text(text))
                ))),
            }
        }
        other => Err(wrong_type(format!("{} is no number", describe(&other)))),
    }
}

fn from_json<'a>(input: &Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    let Val::Text(text) = input else {
        return Err(wrong_type(format!(
            "`fromjson` needs a string, not {}",
            describe(input)
        )));
    };
    let text = text.as_str();
    meter.read(4 * text.len())?;
    // Every value but the first follows a bracket, a comma or a colon.
    let separators = text
        .bytes()
        .filter(|byte| matches!(byte, b'[' | b'{' | b',' | b':'))
        .count();
    meter.elements(2 * separators)?;
    // Read, then built once more; lists and tables grow by doubling.
    meter.allocate(2 * text.len() + 4 * (separators + 1) * size_of::<Json>())?;
    let json: Json = serde_json::from_str(text)
        .map_err(|error| wrong_type(format!("`fromjson` reads no JSON: {error}")))?;
    built(json, meter)
}

/// A JSON value that no input holds, taken apart. Recurses as deep as it nests, which reading
/// it has bounded.
fn built<'a>(json: Json, meter: &Meter) -> Res<'a, Val<'a>> {
    Ok(match json {
        Json::Null => Val::Null,
        Json::Bool(value) => Val::Bool(value),
        Json::Number(number) => Val::Number(Num::Kept(number.into())),
        Json::String(text) => Val::text(text),
        Json::Array(items) => {
            let mut list = meter.list(items.len())?;
            for item in items {
                list.push(built(item, meter)?);
            }
            Val::array(list)?
        }
        Json::Object(members) => {
            let mut entries = crate::expr::value::Entries::new();
            for (key, value) in members {
                let value = built(value, meter)?;
                entries.insert(Str::Shared(key.into()), value, meter)?;
            }
            entries.into_value()
        }
    })
}

/// A value written in a format.
pub(in crate::expr) fn format<'a>(
    format: Format,
    value: Val<'a>,
    meter: &Meter,
) -> Res<'a, Str<'a>> {
    let text = match value {
        Val::Text(text) if format != Format::Json => text,
        other => {
            let mut text = meter.string(0)?;
            write_json(&other, &mut text, meter)?;
            Str::Shared(text.into())
        }
    };
    match format {
        Format::Text | Format::Json => Ok(text),
        Format::Uri => percent_encode(text.as_str(), meter),
        Format::Base64 => {
            let words = text.as_str();
            meter.read(words.len())?;
            meter.allocate(words.len() / 3 * 4 + 32)?;
            Ok(Str::Shared(STANDARD.encode(words).into()))
        }
        Format::Base64d => decode(text.as_str(), meter),
    }
}

fn decode<'a>(text: &str, meter: &Meter) -> Res<'a, Str<'a>> {
    meter.read(text.len())?;
    meter.allocate(text.len() + 32)?;
    let bytes = STANDARD_NO_PAD
        .decode(text.trim_end_matches('='))
        .map_err(|_| wrong_type("`@base64d` reads no base64".to_owned()))?;
    let decoded = String::from_utf8(bytes)
        .map_err(|_| wrong_type("what `@base64d` reads is no UTF-8 text".to_owned()))?;
    Ok(Str::Shared(decoded.into()))
}

fn percent_encode<'a>(text: &str, meter: &Meter) -> Res<'a, Str<'a>> {
    meter.read(4 * text.len())?;
    let mut encoded = meter.string(3 * text.len())?;
    crate::expr::text::push_percent_encoded(&mut encoded, text);
    Ok(Str::Shared(encoded.into()))
}

/// Writes a value as JSON. Recurses as deep as it nests.
pub(in crate::expr) fn write_json<'a>(
    value: &Val<'a>,
    text: &mut String,
    meter: &Meter,
) -> Res<'a, ()> {
    meter.steps(1)?;
    match value {
        Val::Null => meter.append(text, "null"),
        Val::Bool(true) => meter.append(text, "true"),
        Val::Bool(false) => meter.append(text, "false"),
        Val::Number(number) => {
            meter.allocate(number.text_bytes())?;
            meter.append(text, &number.to_text())
        }
        Val::Text(words) => write_string(words.as_str(), text, meter),
        Val::Array(list) => {
            for (position, item) in list.iter().enumerate() {
                meter.append(text, if position == 0 { "[" } else { "," })?;
                write_json(&item, text, meter)?;
            }
            meter.append(text, if list.len() == 0 { "[]" } else { "]" })
        }
        Val::Object(members) => {
            for (position, (key, value)) in members.iter().enumerate() {
                meter.append(text, if position == 0 { "{" } else { "," })?;
                write_string(key.as_str(), text, meter)?;
                meter.append(text, ":")?;
                write_json(&value, text, meter)?;
            }
            meter.append(text, if members.len() == 0 { "{}" } else { "}" })
        }
    }
}

fn write_string<'a>(words: &str, text: &mut String, meter: &Meter) -> Res<'a, ()> {
    meter.read(2 * words.len())?;
    // At worst every byte is written as six.
    meter.allocate(6 * words.len() + 2)?;
    let quoted = serde_json::to_string(words).unwrap_or_default();
    meter.append(text, &quoted)
}
