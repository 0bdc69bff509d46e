//! Where a step stands: in a definition, and in one saga of it, where an `each` has as many runs
//! of its steps as there are items.
//!
//! A *route* is the way to a step by numbers, a *path* the same for people and the journal. The
//! index knows the definition alone; with the items it gives the routes of a saga.

use crate::definition::{Call, Definition, Kind, Step, Undo, Wait};
use crate::path::{general, means};
use std::collections::HashMap;
use std::fmt::Write;

/// The way to a step of a saga: its place among the parts at every level. Below an `each` the
/// next number is the item's, below a wait that of a signal which is to be undone.
pub type Route = Vec<usize>;

/// Stands in a route for the call at a saga's end, which has no place among the steps.
const END: usize = usize::MAX - 1;

/// The route to the call at a saga's end: `on_end`.
pub const ON_END: [usize; 1] = [END];

/// What the call at a saga's end is called in paths. No step may have this name.
pub const ON_END_NAME: &str = "on_end";

/// Stands for an item in the routes of [`Index`], which know no saga.
const ITEM: usize = usize::MAX;

/// A step at its place in a saga.
#[derive(Clone, Copy, Debug)]
pub struct Spot<'a> {
    /// The definition that it belongs to.
    pub definition: &'a Definition,
    /// The step.
    pub step: &'a Step,
    /// The way to it.
    pub route: &'a [usize],
}

/// One level of a route.
enum Hop<'a> {
    Step(&'a Step),
    Item(usize),
}

impl<'a> Spot<'a> {
    /// It is the call at a saga's end, and no step.
    pub fn is_end(&self) -> bool {
        self.route == ON_END
    }

    /// The path that names it exactly: `prepare.stock`, `lines[3].reserve`.
    pub fn path(&self) -> String {
        let mut path = String::with_capacity(self.step.path.len() + 4);
        self.climb(|hop| match hop {
            Hop::Step(step) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&step.name);
            }
            // Writing into a String cannot fail.
            Hop::Item(item) => {
                let _ = write!(path, "[{item}]");
            }
        });
        path
    }

    /// What it is called among its neighbours: its name, and for an item that and the number.
    pub fn name(&self) -> String {
        let path = self.path();
        let last = path.rfind('.').map_or(0, |dot| dot + 1);
        path[last..].to_owned()
    }

    /// The items around it, from the outermost, joined by dots: `3`, `3.0`; empty outside.
    pub fn item(&self) -> String {
        let mut items = String::new();
        self.climb(|hop| {
            if let Hop::Item(item) = hop {
                let dot = if items.is_empty() { "" } else { "." };
                let _ = write!(items, "{dot}{item}");
            }
        });
        items
    }

    fn climb(&self, mut visit: impl FnMut(Hop<'a>)) {
        if self.is_end() {
            return visit(Hop::Step(self.step));
        }
        let mut above: Option<&Step> = None;
        for &hop in self.route {
            let below = match above {
                None => self.definition.steps.get(hop),
                Some(step) => step.part(hop),
            };
            // A spot stands in its own definition.
            let Some(step) = below else { return };
            match above.map(|step| &step.kind) {
                Some(Kind::Each(_) | Kind::Wait(_)) => visit(Hop::Item(hop)),
                _ => visit(Hop::Step(step)),
            }
            above = Some(step);
        }
    }
}

impl Step {
    /// The steps below it: a group's; of an `each` the one that is done for every item.
    pub fn parts(&self) -> &[Step] {
        match &self.kind {
            Kind::Group(group) => &group.steps,
            Kind::Each(each) => std::slice::from_ref(&each.body),
            Kind::Call(_)
            | Kind::Wait(_)
            | Kind::Sleep(_)
            | Kind::Set(_)
            | Kind::Refuse(_)
            | Kind::Run(_) => &[],
        }
    }

