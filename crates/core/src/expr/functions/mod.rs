//! The functions of values, by family. Each is charged for what it touches before it does so.

pub(super) mod arrays;
mod conversions;
mod numbers;
mod objects;
pub(super) mod strings;

pub(super) use conversions::{format, write_json};

use super::ast::Native;
use super::eval::wrong_type;
use super::meter::Meter;
use super::value::{Res, Stop, Val};
use super::{Cause, guard, paths};

/// Calls a function on its input and the values of its arguments.
pub(super) fn call<'a>(
    native: Native,
    input: Val<'a>,
    arguments: Vec<Val<'a>>,
    meter: &Meter,
) -> Res<'a, Val<'a>> {
    let mut arguments = arguments.into_iter();
    match arguments.next() {
        None => of_input(native, input, meter),
        Some(argument) => with_argument(native, input, argument, meter),
    }
}

fn of_input<'a>(native: Native, input: Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    match native {
        Native::Not => Ok(Val::Bool(!input.is_true())),
        Native::Type => Ok(Val::Text(super::value::Str::Borrowed(input.type_name()))),
        Native::Length => length(&input, meter),
        Native::Floor | Native::Ceil | Native::Round | Native::Sqrt | Native::Abs => {
            numbers::call(native, &input, meter)
        }
        Native::ToText
        | Native::ToNumber
        | Native::ToJson
        | Native::FromJson
        | Native::ToArray
        | Native::Format(_) => conversions::call(native, input, meter),
        Native::Utf8Length
        | Native::Trim
        | Native::TrimLeft
        | Native::TrimRight
        | Native::Lower
        | Native::Upper
        | Native::Explode => strings::of_input(native, &input, meter),
        Native::Implode | Native::Ascii => strings::implode(native, &input, meter),
        Native::Keys | Native::KeysUnsorted | Native::ToEntries | Native::FromEntries => {
            objects::call(native, input, meter)
        }
        Native::Paths => paths::all_paths(&input, meter),
        _ => arrays::of_input(native, input, meter),
    }
}

fn with_argument<'a>(
    native: Native,
    input: Val<'a>,
    argument: Val<'a>,
    meter: &Meter,
) -> Res<'a, Val<'a>> {
    match native {
        Native::Raise => Err(Box::new(Stop::Raised(Cause::Raised, argument))),
        Native::Has => Ok(Val::Bool(paths::has(&input, &argument, meter)?)),
        Native::In => Ok(Val::Bool(paths::has(&argument, &input, meter)?)),
        Native::Contains => Ok(Val::Bool(paths::contains(&input, &argument, meter)?)),
        Native::Inside => Ok(Val::Bool(paths::contains(&argument, &input, meter)?)),
        Native::GetPath => paths::get_path(input, &argument, meter),
        Native::Starts | Native::Ends | Native::TrimStart | Native::TrimEnd | Native::Split => {
            strings::with_argument(native, input, &argument, meter)
        }
        Native::Indices | Native::IndexFirst | Native::IndexLast => {
            arrays::search(native, &input, &argument, meter)
        }
        _ => arrays::with_argument(native, input, argument, meter),
    }
}

fn length<'a>(input: &Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    match input {
        Val::Null => Ok(Val::count(0)),
        Val::Bool(_) => Err(wrong_type(format!("{} has no length", describe(input)))),
        Val::Number(_) => numbers::call(Native::Abs, input, meter),
        Val::Text(text) => {
            meter.read(text.as_str().len())?;
            Ok(Val::count(text.as_str().chars().count()))
        }
        Val::Array(list) => Ok(Val::count(list.len())),
        Val::Object(members) => Ok(Val::count(members.len())),
    }
}

/// A value in a message: its type, and itself when it is short.
pub(super) fn describe(value: &Val<'_>) -> String {
    match value {
        Val::Null => "null".to_owned(),
        Val::Bool(value) => value.to_string(),
        Val::Number(number) => {
            let digits = match number {
                number if number.text_bytes() <= 64 => number.to_text(),
                _ => "with many digits".to_owned(),
            };
            format!("the number {digits}")
        }
        Val::Text(text) => format!("the string \"{}\"", guard::shorten(text.as_str(), 40)),
        Val::Array(list) => format!("an array of {}", list.len()),
        Val::Object(members) => format!("an object of {}", members.len()),
    }
}
