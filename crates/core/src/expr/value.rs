//! Values while an expression works on them: borrowed from the inputs as far as possible,
//! shared otherwise, so that passing a value on never copies it.
//!
//! Every value built here knows how deep it nests, so that comparing, writing and dropping
//! one cannot overflow the stack.

use super::meter::{Meter, VALUE_LEVELS, too_costly};
use super::number::Num;
use super::{Cause, EvalError};
use crate::json::Json;
use crate::limits;
use indexmap::IndexMap;
use std::rc::Rc;

/// The result of one operation.
pub(super) type Res<'a, T> = Result<T, Box<Stop<'a>>>;

/// Why an evaluation does not go on.
#[derive(Debug)]
pub(super) enum Stop<'a> {
    /// An error of the expression, which `try` catches.
    Raised(Cause, Val<'a>),
    /// An error that ends the evaluation whatever the expression says.
    Fatal(EvalError),
    /// Somebody has what it wanted (`first`, `limit`); the number says who.
    Enough(u32),
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Val<'a> {
    Null,
    Bool(bool),
    Number(Num<'a>),
    Text(Str<'a>),
    Array(List<'a>),
    Object(Members<'a>),
}

/// A string.
#[derive(Clone, Debug)]
pub(super) enum Str<'a> {
    Borrowed(&'a str),
    Shared(Rc<String>),
}

/// An array.
#[derive(Clone, Debug)]
pub(super) enum List<'a> {
    Borrowed(&'a [Json]),
    Shared(Rc<Items<'a>>),
}

/// The items of a built array.
#[derive(Clone, Debug)]
pub(super) struct Items<'a> {
    pub(super) items: Vec<Val<'a>>,
    levels: u16,
}

/// An object.
#[derive(Clone, Debug)]
pub(super) enum Members<'a> {
    Borrowed(&'a serde_json::Map<String, Json>),
    Shared(Rc<Entries<'a>>),
}

/// The members of a built object.
#[derive(Clone, Debug)]
pub(super) struct Entries<'a> {
    members: IndexMap<Str<'a>, Val<'a>>,
    levels: u16,
}

/// What one member of a built object takes: its entry and its place in the table, twice,
/// since tables grow by doubling.
const MEMBER_BYTES: usize = 2 * (size_of::<Str<'_>>() + size_of::<Val<'_>>() + 24);

impl<'a> Val<'a> {
    /// A value of an input.
    pub(super) fn borrowed(json: &'a Json) -> Val<'a> {
        match json {
            Json::Null => Val::Null,
            Json::Bool(value) => Val::Bool(*value),
            Json::Number(number) => Val::Number(Num::Written(number)),
            Json::String(text) => Val::Text(Str::Borrowed(text)),
            Json::Array(items) => Val::Array(List::Borrowed(items)),
            Json::Object(members) => Val::Object(Members::Borrowed(members)),
        }
    }

    /// A new string.
    pub(super) fn text(text: String) -> Val<'a> {
        Val::Text(Str::Shared(Rc::new(text)))
    }

    /// A small number.
    pub(super) fn count(count: usize) -> Val<'a> {
        Val::Number(Num::Decimal(count.into()))
    }

    /// Null and false are false, anything else is true.
    pub(super) fn is_true(&self) -> bool {
        !matches!(self, Val::Null | Val::Bool(false))
    }

    /// The name of its type, as `type` gives it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Val::Null => "null",
            Val::Bool(_) => "boolean",
            Val::Number(_) => "number",
            Val::Text(_) => "string",
            Val::Array(_) => "array",
            Val::Object(_) => "object",
        }
    }

    /// Levels built on top of inputs; an input itself counts as none.
    fn levels(&self) -> u16 {
        match self {
            Val::Array(List::Shared(shared)) => shared.levels,
            Val::Object(Members::Shared(shared)) => shared.levels,
            _ => 0,
        }
    }

    /// A new array, whose room was charged.
    pub(super) fn array(items: Vec<Val<'a>>) -> Res<'a, Val<'a>> {
        let levels = above(items.iter().map(Val::levels).max().unwrap_or(0))?;
        Ok(Val::Array(List::Shared(Rc::new(Items { items, levels }))))
    }

    /// The value as JSON, charged; `level` says how deep it will stand in what it goes into.
    pub(super) fn into_json(self, meter: &Meter, level: usize) -> Res<'a, Json> {
        meter.steps(1)?;
        Ok(match self {
            Val::Null => Json::Null,
            Val::Bool(value) => Json::Bool(value),
            Val::Number(number) => {
                meter.allocate(number.text_bytes() + 16)?;
                Json::Number(number.into_json())
            }
            Val::Text(text) => {
                meter.allocate(text.as_str().len() + 16)?;
                Json::String(text.as_str().to_owned())
            }
            Val::Array(List::Borrowed(items)) => copy_items(items, meter, level)?,
            Val::Object(Members::Borrowed(members)) => copy_members(members, meter, level)?,
            Val::Array(list) => {
                let level = deeper(level)?;
                meter.allocate(list.len() * size_of::<Json>() + 16)?;
                let mut items = Vec::with_capacity(list.len());
                for item in list.iter() {
                    items.push(item.into_json(meter, level)?);
                }
                Json::Array(items)
            }
            Val::Object(members) => {
                let level = deeper(level)?;
                let mut object = serde_json::Map::with_capacity(members.len());
                for (key, value) in members.iter() {
                    meter.allocate(json_member_bytes(key.as_str()))?;
                    object.insert(key.as_str().to_owned(), value.into_json(meter, level)?);
                }
                Json::Object(object)
            }
        })
    }
}

