//! Moves of a running saga to another version of its definition: what stands in the way, and
//! what a move does to the saga's state.
//!
//! A move is allowed where it is proven that nothing which has happened would be seen
//! differently: what began keeps its place, its kind, its pivot and its undo, what is on its way
//! stays the very same bytes (I-14), and no new step stands before one that has begun (I-39).
//! Nothing here decides whether a move is wanted, and nothing is guessed: what is not proven
//! stands in the way.

mod proof;
mod steps;

use super::{Phase, Plan, Saga, State, StepState};
use crate::children::Registered;
use crate::definition::{Definition, Kind, Step};
use crate::language::compile_schema;
use crate::versions::{Difference, diff};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One thing that stands in the way of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The path of the step in this saga; none when it is about the whole definition.
    pub path: Option<String>,
    /// What kind of thing it is.
    pub code: ObstacleCode,
    /// In words, with what would help.
    pub message: String,
}

/// What may stand in the way of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObstacleCode {
    /// The version is one of another definition.
    AnotherDefinition,
    /// Something of the whole file differs that a running saga relies on.
    DefinitionChanged,
    /// The saga's input does not hold to the other version's schema.
    InputInvalid,
    /// A step that has begun is gone, or was renamed.
    StepMissing,
    /// A step that has begun stands in another group.
    StepMoved,
    /// A step that has begun does something else there.
    KindChanged,
    /// Steps that have begun stand in another order.
    OrderChanged,
    /// A step that has not begun stands before one that has.
    StepBefore,
    /// A step that has begun calls another service, or is on its way and calls otherwise.
    CallChanged,
    /// A step that has begun is undone otherwise.
    UndoChanged,
    /// A step that has begun was the point of no return, or is it there.
    PivotChanged,
    /// What a step that has begun leads to differs.
    StepChanged,
    /// A computed value that later steps read would be another one.
    ResultChanged,
    /// What would be sent under a key is not what was first sent under it.
    BodyChanged,
}

impl ObstacleCode {
    /// All of them.
    pub const ALL: [ObstacleCode; 14] = [
        ObstacleCode::AnotherDefinition,
        ObstacleCode::DefinitionChanged,
        ObstacleCode::InputInvalid,
        ObstacleCode::StepMissing,
        ObstacleCode::StepMoved,
        ObstacleCode::KindChanged,
        ObstacleCode::OrderChanged,
        ObstacleCode::StepBefore,
        ObstacleCode::CallChanged,
        ObstacleCode::UndoChanged,
        ObstacleCode::PivotChanged,
        ObstacleCode::StepChanged,
        ObstacleCode::ResultChanged,
        ObstacleCode::BodyChanged,
    ];

    /// The code as written in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            ObstacleCode::AnotherDefinition => "another_definition",
            ObstacleCode::DefinitionChanged => "definition_changed",
            ObstacleCode::InputInvalid => "input_invalid",
            ObstacleCode::StepMissing => "step_missing",
            ObstacleCode::StepMoved => "step_moved",
            ObstacleCode::KindChanged => "kind_changed",
            ObstacleCode::OrderChanged => "order_changed",
            ObstacleCode::StepBefore => "step_before",
            ObstacleCode::CallChanged => "call_changed",
            ObstacleCode::UndoChanged => "undo_changed",
            ObstacleCode::PivotChanged => "pivot_changed",
            ObstacleCode::StepChanged => "step_changed",
            ObstacleCode::ResultChanged => "result_changed",
            ObstacleCode::BodyChanged => "body_changed",
        }
    }
}

impl Saga {
    /// Everything that stands in the way of a move to this version; empty when the move is
    /// proven safe.
    pub fn obstacles(&self, to: &Arc<Plan>) -> Vec<Obstacle> {
        let mut found = Vec::new();
        let (old, new) = (&self.plan.definition, &to.definition);
        if old.name != new.name {
            let message = format!("{} is another definition than {}", new.name, old.name);
            let code = ObstacleCode::AnotherDefinition;
            return vec![Obstacle {
                path: None,
                code,
                message,
            }];
        }
        document(old, new, &mut found);
        let no_return = |definition| Registered::of(definition).no_return;
        if self.parent.is_some() && no_return(new) && !no_return(old) {
            let message = "it is a child, and that version has a point of no return: its parent could no longer undo it".to_owned();
            let code = ObstacleCode::PivotChanged;
            found.push(Obstacle {
                path: None,
                code,
                message,
            });
        }
        self.input_holds(new, &mut found);
        steps::compare(self, new, &mut found);
        if found.is_empty() {
            proof::same_bytes(self, to, &mut found);
        }
        found
    }

