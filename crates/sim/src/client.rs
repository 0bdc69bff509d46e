//! The clients: each wants one saga, repeats its start under the same key until it is told,
//! and remembers what it was told.

use crate::node::Node;
use banyan_core::id::{self, Id};
use banyan_core::saga::{Input, Plan, Start};
use banyan_core::testkit::{self, Random};
use banyan_core::time::Duration;
use banyan_core::{Timestamp, limits};
use banyan_engine::shard::{InputReply, Message, StartReply};
use banyan_store::Reader;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What a client was told of its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing yet.
    Nothing,
    /// It was accepted as this saga.
    Accepted(Id),
}

/// One client and its start.
pub(crate) struct Client {
    /// What it starts.
    pub(crate) plan: Arc<Plan>,
    /// Its key.
    pub(crate) key: String,
    /// What it was told.
    pub(crate) told: Told,
    /// How often it asked.
    pub(crate) asked: u32,
    waiting: Option<oneshot::Receiver<StartReply>>,
    others: Vec<oneshot::Receiver<InputReply>>,
}

impl Client {
    /// A client that has not asked yet.
    pub(crate) fn new(plan: Arc<Plan>, number: usize) -> Client {
        let key = format!("client-{number}");
        Client {
            plan,
            key,
            told: Told::Nothing,
            asked: 0,
            waiting: None,
            others: Vec::new(),
        }
    }

    fn hash(&self) -> String {
        banyan_core::json::sha256_hex(self.key.as_bytes())
    }

    /// Sends the start to the node.
    pub(crate) fn ask(&mut self, node: &mut Node, now: Timestamp, random: &mut Random) {
        self.asked += 1;
        let name = &self.plan.definition.name;
        let millis = u64::try_from(now.0).unwrap_or_default();
        let id = Id::new(
            millis,
            random.draw(),
            id::spread("default", name, &self.key),
        );
        let (reply, waiting) = oneshot::channel();
        self.waiting = Some(waiting);
        let start = Start {
            id,
            plan: Arc::clone(&self.plan),
            namespace: "default".into(),
            key: self.key.clone(),
            call_seed: "sim".into(),
            input: testkit::input(),
            labels: std::collections::BTreeMap::new(),
            deadline: random
                .chance(15)
                .then(|| Duration::from_secs(30 + random.draw() % 300)),
            park_limit: Duration::from_millis(limits::PARK_LIMIT_MS),
            children: node.versions(&self.plan),
            parent: None,
            not_after: None,
            refused: None,
        };
        let start = Box::new(start);
        node.send(
            Message::Start {
                watcher: None,
                start,
                request_hash: self.hash(),
                reply,
            },
            id,
        );
    }

    /// Reads what it was told, if anything; true when it must ask again.
    pub(crate) fn listen(&mut self, node: Option<&Node>) -> bool {
        self.others.retain_mut(|waiting| {
            matches!(waiting.try_recv(), Err(oneshot::error::TryRecvError::Empty))
        });
        let Some(waiting) = &mut self.waiting else {
            return false;
        };
        let answer = match waiting.try_recv() {
            Err(oneshot::error::TryRecvError::Empty) => return false,
            Err(oneshot::error::TryRecvError::Closed) => None,
            Ok(answer) => Some(answer),
        };
        self.waiting = None;
        match answer {
            Some(StartReply::Accepted(saga)) => self.told = Told::Accepted(saga.id),
            Some(StartReply::KeyTaken) => {
                // What the engine's handle does: the store says whose the key is.
                let owner = node.and_then(|node| {
                    node.reader
                        .start_key("default", &self.plan.definition.name, &self.key)
                        .ok()
                        .flatten()
                });
                match owner {
                    Some(owner) if owner.request_hash == self.hash() => {
                        self.told = Told::Accepted(owner.id)
                    }
                    Some(owner) => {
                        panic!("I-3: the key {} is another start's: {owner:?}", self.key)
                    }
                    None => panic!("I-3: the key {} is taken by nobody", self.key),
                }
            }
            Some(StartReply::Refused(_)) | None => return true,
        }
        false
    }

    /// Sends an input to its saga.
    pub(crate) fn send(&mut self, id: Id, input: Input, node: &mut Node) {
        let (reply, waiting) = oneshot::channel();
        self.others.push(waiting);
        node.send(
            Message::Input {
                id,
                input,
                reply: Some(reply),
            },
            id,
        );
    }
}
