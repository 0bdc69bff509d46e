//! Children: which saga a step runs, and whether it may.

use super::codes::Code;
use super::node::{Entry, Node, Place};
use super::read::{Fields, Reader, is_name};
use super::values::Scope;
use crate::children::{ChildProblem, ChildRun, family};
use crate::definition::Run;

/// Whether a code is about what a saga runs, and so hangs on which other definitions are known.
pub fn is_of_children(code: &str) -> bool {
    [
        Code::ChildNotRegistered,
        Code::ChildCycle,
        Code::ChildWithLock,
        Code::ChildWithPivot,
    ]
    .iter()
    .any(|one| one.as_str() == code)
}

impl Reader<'_> {
    /// A saga of its own. `pivot` says that its step is the point of no return.
    pub(crate) fn run(&mut self, fields: &Fields<'_>, main: &Entry, pivot: bool) -> Option<Run> {
        let named = self.child_name(&main.node);
        let input = fields
            .get("input")
            .map(|node| self.template(node, Scope::STEP));
        let refused_when = fields
            .get("refused_when")
            .map(|node| self.expression(node, "`refused_when`", Scope::SIGNAL));
        let (saga, version) = named?;
        let run = ChildRun {
            saga: saga.clone(),
            version,
            early: !pivot && !self.after_pivot,
        };
        self.children.push((run, main.node.place));
        if matches!(input, Some(None)) || matches!(refused_when, Some(None)) {
            return None;
        }
        Some(Run {
            saga,
            version,
            input: input.flatten(),
            refused_when: refused_when.flatten(),
        })
    }

    /// `charge`, or `charge@3`.
    fn child_name(&mut self, node: &Node) -> Option<(String, Option<u32>)> {
        let text = self.words(node, "`run`")?;
        let (name, version) = match text.split_once('@') {
            None => (text, Ok(None)),
            Some((name, version)) => (name, version.parse().map(Some)),
        };
        match version {
            Ok(version) if is_name(name) && version != Some(0) => Some((name.to_owned(), version)),
            Ok(_) | Err(_) => {
                self.problems.add(
                    Code::InvalidValue,
                    node.place,
                    format!("`run` names a saga, and {} names none", node.quoted()),
                    "write its name, `run: charge`, or its name and version, `run: charge@3`",
                );
                None
            }
        }
    }

    /// Looks at the children against what is registered. What is not known yet is looked at
    /// again when a saga starts.
    pub(crate) fn check_children(&mut self, name: &str, version: u32) {
        for (run, place) in std::mem::take(&mut self.children) {
            let itself = run.saga == name && run.version.is_none_or(|one| one == version);
            let problem = match self.surroundings.sagas {
                Some(sagas) => family((name, version), &[run], sagas).err(),
                None if itself => Some(ChildProblem::Cycle {
                    way: format!("{name} runs {name}"),
                }),
                None => None,
            };
            if let Some(problem) = problem {
                self.child_problem(&problem, place);
            }
        }
    }

    fn child_problem(&mut self, problem: &ChildProblem, place: Place) {
        let (code, help) = match problem {
            ChildProblem::NotRegistered { .. } => (
                Code::ChildNotRegistered,
                "register it before the first saga of this definition starts",
            ),
            ChildProblem::Cycle { .. } => (
                Code::ChildCycle,
                "let one of them call a service instead, or start the other by a service of yours",
            ),
            ChildProblem::Lock { .. } => (
                Code::ChildWithLock,
                "put the lock on this saga instead, or take it out of the child",
            ),
            ChildProblem::NoReturn { .. } => (
                Code::ChildWithPivot,
                "let it stand at or after the pivot: until then the parent must be able to undo it",
            ),
        };
        self.problems.add(code, place, problem.to_string(), help);
    }
}
