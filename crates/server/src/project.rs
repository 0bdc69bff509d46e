//! The projection of a saga, as the core holds it, to what the API answers.
//!
//! Nothing here is stored, and nothing is decided: it renames and nests.

use banyan_api as api;
use banyan_core::definition::{self, Definition, Kind};
use banyan_core::path::means;
use banyan_core::route::{ON_END, ON_END_NAME, Route};
use banyan_core::saga::{
    Failure, Left, Meaning, Reason, ReasonCode, Saga, State, StepState, StuckAt, Value, Waiting,
    WaitingKind,
};
use banyan_engine::Line;

/// The whole saga, its secrets masked, with what it waits on, masked too.
pub(crate) fn saga(
    saga: &Saga,
    waits: Vec<Waiting>,
    children: Vec<api::Child>,
    line: Option<&Line>,
) -> api::Saga {
    let saga = &*saga.masked();
    let definition = &saga.plan.definition;
    api::Saga {
        id: saga.id,
        definition: definition.name.clone(),
        version: definition.version,
        definition_hash: definition.hash.clone(),
        namespace: saga.namespace.clone(),
        key: saga.key.clone(),
        labels: saga.labels.clone(),
        status: saga.status().as_str().into(),
        seq: saga.seq,
        reason: saga.reason.as_ref().map(reason),
        stuck: saga.stuck().map(|at| stuck(saga, at)),
        waiting_on: waits
            .into_iter()
            .map(|one| waiting(in_line(one, line)))
            .collect(),
        allowed: allowed(saga),
        owner: saga.owner.clone(),
        left: saga.left.iter().map(left).collect(),
        parent: parent(saga),
        children,
        input: (*saga.input).clone(),
        output: saga.output.clone().unwrap_or_default(),
        output_error: saga.output_error.as_ref().map(failure),
        signals: untaken(saga),
        started_at: saga.started_at.into(),
        updated_at: saga.updated_at.into(),
        ended_at: saga.ended_at.map(Into::into),
        deadline: saga.deadline.map(Into::into),
        steps: steps(saga),
        on_end: saga
            .on_end
            .iter()
            .map(|_| step(saga, &mut ON_END.to_vec()))
            .next(),
    }
}

/// Its line in a list.
pub(crate) fn item(saga: &Saga) -> api::SagaItem {
    item_that_waits(saga, saga.waiting_on())
}

/// The same, with what the engine knows of what it waits on.
pub(crate) fn item_that_waits(saga: &Saga, waits: Vec<Waiting>) -> api::SagaItem {
    let definition = &saga.plan.definition;
    api::SagaItem {
        id: saga.id,
        definition: definition.name.clone(),
        version: definition.version,
        definition_hash: definition.hash.clone(),
        namespace: saga.namespace.clone(),
        key: saga.key.clone(),
        labels: saga.labels.clone(),
        status: saga.status().as_str().into(),
        seq: saga.seq,
        reason: saga.reason.as_ref().map(reason),
        stuck: saga.stuck().map(|at| stuck(saga, at)),
        waiting_on: waits.into_iter().take(1).map(waiting).collect(),
        owner: saga.owner.clone(),
        parent: parent(saga),
        started_at: saga.started_at.into(),
        updated_at: saga.updated_at.into(),
        ended_at: saga.ended_at.map(Into::into),
        deadline: saga.deadline.map(Into::into),
    }
}

/// The line of a saga at rest, which its row alone gives.
pub(crate) fn item_at_rest(row: banyan_store::SagaRow) -> api::SagaItem {
    api::SagaItem {
        id: row.id,
        definition: row.definition,
        version: row.version,
        definition_hash: row.definition_hash,
        namespace: row.namespace,
        key: row.key,
        labels: row.labels,
        status: row.status.as_str().into(),
        seq: row.seq,
        reason: row.reason.as_ref().map(reason),
        stuck: None,
        waiting_on: Vec::new(),
        owner: row.owner,
        parent: None,
        started_at: row.started_at.into(),
        updated_at: row.updated_at.into(),
        ended_at: row.ended_at.map(Into::into),
        deadline: row.deadline.map(Into::into),
    }
}

