//! Functions that decide how often their arguments are evaluated.

use super::ast::{Control, Node};
use super::eval::{Env, Machine, Sink, wrong_type};
use super::value::{Entries, Res, Stop, Val};
use super::{functions, operators};

impl<'a> Machine<'a, '_> {
    pub(super) fn control(
        &self,
        control: Control,
        arguments: &'a [Node],
        input: Val<'a>,
        env: Env<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Res<'a, ()> {
        match (control, arguments) {
            (Control::Range, [from, to]) => self.each(from, input.clone(), env, &mut |from| {
                self.each(to, input.clone(), env, &mut |to| {
                    operators::range(&from, &to, self.meter, sink)
                })
            }),
            (Control::First, [source]) => self.some(0, 1, source, input, env, sink),
            (Control::Last, [source]) => {
                let mut last = None;
                self.each(source, input, env, &mut |value| {
                    last = Some(value);
                    Ok(())
                })?;
                last.map_or(Ok(()), sink)
            }
            (Control::Limit | Control::Skip | Control::Nth, [count, source]) => {
                self.each(count, input.clone(), env, &mut |count| {
                    let count = operators::count(&count, self.meter)?;
                    let (skip, take) = match control {
                        Control::Limit => (0, count),
                        Control::Nth => (count, 1),
                        _ => (count, u64::MAX),
                    };
                    self.some(skip, take, source, input.clone(), env, sink)
                })
            }
            (Control::Any, [source, condition]) => {
                let found = self.finds(true, source, Some(condition), input, env)?;
                sink(Val::Bool(found))
            }
            (Control::All, [source, condition]) => {
                let found = self.finds(false, source, Some(condition), input, env)?;
                sink(Val::Bool(!found))
            }
            (Control::IsEmpty, [source]) => {
                let found = self.finds(true, source, None, input, env)?;
                sink(Val::Bool(!found))
            }
            (Control::MapValues, [update]) => {
                let value = self.map_values(update, input, env)?;
                sink(value)
            }
            (Control::Delete, [targets]) => {
                let value = self.delete(targets, input, env)?;
                sink(value)
            }
            // Lowering gives each of these the arguments it takes.
            _ => Ok(()),
        }
    }

    /// Some of a stream: `take` values after `skip`; then it is stopped.
    pub(super) fn some(
        &self,
        skip: u64,
        take: u64,
        source: &'a Node,
        input: Val<'a>,
        env: Env<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Res<'a, ()> {
        if take == 0 {
            return Ok(());
        }
        let me = self.taker();
        let mut seen = 0;
        let result = self.each(source, input, env, &mut |value| {
            seen += 1;
            if seen <= skip {
                return Ok(());
            }
            sink(value)?;
            if seen - skip == take {
                return Err(Box::new(Stop::Enough(me)));
            }
            Ok(())
        });
        match result {
            Err(stop) if matches!(*stop, Stop::Enough(who) if who == me) => Ok(()),
            result => result,
        }
    }

    /// Whether any value of a stream makes the condition what is wanted; with no condition,
    /// whether there is any value.
    pub(super) fn finds(
        &self,
        wanted: bool,
        source: &'a Node,
        condition: Option<&'a Node>,
        input: Val<'a>,
        env: Env<'_, 'a>,
    ) -> Res<'a, bool> {
        let me = self.taker();
        let stop = || Err(Box::new(Stop::Enough(me)));
        let result = self.each(source, input, env, &mut |value| match condition {
            None => stop(),
            Some(condition) => self.each(condition, value, env, &mut |holds| {
                if holds.is_true() == wanted {
                    return stop();
                }
                Ok(())
            }),
        });
        match result {
            Err(stop) if matches!(*stop, Stop::Enough(who) if who == me) => Ok(true),
            result => result.map(|()| false),
        }
    }

    /// Every value replaced by the first of the update; dropped when there is none.
    pub(super) fn map_values(
        &self,
        update: &'a Node,
        input: Val<'a>,
        env: Env<'_, 'a>,
    ) -> Res<'a, Val<'a>> {
        let first = |value: Val<'a>| -> Res<'a, Option<Val<'a>>> {
            let mut found = None;
            self.some(0, 1, update, value, env, &mut |value| {
                found = Some(value);
                Ok(())
            })?;
            Ok(found)
        };
        match input {
            Val::Array(list) => {
                let mut items = self.meter.list(0)?;
                for item in list.iter() {
                    if let Some(value) = first(item)? {
                        self.meter.push(&mut items, value)?;
                    }
                }
                Val::array(items)
            }
            Val::Object(members) => {
                let mut entries = Entries::new();
                for (key, value) in members.iter() {
                    self.meter.steps(1)?;
                    if let Some(value) = first(value)? {
                        entries.insert(key, value, self.meter)?;
                    }
                }
                Ok(entries.into_value())
            }
            other => Err(wrong_type(format!(
                "`map_values` needs an array or an object, not {}",
                functions::describe(&other)
            ))),
        }
    }
}
