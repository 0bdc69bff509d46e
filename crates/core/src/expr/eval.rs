//! The evaluator: walks an expression's nodes over borrowed values, metered.
//!
//! What always gives one value is computed and returned; what may give none or several hands
//! each value to a callback, so that `first` and `limit` stop their source and no stream is
//! ever held in memory.

use super::ast::{Binding, Cmp, Format, Kind, Math, Node, Part, Pattern, Piece, Step};
use super::meter::Meter;
use super::value::{Entries, Res, Stop, Str, Val};
use super::{Cause, EvalError, functions, operators, order, paths};
use crate::json::Json;
use std::cell::Cell;

/// What one evaluation works with.
pub(super) struct Machine<'a, 'm> {
    /// The free variables, in the order in which the expression names them.
    free: Vec<Free<'a>>,
    pub(super) meter: &'m Meter,
    /// The next number for somebody who wants only the first values.
    takers: Cell<u32>,
}

/// A free variable's value; why it cannot be read; or none, when nothing has that name.
pub(super) type Free<'a> = Result<&'a Json, EvalError>;

/// The variables bound within the expression, innermost first.
#[derive(Debug)]
pub(super) struct Bound<'e, 'a> {
    pub(super) value: Val<'a>,
    pub(super) outer: Env<'e, 'a>,
}

/// Where to look bound variables up.
pub(super) type Env<'e, 'a> = Option<&'e Bound<'e, 'a>>;

/// Takes the values of a stream.
pub(super) type Sink<'s, 'a> = &'s mut dyn FnMut(Val<'a>) -> Res<'a, ()>;

impl<'a, 'm> Machine<'a, 'm> {
    pub(super) fn new(free: Vec<Free<'a>>, meter: &'m Meter) -> Machine<'a, 'm> {
        Machine {
            free,
            meter,
            takers: Cell::new(0),
        }
    }

    /// A number that nobody else has, for stopping a stream early.
    pub(super) fn taker(&self) -> u32 {
        let taker = self.takers.get();
        self.takers.set(taker.wrapping_add(1));
        taker
    }

    /// Gives every value of a node to the sink.
    pub(super) fn each(
        &self,
        node: &'a Node,
        input: Val<'a>,
        env: Env<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Res<'a, ()> {
        if node.single {
            let value = self.one(node, input, env)?;
            return sink(value);
        }
        self.meter.steps(1)?;
        self.meter.deeper(|| self.stream(node, input, env, sink))
    }

    /// The value of a node that has exactly one.
    pub(super) fn one(&self, node: &'a Node, input: Val<'a>, env: Env<'_, 'a>) -> Res<'a, Val<'a>> {
        self.meter.steps(1)?;
        match &node.kind {
            Kind::Input => Ok(input),
            Kind::Constant(json) => Ok(Val::borrowed(json)),
            Kind::Free(place) => self.free(*place),
            Kind::Local(inward) => self.local(*inward, env),
            _ => self.meter.deeper(|| self.compute(node, input, env)),
        }
    }

    fn free(&self, place: usize) -> Res<'a, Val<'a>> {
        match &self.free[place] {
            Ok(json) => Ok(Val::borrowed(json)),
            Err(error) => Err(Box::new(Stop::Fatal(error.clone()))),
        }
    }

    fn local(&self, inward: usize, env: Env<'_, 'a>) -> Res<'a, Val<'a>> {
        self.meter.elements(inward / 4)?;
        let mut place = env;
        for _ in 0..inward {
            place = place.and_then(|bound| bound.outer);
        }
        Ok(place.map_or(Val::Null, |bound| bound.value.clone()))
    }

