//! What goes wrong with a saga, for its row: the gravest thing, and the oldest of those.

use crate::row::service_of;
use banyan_core::Timestamp;
use banyan_core::definition::Step;
use banyan_core::path::general;
use banyan_core::route::Spot;
use banyan_core::saga::{Leg, LegPhase, LegState, ParkCode, Reason, Saga, Status, StuckCode};
use banyan_store::{Cause, Trouble, TroubleKind};

/// What goes wrong with a saga; none when nothing does.
pub(crate) fn of(saga: &Saga) -> Option<Trouble> {
    let mut found: Option<Trouble> = None;
    let given_up = saga.status() == Status::Abandoned;
    saga.each_state(&mut |at, state| {
        // What is left of it stands elsewhere, and nobody works on it.
        if given_up && !at.is_end() {
            return;
        }
        for leg in Leg::ALL {
            let Some((kind, since, code)) = of_leg(state.leg(leg)) else {
                continue;
            };
            let graver = |known: &Trouble| (kind, since) < (known.cause.kind, known.since);
            if found.as_ref().is_none_or(graver) {
                found = Some(trouble(at, leg, (kind, since, code)));
            }
        }
    });
    found.or_else(|| compensated(saga))
}

fn of_leg(leg: &LegState) -> Option<(TroubleKind, Timestamp, &'static str)> {
    match &leg.phase {
        LegPhase::Stuck { code, since, .. } => Some((TroubleKind::Stuck, *since, code.as_str())),
        LegPhase::Parked {
            cause,
            since,
            overdue,
        } => {
            let since = leg.parked_since.unwrap_or(*since);
            Some(match cause.code {
                _ if *overdue => (TroubleKind::Stuck, since, StuckCode::Unreachable.as_str()),
                ParkCode::Misconfigured => (TroubleKind::Misconfigured, since, cause.code.as_str()),
                ParkCode::Paused | ParkCode::Unavailable => {
                    (TroubleKind::Parked, since, cause.code.as_str())
                }
            })
        }
        // One that is under way again is in trouble until it is answered well, so that its row
        // stays in one place.
        LegPhase::Retry { since, .. } | LegPhase::InFlight { since, .. } if leg.burned > 0 => {
            let since = leg.first_at.unwrap_or(*since);
            Some((TroubleKind::Retrying, since, would_be(leg)))
        }
        LegPhase::Idle
        | LegPhase::InFlight { .. }
        | LegPhase::Child { .. }
        | LegPhase::Retry { .. }
        | LegPhase::AwaitingReply { .. }
        | LegPhase::Polling { .. }
        | LegPhase::LookAgain { .. } => None,
    }
}

/// What a leg would be if it were not tried again.
fn would_be(leg: &LegState) -> &'static str {
    if leg.refusals > 0 {
        "refused"
    } else if leg.may_have {
        "unknown"
    } else {
        "not_sent"
    }
}

fn trouble(at: Spot<'_>, leg: Leg, (kind, since, code): (TroubleKind, Timestamp, &str)) -> Trouble {
    Trouble {
        since,
        cause: Cause {
            kind,
            // Its items unnumbered, so that sagas with many are counted together.
            step: Some(general(&at.path())),
            leg: Some(leg),
            service: service_of(at.step, leg).map(str::to_owned),
            code: code.to_owned(),
        },
    }
}

fn compensated(saga: &Saga) -> Option<Trouble> {
    let reason = saga
        .reason
        .as_ref()
        .filter(|_| saga.status() == Status::Compensated)?;
    Some(Trouble {
        since: saga.ended_at.unwrap_or(saga.updated_at),
        cause: Cause {
            kind: TroubleKind::Compensated,
            step: reason.step.as_deref().map(general),
            leg: None,
            service: to_blame(saga, reason).map(str::to_owned),
            code: reason.code.as_str().to_owned(),
        },
    })
}

/// The service that the step of a reason calls.
fn to_blame<'a>(saga: &'a Saga, reason: &Reason) -> Option<&'a str> {
    let path = reason.step.as_deref()?;
    let route = saga.plan.index.by_path(path)?;
    let step: &Step = saga.plan.definition.step(&route);
    service_of(step, Leg::Do)
}
