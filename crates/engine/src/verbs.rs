//! The verbs: what a person asks of a saga, and what that would do. What is allowed the core
//! decides, at the moment of the verb.

use crate::error::{AskError, Refusal};
use crate::handle::Engine;
use crate::shard::NotTaken;
use banyan_core::id::Id;
use banyan_core::saga::{Asked, Context, Input, Preview, Rejection, Saga, Verb};
use std::sync::Arc;

impl Engine {
    /// Asks a verb of a saga. One that it obeys already changes nothing.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask(&self, id: Id, asked: Asked) -> Result<Arc<Saga>, AskError> {
        let taken = self.input(id, Input::Asked(Box::new(asked))).await?;
        match taken {
            Ok(answer) => Ok(answer.saga),
            Err(NotTaken::NoSuchSaga) => Err(AskError::NoSuchSaga { id }),
            Err(NotTaken::Look(error)) => Err(error.into()),
            Err(NotTaken::Refused(refusal)) => Err(refusal.into()),
            Err(NotTaken::Rejected(rejection)) => {
                let allowed = self.get(id).await?.map(|saga| saga.allowed());
                Err(rejected(rejection, allowed.unwrap_or_default()))
            }
            Err(why @ (NotTaken::UnknownSignal { .. } | NotTaken::InvalidBody(_))) => {
                // A verb carries no signal.
                let message = format!("{why:?}");
                let allowed = Vec::new();
                Err(AskError::NotAllowedNow { message, allowed })
            }
        }
    }

    /// What a verb would do; nothing is changed.
    ///
    /// # Errors
    /// See [`AskError`]: as the verb itself would be refused.
    pub async fn preview(&self, id: Id, asked: Asked) -> Result<Preview, AskError> {
        let found = self.get(id).await?;
        let saga = found.ok_or(AskError::NoSuchSaga { id })?;
        let shared = Arc::clone(self.shared());
        // A rehearsal takes its turns: it may not hold up those who wait for answers.
        let rehearsed = tokio::task::spawn_blocking(move || {
            let context = Context {
                now: shared.now(),
                // Only the pauses between attempts hang on it.
                random: 0,
                services: &*shared.registry,
            };
            let preview = saga.preview(asked, &context);
            preview.map_err(|rejection| rejected(rejection, saga.allowed()))
        });
        rehearsed.await.unwrap_or_else(|error| {
            let message = error.to_string();
            Err(Refusal::Unavailable { message }.into())
        })
    }
}

pub(crate) fn rejected(rejection: Rejection, allowed: Vec<Verb>) -> AskError {
    let message = rejection.to_string();
    match rejection {
        Rejection::ChangedSince { seq } => AskError::ChangedSince { seq },
        Rejection::UnknownStep { .. } => AskError::NoSuchStep { message },
        Rejection::NotAllowedNow { .. }
        | Rejection::NotSafe { .. }
        | Rejection::UnknownSignal { .. }
        | Rejection::UnknownReply
        | Rejection::AlreadySettled { .. }
        | Rejection::Ended { .. }
        | Rejection::KeyReused { .. }
        | Rejection::TooManySignals { .. } => AskError::NotAllowedNow { message, allowed },
    }
}
