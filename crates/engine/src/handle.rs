//! The engine as its callers hold it: one value, cheap to clone.
//!
//! Every answer that it gives was committed before. What is refused changed nothing.

use crate::error::{Refusal, SignalError};
use crate::open::Background;
use crate::request::SignalAnswer;
use crate::shard::{InputReply, Message, NotTaken};
use crate::shared::Shared;
use crate::writer::Committer;
use banyan_core::id::Id;
use banyan_core::saga::{Input, Rejection};
use banyan_core::{Json, Timestamp};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;

/// Runs sagas over one store. Clones are the same engine.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) committer: Committer,
    /// Changes of definitions and services, one at a time: each looks before it commits.
    pub(crate) admin: tokio::sync::Mutex<()>,
    pub(crate) shells: TaskTracker,
    pub(crate) background: Background,
    pub(crate) thread: Mutex<Option<std::thread::JoinHandle<()>>>,
    /// Without a shutdown everything stops with the last clone.
    pub(crate) _stop: DropGuard,
}

impl Engine {
    /// Why it cannot accept work now; none when it can.
    pub fn refuses(&self) -> Option<Refusal> {
        self.shared().life.check().err()
    }

    /// Can it accept work now?
    pub fn ready(&self) -> bool {
        self.shared().life.check().is_ok()
    }

    /// The store's own id.
    pub fn store_id(&self) -> &str {
        self.shared().reader.store_id()
    }

    /// Now, by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.shared().now()
    }

    /// Gives a saga a signal.
    ///
    /// # Errors
    /// See [`SignalError`].
    pub async fn signal(
        &self,
        id: Id,
        name: String,
        key: String,
        body: Json,
    ) -> Result<SignalAnswer, SignalError> {
        let asked = name.clone();
        let input = Input::Signal { name, key, body };
        let taken = self.input(id, input).await?;
        taken.map_err(|why| match why {
            NotTaken::NoSuchSaga => SignalError::NoSuchSaga { id },
            NotTaken::UnknownSignal { known } => SignalError::UnknownSignal { name: asked, known },
            NotTaken::InvalidBody(violations) => SignalError::InvalidBody { violations },
            NotTaken::Look(error) => error.into(),
            NotTaken::Refused(refusal) => refusal.into(),
            NotTaken::Rejected(rejection) => signal_error(rejection),
        })
    }

    pub(crate) async fn input(&self, id: Id, input: Input) -> Result<InputReply, Refusal> {
        let shared = self.shared();
        shared.life.check()?;
        let (reply, answer) = oneshot::channel();
        let message = Message::Input {
            id,
            input,
            reply: Some(reply),
        };
        shared.offer(id, message)?;
        answer.await.map_err(|_| Refusal::ShuttingDown)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }
}

fn signal_error(rejection: Rejection) -> SignalError {
    match rejection {
        Rejection::UnknownSignal { name } => SignalError::UnknownSignal {
            name,
            known: Vec::new(),
        },
        Rejection::Ended { status } => SignalError::Ended { status },
        Rejection::KeyReused { key } => SignalError::KeyReused { key },
        Rejection::TooManySignals { limit } => SignalError::TooManySignals { limit },
        // A signal is no verb and no reply.
        other @ (Rejection::NotAllowedNow { .. }
        | Rejection::ChangedSince { .. }
        | Rejection::NotSafe { .. }
        | Rejection::UnknownStep { .. }
        | Rejection::UnknownReply
        | Rejection::AlreadySettled { .. }) => {
            let message = other.to_string();
            Refusal::Unavailable { message }.into()
        }
    }
}
