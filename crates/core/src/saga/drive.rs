//! The words between a saga and whoever drives it: inputs, what it may ask, what it wants done.

use super::lock::LockStep;
use super::mail::{Message, Parent, Telling};
use super::moves::Obstacle;
use super::park::ParkCause;
use super::record::{Entry, Failure, Leg};
use super::state::{Plan, Saga};
use super::verbs::{Ask, Asked};
use crate::definition::Definition;
use crate::id::Id;
use crate::json::Json;
use crate::time::{Duration, Timestamp};
use crate::wire::{Answer, Request};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a decision may ask of its surroundings: the time, some random bits, the services.
pub struct Context<'a> {
    /// Now, by the store's clock.
    pub now: Timestamp,
    /// Random bits of this one decision; jitter derives from them.
    pub random: u64,
    /// The services as they are now.
    pub services: &'a dyn Services,
}

/// What a saga must know of services before it calls them.
pub trait Services {
    /// May this road be tried now? `Err` says why its steps park.
    ///
    /// # Errors
    /// The cause, with words for people.
    fn admit(&self, road: &Road<'_>) -> Result<(), ParkCause>;

    /// How long the service keeps idempotency keys.
    fn keys_kept(&self, service: &str) -> Duration;
}

/// Service, definition version, step and leg: what can be misconfigured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Road<'a> {
    /// The service.
    pub service: &'a str,
    /// The definition's name.
    pub definition: &'a str,
    /// Its version.
    pub version: u32,
    /// The step's path.
    pub step: &'a str,
    /// The leg.
    pub leg: Leg,
}

/// A start, checked against schema and limits.
#[derive(Clone, Debug)]
pub struct Start {
    /// The new saga's id.
    pub id: Id,
    /// The definition it begins with.
    pub plan: Arc<Plan>,
    /// The wall it stands behind.
    pub namespace: String,
    /// The caller's key.
    pub key: String,
    /// What the keys of its calls derive from: the store's own id.
    pub call_seed: String,
    /// The input.
    pub input: Json,
    /// The labels, computed by [`Saga::labels_of`].
    pub labels: BTreeMap<String, String>,
    /// The caller's deadline; none means the definition's.
    pub deadline: Option<Duration>,
    /// How long a leg that must run may be parked.
    pub park_limit: Duration,
    /// The versions of the definitions that it runs, for those that its steps do not name.
    pub children: BTreeMap<String, u32>,
    /// Whose child it is.
    pub parent: Option<Parent>,
    /// The parent's deadline, where that comes before its own.
    pub not_after: Option<Timestamp>,
    /// Why it may not begin: it then turns back at once, with nothing done.
    pub refused: Option<Failure>,
}

/// What can reach a running saga.
#[derive(Clone, Debug)]
pub enum Input {
    /// An attempt's answer.
    Answer {
        /// The step's path.
        step: String,
        /// The leg.
        leg: Leg,
        /// Which attempt.
        attempt: u32,
        /// What came back.
        answer: Answer,
    },
    /// A reply, to the address that a call carried.
    Reply {
        /// The step's path.
        step: String,
        /// The leg.
        leg: Leg,
        /// The round whose key the call carried.
        round: u32,
        /// What it says.
        reply: Reply,
    },
    /// A signal from outside.
    Signal {
        /// Its name.
        name: String,
        /// The sender's `Idempotency-Key`.
        key: String,
        /// Its body.
        body: Json,
    },
    /// Somebody asks something of it by hand.
    Asked(Box<Asked>),
    /// Another saga told it something: its parent or a child. One that came twice, or that says
    /// nothing new, leads to no record.
    Told {
        /// Who.
        from: Id,
        /// The number of the sender's record that causes it.
        seq: u64,
        /// What.
        telling: Telling,
    },
    /// Time has passed.
    Wake,
    /// Its road may have opened: parked legs ask again.
    Opened,
    /// It was recovered: attempts in flight have lost their process.
    Interrupted,
    /// It stands first in the line before its lock.
    LockGranted,
}