/// The line of a saga whose journal cannot be read: what its row says, and what it waits for.
pub(crate) fn item_that_is_damaged(row: banyan_store::SagaRow, message: &str) -> api::SagaItem {
    let waiting = api::Waiting {
        kind: WaitingKind::Person.as_str().into(),
        step: None,
        leg: None,
        service: None,
        since: row.updated_at.into(),
        until: None,
        message: format!("what is stored of it is damaged, and it is left as it is: {message}"),
        help: "banyan failures".to_owned(),
    };
    api::SagaItem {
        waiting_on: vec![waiting],
        ..item_at_rest(row)
    }
}

/// Its least form.
pub(crate) fn minimal(saga: &Saga) -> api::MinimalSaga {
    api::MinimalSaga {
        id: saga.id,
        status: saga.status().as_str().into(),
        seq: saga.seq,
    }
}

fn parent(saga: &Saga) -> Option<api::Parent> {
    saga.parent.as_ref().map(|parent| api::Parent {
        id: parent.saga,
        definition: parent.definition.clone(),
        path: parent.step.clone(),
    })
}

/// The key of a step's call, or of the child that it runs.
fn idempotency_key(state: &StepState) -> Option<String> {
    let child = state.child.as_ref().map(|child| child.key.clone());
    child.or_else(|| state.forward.key.clone())
}

/// A child, as its parent shows it.
pub(crate) fn child(child: banyan_engine::Child) -> api::Child {
    api::Child {
        id: child.id,
        definition: child.definition,
        path: child.path,
        status: child.status.as_str().into(),
    }
}

fn reason(reason: &Reason) -> api::Reason {
    let code = match reason.code {
        ReasonCode::Refused => api::ReasonCode::Refused,
        ReasonCode::NotSent => api::ReasonCode::NotSent,
        ReasonCode::Unknown => api::ReasonCode::Unknown,
        ReasonCode::Deadline => api::ReasonCode::Deadline,
        ReasonCode::Cancelled => api::ReasonCode::Cancelled,
        ReasonCode::ExpressionFailed => api::ReasonCode::ExpressionFailed,
        ReasonCode::UndoneByOperator => api::ReasonCode::UndoneByOperator,
        ReasonCode::UndoneByParent => api::ReasonCode::UndoneByParent,
    };
    api::Reason {
        code,
        step: reason.step.clone(),
        message: reason.message.clone(),
        detail: reason.detail.clone(),
    }
}

fn left(left: &Left) -> api::Left {
    api::Left {
        step: left.step.clone(),
        outcome: left.outcome.as_str().into(),
        undo: left.undo.as_str().into(),
    }
}

fn stuck(saga: &Saga, at: StuckAt) -> api::Stuck {
    let verbs = saga.helping(&at.step, at.leg).into_iter();
    api::Stuck {
        step: at.step,
        leg: at.leg.as_str().into(),
        code: at.code.as_str().into(),
        message: at.message,
        since: at.since.into(),
        verbs: verbs.map(|verb| verb.as_str().into()).collect(),
    }
}

/// A wait for a lock, with whom it waits for.
fn in_line(waiting: Waiting, line: Option<&Line>) -> Waiting {
    match line {
        Some(line) if waiting.kind == WaitingKind::Lock => {
            waiting.in_line(line.ahead, line.first, line.status)
        }
        Some(_) | None => waiting,
    }
}

fn waiting(waiting: Waiting) -> api::Waiting {
    api::Waiting {
        kind: waiting.kind.as_str().into(),
        step: Some(waiting.step).filter(|step| !step.is_empty()),
        leg: waiting.leg.map(|leg| leg.as_str().into()),
        service: waiting.service,
        since: waiting.since.into(),
        until: waiting.until.map(Into::into),
        message: waiting.message,
        help: waiting.help,
    }
}

fn allowed(saga: &Saga) -> Vec<api::Verb> {
    let verbs = saga.allowed().into_iter();
    verbs.map(|verb| verb.as_str().into()).collect()
}

fn untaken(saga: &Saga) -> Vec<api::Signal> {
    saga.untaken()
        .map(|signal| api::Signal {
            name: signal.name.clone(),
            key: signal.key.clone(),
            body: signal.body.clone(),
            at: signal.at.into(),
        })
        .collect()
}

