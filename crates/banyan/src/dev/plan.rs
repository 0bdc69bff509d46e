//! What the stand-ins play: made from the definition, a part for each step that calls or waits.

use super::fit::{Condition, Known, fit};
use super::leg::Leg;
use super::sample;
use super::shape::Shape;
use super::wants::Wants;
use banyan_core::definition::{Call, Kind, Step, Undo};
use banyan_core::expr::{Expr, Part, Scope, Text};
use banyan_core::{Definition, Json};
use serde_json::json;
use std::borrow::Cow;

/// How answers to a step are made.
#[derive(Clone, Debug)]
struct Maker {
    name: String,
    shape: Shape,
    /// Conditions that say no to an answer.
    refusals: Vec<Expr>,
    /// Conditions under which a later step turns the saga back.
    dangers: Vec<Expr>,
    known: Known,
}

impl Maker {
    /// An answer that is taken for a yes, or for a no; none when none was found.
    fn answer(&self, count: u64, refused: bool) -> Option<Json> {
        self.fit(&self.plain(count), refused)
    }

    /// The value, changed so that it is taken for a yes, or for a no.
    fn fit(&self, value: &Json, refused: bool) -> Option<Json> {
        let condition = |expression: &Expr, holds| Condition {
            expression: expression.clone(),
            holds,
        };
        let mut conditions: Vec<Condition> = self
            .refusals
            .iter()
            .map(|expression| condition(expression, refused))
            .collect();
        if !refused {
            let dangers = self.dangers.iter();
            conditions.extend(dangers.map(|expression| condition(expression, false)));
        }
        fit(value, &self.name, &conditions, &self.known)
    }

    fn plain(&self, count: u64) -> Json {
        if self.shape.is_empty() {
            json!({ "id": format!("{}-{count}", self.name) })
        } else {
            self.shape.value(&self.name, &self.name, count)
        }
    }
}

/// A call that a step may make.
#[derive(Clone, Debug)]
struct Road {
    leg: Leg,
    call: Call,
}

/// A step that calls a service.
#[derive(Clone, Debug)]
pub(super) struct CallPart {
    /// The step's path.
    pub(super) path: String,
    /// What its do changes nothing of: it only asks.
    pub(super) asks: bool,
    /// The definition says that there is nothing to undo.
    pub(super) needs_no_undo: bool,
    roads: Vec<Road>,
    maker: Maker,
}

impl CallPart {
    /// What the do answers when all is well; `count` tells one effect from the next.
    pub(super) fn result(&self, count: u64) -> Json {
        // Where no answer pleases every condition, the plain one shows which one refuses.
        let made = self.maker.answer(count, false);
        made.unwrap_or_else(|| self.maker.plain(count))
    }

    /// The leg that a request is of. The key tells undo and confirm; the road tells a check.
    pub(super) fn leg(&self, told_by_key: Leg, method: &str, path: &str) -> Leg {
        if told_by_key != Leg::Do {
            return told_by_key;
        }
        let fits =
            |road: &&Road| road.call.method.as_str() == method && could_be(&road.call.path, path);
        let asked = [Leg::Do, Leg::Check].into_iter().find(|leg| {
            let mut of_leg = self.roads.iter().filter(|road| road.leg == *leg);
            of_leg.any(|road| fits(&road))
        });
        asked.unwrap_or(Leg::Do)
    }

    /// Its legs, as a file writes them.
    pub(super) fn roads(&self) -> impl Iterator<Item = (Leg, String)> {
        self.roads.iter().map(|road| {
            let Call {
                method,
                service,
                path,
                ..
            } = &road.call;
            let written = format!("{} {service} {}", method.as_str(), path.source());
            (road.leg, written)
        })
    }
}

/// A step that waits for a signal.
#[derive(Clone, Debug)]
pub(super) struct WaitPart {
    /// The step's path.
    pub(super) path: String,
    /// The signal's name.
    pub(super) signal: String,
    accepts: Option<Json>,
    maker: Maker,
}

impl WaitPart {
    /// A signal that is taken for a yes, or for a no.
    ///
    /// # Errors
    /// Why none can be made.
    pub(super) fn signal(&self, refused: bool) -> Result<Json, String> {
        let told = || {
            format!(
                "no signal for {} could be made that fits; send one: signal {} JSON",
                self.path, self.signal
            )
        };
        let Some(accepts) = &self.accepts else {
            let refusable = !self.maker.refusals.is_empty();
            let made = self.maker.answer(1, refused && refusable);
            return made.filter(|_| refusable || !refused).ok_or_else(told);
        };
        let made = sample::sample(Some(accepts), &self.maker.shape)?;
        let fitting = self.maker.fit(&made, refused).ok_or_else(told)?;
        sample::verify(accepts, &fitting).map_err(|_| told())?;
        Ok(fitting)
    }
}

/// Every part.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The paths of all steps that have a part, in the order of the file.
    pub(super) paths: Vec<String>,
    /// Steps that call.
    pub(super) calls: Vec<CallPart>,
    /// Steps that wait for a signal.
    pub(super) waits: Vec<WaitPart>,
}