impl Input {
    /// A verb, asked for whatever the saga does meanwhile.
    pub fn asked(what: Ask, reason: impl Into<String>, actor: impl Into<String>) -> Input {
        Input::Asked(Box::new(Asked {
            what,
            reason: reason.into(),
            actor: actor.into(),
            expected_seq: None,
            operation: None,
        }))
    }
}

/// What a service says, later, became of a call that it had accepted.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It happened.
    Done {
        /// What it gave.
        result: Json,
    },
    /// It was refused: nothing happened.
    Refused {
        /// Why: a text, or an object with words in it.
        error: Json,
    },
}

/// An input that a saga did not take, and why. Nothing was recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The definition has no wait for this signal.
    #[error("the definition has no wait for the signal {name}")]
    UnknownSignal {
        /// The signal's name.
        name: String,
    },
    /// No call of this saga carried such a reply address.
    #[error("no call is waiting for this reply, and none was")]
    UnknownReply,
    /// It is done, and a reply now says that it was refused.
    #[error("the {leg} of {step} is settled: it is done")]
    AlreadySettled {
        /// The step's path.
        step: String,
        /// The leg.
        leg: &'static str,
    },
    /// The saga is at rest.
    #[error("the saga has ended: it is {status}")]
    Ended {
        /// Its status.
        status: &'static str,
    },
    /// The same key came with another body.
    #[error("the key {key} was used for another signal body")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// The saga holds as many signals as it may.
    #[error("the saga already holds {limit} signals")]
    TooManySignals {
        /// The bound.
        limit: usize,
    },
    /// The saga has moved since the caller looked.
    #[error("the saga has changed since: its last record is {seq} now")]
    ChangedSince {
        /// The number of its last record.
        seq: u64,
    },
    /// A move that is not proven safe.
    #[error(
        "the move to version {version} is not proven safe: {}",
        first_of(obstacles)
    )]
    NotSafe {
        /// The version that was asked for.
        version: u32,
        /// Everything that stands in the way.
        obstacles: Vec<Obstacle>,
    },
    /// The definition has no such step, or the step no such leg.
    #[error("the saga has no {leg} of a step {step}")]
    UnknownStep {
        /// The path that was named.
        step: String,
        /// The leg.
        leg: &'static str,
    },
    /// The verb is not allowed now.
    #[error("{message}")]
    NotAllowedNow {
        /// Why, and what is allowed.
        message: String,
    },
}

fn first_of(obstacles: &[Obstacle]) -> String {
    let Some(first) = obstacles.first() else {
        return "nothing stands in the way".to_owned();
    };
    let path = first.path.as_ref().map(|path| format!("{path}: "));
    let more = match obstacles.len() {
        1 => String::new(),
        many => format!(", and {} more", many - 1),
    };
    format!("{}{}{more}", path.unwrap_or_default(), first.message)
}

/// The versions of a definition that a journal may be of.
pub trait Plans {
    /// The plan of this version.
    ///
    /// # Errors
    /// Why there is none, in words.
    fn plan(&self, name: &str, version: u32) -> Result<Arc<Plan>, String>;
}

/// A single version.
impl Plans for Arc<Plan> {
    fn plan(&self, name: &str, version: u32) -> Result<Arc<Plan>, String> {
        let Definition {
            name: other,
            version: at,
            ..
        } = &self.definition;
        if other == name && *at == version {
            return Ok(Arc::clone(self));
        }
        Err(format!(
            "the journal is of another definition: {name}@{version}, not {other}@{at}"
        ))
    }
}

impl Plans for Vec<Arc<Plan>> {
    fn plan(&self, name: &str, version: u32) -> Result<Arc<Plan>, String> {
        let mut all = self.iter();
        let found = all.find_map(|plan| plan.plan(name, version).ok());
        found.ok_or_else(|| format!("its definition {name} version {version} is not there"))
    }
}

