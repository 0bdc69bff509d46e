//! Reaching into values: `.a`, `.[0]`, slices, and the functions about places in values.

use super::eval::wrong_type;
use super::functions::describe;
use super::meter::Meter;
use super::number::Num;
use super::value::{Entries, List, Members, Res, Str, Val};
use super::{functions::arrays, order};

/// What stands in a value at a key; null when nothing does.
pub(super) fn index<'a>(value: &Val<'a>, key: &Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    meter.steps(1)?;
    match (value, key) {
        (Val::Object(members), Val::Text(key)) => {
            // Hashing the key, and a look into memory that nobody has read lately.
            meter.steps(1)?;
            meter.read(key.as_str().len())?;
            Ok(members.get(key.as_str()).unwrap_or(Val::Null))
        }
        (Val::Array(list), Val::Number(position)) => Ok(place(position, list.len(), meter)?
            .and_then(|place| list.get(place))
            .unwrap_or(Val::Null)),
        (Val::Array(list), Val::Array(part)) => arrays::indices(list, part, meter),
        (_, Val::Object(bounds)) if matches!(value, Val::Array(_) | Val::Text(_) | Val::Null) => {
            let bound = |name| bounds.get(name).unwrap_or(Val::Null);
            slice(value, &bound("start"), &bound("end"), meter)
        }
        (Val::Null, Val::Text(_) | Val::Number(_) | Val::Null) => Ok(Val::Null),
        (value, Val::Text(key)) => Err(wrong_type(format!(
            "{} has no `{}`",
            describe(value),
            super::guard::shorten(key.as_str(), 40)
        ))),
        (value, key) => Err(wrong_type(format!(
            "{} cannot be indexed with {}",
            describe(value),
            describe(key)
        ))),
    }
}

/// The place that a number names, counted from the end when it is negative.
fn place<'a>(position: &Num<'a>, length: usize, meter: &Meter) -> Res<'a, Option<usize>> {
    let position = position.whole(meter)?;
    let from_start = if position < 0 {
        position.saturating_add(length as i64)
    } else {
        position
    };
    Ok(usize::try_from(from_start).ok())
}

/// Part of an array or a string; null of null.
pub(super) fn slice<'a>(
    value: &Val<'a>,
    from: &Val<'a>,
    to: &Val<'a>,
    meter: &Meter,
) -> Res<'a, Val<'a>> {
    meter.steps(1)?;
    match value {
        Val::Null => Ok(Val::Null),
        Val::Array(list) => {
            let (from, to) = bounds(from, to, list.len(), meter)?;
            list.slice(from, to, meter)
        }
        Val::Text(text) => {
            let words = text.as_str();
            meter.read(2 * words.len())?;
            let length = words.chars().count();
            let (from, to) = bounds(from, to, length, meter)?;
            let at = |place| {
                words
                    .char_indices()
                    .nth(place)
                    .map_or(words.len(), |(offset, _)| offset)
            };
            text_part(text, at(from), at(to), meter)
        }
        other => Err(wrong_type(format!("{} cannot be sliced", describe(other)))),
    }
}

/// Part of a text by byte offsets; borrowed when the text is.
pub(super) fn text_part<'a>(
    text: &Str<'a>,
    from: usize,
    to: usize,
    meter: &Meter,
) -> Res<'a, Val<'a>> {
    match text {
        Str::Borrowed(words) => Ok(Val::Text(Str::Borrowed(&words[from..to]))),
        Str::Shared(words) => {
            let mut part = meter.string(to - from)?;
            part.push_str(&words[from..to]);
            Ok(Val::text(part))
        }
    }
}

fn bounds<'a>(
    from: &Val<'a>,
    to: &Val<'a>,
    length: usize,
    meter: &Meter,
) -> Res<'a, (usize, usize)> {
    let bound = |value: &Val<'a>, up: bool, none: usize| match value {
        Val::Null => Ok(none),
        Val::Number(number) => {
            let decimal = number.decimal(meter)?;
            let whole = if up { decimal.ceil() } else { decimal.floor() };
            Ok(place(&Num::Decimal(whole), length, meter)?
                .unwrap_or(0)
                .min(length))
        }
        other => Err(wrong_type(format!(
            "a slice's bounds are numbers, not {}",
            describe(other)
        ))),
    };
    let from = bound(from, false, 0)?;
    let to = bound(to, true, length)?;
    Ok((from, to.max(from)))
}

/// The keys of an object as they come, or the positions of an array.
pub(super) fn keys_of<'a>(value: &Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    match value {
        Val::Array(list) => {
            let mut keys = meter.list(list.len())?;
            meter.elements(list.len())?;
            keys.extend((0..list.len()).map(Val::count));
            Val::array(keys)
        }
        Val::Object(members) => {
            let mut keys = meter.list(members.len())?;
            meter.elements(members.len())?;
            keys.extend(members.iter().map(|(key, _)| Val::Text(key)));
            Val::array(keys)
        }
        other => Err(wrong_type(format!("{} has no keys", describe(other)))),
    }
}

/// The value at the end of a path given as an array of keys.
pub(super) fn get_path<'a>(value: Val<'a>, path: &Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    let Val::Array(keys) = path else {
        return Err(wrong_type(format!(
            "`getpath` needs an array of keys, not {}",
            describe(path)
        )));
    };
    let mut value = value;
    for key in keys.iter() {
        if matches!(value, Val::Null) {
            return Ok(Val::Null);
        }
        value = index(&value, &key, meter)?;
    }
    Ok(value)
}

