//! What has begun must stand in the other version as it stands here: at its place, of its kind,
//! undone alike. What has not begun may be anything, after it.

use super::super::{Leg, Outcome, Saga, State, StepState};
use super::{Obstacle, ObstacleCode, is_begun};
use crate::definition::{Definition, Kind, Step};
use crate::json::Json;
use serde::Serialize;

/// Compares every step that has begun.
pub(super) fn compare(saga: &Saga, new: &Definition, found: &mut Vec<Obstacle>) {
    let old = &saga.plan.definition.steps;
    let mut look = Look {
        new,
        found,
        path: String::new(),
    };
    // Once the first confirm has begun every step is over, and none may be added.
    let mut closed = false;
    saga.each_state(&mut |_, state| closed |= state.leg(Leg::Confirm).round > 0);
    look.sequence(old, &saga.steps, &new.steps, Order::Sequence, closed);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Sequence,
    Beside,
}

struct Look<'a> {
    new: &'a Definition,
    found: &'a mut Vec<Obstacle>,
    /// The path of the group around.
    path: String,
}

impl Look<'_> {
    fn says(&mut self, path: String, code: ObstacleCode, message: String) {
        let path = Some(path);
        self.found.push(Obstacle {
            path,
            code,
            message,
        });
    }

    fn below(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// The steps of one level. `closed`: something after them has begun already.
    fn sequence(
        &mut self,
        old: &[Step],
        states: &[StepState],
        new: &[Step],
        order: Order,
        closed: bool,
    ) {
        let begun: Vec<(&Step, &StepState)> = old
            .iter()
            .zip(states)
            .filter(|(_, state)| is_begun(state))
            .collect();
        let mut places = Vec::new();
        for (step, _) in &begun {
            match new.iter().position(|other| other.name == step.name) {
                Some(place) => places.push(place),
                None => self.gone(step),
            }
        }
        if order == Order::Sequence {
            self.in_order(&places, new);
        }
        let last = places.iter().max().copied();
        self.nothing_before(new, &places, order, last, closed);
        for (step, state) in begun {
            let Some(place) = new.iter().position(|other| other.name == step.name) else {
                continue;
            };
            let later = order == Order::Sequence && last.is_some_and(|last| place < last);
            let path = self.below(&step.name);
            self.step(step, state, &new[place], path, closed || later);
        }
    }

    fn gone(&mut self, step: &Step) {
        let (path, name) = (self.below(&step.name), &step.name);
        let mut elsewhere = None;
        self.new.each_step(&mut |other| {
            if other.name == *name && elsewhere.is_none() {
                elsewhere = Some(other.path.clone());
            }
        });
        match elsewhere {
            Some(there) => {
                let message = format!(
                    "{name} has begun, and stands elsewhere in the other version, as {there}"
                );
                self.says(path, ObstacleCode::StepMoved, message);
            }
            None => {
                let message = format!(
                    "{name} has begun, and the other version has no step of that name: keep it there, under its name"
                );
                self.says(path, ObstacleCode::StepMissing, message);
            }
        }
    }

    fn in_order(&mut self, places: &[usize], new: &[Step]) {
        for pair in places.windows(2) {
            let [first, second] = *pair else { continue };
            if first > second {
                let (path, later) = (self.below(&new[first].name), &new[second].name);
                let message = format!(
                    "it began before {later}, and stands after it in the other version: effects are undone in the reverse of the order in which they began"
                );
                self.says(path, ObstacleCode::OrderChanged, message);
            }
        }
    }

    fn nothing_before(
        &mut self,
        new: &[Step],
        places: &[usize],
        order: Order,
        last: Option<usize>,
        closed: bool,
    ) {
        for (place, step) in new.iter().enumerate() {
            let early = order == Order::Sequence && last.is_some_and(|last| place < last);
            if places.contains(&place) || !(early || closed) {
                continue;
            }
            let path = self.below(&step.name);
            let message =
                "it has not begun, and stands before a step that has: it would run late, or never"
                    .to_owned();
            self.says(path, ObstacleCode::StepBefore, message);
        }
    }

    fn step(&mut self, old: &Step, state: &StepState, new: &Step, path: String, closed: bool) {
        if kind(&old.kind) != kind(&new.kind) {
            let message = format!(
                "it has begun as {}, and is {} in the other version",
                kind(&old.kind),
                kind(&new.kind)
            );
            return self.says(path, ObstacleCode::KindChanged, message);
        }
        // Nothing of it ran and nothing of it will.
        if state.state == State::Skipped {
            return;
        }
        self.alike(old, new, &path);
        match (&old.kind, &new.kind) {
            (Kind::Group(old), Kind::Group(new)) => {
                let order = if old.parallel {
                    Order::Beside
                } else {
                    Order::Sequence
                };
                let outer = std::mem::replace(&mut self.path, path);
                self.sequence(&old.steps, &state.parts, &new.steps, order, closed);
                self.path = outer;
            }
            (Kind::Each(old), Kind::Each(new)) => {
                for (number, item) in state.parts.iter().enumerate() {
                    let path = format!("{path}[{number}]");
                    if is_begun(item) {
                        self.step(&old.body, item, &new.body, path, closed);
                    } else if closed {
                        let message =
                            "it has not begun, and stands before a step that has".to_owned();
                        self.says(path, ObstacleCode::StepBefore, message);
                    }
                }
            }
            _ => self.leaf(old, state, new, path),
        }
    }

    /// What may not differ of any step that has begun, whatever keys the language has.
    fn alike(&mut self, old: &Step, new: &Step, path: &str) {
        const ELSEWHERE: [&str; 7] = [
            "name",
            "path",
            "when",
            "kind",
            "undo",
            "pivot",
            "after_pivot",
        ];
        let named = |code, message: String| (code, message);
        let mut said = Vec::new();
        if old.pivot != new.pivot || old.after_pivot != new.after_pivot {
            let message =
                "it has begun, and the point of no return stands elsewhere in the other version"
                    .to_owned();
            said.push(named(ObstacleCode::PivotChanged, message));
        }
        if json(&old.undo) != json(&new.undo) {
            let message = "it has begun, and its undo differs: what is done is undone as it was registered when it began".to_owned();
            said.push(named(ObstacleCode::UndoChanged, message));
        }
        let rest = |step: &Step| without(json(step), &ELSEWHERE);
        if rest(old) != rest(new) {
            let message = "it has begun, and what its outcome leads to differs".to_owned();
            said.push(named(ObstacleCode::StepChanged, message));
        }
        for (code, message) in said {
            self.says(path.to_owned(), code, message);
        }
    }

    fn leaf(&mut self, old: &Step, state: &StepState, new: &Step, path: String) {
        let over = matches!(state.state, State::Ended(_));
        let done = state.state == State::Ended(Outcome::Done);
        let (before, after) = (json(&old.kind), json(&new.kind));
        let code = ObstacleCode::CallChanged;
        match (&old.kind, &new.kind) {
            (Kind::Call(one), Kind::Call(other)) if over => {
                let place = |call: &crate::definition::Call| (call.method, call.service.clone());
                if place(&one.call) != place(&other.call) {
                    let message =
                        "it has begun, and calls another service or method in the other version"
                            .to_owned();
                    self.says(path, code, message);
                }
            }
            // What may be sent again, asked or answered must mean the same.
            (Kind::Call(_), Kind::Call(_)) => {
                let free = |mut kind: Json| {
                    if let Some(call) = kind["call"]["call"].as_object_mut() {
                        call.retain(|name, _| !["timeout", "retry"].contains(&name.as_str()));
                    }
                    kind
                };
                if free(before) != free(after) {
                    let message = "it is on its way, and its call differs: what is sent again under its key must be the same".to_owned();
                    self.says(path, code, message);
                }
            }
            (Kind::Wait(one), Kind::Wait(other)) => {
                let free = |kind: Json| without(kind["wait"].clone(), &["accepts", "within"]);
                let same = if over {
                    one.signal == other.signal
                } else {
                    free(before) == free(after)
                };
                if !same {
                    let message = "it has begun, and waits for something else in the other version"
                        .to_owned();
                    self.says(path, ObstacleCode::StepChanged, message);
                }
            }
            (Kind::Run(_), Kind::Run(_)) => {
                let free = |kind: Json| without(kind["run"].clone(), &["input"]);
                if free(before) != free(after) {
                    let message =
                        "it has begun, and runs another saga in the other version".to_owned();
                    self.says(path, code, message);
                }
            }
            (Kind::Set(_), Kind::Set(_)) if done && before != after => {
                let message = "it was computed, and the other version computes it otherwise: later steps would read the old value".to_owned();
                self.says(path, ObstacleCode::ResultChanged, message);
            }
            _ => {}
        }
    }
}

fn kind(kind: &Kind) -> &'static str {
    match kind {
        Kind::Call(_) => "a call",
        Kind::Wait(_) => "a wait",
        Kind::Sleep(_) => "a sleep",
        Kind::Set(_) => "a set",
        Kind::Refuse(_) => "a refuse",
        Kind::Group(group) if group.parallel => "a together",
        Kind::Group(_) => "a group of steps",
        Kind::Each(_) => "an each",
        Kind::Run(_) => "a child saga",
    }
}

/// A part of a definition as it is stored: writing it cannot fail.
fn json(part: &impl Serialize) -> Json {
    serde_json::to_value(part).unwrap_or_default()
}

fn without(mut value: Json, names: &[&str]) -> Json {
    if let Some(members) = value.as_object_mut() {
        members.retain(|name, value| !names.contains(&name.as_str()) && !value.is_null());
    }
    value
}
