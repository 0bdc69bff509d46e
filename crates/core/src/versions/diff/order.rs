//! Where steps stand: which are new, gone, renamed or moved.

use super::{Difference, parts};
use crate::Json;
use crate::definition::{Kind, Step};
use std::collections::HashMap;

/// A step, and where it stands.
pub(super) struct Placed<'d> {
    /// The step.
    pub(super) step: &'d Step,
    /// The group around it.
    parent: Option<&'d str>,
    /// The steps beside it, itself among them.
    beside: &'d [Step],
}

/// Every step of a definition, groups before their parts.
pub(super) struct Tree<'d> {
    /// In the order of the file.
    pub(super) steps: Vec<Placed<'d>>,
}

impl<'d> Tree<'d> {
    /// Of these steps and their parts.
    pub(super) fn of(steps: &'d [Step]) -> Tree<'d> {
        let mut tree = Tree { steps: Vec::new() };
        tree.add(steps, None);
        tree
    }

    fn add(&mut self, steps: &'d [Step], parent: Option<&'d str>) {
        for step in steps {
            self.steps.push(Placed {
                step,
                parent,
                beside: steps,
            });
            match &step.kind {
                Kind::Group(group) => self.add(&group.steps, Some(&step.name)),
                Kind::Each(each) => self.add(parts_of(&each.body), Some(&step.name)),
                Kind::Call(_)
                | Kind::Wait(_)
                | Kind::Sleep(_)
                | Kind::Set(_)
                | Kind::Refuse(_)
                | Kind::Run(_) => {}
            }
        }
    }

    /// The step of this name.
    pub(super) fn find(&self, name: &str) -> Option<&Placed<'d>> {
        self.steps.iter().find(|placed| placed.step.name == name)
    }
}

/// The parts of what is done for an item.
fn parts_of(body: &Step) -> &[Step] {
    match &body.kind {
        Kind::Group(group) => &group.steps,
        Kind::Call(_)
        | Kind::Wait(_)
        | Kind::Sleep(_)
        | Kind::Set(_)
        | Kind::Refuse(_)
        | Kind::Each(_)
        | Kind::Run(_) => &[],
    }
}

/// Which step of the earlier version each step of the later one is.
pub(super) struct Names<'d> {
    old: HashMap<&'d str, &'d str>,
}

impl<'d> Names<'d> {
    /// What a step was called; none when it is new.
    pub(super) fn old(&self, new: &str) -> Option<&'d str> {
        self.old.get(new).copied()
    }
}

/// By name; and a new step that is nothing but one that is gone, under another name.
pub(super) fn matched<'d>(before: &Tree<'d>, after: &Tree<'d>) -> Names<'d> {
    let mut old: HashMap<&str, &str> = HashMap::new();
    for placed in &after.steps {
        if let Some(known) = before.find(&placed.step.name) {
            old.insert(&placed.step.name, &known.step.name);
        }
    }
    let mut gone: Vec<&Placed<'_>> = before
        .steps
        .iter()
        .filter(|placed| after.find(&placed.step.name).is_none())
        .collect();
    for placed in &after.steps {
        if old.contains_key(placed.step.name.as_str()) {
            continue;
        }
        let content = nameless(placed.step);
        let same = gone.iter().position(|other| {
            let parent = placed.parent.map(|parent| old.get(parent).copied());
            parent.unwrap_or(None) == other.parent && nameless(other.step) == content
        });
        if let Some(position) = same {
            let known = gone.remove(position);
            old.insert(&placed.step.name, &known.step.name);
        }
    }
    Names { old }
}

/// A step's content without its name and without any path. What an `each` does for an item
/// bears the name of the `each`.
fn nameless(step: &Step) -> Json {
    let mut value = serde_json::to_value(step).unwrap_or_default();
    without(&mut value, &step.name);
    value
}

