//! A saga as the API answers it, drawn as a tree. How it looks is the core's to say; here it is
//! told what to draw, and painted.

use super::style::Style;
use banyan_core::saga::drawing::{
    ChildRow, Drawing, LeftRow, LegRow, ReasonRow, Row, RowKind, StuckRow, WaitRow,
};
use banyan_sdk::api::{Failure, Left, Saga, Step, StepKind, Stuck, UndoState};

/// The saga: a head, its tree, and what it waits for.
pub(crate) fn draw(saga: &Saga, style: Style) -> String {
    let mut text = String::new();
    for line in drawing(saga).lines() {
        for span in line {
            text.push_str(&style.paint(span.tone, &span.text));
        }
        text.push('\n');
    }
    text
}

fn drawing(saga: &Saga) -> Drawing {
    Drawing {
        definition: saga.definition.clone(),
        version: saga.version,
        key: saga.key.clone(),
        status: saga.status.as_str().to_owned(),
        note: Some(times(saga)),
        reason: saga.reason.as_ref().map(|reason| ReasonRow {
            code: reason.code.as_str().to_owned(),
            step: reason.step.clone(),
            message: reason.message.clone(),
        }),
        rows: saga.steps.iter().chain(&saga.on_end).map(row).collect(),
        stuck: saga.stuck.as_ref().map(stuck),
        waits: waits(saga),
        left: saga.left.iter().map(left).collect(),
        owner: saga.owner.clone(),
        children: children(saga),
        signals: saga
            .signals
            .iter()
            .map(|signal| (signal.name.clone(), signal.at.0))
            .collect(),
        output: saga.output.clone(),
        output_error: message(saga.output_error.as_ref()),
    }
}

fn times(saga: &Saga) -> String {
    let ended = saga.ended_at.map(|at| format!("  ended {at}"));
    let parent = saga.parent.as_ref().map(|parent| {
        let (name, id, path) = (&parent.definition, parent.id, &parent.path);
        format!("  run by {name} {id} at {path}")
    });
    format!(
        "{}  started {}{}{}",
        saga.id,
        saga.started_at,
        ended.unwrap_or_default(),
        parent.unwrap_or_default()
    )
}

fn stuck(stuck: &Stuck) -> StuckRow {
    let verbs = stuck.verbs.iter();
    StuckRow {
        step: stuck.step.clone(),
        leg: stuck.leg.as_str().to_owned(),
        code: stuck.code.as_str().to_owned(),
        message: stuck.message.clone(),
        verbs: verbs.map(|verb| verb.as_str().to_owned()).collect(),
    }
}

fn left(left: &Left) -> LeftRow {
    LeftRow {
        step: left.step.clone(),
        outcome: left.outcome.as_str().to_owned(),
        undo: left.undo.as_str().to_owned(),
    }
}

fn waits(saga: &Saga) -> Vec<WaitRow> {
    let waits = saga.waiting_on.iter();
    waits
        .map(|wait| WaitRow {
            step: wait.step.clone(),
            leg: wait.leg.as_ref().map(|leg| leg.as_str().to_owned()),
            message: wait.message.clone(),
        })
        .collect()
}

fn children(saga: &Saga) -> Vec<ChildRow> {
    let children = saga.children.iter();
    children
        .map(|child| ChildRow {
            path: child.path.clone(),
            definition: child.definition.clone(),
            id: child.id.to_string(),
            status: child.status.as_str().to_owned(),
        })
        .collect()
}

fn row(step: &Step) -> Row {
    let undo = &step.undo;
    Row {
        name: step.name.clone(),
        path: step.path.clone(),
        pivot: step.pivot,
        kind: match (&step.kind, step.together) {
            (StepKind::Group, true) => RowKind::Together,
            (StepKind::Group, false) => RowKind::Steps,
            (StepKind::Each, _) => RowKind::Each,
            _ => RowKind::Step,
        },
        forward: leg(step.state.as_str(), step.attempts, step.error.as_ref()),
        undo: (undo.state != UndoState::None)
            .then(|| leg(undo.state.as_str(), undo.attempts, undo.error.as_ref())),
        confirm: step.confirm.as_ref().map(|confirm| {
            leg(
                confirm.state.as_str(),
                confirm.attempts,
                confirm.error.as_ref(),
            )
        }),
        parts: step.steps.iter().map(row).collect(),
    }
}

fn leg(state: &str, attempts: u32, error: Option<&Failure>) -> LegRow {
    LegRow {
        state: state.to_owned(),
        attempts,
        error: message(error),
    }
}

fn message(error: Option<&Failure>) -> Option<String> {
    error.map(|error| error.message.clone())
}
