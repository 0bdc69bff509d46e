//! A saga's state as a [`Drawing`]: what tests expect, and what `banyan show` prints from the
//! API's answer. Only the id and the times are not in it.

use super::drawing::{
    ChildRow, Drawing, LeftRow, LegRow, ReasonRow, Row, RowKind, StuckRow, WaitRow,
};
use super::{Failure, Saga, UndoView};
use crate::definition::Kind;
use crate::route::{ON_END, Route};

impl Saga {
    /// Draws the saga as it is.
    pub fn draw(&self) -> String {
        self.drawing().to_string()
    }

    /// What is to be told of the saga as it is.
    pub fn drawing(&self) -> Drawing {
        let definition = &self.plan.definition;
        Drawing {
            definition: definition.name.clone(),
            version: definition.version,
            key: self.key.clone(),
            status: self.status().as_str().to_owned(),
            note: None,
            reason: self.reason.as_ref().map(|reason| ReasonRow {
                code: reason.code.as_str().to_owned(),
                step: reason.step.clone(),
                message: reason.message.clone(),
            }),
            rows: (0..self.steps.len())
                .chain(self.on_end.iter().flat_map(|_| ON_END))
                .map(|position| row(self, &mut vec![position]))
                .collect(),
            stuck: self.stuck_row(),
            waits: self.wait_rows(),
            left: self.left_rows(),
            owner: self.owner.clone(),
            children: self.child_rows(),
            signals: self
                .untaken()
                .map(|signal| (signal.name.clone(), signal.at))
                .collect(),
            output: self.output.clone().unwrap_or_default(),
            output_error: self
                .output_error
                .as_ref()
                .map(|error| error.message.clone()),
        }
    }

    fn stuck_row(&self) -> Option<StuckRow> {
        let at = self.stuck()?;
        let verbs = self.helping(&at.step, at.leg).into_iter();
        Some(StuckRow {
            step: at.step,
            leg: at.leg.as_str().to_owned(),
            code: at.code.as_str().to_owned(),
            message: at.message,
            verbs: verbs.map(|verb| verb.as_str().to_owned()).collect(),
        })
    }

    fn left_rows(&self) -> Vec<LeftRow> {
        let left = self.left.iter();
        left.map(|left| LeftRow {
            step: left.step.clone(),
            outcome: left.outcome.as_str().to_owned(),
            undo: left.undo.as_str().to_owned(),
        })
        .collect()
    }

    fn child_rows(&self) -> Vec<ChildRow> {
        let mut rows = Vec::new();
        self.each_state(&mut |at, state| {
            rows.extend(state.child.as_ref().map(|child| ChildRow {
                path: at.path(),
                definition: child.definition.clone(),
                id: child.id.to_string(),
                status: child.status.as_str().to_owned(),
            }));
        });
        rows
    }

    fn wait_rows(&self) -> Vec<WaitRow> {
        let waits = self.waiting_on().into_iter();
        waits
            .map(|wait| WaitRow {
                step: Some(wait.step).filter(|step| !step.is_empty()),
                leg: wait.leg.map(|leg| leg.as_str().to_owned()),
                message: wait.message,
            })
            .collect()
    }
}

fn row(saga: &Saga, route: &mut Route) -> Row {
    let step = saga.plan.definition.step(route);
    let state = saga.state(route);
    let undo = state.undo_view(step);
    let at = saga.spot(route);
    let (name, path) = (at.name(), at.path());
    Row {
        name,
        path,
        pivot: step.pivot,
        kind: match &step.kind {
            Kind::Group(group) if group.parallel => RowKind::Together,
            Kind::Group(_) => RowKind::Steps,
            Kind::Each(_) => RowKind::Each,
            Kind::Call(_)
            | Kind::Wait(_)
            | Kind::Sleep(_)
            | Kind::Set(_)
            | Kind::Refuse(_)
            | Kind::Run(_) => RowKind::Step,
        },
        forward: leg(state.state_word(), state.forward.attempts, state.error()),
        undo: (undo != UndoView::None)
            .then(|| leg(undo.as_str(), state.undo.attempts, state.undo_error())),
        confirm: state
            .confirm_view(step)
            .map(|view| leg(view.as_str(), state.confirm.attempts, state.confirm_error())),
        parts: parts(saga, route),
    }
}

fn parts(saga: &Saga, route: &mut Route) -> Vec<Row> {
    let mut parts = Vec::new();
    for part in 0..saga.state(route).parts.len() {
        route.push(part);
        parts.push(row(saga, route));
        route.pop();
    }
    parts
}

fn leg(state: &str, attempts: u32, error: Option<Failure>) -> LegRow {
    LegRow {
        state: state.to_owned(),
        attempts,
        error: error.map(|error| error.message),
    }
}
