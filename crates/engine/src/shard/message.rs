//! What goes into a shard and what comes out of it.

use crate::error::{LookError, Refusal, Violation};
use crate::request::{SignalAnswer, Until};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::{Effect, Input, Leg, Meaning, Misconfigured, Plan, Rejection, Saga, Start};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Where an answer is awaited. Only a value here: nothing in a shard waits.
pub type Reply<T> = oneshot::Sender<T>;

/// Somebody who waits for a saga, and for what.
pub type Watcher = (Until, Reply<Arc<Saga>>);

/// What goes into a shard.
#[derive(Debug)]
pub enum Message {
    /// A start that was checked; its key may be taken.
    Start {
        /// The start.
        start: Box<Start>,
        /// SHA-256 of its canonical body.
        request_hash: String,
        /// Who waits for the saga beyond its acceptance.
        watcher: Option<Watcher>,
        /// Who awaits it.
        reply: Reply<StartReply>,
    },
    /// An input for a saga.
    Input {
        /// The saga.
        id: Id,
        /// The input.
        input: Input,
        /// Who awaits what becomes of it.
        reply: Option<Reply<InputReply>>,
    },
    /// A saga wants to be looked at then: now, or soon.
    Wake {
        /// The saga.
        id: Id,
        /// When.
        at: Timestamp,
    },
    /// A saga had attempts in flight when the process before ended.
    Recover {
        /// The saga.
        id: Id,
    },
    /// A message of another saga, which the store holds.
    Mail(Box<Mail>),
    /// A saga came to stand first in the line before its lock.
    Granted {
        /// The saga.
        id: Id,
    },
    /// Somebody looks at a saga. Answered from memory only, none when it is not there.
    Get {
        /// The saga.
        id: Id,
        /// Who looks.
        reply: Reply<Option<Arc<Saga>>>,
    },
    /// Somebody waits for a saga.
    Watch {
        /// The saga.
        id: Id,
        /// For what.
        until: Until,
        /// Answered at once, from memory only.
        now: Reply<Option<Arc<Saga>>>,
        /// Answered when it has come.
        done: Reply<Arc<Saga>>,
    },
}

impl Message {
    /// Answers who cannot be let wait, for the store cannot write now; gives what is to be
    /// handled later all the same. Who no longer waits for an answer has gone.
    pub(crate) fn turn_away(self, why: &str) -> Option<Message> {
        let refusal = || Refusal::Unavailable {
            message: why.to_owned(),
        };
        match self {
            Message::Start { reply, .. } => {
                drop(reply.send(StartReply::Refused(refusal())));
                None
            }
            Message::Input {
                reply: Some(reply), ..
            } => {
                drop(reply.send(Err(NotTaken::Refused(refusal()))));
                None
            }
            // What is on disk can be read.
            Message::Get { reply, .. } => {
                drop(reply.send(None));
                None
            }
            Message::Watch {
                id,
                until,
                now,
                done,
            } => {
                drop(now.send(None));
                let (now, _) = oneshot::channel();
                Some(Message::Watch {
                    id,
                    until,
                    now,
                    done,
                })
            }
            kept => Some(kept),
        }
    }
}

/// A message of another saga on its way.
#[derive(Clone, Debug)]
pub struct Mail {
    /// As stored.
    pub message: banyan_store::Message,
    /// What it starts, if it starts a child.
    pub start: Option<Box<Start>>,
    /// It was read from the store in its order, after everything that its sender sent before:
    /// when there is no such saga now, there will never be one.
    pub swept: bool,
}

/// What became of a start.
#[derive(Debug)]
pub enum StartReply {
    /// It was accepted.
    Accepted(Arc<Saga>),
    /// Its key or its id is taken: the store says by whom.
    KeyTaken,
    /// Not now.
    Refused(Refusal),
}

/// What became of an input: taken now, or earlier.
pub type InputReply = Result<SignalAnswer, NotTaken>;

/// Why an input was not taken.
#[derive(Debug)]
pub enum NotTaken {
    /// There is no such saga.
    NoSuchSaga,
    /// The saga does not take it.
    Rejected(Rejection),
    /// The definition has no wait for this signal.
    UnknownSignal {
        /// The signals that it has waits for, sorted.
        known: Vec<String>,
    },
    /// The signal's body does not hold to what the wait accepts.
    InvalidBody(Vec<Violation>),
    /// The saga cannot be loaded.
    Look(LookError),
    /// Not now.
    Refused(Refusal),
}

/// What loading a saga gave.
#[derive(Debug)]
pub enum Loaded {
    /// The saga, and the wake that is stored for it.
    Found {
        /// The saga, folded.
        saga: Box<Saga>,
        /// The stored wake.
        wake_at: Option<Timestamp>,
    },
    /// There is none.
    Absent,
    /// It cannot be loaded.
    Failed(LookError),
}

/// What is to be done after a commit, in this order.
#[derive(Debug)]
pub enum Action {
    /// A road was answered as it should be.
    Answered(Answered),
    /// A call was answered "the road is wrong".
    Misconfigured {
        /// The definition on whose road it went.
        plan: Arc<Plan>,
        /// Which road, and what was answered.
        answer: Misconfigured,
    },
    /// A leg of this saga was parked. If its service opened since the batch was handled, it is
    /// to be told, since who told the others could not see it yet.
    Parked {
        /// The saga.
        id: Id,
        /// A call of it was held back on its way out: what held it may be over by now.
        held: bool,
    },
    /// A call whose intent is durable is to be sent. Its answer comes back as an input.
    Call {
        /// The saga.
        id: Id,
        /// The call.
        effect: Effect,
    },
    /// A start is answered.
    StartReply(Reply<StartReply>, StartReply),
    /// An input is answered.
    InputReply(Reply<InputReply>, Box<InputReply>),
    /// Somebody who looked is answered.
    GetReply(Reply<Option<Arc<Saga>>>, Option<Arc<Saga>>),
    /// Somebody who waited is answered.
    WatchReply(Reply<Arc<Saga>>, Arc<Saga>),
    /// A saga was dropped since the store knows more of it: handle this next.
    Again(Message),
    /// A message was committed: its receiver's shard is to be told.
    Mail(banyan_store::Message),
    /// A message came before the one that makes its receiver: all that the store holds is to be
    /// handed out again, in its order.
    LookForMail,
    /// Mail came for a saga that could not be loaded, or word of its lock: all that the store
    /// holds is to be handed out again, after a pause.
    LookLater,
    /// A saga was woken and still waits for its lock: if the lock is free for it, it is to be
    /// told, since what told it was lost.
    LookForLock {
        /// The saga.
        id: Id,
    },
}

/// Which road was answered.
#[derive(Debug)]
pub struct Answered {
    /// The definition on whose road it went.
    pub plan: Arc<Plan>,
    /// The service.
    pub service: String,
    /// The step's path.
    pub step: String,
    /// The leg.
    pub leg: Leg,
}

/// What a shard has done, to be added to the engine's figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Starts accepted.
    pub starts: u64,
    /// Sagas that became completed.
    pub completed: u64,
    /// Sagas that became compensated.
    pub compensated: u64,
    /// Sagas that became stuck.
    pub stuck: u64,
    /// Records written.
    pub records: u64,
    /// Changes that found something else than they expected.
    pub conflicts: u64,
    /// Attempts answered, by [`Meaning`](banyan_core::saga::Meaning) in its order.
    pub attempts: [u64; Meaning::ALL.len()],
}
