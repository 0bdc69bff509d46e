//! What a record of a child does to the step that runs it. A part of the one fold; it obeys what
//! a record says and decides nothing.

use super::step::{follow, reach};
use super::{ChildState, Entry, LegPhase, LegState, Order, Record, Status, StepState, StuckCode};
use crate::time::Timestamp;

pub(super) fn apply(state: &mut StepState, entry: &Entry) -> Result<(), String> {
    let at = entry.at;
    match &entry.record {
        Record::ChildStarted {
            child,
            definition,
            version,
            key,
            ..
        } => {
            reach(state, at);
            state.child = Some(ChildState {
                id: *child,
                definition: definition.clone(),
                version: *version,
                key: key.clone(),
                status: Status::Running,
                heard: 0,
                ordered: None,
                reopened: 0,
            });
            state.forward.phase = LegPhase::Child { since: at };
        }
        Record::ChildOrdered { order, .. } => ordered(state, *order, at),
        Record::ChildTold {
            told,
            status,
            reopened,
            leg,
            next,
            ..
        } => {
            let child = state.child.as_mut();
            let child = child.ok_or("a child tells something that was not started")?;
            (child.heard, child.status, child.reopened) = (*told, *status, *reopened);
            match next {
                Some(next) => follow(state, *leg, next, at),
                None => moves_again(state.leg_mut(*leg), at),
            }
        }
        _ => return Err("it is no record of a child".to_owned()),
    }
    Ok(())
}

/// The child was told what to do; one that is to undo itself is waited for.
fn ordered(state: &mut StepState, order: Order, at: Timestamp) {
    if let Some(child) = &mut state.child {
        child.ordered = Some(order);
    }
    if order == Order::Undo {
        state.undo.round += 1;
        state.undo.first_at.get_or_insert(at);
        state.undo.phase = LegPhase::Child { since: at };
    }
}

/// A child that needed a person does so no more.
fn moves_again(leg: &mut LegState, at: Timestamp) {
    if let LegPhase::Stuck {
        code: StuckCode::ChildStuck,
        ..
    } = leg.phase
    {
        leg.phase = LegPhase::Child { since: at };
    }
}
