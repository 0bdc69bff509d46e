//! Steps and groups, in the order in which they are reached.
//!
//! A step may refer to another when that one comes earlier in a sequence around it: then it has
//! certainly ended, or was skipped and is null. Branches of one `together` do not see each other.
//! After a group its own name and those of its parts are visible.

use super::codes::Code;
use super::keys::{self, StepKind, Within};
use super::node::{Entry, Node, Place, Value, shortened};
use super::read::{Fields, LONGEST, Reader, SHORTEST};
use super::values::Scope;
use crate::definition::{Group, Kind, OnRefused, OnUnknown, Sleep, Step, Undo, Wait};
use crate::limits;
use std::collections::HashMap;

/// Names of steps that mean something else in an expression.
const RESERVED: [&str; 6] = ["input", "saga", "key", "result", "body", "http"];

impl Reader<'_> {
    /// A list of steps under `key`; `around` holds the names of the groups around it.
    pub(crate) fn steps(
        &mut self,
        node: &Node,
        key: &str,
        parallel: bool,
        around: &[String],
    ) -> Option<Vec<Step>> {
        let items = match &node.value {
            Value::List(items) if !items.is_empty() => items,
            Value::List(_) => {
                self.missing(
                    "step",
                    node.place,
                    &format!("`{key}` holds at least one step"),
                );
                return None;
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => {
                self.wrong_type(
                    node,
                    &format!("`{key}` is a list of steps, each `- name:` and its keys"),
                );
                return None;
            }
        };
        if around.len() >= limits::DEFINITION_LEVELS {
            self.problems.add(
                Code::TooDeep,
                node.place,
                format!(
                    "groups nest deeper than {} levels",
                    limits::DEFINITION_LEVELS
                ),
                "flatten the groups",
            );
            return None;
        }
        let before = self.visible.clone();
        let mut after = before.clone();
        let mut steps = Vec::new();
        for item in items {
            if parallel {
                self.visible.clone_from(&before);
            }
            let step = self.step(item, around);
            if parallel {
                after.extend_from_slice(&self.visible[before.len()..]);
            }
            steps.push(step);
        }
        if parallel {
            self.visible = after;
        }
        steps.into_iter().collect()
    }

    fn step(&mut self, item: &Node, around: &[String]) -> Option<Step> {
        let Some(entry) = self.only_entry(item) else {
            // What refers to it is not wrong because of that.
            if let Value::Map(entries) = &item.value {
                self.visible
                    .extend(entries.iter().map(|entry| entry.key.clone()));
            }
            return None;
        };
        self.step_name(entry);
        let outer = self.current.replace(entry.key.clone());
        let step = self.named_step(entry, around);
        self.current = outer;
        self.visible.push(entry.key.clone());
        step
    }

    fn only_entry<'n>(&mut self, item: &'n Node) -> Option<&'n Entry> {
        let Value::Map(entries) = &item.value else {
            self.wrong_type(item, "a step is its name and, below it, its keys");
            return None;
        };
        match entries.as_slice() {
            [entry] => Some(entry),
            [] => {
                self.wrong_type(item, "a step has a name");
                None
            }
            [first, second, ..] => {
                let slipped = keys::find(Within::Step, &second.key).is_some();
                let help = if slipped {
                    "indent the step's keys deeper than its name"
                } else {
                    "begin each step with its own `-`"
                };
                self.problems.add(
                    Code::WrongType,
                    second.place,
                    format!(
                        "a step is one name with its keys below it, and beside `{}` stands `{}`",
                        shortened(&first.key),
                        shortened(&second.key)
                    ),
                    help,
                );
                None
            }
        }
    }

    fn step_name(&mut self, entry: &Entry) {
        let name = entry.key.as_str();
        if RESERVED.contains(&name) {
            self.problems.add(
                Code::ReservedName,
                entry.place,
                format!(
                    "no step may be called `{name}`: in expressions `${name}` means something else"
                ),
                "choose another name",
            );
        } else {
            self.check_name(name, entry.place, "a step's name");
        }
        if let Some(first) = self.names.get(name)
            && *first != entry.place
        {
            let message = format!(
                "two steps are called `{}`; the first stands in line {}",
                shortened(name),
                first.line
            );
            self.problems.add(
                Code::DuplicateName,
                entry.place,
                message,
                "names are unique in the whole file, groups included",
            );
        }
    }

    fn named_step(&mut self, entry: &Entry, around: &[String]) -> Option<Step> {
        let fields = self.fields(&entry.node, Within::Step)?;
        let (kind, main) = self.kind(&fields, entry.place)?;
        self.misplaced(&fields, kind);
        let when = fields
            .get("when")
            .map(|node| self.expression(node, "`when`", Scope::STEP));
        let on_refused = match fields.get("on_refused") {
            Some(node) => {
                self.choice(node, "`on_refused`", &["continue"]);
                OnRefused::Continue
            }
            None => OnRefused::TurnBack,
        };
        let pivot = self.is_pivot(&fields);
        let after_pivot = self.after_pivot;
        let mut path = around.to_vec();
        path.push(entry.key.clone());
        let mut undo = Some(Undo::Absent);
        let mut on_unknown = if after_pivot || pivot {
            OnUnknown::Stuck
        } else {
            OnUnknown::Undo
        };
        let kind_read = match kind {
            StepKind::Call => {
                let step = self.call_step(&fields, &main.node, pivot);
                undo = step.undo;
                on_unknown = step.on_unknown;
                step.action.map(|action| Kind::Call(Box::new(action)))
            }
            StepKind::Wait => self.wait(&fields, main).map(Kind::Wait),
            StepKind::Sleep => self.sleep(main).map(Kind::Sleep),
            StepKind::Set => self.template(&main.node, Scope::STEP).map(Kind::Set),
            StepKind::Refuse => self.refuse(main),
            StepKind::Group => self.group(&fields, main, &path).map(Kind::Group),
        };
        self.refusable(&fields, kind, main, on_refused);
        if pivot {
            self.pivot = Some((entry.key.clone(), entry.place.line));
            self.after_pivot = true;
        }
        if matches!(when, Some(None)) {
            return None;
        }
        Some(Step {
            name: entry.key.clone(),
            path: path.join("."),
            when: when.flatten(),
            kind: kind_read?,
            undo: undo?,
            pivot,
            after_pivot,
            on_refused,
            on_unknown,
        })
    }

    /// The kind of a step and the key that makes it.
    fn kind<'n>(&mut self, fields: &Fields<'n>, name: Place) -> Option<(StepKind, &'n Entry)> {
        let later = ["task", "emit", "run", "each"];
        if fields
            .entries()
            .iter()
            .any(|entry| later.contains(&entry.key.as_str()))
        {
            // It was reported; the rest of the step hangs on it.
            return None;
        }
        let mut makers = fields.entries().iter().filter_map(|entry| {
            let makes = keys::find(Within::Step, &entry.key)?.makes?;
            Some((makes, entry))
        });
        let Some(first) = makers.next() else {
            self.problems.add(
                Code::StepWithoutKind,
                name,
                "this step does nothing",
                "give it one of `do`, `wait`, `sleep`, `until`, `set`, `refuse`, `together`, `steps`",
            );
            return None;
        };
        if let Some((_, second)) = makers.next() {
            self.problems.add(
                Code::SeveralKinds,
                second.place,
                format!(
                    "a step does one thing, and beside `{}` stands `{}`",
                    first.1.key, second.key
                ),
                "make two steps of it",
            );
        }
        Some(first)
    }

    fn misplaced(&mut self, fields: &Fields<'_>, kind: StepKind) {
        for entry in fields.entries() {
            let Some(key) = keys::find(Within::Step, &entry.key) else {
                continue;
            };
            if key.shape.is_none() || key.makes.is_some() || key.stands_on(kind) {
                continue;
            }
            let asks_later = ["reply", "pending_when"]
                .iter()
                .any(|later| fields.entry(later).is_some());
            if key.name == "undo" && kind == StepKind::Wait {
                self.not_supported_yet("undo", entry.place);
            } else if !(key.name == "for" && asks_later) {
                let homes: Vec<&str> = key.on.iter().map(|kind| kind.noun()).collect();
                self.problems.add(
                    Code::MisplacedKey,
                    entry.place,
                    format!("`{}` may not stand on {}", key.name, kind.noun()),
                    format!("it belongs to {}", homes.join(" or ")),
                );
            }
        }
    }

    fn is_pivot(&mut self, fields: &Fields<'_>) -> bool {
        let Some(entry) = fields.entry("pivot") else {
            return false;
        };
        if self.truth(&entry.node, "`pivot`") != Some(true) {
            return false;
        }
        let beside = ["when", "on_refused"]
            .into_iter()
            .find(|key| fields.entry(key).is_some());
        if let Some(inside) = self.no_pivot {
            self.misplaced_pivot(entry.place, &format!("inside {inside}"));
        } else if let Some(beside) = beside {
            self.misplaced_pivot(entry.place, &format!("beside `{beside}`"));
        } else if let Some((name, line)) = &self.pivot {
            let message = format!(
                "a second pivot: `{name}` in line {line} is already the point of no return"
            );
            self.problems.add(
                Code::TwoPivots,
                entry.place,
                message,
                "a saga has one pivot on its path; what follows it is retried until done anyway",
            );
        } else {
            return true;
        }
        false
    }

    fn misplaced_pivot(&mut self, place: Place, where_to: &str) {
        self.problems.add(
            Code::MisplacedPivot,
            place,
            format!("a pivot may not stand {where_to}: it must be reached by every saga, once"),
            "move the pivot to a step of its own on the main path",
        );
    }

    fn wait(&mut self, fields: &Fields<'_>, main: &Entry) -> Option<Wait> {
        let signal = match &main.node.value {
            Value::Map(_) => {
                self.fields(&main.node, Within::Wait);
                None
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                self.name(&main.node, "a signal's name")
            }
        };
        let accepts = fields
            .get("accepts")
            .map(|node| self.json_schema(node, "`accepts`"));
        let refused_when = fields
            .get("refused_when")
            .map(|node| self.expression(node, "`refused_when`", Scope::SIGNAL));
        let Some(limit) = fields.get("for") else {
            self.missing(
                "for",
                main.place,
                "say how long to wait: `for: 2d`; no signal in time means refused",
            );
            return None;
        };
        let within = self.duration(limit, "`for`", (SHORTEST, LONGEST))?;
        self.beyond_deadline(limit, "`for`", within);
        Some(Wait {
            signal: signal?,
            accepts: accepts.flatten(),
            within,
            refused_when: refused_when.flatten(),
        })
    }

    fn sleep(&mut self, main: &Entry) -> Option<Sleep> {
        if main.key == "until" {
            return self
                .expression(&main.node, "`until`", Scope::STEP)
                .map(Sleep::Until);
        }
        let duration = self.duration(&main.node, "`sleep`", (SHORTEST, LONGEST))?;
        if !self.after_pivot {
            self.beyond_deadline(&main.node, "`sleep`", duration);
        }
        Some(Sleep::For(duration))
    }

    fn beyond_deadline(&mut self, node: &Node, what: &str, duration: crate::time::Duration) {
        if let Some(deadline) = self.deadline
            && duration > deadline
        {
            self.problems.add(
                Code::BeyondDeadline,
                node.place,
                format!("{what} is {duration}, longer than the saga's `deadline` of {deadline}"),
                "shorten it, or let the saga have more time",
            );
        }
    }

    fn refuse(&mut self, main: &Entry) -> Option<Kind> {
        self.words(&main.node, "`refuse`")?;
        self.template(&main.node, Scope::STEP).map(Kind::Refuse)
    }

    fn group(&mut self, fields: &Fields<'_>, main: &Entry, path: &[String]) -> Option<Group> {
        let parallel = main.key == "together";
        let outer = self.no_pivot;
        if fields.entry("when").is_some() {
            self.no_pivot = Some("a group with `when`");
        }
        if parallel {
            self.no_pivot = Some("a `together`");
        }
        let steps = self.steps(&main.node, &main.key, parallel, path);
        self.no_pivot = outer;
        Some(Group {
            parallel,
            steps: steps?,
        })
    }

    /// Warns of a step after the pivot that can be refused.
    fn refusable(
        &mut self,
        fields: &Fields<'_>,
        kind: StepKind,
        main: &Entry,
        on_refused: OnRefused,
    ) {
        if !self.after_pivot || on_refused == OnRefused::Continue {
            return;
        }
        let place = match kind {
            StepKind::Wait | StepKind::Refuse => main.place,
            StepKind::Call => match fields.entry("refused_when") {
                Some(entry) => entry.place,
                None => return,
            },
            StepKind::Sleep | StepKind::Set | StepKind::Group => return,
        };
        self.problems.add(
            Code::RefusableAfterPivot,
            place,
            "this step comes after the pivot and can be refused: then the saga is stuck",
            "move it before the pivot, or write `on_refused: continue`",
        );
    }
}

/// Every step's name in a list of steps and where it first stands, groups included; how many
/// steps there are.
pub(crate) fn names(node: &Node, found: &mut HashMap<String, Place>) -> usize {
    let Value::List(items) = &node.value else {
        return 0;
    };
    let mut count = 0;
    for item in items {
        let Value::Map(entries) = &item.value else {
            continue;
        };
        count += 1;
        for entry in entries {
            found.entry(entry.key.clone()).or_insert(entry.place);
            if let Value::Map(keys) = &entry.node.value {
                count += keys
                    .iter()
                    .filter(|key| matches!(key.key.as_str(), "steps" | "together"))
                    .map(|key| names(&key.node, found))
                    .sum::<usize>();
            }
        }
    }
    count
}
