//! What should be in progress outside, and when to look again, by state alone.

use super::masked::without_secrets;
use super::request::{call_of, request};
use super::{Effect, Leg, LegPhase, LegState, Phase, Plan, Saga, State, StepState};
use crate::expr::Scope;
use crate::json::Json;
use crate::limits;
use crate::planted;
use crate::route::Spot;
use crate::time::{Duration, Timestamp};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every call whose intent stands without an answer.
pub(super) fn pending(saga: &Saga) -> Vec<Effect> {
    let mut effects = Vec::new();
    saga.each_state(&mut |at, state| {
        for leg in Leg::ALL {
            effects.extend(effect(saga, at, state.leg(leg), leg));
        }
    });
    effects
}

fn effect(saga: &Saga, at: Spot<'_>, state: &LegState, leg: Leg) -> Option<Effect> {
    let LegPhase::InFlight { request: kept, .. } = &state.phase else {
        return None;
    };
    let request = match kept {
        Some(request) => Arc::clone(request),
        // Recovered: computed again from the same durable values. A request that cannot be
        // computed any more is not sent; its attempt ends as interrupted.
        None => {
            let call = call_of(at.step, leg)?;
            let (request, hash) = request(saga, at, call, leg, state.round, state.attempts).ok()?;
            if state.body_hash.as_ref() != Some(&hash) {
                return None;
            }
            Arc::new(request)
        }
    };
    Some(Effect {
        step: at.path(),
        leg,
        attempt: state.attempts,
        request,
    })
}

/// The earliest moment at which time alone may move the saga; always after `now`.
pub(super) fn wake_at(saga: &Saga, now: Timestamp) -> Option<Timestamp> {
    let mut earliest: Option<Timestamp> = None;
    let mut consider = |at: Timestamp| {
        earliest = Some(earliest.map_or(at, |known| known.min(at)));
    };
    // What is due waits for the lock as the saga does.
    let held_up = saga.is_held_up();
    saga.each_state(&mut |at, state| {
        for leg in Leg::ALL {
            let begun = state.leg(leg);
            let waits_too = held_up && !matches!(begun.phase, LegPhase::InFlight { .. });
            wakes_of(saga, at, begun, leg, now)
                .into_iter()
                .filter(|_| !waits_too)
                .for_each(&mut consider);
        }
        if held_up {
            return;
        }
        if let (State::Running, Some(until)) = (state.state, state.until) {
            consider(until);
        }
    });
    if let Some(since) = saga.lock_since() {
        // Nobody is told twice of a lock that came free; its patrol is what is left then.
        consider(patrol(since, now));
    }
    let can_turn_back = saga.phase == Phase::Forward && !saga.past_pivot && saga.halt.is_none();
    if let Some(deadline) = saga
        .deadline
        .filter(|_| can_turn_back && !saga.has_stuck_only())
    {
        consider(deadline);
    }
    earliest.map(|at| at.max(Timestamp(now.0.saturating_add(1))))
}

fn wakes_of(
    saga: &Saga,
    at: Spot<'_>,
    leg: &LegState,
    which: Leg,
    now: Timestamp,
) -> Option<Timestamp> {
    let poll_ends = leg.poll_until.filter(|until| *until > now);
    match &leg.phase {
        LegPhase::Idle | LegPhase::Stuck { .. } => None,
        // The answer comes by itself while the process lives; this is for when it does not.
        LegPhase::InFlight { until, .. } => Some(
            until
                .max(&now)
                .plus(Duration::from_millis(limits::ANSWER_GRACE_MS)),
        ),
        LegPhase::Retry { .. } if planted::is(planted::Bug::RetryWithoutWake) => None,
        // It tells of itself; nothing is asked.
        LegPhase::Child { since } => Some(patrol(*since, now)),
        LegPhase::Retry { at, .. } => Some(poll_ends.map_or(*at, |until| until.min(*at))),
        LegPhase::LookAgain { at, .. } | LegPhase::Polling { at, .. } => Some(*at),
        LegPhase::AwaitingReply { until, .. } => Some(*until),
        LegPhase::Parked { since, overdue, .. } => {
            let next = patrol(*since, now);
            let limited = saga.must_run(at, which) && !overdue;
            let limit = since.plus(saga.park_limit);
            let next = poll_ends.map_or(next, |until| next.min(until));
            Some(if limited && limit > now {
                next.min(limit)
            } else {
                next
            })
        }
    }
}