/// Takes the paths out of a step and its parts, and this name.
fn without(value: &mut Json, name: &str) {
    match value {
        Json::Object(members) => {
            if members.contains_key("name") && members.contains_key("kind") {
                members.shift_remove("path");
                if members["name"] == name {
                    members.shift_remove("name");
                }
            }
            members.values_mut().for_each(|value| without(value, name));
        }
        Json::Array(items) => items.iter_mut().for_each(|item| without(item, name)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// Steps that are new, renamed or moved, by their new path; and those that are gone.
pub(super) fn places(before: &Tree<'_>, after: &Tree<'_>, names: &Names<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    for placed in &after.steps {
        let step = placed.step;
        let Some(old) = names.old(&step.name) else {
            let message = format!("{}: new step, {}", step.name, neighbours(placed));
            found.push(difference(
                step,
                Json::Null,
                parts::kind_of(step).into(),
                message,
            ));
            continue;
        };
        if old != step.name {
            let message = format!("{}: it was named {old}", step.name);
            found.push(difference(
                step,
                old.into(),
                step.name.as_str().into(),
                message,
            ));
        }
        if let Some(message) = moved(before, placed, old, names) {
            found.push(difference(
                step,
                old.into(),
                step.name.as_str().into(),
                message,
            ));
        }
    }
    let kept: Vec<&str> = names.old.values().copied().collect();
    for placed in &before.steps {
        let step = placed.step;
        if !kept.contains(&step.name.as_str()) {
            let kind = parts::kind_of(step);
            let message = format!("{}: the step is gone, it was {kind}", step.name);
            found.push(difference(step, kind.into(), Json::Null, message));
        }
    }
    found
}

fn difference(step: &Step, from: Json, to: Json, message: String) -> Difference {
    Difference {
        path: Some(step.path.clone()),
        what: "step".to_owned(),
        from,
        to,
        message,
    }
}

/// What is said when a step stands elsewhere than it did, among those that are in both.
fn moved(before: &Tree<'_>, placed: &Placed<'_>, old: &str, names: &Names<'_>) -> Option<String> {
    let known = before.find(old)?;
    let name = &placed.step.name;
    let around = placed.parent.and_then(|parent| names.old(parent));
    if around != known.parent || (placed.parent.is_some() && around.is_none()) {
        let place = |parent: Option<&str>| match parent {
            Some(parent) => format!("within {parent}"),
            None => "at the top".to_owned(),
        };
        let (was, is) = (place(known.parent), place(placed.parent));
        return Some(format!("{name}: moved, it stands {is} now, it stood {was}"));
    }
    let earlier: Vec<&str> = known.beside.iter().map(|step| step.name.as_str()).collect();
    let order: Vec<(usize, &str)> = placed
        .beside
        .iter()
        .filter_map(|step| {
            let old = names.old(&step.name)?;
            let position = earlier.iter().position(|name| *name == old)?;
            Some((position, step.name.as_str()))
        })
        .collect();
    let stays = staying(
        &order
            .iter()
            .map(|(position, _)| *position)
            .collect::<Vec<_>>(),
    );
    let index = order.iter().position(|(_, other)| other == name)?;
    if stays.contains(&index) {
        return None;
    }
    Some(format!(
        "{name}: moved, it stands {} now",
        neighbours(placed)
    ))
}

/// The indices of a longest rising run: what stays while the rest moves around it.
fn staying(positions: &[usize]) -> Vec<usize> {
    let mut best: Vec<Vec<usize>> = Vec::with_capacity(positions.len());
    for (index, position) in positions.iter().enumerate() {
        let before = best.iter().enumerate();
        let longest = before
            .filter(|(other, _)| positions[*other] < *position)
            .map(|(_, run)| run)
            .max_by_key(|run| run.len());
        let mut run = longest.cloned().unwrap_or_default();
        run.push(index);
        best.push(run);
    }
    best.into_iter().max_by_key(Vec::len).unwrap_or_default()
}

/// Between which steps one stands.
fn neighbours(placed: &Placed<'_>) -> String {
    let names: Vec<&str> = placed
        .beside
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    let index = names.iter().position(|name| *name == placed.step.name);
    let before = index
        .and_then(|index| index.checked_sub(1))
        .map(|index| names[index]);
    let after = index.and_then(|index| names.get(index + 1).copied());
    let place = match (before, after) {
        (Some(before), Some(after)) => format!("between {before} and {after}"),
        (Some(before), None) => format!("after {before}"),
        (None, Some(after)) => format!("before {after}"),
        (None, None) => "alone".to_owned(),
    };
    match placed.parent {
        Some(parent) => format!("{place}, within {parent}"),
        None => place,
    }
}
