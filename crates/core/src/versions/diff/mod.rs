//! What differs between two versions, in words: the document's keys first, then the steps.
//!
//! Steps are the same when their names are; one that changed nothing but its name is renamed.
//! What the checker derives from elsewhere in the file (paths, what stands after the pivot) is
//! not told again at each step that it touches.

mod order;
mod parts;
mod schemas;
mod words;

use crate::Json;
use crate::definition::{Definition, Kind, Label, Step};
use order::Tree;
use parts::{Leg, Part};

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The step's path in the later version, or in the earlier one where it is gone; none for
    /// the document's own keys.
    pub path: Option<String>,
    /// What it is about: `deadline`, `undo.path`, `step`.
    pub what: String,
    /// How it was; null when there was nothing.
    pub from: Json,
    /// How it is; null when there is nothing.
    pub to: Json,
    /// The same in words.
    pub message: String,
}

/// What differs between two definitions, the earlier one first. Nothing differs where only
/// names, versions and hashes of the definitions do.
pub fn diff(from: &Definition, to: &Definition) -> Vec<Difference> {
    let mut found = Vec::new();
    document(from, to, &mut found);
    let (before, after) = (Tree::of(&from.steps), Tree::of(&to.steps));
    let names = order::matched(&before, &after);
    let mut said = order::places(&before, &after, &names);
    for step in &after.steps {
        let changed = said
            .iter()
            .filter(|one| one.path.as_deref() == Some(&step.step.path));
        found.extend(changed.cloned());
        if let Some(old) = names
            .old(&step.step.name)
            .and_then(|name| before.find(name))
        {
            compare_steps(old.step, step.step, &mut found);
        }
    }
    said.retain(|one| one.to.is_null());
    found.extend(said);
    found
}

fn document(from: &Definition, to: &Definition, found: &mut Vec<Difference>) {
    let Definition {
        name: _,
        version: _,
        hash: _,
        description,
        input,
        labels,
        deadline,
        steps: _,
        output,
        on_end,
        secret,
        lock,
        keep,
    } = to;
    let text = |text: &Option<String>| Json::from(text.clone());
    let time = |time: Option<crate::time::Duration>| Json::from(time.map(|time| time.to_string()));
    let value = |value: &Option<crate::expr::Template>| Json::from(value.clone().map(Json::from));
    keyed(
        "description",
        text(&from.description),
        text(description),
        found,
    );
    schemas::compare("input", None, from.input.as_ref(), input.as_ref(), found);
    for (name, was, is) in paired(&from.labels, labels) {
        keyed(&format!("labels.{name}"), was, is, found);
    }
    keyed("deadline", time(from.deadline), time(*deadline), found);
    keyed("keep", time(from.keep), time(*keep), found);
    keyed("output", value(&from.output), value(output), found);
    let source = |lock: &Option<crate::expr::Expr>| {
        Json::from(lock.as_ref().map(|lock| lock.source().to_owned()))
    };
    keyed("lock", source(&from.lock), source(lock), found);
    keyed(
        "secret",
        parts::secrets(&from.secret),
        parts::secrets(secret),
        found,
    );
    match (&from.on_end, on_end) {
        (Some(was), Some(is)) => compare_steps(was, is, found),
        (was, is) => keyed(
            "on_end",
            called(was.as_deref()),
            called(is.as_deref()),
            found,
        ),
    }
}

/// The call that a step makes, in short form.
fn called(step: Option<&Step>) -> Json {
    let call = step.and_then(|step| step.calls().next());
    let short = call.map(|call| {
        let (method, path) = (call.method.as_str(), call.path.source());
        format!("{method} {} {path}", call.service)
    });
    Json::from(short)
}

/// Labels by name: how each was and is.
fn paired(from: &[Label], to: &[Label]) -> Vec<(String, Json, Json)> {
    let find = |labels: &[Label], name: &str| {
        let found = labels.iter().find(|label| label.name == name);
        found.map_or(Json::Null, |label| label.value.source().into())
    };
    let mut names: Vec<&str> = to.iter().map(|label| label.name.as_str()).collect();
    let gone = from.iter().map(|label| label.name.as_str());
    names.extend(gone.filter(|name| to.iter().all(|label| label.name != *name)));
    names
        .into_iter()
        .map(|name| (name.to_owned(), find(from, name), find(to, name)))
        .collect()
}

/// A key of the document.
fn keyed(what: &str, from: Json, to: Json, found: &mut Vec<Difference>) {
    if from != to {
        found.push(Difference {
            path: None,
            what: what.to_owned(),
            message: words::became(what, &from, &to),
            from,
            to,
        });
    }
}

fn compare_steps(from: &Step, to: &Step, found: &mut Vec<Difference>) {
    let (old, new) = (parts::kind_of(from), parts::kind_of(to));
    if old != new {
        found.push(Difference {
            path: Some(to.path.clone()),
            what: "kind".to_owned(),
            from: old.into(),
            to: new.into(),
            message: format!("{}: it is {new} now, it was {old}", to.name),
        });
    }
    compare_parts(to, &parts::common(from), &parts::common(to), found);
    if old == new {
        if let (Kind::Wait(was), Kind::Wait(is)) = (&from.kind, &to.kind) {
            let (was, is) = (was.accepts.as_ref(), is.accepts.as_ref());
            schemas::compare("accepts", Some(to), was, is, found);
        }
        compare_parts(to, &parts::of_kind(from), &parts::of_kind(to), found);
        if let (Kind::Each(was), Kind::Each(is)) = (&from.kind, &to.kind) {
            compare_steps(&was.body, &is.body, found);
        }
    }
    for ((name, was), (_, is)) in parts::legs(from).into_iter().zip(parts::legs(to)) {
        compare_legs(to, name, &was, &is, found);
    }
}

fn compare_legs(step: &Step, name: &str, from: &Leg, to: &Leg, found: &mut Vec<Difference>) {
    match (from, to) {
        (Leg::Call(_, was), Leg::Call(_, is)) => compare_parts(step, was, is, found),
        _ if from.summary() == to.summary() => {}
        _ => found.push(Difference {
            path: Some(step.path.clone()),
            what: name.to_owned(),
            from: from.summary(),
            to: to.summary(),
            message: words::changed(
                &step.name,
                &format!("the {name}"),
                &from.summary(),
                &to.summary(),
            ),
        }),
    }
}

/// Parts by what they are: those of the later version in their order, then those that are gone.
fn compare_parts(step: &Step, from: &[Part], to: &[Part], found: &mut Vec<Difference>) {
    let find = |parts: &[Part], what: &str| {
        let part = parts.iter().find(|part| part.what == what);
        part.map_or(Json::Null, |part| part.value.clone())
    };
    let gone = from
        .iter()
        .filter(|part| to.iter().all(|other| other.what != part.what));
    for part in to.iter().chain(gone) {
        let (was, is) = (find(from, &part.what), find(to, &part.what));
        if was == is {
            continue;
        }
        let message = match part.flag {
            Some((yes, no)) => {
                let said = if is == Json::Bool(true) { yes } else { no };
                format!("{}: {said}", step.name)
            }
            None => words::changed(&step.name, &part.phrase, &was, &is),
        };
        found.push(Difference {
            path: Some(step.path.clone()),
            what: part.what.clone(),
            from: was,
            to: is,
            message,
        });
    }
}