/// When what waits since then is looked at next.
fn patrol(since: Timestamp, now: Timestamp) -> Timestamp {
    let patrol = limits::PATROL_MS;
    let patrolled = now.since(since) / patrol + 1;
    since.plus(Duration::from_millis(patrolled.saturating_mul(patrol)))
}

/// The labels of a new saga. A null label is left out.
pub(super) fn labels_of(
    plan: &Plan,
    input: &Json,
) -> Result<BTreeMap<String, String>, (String, String)> {
    let mut labels = BTreeMap::new();
    for label in &plan.definition.labels {
        let mut scope = Scope::default();
        scope.bind("input", Cow::Borrowed(input));
        let fail = |message: String| {
            let message = without_secrets(&plan.definition, input, &message);
            (label.name.clone(), message)
        };
        let text = match label
            .value
            .evaluate(&scope)
            .map_err(|failed| fail(failed.message))?
        {
            Json::Null => continue,
            Json::String(text) => text,
            value @ (Json::Bool(_) | Json::Number(_)) => value.to_string(),
            Json::Array(_) | Json::Object(_) => {
                return Err(fail(format!(
                    "{} gave a list or an object, not a label",
                    label.value.source()
                )));
            }
        };
        if text.len() > limits::LABEL_BYTES {
            return Err(fail(format!(
                "its {} bytes are over the limit of {}",
                text.len(),
                limits::LABEL_BYTES
            )));
        }
        labels.insert(label.name.clone(), text);
    }
    Ok(labels)
}

impl Saga {
    /// Some leg needs a person.
    pub fn has_stuck(&self) -> bool {
        self.any(is_stuck)
    }

    /// Some leg needs a person, and nothing else can run.
    pub(super) fn has_stuck_only(&self) -> bool {
        // One that waits for its lock goes on by itself.
        self.any(is_stuck) && !self.any(is_active) && !self.is_held_up()
    }

    /// Whether this holds of some step, of a part of one, or of the call at the end. For what
    /// is asked many times a turn: it looks at states alone, and no further than it must.
    pub(super) fn any(&self, holds: fn(&StepState) -> bool) -> bool {
        fn below(state: &StepState, holds: fn(&StepState) -> bool) -> bool {
            holds(state) || state.parts.iter().any(|part| below(part, holds))
        }
        let mut all = self.steps.iter().chain(&self.on_end);
        all.any(|state| below(state, holds))
    }

    /// The leg cannot be given up: parked for too long, it makes the saga stuck. The call at the
    /// end waits for its road without limit.
    pub(super) fn must_run(&self, at: Spot<'_>, leg: Leg) -> bool {
        (matches!(leg, Leg::Undo | Leg::Confirm) || self.past_pivot) && !at.is_end()
    }

    /// Somebody cancelled it, and that is why it turned back.
    pub(super) fn was_cancelled(&self) -> bool {
        self.reason
            .as_ref()
            .is_some_and(|reason| reason.code == super::ReasonCode::Cancelled)
    }
}

fn is_stuck(state: &StepState) -> bool {
    Leg::ALL.iter().any(|leg| {
        matches!(
            state.leg(*leg).phase,
            LegPhase::Stuck { .. } | LegPhase::Parked { overdue: true, .. }
        )
    })
}

fn is_active(state: &StepState) -> bool {
    let moves = |leg: &Leg| {
        matches!(
            state.leg(*leg).phase,
            LegPhase::InFlight { .. }
                | LegPhase::Child { .. }
                | LegPhase::Retry { .. }
                | LegPhase::AwaitingReply { .. }
                | LegPhase::Polling { .. }
                | LegPhase::LookAgain { .. }
                | LegPhase::Parked { overdue: false, .. }
        )
    };
    // A wait or a sleep. One whose values could not be computed has no end to wait for.
    let waits = state.state == State::Running && state.until.is_some();
    waits || Leg::ALL.iter().any(moves)
}
