//! One node: the engine's shards over the model store, without threads. It is dropped to die
//! and made again to start.

use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::planted;
use banyan_core::saga::{Misconfigured, ParkCause, ParkCode, Plan, Road, Services, Start, Telling};
use banyan_core::time::Duration;
use banyan_engine::shard::{Action, Bounds, Loaded, Mail, Message, Moment, Shard, fold};
use banyan_store::memory::{MemoryReader, MemoryWriter, Store};
use banyan_store::{Applied, Change, CommitError, Reader, WakeQuery, Writer};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Shards of the node. Few, so that sagas share them.
const SHARDS: u16 = 4;

/// Where a round of a shard may be cut by the death of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// Before the batch is committed.
    BeforeCommit,
    /// After it is committed, before anything of it leaves.
    AfterCommit,
}

/// What a round gave.
pub(crate) struct Round {
    /// What is to be done.
    pub(crate) actions: Vec<Action>,
    /// The sagas whose journals grew.
    pub(crate) touched: Vec<Id>,
}

/// The roads as the node knows them: closed by a 401 or its like until they are probed.
#[derive(Default)]
pub(crate) struct Roads {
    closed: BTreeSet<(String, String)>,
}

impl Services for Roads {
    fn admit(&self, road: &Road<'_>) -> Result<(), ParkCause> {
        let key = (
            road.service.to_owned(),
            format!("{}@{}/{}", road.definition, road.version, road.step),
        );
        if self.closed.contains(&key) {
            let message = format!("{} answered that the road is wrong", road.service);
            return Err(ParkCause {
                code: ParkCode::Misconfigured,
                message,
            });
        }
        Ok(())
    }

    fn keys_kept(&self, _service: &str) -> Duration {
        Duration::from_secs(30 * 24 * 60 * 60)
    }
}

/// A running process.
pub(crate) struct Node {
    writer: MemoryWriter,
    /// Reads of what is committed.
    pub(crate) reader: Arc<MemoryReader>,
    shards: Vec<Shard>,
    inboxes: Vec<VecDeque<Message>>,
    plans: BTreeMap<(String, u32), Arc<Plan>>,
    /// Its roads.
    pub(crate) roads: Roads,
}

impl Node {
    /// Starts a process on a store: what was in flight is told of its interruption.
    pub(crate) fn start(store: &Store, plans: &[Arc<Plan>], near: std::time::Duration) -> Node {
        let (writer, reader) = store.open();
        let bounds = Bounds {
            idle_sagas: 3,
            near,
            ..Bounds::default()
        };
        let shards = (0..SHARDS).map(|_| Shard::new(SHARDS, bounds)).collect();
        let inboxes = (0..SHARDS).map(|_| VecDeque::new()).collect();
        let named = |plan: &Arc<Plan>| {
            (
                (plan.definition.name.clone(), plan.definition.version),
                Arc::clone(plan),
            )
        };
        let plans = plans.iter().map(named).collect();
        let mut node = Node {
            writer,
            reader,
            shards,
            inboxes,
            plans,
            roads: Roads::default(),
        };
        let everything = WakeQuery {
            until: Timestamp(i64::MAX),
            after: None,
            in_flight_only: true,
            limit: usize::MAX,
        };
        let lost = node.reader.wakes(&everything);
        for wake in lost.unwrap_or_default() {
            node.send(Message::Recover { id: wake.id }, wake.id);
        }
        node.hand_out_mail();
        node
    }

    /// Puts a message for a saga into its shard's inbox.
    pub(crate) fn send(&mut self, message: Message, id: Id) {
        self.inboxes[usize::from(id.shard(SHARDS))].push_back(message);
    }

    /// Puts a message of another saga into the inbox of its receiver's shard.
    pub(crate) fn mail(&mut self, message: banyan_store::Message, swept: bool) {
        let to = message.to;
        let start = self.child_start(&message).map(Box::new);
        let mail = Mail {
            message,
            start,
            swept,
        };
        self.send(Message::Mail(Box::new(mail)), to);
    }