/// A copy of an input's value, charged.
pub(super) fn copy<'a>(json: &Json, meter: &Meter, level: usize) -> Res<'a, Json> {
    meter.steps(1)?;
    match json {
        Json::Null | Json::Bool(_) => Ok(json.clone()),
        Json::Number(number) => {
            meter.allocate(number.as_str().len() + 16)?;
            Ok(json.clone())
        }
        Json::String(text) => {
            meter.allocate(text.len() + 16)?;
            Ok(json.clone())
        }
        Json::Array(items) => copy_items(items, meter, level),
        Json::Object(members) => copy_members(members, meter, level),
    }
}

fn copy_items<'a>(items: &[Json], meter: &Meter, level: usize) -> Res<'a, Json> {
    let level = deeper(level)?;
    meter.allocate(size_of_val(items) + 16)?;
    let mut copied = Vec::with_capacity(items.len());
    for item in items {
        copied.push(copy(item, meter, level)?);
    }
    Ok(Json::Array(copied))
}

fn copy_members<'a>(
    members: &serde_json::Map<String, Json>,
    meter: &Meter,
    level: usize,
) -> Res<'a, Json> {
    let level = deeper(level)?;
    let mut copied = serde_json::Map::with_capacity(members.len());
    for (key, value) in members {
        meter.allocate(json_member_bytes(key))?;
        copied.insert(key.clone(), copy(value, meter, level)?);
    }
    Ok(Json::Object(copied))
}

fn json_member_bytes(key: &str) -> usize {
    key.len() + 16 + size_of::<String>() + size_of::<Json>() + 32
}

fn deeper<'a>(level: usize) -> Res<'a, usize> {
    if level >= limits::PAYLOAD_LEVELS {
        return Err(too_costly(format_args!(
            "its value nests more than {} levels deep",
            limits::PAYLOAD_LEVELS
        )));
    }
    Ok(level + 1)
}

fn above<'a>(levels: u16) -> Res<'a, u16> {
    if levels >= VALUE_LEVELS {
        return Err(too_costly(format_args!(
            "it builds a value that nests more than {VALUE_LEVELS} levels deep"
        )));
    }
    Ok(levels + 1)
}

impl Str<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Str::Borrowed(text) => text,
            Str::Shared(text) => text,
        }
    }
}

impl PartialEq for Str<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Str<'_> {}

impl std::hash::Hash for Str<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl indexmap::Equivalent<Str<'_>> for str {
    fn equivalent(&self, key: &Str<'_>) -> bool {
        self == key.as_str()
    }
}