    /// Its part at this place of a route. That of a wait is one more signal of its name, which
    /// the same undo takes back.
    pub(crate) fn part(&self, hop: usize) -> Option<&Step> {
        match &self.kind {
            Kind::Each(each) => Some(&each.body),
            Kind::Group(group) => group.steps.get(hop),
            Kind::Wait(_) if matches!(self.undo, Undo::Call(_)) => Some(self),
            Kind::Call(_)
            | Kind::Wait(_)
            | Kind::Sleep(_)
            | Kind::Set(_)
            | Kind::Refuse(_)
            | Kind::Run(_) => None,
        }
    }

    /// It and every step below it, in the order of the file.
    pub fn each_step<'a>(&'a self, visit: &mut dyn FnMut(&'a Step)) {
        visit(self);
        walk(self.parts(), visit);
    }

    /// It waits for this signal and has an undo for those that come too late.
    pub fn undoes(&self, signal: &str) -> bool {
        matches!((&self.kind, &self.undo), (Kind::Wait(wait), Undo::Call(_)) if wait.signal == signal)
    }
}

/// Steps of a definition by name and by path, made once and shared.
#[derive(Debug, Default)]
pub struct Index {
    by_name: HashMap<String, Route>,
    by_path: HashMap<String, Route>,
    /// Several may call their items alike, none inside another.
    by_item: HashMap<String, Vec<Route>>,
}

impl Index {
    /// The route to the step of this name, as seen from `here`: inside an `each`, the one of
    /// the same item. None when there is none, or it stands inside an `each` and `here` not.
    pub fn by_name(&self, name: &str, here: &[usize]) -> Option<Route> {
        from(self.by_name.get(name)?, here)
    }

    /// The route to the `each` whose item has this name, as seen from `here`, and the item.
    pub fn by_item(&self, name: &str, here: &[usize]) -> Option<(Route, usize)> {
        self.by_item.get(name)?.iter().find_map(|general| {
            let each = from(general, here)?;
            let item = *here.get(each.len())?;
            here.starts_with(&each).then_some((each, item))
        })
    }

    /// The definition has a step of this path, whichever item is meant, or every one.
    pub fn knows(&self, path: &str) -> bool {
        let known = &self.by_path;
        known
            .get_key_value(&general(path))
            .is_some_and(|(general, _)| means(general, path))
    }

    /// The route to the step at this path of a saga: `lines[3].reserve`. Whether the saga has
    /// such an item, its state says.
    pub fn by_path(&self, path: &str) -> Option<Route> {
        if !path.contains('[') {
            return self.by_path.get(path).cloned();
        }
        let mut general = String::with_capacity(path.len());
        let mut items = Vec::new();
        for (position, piece) in path.split('[').enumerate() {
            if position == 0 {
                general.push_str(piece);
                continue;
            }
            let (item, rest) = piece.split_once(']')?;
            items.push(item.parse().ok()?);
            general.push_str("[]");
            general.push_str(rest);
        }
        let mut items = items.into_iter();
        let mut fill = |&hop: &usize| if hop == ITEM { items.next() } else { Some(hop) };
        self.by_path.get(&general)?.iter().map(&mut fill).collect()
    }
}

/// A route of the index as seen from a place in a saga: its items are those around that place.
fn from(general: &Route, here: &[usize]) -> Option<Route> {
    let mut route = Vec::with_capacity(general.len());
    for (level, &hop) in general.iter().enumerate() {
        if hop != ITEM {
            route.push(hop);
        } else if here.starts_with(&route) {
            route.push(*here.get(level)?);
        } else {
            return None;
        }
    }
    Some(route)
}

impl Definition {
    /// The index over all its steps.
    pub fn index(&self) -> Index {
        let mut index = Index::default();
        for (position, step) in self.steps.iter().enumerate() {
            index.add(step, &mut vec![position], true);
        }
        if let Some(end) = &self.on_end {
            index.add(end, &mut ON_END.to_vec(), false);
        }
        index
    }

    /// The step at a route. Panics when the route is of another definition.
    pub fn step(&self, route: &[usize]) -> &Step {
        let found = self.find(route);
        found.unwrap_or_else(|| panic!("the definition has no step at the route {route:?}"))
    }

    /// The step at a route with its place. Panics when the route is of another definition.
    pub fn spot<'a>(&'a self, route: &'a [usize]) -> Spot<'a> {
        Spot {
            definition: self,
            step: self.step(route),
            route,
        }
    }