    fn compute(&self, node: &'a Node, input: Val<'a>, env: Env<'_, 'a>) -> Res<'a, Val<'a>> {
        match &node.kind {
            Kind::Pipe(stages) => {
                let mut value = input;
                for stage in stages {
                    value = self.one(stage, value, env)?;
                }
                Ok(value)
            }
            Kind::Math(math, pair) => self.math(*math, pair, input, env),
            Kind::Compare(comparison, pair) => {
                let right = self.one(&pair[1], input.clone(), env)?;
                let left = self.one(&pair[0], input, env)?;
                self.compare(*comparison, &left, &right)
            }
            Kind::And(pair) => self.logic(pair, false, input, env),
            Kind::Or(pair) => self.logic(pair, true, input, env),
            Kind::Negate(inner) => {
                let value = self.one(inner, input, env)?;
                operators::negate(&value, self.meter)
            }
            Kind::Array(inner) => self.collect(inner.as_deref(), input, env),
            Kind::If(branches, rest) => {
                let (branch, input) = match self.branch(branches, input, env)? {
                    (Some(branch), input) => (Some(branch), input),
                    (None, input) => (rest.as_deref(), input),
                };
                branch.map_or(Ok(input.clone()), |branch| self.one(branch, input, env))
            }
            Kind::Path(base, steps) => self.walk(base, steps, input, env),
            Kind::Object(nodes) => {
                let values = self.all(nodes.iter(), &input, env)?;
                self.object(values)
            }
            Kind::Text(format, pieces) => {
                let values = self.all(pieces_of(pieces), &input, env)?;
                self.text(*format, pieces, &values)
            }
            Kind::Native(native, arguments) => {
                let values = self.all(arguments.iter(), &input, env)?;
                functions::call(*native, input, values, self.meter)
            }
            _ => self.only(node, input, env),
        }
    }

    /// The one value of a node that computes it by a stream.
    fn only(&self, node: &'a Node, input: Val<'a>, env: Env<'_, 'a>) -> Res<'a, Val<'a>> {
        let mut found = Val::Null;
        self.stream(node, input, env, &mut |value| {
            found = value;
            Ok(())
        })?;
        Ok(found)
    }

    fn math(
        &self,
        math: Math,
        pair: &'a [Node; 2],
        input: Val<'a>,
        env: Env<'_, 'a>,
    ) -> Res<'a, Val<'a>> {
        // The right side first: so the left one gets the input itself, and what nobody else
        // holds (a `reduce` that appends) grows in place.
        let right = self.one(&pair[1], input.clone(), env)?;
        let left = self.one(&pair[0], input, env)?;
        operators::math(math, left, right, self.meter)
    }

    pub(super) fn compare(
        &self,
        comparison: Cmp,
        left: &Val<'a>,
        right: &Val<'a>,
    ) -> Res<'a, Val<'a>> {
        let order = order::compare(left, right, self.meter)?;
        Ok(Val::Bool(match comparison {
            Cmp::Lt => order.is_lt(),
            Cmp::Le => order.is_le(),
            Cmp::Gt => order.is_gt(),
            Cmp::Ge => order.is_ge(),
            Cmp::Eq => order.is_eq(),
            Cmp::Ne => order.is_ne(),
        }))
    }

    fn logic(
        &self,
        pair: &'a [Node; 2],
        decides: bool,
        input: Val<'a>,
        env: Env<'_, 'a>,
    ) -> Res<'a, Val<'a>> {
        let left = self.one(&pair[0], input.clone(), env)?.is_true();
        if left == decides {
            return Ok(Val::Bool(decides));
        }
        Ok(Val::Bool(self.one(&pair[1], input, env)?.is_true()))
    }

    fn collect(
        &self,
        inner: Option<&'a Node>,
        input: Val<'a>,
        env: Env<'_, 'a>,
    ) -> Res<'a, Val<'a>> {
        let mut items = self.meter.list(0)?;
        if let Some(inner) = inner {
            self.each(inner, input, env, &mut |value| {
                self.meter.push(&mut items, value)
            })?;
        }
        Val::array(items)
    }

