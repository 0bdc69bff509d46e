//! The thin shell around its shards: it waits for messages, loads what is missing, has the batch
//! committed, and only then performs what came of it.

use crate::error::Refusal;
use crate::feed::News;
use crate::openings::opened;
use crate::post::look_for_locks;
use crate::queue::Line;
use crate::shard::{Action, Bounds, Message, Moment, NotTaken, Shard};
use crate::shared::Shared;
use crate::writer::{Committer, Verdict};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::{Effect, Input, ParkCause, ParkCode, Road, Services};
use banyan_core::time::Duration;
use banyan_core::wire::{Answer, What};
use banyan_outbound::Room;
use banyan_store::{Applied, Change};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::mpsc;

/// Pauses between commits while the store refuses them.
const RETRY_FIRST: std::time::Duration = std::time::Duration::from_millis(50);
const RETRY_MAX: std::time::Duration = std::time::Duration::from_secs(1);

/// A shell, with the shards that it drives as one.
pub(crate) struct Shell {
    number: u16,
    shard: Shard,
    inbox: mpsc::Receiver<Message>,
    shared: Arc<Shared>,
    committer: Committer,
    /// What the shard wants to be handled next.
    again: Vec<Message>,
    finishing: bool,
    /// What was opened before the batch was handled.
    openings: u64,
    active: usize,
    held: usize,
}

impl Shell {
    pub(crate) fn new(
        number: u16,
        inbox: mpsc::Receiver<Message>,
        shared: Arc<Shared>,
        committer: Committer,
    ) -> Shell {
        let config = &shared.config;
        let bounds = Bounds::of(config.shells(), config.cached_sagas, config.horizon);
        Shell {
            number,
            shard: Shard::new(config.shards, bounds),
            inbox,
            shared,
            committer,
            again: Vec::new(),
            finishing: false,
            openings: 0,
            active: 0,
            held: 0,
        }
    }