    /// What would be different for this saga after a move, in words: only what it has not
    /// begun, for what it has begun stays as it is.
    pub fn changes(&self, to: &Plan) -> Vec<Difference> {
        let mut begun = Vec::new();
        self.each_state(&mut |at, state| {
            if state.state != State::Pending {
                begun.push(at.step.path.clone());
            }
        });
        let mut all = diff(&self.plan.definition, &to.definition);
        all.retain(|one| match &one.path {
            Some(path) => !begun.contains(path),
            None => one.what.starts_with("output"),
        });
        all
    }

    /// It goes forward, and nobody has asked it to stop.
    pub fn is_movable(&self) -> bool {
        let running = self.status() == super::Status::Running;
        running && self.phase == Phase::Forward && self.halt.is_none()
    }

    /// Where the schema is not held to; the value itself may be secret.
    fn input_holds(&self, new: &Definition, found: &mut Vec<Obstacle>) {
        let Some(schema) = &new.input else { return };
        let why = match compile_schema(schema) {
            Err(error) => Some(error.to_string()),
            Ok(validator) => validator.validate(&self.input).err().map(|error| {
                match error.instance_path().to_string() {
                    root if root.is_empty() => "as a whole".to_owned(),
                    path => format!("at {path}"),
                }
            }),
        };
        if let Some(why) = why {
            let message = format!(
                "the saga's input does not hold to the input schema of version {}: {why}",
                new.version
            );
            let code = ObstacleCode::InputInvalid;
            found.push(Obstacle {
                path: None,
                code,
                message,
            });
        }
    }
}

/// What a running saga relies on of the document, whatever keys it has: all but what is read
/// once at the start, at the end, or by people.
fn document(old: &Definition, new: &Definition, found: &mut Vec<Obstacle>) {
    const FREE: [&str; 11] = [
        "name",
        "version",
        "hash",
        "description",
        "input",
        "labels",
        "deadline",
        "steps",
        "output",
        "keep",
        "on_end",
    ];
    let rest = |definition: &Definition| {
        // A definition is stored as JSON: writing it cannot fail.
        let mut all = serde_json::to_value(definition).unwrap_or_default();
        if let Some(members) = all.as_object_mut() {
            members.retain(|name, value| !FREE.contains(&name.as_str()) && !value.is_null());
        }
        all
    };
    let (before, after) = (rest(old), rest(new));
    let members = before
        .as_object()
        .into_iter()
        .chain(after.as_object())
        .flatten();
    let mut names: Vec<&String> = members.map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    for name in names
        .into_iter()
        .filter(|name| before.get(name) != after.get(name))
    {
        let message = format!("`{name}` differs, and the saga was accepted under the other one");
        let code = ObstacleCode::DefinitionChanged;
        found.push(Obstacle {
            path: None,
            code,
            message,
        });
    }
}

/// It has begun: something of it was reached.
fn is_begun(state: &StepState) -> bool {
    state.state != State::Pending || state.items.is_some() || state.parts.iter().any(is_begun)
}

/// The saga's states in the shape of another version: what has begun keeps its state.
///
/// # Errors
/// The name of a step that has begun and has no place there.
pub(super) fn reshape(
    old: &[Step],
    states: Vec<StepState>,
    new: &[Step],
) -> Result<Vec<StepState>, String> {
    let mut shaped = super::apply::blank(new);
    for (step, state) in old.iter().zip(states) {
        if !is_begun(&state) {
            continue;
        }
        let place = new.iter().position(|other| other.name == step.name);
        let Some(place) = place else {
            return Err(step.name.clone());
        };
        shaped[place] = reshape_step(step, state, &new[place])?;
    }
    Ok(shaped)
}

fn reshape_step(old: &Step, mut state: StepState, new: &Step) -> Result<StepState, String> {
    let parts = std::mem::take(&mut state.parts);
    state.parts = match (&old.kind, &new.kind) {
        (Kind::Group(old), Kind::Group(new)) => reshape(&old.steps, parts, &new.steps)?,
        (Kind::Each(old), Kind::Each(new)) => {
            let one = |item: StepState| {
                if is_begun(&item) {
                    reshape_step(&old.body, item, &new.body)
                } else {
                    Ok(super::apply::blank_step(&new.body))
                }
            };
            parts.into_iter().map(one).collect::<Result<_, _>>()?
        }
        (Kind::Group(_) | Kind::Each(_), _) => return Err(old.name.clone()),
        // Signals that came too late hang below their wait.
        (
            Kind::Call(_)
            | Kind::Wait(_)
            | Kind::Sleep(_)
            | Kind::Set(_)
            | Kind::Refuse(_)
            | Kind::Run(_),
            _,
        ) => parts,
    };
    Ok(state)
}