fn steps(saga: &Saga) -> Vec<api::Step> {
    let of = |position| step(saga, &mut vec![position]);
    (0..saga.steps.len()).map(of).collect()
}

fn step(saga: &Saga, route: &mut Route) -> api::Step {
    let step = saga.plan.definition.step(route);
    let state = saga.state(route);
    let service = match &step.kind {
        Kind::Call(action) => Some(action.call.service.clone()),
        Kind::Wait(_)
        | Kind::Sleep(_)
        | Kind::Set(_)
        | Kind::Refuse(_)
        | Kind::Group(_)
        | Kind::Each(_)
        | Kind::Run(_) => None,
    };
    let together = matches!(&step.kind, Kind::Group(group) if group.parallel);
    let at = saga.spot(route);
    let (name, path) = (at.name(), at.path());
    api::Step {
        name,
        kind: kind(&step.kind),
        service,
        state: state.state_word().into(),
        pivot: step.pivot,
        together,
        outcome: outcome(state),
        attempts: state.forward.attempts,
        idempotency_key: idempotency_key(state),
        result: match &state.result {
            Some(Value::Json(value)) => value.clone(),
            Some(Value::Unreadable) | None => api::Json::Null,
        },
        error: state.error().as_ref().map(failure),
        undo: undo(step, state),
        confirm: confirm(step, state),
        started_at: state.started_at.map(Into::into),
        ended_at: state.ended_at.map(Into::into),
        steps: parts(saga, route),
        path,
    }
}

fn parts(saga: &Saga, route: &mut Route) -> Vec<api::Step> {
    let mut parts = Vec::new();
    for part in 0..saga.state(route).parts.len() {
        route.push(part);
        parts.push(step(saga, route));
        route.pop();
    }
    parts
}

fn kind(kind: &Kind) -> api::StepKind {
    match kind {
        Kind::Call(_) => api::StepKind::Call,
        Kind::Wait(_) => api::StepKind::Wait,
        Kind::Sleep(_) => api::StepKind::Sleep,
        Kind::Set(_) => api::StepKind::Set,
        Kind::Refuse(_) => api::StepKind::Refuse,
        Kind::Group(_) => api::StepKind::Group,
        Kind::Each(_) => api::StepKind::Each,
        Kind::Run(_) => api::StepKind::Child,
    }
}

fn outcome(state: &StepState) -> Option<api::Outcome> {
    match state.state {
        State::Pending | State::Skipped | State::Running => None,
        State::Ended(outcome) => Some(outcome.as_str().into()),
    }
}

fn undo(step: &definition::Step, state: &StepState) -> api::UndoLeg {
    api::UndoLeg {
        state: state.undo_view(step).as_str().into(),
        attempts: state.undo.attempts,
        error: state.undo_error().as_ref().map(failure),
    }
}

fn confirm(step: &definition::Step, state: &StepState) -> Option<api::Confirm> {
    let view = state.confirm_view(step)?;
    Some(api::Confirm {
        state: view.as_str().into(),
        attempts: state.confirm.attempts,
        error: state.confirm_error().as_ref().map(failure),
    })
}

fn failure(failure: &Failure) -> api::Failure {
    api::Failure {
        code: failure.code.clone(),
        message: failure.message.clone(),
        detail: failure.detail.clone(),
    }
}

/// What an attempt's answer meant, in a word.
pub(crate) fn meaning(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Done => "done",
        Meaning::Pending => "pending",
        Meaning::Refused => "refused",
        Meaning::NotFound => "not_found",
        Meaning::MayHave => "may_have",
        Meaning::Misconfigured => "misconfigured",
        Meaning::NotSent => "not_sent",
        Meaning::Held => "held",
    }
}

/// Whether a definition has a step of this name or path.
pub(crate) fn has_step(definition: &Definition, wanted: &str) -> bool {
    let mut found = false;
    definition.each_step(&mut |step| found |= step.name == wanted || means(&step.path, wanted));
    found || (definition.on_end.is_some() && wanted == ON_END_NAME)
}
