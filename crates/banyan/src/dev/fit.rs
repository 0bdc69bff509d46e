//! Values for which conditions hold, or do not: an answer that a `refused_when` takes for a yes.
//!
//! A search over few places and few candidates, with an end; it may find nothing.

use banyan_core::Json;
use banyan_core::expr::{Expr, Key, Read, Scope, Wanted};
use serde_json::json;
use std::borrow::Cow;

/// Evaluations before a search is given up: a few conditions over two places.
const TRIES: usize = 1_000;

/// An expression over `$result` (or over the step by its name), and whether it shall hold.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    /// The expression.
    pub(super) expression: Expr,
    /// What it shall come to.
    pub(super) holds: bool,
}

/// The values that conditions see beside `$result`.
pub(super) type Known = Vec<(String, Json)>;

/// What a search begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start<'s> {
    /// The value that would do if it pleases.
    pub(super) value: &'s Json,
    /// The status that it comes with, as `$http` tells it.
    pub(super) status: u16,
    /// The name of the step whose result it is; empty for none.
    pub(super) own: &'s str,
}

/// The value, changed as little as will do so that every condition comes out as it shall; none
/// when no such value was found.
pub(super) fn fit(start: Start<'_>, conditions: &[Condition], known: &Known) -> Option<Json> {
    let Start { value, own, .. } = start;
    let satisfied = |value: &Json| satisfied(Start { value, ..start }, conditions, known);
    if satisfied(value) {
        return Some(value.clone());
    }
    let all = conditions.iter();
    let (reads, others): (Vec<Read>, Vec<Read>) = all
        .flat_map(|condition| condition.expression.reads())
        .partition(|read| read.variable == "result" || read.variable == own);
    let mut candidates = candidates(&reads);
    candidates.extend(others.iter().filter_map(|read| value_of(read, known)));
    let mut paths: Vec<&[Key]> = Vec::new();
    for read in &reads {
        if !paths.contains(&read.path.as_slice()) {
            paths.push(&read.path);
        }
    }
    let mut tries = 0;
    let mut singles = Vec::new();
    for path in &paths {
        for candidate in &candidates {
            tries += 1;
            let changed = with(value, path, candidate);
            if satisfied(&changed) {
                return Some(changed);
            }
            singles.push(changed);
        }
    }
    for single in &singles {
        for path in &paths {
            for candidate in &candidates {
                tries += 1;
                let changed = with(single, path, candidate);
                if satisfied(&changed) {
                    return Some(changed);
                }
                if tries > TRIES {
                    return None;
                }
            }
        }
    }
    None
}

fn satisfied(start: Start<'_>, conditions: &[Condition], known: &Known) -> bool {
    let Start { value, status, own } = start;
    let http = json!({ "status": status, "headers": {} });
    let mut scope = Scope::default();
    for (name, value) in known {
        scope.bind(name, Cow::Borrowed(value));
    }
    scope.bind("http", Cow::Borrowed(&http));
    for name in ["result", own] {
        scope.bind(name, Cow::Borrowed(value));
    }
    conditions
        .iter()
        .all(|condition| condition.expression.holds(&scope) == Ok(condition.holds))
}

/// What another variable holds where a condition reads it: it may want the same.
fn value_of(read: &Read, known: &Known) -> Option<Json> {
    let (_, value) = known.iter().find(|(name, _)| *name == read.variable)?;
    let found = read.path.iter().try_fold(value, |value, key| match key {
        Key::Name(name) => value.get(name),
        Key::Item => value.get(0),
    });
    found.cloned()
}

/// What may stand at a place: what it is compared with, its neighbours, and usual words.
fn candidates(reads: &[Read]) -> Vec<Json> {
    let mut candidates = Vec::new();
    for read in reads {
        if let Wanted::Compared(value) = &read.wanted {
            candidates.push(value.clone());
            if let Some(number) = value.as_f64() {
                candidates.extend([json!(number.floor() + 1.0), json!(number.ceil() - 1.0)]);
            }
        }
    }
    candidates.extend([
        json!(true),
        json!(false),
        json!("ok"),
        json!(0),
        json!(1),
        Json::Null,
        json!([]),
        json!({}),
    ]);
    candidates
}

/// The value with another one at a place; objects and lists grow on the way as needed.
fn with(value: &Json, path: &[Key], at_end: &Json) -> Json {
    let mut changed = value.clone();
    let mut place = &mut changed;
    for key in path {
        match key {
            Key::Name(name) => {
                if !place.is_object() {
                    *place = json!({});
                }
                place = &mut place[name.as_str()];
            }
            Key::Item => {
                if place.as_array().is_none_or(Vec::is_empty) {
                    *place = json!([null]);
                }
                place = &mut place[0];
            }
        }
    }
    *place = at_end.clone();
    changed
}