    fn branch(
        &self,
        branches: &'a [(Node, Node)],
        input: Val<'a>,
        env: Env<'_, 'a>,
    ) -> Res<'a, (Option<&'a Node>, Val<'a>)> {
        for (condition, branch) in branches {
            if self.one(condition, input.clone(), env)?.is_true() {
                return Ok((Some(branch), input));
            }
        }
        Ok((None, input))
    }

    fn walk(
        &self,
        base: &'a Node,
        steps: &'a [Step],
        input: Val<'a>,
        env: Env<'_, 'a>,
    ) -> Res<'a, Val<'a>> {
        let mut value = self.one(base, input.clone(), env)?;
        for step in steps {
            value = match &step.part {
                Part::Index(key) => {
                    let key = self.one(key, input.clone(), env)?;
                    paths::index(&value, &key, self.meter)?
                }
                Part::Slice(from, to) => {
                    let bound = |bound: &'a Option<Node>| match bound {
                        Some(bound) => self.one(bound, input.clone(), env),
                        None => Ok(Val::Null),
                    };
                    let (from, to) = (bound(from)?, bound(to)?);
                    paths::slice(&value, &from, &to, self.meter)?
                }
                // A path that iterates is no single value, so it is streamed.
                Part::Each => value,
            };
        }
        Ok(value)
    }

    fn all(
        &self,
        nodes: impl Iterator<Item = &'a Node>,
        input: &Val<'a>,
        env: Env<'_, 'a>,
    ) -> Res<'a, Vec<Val<'a>>> {
        nodes
            .map(|node| self.one(node, input.clone(), env))
            .collect()
    }

    /// An object of keys and values in turn.
    pub(super) fn object(&self, values: Vec<Val<'a>>) -> Res<'a, Val<'a>> {
        let mut entries = Entries::new();
        let mut values = values.into_iter();
        while let (Some(key), Some(value)) = (values.next(), values.next()) {
            let Val::Text(key) = key else {
                return Err(wrong_type(format!(
                    "an object's key must be a string, not {}",
                    functions::describe(&key)
                )));
            };
            entries.insert(key, value, self.meter)?;
        }
        self.meter.allocate(size_of::<Entries<'_>>())?;
        Ok(entries.into_value())
    }

    /// A string of its pieces.
    pub(super) fn text(
        &self,
        format: Format,
        pieces: &'a [Piece],
        values: &[Val<'a>],
    ) -> Res<'a, Val<'a>> {
        let mut text = self.meter.string(0)?;
        let mut values = values.iter();
        for piece in pieces {
            match piece {
                Piece::Words(words) => self.meter.append(&mut text, words)?,
                Piece::Value(_) => {
                    let value = values.next().cloned().unwrap_or(Val::Null);
                    let written: Str<'a> = functions::format(format, value, self.meter)?;
                    self.meter.append(&mut text, written.as_str())?;
                }
            }
        }
        Ok(Val::text(text))
    }

    /// Runs some work with a pattern's variables bound.
    pub(super) fn bind(
        &self,
        variables: &'a Pattern,
        place: usize,
        value: &Val<'a>,
        env: Env<'_, 'a>,
        work: &mut dyn FnMut(Env<'_, 'a>) -> Res<'a, ()>,
    ) -> Res<'a, ()> {
        let Some(keys) = variables.get(place) else {
            return work(env);
        };
        let mut found = value.clone();
        for key in keys {
            self.meter.steps(1)?;
            let Kind::Constant(key) = &key.kind else {
                continue;
            };
            found = paths::index(&found, &Val::borrowed(key), self.meter)?;
        }
        let bound = Bound {
            value: found,
            outer: env,
        };
        self.meter
            .deeper(|| self.bind(variables, place + 1, value, Some(&bound), work))
    }

    /// A binding and its body, as a stream.
    pub(super) fn binding(
        &self,
        binding: &'a Binding,
        input: Val<'a>,
        env: Env<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Res<'a, ()> {
        self.each(&binding.source, input.clone(), env, &mut |value| {
            self.bind(&binding.variables, 0, &value, env, &mut |env| {
                self.each(&binding.body, input.clone(), env, sink)
            })
        })
    }
}

/// The values within a string's pieces.
pub(super) fn pieces_of(pieces: &[Piece]) -> impl Iterator<Item = &Node> {
    pieces.iter().filter_map(|piece| match piece {
        Piece::Words(_) => None,
        Piece::Value(node) => Some(node),
    })
}

/// An error of types.
pub(super) fn wrong_type<'a>(message: String) -> Box<Stop<'a>> {
    Box::new(Stop::Raised(Cause::WrongType, Val::text(message)))
}
