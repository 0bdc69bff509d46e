//! What the stand-ins play of one definition: a part for each step that calls, waits or runs
//! another saga.

use super::fit::Known;
use super::maker::Maker;
use super::part::{CallPart, RunPart, WaitPart};
use super::wants::Wants;
use banyan_core::definition::{Each, Kind, Step};
use banyan_core::expr::{Expr, Scope};
use banyan_core::{Definition, Json};
use std::borrow::Cow;

/// Every part of one definition.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The paths of all steps that have a part, in the order of the file.
    pub(super) paths: Vec<String>,
    /// Steps that call.
    pub(super) calls: Vec<CallPart>,
    /// Steps that wait for a signal.
    pub(super) waits: Vec<WaitPart>,
    /// Steps that run children.
    pub(super) runs: Vec<RunPart>,
}

impl Plan {
    /// From a definition and the input that sagas will start with.
    pub(super) fn of(definition: &Definition, wants: &Wants, input: &Json) -> Plan {
        let mut writing = Writing {
            definition,
            wants,
            known: vec![("input".to_owned(), input.clone())],
            plan: Plan::default(),
        };
        definition.each_step(&mut |step| writing.add(step));
        if let Some(step) = definition.on_end.as_deref() {
            writing.add(step);
        }
        writing.plan
    }

    /// The step that calls, by its path as a call names it (`lines[3].reserve` is
    /// `lines[].reserve`).
    pub(super) fn call(&self, path: &str) -> Option<&CallPart> {
        let path = of_any_item(path);
        self.calls.iter().find(|part| part.path == path)
    }

    /// The step that waits for a signal, by its path.
    pub(super) fn wait(&self, path: &str) -> Option<&WaitPart> {
        let path = of_any_item(path);
        self.waits.iter().find(|part| part.path == path)
    }

    /// The step that runs a child, by its path.
    pub(super) fn run(&self, path: &str) -> Option<&RunPart> {
        let path = of_any_item(path);
        self.runs.iter().find(|part| part.path == path)
    }

    /// The path of the step that a person names: by its path, or by its name.
    pub(super) fn path_of(&self, named: &str) -> Option<&str> {
        let mut paths = self.paths.iter().map(String::as_str);
        paths.find(|path| {
            let plain = path.trim_end_matches("[]");
            [*path, plain].contains(&named) || plain.rsplit('.').next() == Some(named)
        })
    }
}

/// A plan while it is written, step by step in the order of the file.
struct Writing<'d> {
    definition: &'d Definition,
    wants: &'d Wants,
    known: Known,
    plan: Plan,
}

impl Writing<'_> {
    fn add(&mut self, step: &Step) {
        match &step.kind {
            Kind::Each(each) => {
                let item = self.first_item(each);
                self.known.push((each.item.clone(), item));
                return;
            }
            Kind::Call(_) => {
                let part = CallPart::new(step, self.maker(step));
                self.known.push((step.name.clone(), part.result(1)));
                self.plan.calls.push(part);
            }
            Kind::Wait(wait) => {
                let part = WaitPart::new(step, wait, self.maker(step));
                self.plan.waits.push(part);
            }
            Kind::Run(run) => {
                let input = run.input.as_ref();
                let input = input.and_then(|input| input.evaluate(&self.scope()).ok());
                self.plan.runs.push(RunPart {
                    path: step.path.clone(),
                    run: run.as_ref().clone(),
                    input,
                });
            }
            Kind::Sleep(_) | Kind::Set(_) | Kind::Refuse(_) | Kind::Group(_) => return,
        }
        self.plan.paths.push(step.path.clone());
    }

    fn maker(&self, step: &Step) -> Maker {
        Maker {
            name: step.name.clone(),
            shape: self.wants.of_step(&step.name),
            dangers: dangers(self.definition, &step.name),
            known: self.known.clone(),
        }
    }

    /// The first item of a list, when it can be told beforehand.
    fn first_item(&self, each: &Each) -> Json {
        let items = each.items.evaluate(&self.scope()).unwrap_or_default();
        items.get(0).cloned().unwrap_or_default()
    }

    fn scope(&self) -> Scope<'_> {
        let mut scope = Scope::default();
        for (name, value) in &self.known {
            scope.bind(name, Cow::Borrowed(value));
        }
        scope
    }
}

/// When a step of the kind `refuse` turns the saga back because of this step's result.
fn dangers(definition: &Definition, name: &str) -> Vec<Expr> {
    let mut found = Vec::new();
    definition.each_step(&mut |step| {
        if let (Kind::Refuse(_), Some(when)) = (&step.kind, &step.when)
            && when
                .variables()
                .iter()
                .any(|(variable, _)| *variable == name)
        {
            found.push(when.clone());
        }
    });
    found
}

/// `lines[3].reserve` as the definition names it: `lines[].reserve`.
fn of_any_item(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut within = false;
    for character in path.chars() {
        within &= character != ']';
        if !within {
            plain.push(character);
        }
        within |= character == '[';
    }
    plain
}
