//! A compiled expression, and one evaluation of it.

use super::ast::{Kind, Node, Part};
use super::eval::Machine;
use super::meter::{Meter, Usage};
use super::value::{Stop, Val, copy};
use super::{Cause, EvalError, ParseError, Scope, functions, guard, lower};
use crate::json::Json;

/// What an expression's text was compiled to.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) source: String,
    root: Node,
    /// The free variables with the offset of their first use, in the order in which nodes
    /// name them.
    pub(super) free: Vec<(String, usize)>,
    plain: Option<Plain>,
}

/// A path from a variable by names and positions alone: walked without the evaluator.
#[derive(Debug)]
struct Plain {
    variable: usize,
    keys: Vec<Key>,
}

#[derive(Debug)]
enum Key {
    Name(String),
    Position(usize),
}

impl Compiled {
    pub(super) fn new(source: &str) -> Result<Compiled, ParseError> {
        let term = guard::parse(source)?;
        let lowered = lower::lower(source, &term)?;
        Ok(Compiled {
            source: source.to_owned(),
            plain: Plain::of(&lowered.root),
            root: lowered.root,
            free: lowered.free,
        })
    }

    /// The expression as a whole.
    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    /// Evaluates, counting on a meter that others may share; `level` says how deep the value
    /// will stand in what it goes into.
    pub(super) fn evaluate(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        level: usize,
    ) -> Result<Json, EvalError> {
        let found = match &self.plain {
            Some(plain) => self.walk(plain, scope)?,
            None => None,
        };
        match found {
            Some(json) => copy(json, meter, level).map_err(|stop| self.error(*stop, meter)),
            None => self.run(scope, meter, level),
        }
    }

    /// What a plain path leads to; none when it meets anything that is not simply there.
    fn walk<'s>(&self, plain: &Plain, scope: &'s Scope<'_>) -> Result<Option<&'s Json>, EvalError> {
        let name = &self.free[plain.variable].0;
        let mut value = match scope.get(name) {
            Some(Ok(value)) => value,
            Some(Err(error)) => return Err(error.clone()),
            None => return Ok(None),
        };
        for key in &plain.keys {
            let found = match (value, key) {
                (Json::Object(members), Key::Name(name)) => members.get(name),
                (Json::Array(items), Key::Position(position)) => items.get(*position),
                _ => None,
            };
            match found {
                Some(found) => value = found,
                None => return Ok(None),
            }
        }
        Ok(Some(value))
    }

    fn run(&self, scope: &Scope<'_>, meter: &Meter, level: usize) -> Result<Json, EvalError> {
        let free = self
            .free
            .iter()
            .map(|(name, _)| match scope.get(name) {
                Some(Ok(json)) => Ok(json),
                Some(Err(error)) => Err(error.clone()),
                None => Err(self.quoted(
                    Cause::BadValue,
                    &format!("there is no variable `${name}` here"),
                )),
            })
            .collect();
        let machine = Machine::new(free, meter);
        let mut answer: Option<Val<'_>> = None;
        let mut several = false;
        let me = machine.taker();
        let result = machine.each(&self.root, Val::Null, None, &mut |value| {
            several = answer.is_some();
            if several {
                return Err(Box::new(Stop::Enough(me)));
            }
            answer = Some(value);
            Ok(())
        });
        match (result, answer) {
            (Err(stop), _) if !several => Err(self.error(*stop, meter)),
            (Ok(()), Some(value)) => value
                .into_json(meter, level)
                .map_err(|stop| self.error(*stop, meter)),
            (Ok(()), None) => Err(self.quoted(
                Cause::NotOneValue,
                "it gives no value; an expression gives exactly one (`… // null` gives one always)",
            )),
            (Err(_), _) => Err(self.quoted(
                Cause::NotOneValue,
                "it gives more than one value; put `[…]` around it for an array",
            )),
        }
    }

    fn error(&self, stop: Stop<'_>, meter: &Meter) -> EvalError {
        match stop {
            Stop::Fatal(error) if error.cause == Cause::TooCostly => {
                self.quoted(error.cause, &error.message)
            }
            Stop::Fatal(error) => error,
            Stop::Raised(cause, Val::Text(text)) => {
                self.quoted(cause, &guard::shorten(text.as_str(), 400))
            }
            Stop::Raised(cause, value) => {
                let mut text = String::new();
                let written = functions::write_json(&value, &mut text, meter);
                let raised = match written {
                    Ok(()) => guard::shorten(&text, 400),
                    Err(_) => functions::describe(&value),
                };
                self.quoted(cause, &format!("it raised {raised}"))
            }
            // Whoever wanted the first values has taken this back already.
            Stop::Enough(_) => self.quoted(Cause::NotOneValue, "it gives no value"),
        }
    }

    fn quoted(&self, cause: Cause, what: &str) -> EvalError {
        EvalError {
            cause,
            message: format!("`{}`: {what}", guard::shorten(&self.source, 120)),
        }
    }

    /// What an evaluation costs, and what it gives.
    pub(super) fn measure(&self, scope: &Scope<'_>) -> (Result<Json, EvalError>, Usage) {
        let meter = Meter::default();
        let result = self.evaluate(scope, &meter, 0);
        (result, meter.usage())
    }
}

impl Plain {
    fn of(root: &Node) -> Option<Plain> {
        let (variable, steps) = match &root.kind {
            Kind::Free(variable) => (*variable, [].as_slice()),
            Kind::Path(base, steps) => match base.kind {
                Kind::Free(variable) => (variable, steps.as_slice()),
                _ => return None,
            },
            _ => return None,
        };
        let keys = steps
            .iter()
            .map(|step| match &step.part {
                Part::Index(key) => match &key.kind {
                    Kind::Constant(Json::String(name)) => Some(Key::Name(name.clone())),
                    Kind::Constant(Json::Number(position)) => {
                        Some(Key::Position(position.as_str().parse().ok()?))
                    }
                    _ => None,
                },
                Part::Each | Part::Slice(..) => None,
            })
            .collect::<Option<Vec<Key>>>()?;
        Some(Plain { variable, keys })
    }
}
