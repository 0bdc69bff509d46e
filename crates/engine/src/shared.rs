//! What all tasks of an engine share.

use crate::calls::Calls;
use crate::catalogue::Catalogue;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{LookError, Refusal};
use crate::feed::Feed;
use crate::gate::Gate;
use crate::life::Life;
use crate::metrics::Figures;
use crate::openings::Openings;
use crate::operations::Operations;
use crate::post::Post;
use crate::pulse::Pulse;
use crate::queue::Queue;
use crate::shard::{Loaded, Message, fold};
use crate::stalls::Stalls;
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_outbound::Registry;
use banyan_store::Reader;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};

/// What all tasks share.
pub(crate) struct Shared {
    pub(crate) reader: Arc<dyn Reader>,
    pub(crate) readers: Arc<Semaphore>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) calls: Arc<dyn Calls>,
    pub(crate) call_permits: Arc<Semaphore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Config,
    pub(crate) catalogue: Catalogue,
    pub(crate) gate: Arc<Gate>,
    pub(crate) figures: Arc<Figures>,
    pub(crate) life: Arc<Life>,
    pub(crate) openings: Openings,
    pub(crate) operations: Operations,
    pub(crate) post: Arc<Post>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) pulse: Pulse,
    pub(crate) stalls: Stalls,
    pub(crate) queue: Queue,
    pub(crate) doors: Vec<mpsc::Sender<Message>>,
}

impl Shared {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sleeps for so long, whatever the wall clock is set to meanwhile.
    pub(crate) async fn pause(&self, pause: std::time::Duration) {
        self.clock.sleep(pause).await;
    }

    /// The way to the shell of this saga's shard.
    pub(crate) fn door(&self, id: Id) -> &mpsc::Sender<Message> {
        &self.doors[usize::from(self.config.shell_of(id))]
    }

    /// Puts in a message that must not be lost, once there is room. False when the shard has
    /// ended.
    pub(crate) async fn put(&self, id: Id, message: Message) -> bool {
        self.door(id).send(message).await.is_ok()
    }

    /// Puts in a caller's message, or turns it away.
    pub(crate) fn offer(&self, id: Id, message: Message) -> Result<(), Refusal> {
        self.door(id)
            .try_send(message)
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => {
                    self.figures.overload();
                    Refusal::Overloaded {
                        what: "the inbox of a shard",
                    }
                }
                mpsc::error::TrySendError::Closed(_) => Refusal::ShuttingDown,
            })
    }

    /// Reads the store, on a thread that may wait. Nothing is read after a commit whose fate is
    /// unknown: what is seen then may not be on disk (I-4).
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Reader) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        if self.life.is_dead() {
            return Err(Refusal::ShuttingDown);
        }
        let permit = Arc::clone(&self.readers).acquire_owned().await;
        let reader = Arc::clone(&self.reader);
        let result = tokio::task::spawn_blocking(move || {
            let result = read(&*reader);
            drop(permit);
            result
        });
        result.await.map_err(|_| Refusal::Unavailable {
            message: "a read of the store failed".to_owned(),
        })
    }

    /// Loads and folds sagas.
    pub(crate) async fn load(self: &Arc<Self>, ids: Vec<Id>) -> Vec<(Id, Loaded)> {
        let shared = Arc::clone(self);
        let wanted = ids.clone();
        let loaded = self.read(move |reader| {
            let one = |id: Id| (id, shared.load_one(reader, id));
            wanted.into_iter().map(one).collect::<Vec<_>>()
        });
        loaded.await.unwrap_or_else(|refusal| {
            let failed = |id| (id, Loaded::Failed(refusal.clone().into()));
            ids.into_iter().map(failed).collect()
        })
    }

    /// Loads and folds a saga, on a thread that may wait.
    pub(crate) fn load_one(&self, reader: &dyn Reader, id: Id) -> Loaded {
        let stored = match reader.load(id) {
            Ok(Some(stored)) => stored,
            Ok(None) => return Loaded::Absent,
            Err(error) => return Loaded::Failed(LookError::read(id, error)),
        };
        fold(&stored, &self.catalogue)
    }
}