    fn child_start(&self, message: &banyan_store::Message) -> Option<Start> {
        if message.kind != "start" {
            return None;
        }
        match Telling::from_parts(&message.kind, &message.body) {
            Ok(Telling::Start(asked)) => {
                let name = (asked.definition.clone(), asked.version);
                let plan = Arc::clone(&self.plans[&name]);
                let versions = self.versions(&plan);
                Some(asked.into_start(message.to, plan, versions, None))
            }
            other => panic!("I-46: {message:?} is {other:?}"),
        }
    }

    /// A version is registered while the process runs.
    pub(crate) fn register(&mut self, plan: Arc<Plan>) {
        let definition = &plan.definition;
        let name = (definition.name.clone(), definition.version);
        self.plans.insert(name, plan);
    }

    /// The versions of what a definition runs.
    pub(crate) fn versions(&self, plan: &Plan) -> BTreeMap<String, u32> {
        let runs = plan.definition.runs().into_iter();
        let active = |name: &str| self.plans.keys().rev().find(|known| known.0 == name);
        runs.filter_map(|run| Some((run.saga.clone(), active(&run.saga)?.1)))
            .collect()
    }

    /// Tells the shards of all mail and of all free locks that the store holds.
    pub(crate) fn hand_out_mail(&mut self) {
        for message in self.reader.messages(None, usize::MAX).unwrap_or_default() {
            self.mail(message, true);
        }
        for id in self.reader.granted(None, usize::MAX).unwrap_or_default() {
            self.send(Message::Granted { id }, id);
        }
    }

    /// Tells a saga that was woken if its lock is free for it.
    pub(crate) fn look_for_lock(&mut self, id: Id) {
        let place = self.reader.lock(id).unwrap_or_default();
        if place.is_some_and(|place| place.first == id && !place.holds) {
            self.send(Message::Granted { id }, id);
        }
    }

    /// The first shard with something to do.
    pub(crate) fn busy(&self) -> Option<usize> {
        self.inboxes.iter().position(|inbox| !inbox.is_empty())
    }

    /// One round of a shard over at most `limit` messages; none when the process died in it.
    pub(crate) fn round(
        &mut self,
        shard: usize,
        limit: usize,
        (now, random): (Timestamp, u64),
        death: Option<Death>,
    ) -> Option<Round> {
        let inbox = &mut self.inboxes[shard];
        let messages: Vec<Message> = inbox.drain(..limit.min(inbox.len())).collect();
        for message in &messages {
            if let Some(id) = self.shards[shard].missing(message, now) {
                let loaded = self.load(id);
                self.shards[shard].give(id, loaded);
            }
        }
        let moment = Moment {
            now,
            random,
            services: &self.roads,
        };
        let changes = self.shards[shard].handle(messages, &moment);
        let touched = changes.iter().filter_map(saga_of).collect();
        if planted::is(planted::Bug::AnswersBeforeCommit) && !changes.is_empty() {
            let hoped = vec![Applied::Done; changes.len()];
            let actions = self.shards[shard].committed(&hoped, now);
            if death.is_none() {
                self.commit(&changes);
            }
            return Some(Round { actions, touched });
        }
        if death == Some(Death::BeforeCommit) {
            return None;
        }
        let applied = self.commit(&changes);
        if death == Some(Death::AfterCommit) {
            return None;
        }
        let actions = self.shards[shard].committed(&applied, now);
        Some(Round { actions, touched })
    }

    fn commit(&mut self, changes: &[Change]) -> Vec<Applied> {
        if changes.is_empty() {
            return Vec::new();
        }
        match self.writer.commit(changes) {
            Ok(committed) => {
                for id in committed.granted {
                    self.send(Message::Granted { id }, id);
                }
                committed.applied
            }
            Err(
                error @ (CommitError::Unavailable { .. }
                | CommitError::Fenced
                | CommitError::Unknown { .. }),
            ) => {
                panic!("the model store failed where nothing was injected: {error}")
            }
        }
    }