impl<'a> List<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            List::Borrowed(items) => items.len(),
            List::Shared(shared) => shared.items.len(),
        }
    }

    pub(super) fn get(&self, position: usize) -> Option<Val<'a>> {
        match self {
            List::Borrowed(items) => items.get(position).map(Val::borrowed),
            List::Shared(shared) => shared.items.get(position).cloned(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Val<'a>> + '_ {
        (0..self.len()).filter_map(|position| self.get(position))
    }

    /// Some of its items, as a new array.
    pub(super) fn slice(&self, from: usize, to: usize, meter: &Meter) -> Res<'a, Val<'a>> {
        match self {
            List::Borrowed(items) => Ok(Val::Array(List::Borrowed(&items[from..to]))),
            List::Shared(shared) => {
                let mut items = meter.list(to - from)?;
                items.extend_from_slice(&shared.items[from..to]);
                Val::array(items)
            }
        }
    }

    /// Its items, its own when nobody else holds them.
    pub(super) fn into_items(self, meter: &Meter) -> Res<'a, Vec<Val<'a>>> {
        match self {
            List::Shared(shared) if Rc::strong_count(&shared) == 1 => {
                // The count says that nobody else holds it, so this moves and never copies.
                Ok(Rc::unwrap_or_clone(shared).items)
            }
            other => {
                let mut items = meter.list(other.len())?;
                meter.elements(other.len())?;
                items.extend(other.iter());
                Ok(items)
            }
        }
    }

    /// This array with more items at its end; copied only when somebody else holds it too.
    pub(super) fn append(self, more: &List<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
        let mut shared = match self {
            List::Shared(shared) if Rc::strong_count(&shared) == 1 => shared,
            other => Rc::new(Items {
                levels: match &other {
                    List::Borrowed(_) => 1,
                    List::Shared(shared) => shared.levels,
                },
                items: other.into_items(meter)?,
            }),
        };
        // Nobody else holds it: it was counted, or is new.
        if let Some(own) = Rc::get_mut(&mut shared) {
            meter.reserve(&mut own.items, more.len())?;
            for item in more.iter() {
                own.levels = own.levels.max(above(item.levels())?);
                own.items.push(item);
            }
        }
        Ok(Val::Array(List::Shared(shared)))
    }
}

impl<'a> Members<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Members::Borrowed(members) => members.len(),
            Members::Shared(shared) => shared.members.len(),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<Val<'a>> {
        match self {
            Members::Borrowed(members) => members.get(key).map(Val::borrowed),
            Members::Shared(shared) => shared.members.get(key).cloned(),
        }
    }

    pub(super) fn iter(&self) -> Box<dyn Iterator<Item = (Str<'a>, Val<'a>)> + '_> {
        match self {
            Members::Borrowed(members) => Box::new(
                members
                    .iter()
                    .map(|(key, value)| (Str::Borrowed(key.as_str()), Val::borrowed(value))),
            ),
            Members::Shared(shared) => Box::new(
                shared
                    .members
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone())),
            ),
        }
    }

    /// Its members for changing: its own when nobody else holds them, copied otherwise.
    pub(super) fn into_entries(self, meter: &Meter) -> Res<'a, Entries<'a>> {
        match self {
            Members::Shared(shared) if Rc::strong_count(&shared) == 1 => {
                // The count says that nobody else holds it, so this moves and never copies.
                Ok(Rc::unwrap_or_clone(shared))
            }
            other => {
                let mut entries = Entries::new();
                for (key, value) in other.iter() {
                    entries.insert(key, value, meter)?;
                }
                Ok(entries)
            }
        }
    }
}

impl<'a> Entries<'a> {
    pub(super) fn new() -> Entries<'a> {
        Entries {
            members: IndexMap::new(),
            levels: 1,
        }
    }

    /// Sets a member, charged.
    pub(super) fn insert(&mut self, key: Str<'a>, value: Val<'a>, meter: &Meter) -> Res<'a, ()> {
        // Hashing the key, finding its place, and at times moving the table.
        meter.steps(3)?;
        meter.read(key.as_str().len())?;
        self.levels = self.levels.max(above(value.levels())?);
        if let Some(place) = self.members.get_mut(key.as_str()) {
            *place = value;
        } else {
            meter.allocate(MEMBER_BYTES)?;
            self.members.insert(key, value);
        }
        Ok(())
    }

    /// Takes a member out, leaving null in its place, so that it can be changed and put back.
    pub(super) fn take(&mut self, key: &str) -> Option<Val<'a>> {
        let place = self.members.get_mut(key)?;
        Some(std::mem::replace(place, Val::Null))
    }

    /// Removes a member.
    pub(super) fn remove(&mut self, key: &str, meter: &Meter) -> Res<'a, ()> {
        meter.elements(self.members.len() / 8 + 1)?;
        self.members.shift_remove(key);
        Ok(())
    }

    pub(super) fn into_value(self) -> Val<'a> {
        Val::Object(Members::Shared(Rc::new(self)))
    }
}
