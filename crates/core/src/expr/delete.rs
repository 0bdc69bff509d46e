//! `del`: the places that its paths name are found first, and then removed from the last on.

use super::ast::{Kind, Node, Part, Step};
use super::eval::{Env, Machine};
use super::value::{List, Res, Stop, Val};
use super::{order, paths};

impl<'a> Machine<'a, '_> {
    /// The input without the places that the targets name.
    pub(super) fn delete(
        &self,
        targets: &'a Node,
        input: Val<'a>,
        env: Env<'_, 'a>,
    ) -> Res<'a, Val<'a>> {
        let mut places: Vec<Val<'a>> = Vec::new();
        self.places(targets, &input, env, &mut places)?;
        let sorted = order::sort(places, self.meter)?;
        let mut value = input;
        // The last first, so that removing one item moves none that is still to go.
        for place in sorted.into_iter().rev() {
            let Val::Array(keys) = place else { continue };
            value = paths::remove(value, &keys, 0, self.meter)?;
        }
        Ok(value)
    }

    pub(super) fn places(
        &self,
        targets: &'a Node,
        input: &Val<'a>,
        env: Env<'_, 'a>,
        places: &mut Vec<Val<'a>>,
    ) -> Res<'a, ()> {
        match &targets.kind {
            Kind::Comma(parts) => parts
                .iter()
                .try_for_each(|part| self.places(part, input, env, places)),
            Kind::Path(_, steps) => {
                self.places_from(steps, input.clone(), Vec::new(), input, env, places)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn places_from(
        &self,
        steps: &'a [Step],
        value: Val<'a>,
        keys: Vec<Val<'a>>,
        input: &Val<'a>,
        env: Env<'_, 'a>,
        places: &mut Vec<Val<'a>>,
    ) -> Res<'a, ()> {
        let Some((step, rest)) = steps.split_first() else {
            let place = Val::array(keys)?;
            return self.meter.push(places, place);
        };
        let mut visit = |key: Val<'a>| {
            let found = match paths::index(&value, &key, self.meter) {
                Err(stop) if step.optional && matches!(*stop, Stop::Raised(..)) => return Ok(()),
                found => found?,
            };
            let mut longer = self.meter.list(keys.len() + 1)?;
            longer.extend(keys.iter().cloned());
            longer.push(paths::from_start(key, &value, self.meter)?);
            self.places_from(rest, found, longer, input, env, places)
        };
        match &step.part {
            Part::Index(key) => self.each(key, input.clone(), env, &mut visit),
            _ => match paths::keys_of(&value, self.meter) {
                Err(_) if step.optional => Ok(()),
                found => match found? {
                    Val::Array(list) => List::iter(&list).try_for_each(visit),
                    _ => Ok(()),
                },
            },
        }
    }
}
