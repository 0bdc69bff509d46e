//! What a verb would do: the same decision on a copy of the saga, and then, where the saga turns
//! back, the calls of the whole way back, as they come if each is answered 200.

use super::drive::{Context, Input, Rejection, Road, Services};
use super::masked::of_leg;
use super::{Asked, Effect, Entry, Leg, ParkCause, Phase, Saga};
use crate::json::Json;
use crate::limits;
use crate::secret::{MASK, mask_texts, masked_text};
use crate::time::Duration;
use crate::wire::{Answer, Body, Http, What};
use std::collections::BTreeMap;

/// What a verb would do.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The saga as it would be right after.
    pub saga: Saga,
    /// The records that would be written at once, as people may see them.
    pub records: Vec<Entry>,
    /// The calls that follow, in their order: those that leave at once, and on the way back
    /// every one.
    pub calls: Vec<Planned>,
    /// The calls are only the first ones, or what follows hangs on what is answered.
    pub more: bool,
    /// The steps whose effect stands and that nothing takes back, by their paths; of a saga
    /// that would be undone.
    pub without_undo: Vec<String>,
}

/// A call that would be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The step's path.
    pub step: String,
    /// The leg.
    pub leg: Leg,
    /// The service.
    pub service: String,
    /// The HTTP method.
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// The `Idempotency-Key`.
    pub key: String,
    /// Its body, without secrets.
    pub body: Option<Json>,
}

impl Saga {
    /// What a verb would do; nothing is changed.
    ///
    /// # Errors
    /// As the verb itself would be refused.
    pub fn preview(&self, asked: Asked, context: &Context<'_>) -> Result<Preview, Rejection> {
        let mut after = self.clone();
        let turn = after.handle(Input::Asked(Box::new(asked)), context)?;
        let records = turn.entries.iter();
        let records = records.map(|entry| after.masked_entry(entry)).collect();
        let before = self.pending();
        let new = |effect: &Effect| {
            let same = |known: &Effect| known.step == effect.step && known.leg == effect.leg;
            !before.iter().any(same)
        };
        let turns_back = after.phase == Phase::Back;
        let (calls, more) = if turns_back {
            rehearse(&after, context)
        } else {
            let first = after.pending().into_iter().filter(new);
            (first.map(|effect| planned(&after, effect)).collect(), true)
        };
        let without_undo = match turns_back {
            true => after.without_undo(),
            false => Vec::new(),
        };
        Ok(Preview {
            more: more && !after.status().is_rest(),
            records,
            calls,
            without_undo,
            saga: after,
        })
    }
}

/// The calls of the way back, and whether there are more.
fn rehearse(saga: &Saga, context: &Context<'_>) -> (Vec<Planned>, bool) {
    let mut saga = saga.clone();
    let mut calls = Vec::new();
    let services = Open(context.services);
    let mut now = context.now;
    for _ in 0..limits::PREVIEWED_TURNS {
        if calls.len() >= limits::PREVIEWED_CALLS || saga.phase != Phase::Back {
            break;
        }
        let context = |now| Context {
            now,
            random: context.random,
            services: &services,
        };
        let Some(effect) = saga.pending().into_iter().next() else {
            let opened = saga.handle(Input::Opened, &context(now));
            let moved = opened.is_ok_and(|turn| !turn.entries.is_empty());
            if moved {
                continue;
            }
            // A child tells of itself, and so does a service that has yet to reply.
            let Some(at) = saga.wake_at(now).filter(|_| is_timed(&saga)) else {
                return (calls, true);
            };
            now = at;
            if saga.handle(Input::Wake, &context(now)).is_err() {
                return (calls, true);
            }
            continue;
        };
        let input = Input::Answer {
            step: effect.step.clone(),
            leg: effect.leg,
            attempt: effect.attempt,
            answer: fine(),
        };
        if matches!(effect.leg, Leg::Undo | Leg::Confirm) {
            calls.push(planned(&saga, effect));
        }
        if saga.handle(input, &context(now)).is_err() {
            return (calls, true);
        }
    }
    (calls, saga.phase == Phase::Back)
}

/// Something waits for a time, and nothing for what others have to say.
fn is_timed(saga: &Saga) -> bool {
    use super::WaitingKind::{Check, Retry, Timer};
    let waits = saga.waiting_on();
    let timed = |kind| matches!(kind, Retry | Check | Timer);
    !waits.is_empty() && waits.iter().all(|wait| timed(wait.kind))
}

fn fine() -> Answer {
    Answer {
        what: What::Http(Http {
            status: 200,
            headers: BTreeMap::new().into_iter().collect(),
            body: Body::Json(Json::Object(serde_json::Map::new())),
        }),
        took_ms: 0,
        instance: None,
    }
}

fn planned(saga: &Saga, effect: Effect) -> Planned {
    let request = &effect.request;
    let body = request.body.as_deref();
    let mut body = body.and_then(|body| serde_json::from_slice::<Json>(body).ok());
    let texts = saga.secret_texts();
    if let Some(body) = &mut body {
        let route = saga.plan.index.by_path(&effect.step);
        let step = route.as_ref();
        let step = step.map(|route| saga.plan.definition.step(route));
        let secrets = step.map_or(&[][..], |step| of_leg(step, effect.leg));
        let of_body = secrets.iter().filter(|secret| secret.variable == "body");
        of_body.for_each(|secret| secret.mask(body));
        mask_texts(body, &texts);
        let edited = route.as_ref().is_some_and(|route| {
            let leg = saga.state(route).leg(effect.leg);
            leg.body.is_some() || leg.next_body.is_some()
        });
        if edited && saga.plan.secretive {
            *body = Json::from(MASK);
        }
    }
    Planned {
        step: effect.step,
        leg: effect.leg,
        service: request.service.clone(),
        method: request.method.as_str(),
        target: masked_text(&request.target, &texts),
        key: request.key.clone(),
        body,
    }
}

/// Services whose every road is open.
struct Open<'a>(&'a dyn Services);

impl Services for Open<'_> {
    fn admit(&self, _road: &Road<'_>) -> Result<(), ParkCause> {
        Ok(())
    }

    fn keys_kept(&self, service: &str) -> Duration {
        self.0.keys_kept(service)
    }
}
