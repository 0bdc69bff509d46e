//! Calls of functions: found by name, and what is short for something written out.

use super::nodes::of_type;
use super::{Lower, Lowering};
use crate::expr::ast::{Cmp, Control, Kind, Native, Node, Part};
use crate::expr::guard::{offset_of, shorten};
use crate::expr::names::{self, Function, Short};
use crate::json::Json;
use jaq_core::load::parse::Term;

impl<'s> Lowering<'s> {
    pub(super) fn call(
        &mut self,
        name: &'s str,
        arguments: &[Term<&'s str>],
        has_input: bool,
    ) -> Lower<Node> {
        self.seen = offset_of(self.source, name);
        let Some(function) = names::find(name, arguments.len()) else {
            return self.unknown_function(name, arguments.len());
        };
        match function {
            Function::Native(native) => {
                if native != Native::Raise {
                    self.needs_input(&format!("`{name}`"), has_input)?;
                }
                let arguments = self.all(arguments, has_input)?;
                Ok(Node::native(native, arguments))
            }
            Function::Control(control) => {
                // These read only their arguments; the others have an input to work on.
                let free = matches!(
                    (control, arguments.len()),
                    (
                        Control::Range | Control::Limit | Control::Skip | Control::Nth,
                        _
                    ) | (Control::First | Control::Last | Control::IsEmpty, _)
                        | (Control::Any | Control::All, 2)
                );
                if !free {
                    self.needs_input(&format!("`{name}`"), has_input)?;
                }
                self.control(control, arguments, has_input)
            }
            Function::Short(short) => self.short(name, short, arguments, has_input),
        }
    }

    pub(super) fn all(&mut self, terms: &[Term<&'s str>], has_input: bool) -> Lower<Vec<Node>> {
        terms
            .iter()
            .map(|term| self.node(term, has_input))
            .collect()
    }

    pub(super) fn control(
        &mut self,
        control: Control,
        arguments: &[Term<&'s str>],
        has_input: bool,
    ) -> Lower<Node> {
        let arguments = match (control, arguments) {
            (Control::Any | Control::All, []) => vec![Node::each(), Node::input()],
            (Control::Any | Control::All, [condition]) => {
                vec![Node::each(), self.node(condition, true)?]
            }
            (Control::Any | Control::All, [source, condition]) => {
                vec![self.node(source, has_input)?, self.node(condition, true)?]
            }
            (Control::MapValues, arguments) => self.all(arguments, true)?,
            (Control::Delete, [target]) => {
                let target = self.node(target, true)?;
                if !deletable(&target) {
                    return self.refuse(
                        "",
                        "`del` takes paths from `.`".to_owned(),
                        "as in `del(.secret, .items[0])`",
                    );
                }
                vec![target]
            }
            (_, arguments) => self.all(arguments, has_input)?,
        };
        let single = matches!(
            control,
            Control::Any | Control::All | Control::IsEmpty | Control::MapValues | Control::Delete
        );
        Ok(Node::new(Kind::Control(control, arguments), single))
    }

    pub(super) fn short(
        &mut self,
        name: &'s str,
        short: Short,
        arguments: &[Term<&'s str>],
        has_input: bool,
    ) -> Lower<Node> {
        let constant = |value| Ok(Node::constant(value));
        match short {
            Short::Null => return constant(Json::Null),
            Short::True => return constant(Json::Bool(true)),
            Short::False => return constant(Json::Bool(false)),
            Short::Empty => return Ok(Node::empty()),
            Short::Range => {
                let mut both = vec![Node::constant(Json::from(0))];
                both.extend(self.all(arguments, has_input)?);
                let kind = Kind::Control(Control::Range, both);
                return Ok(Node::new(kind, false));
            }
            Short::AddOf => {
                let inner = self.all(arguments, has_input)?;
                let collected = inner.into_iter().map(Node::array);
                let mut stages: Vec<Node> = collected.collect();
                stages.push(Node::native(Native::Add, Vec::new()));
                return Ok(Node::pipe(stages));
            }
            _ => self.needs_input(&format!("`{name}`"), has_input)?,
        }
        let inner = self.all(arguments, true)?.into_iter().next();
        let inner = inner.unwrap_or_else(Node::input);
        Ok(match short {
            Short::Error => Node::native(Native::Raise, vec![Node::input()]),
            Short::Select => Node::choice(vec![(inner, Node::input())], Some(Node::empty())),
            Short::Map => Node::array(Node::pipe(vec![Node::each(), inner])),
            Short::WithEntries => Node::pipe(vec![
                Node::native(Native::ToEntries, Vec::new()),
                Node::array(Node::pipe(vec![Node::each(), inner])),
                Node::native(Native::FromEntries, Vec::new()),
            ]),
            Short::Keyed(native) => {
                let keys = Node::array(Node::pipe(vec![Node::each(), Node::array(inner)]));
                Node::native(native, vec![keys])
            }
            Short::Paths => Node::pipe(vec![Node::native(Native::Paths, Vec::new()), Node::each()]),
            Short::OfType(types) => of_type(types),
            Short::Values => {
                let null = Node::constant(Json::Null);
                let condition =
                    Node::pair(Node::input(), null, |pair| Kind::Compare(Cmp::Ne, pair));
                Node::choice(vec![(condition, Node::input())], Some(Node::empty()))
            }
            Short::Null
            | Short::True
            | Short::False
            | Short::Empty
            | Short::Range
            | Short::AddOf => Node::empty(),
        })
    }

    pub(super) fn unknown_function<T>(&self, name: &str, arguments: usize) -> Lower<T> {
        let arities = names::arities(name);
        if let Some((why, help)) = names::refusal(name) {
            return self.refuse(name, format!("`{}` {why}", shorten(name, 40)), help);
        }
        if !arities.is_empty() {
            let takes: Vec<String> = arities.iter().map(usize::to_string).collect();
            return self.refuse(
                name,
                format!(
                    "`{name}` takes {} arguments, not {arguments}",
                    takes.join(" or ")
                ),
                "arguments are separated by `;`",
            );
        }
        let known = names::FUNCTIONS.iter().map(|(known, ..)| *known);
        let help = match names::nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("a variable is written `${name}`, a string `\"{name}\"`"),
        };
        self.refuse(
            name,
            format!("there is no function `{}`", shorten(name, 40)),
            &help,
        )
    }
}

/// Whether this names places in `.`: paths from it, or several of them.
fn deletable(node: &Node) -> bool {
    match &node.kind {
        Kind::Comma(parts) => parts.iter().all(deletable),
        Kind::Path(base, steps) => {
            matches!(base.kind, Kind::Input)
                && steps
                    .iter()
                    .all(|step| !matches!(step.part, Part::Slice(..)))
        }
        _ => false,
    }
}
