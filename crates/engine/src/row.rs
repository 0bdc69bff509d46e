//! A saga's row, projected from its state: what lists, timers and recovery need.

use banyan_core::Timestamp;
use banyan_core::definition::{Kind, Step, Undo};
use banyan_core::route::Spot;
use banyan_core::saga::{Leg, LegPhase, Saga, State, Status, StepState};
use banyan_store::SagaRow;
use std::collections::BTreeMap;

/// The row of a saga whose wake is stored as `wake_at`.
pub fn row(saga: &Saga, shard: u16, wake_at: Option<Timestamp>) -> SagaRow {
    let definition = &saga.plan.definition;
    let standing = standing(saga);
    SagaRow {
        id: saga.id,
        namespace: saga.namespace.clone(),
        definition: definition.name.clone(),
        version: definition.version,
        definition_hash: definition.hash.clone(),
        shard,
        key: saga.key.clone(),
        labels: saga.labels.clone(),
        status: saga.status(),
        reason: saga.reason.clone(),
        stuck: saga.stuck().map(|stuck| stuck.code.as_str().to_owned()),
        step: standing.step,
        service: standing.service,
        parked_since: standing.parked_since,
        also_parked: standing.also_parked,
        wake_at,
        in_flight: standing.in_flight,
        seq: saga.seq,
        started_at: saga.started_at,
        updated_at: saga.updated_at,
        ended_at: saga.ended_at,
        deadline: saga.deadline,
        owner: saga.owner.clone(),
        trouble: crate::trouble::of(saga),
    }
}

/// The wake to store, given the one that is stored and the exact one. The stored one may be
/// early but never late, so that an ordinary call does not rewrite the index of wakes.
pub fn wake_to_store(
    stored: Option<Timestamp>,
    exact: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    match (stored, exact) {
        (Some(stored), Some(exact)) if stored > now && stored <= exact => Some(stored),
        _ => exact,
    }
}

/// Where a saga stands: at a parked leg if it has one, so that the index of parked sagas finds
/// it; else where it has been stuck for longest, and else at the first thing it waits on. And
/// for which other services legs of it are parked, since whichever opens first must find it. One
/// that was given up stands nowhere, but for the call at its end.
#[derive(Default)]
struct Standing {
    step: Option<String>,
    service: Option<String>,
    parked_since: Option<Timestamp>,
    also_parked: BTreeMap<String, Timestamp>,
    in_flight: bool,
}

impl Standing {
    /// Of all that it waits on, what needs a person is what people look for.
    fn stand_where_stuck(&mut self, saga: &Saga) {
        let Some(stuck) = saga.stuck() else { return };
        let Some(route) = saga.plan.index.by_path(&stuck.step) else {
            return;
        };
        let step = saga.plan.definition.step(&route);
        self.service = service_of(step, stuck.leg).map(str::to_owned);
        self.step = Some(stuck.step);
    }

    /// A leg beyond the first is parked: for the first one's service, or for another.
    fn park_also(&mut self, service: &str, since: Timestamp) {
        if self.service.as_deref() == Some(service) {
            return;
        }
        match self.also_parked.get_mut(service) {
            Some(known) => *known = since.min(*known),
            None => drop(self.also_parked.insert(service.to_owned(), since)),
        }
    }
}

fn standing(saga: &Saga) -> Standing {
    let mut found = Standing::default();
    let given_up = saga.status() == Status::Abandoned;
    saga.each_state(&mut |at, state| {
        if given_up && !at.is_end() {
            return;
        }
        for leg in Leg::ALL {
            look_at_leg(&mut found, at, state, leg);
        }
        let waits = matches!(at.step.kind, Kind::Wait(_) | Kind::Sleep(_));
        if waits && state.state == State::Running && found.step.is_none() {
            found.step = Some(at.path());
        }
    });
    if found.parked_since.is_none() {
        found.stand_where_stuck(saga);
    }
    found
}

fn look_at_leg(found: &mut Standing, at: Spot<'_>, state: &StepState, leg: Leg) {
    let leg_state = state.leg(leg);
    let parked_since = match &leg_state.phase {
        LegPhase::Idle => return,
        LegPhase::InFlight { .. } => {
            found.in_flight = true;
            None
        }
        LegPhase::Parked { since, .. } => Some(leg_state.parked_since.unwrap_or(*since)),
        LegPhase::Child { .. }
        | LegPhase::Retry { .. }
        | LegPhase::AwaitingReply { .. }
        | LegPhase::Polling { .. }
        | LegPhase::LookAgain { .. }
        | LegPhase::Stuck { .. } => None,
    };
    let service = service_of(at.step, leg);
    if let (Some(since), Some(_), Some(service)) = (parked_since, found.parked_since, service) {
        found.park_also(service, since);
    }
    let first = found.step.is_none();
    let parked_first = parked_since.is_some() && found.parked_since.is_none();
    if first || parked_first {
        found.step = Some(at.path());
        found.service = service.map(str::to_owned);
        found.parked_since = parked_since;
    }
}

/// The service that a leg of a step calls.
pub(crate) fn service_of(step: &Step, leg: Leg) -> Option<&str> {
    let call = match (leg, &step.kind, &step.undo) {
        (Leg::Do, Kind::Call(action), _) => Some(&action.call),
        (Leg::Check, Kind::Call(action), _) => action.check.as_ref(),
        (Leg::Undo, _, Undo::Call(undo)) => Some(&undo.call),
        (Leg::Confirm, _, _) => step.confirm.as_deref(),
        _ => None,
    };
    call.map(|call| call.service.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_wake_is_kept_while_it_is_early_and_to_come() {
        let at = |millis: i64| Some(Timestamp(millis));
        let now = Timestamp(100);
        for (stored, exact, kept, why) in [
            (None, at(200), at(200), "nothing was stored"),
            (at(150), at(200), at(150), "it is early and to come"),
            (at(250), at(200), at(200), "it would be late"),
            (at(100), at(200), at(200), "it has passed"),
            (at(150), None, None, "nothing is to come"),
        ] {
            assert_eq!(wake_to_store(stored, exact, now), kept, "{why}");
        }
    }
}
