//! Steps and groups, in the order in which they are reached.
//!
//! A step may refer to another when that one comes earlier in a sequence around it: then it has
//! certainly ended, or was skipped and is null. Branches of one `together` do not see each other.
//! After a group its own name and those of its parts are visible.

use super::codes::Code;
use super::keys::{self, StepKind, Within};
use super::node::{Entry, Node, Place, Value, shortened};
use super::read::{Fields, Reader};
use super::values::Scope;
use crate::definition::{Call, Each, Kind, OnRefused, OnUnknown, Step, Undo};
use crate::expr::Expr;
use crate::limits;
use crate::route::ON_END_NAME;
use crate::secret::SecretPath;
use std::collections::HashMap;

/// Items of an `each` at once, where the file says nothing.
const LIMIT: u32 = 8;
/// More at once than this only fills the queue of a service.
const LIMIT_MAX: u32 = 1_000;
/// Names of steps that mean something else in an expression.
const RESERVED: [&str; 6] = ["input", "saga", "key", "result", "body", "http"];

/// What a step looks like.
const A_STEP: &str = "write `- order:` and, indented below it, the step's keys";

impl Reader<'_> {
    /// A list of steps under `key`; `around` holds the names of the groups around it.
    pub(crate) fn steps(
        &mut self,
        node: &Node,
        key: &str,
        parallel: bool,
        around: &[String],
    ) -> Option<Vec<Step>> {
        let items = self.items(node, key)?;
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

    fn items<'n>(&mut self, node: &'n Node, key: &str) -> Option<&'n [Node]> {
        match &node.value {
            Value::List(items) if !items.is_empty() => Some(items),
            Value::List(_) => {
                self.missing(
                    "step",
                    node.place,
                    &format!("`{key}` holds at least one step"),
                );
                None
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => {
                self.wrong_type(
                    node,
                    &format!("`{key}` is a list of steps, each `- name:` and its keys"),
                    "begin each step with `- ` on a line of its own",
                );
                None
            }
        }
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
            self.wrong_type(item, "a step is its name and, below it, its keys", A_STEP);
            return None;
        };
        match entries.as_slice() {
            [entry] => Some(entry),
            [] => {
                self.wrong_type(item, "a step has a name", A_STEP);
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
        } else if name == ON_END_NAME {
            self.problems.add(
                Code::ReservedName,
                entry.place,
                "no step may be called `on_end`: that names the call at the saga's end",
                "choose another name, or write the key `on_end` beside `steps`",
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

    fn on_refused(&mut self, fields: &Fields<'_>) -> OnRefused {
        let Some(node) = fields.get("on_refused") else {
            return OnRefused::TurnBack;
        };
        self.choice(node, "`on_refused`", &["continue"]);
        OnRefused::Continue
    }

    fn named_step(&mut self, entry: &Entry, around: &[String]) -> Option<Step> {
        let fields = self.fields(&entry.node, Within::Step)?;
        let (kind, main) = self.kind(&fields, entry.place)?;
        self.misplaced(&fields, kind);
        let when = fields
            .get("when")
            .map(|node| self.expression(node, "`when`", Scope::STEP));
        let each = self.each(&fields, main);
        let outer = (self.no_pivot, self.visible.len());
        let mut path = around.to_vec();
        path.push(entry.key.clone());
        if let Some(each) = &each {
            self.no_pivot = Some("an `each`");
            self.visible.extend(each.item.clone());
            if let Some(last) = path.last_mut() {
                last.push_str("[]");
            }
        }
        let on_refused = self.on_refused(&fields);
        let pivot = self.is_pivot(&fields);
        let after_pivot = self.after_pivot;
        let does = self.what_it_does(kind, &fields, main, &path, pivot);
        self.refusable(&fields, kind, main, on_refused);
        if each.is_some() {
            // Outside, its steps are known through the array alone.
            self.no_pivot = outer.0;
            self.visible.truncate(outer.1);
        }
        if pivot {
            self.pivot = Some((entry.key.clone(), entry.place.line));
            self.after_pivot = true;
        }
        if matches!(when, Some(None)) {
            return None;
        }
        let secret = self.step_secrets(&fields, kind);
        let step = Step {
            name: entry.key.clone(),
            path: path.join("."),
            when: when.flatten(),
            kind: does.kind?,
            undo: does.undo?,
            confirm: does.confirm?.map(Box::new),
            pivot,
            after_pivot,
            on_refused,
            on_unknown: does.on_unknown,
            secret,
        };
        match each {
            None => Some(step),
            Some(each) => each.around(step),
        }
    }

    fn step_secrets(&mut self, fields: &Fields<'_>, kind: StepKind) -> Vec<SecretPath> {
        let seen: &[&str] = if kind == StepKind::Call {
            &["result", "body"]
        } else {
            &["result"]
        };
        self.secrets(fields.get("secret"), seen)
    }

    fn what_it_does(
        &mut self,
        kind: StepKind,
        fields: &Fields<'_>,
        main: &Entry,
        path: &[String],
        pivot: bool,
    ) -> Does {
        let mut undo = Some(Undo::Absent);
        let kind = match kind {
            StepKind::Call => {
                let step = self.call_step(fields, &main.node, pivot);
                return Does {
                    kind: step.action.map(|action| Kind::Call(Box::new(action))),
                    undo: step.undo,
                    confirm: step.confirm.map_or(Some(None), |read| read.map(Some)),
                    on_unknown: step.on_unknown,
                };
            }
            StepKind::Wait => {
                let in_each = path.iter().any(|name| name.ends_with("[]"));
                undo = self.undo_of_wait(fields, in_each);
                self.wait(fields, main).map(Kind::Wait)
            }
            StepKind::Sleep => self.sleep(main).map(Kind::Sleep),
            StepKind::Set => self.template(&main.node, Scope::STEP).map(Kind::Set),
            StepKind::Refuse => self.refuse(main),
            StepKind::Run => {
                let on_unknown = self.on_unknown(fields, false);
                let run = self.run(fields, main, pivot);
                return Does {
                    kind: run.map(|run| Kind::Run(Box::new(run))),
                    undo: Some(Undo::Child),
                    confirm: Some(None),
                    on_unknown,
                };
            }
            StepKind::Group => self.group(fields, main, path).map(Kind::Group),
        };
        Does {
            kind,
            undo,
            confirm: Some(None),
            on_unknown: if self.after_pivot || pivot {
                OnUnknown::Stuck
            } else {
                OnUnknown::Undo
            },
        }
    }

    /// What makes the step an `each`, if it is one.
    fn each(&mut self, fields: &Fields<'_>, main: &Entry) -> Option<EachHead> {
        let Some(entry) = fields.entry("each") else {
            for key in ["as", "limit"] {
                if let Some(entry) = fields.entry(key) {
                    self.problems.add(
                        Code::MisplacedKey,
                        entry.place,
                        format!("`{key}` stands beside `each`, and there is none"),
                        "name the list: `each: $input.items`",
                    );
                }
            }
            return None;
        };
        if main.key == "together" {
            self.problems.add(
                Code::MisplacedKey,
                main.place,
                "`each` has `steps` or one of the calls beside it, not `together`",
                "write `steps`, with a `together` inside it",
            );
        }
        let items = self.expression(&entry.node, "`each`", Scope::STEP);
        let item = match fields.entry("as") {
            Some(entry) => self.item_name(entry),
            None => {
                let help = "name the variable that holds the item: `as: item`";
                self.missing("as", entry.place, help);
                None
            }
        };
        let limit = match fields.get("limit") {
            Some(node) => self.count(node, "`limit`", (1, LIMIT_MAX)),
            None => Some(LIMIT),
        };
        Some(EachHead { items, item, limit })
    }

    fn item_name(&mut self, entry: &Entry) -> Option<String> {
        let name = self.name(&entry.node, "an item's name")?;
        let taken = self.names.get(&name).map(|place| place.line);
        let message = match taken {
            _ if RESERVED.contains(&name.as_str()) => {
                format!(
                    "no item may be called `{name}`: in expressions `${name}` means something else"
                )
            }
            Some(line) => format!("the item `{name}` is called like the step in line {line}"),
            None if self.visible.contains(&name) => {
                format!("two items are called `{name}`, one inside the other")
            }
            None => return Some(name),
        };
        let code = if taken.is_some() || !RESERVED.contains(&name.as_str()) {
            Code::DuplicateName
        } else {
            Code::ReservedName
        };
        self.problems
            .add(code, entry.node.place, message, "choose another name");
        Some(name)
    }
}

/// What a step does and what hangs on that; each is none after an error in it.
struct Does {
    kind: Option<Kind>,
    undo: Option<Undo>,
    confirm: Option<Option<Call>>,
    on_unknown: OnUnknown,
}

/// What makes a step an `each`, as far as it could be read.
struct EachHead {
    items: Option<Expr>,
    item: Option<String>,
    limit: Option<u32>,
}

impl EachHead {
    /// The `each` around what is done for an item.
    fn around(self, mut body: Step) -> Option<Step> {
        let path = body.path.strip_suffix("[]").unwrap_or(&body.path);
        Some(Step {
            name: body.name.clone(),
            path: path.to_owned(),
            when: body.when.take(),
            undo: Undo::Absent,
            confirm: None,
            pivot: false,
            after_pivot: body.after_pivot,
            on_refused: OnRefused::TurnBack,
            on_unknown: OnUnknown::Undo,
            secret: Vec::new(),
            kind: Kind::Each(Box::new(Each {
                items: self.items?,
                item: self.item?,
                limit: self.limit?,
                body,
            })),
        })
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