    fn load(&self, id: Id) -> Loaded {
        match self.reader.load(id) {
            Ok(Some(stored)) => {
                let of_name =
                    |known: &(&(String, u32), &Arc<Plan>)| known.0.0 == stored.row.definition;
                let plans = self.plans.iter().filter(of_name);
                let plans: Vec<Arc<Plan>> = plans.map(|(_, plan)| Arc::clone(plan)).collect();
                fold(&stored, &plans)
            }
            Ok(None) => Loaded::Absent,
            Err(error) => panic!("the model store cannot be read: {error}"),
        }
    }

    /// When the store or a shard next wants a saga to be looked at.
    pub(crate) fn next_wake(&self) -> Option<Timestamp> {
        let query = WakeQuery {
            until: Timestamp(i64::MAX),
            after: None,
            in_flight_only: false,
            limit: 1,
        };
        let stored = self
            .reader
            .wakes(&query)
            .ok()
            .and_then(|wakes| wakes.first().map(|wake| wake.at));
        self.shards
            .iter()
            .filter_map(Shard::next_wake)
            .chain(stored)
            .min()
    }

    /// Wakes everybody who is due: the shards' own timers, and what the store holds.
    pub(crate) fn wake(&mut self, now: Timestamp) {
        for number in 0..self.shards.len() {
            let due = self.shards[number].due(now, usize::MAX, true);
            self.inboxes[number].extend(due);
        }
        let query = WakeQuery {
            until: now,
            after: None,
            in_flight_only: false,
            limit: usize::MAX,
        };
        for wake in self.reader.wakes(&query).unwrap_or_default() {
            self.send(
                Message::Wake {
                    id: wake.id,
                    at: wake.at,
                },
                wake.id,
            );
        }
    }

    /// A road was answered wrongly: its steps park.
    pub(crate) fn close(&mut self, plan: &Plan, answer: &Misconfigured) {
        let definition = &plan.definition;
        let road = format!("{}@{}/{}", definition.name, definition.version, answer.step);
        self.roads.closed.insert((answer.service.clone(), road));
    }

    /// Somebody mended every road; who is parked there is told.
    pub(crate) fn open_all(&mut self) {
        let services: BTreeSet<String> = std::mem::take(&mut self.roads.closed)
            .into_iter()
            .map(|(service, _)| service)
            .collect();
        for service in services {
            for (_, id) in self
                .reader
                .parked(&service, None, usize::MAX)
                .unwrap_or_default()
            {
                let input = banyan_core::saga::Input::Opened;
                self.send(
                    Message::Input {
                        id,
                        input,
                        reply: None,
                    },
                    id,
                );
            }
        }
    }
}

fn saga_of(change: &Change) -> Option<Id> {
    match change {
        Change::Start { row, .. } | Change::Append { row, .. } => Some(row.id),
        Change::TakeMessage { to: id, .. } | Change::Purge { id } | Change::Forget { id } => {
            Some(*id)
        }
        Change::Audited { change, .. } => saga_of(change),
        Change::Definition(_)
        | Change::Activate { .. }
        | Change::Accepting { .. }
        | Change::Service(_)
        | Change::DeleteService { .. }
        | Change::Operation { .. }
        | Change::ForgetOperation { .. }
        | Change::ForgetAudit { .. } => None,
    }
}

/// Whom a message to a shard is for.
pub(crate) fn receiver(message: &Message) -> Option<Id> {
    match message {
        Message::Start { start, .. } => Some(start.id),
        Message::Mail(mail) => Some(mail.message.to),
        Message::Input { id, .. }
        | Message::Wake { id, .. }
        | Message::Recover { id }
        | Message::Granted { id }
        | Message::Get { id, .. }
        | Message::Watch { id, .. } => Some(*id),
    }
}
