//! A small world around an engine: a store in memory, services that follow a script, a clock
//! that stands still until it is told otherwise. Nothing sleeps; everything waits for what it
//! needs to see.

use banyan_core::saga::{Leg, Saga};
use banyan_core::wire::{Answer, Body, Http, Request, What};
use banyan_core::{Json, Timestamp};
use banyan_engine::{
    BoxFuture, Calls, Clock, Config, Engine, StartAnswer, StartError, StartRequest, Until,
};
use banyan_outbound::Registry;
use banyan_store::memory::Store;
use banyan_store::{Reader, Writer};
use serde_json::json;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Longer than any test runs: reached only by one that would hang.
const PATIENCE: Duration = Duration::from_secs(30);
const BEGIN: i64 = 1_763_721_000_000;

/// Waits for something that must come.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what)
        .await
        .expect("it never came")
}

/// A clock that stands still.
#[derive(Clone)]
pub(crate) struct StillClock(Arc<watch::Sender<i64>>);

impl StillClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now += by.as_millis() as i64);
    }
}

impl Default for StillClock {
    fn default() -> StillClock {
        StillClock(Arc::new(watch::channel(BEGIN).0))
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp(*self.0.borrow())
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        let mut time = self.0.subscribe();
        Box::pin(async move {
            time.wait_for(|now| *now >= at.0).await.unwrap();
        })
    }
}

/// Services that follow a script: answers by step and leg, in order; 200 with `{}` otherwise.
#[derive(Clone)]
pub(crate) struct Script {
    answers: Arc<Mutex<Answers>>,
    called: Arc<watch::Sender<Vec<Arc<Request>>>>,
}

type Answers = HashMap<(String, Leg), VecDeque<Scripted>>;

enum Scripted {
    Now(What),
    Later(oneshot::Receiver<What>),
}

impl Script {
    pub(crate) fn new() -> Script {
        Script {
            answers: Arc::default(),
            called: Arc::new(watch::channel(Vec::new()).0),
        }
    }

    /// The next call of this leg is answered so.
    pub(crate) fn answer(&self, step: &str, leg: Leg, what: What) {
        self.push(step, leg, Scripted::Now(what));
    }

    /// The next call of this leg is answered when the test says so.
    pub(crate) fn hold(&self, step: &str, leg: Leg) -> oneshot::Sender<What> {
        let (answer, later) = oneshot::channel();
        self.push(step, leg, Scripted::Later(later));
        answer
    }

    fn push(&self, step: &str, leg: Leg, scripted: Scripted) {
        let mut answers = self.answers.lock().unwrap();
        let queue = answers.entry((step.to_owned(), leg)).or_default();
        queue.push_back(scripted);
    }

    /// The calls so far, as `step leg attempt`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.called.borrow().iter().map(|one| line(one)).collect()
    }

    /// Waits until so many calls were made.
    pub(crate) async fn until_calls(&self, count: usize) -> Vec<String> {
        let mut called = self.called.subscribe();
        soon(called.wait_for(|calls| calls.len() >= count))
            .await
            .unwrap();
        self.calls()
    }
}

fn line(request: &Request) -> String {
    let Request {
        step, leg, attempt, ..
    } = request;
    format!("{step} {} {attempt}", leg.as_str())
}

impl Calls for Script {
    fn call(&self, request: Arc<Request>, _now: Timestamp) -> BoxFuture<'_, Answer> {
        let next = {
            let mut answers = self.answers.lock().unwrap();
            let queue = answers.get_mut(&(request.step.clone(), request.leg));
            queue.and_then(VecDeque::pop_front)
        };
        self.called.send_modify(|calls| calls.push(request));
        Box::pin(async move {
            let what = match next {
                None => http(200, json!({})),
                Some(Scripted::Now(what)) => what,
                Some(Scripted::Later(later)) => later.await.unwrap_or(What::Lost {
                    message: "nobody answers".into(),
                }),
            };
            Answer {
                what,
                took_ms: 1,
                instance: None,
            }
        })
    }
}

/// An HTTP answer with a JSON body.
pub(crate) fn http(status: u16, body: Json) -> What {
    What::Http(Http {
        status,
        headers: Vec::new(),
        body: Body::Json(body),
    })
}

/// The whole.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) script: Script,
    pub(crate) clock: StillClock,
    pub(crate) engine: Engine,
    pub(crate) config: Config,
}