impl Plan {
    /// From a definition and the input that sagas will start with.
    pub(super) fn of(definition: &Definition, wants: &Wants, input: &Json) -> Plan {
        let mut plan = Plan::default();
        let mut known: Known = vec![("input".to_owned(), input.clone())];
        let mut add = |step: &Step| {
            let maker = |refusals: Vec<Expr>, known: &Known| Maker {
                name: step.name.clone(),
                shape: wants.of_step(&step.name),
                refusals,
                dangers: dangers(definition, &step.name),
                known: known.clone(),
            };
            if let Kind::Each(each) = &step.kind {
                known.push((each.item.clone(), first_item(&each.items, &known)));
            } else if let Kind::Call(action) = &step.kind {
                let refusals = action.call.refused_when.iter().cloned().collect();
                let part = call_part(step, maker(refusals, &known));
                known.push((step.name.clone(), part.result(1)));
                plan.calls.push(part);
                plan.paths.push(step.path.clone());
            } else if let Kind::Wait(wait) = &step.kind {
                plan.paths.push(step.path.clone());
                plan.waits.push(WaitPart {
                    path: step.path.clone(),
                    signal: wait.signal.clone(),
                    accepts: wait.accepts.clone(),
                    maker: maker(wait.refused_when.iter().cloned().collect(), &known),
                });
            }
        };
        definition.each_step(&mut |step| add(step));
        definition.on_end.as_deref().into_iter().for_each(add);
        plan
    }

    /// The step that calls, by its path as a call names it (`lines[3].reserve` is
    /// `lines[].reserve`).
    pub(super) fn call(&self, path: &str) -> Option<&CallPart> {
        let path = of_any_item(path);
        self.calls.iter().find(|part| part.path == path)
    }

    /// The step that waits for a signal, by its path.
    pub(super) fn wait(&self, path: &str) -> Option<&WaitPart> {
        let path = of_any_item(path);
        self.waits.iter().find(|part| part.path == path)
    }

    /// The path of the step that a person names: by its path, or by its name.
    pub(super) fn path_of(&self, named: &str) -> Option<&str> {
        let mut paths = self.paths.iter().map(String::as_str);
        paths.find(|path| {
            let plain = path.trim_end_matches("[]");
            [*path, plain].contains(&named) || plain.rsplit('.').next() == Some(named)
        })
    }
}

/// When a step of the kind `refuse` turns the saga back because of this step's result.
fn dangers(definition: &Definition, name: &str) -> Vec<Expr> {
    let mut found = Vec::new();
    definition.each_step(&mut |step| {
        if let (Kind::Refuse(_), Some(when)) = (&step.kind, &step.when)
            && when
                .variables()
                .iter()
                .any(|(variable, _)| *variable == name)
        {
            found.push(when.clone());
        }
    });
    found
}

/// The first item of a list, when it can be told beforehand.
fn first_item(list: &Expr, known: &Known) -> Json {
    let mut scope = Scope::default();
    for (name, value) in known {
        scope.bind(name, Cow::Borrowed(value));
    }
    let items = list.evaluate(&scope).unwrap_or_default();
    items.get(0).cloned().unwrap_or_default()
}

fn call_part(step: &Step, maker: Maker) -> CallPart {
    let mut part = CallPart {
        path: step.path.clone(),
        asks: false,
        needs_no_undo: matches!(step.undo, Undo::None),
        roads: Vec::new(),
        maker,
    };
    let mut road = |leg, call: &Call| {
        let call = call.clone();
        part.roads.push(Road { leg, call });
    };
    if let Kind::Call(action) = &step.kind {
        road(Leg::Do, &action.call);
        if let Some(check) = &action.check {
            road(Leg::Check, check);
        }
        part.asks = action.call.method.is_safe();
    }
    if let Some(confirm) = &step.confirm {
        part.roads.push(Road {
            leg: Leg::Confirm,
            call: confirm.as_ref().clone(),
        });
    }
    if let Undo::Call(undo) = &step.undo {
        part.roads.push(Road {
            leg: Leg::Undo,
            call: undo.call.clone(),
        });
    }
    part
}

/// `lines[3].reserve` as the definition names it: `lines[].reserve`.
fn of_any_item(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut within = false;
    for character in path.chars() {
        within &= character != ']';
        if !within {
            plain.push(character);
        }
        within |= character == '[';
    }
    plain
}

/// Whether a path may have come from this text: its words are there, in their order.
fn could_be(text: &Text, path: &str) -> bool {
    let mut rest = path;
    for (position, part) in text.parts().iter().enumerate() {
        let Part::Literal(words) = part else { continue };
        match rest.find(words.as_str()) {
            Some(0) => rest = &rest[words.len()..],
            Some(at) if position > 0 => rest = &rest[at + words.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || matches!(text.parts().last(), Some(Part::Expr(..)))
}
