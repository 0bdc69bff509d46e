//! What a step does: which key says so, which keys may stand beside it, and every kind but the
//! call.

use super::codes::Code;
use super::keys::{self, StepKind, Within};
use super::node::{Entry, Node, Place, Value};
use super::read::{Fields, LONGEST, Reader, SHORTEST};
use super::values::Scope;
use crate::definition::{Group, Kind, Sleep, Wait};
use crate::time::Duration;

impl Reader<'_> {
    /// The kind of a step and the key that makes it.
    pub(crate) fn kind<'n>(
        &mut self,
        fields: &Fields<'n>,
        name: Place,
    ) -> Option<(StepKind, &'n Entry)> {
        let later = ["task", "emit"];
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
                "give it one of `do`, `wait`, `sleep`, `until`, `set`, `refuse`, `run`, `together`, `steps`",
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

    /// Reports keys that may not stand on a step of this kind.
    pub(crate) fn misplaced(&mut self, fields: &Fields<'_>, kind: StepKind) {
        for entry in fields.entries() {
            let Some(key) = keys::find(Within::Step, &entry.key) else {
                continue;
            };
            if key.shape.is_none() || key.makes.is_some() || key.stands_on(kind) {
                continue;
            }
            let homes: Vec<&str> = key.on.iter().map(|kind| kind.noun()).collect();
            self.problems.add(
                Code::MisplacedKey,
                entry.place,
                format!("`{}` may not stand on {}", key.name, kind.noun()),
                format!("it belongs to {}", homes.join(" or ")),
            );
        }
    }

    /// A wait for a signal.
    pub(crate) fn wait(&mut self, fields: &Fields<'_>, main: &Entry) -> Option<Wait> {
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

    /// A durable timer.
    pub(crate) fn sleep(&mut self, main: &Entry) -> Option<Sleep> {
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

    pub(crate) fn beyond_deadline(&mut self, node: &Node, what: &str, duration: Duration) {
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

    /// A step that turns the saga back.
    pub(crate) fn refuse(&mut self, main: &Entry) -> Option<Kind> {
        self.words(&main.node, "`refuse`")?;
        self.template(&main.node, Scope::STEP).map(Kind::Refuse)
    }

    /// Steps side by side, or one after another.
    pub(crate) fn group(
        &mut self,
        fields: &Fields<'_>,
        main: &Entry,
        path: &[String],
    ) -> Option<Group> {
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
}
