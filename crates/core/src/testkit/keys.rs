//! Which keys stand where: what tests count against, taken from the language's one table.

use crate::json::Json;
use crate::language::keys::{self, StepKind, Within};
use std::collections::{BTreeMap, BTreeSet};

/// A step as its file writes it.
#[derive(Clone, Debug)]
pub struct Written {
    /// What it does, in the words of the language's table.
    pub kind: &'static str,
    /// Its keys, and those of its check, undo and retry behind a dot (`undo.missing`).
    pub keys: BTreeSet<String>,
}

/// The steps of a saga file by their names, which are unique in it.
pub fn written(source: &str) -> BTreeMap<String, Written> {
    let mut all = BTreeMap::new();
    collect(&crate::language::tree(source)["steps"], &mut all);
    all
}

/// The keys of a saga file outside its steps, and those of its `on_end` behind a dot.
pub fn written_in_file(source: &str) -> BTreeSet<String> {
    let file = crate::language::tree(source);
    let names = |value: &Json| -> Vec<String> {
        let members = value.as_object().into_iter().flatten();
        members.map(|(name, _)| name.clone()).collect()
    };
    let of_end = names(&file["on_end"]).into_iter();
    let of_end = of_end.map(|name| format!("on_end.{name}"));
    names(&file).into_iter().chain(of_end).collect()
}

/// Every key that a saga file may have outside its steps, as [`written_in_file`] names them.
pub fn keys_of_file() -> Vec<String> {
    let built = |within: Within| keys::of(within).filter(|key| key.shape.is_some());
    let of_end = built(Within::OnEnd).map(|key| format!("on_end.{}", key.name));
    let of_file = built(Within::Document).map(|key| key.name.to_owned());
    of_file.chain(of_end).collect()
}

/// Every pair of a kind of step and a key that may stand on it.
pub fn pairs() -> Vec<(&'static str, String)> {
    let built = |within: Within| keys::of(within).filter(|key| key.shape.is_some());
    let mut all = Vec::new();
    for kind in StepKind::ALL {
        for key in built(Within::Step).filter(|key| key.stands_on(kind)) {
            all.push((kind.noun(), key.name.to_owned()));
        }
    }
    for (name, within) in NESTED {
        let inner =
            built(within).map(|key| (StepKind::Call.noun(), format!("{name}.{}", key.name)));
        all.extend(inner);
    }
    all
}

const NESTED: [(&str, Within); 4] = [
    ("check", Within::Check),
    ("undo", Within::Undo),
    ("confirm", Within::Confirm),
    ("retry", Within::Retry),
];

fn collect(list: &Json, all: &mut BTreeMap<String, Written>) {
    let steps = list.as_array().into_iter().flatten();
    for (name, step) in steps.filter_map(Json::as_object).flatten() {
        let Some(members) = step.as_object() else {
            continue;
        };
        let kind = keys::of(Within::Step)
            .filter(|key| members.contains_key(key.name))
            .find_map(|key| key.makes);
        let Some(kind) = kind else { continue };
        let mut keys: BTreeSet<String> = members.keys().cloned().collect();
        for (outer, _) in NESTED {
            let inner = members.get(outer).and_then(Json::as_object);
            keys.extend(
                inner
                    .into_iter()
                    .flatten()
                    .map(|(key, _)| format!("{outer}.{key}")),
            );
        }
        let kind = kind.noun();
        all.insert(name.clone(), Written { kind, keys });
        for group in ["steps", "together"] {
            if let Some(parts) = members.get(group) {
                collect(parts, all);
            }
        }
    }
}
