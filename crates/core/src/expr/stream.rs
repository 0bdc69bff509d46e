//! Nodes that may give no value, or several: each goes to a callback as soon as it is known.

use super::ast::{Fold, Kind, Node, Part, Step};
use super::eval::{Env, Machine, Sink, pieces_of, wrong_type};
use super::value::{Res, Stop, Val};
use super::{functions, operators, paths};

impl<'a> Machine<'a, '_> {
    /// Gives every value of a node to the sink, whatever kind of node it is.
    pub(super) fn stream(
        &self,
        node: &'a Node,
        input: Val<'a>,
        env: Env<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Res<'a, ()> {
        match &node.kind {
            Kind::Pipe(stages) => self.stages(stages, input, env, sink),
            Kind::Comma(parts) => parts
                .iter()
                .try_for_each(|part| self.each(part, input.clone(), env, sink)),
            Kind::Path(base, steps) => self.each(base, input.clone(), env, &mut |value| {
                self.steps(steps, value, &input, env, sink)
            }),
            Kind::If(branches, rest) => self.choice(branches, rest.as_deref(), input, env, sink),
            Kind::Bind(binding) => self.binding(binding, input, env, sink),
            Kind::Try(body, catch) => self.attempt(body, catch.as_deref(), input, env, sink),
            Kind::Otherwise(pair) => self.otherwise(pair, input, env, sink),
            Kind::Reduce(fold) => self.reduce(fold, input, env, sink),
            Kind::Foreach(fold) => self.foreach(fold, input, env, sink),
            Kind::Control(control, arguments) => {
                self.control(*control, arguments, input, env, sink)
            }
            Kind::And(pair) => self.decide(pair, false, input, env, sink),
            Kind::Or(pair) => self.decide(pair, true, input, env, sink),
            _ => self.product(node, input, env, sink),
        }
    }

    /// Nodes that compute with the values of their parts: once for each combination.
    fn product(
        &self,
        node: &'a Node,
        input: Val<'a>,
        env: Env<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Res<'a, ()> {
        let parts: Vec<&'a Node> = match &node.kind {
            // As in jq, the right side's values stand in the outer loop.
            Kind::Math(_, pair) | Kind::Compare(_, pair) => pair.iter().rev().collect(),
            Kind::Negate(inner) => vec![inner],
            Kind::Object(nodes) => nodes.iter().collect(),
            Kind::Text(_, pieces) => pieces_of(pieces).collect(),
            Kind::Native(_, arguments) => arguments.iter().collect(),
            _ => {
                let value = self.one(node, input, env)?;
                return sink(value);
            }
        };
        self.meter.elements(parts.len())?;
        self.combine(&parts, Vec::new(), &input, env, &mut |values| {
            let value = self.apply(node, &input, values)?;
            sink(value)
        })
    }

    fn combine(
        &self,
        parts: &[&'a Node],
        before: Vec<Val<'a>>,
        input: &Val<'a>,
        env: Env<'_, 'a>,
        work: &mut dyn FnMut(Vec<Val<'a>>) -> Res<'a, ()>,
    ) -> Res<'a, ()> {
        let Some((first, rest)) = parts.split_first() else {
            return work(before);
        };
        self.each(first, input.clone(), env, &mut |value| {
            self.meter.elements(before.len() + 1)?;
            let mut values = before.clone();
            values.push(value);
            self.meter
                .deeper(|| self.combine(rest, values, input, env, work))
        })
    }

    fn apply(&self, node: &'a Node, input: &Val<'a>, values: Vec<Val<'a>>) -> Res<'a, Val<'a>> {
        match &node.kind {
            Kind::Object(_) => self.object(values),
            Kind::Text(format, pieces) => self.text(*format, pieces, &values),
            Kind::Native(native, _) => functions::call(*native, input.clone(), values, self.meter),
            kind => {
                let mut values = values.into_iter();
                let last = values.next().unwrap_or(Val::Null);
                let first = values.next().unwrap_or(Val::Null);
                match kind {
                    Kind::Math(math, _) => operators::math(*math, first, last, self.meter),
                    Kind::Compare(comparison, _) => self.compare(*comparison, &first, &last),
                    _ => operators::negate(&last, self.meter),
                }
            }
        }
    }

    fn stages(
        &self,
        stages: &'a [Node],
        input: Val<'a>,
        env: Env<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Res<'a, ()> {
        let mut value = input;
        for (place, stage) in stages.iter().enumerate() {
            if stage.single {
                value = self.one(stage, value, env)?;
                continue;
            }
            let rest = &stages[place + 1..];
            return self.each(stage, value, env, &mut |value| {
                if rest.is_empty() {
                    return sink(value);
                }
                self.stages(rest, value, env, sink)
            });
        }
        sink(value)
    }

    fn steps(
        &self,
        steps: &'a [Step],
        value: Val<'a>,
        input: &Val<'a>,
        env: Env<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Res<'a, ()> {
        let Some((step, rest)) = steps.split_first() else {
            return sink(value);
        };
        self.meter.steps(1)?;
        let mut go_on = |found: Res<'a, Val<'a>>| match found {
            Ok(value) => self
                .meter
                .deeper(|| self.steps(rest, value, input, env, sink)),
            Err(stop) if step.optional && matches!(*stop, Stop::Raised(..)) => Ok(()),
            Err(stop) => Err(stop),
        };
        match &step.part {
            Part::Index(key) => self.each(key, input.clone(), env, &mut |key| {
                go_on(paths::index(&value, &key, self.meter))
            }),
            Part::Slice(from, to) => self.bound(from.as_ref(), input, env, &mut |from| {
                self.bound(to.as_ref(), input, env, &mut |to| {
                    go_on(paths::slice(&value, &from, &to, self.meter))
                })
            }),
            Part::Each => match &value {
                Val::Array(list) => list.iter().try_for_each(|item| go_on(Ok(item))),
                Val::Object(members) => members.iter().try_for_each(|(_, value)| go_on(Ok(value))),
                other => go_on(Err(wrong_type(format!(
                    "`[]` needs an array or an object, not {}",
                    functions::describe(other)
                )))),
            },
        }
    }

    fn bound(
        &self,
        node: Option<&'a Node>,
        input: &Val<'a>,
        env: Env<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Res<'a, ()> {
        match node {
            Some(node) => self.each(node, input.clone(), env, sink),
            None => sink(Val::Null),
        }
    }

    fn choice(
        &self,
        branches: &'a [(Node, Node)],
        rest: Option<&'a Node>,
        input: Val<'a>,
        env: Env<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Res<'a, ()> {
        let Some(((condition, branch), others)) = branches.split_first() else {
            return match rest {
                Some(rest) => self.each(rest, input, env, sink),
                None => sink(input),
            };
        };
        self.each(condition, input.clone(), env, &mut |holds| {
            if holds.is_true() {
                self.each(branch, input.clone(), env, sink)
            } else {
                self.meter
                    .deeper(|| self.choice(others, rest, input.clone(), env, sink))
            }
        })
    }

    fn decide(
        &self,
        pair: &'a [Node; 2],
        decides: bool,
        input: Val<'a>,
        env: Env<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Res<'a, ()> {
        self.each(&pair[0], input.clone(), env, &mut |left| {
            if left.is_true() == decides {
                return sink(Val::Bool(decides));
            }
            self.each(&pair[1], input.clone(), env, &mut |right| {
                sink(Val::Bool(right.is_true()))
            })
        })
    }

    /// Errors of the body are caught; errors of what its values are used for are not.
    fn attempt(
        &self,
        body: &'a Node,
        catch: Option<&'a Node>,
        input: Val<'a>,
        env: Env<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Res<'a, ()> {
        let mut beyond = false;
        let result = self.each(body, input, env, &mut |value| {
            let result = sink(value);
            beyond |= result.is_err();
            result
        });
        match result {
            Err(stop) if !beyond => match (*stop, catch) {
                (Stop::Raised(_, value), Some(catch)) => self.each(catch, value, env, sink),
                (Stop::Raised(..), None) => Ok(()),
                (stop, _) => Err(Box::new(stop)),
            },
            result => result,
        }
    }

    /// The left side's true values; when there are none, the right side.
    fn otherwise(
        &self,
        pair: &'a [Node; 2],
        input: Val<'a>,
        env: Env<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Res<'a, ()> {
        let mut found = false;
        let mut beyond = false;
        let result = self.each(&pair[0], input.clone(), env, &mut |value| {
            if !value.is_true() {
                return Ok(());
            }
            found = true;
            let result = sink(value);
            beyond |= result.is_err();
            result
        });
        match result {
            Err(stop) if beyond || !matches!(*stop, Stop::Raised(..)) => Err(stop),
            _ if found => Ok(()),
            _ => self.each(&pair[1], input, env, sink),
        }
    }

    fn reduce(
        &self,
        fold: &'a Fold,
        input: Val<'a>,
        env: Env<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Res<'a, ()> {
        self.each(&fold.init, input.clone(), env, &mut |init| {
            let mut state = init;
            self.each(&fold.source, input.clone(), env, &mut |value| {
                self.bind(&fold.variables, 0, &value, env, &mut |env| {
                    // Taken out, so that nobody else holds it and it can grow in place.
                    let before = std::mem::replace(&mut state, Val::Null);
                    self.each(&fold.update, before, env, &mut |after| {
                        state = after;
                        Ok(())
                    })
                })
            })?;
            sink(std::mem::replace(&mut state, Val::Null))
        })
    }

    fn foreach(
        &self,
        fold: &'a Fold,
        input: Val<'a>,
        env: Env<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Res<'a, ()> {
        self.each(&fold.init, input.clone(), env, &mut |init| {
            let mut state = init;
            self.each(&fold.source, input.clone(), env, &mut |value| {
                self.bind(&fold.variables, 0, &value, env, &mut |env| {
                    let before = state.clone();
                    self.each(&fold.update, before, env, &mut |after| {
                        state = after.clone();
                        match &fold.extract {
                            Some(extract) => self.each(extract, after, env, sink),
                            None => sink(after),
                        }
                    })
                })
            })
        })
    }
}