/// Every path in a value, as arrays of keys, outer ones first.
pub(super) fn all_paths<'a>(value: &Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    let mut paths = meter.list(0)?;
    gather_paths(value, &[], &mut paths, meter)?;
    Val::array(paths)
}

/// Recurses as deep as the value nests.
fn gather_paths<'a>(
    value: &Val<'a>,
    above: &[Val<'a>],
    paths: &mut Vec<Val<'a>>,
    meter: &Meter,
) -> Res<'a, ()> {
    if !matches!(value, Val::Array(_) | Val::Object(_)) {
        return Ok(());
    }
    let Val::Array(keys) = keys_of(value, meter)? else {
        return Ok(());
    };
    for key in keys.iter() {
        let inner = index(value, &key, meter)?;
        let mut path = meter.list(above.len() + 1)?;
        meter.elements(above.len())?;
        path.extend_from_slice(above);
        path.push(key);
        let path_here = path.clone();
        let path = Val::array(path)?;
        meter.allocate(path_here.len() * size_of::<Val<'_>>())?;
        meter.push(paths, path)?;
        gather_paths(&inner, &path_here, paths, meter)?;
    }
    Ok(())
}

/// A key that counts from the end, counted from the start.
pub(super) fn from_start<'a>(key: Val<'a>, value: &Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    match (&key, value) {
        (Val::Number(position), Val::Array(list)) => {
            Ok(place(position, list.len(), meter)?.map_or(key, Val::count))
        }
        _ => Ok(key),
    }
}

/// The value without what stands at a path; recurses as deep as the path is long.
pub(super) fn remove<'a>(
    value: Val<'a>,
    keys: &List<'a>,
    from: usize,
    meter: &Meter,
) -> Res<'a, Val<'a>> {
    let Some(key) = keys.get(from) else {
        return Ok(Val::Null);
    };
    meter.steps(1)?;
    let last = from + 1 == keys.len();
    match (value, &key) {
        (Val::Object(members), Val::Text(key)) => {
            remove_member(members, key, last, keys, from, meter)
        }
        (Val::Array(list), Val::Number(position)) => {
            let Some(place) = place(position, list.len(), meter)?.filter(|at| *at < list.len())
            else {
                return Ok(Val::Array(list));
            };
            let mut items = list.into_items(meter)?;
            meter.elements(items.len() / 8)?;
            if last {
                items.remove(place);
            } else {
                let inner = std::mem::replace(&mut items[place], Val::Null);
                items[place] = remove(inner, keys, from + 1, meter)?;
            }
            Val::array(items)
        }
        (value, _) => Ok(value),
    }
}

fn remove_member<'a>(
    members: Members<'a>,
    key: &Str<'a>,
    last: bool,
    keys: &List<'a>,
    from: usize,
    meter: &Meter,
) -> Res<'a, Val<'a>> {
    let mut entries: Entries<'a> = members.into_entries(meter)?;
    if last {
        entries.remove(key.as_str(), meter)?;
    } else if let Some(inner) = entries.take(key.as_str()) {
        let inner = remove(inner, keys, from + 1, meter)?;
        entries.insert(key.clone(), inner, meter)?;
    }
    Ok(entries.into_value())
}

/// Whether a key is in a value.
pub(super) fn has<'a>(value: &Val<'a>, key: &Val<'a>, meter: &Meter) -> Res<'a, bool> {
    meter.steps(1)?;
    match (value, key) {
        (Val::Object(members), Val::Text(key)) => {
            meter.read(key.as_str().len())?;
            Ok(members.get(key.as_str()).is_some())
        }
        (Val::Array(list), Val::Number(position)) => {
            let position = position.whole(meter)?;
            Ok(usize::try_from(position).is_ok_and(|place| place < list.len()))
        }
        (value, key) => Err(wrong_type(format!(
            "whether {} has {} cannot be asked",
            describe(value),
            describe(key)
        ))),
    }
}

/// Whether one value contains another: strings as parts, arrays with each item in some item,
/// objects member by member; anything else by being equal. Recurses as deep as both nest.
pub(super) fn contains<'a>(value: &Val<'a>, part: &Val<'a>, meter: &Meter) -> Res<'a, bool> {
    meter.steps(1)?;
    match (value, part) {
        (Val::Text(value), Val::Text(part)) => {
            meter.read(value.as_str().len() + part.as_str().len())?;
            Ok(value.as_str().contains(part.as_str()))
        }
        (Val::Object(members), Val::Object(parts)) => {
            for (key, part) in parts.iter() {
                meter.read(key.as_str().len())?;
                match members.get(key.as_str()) {
                    Some(value) if contains_inner(&value, &part, meter)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        (Val::Array(list), Val::Array(parts)) => {
            'parts: for part in parts.iter() {
                for item in list.iter() {
                    if contains_inner(&item, &part, meter)? {
                        continue 'parts;
                    }
                }
                return Ok(false);
            }
            Ok(true)
        }
        (value, part) if value.type_name() == part.type_name() => order::equal(value, part, meter),
        (value, part) => Err(wrong_type(format!(
            "whether {} contains {} cannot be asked",
            describe(value),
            describe(part)
        ))),
    }
}

/// Within an array or an object, values of different types just do not contain each other.
fn contains_inner<'a>(value: &Val<'a>, part: &Val<'a>, meter: &Meter) -> Res<'a, bool> {
    if value.type_name() != part.type_name() {
        meter.steps(1)?;
        return Ok(false);
    }
    contains(value, part, meter)
}