    /// Runs until the engine ends.
    pub(crate) async fn run(mut self) {
        let stop = self.shared.life.stop.clone();
        // Stopped at any point it is as after a crash: what was not committed never was.
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.rounds() => {}
        }
    }

    async fn rounds(&mut self) {
        while let Some(messages) = self.gather().await {
            // Counted before it looks whether the engine drains: a stop waits for the calls
            // that a round has intended and not launched yet.
            self.shared.gate.round_begins();
            let now = self.shared.now();
            self.load_missing(&messages, now).await;
            let messages = self.without_invalid(messages);
            self.openings = self.shared.openings.count();
            let changes = self.handle(messages, now);
            let Some(applied) = self.commit(changes).await else {
                return;
            };
            self.shard.gather_changes(self.shared.feed.is_warm());
            let actions = self.shard.committed(&applied, self.shared.now());
            let changed = self.shard.changed().into_iter();
            self.shared.feed.publish(changed.map(News::Saga));
            self.perform(actions);
            self.shared.gate.round_ends();
            self.account();
        }
    }

    fn handle(&mut self, messages: Vec<Message>, now: Timestamp) -> Vec<Change> {
        let registry: &dyn Services = &*self.shared.registry;
        let closing = Closing(registry);
        let draining = self.shared.life.is_draining();
        let moment = Moment {
            now,
            random: rand::random(),
            services: if draining { &closing } else { registry },
        };
        self.shard.handle(messages, &moment)
    }

    /// The next batch: what waits, and the wakes that are due. None when nothing can come.
    async fn gather(&mut self) -> Option<Vec<Message>> {
        let most = self.shared.config.batch;
        loop {
            let draining = self.shared.life.is_draining();
            let mut messages = std::mem::take(&mut self.again);
            if messages.len() > most {
                self.again = messages.split_off(most);
            }
            if !draining {
                messages.extend(self.due(most));
                let room = most.saturating_sub(messages.len());
                self.shared.post.take(self.number, room, &mut messages);
            }
            while messages.len() < most {
                match self.inbox.try_recv() {
                    Ok(message) => messages.push(message),
                    Err(_) => break,
                }
            }
            if messages.is_empty() && !self.wait_for_one(&mut messages, draining).await {
                return None;
            }
            if draining {
                messages.retain(goes_on_while_draining);
            }
            if !messages.is_empty() {
                return Some(messages);
            }
        }
    }

    fn due(&mut self, most: usize) -> Vec<Message> {
        let room = !self.shared.gate.is_full();
        self.shard.due(self.shared.now(), most, room)
    }

    /// Waits for something to do; false when nothing can come.
    async fn wait_for_one(&mut self, messages: &mut Vec<Message>, draining: bool) -> bool {
        let most = self.shared.config.batch;
        let next_wake = self.shard.next_wake().filter(|_| !draining);
        let clock = &self.shared.clock;
        let wake = async {
            match next_wake {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            count = self.inbox.recv_many(messages, most) => count > 0,
            () = wake => true,
            () = self.shared.post.came(self.number), if !draining => true,
            () = self.shared.life.finish.cancelled(), if !self.finishing => {
                self.finishing = true;
                self.inbox.close();
                true
            }
        }
    }

    async fn load_missing(&mut self, messages: &[Message], now: Timestamp) {
        let missing = messages
            .iter()
            .filter_map(|message| self.shard.missing(message, now));
        let mut missing: Vec<Id> = missing.collect();
        if missing.is_empty() {
            return;
        }
        missing.sort_unstable();
        missing.dedup();
        for (id, loaded) in self.shared.load(missing).await {
            self.shard.give(id, loaded);
        }
    }

    /// Turns away signals that their wait does not accept; the rest goes on.
    fn without_invalid(&self, messages: Vec<Message>) -> Vec<Message> {
        let signals = messages.iter().any(is_signal);
        if !signals {
            return messages;
        }
        let mut good = Vec::with_capacity(messages.len());
        for message in messages {
            match self.why_invalid(&message) {
                None => good.push(message),
                Some(why) => {
                    if let Message::Input {
                        reply: Some(reply), ..
                    } = message
                    {
                        drop(reply.send(Err(why)));
                    }
                }
            }
        }
        good
    }

    fn why_invalid(&self, message: &Message) -> Option<NotTaken> {
        let Message::Input {
            id,
            input: Input::Signal { name, body, .. },
            ..
        } = message
        else {
            return None;
        };
        let definition = &self.shard.plan(*id)?.definition;
        let ready = self
            .shared
            .catalogue
            .ready(&definition.name, definition.version)
            .ok()?;
        if definition.wait(name).is_none() {
            return Some(NotTaken::UnknownSignal {
                known: ready.signals(),
            });
        }
        let violations = ready.check_signal(name, body);
        (!violations.is_empty()).then_some(NotTaken::InvalidBody(violations))
    }

    /// Commits a batch, however long the store refuses it. None when the writer has ended.
    async fn commit(&mut self, mut changes: Vec<Change>) -> Option<Vec<Applied>> {
        let mut pause = RETRY_FIRST;
        let mut holding = None;
        while !changes.is_empty() {
            match self.committer.commit(changes).await? {
                Verdict::Done(applied, changes) => {
                    drop(changes);
                    return Some(applied);
                }
                Verdict::Unavailable(back, message) => {
                    let (left, actions) = self.shard.unavailable(back, &message);
                    self.perform(actions);
                    changes = left;
                    if !changes.is_empty() {
                        holding.get_or_insert_with(|| self.shared.life.hold());
                        self.turn_away(pause, &message).await;
                        pause = (pause * 2).min(RETRY_MAX);
                    }
                }
            }
        }
        Some(Vec::new())
    }

    /// Pauses while the store refuses what this shell holds. Whoever comes meanwhile is not let
    /// wait for it: callers are refused, who looks is sent to the store. The rest is kept.
    async fn turn_away(&mut self, pause: std::time::Duration, why: &str) {
        let shared = Arc::clone(&self.shared);
        let over = shared.pause(pause);
        tokio::pin!(over);
        loop {
            let room = self.again.len() < self.shared.config.inbox.max(1);
            tokio::select! {
                biased;
                () = &mut over => return,
                Some(message) = self.inbox.recv(), if room => {
                    self.again.extend(message.turn_away(why));
                }
            }
        }
    }

    /// The one place where anything leaves, after the commit that allows it. Who no longer
    /// waits for an answer has gone: that is theirs to know.
    fn perform(&mut self, actions: Vec<Action>) {
        let mut locks = Vec::new();
        for action in actions {
            match action {
                Action::Answered(answered) => self.shared.answered(&answered),
                Action::Misconfigured { plan, answer } => self.shared.misconfigured(&plan, &answer),
                Action::Parked { id, held } => {
                    if held || self.openings != self.shared.openings.count() {
                        self.again.push(opened(id));
                    }
                }
                Action::Call { id, effect } => self.launch(id, effect),
                Action::StartReply(reply, answer) => drop(reply.send(answer)),
                Action::InputReply(reply, answer) => drop(reply.send(*answer)),
                Action::GetReply(reply, saga) => drop(reply.send(saga)),
                Action::WatchReply(reply, saga) => drop(reply.send(saga)),
                Action::Again(message) => self.again.push(message),
                Action::Mail(message) => self.shared.post(message),
                Action::LookForMail => self.shared.post.look(),
                Action::LookLater => self.shared.post.look_later(),
                Action::LookForLock { id } => locks.push(id),
            }
        }
        if !locks.is_empty() {
            tokio::spawn(look_for_locks(Arc::clone(&self.shared), locks));
        }
    }

    fn launch(&self, id: Id, effect: Effect) {
        let shared = Arc::clone(&self.shared);
        shared.gate.call_begins();
        // In a box: a task is moved some ten times on its way, and this one is large.
        tokio::spawn(Box::pin(async move {
            let stop = shared.life.stop.clone();
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = call(&shared, id, effect) => {}
            }
            shared.gate.call_ends();
        }));
    }

    fn account(&mut self) {
        let (active, held) = (self.shard.active(), self.shard.held());
        self.shared
            .gate
            .moved((self.active, active), (self.held, held));
        (self.active, self.held) = (active, held);
        self.shared.figures.add(&self.shard.tally());
    }
}