pub(crate) const SERVICES: [&str; 3] = ["orders", "stock", "payments"];

impl World {
    /// An engine over an empty store, with the services of the sample registered.
    pub(crate) async fn new() -> World {
        World::with(test_config()).await
    }

    pub(crate) async fn with(config: Config) -> World {
        let store = Store::new("world");
        let (writer, reader) = store.open();
        World::around(store.clone(), Box::new(writer), reader, config).await
    }

    pub(crate) async fn around(
        store: Store,
        writer: Box<dyn Writer>,
        reader: Arc<dyn Reader>,
        config: Config,
    ) -> World {
        let (script, clock) = (Script::new(), StillClock::default());
        let engine = open(writer, reader, &script, &clock, &config);
        let world = World {
            store,
            script,
            clock,
            engine,
            config,
        };
        for service in SERVICES {
            let settings = json!({"instances": ["http://127.0.0.1:9"]});
            assert!(
                world
                    .engine
                    .put_service(service, settings, None)
                    .await
                    .unwrap()
            );
        }
        world
    }

    /// Drops the engine as a crash would, and opens another over the same store.
    pub(crate) async fn crash(self) -> World {
        let World {
            store,
            script,
            clock,
            engine,
            config,
        } = self;
        drop(engine);
        let (writer, reader) = store.open();
        let engine = open(Box::new(writer), reader, &script, &clock, &config);
        World {
            store,
            script,
            clock,
            engine,
            config,
        }
    }

    pub(crate) async fn register(&self, source: &str) {
        let registered = self.engine.register(source, true, by()).await;
        assert!(!registered.unwrap().replayed);
    }

    pub(crate) async fn start(
        &self,
        definition: &str,
        key: &str,
        input: Json,
    ) -> Result<StartAnswer, StartError> {
        soon(self.engine.start(self.request(definition, key, input))).await
    }

    pub(crate) fn request(&self, definition: &str, key: &str, input: Json) -> StartRequest {
        StartRequest {
            namespace: "default".into(),
            definition: definition.into(),
            version: None,
            key: key.into(),
            request_hash: banyan_core::json::canonical(&input),
            input,
            deadline: None,
        }
    }

    /// Starts a saga that must be accepted.
    pub(crate) async fn begin(&self, definition: &str, key: &str) -> Arc<Saga> {
        self.start(definition, key, json!({})).await.unwrap().saga
    }

    /// Waits for rest, or stuck.
    pub(crate) async fn rest(&self, saga: &Saga) -> Arc<Saga> {
        let wait = self
            .engine
            .wait(saga.id, Until::Rest, Duration::from_secs(1 << 30));
        soon(wait).await.unwrap().unwrap()
    }

    /// Waits until a look at the saga shows what is looked for.
    pub(crate) async fn until(&self, saga: &Saga, holds: impl Fn(&Saga) -> bool) -> Arc<Saga> {
        soon(async {
            loop {
                let now = self.engine.get(saga.id).await.unwrap().unwrap();
                if holds(&now) {
                    return now;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }
}

pub(crate) fn open(
    writer: Box<dyn Writer>,
    reader: Arc<dyn Reader>,
    script: &Script,
    clock: &StillClock,
    config: &Config,
) -> Engine {
    Engine::open(
        writer,
        reader,
        Arc::new(Registry::new()),
        Arc::new(script.clone()),
        Arc::new(clock.clone()),
        config.clone(),
    )
    .unwrap()
}

/// Small, and quiet about the end of an engine that was fenced by the next.
pub(crate) fn test_config() -> Config {
    Config {
        shards: 4,
        on_fatal: Arc::new(|_| {}),
        ..Config::default()
    }
}

/// Two calls with undos.
pub(crate) const ORDER: &str = "
saga: order
version: 1
steps:
  - order:
      do: POST orders /orders
      undo: DELETE orders /orders/1
  - stock:
      do: POST stock /reservations
      undo: DELETE stock /reservations/1
";

/// A call, then a wait for a signal.
pub(crate) const APPROVAL: &str = "
saga: approval
version: 1
steps:
  - order:
      do: POST orders /orders
      undo: DELETE orders /orders/1
  - approve:
      wait: approved
      for: 2d
      accepts: { type: object, required: [by] }
";

/// Who changes what in a test, and why.
pub(crate) fn by() -> banyan_engine::By {
    banyan_engine::By {
        actor: "ada".into(),
        reason: "stocktaking".into(),
    }
}