    fn find(&self, route: &[usize]) -> Option<&Step> {
        if route == ON_END {
            return self.on_end.as_deref();
        }
        let (&first, rest) = route.split_first()?;
        rest.iter()
            .try_fold(self.steps.get(first)?, |step, &hop| step.part(hop))
    }

    /// Every step, groups before their parts, in the order of the file. What an `each` does for
    /// its items comes once, after it.
    pub fn each_step<'a>(&'a self, visit: &mut dyn FnMut(&'a Step)) {
        walk(&self.steps, visit);
    }

    /// Every call that it may make, with the step that makes it: those of all steps, and the
    /// one at the end.
    pub fn each_call<'a>(&'a self, visit: &mut dyn FnMut(&'a Step, &'a Call)) {
        self.each_step(&mut |step| step.calls().for_each(|call| visit(step, call)));
        for end in self.on_end.iter() {
            end.calls().for_each(|call| visit(end, call));
        }
    }

    /// Some value of its sagas is not for people's eyes.
    pub fn has_secrets(&self) -> bool {
        let mut found = !self.secret.is_empty();
        self.each_step(&mut |step| found |= !step.secret.is_empty());
        self.each_call(&mut |_, call| found |= !call.secret.is_empty());
        found
    }

    /// The names of every service that it calls, sorted, each once.
    pub fn services(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        self.each_call(&mut |_, call| names.push(&call.service));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The first wait for this signal, if it has one.
    pub fn wait(&self, signal: &str) -> Option<&Wait> {
        let mut found = None;
        self.each_step(&mut |step| {
            if let Kind::Wait(wait) = &step.kind
                && wait.signal == signal
                && found.is_none()
            {
                found = Some(wait);
            }
        });
        found
    }

    /// Whether a signal of this name that no step takes is undone.
    pub fn undoes(&self, signal: &str) -> bool {
        let mut found = false;
        self.each_step(&mut |step| found |= step.undoes(signal));
        found
    }

    /// The point of no return, if it has one.
    pub fn pivot(&self) -> Option<&Step> {
        let mut found = None;
        self.each_step(&mut |step| {
            if step.pivot {
                found = Some(step);
            }
        });
        found
    }
}

impl Step {
    /// The calls of all its legs.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        let (call, check) = match &self.kind {
            Kind::Call(action) => (Some(&action.call), action.check.as_ref()),
            Kind::Wait(_)
            | Kind::Sleep(_)
            | Kind::Set(_)
            | Kind::Refuse(_)
            | Kind::Group(_)
            | Kind::Each(_)
            | Kind::Run(_) => (None, None),
        };
        let undo = match &self.undo {
            Undo::Call(undo) => Some(&undo.call),
            Undo::Absent | Undo::None | Undo::Child => None,
        };
        call.into_iter()
            .chain(check)
            .chain(undo)
            .chain(self.confirm.as_deref())
    }
}

impl Index {
    /// Adds a step and those below it. The step of an `each`'s items shares the name of the
    /// `each`, and is not known by it.
    fn add(&mut self, step: &Step, route: &mut Route, named: bool) {
        if named {
            self.by_name.insert(step.name.clone(), route.clone());
        }
        self.by_path.insert(step.path.clone(), route.clone());
        if matches!((&step.kind, &step.undo), (Kind::Wait(_), Undo::Call(_))) {
            let signals = [route.as_slice(), &[ITEM]].concat();
            self.by_path.insert(format!("{}[]", step.path), signals);
        }
        if let Kind::Each(each) = &step.kind {
            let known = self.by_item.entry(each.item.clone()).or_default();
            known.push(route.clone());
            route.push(ITEM);
            self.add(&each.body, route, false);
            route.pop();
            return;
        }
        for (position, part) in step.parts().iter().enumerate() {
            route.push(position);
            self.add(part, route, true);
            route.pop();
        }
    }
}

fn walk<'a>(steps: &'a [Step], visit: &mut dyn FnMut(&'a Step)) {
    for step in steps {
        visit(step);
        walk(step.parts(), visit);
    }
}