/// Makes a call and brings its answer back. The answer waits for room: it is never dropped.
async fn call(shared: &Shared, id: Id, effect: Effect) {
    // The semaphores are never closed, so an error cannot come; without a permit it would only
    // be a call too many.
    let service = effect.request.service.clone();
    let room = match shared.calls.room(&service) {
        Room::Has(room) => room,
        Room::Waits(room) => {
            let _place = shared.queue.join(id, &effect, Line::Service);
            room.await
        }
    };
    let permit = match shared.call_permits.try_acquire() {
        Ok(permit) => Ok(permit),
        Err(_) => {
            let _place = shared.queue.join(id, &effect, Line::Server);
            shared.call_permits.acquire().await
        }
    };
    let mut calling = shared.calls.call(effect.request, shared.now());
    let answer = std::future::poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| calling.as_mut().poll(context)));
        polled.unwrap_or_else(|_| Poll::Ready(broken()))
    });
    let answer = answer.await;
    drop((permit, room));
    if let Some(change) = shared.pulse.beat(&service, &answer.what, shared.now()) {
        shared.tell_service(&service, change);
    }
    let input = Input::Answer {
        step: effect.step,
        leg: effect.leg,
        attempt: effect.attempt,
        answer,
    };
    let message = Message::Input {
        id,
        input,
        reply: None,
    };
    if !shared.put(id, message).await {
        tracing::debug!(saga = %id, "an answer came after the end of its shard");
    }
}

/// The answer of a call whose code failed: it may have left.
fn broken() -> Answer {
    Answer {
        what: What::Lost {
            message: "the call ended without an answer".to_owned(),
        },
        took_ms: 0,
        instance: None,
    }
}

fn is_signal(message: &Message) -> bool {
    matches!(
        message,
        Message::Input {
            input: Input::Signal { .. },
            ..
        }
    )
}

/// While draining only answers are taken, so that nothing new begins, and whoever looks.
fn goes_on_while_draining(message: &Message) -> bool {
    match message {
        Message::Input { input, .. } => matches!(input, Input::Answer { .. }),
        Message::Get { .. } | Message::Watch { .. } => true,
        Message::Start { .. }
        | Message::Wake { .. }
        | Message::Recover { .. }
        | Message::Mail(_)
        | Message::Granted { .. } => false,
    }
}

/// The services of an engine that drains: what would be called next parks instead, and goes on
/// after the next start.
struct Closing<'a>(&'a dyn Services);

impl Services for Closing<'_> {
    fn admit(&self, _: &Road<'_>) -> Result<(), ParkCause> {
        Err(ParkCause {
            code: ParkCode::Unavailable,
            message: Refusal::ShuttingDown.to_string(),
        })
    }

    fn keys_kept(&self, service: &str) -> Duration {
        self.0.keys_kept(service)
    }
}
