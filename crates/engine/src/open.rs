//! How an engine is put together, from the store up, and how it ends.

use crate::admin;
use crate::calls::Calls;
use crate::catalogue::Catalogue;
use crate::clock::Clock;
use crate::config::{Config, SERVICES};
use crate::error::{OpenEngineError, ServiceError};
use crate::feed::Feed;
use crate::gate::Gate;
use crate::handle::{Engine, Inner};
use crate::life::{self, Life};
use crate::metrics::Figures;
use crate::openings::{self, Openings};
use crate::operations::{self, Operations};
use crate::post::{self, Post};
use crate::pulse::Pulse;
use crate::queue::Queue;
use crate::retention;
use crate::shard::Message;
use crate::shared::Shared;
use crate::shell::Shell;
use crate::stalls::{self, Stalls};
use crate::timers;
use crate::writer::{Committer, Grant};
use banyan_core::id::Id;
use banyan_core::{Json, Timestamp};
use banyan_outbound::{Registry, Settings};
use banyan_store::{Change, Reader, ServiceRow, Writer};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The last commits may take so long, however short the grace.
const LAST_COMMITS: Duration = Duration::from_secs(5);

impl Engine {
    /// Opens an engine over a store: reads its definitions and services, stores the services of
    /// its configuration, starts the writer, the
    /// shards and the timers, and begins to resume what was in flight. To be called within a
    /// Tokio runtime. It blocks for as long as the definitions take to read.
    ///
    /// When the last clone is dropped without [`Engine::shutdown`], everything ends at once, as
    /// in a crash.
    ///
    /// # Errors
    /// When the store cannot be read, or what it holds cannot be used.
    pub fn open(
        mut writer: Box<dyn Writer>,
        reader: Arc<dyn Reader>,
        registry: Arc<Registry>,
        calls: Arc<dyn Calls>,
        clock: Arc<dyn Clock>,
        config: Config,
    ) -> Result<Engine, OpenEngineError> {
        let catalogue = Catalogue::load(&*reader)?;
        store_described(&mut *writer, &catalogue, &config.services, clock.now())?;
        register_services(&catalogue, &registry, clock.now())?;
        let in_flight = timers::in_flight(&*reader, config.page)?;
        let operations = Operations::load(&*reader)?;
        let (doors, inboxes) = inboxes(&config);
        let post = Arc::new(Post::new(config.shells(), config.inbox));
        let (life, figures) = (Arc::new(Life::new(&config)), Arc::new(Figures::default()));
        let gate = Arc::new(Gate::new(config.active_sagas));
        let (committer, thread) = Committer::start(
            writer,
            config.writer_queue,
            config.commit_changes,
            Arc::clone(&figures),
            Arc::clone(&gate),
            Arc::clone(&life),
            grant(Arc::clone(&post), config.clone()),
        )
        .map_err(OpenEngineError::Thread)?;
        let feed = Feed::new(
            rand::random(),
            config.feed,
            config.listeners,
            Arc::clone(&clock),
        );
        let shared = Arc::new(Shared {
            reader,
            readers: Arc::new(Semaphore::new(config.readers.max(1))),
            registry,
            calls,
            call_permits: Arc::new(Semaphore::new(config.calls_in_flight.max(1))),
            clock,
            catalogue,
            gate,
            figures,
            life,
            openings: Openings::default(),
            operations,
            post,
            feed: Arc::new(feed),
            pulse: Pulse::default(),
            stalls: Stalls::default(),
            queue: Queue::default(),
            doors,
            config,
        });
        let shells = start_shells(&shared, &committer, inboxes);
        let background = start_background(&shared, &committer, in_flight);
        let engine = Engine(Arc::new(Inner {
            _stop: shared.life.stop.clone().drop_guard(),
            shared,
            committer,
            admin: tokio::sync::Mutex::new(()),
            shells,
            background,
            thread: Mutex::new(Some(thread)),
        }));
        let inner = Arc::downgrade(&engine.0);
        engine.0.background.run(operations::run(inner));
        Ok(engine)
    }