impl<P: Plans + ?Sized> Plans for &P {
    fn plan(&self, name: &str, version: u32) -> Result<Arc<Plan>, String> {
        (**self).plan(name, version)
    }
}

/// What a handled input led to.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// The records, already applied, to be committed before anything leaves. Empty when
    /// nothing changed (a wake that came early, a repeated signal).
    pub entries: Vec<Entry>,
    /// What it tells other sagas, to be committed with the records.
    pub messages: Vec<Message>,
    /// What becomes of its place in the line before its lock, in the same commit.
    pub lock: Option<LockStep>,
    /// The input was a repeat of one already taken.
    pub replayed: bool,
    /// A call was answered "the road is wrong": what the caller must mark.
    pub misconfigured: Option<Misconfigured>,
    /// A road answered as it should (this service and leg): what the caller may unmark.
    pub answered: Option<(String, Leg)>,
}

/// An answer that says the road or the credential is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misconfigured {
    /// The service.
    pub service: String,
    /// The step's path.
    pub step: String,
    /// The leg.
    pub leg: Leg,
    /// A 401: the whole service, not this road only.
    pub whole_service: bool,
    /// What the service answered, in words.
    pub message: String,
}

/// A call that should be in progress: its intent is durable and no answer has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// The step's path.
    pub step: String,
    /// The leg.
    pub leg: Leg,
    /// Which attempt.
    pub attempt: u32,
    /// What to send.
    pub request: Arc<Request>,
}

/// A journal that does not fold: it is damaged, or of a newer version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The sequence has a gap.
    #[error("the journal jumps from {before} to {after}")]
    Gap {
        /// The last good number.
        before: u64,
        /// The number that came.
        after: u64,
    },
    /// The first record is no start, or a later one is.
    #[error("record {seq} is out of place: {message}")]
    OutOfPlace {
        /// Its number.
        seq: u64,
        /// What is wrong.
        message: String,
    },
    /// A record names a step that the definition has not.
    #[error("record {seq} names the step {step}, which the definition has not")]
    UnknownStep {
        /// Its number.
        seq: u64,
        /// The path.
        step: String,
    },
}

/// The public face of a saga, with where each part stands.
impl Saga {
    /// Accepts a start: the saga with its first records applied, first calls intended included.
    pub fn start(start: Start, context: &Context<'_>) -> (Saga, Turn) {
        super::decide::start(start, context)
    }

    /// Takes one input.
    ///
    /// # Errors
    /// When the input is not taken; nothing was changed.
    pub fn handle(&mut self, input: Input, context: &Context<'_>) -> Result<Turn, Rejection> {
        super::decide::handle(self, input, context)
    }

    /// Folds a journal, from its first record, to the state it leads to.
    ///
    /// # Errors
    /// When the journal is damaged.
    pub fn fold(id: Id, plans: impl Plans, journal: &[Entry]) -> Result<Saga, FoldError> {
        super::apply::fold(id, &plans, journal)
    }

    /// Applies the next record of its journal, as [`Saga::fold`] does with each.
    ///
    /// # Errors
    /// When the record does not follow; the saga is not to be used any further.
    pub fn apply(&mut self, entry: &Entry, plans: impl Plans) -> Result<(), FoldError> {
        super::apply::apply(self, entry, &plans)
    }

    /// The calls that should be in progress, by state alone: the same live and recovered.
    pub fn pending(&self) -> Vec<Effect> {
        super::pending::pending(self)
    }

    /// When it must be looked at next, at the latest, and always after `now`; none when it is
    /// at rest or nothing but a person can move it. It depends on `now` since patrols recur:
    /// after a wake that changed nothing, the driver stores the new time with an append of no
    /// records.
    pub fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        super::pending::wake_at(self, now)
    }

    /// The labels of a saga with this input.
    ///
    /// # Errors
    /// The label's name, and why it has no value that can be a label.
    pub fn labels_of(
        plan: &Plan,
        input: &Json,
    ) -> Result<BTreeMap<String, String>, (String, String)> {
        super::pending::labels_of(plan, input)
    }
}
