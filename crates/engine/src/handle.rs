//! The engine as its callers hold it: one value, cheap to clone.
//!
//! Every answer that it gives was committed before. What is refused changed nothing.

use crate::error::{CancelError, LookError, Refusal, SignalError, StartError};
use crate::metrics::Metrics;
use crate::open::Background;
use crate::request::{Page, SignalAnswer, StartAnswer, StartRequest, Until};
use crate::shard::{InputReply, Loaded, Message, NotTaken, StartReply};
use crate::shared::Shared;
use crate::writer::Committer;
use banyan_core::id::{Id, spread};
use banyan_core::saga::{Entry, Input, Rejection, Saga, Start};
use banyan_core::{Json, Timestamp};
use banyan_store::{Filter, ReadError, Reader, StartKey};
use std::sync::{Arc, Mutex};
use std::time::Duration;
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
    /// Can it accept work now?
    pub fn ready(&self) -> bool {
        let shared = self.shared();
        shared.life.check(shared.now()).is_ok()
    }

    /// The store's own id.
    pub fn store_id(&self) -> &str {
        self.shared().reader.store_id()
    }

    /// Now, by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.shared().now()
    }

    /// Starts a saga, or answers the one that the same key started.
    ///
    /// # Errors
    /// See [`StartError`]. A repeat of an accepted start is answered by its saga whatever the
    /// definition, its brake or the load are now.
    pub async fn start(&self, request: StartRequest) -> Result<StartAnswer, StartError> {
        let whose = Whose::of(&request);
        match self.try_start(request).await {
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
    async fn try_start(&self, request: StartRequest) -> Result<Option<Arc<Saga>>, StartError> {
        let shared = self.shared();
        let now = shared.now();
        let ready = shared
            .catalogue
            .for_start(&request.definition, request.version)?;
        let services = shared.catalogue.unregistered(&ready.services);
        if !services.is_empty() {
            return Err(StartError::UnknownService { services });
        }
        let violations = ready.check_input(&request.input);
        if !violations.is_empty() {
            return Err(StartError::InvalidInput { violations });
        }
        let labels = Saga::labels_of(&ready.plan, &request.input)
            .map_err(|(label, message)| StartError::InvalidLabel { label, message })?;
        shared.life.check(now)?;
        if shared.gate.is_full() {
            shared.figures.overload();
            let what = "the memory for active sagas";
            return Err(Refusal::Overloaded { what }.into());
        }
        let spread = spread(&request.namespace, &request.definition, &request.key);
        let start = Start {
            id: Id::new(now.0.unsigned_abs(), rand::random(), spread),
            plan: Arc::clone(&ready.plan),
            namespace: request.namespace,
            key: request.key,
            call_seed: shared.reader.store_id().to_owned(),
            input: request.input,
            labels,
            deadline: request.deadline,
            park_limit: shared.config.park_limit,
        };
        self.put_start(start, request.request_hash).await
    }

    async fn put_start(
        &self,
        start: Start,
        request_hash: String,
    ) -> Result<Option<Arc<Saga>>, StartError> {
        let (reply, answer) = oneshot::channel();
        let id = start.id;
        let message = Message::Start {
            start: Box::new(start),
            request_hash,
            reply,
        };
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
        let missing = || LookError::Damaged {
            id,
            message: "its start key is there, its journal is not".to_owned(),
        };
        let saga = self.get(id).await?.ok_or_else(missing)?;
        self.shared().figures.replay();
        Ok(Some(StartAnswer {
            saga,
            replayed: true,
        }))
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

    /// Turns a saga back before its pivot.
    ///
    /// # Errors
    /// See [`CancelError`].
    pub async fn cancel(
        &self,
        id: Id,
        reason: String,
        actor: String,
    ) -> Result<Arc<Saga>, CancelError> {
        let taken = self.input(id, Input::Cancel { reason, actor }).await?;
        taken.map(|answer| answer.saga).map_err(|why| match why {
            NotTaken::NoSuchSaga => CancelError::NoSuchSaga { id },
            NotTaken::Look(error) => error.into(),
            NotTaken::Refused(refusal) => refusal.into(),
            why @ (NotTaken::UnknownSignal { .. } | NotTaken::InvalidBody(_)) => {
                // A cancel carries no signal.
                let message = format!("{why:?}");
                CancelError::NotAllowedNow { message }
            }
            NotTaken::Rejected(rejection) => CancelError::NotAllowedNow {
                message: rejection.to_string(),
            },
        })
    }

    async fn input(&self, id: Id, input: Input) -> Result<InputReply, Refusal> {
        let shared = self.shared();
        shared.life.check(shared.now())?;
        let (reply, answer) = oneshot::channel();
        let message = Message::Input {
            id,
            input,
            reply: Some(reply),
        };
        shared.offer(id, message)?;
        answer.await.map_err(|_| Refusal::ShuttingDown)
    }

    /// Whom a caller's key belongs to.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(
        &self,
        namespace: &str,
        definition: &str,
        key: &str,
    ) -> Result<Option<StartKey>, Refusal> {
        let [namespace, definition, key] = [namespace, definition, key].map(str::to_owned);
        self.query(move |reader| reader.start_key(&namespace, &definition, &key))
            .await
    }

    /// A saga as it is now.
    ///
    /// # Errors
    /// See [`LookError`].
    pub async fn get(&self, id: Id) -> Result<Option<Arc<Saga>>, LookError> {
        let shared = self.shared();
        // A shard that waits for its store answers late; what is on disk can be read meanwhile.
        if !shared.life.is_away(shared.now()) {
            let (reply, answer) = oneshot::channel();
            let asked = shared.door(id).try_send(Message::Get { id, reply });
            if asked.is_ok()
                && let Ok(Some(saga)) = answer.await
            {
                return Ok(Some(saga));
            }
        }
        self.stored(id).await
    }

    /// A saga as the store has it.
    async fn stored(&self, id: Id) -> Result<Option<Arc<Saga>>, LookError> {
        let loaded = self.shared().load(vec![id]).await.pop();
        match loaded {
            Some((_, Loaded::Found { saga, .. })) => Ok(Some(Arc::from(saga))),
            Some((_, Loaded::Failed(error))) => Err(error),
            Some((_, Loaded::Absent)) | None => Ok(None),
        }
    }

    /// A saga once that has come which is waited for, or as it is when the time is over.
    ///
    /// # Errors
    /// See [`LookError`].
    pub async fn wait(
        &self,
        id: Id,
        until: Until,
        timeout: Duration,
    ) -> Result<Option<Arc<Saga>>, LookError> {
        let (now, at_once) = oneshot::channel();
        let (done, come) = oneshot::channel();
        let message = Message::Watch {
            id,
            until: until.clone(),
            now,
            done,
        };
        self.shared().offer(id, message)?;
        if let Ok(None) = at_once.await {
            // Not in memory: it may have come already. The watcher stands since before this.
            match self.stored(id).await? {
                None => return Ok(None),
                Some(saga) if until.holds(&saga) => return Ok(Some(saga)),
                Some(_) => {}
            }
        }
        tokio::select! {
            Ok(saga) = come => Ok(Some(saga)),
            () = self.shared().pause(timeout) => self.get(id).await,
            () = self.shared().life.finish.cancelled() => self.get(id).await,
            () = self.shared().life.stop.cancelled() => self.get(id).await,
        }
    }

    /// Sagas by filter, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(
        &self,
        filter: Filter,
        after: Option<Id>,
        limit: usize,
    ) -> Result<Page, Refusal> {
        // One more than asked for tells whether there is a next page.
        let rows = self.query(move |reader| reader.list(&filter, after, limit.saturating_add(1)));
        let mut items = rows.await?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|row| row.id);
        Ok(Page { items, next })
    }

    /// A saga's journal, oldest first.
    ///
    /// # Errors
    /// See [`LookError`].
    pub async fn journal(&self, id: Id) -> Result<Option<Vec<Entry>>, LookError> {
        let stored = self.shared().read(move |reader| reader.load(id)).await?;
        let stored = stored.map_err(|error| LookError::read(id, error))?;
        Ok(stored.map(|stored| stored.journal))
    }

    /// Figures for dashboards. The counts over all sagas are read from the store.
    pub async fn metrics(&self) -> Metrics {
        let shared = self.shared();
        let counts = self.query(|reader| reader.counts()).await;
        let (active, held) = (shared.gate.active(), shared.gate.held());
        Metrics {
            calls_in_flight: shared.gate.calls() as u64,
            active_sagas: active as u64,
            cached_sagas: held.saturating_sub(active) as u64,
            counts: counts.unwrap_or_default(),
            ..shared.figures.read()
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    pub(crate) async fn query<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.shared()
            .read(read)
            .await?
            .map_err(|error| Refusal::Unavailable {
                message: error.to_string(),
            })
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

fn signal_error(rejection: Rejection) -> SignalError {
    match rejection {
        Rejection::UnknownSignal { name } => SignalError::UnknownSignal {
            name,
            known: Vec::new(),
        },
        Rejection::Ended { status } => SignalError::Ended { status },
        Rejection::KeyReused { key } => SignalError::KeyReused { key },
        Rejection::TooManySignals { limit } => SignalError::TooManySignals { limit },
        Rejection::NotAllowedNow { message } => Refusal::Unavailable { message }.into(),
    }
}