    /// Ends the engine: nothing new is accepted and nothing new begins, calls in flight may end
    /// within `grace`, what they answered is committed. What was not answered by then is
    /// resumed after the next start, as after a crash.
    pub async fn shutdown(&self, grace: Duration) {
        let inner = &self.0;
        let (shared, life) = (&inner.shared, &inner.shared.life);
        life.drain();
        inner.background.stop.cancel();
        inner.background.tasks.wait().await;
        tokio::select! {
            () = shared.gate.quiet() => {}
            () = shared.pause(grace) => {}
        }
        life.finish.cancel();
        // A store that cannot write would be waited for without end.
        tokio::select! {
            () = inner.shells.wait() => inner.committer.end().await,
            () = shared.pause(grace.max(LAST_COMMITS)) => {}
        }
        life.stop.cancel();
        let thread = inner
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // Its panic was caught where it would have happened, and reported there.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

/// The tasks beside the shards.
pub(crate) struct Background {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Background {
    /// Runs a task until the engine ends.
    fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    }
}

/// Stores the services that are described outside the store, as far as they are new or changed,
/// in one commit. Their pauses stay.
fn store_described(
    writer: &mut dyn Writer,
    catalogue: &Catalogue,
    described: &[(String, Json)],
    now: Timestamp,
) -> Result<(), OpenEngineError> {
    let mut count = catalogue.services().len();
    let mut rows = Vec::new();
    for (name, settings) in described {
        let unusable = |source| OpenEngineError::Described {
            name: name.clone(),
            source,
        };
        Settings::read(settings).map_err(|error| unusable(ServiceError::Invalid(error)))?;
        let known = catalogue.service(name);
        if known.as_ref().is_some_and(|row| row.settings == *settings) {
            continue;
        }
        count += usize::from(known.is_none());
        if count > SERVICES {
            return Err(unusable(ServiceError::TooMany { limit: SERVICES }));
        }
        rows.push(ServiceRow {
            name: name.clone(),
            settings: settings.clone(),
            paused: known.and_then(|row| row.paused.clone()),
            changed_at: now,
        });
    }
    if rows.is_empty() {
        return Ok(());
    }
    let changes: Vec<Change> = rows.iter().cloned().map(Change::Service).collect();
    writer.commit(&changes)?;
    rows.into_iter().for_each(|row| catalogue.put_service(row));
    Ok(())
}

fn register_services(
    catalogue: &Catalogue,
    registry: &Registry,
    now: Timestamp,
) -> Result<(), OpenEngineError> {
    for row in catalogue.services() {
        let settings = Settings::read(&row.settings).map_err(|error| OpenEngineError::Service {
            name: row.name.clone(),
            message: error.to_string(),
        })?;
        if let Err(message) = registry.put(&row.name, settings, now) {
            tracing::warn!(
                service = row.name,
                cause = message,
                "a service cannot be called"
            );
        }
        if let Some(pause) = &row.paused {
            registry.pause(&row.name, &admin::pause_words(pause), pause.since);
        }
    }
    Ok(())
}

/// Tells the saga's shell. Never waits: the writer does.
fn grant(post: Arc<Post>, config: Config) -> Grant {
    Box::new(move |id| post.put(config.shell_of(id), Message::Granted { id }))
}

type Inboxes = Vec<mpsc::Receiver<Message>>;

fn inboxes(config: &Config) -> (Vec<mpsc::Sender<Message>>, Inboxes) {
    let one = |_| mpsc::channel(config.inbox.max(1));
    (0..config.shells()).map(one).unzip()
}

fn start_shells(shared: &Arc<Shared>, committer: &Committer, inboxes: Inboxes) -> TaskTracker {
    let tasks = TaskTracker::new();
    for (number, inbox) in (0..).zip(inboxes) {
        let shell = Shell::new(number, inbox, Arc::clone(shared), committer.clone());
        let life = Arc::clone(&shared.life);
        tasks.spawn(async move {
            if tokio::spawn(shell.run()).await.is_err() {
                life.fatal("a shard failed in the middle of its work");
            }
        });
    }
    tasks.close();
    tasks
}

fn start_background(shared: &Arc<Shared>, committer: &Committer, in_flight: Vec<Id>) -> Background {
    for (name, _) in &shared.config.services {
        shared.openings.open(name);
    }
    let (tasks, stop) = (TaskTracker::new(), shared.life.stop.child_token());
    let background = Background { tasks, stop };
    background.run(timers::recover(Arc::clone(shared), in_flight));
    background.run(timers::run(Arc::clone(shared)));
    background.run(openings::run(Arc::clone(shared)));
    background.run(openings::probe(Arc::clone(shared)));
    background.run(post::run(Arc::clone(shared)));
    background.run(post::look_again(Arc::clone(shared)));
    background.run(stalls::run(Arc::clone(shared)));
    background.run(life::try_again(Arc::clone(shared), committer.clone()));
    background.run(retention::run(Arc::clone(shared), committer.clone()));
    background.tasks.close();
    background
}
