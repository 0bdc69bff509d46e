//! Functions of objects: keys and entries.

use super::{conversions, describe};
use crate::expr::ast::{Format, Native};
use crate::expr::eval::wrong_type;
use crate::expr::meter::Meter;
use crate::expr::value::{Entries, Res, Str, Val};
use crate::expr::{order, paths};

pub(super) fn call<'a>(native: Native, input: Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    match (native, input) {
        (Native::Keys, Val::Object(members)) => {
            let keys = order::sorted_keys(&members, meter)?;
            let mut items = meter.list(keys.len())?;
            items.extend(keys.into_iter().map(Val::Text));
            Val::array(items)
        }
        (Native::Keys | Native::KeysUnsorted, input) => paths::keys_of(&input, meter),
        (Native::ToEntries, Val::Object(members)) => entries_of(
            members.iter().map(|(key, value)| (Val::Text(key), value)),
            meter,
        ),
        (Native::ToEntries, Val::Array(list)) => {
            let keyed = list.iter().enumerate();
            entries_of(
                keyed.map(|(place, value)| (Val::count(place), value)),
                meter,
            )
        }
        (Native::FromEntries, Val::Array(list)) => {
            let mut entries = Entries::new();
            for item in list.iter() {
                add_entry(&mut entries, &item, meter)?;
            }
            Ok(entries.into_value())
        }
        (_, other) => Err(wrong_type(format!(
            "{} cannot be turned into or from entries",
            describe(&other)
        ))),
    }
}

fn entries_of<'a>(
    members: impl Iterator<Item = (Val<'a>, Val<'a>)>,
    meter: &Meter,
) -> Res<'a, Val<'a>> {
    let mut items = meter.list(0)?;
    for (key, value) in members {
        let mut entry = Entries::new();
        meter.allocate(size_of::<Entries<'_>>())?;
        entry.insert(Str::Borrowed("key"), key, meter)?;
        entry.insert(Str::Borrowed("value"), value, meter)?;
        meter.push(&mut items, entry.into_value())?;
    }
    Val::array(items)
}

fn add_entry<'a>(entries: &mut Entries<'a>, item: &Val<'a>, meter: &Meter) -> Res<'a, ()> {
    let Val::Object(members) = item else {
        return Err(wrong_type(format!("{} is no entry", describe(item))));
    };
    let first = |names: &[&str]| {
        names
            .iter()
            .filter_map(|name| members.get(name))
            .find(|value| !matches!(value, Val::Null))
    };
    meter.steps(4)?;
    let key = match first(&["key", "k", "name", "Name", "K", "Key"]) {
        Some(Val::Text(key)) => key,
        Some(other @ (Val::Array(_) | Val::Object(_))) => {
            return Err(wrong_type(format!("{} is no key", describe(&other))));
        }
        other => conversions::format(Format::Json, other.unwrap_or(Val::Null), meter)?,
    };
    let value = first(&["value", "v", "Value", "V"]).unwrap_or(Val::Null);
    entries.insert(key, value, meter)
}
