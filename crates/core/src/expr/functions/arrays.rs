//! Functions of arrays.

use super::{conversions, describe, strings};
use crate::expr::ast::{Format, Math, Native};
use crate::expr::eval::wrong_type;
use crate::expr::meter::Meter;
use crate::expr::value::{List, Res, Stop, Val};
use crate::expr::{operators, order, paths};

/// An array's function without arguments.
pub(super) fn of_input<'a>(native: Native, input: Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    match (native, input) {
        (Native::Add, input) => add(&input, meter),
        (Native::First, input) => paths::index(&input, &Val::count(0), meter),
        (Native::Last, Val::Array(list)) => Ok(match list.len().checked_sub(1) {
            Some(last) => list.get(last).unwrap_or(Val::Null),
            None => Val::Null,
        }),
        (Native::Last, Val::Null) => Ok(Val::Null),
        (Native::Reverse, Val::Null) => Val::array(Vec::new()),
        (Native::Reverse, Val::Text(text)) => {
            meter.read(2 * text.as_str().len())?;
            let mut reversed = meter.string(text.as_str().len())?;
            reversed.extend(text.as_str().chars().rev());
            Ok(Val::text(reversed))
        }
        (native, Val::Array(list)) => of_list(native, &list, meter),
        (_, other) => Err(needs_array(&other)),
    }
}

fn of_list<'a>(native: Native, list: &List<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    match native {
        Native::Sort => Val::array(order::sort(items(list, meter)?, meter)?),
        Native::Unique => {
            let sorted = order::sort(items(list, meter)?, meter)?;
            let mut unique = meter.list(0)?;
            for item in sorted {
                let again = match unique.last() {
                    Some(last) => order::equal(last, &item, meter)?,
                    None => false,
                };
                if !again {
                    meter.push(&mut unique, item)?;
                }
            }
            Val::array(unique)
        }
        Native::Min | Native::Max => extreme(native == Native::Max, list, list, meter),
        Native::Reverse => {
            let mut reversed = items(list, meter)?;
            reversed.reverse();
            Val::array(reversed)
        }
        Native::Transpose => transpose(list, meter),
        _ => flatten(list, i64::MAX, meter),
    }
}

/// An array's function with one argument.
pub(super) fn with_argument<'a>(
    native: Native,
    input: Val<'a>,
    argument: Val<'a>,
    meter: &Meter,
) -> Res<'a, Val<'a>> {
    match (native, &input, &argument) {
        (Native::Nth, _, Val::Number(_)) => paths::index(&input, &argument, meter),
        (Native::Join, Val::Array(list), Val::Text(by)) => join(list, by.as_str(), meter),
        (Native::FlattenTo, Val::Array(list), Val::Number(depth)) => {
            let depth = depth.whole(meter)?;
            if depth < 0 {
                return Err(wrong_type("`flatten` takes no negative depth".to_owned()));
            }
            flatten(list, depth, meter)
        }
        (_, Val::Array(list), Val::Array(keys)) => keyed(native, list, keys, meter),
        (_, Val::Array(_), other) => Err(wrong_type(format!(
            "{} is no argument for this",
            describe(other)
        ))),
        (_, other, _) => Err(needs_array(other)),
    }
}

/// The items as a list of its own, charged.
fn items<'a>(list: &List<'a>, meter: &Meter) -> Res<'a, Vec<Val<'a>>> {
    list.clone().into_items(meter)
}

fn add<'a>(input: &Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    let mut sum = Val::Null;
    let mut push = |item: Val<'a>| -> Res<'a, ()> {
        meter.steps(1)?;
        let before = std::mem::replace(&mut sum, Val::Null);
        sum = operators::math(Math::Add, before, item, meter)?;
        Ok(())
    };
    match input {
        Val::Array(list) => list.iter().try_for_each(&mut push)?,
        Val::Object(members) => members.iter().try_for_each(|(_, value)| push(value))?,
        Val::Null => {}
        other => return Err(needs_array(other)),
    }
    Ok(sum)
}

fn join<'a>(list: &List<'a>, by: &str, meter: &Meter) -> Res<'a, Val<'a>> {
    let mut text = meter.string(0)?;
    for (position, item) in list.iter().enumerate() {
        meter.steps(1)?;
        if position > 0 {
            meter.append(&mut text, by)?;
        }
        match item {
            Val::Null => {}
            Val::Array(_) | Val::Object(_) => {
                return Err(wrong_type(format!("{} cannot be joined", describe(&item))));
            }
            scalar => {
                let words = conversions::format(Format::Text, scalar, meter)?;
                meter.append(&mut text, words.as_str())?;
            }
        }
    }
    Ok(Val::text(text))
}

/// Recurses as deep as the array nests.
fn flatten<'a>(list: &List<'a>, depth: i64, meter: &Meter) -> Res<'a, Val<'a>> {
    fn gather<'a>(
        list: &List<'a>,
        depth: i64,
        flat: &mut Vec<Val<'a>>,
        meter: &Meter,
    ) -> Res<'a, ()> {
        for item in list.iter() {
            meter.steps(1)?;
            match item {
                Val::Array(inner) if depth > 0 => gather(&inner, depth - 1, flat, meter)?,
                other => meter.push(flat, other)?,
            }
        }
        Ok(())
    }
    let mut flat = meter.list(0)?;
    gather(list, depth, &mut flat, meter)?;
    Val::array(flat)
}

