//! Functions of strings.

use super::describe;
use crate::expr::ast::Native;
use crate::expr::eval::wrong_type;
use crate::expr::meter::Meter;
use crate::expr::paths::text_part;
use crate::expr::value::{Res, Str, Val};

/// A string's function without arguments.
pub(super) fn of_input<'a>(native: Native, input: &Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    let Val::Text(text) = input else {
        return Err(needs_string(input));
    };
    let words = text.as_str();
    meter.read(words.len())?;
    match native {
        Native::Utf8Length => Ok(Val::count(words.len())),
        Native::Lower | Native::Upper => {
            let mut changed = meter.string(words.len())?;
            changed.push_str(words);
            if native == Native::Lower {
                changed.make_ascii_lowercase();
            } else {
                changed.make_ascii_uppercase();
            }
            Ok(Val::text(changed))
        }
        Native::Explode => {
            let count = words.chars().count();
            meter.elements(count)?;
            let mut items = meter.list(count)?;
            items.extend(
                words
                    .chars()
                    .map(|character| Val::count(character as usize)),
            );
            Val::array(items)
        }
        _ => {
            let start = match native {
                Native::TrimRight => 0,
                _ => words.len() - words.trim_start().len(),
            };
            let end = match native {
                Native::TrimLeft => words.len(),
                _ => words.trim_end().len().max(start),
            };
            text_part(text, start, end, meter)
        }
    }
}

/// A string's function with one argument.
pub(super) fn with_argument<'a>(
    native: Native,
    input: Val<'a>,
    argument: &Val<'a>,
    meter: &Meter,
) -> Res<'a, Val<'a>> {
    let trims = matches!(native, Native::TrimStart | Native::TrimEnd);
    let (Val::Text(text), Val::Text(part)) = (&input, argument) else {
        // Trimming leaves alone what is no string.
        return if trims {
            Ok(input)
        } else if matches!(input, Val::Text(_)) {
            Err(needs_string(argument))
        } else {
            Err(needs_string(&input))
        };
    };
    let (words, part) = (text.as_str(), part.as_str());
    meter.read(part.len())?;
    match native {
        Native::Starts => Ok(Val::Bool(words.starts_with(part))),
        Native::Ends => Ok(Val::Bool(words.ends_with(part))),
        Native::Split => split(text, part, meter),
        Native::TrimStart if words.starts_with(part) => {
            text_part(text, part.len(), words.len(), meter)
        }
        Native::TrimEnd if words.ends_with(part) => {
            text_part(text, 0, words.len() - part.len(), meter)
        }
        _ => Ok(input),
    }
}

/// The parts of a text between separators; its characters when the separator is empty.
pub(in crate::expr) fn split<'a>(text: &Str<'a>, by: &str, meter: &Meter) -> Res<'a, Val<'a>> {
    let words = text.as_str();
    meter.read(2 * (words.len() + by.len()))?;
    let mut parts = meter.list(0)?;
    if words.is_empty() {
        return Val::array(parts);
    }
    if by.is_empty() {
        for (start, character) in words.char_indices() {
            meter.steps(1)?;
            let part = text_part(text, start, start + character.len_utf8(), meter)?;
            meter.push(&mut parts, part)?;
        }
        return Val::array(parts);
    }
    let mut start = 0;
    for (found, _) in words.match_indices(by) {
        meter.steps(1)?;
        let part = text_part(text, start, found, meter)?;
        meter.push(&mut parts, part)?;
        start = found + by.len();
    }
    let part = text_part(text, start, words.len(), meter)?;
    meter.push(&mut parts, part)?;
    Val::array(parts)
}

/// Where a part stands in a text, in characters; places may overlap.
pub(super) fn places<'a>(words: &str, part: &str, meter: &Meter) -> Res<'a, Vec<Val<'a>>> {
    let mut places = meter.list(0)?;
    if part.is_empty() {
        return Ok(places);
    }
    meter.read(words.len() + part.len())?;
    let mut offset = 0;
    let mut characters = 0;
    // Searching goes on one character behind each find; each new search prepares the part again.
    while let Some(found) = words[offset..].find(part) {
        meter.steps(2)?;
        meter.read(2 * part.len() + 2 * found)?;
        characters += words[offset..offset + found].chars().count();
        meter.push(&mut places, Val::count(characters))?;
        let width = words[offset + found..]
            .chars()
            .next()
            .map_or(1, char::len_utf8);
        offset += found + width;
        characters += 1;
    }
    Ok(places)
}

/// A string of code points; `ascii` takes one of them.
pub(super) fn implode<'a>(native: Native, input: &Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    let mut text = meter.string(0)?;
    let mut push = |value: &Val<'a>| {
        meter.steps(1)?;
        let character = match value {
            Val::Number(number) => u32::try_from(number.whole(meter)?)
                .ok()
                .and_then(char::from_u32),
            _ => None,
        };
        match character {
            Some(character) => meter.append(&mut text, character.encode_utf8(&mut [0; 4])),
            None => Err(wrong_type(format!("{} is no code point", describe(value)))),
        }
    };
    match input {
        Val::Array(list) if native == Native::Implode => {
            for item in list.iter() {
                push(&item)?;
            }
        }
        Val::Number(_) if native == Native::Ascii => push(input)?,
        other => {
            return Err(wrong_type(format!(
                "code points are needed, not {}",
                describe(other)
            )));
        }
    }
    Ok(Val::text(text))
}

fn needs_string<'a>(value: &Val<'a>) -> Box<crate::expr::value::Stop<'a>> {
    wrong_type(format!("a string is needed, not {}", describe(value)))
}
