//! What expressions see: the input, the saga, the results of steps, and, beside a leg, its
//! key, its body and its result.

use super::{Outcome, Saga, State, StepState, Value};
use crate::definition::{Kind, Step};
use crate::expr::{Cause, EvalError, Expr, Scope};
use crate::json::Json;
use crate::route::ON_END;
use serde_json::{Map, json};
use std::borrow::Cow;

/// Values that stand beside a leg, besides what every expression sees.
#[derive(Default)]
pub(super) struct Beside<'a> {
    /// `$key`: the idempotency key of the step's do.
    pub(super) key: Option<&'a str>,
    /// `$body`: what the do sent.
    pub(super) body: Option<&'a Json>,
    /// `$result`: the answer's body, or the do's result.
    pub(super) result: Option<Seen<'a>>,
    /// `$http`: the answer's status and headers.
    pub(super) http: Option<&'a Json>,
}

/// A result as an expression meets it.
#[derive(Clone, Copy)]
pub(super) enum Seen<'a> {
    /// A value.
    Json(&'a Json),
    /// A body that is no JSON or too large: whoever reads it fails.
    Unreadable,
}

impl<'a> Seen<'a> {
    pub(super) fn of(value: Option<&'a Value>) -> Seen<'a> {
        match value {
            Some(Value::Json(value)) => Seen::Json(value),
            Some(Value::Unreadable) => Seen::Unreadable,
            None => Seen::Json(&Json::Null),
        }
    }

    fn bind(self, name: &'a str, scope: &mut Scope<'a>) {
        match self {
            Seen::Json(value) => scope.bind(name, Cow::Borrowed(value)),
            Seen::Unreadable => scope.bind_unreadable(name, unreadable(name)),
        }
    }
}

/// A scope with just the variables that these expressions read.
pub(super) fn scope<'a>(
    saga: &'a Saga,
    here: &[usize],
    beside: &Beside<'a>,
    expressions: impl IntoIterator<Item = &'a Expr>,
) -> Scope<'a> {
    let mut scope = Scope::default();
    for expression in expressions {
        for (name, _) in expression.variables() {
            if scope.get(name).is_none() {
                bind(saga, here, beside, name, &mut scope);
            }
        }
    }
    scope
}

fn bind<'a>(
    saga: &'a Saga,
    here: &[usize],
    beside: &Beside<'a>,
    name: &'a str,
    scope: &mut Scope<'a>,
) {
    match name {
        "input" => scope.bind(name, Cow::Borrowed(&*saga.input)),
        "saga" => scope.bind(name, Cow::Owned(about(saga, here))),
        "key" => scope.bind(name, Cow::Owned(beside.key.map_or(Json::Null, Json::from))),
        "body" => scope.bind(name, Cow::Borrowed(beside.body.unwrap_or(&Json::Null))),
        "http" => scope.bind(name, Cow::Borrowed(beside.http.unwrap_or(&Json::Null))),
        "result" => beside
            .result
            .unwrap_or(Seen::Json(&Json::Null))
            .bind(name, scope),
        name => bind_step(saga, here, name, scope),
    }
}

/// What never changes of a saga: values that are computed again must come out the same. Its
/// status is known in the call at its end, which is made at rest.
fn about(saga: &Saga, here: &[usize]) -> Json {
    let definition = &saga.plan.definition;
    let mut about = json!({
        "id": saga.id.to_string(),
        "name": definition.name,
        "version": definition.version,
        "key": saga.key,
        "started_at": saga.started_at.to_string(),
    });
    if here == ON_END {
        about["status"] = Json::from(saga.status().as_str());
    }
    about
}

/// A step's result, or the item of an `each` around.
fn bind_step<'a>(saga: &'a Saga, here: &[usize], name: &'a str, scope: &mut Scope<'a>) {
    let index = &saga.plan.index;
    if let Some((each, item)) = index.by_item(name, here) {
        let items = saga.state(&each).items.as_deref().unwrap_or_default();
        return scope.bind(name, Cow::Borrowed(items.get(item).unwrap_or(&Json::Null)));
    }
    let Some(route) = index.by_name(name, here).filter(|route| saga.has(route)) else {
        return;
    };
    let step = saga.plan.definition.step(&route);
    let state = saga.state(&route);
    if step.parts().is_empty() {
        return result(state).bind(name, scope);
    }
    match whole(step, state) {
        Ok(value) => scope.bind(name, Cow::Owned(value)),
        Err(part) => scope.bind_unreadable(name, unreadable(&part)),
    }
}

fn result(state: &StepState) -> Seen<'_> {
    match state.state {
        State::Ended(Outcome::Done) if !state.late => Seen::of(state.result.as_ref()),
        State::Ended(Outcome::Done | Outcome::Refused | Outcome::NotSent | Outcome::Unknown)
        | State::Pending
        | State::Skipped
        | State::Running => Seen::Json(&Json::Null),
    }
}

/// The result of a step with all its parts, or the name of the first unreadable one: of a
/// group an object of its parts' results, of an `each` an array of its items'.
fn whole(step: &Step, state: &StepState) -> Result<Json, String> {
    if state.state != State::Pending && !step.parts().is_empty() {
        return Ok(Json::Null);
    }
    match &step.kind {
        Kind::Group(group) => {
            let parts = group.steps.iter().zip(&state.parts);
            let named = parts.map(|(part, state)| Ok((part.name.clone(), whole(part, state)?)));
            named.collect::<Result<Map<_, _>, _>>().map(Json::Object)
        }
        Kind::Each(_) if state.items.is_none() => Ok(Json::Null),
        Kind::Each(each) => {
            let items = state.parts.iter().map(|item| whole(&each.body, item));
            items.collect::<Result<Vec<_>, _>>().map(Json::Array)
        }
        Kind::Call(_)
        | Kind::Wait(_)
        | Kind::Sleep(_)
        | Kind::Set(_)
        | Kind::Refuse(_)
        | Kind::Run(_) => match result(state) {
            Seen::Json(value) => Ok(value.clone()),
            Seen::Unreadable => Err(step.name.clone()),
        },
    }
}

fn unreadable(name: &str) -> EvalError {
    EvalError {
        cause: Cause::Unreadable,
        message: format!("${name} cannot be read: the service's answer was no JSON, or too large"),
    }
}