fn transpose<'a>(list: &List<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    let mut width = 0;
    for row in list.iter() {
        meter.steps(1)?;
        match row {
            Val::Array(row) => width = width.max(row.len()),
            other => return Err(needs_array(&other)),
        }
    }
    let mut columns = meter.list(width)?;
    for place in 0..width {
        let mut column = meter.list(list.len())?;
        meter.elements(list.len())?;
        for row in list.iter() {
            column.push(match row {
                Val::Array(row) => row.get(place).unwrap_or(Val::Null),
                _ => Val::Null,
            });
        }
        columns.push(Val::array(column)?);
    }
    Val::array(columns)
}

/// The smallest or the greatest by its key: of equal ones the first, or the last.
fn extreme<'a>(
    greatest: bool,
    list: &List<'a>,
    keys: &List<'a>,
    meter: &Meter,
) -> Res<'a, Val<'a>> {
    let mut best: Option<(usize, Val<'a>)> = None;
    for (place, key) in keys.iter().enumerate() {
        let better = match &best {
            None => true,
            Some((_, best)) => {
                let order = order::compare(&key, best, meter)?;
                if greatest {
                    order.is_ge()
                } else {
                    order.is_lt()
                }
            }
        };
        if better {
            best = Some((place, key));
        }
    }
    Ok(best
        .and_then(|(place, _)| list.get(place))
        .unwrap_or(Val::Null))
}

/// Functions that sort or choose by keys; `keys` has one for each item.
fn keyed<'a>(native: Native, list: &List<'a>, keys: &List<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    if matches!(native, Native::MinBy | Native::MaxBy) {
        return extreme(native == Native::MaxBy, list, keys, meter);
    }
    let keys = items(keys, meter)?;
    let places = order::sorted_places(&keys, meter)?;
    let mut result = meter.list(0)?;
    let mut group = meter.list(0)?;
    for (position, place) in places.iter().enumerate() {
        meter.steps(1)?;
        let item = list.get(*place).unwrap_or(Val::Null);
        let new = match position.checked_sub(1).map(|before| &keys[places[before]]) {
            Some(before) if native != Native::SortBy => {
                !order::equal(before, &keys[*place], meter)?
            }
            _ => true,
        };
        match native {
            Native::GroupBy => {
                if new && !group.is_empty() {
                    let whole = std::mem::replace(&mut group, meter.list(0)?);
                    meter.push(&mut result, Val::array(whole)?)?;
                }
                meter.push(&mut group, item)?;
            }
            _ if new => meter.push(&mut result, item)?,
            _ => {}
        }
    }
    if !group.is_empty() {
        meter.push(&mut result, Val::array(group)?)?;
    }
    Val::array(result)
}

/// Where one value stands in another: `indices`, `index` and `rindex`.
pub(super) fn search<'a>(
    native: Native,
    input: &Val<'a>,
    part: &Val<'a>,
    meter: &Meter,
) -> Res<'a, Val<'a>> {
    let found = match (input, part) {
        (Val::Null, _) => return Ok(Val::Null),
        (Val::Text(text), Val::Text(part)) => {
            Val::array(strings::places(text.as_str(), part.as_str(), meter)?)?
        }
        (Val::Array(list), Val::Array(part)) => indices(list, part, meter)?,
        (Val::Array(list), part) => {
            let mut single = meter.list(1)?;
            single.push(part.clone());
            let Val::Array(part) = Val::array(single)? else {
                return Ok(Val::Null);
            };
            indices(list, &part, meter)?
        }
        (input, part) => {
            return Err(wrong_type(format!(
                "{} cannot be looked for in {}",
                describe(part),
                describe(input)
            )));
        }
    };
    match (native, found) {
        (Native::IndexFirst, Val::Array(found)) => Ok(found.get(0).unwrap_or(Val::Null)),
        (Native::IndexLast, Val::Array(found)) => Ok(match found.len().checked_sub(1) {
            Some(last) => found.get(last).unwrap_or(Val::Null),
            None => Val::Null,
        }),
        (_, found) => Ok(found),
    }
}

/// Where one array stands in another, item by item.
pub(in crate::expr) fn indices<'a>(
    list: &List<'a>,
    part: &List<'a>,
    meter: &Meter,
) -> Res<'a, Val<'a>> {
    let mut places = meter.list(0)?;
    if part.len() > 0 && part.len() <= list.len() {
        for start in 0..=list.len() - part.len() {
            meter.steps(1)?;
            let mut all = true;
            for (offset, wanted) in part.iter().enumerate() {
                let item = list.get(start + offset).unwrap_or(Val::Null);
                if !order::equal(&item, &wanted, meter)? {
                    all = false;
                    break;
                }
            }
            if all {
                meter.push(&mut places, Val::count(start))?;
            }
        }
    }
    Val::array(places)
}

fn needs_array<'a>(value: &Val<'a>) -> Box<Stop<'a>> {
    wrong_type(format!("an array is needed, not {}", describe(value)))
}
