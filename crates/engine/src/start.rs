//! Starts: checked before acceptance, accepted once per key.
//!
//! The key is taken by the commit itself. Where a start would be refused for any other reason,
//! the key is looked up first, so that a repeat is answered by its saga whatever the
//! definition, its brake or the load are by then (I-3).

use crate::Violation;
use crate::error::{LookError, Refusal, StartError};
use crate::handle::Engine;
use crate::request::{Coming, StartAnswer, StartRequest, Until};
use crate::shard::{Message, StartReply, Watcher};
use banyan_core::id::{Id, spread};
use banyan_core::saga::{Saga, Start};
use std::sync::Arc;
use tokio::sync::oneshot;

impl Engine {
    /// Starts a saga, or answers the one that the same key started.
    ///
    /// # Errors
    /// See [`StartError`]. A repeat of an accepted start is answered by its saga whatever the
    /// definition, its brake or the load are now.
    pub async fn start(&self, request: StartRequest) -> Result<StartAnswer, StartError> {
        self.start_watched(request, None).await
    }

    /// Starts a saga and waits for it from its start on, so that nobody has to ask for it once
    /// more. What comes is awaited by [`Engine::come`]; a repeat has nothing to come.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub async fn start_and_watch(
        &self,
        request: StartRequest,
        until: Until,
    ) -> Result<(StartAnswer, Option<Coming>), StartError> {
        let (done, come) = oneshot::channel();
        let answer = self.start_watched(request, Some((until, done))).await?;
        let id = answer.saga.id;
        let coming = (!answer.replayed).then_some(Coming { id, come });
        Ok((answer, coming))
    }

    async fn start_watched(
        &self,
        request: StartRequest,
        watcher: Option<Watcher>,
    ) -> Result<StartAnswer, StartError> {
        let whose = Whose::of(&request);
        match self.try_start(request, watcher).await {
            Ok(Some(saga)) => Ok(StartAnswer {
                saga,
                replayed: false,
            }),
            Ok(None) => self.replay(&whose).await?.ok_or_else(|| {
                // Only its random id was taken: the next one will not be.
                let message = "an id was drawn twice: try again".to_owned();
                Refusal::Unavailable { message }.into()
            }),
            // A key is looked up before all else; here that is done when it matters.
            Err(refused) => match self.replay(&whose).await {
                Ok(None) | Err(StartError::Refused(_) | StartError::Look(_)) => Err(refused),
                Ok(Some(answer)) => Ok(answer),
                Err(error) => Err(error),
            },
        }
    }

    /// Tries to start; none when the key is taken.
    async fn try_start(
        &self,
        request: StartRequest,
        watcher: Option<Watcher>,
    ) -> Result<Option<Arc<Saga>>, StartError> {
        let shared = self.shared();
        let now = shared.now();
        let ready = shared
            .catalogue
            .for_start(&request.definition, request.version)?;
        let family = shared.catalogue.family(&ready.plan)?;
        let services = shared.catalogue.missing_services(&ready, &family);
        if !services.is_empty() {
            return Err(StartError::UnknownService { services });
        }
        let violations = ready.check_input(&request.input);
        if !violations.is_empty() {
            return Err(StartError::InvalidInput { violations });
        }
        if let Err(message) = Saga::lock_of(&ready.plan, &request.input) {
            let (pointer, message) = (String::new(), format!("lock: {message}"));
            let violations = vec![Violation { pointer, message }];
            return Err(StartError::InvalidInput { violations });
        }
        let labels = Saga::labels_of(&ready.plan, &request.input)
            .map_err(|(label, message)| StartError::InvalidLabel { label, message })?;
        shared.life.check()?;
        if shared.gate.is_full() {
            shared.figures.overload();
            let what = "the memory for active sagas";
            return Err(Refusal::Overloaded { what }.into());
        }
        let spread = spread(&request.namespace, &request.definition, &request.key);
        let id = Id::new(now.0.unsigned_abs(), rand::random(), spread);
        let start = Start {
            id,
            plan: Arc::clone(&ready.plan),
            namespace: request.namespace,
            key: request.key,
            call_seed: shared.reader.store_id().to_owned(),
            input: request.input,
            labels,
            deadline: request.deadline,
            park_limit: shared.config.park_limit,
            children: family.versions,
            parent: None,
            not_after: None,
            refused: None,
        };
        let (reply, answer) = oneshot::channel();
        let message = Message::Start {
            start: Box::new(start),
            request_hash: request.request_hash,
            watcher,
            reply,
        };
        self.put_start(id, message, answer).await
    }

    async fn put_start(
        &self,
        id: Id,
        message: Message,
        answer: oneshot::Receiver<StartReply>,
    ) -> Result<Option<Arc<Saga>>, StartError> {
        self.shared().offer(id, message)?;
        match answer.await {
            Ok(StartReply::Accepted(saga)) => Ok(Some(saga)),
            Ok(StartReply::KeyTaken) => Ok(None),
            Ok(StartReply::Refused(refusal)) => Err(refusal.into()),
            Err(_) => Err(Refusal::ShuttingDown.into()),
        }
    }

    /// The answer to a start whose key was used before; none when it was not.
    async fn replay(&self, whose: &Whose) -> Result<Option<StartAnswer>, StartError> {
        let found = self
            .find(&whose.namespace, &whose.definition, &whose.key)
            .await?;
        let Some(known) = found else {
            return Ok(None);
        };
        let id = known.id;
        if known.request_hash != whose.request_hash {
            let key = whose.key.clone();
            return Err(StartError::KeyReused { key, id });
        }
        if let Some(status) = known.purged {
            return Err(StartError::Purged { id, status });
        }
        let Some(saga) = self.get(id).await? else {
            // It may have gone this very moment.
            let purged = self.purged(id).await?;
            return Err(purged.map_or_else(
                || {
                    let message = "its start key is there, its journal is not".to_owned();
                    LookError::Damaged { id, message }.into()
                },
                |purged| StartError::Purged {
                    id,
                    status: purged.status,
                },
            ));
        };
        self.shared().figures.replay();
        Ok(Some(StartAnswer {
            saga,
            replayed: true,
        }))
    }
}

/// Whose start it is: what its key is looked up by.
struct Whose {
    namespace: String,
    definition: String,
    key: String,
    request_hash: String,
}

impl Whose {
    fn of(request: &StartRequest) -> Whose {
        Whose {
            namespace: request.namespace.clone(),
            definition: request.definition.clone(),
            key: request.key.clone(),
            request_hash: request.request_hash.clone(),
        }
    }
}
