//! The proof that a move changes no byte: what was sent under a key, and what an undo sees of
//! it, is computed by both versions and compared (I-14).

use super::super::request::{body_of_do, call_of, do_key, reads, request};
use super::super::{Leg, LegPhase, LegState, Plan, Saga, StepState};
use super::{Obstacle, ObstacleCode, reshape};
use crate::route::Spot;
use std::sync::Arc;

/// Compares what every leg that may send again would send, and what undos see of their dos.
pub(super) fn same_bytes(saga: &Saga, to: &Arc<Plan>, found: &mut Vec<Obstacle>) {
    let (old, new) = (&saga.plan.definition.steps, &to.definition.steps);
    let Ok(steps) = reshape(old, saga.steps.clone(), new) else {
        return;
    };
    let mut moved = saga.clone();
    moved.steps = steps;
    moved.plan = Arc::clone(to);
    saga.each_state(&mut |at, state| {
        let path = at.path();
        let Some(route) = to.index.by_path(&path).filter(|route| moved.has(route)) else {
            return;
        };
        let there = moved.spot(&route);
        let legs = Leg::ALL.into_iter().filter(|leg| sends_again(state.leg(*leg)));
        for leg in legs.filter(|leg| !is_same(saga, at, &moved, there, *leg)) {
            let message = format!(
                "its {} is on its way, and what would be sent under its key is not what was first sent",
                leg.as_str()
            );
            says(found, &path, message);
        }
        if !looks_back_alike(saga, at, state, &moved, there) {
            let message = "its undo or check looks back at what was sent, which would be computed otherwise".to_owned();
            says(found, &path, message);
        }
    });
}

fn says(found: &mut Vec<Obstacle>, path: &str, message: String) {
    let (path, code) = (Some(path.to_owned()), ObstacleCode::BodyChanged);
    found.push(Obstacle {
        path,
        code,
        message,
    });
}

/// A round that has begun and may send once more.
fn sends_again(leg: &LegState) -> bool {
    let open = !matches!(leg.phase, LegPhase::Idle | LegPhase::LookAgain { .. });
    open && leg.round > 0 && !leg.new_round
}

fn is_same(saga: &Saga, at: Spot<'_>, moved: &Saga, there: Spot<'_>, leg: Leg) -> bool {
    let (Some(before), Some(after)) = (call_of(at.step, leg), call_of(there.step, leg)) else {
        return false;
    };
    let state = saga.state(at.route).leg(leg);
    let sent = request(moved, there, after, leg, state.round, state.attempts);
    let hash = sent.ok().map(|(_, hash)| hash);
    before.service == after.service && hash.is_some() && hash == state.body_hash
}

/// `$body` in undo and check is what it was.
fn looks_back_alike(
    saga: &Saga,
    at: Spot<'_>,
    state: &StepState,
    moved: &Saga,
    there: Spot<'_>,
) -> bool {
    let mut legs = [Leg::Check, Leg::Undo, Leg::Confirm].into_iter();
    let looks = legs.any(|leg| call_of(there.step, leg).is_some_and(|call| reads(call, "body")));
    if !looks || state.forward.round == 0 {
        return true;
    }
    let key = do_key(saga, at);
    match (body_of_do(saga, at, &key), body_of_do(moved, there, &key)) {
        (Ok(before), Ok(after)) => before == after,
        _ => false,
    }
}
