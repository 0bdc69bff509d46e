//! The second half of a round: what was committed may be answered, and what it intends may
//! leave.

use super::cache::Launched;
use super::mail::under_another_key;
use super::message::{Action, Message, NotTaken, StartReply};
use super::turn::{Mark, Touched};
use super::{Bounds, Shard};
use crate::error::Refusal;
use crate::feed::SagaNews;
use crate::request::SignalAnswer;
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::{Meaning, Saga, Status};
use banyan_store::{Applied, Change};
use std::sync::Arc;

impl Shard {
    /// Whether the sagas that the next commits change are gathered for those who listen.
    pub fn gather_changes(&mut self, told: bool) {
        self.told = told;
    }

    /// The sagas that were changed since this was asked, in the order of their commits.
    pub fn changed(&mut self) -> Vec<SagaNews> {
        std::mem::take(&mut self.changed)
    }

    /// Takes the results of a commit, one for each change of [`Shard::handle`] in its order,
    /// and gives what is to be done now.
    ///
    /// # Panics
    /// When no batch is open, or the results are not those of its changes.
    pub fn committed(&mut self, applied: &[Applied], now: Timestamp) -> Vec<Action> {
        // A batch is open between `handle` and this: the caller holds to the round.
        let Some(open) = self.open.take() else {
            panic!("no batch is open");
        };
        assert_eq!(applied.len(), open.changes, "a result for each change");
        let mut actions = Vec::new();
        let touched = open.touched.into_iter();
        for touched in touched.filter(|touched| !touched.broken_off) {
            let result = touched.change.map_or(Applied::Done, |place| applied[place]);
            match result {
                Applied::Done => self.done(touched, now, &mut actions),
                Applied::Conflict => self.conflict(touched, &mut actions),
            }
        }
        let taken = open.taken.into_iter();
        actions.extend(taken.map(|reply| Action::StartReply(reply, StartReply::KeyTaken)));
        let failed = open.failed_starts.into_iter();
        actions.extend(failed.map(|reply| {
            let message = "the start could not be decided".to_owned();
            Action::StartReply(reply, StartReply::Refused(Refusal::Unavailable { message }))
        }));
        let refused = open.refused.into_iter();
        actions.extend(refused.map(|(reply, why)| Action::InputReply(reply, Box::new(Err(why)))));
        actions.extend(open.later.into_iter().map(Action::Again));
        if open.looks_for_mail {
            actions.push(Action::LookForMail);
        }
        if open.looks_later {
            actions.push(Action::LookLater);
        }
        let locked = open.locked.into_iter();
        actions.extend(locked.map(|id| Action::LookForLock { id }));
        for looker in open.lookers {
            self.look(looker, &mut actions);
        }
        for id in std::mem::take(&mut self.given) {
            self.sagas.settle_new(id);
        }
        actions
    }

    /// The store cannot write now. Starts of the batch are given up, and everybody who waits is
    /// told; what is left of its changes is to be committed later, unchanged.
    ///
    /// # Panics
    /// When no batch is open, or these are not its changes.
    pub fn unavailable(
        &mut self,
        changes: Vec<Change>,
        message: &str,
    ) -> (Vec<Change>, Vec<Action>) {
        let Some(open) = self.open.as_mut() else {
            panic!("no batch is open");
        };
        assert_eq!(changes.len(), open.changes, "the changes of the batch");
        let refusal = || Refusal::Unavailable {
            message: message.to_owned(),
        };
        let mut actions = Vec::new();
        let mut left = Vec::new();
        let mut all: Vec<Option<Change>> = changes.into_iter().map(Some).collect();
        open.touched.retain_mut(|touched| {
            if let Some(reply) = touched.start_reply.take() {
                actions.push(Action::StartReply(reply, StartReply::Refused(refusal())));
                self.sagas.remove(touched.id);
                return false;
            }
            for (reply, _) in touched.replies.drain(..) {
                let why = NotTaken::Refused(refusal());
                actions.push(Action::InputReply(reply, Box::new(Err(why))));
            }
            if let Some(change) = touched.change.and_then(|place| all[place].take()) {
                touched.change = Some(left.len());
                left.push(change);
            }
            true
        });
        // Who looks is told by the store what is on disk.
        let lookers = std::mem::take(&mut open.lookers).into_iter();
        open.lookers = lookers.filter_map(|one| one.turn_away(message)).collect();
        let of_sagas = left.len();
        left.extend(all.drain(open.of_sagas..).flatten());
        (open.of_sagas, open.changes) = (of_sagas, left.len());
        (left, actions)
    }

    fn done(&mut self, touched: Touched, now: Timestamp, actions: &mut Vec<Action>) {
        // Nothing that a batch touches leaves the memory before this.
        let Some(held) = self.sagas.get_mut(touched.id) else {
            panic!("the saga {} of an open batch is not in memory", touched.id);
        };
        held.touched = None;
        held.stored_wake = touched.stored_wake;
        let status = held.saga.status();
        let before = held.status.replace(status);
        let saga = Arc::clone(&held.saga);
        self.count(&touched, before, status);
        if self.told && touched.change.is_some() {
            self.changed.push(SagaNews {
                id: saga.id,
                seq: saga.seq,
                status,
                plan: Arc::clone(&saga.plan),
            });
        }
        for mark in touched.marks {
            actions.push(match mark {
                Mark::Answered(answered) => Action::Answered(answered),
                Mark::Misconfigured(plan, answer) => Action::Misconfigured { plan, answer },
            });
        }
        if touched.parked {
            let (id, held) = (touched.id, touched.records.contains(&Meaning::Held));
            actions.push(Action::Parked { id, held });
        }
        actions.extend(touched.sent.into_iter().map(Action::Mail));
        let in_flight = self.launch(touched.id, actions);
        if let Some(watcher) = touched.watcher {
            self.watchers.add(touched.id, watcher);
        }
        if let Some(reply) = touched.start_reply {
            let accepted = StartReply::Accepted(Arc::clone(&saga));
            actions.push(Action::StartReply(reply, accepted));
        }
        for (reply, result) in touched.replies {
            let answer = result
                .map_err(NotTaken::Rejected)
                .map(|replayed| SignalAnswer {
                    saga: Arc::clone(&saga),
                    replayed,
                });
            actions.push(Action::InputReply(reply, Box::new(answer)));
        }
        for waiting in self.watchers.take(&saga) {
            actions.push(Action::WatchReply(waiting, Arc::clone(&saga)));
        }
        self.settle(&saga, in_flight, touched.exact_wake, now);
    }

    /// Launches the calls of a saga whose intents are durable and that were not launched yet;
    /// true when some are in flight.
    fn launch(&mut self, id: Id, actions: &mut Vec<Action>) -> bool {
        let Some(held) = self.sagas.get_mut(id) else {
            return false;
        };
        let effects = held.saga.pending();
        let in_flight = !effects.is_empty();
        for effect in effects {
            let launched = Launched {
                step: effect.step.clone(),
                leg: effect.leg,
                attempt: effect.attempt,
            };
            if !held.calls.contains(&launched) {
                held.calls.push(launched);
                actions.push(Action::Call { id, effect });
            }
        }
        in_flight
    }

    /// Keeps a saga in memory for as long as it is needed there.
    fn settle(&mut self, saga: &Saga, in_flight: bool, wake: Option<Timestamp>, now: Timestamp) {
        // One that is at rest may still have its end to tell, or a late effect to undo.
        if saga.status().is_rest() && !in_flight && wake.is_none() {
            return self.sagas.remove(saga.id);
        }
        let near = self.is_near(wake, now);
        let Some(held) = self.sagas.get_mut(saga.id) else {
            return;
        };
        let mut active = in_flight;
        if let Some(at) = near {
            let known = held.near == Some(at);
            if known || self.wakes.add(at, saga.id) {
                held.near = Some(at);
                active = true;
            }
        }
        self.sagas.settle(saga.id, active);
    }

    fn is_near(&self, wake: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let reach = i64::try_from(self.near.as_millis()).unwrap_or(i64::MAX);
        wake.filter(|at| at.0 <= now.0.saturating_add(reach))
    }

    /// A change found something else than it expected: a start whose key is taken, or a saga
    /// of which the store knows more. The latter is dropped and loaded again: what its calls
    /// answer then is late, and it is told that they were interrupted.
    fn conflict(&mut self, touched: Touched, actions: &mut Vec<Action>) {
        self.tally.conflicts += 1;
        if let Some(reply) = touched.start_reply {
            self.sagas.remove(touched.id);
            return actions.push(Action::StartReply(reply, StartReply::KeyTaken));
        }
        if let Some(message) = touched.begun_by {
            self.sagas.remove(touched.id);
            tracing::warn!(saga = %touched.id, "the start key of a child is taken by somebody else");
            return actions.push(Action::Mail(under_another_key(*message)));
        }
        tracing::error!(saga = %touched.id, "I-28: the store knows more of a saga than its shard");
        self.sagas.remove(touched.id);
        for (reply, _) in touched.replies {
            let message = "the saga was changed meanwhile: try again".to_owned();
            let why = NotTaken::Refused(Refusal::Unavailable { message });
            actions.push(Action::InputReply(reply, Box::new(Err(why))));
        }
        actions.push(Action::Again(Message::Recover { id: touched.id }));
    }

    fn look(&mut self, looker: Message, actions: &mut Vec<Action>) {
        match looker {
            Message::Get { id, reply } => {
                let saga = self.sagas.get(id).map(|held| Arc::clone(&held.saga));
                actions.push(Action::GetReply(reply, saga));
            }
            Message::Watch {
                id,
                until,
                now,
                done,
            } => {
                let saga = self.sagas.get(id).map(|held| Arc::clone(&held.saga));
                match &saga {
                    Some(saga) if until.holds(saga) => {
                        actions.push(Action::WatchReply(done, Arc::clone(saga)));
                    }
                    _ => self.watchers.add(id, (until, done)),
                }
                actions.push(Action::GetReply(now, saga));
            }
            Message::Start { .. }
            | Message::Input { .. }
            | Message::Wake { .. }
            | Message::Recover { .. }
            | Message::Mail(_)
            | Message::Granted { .. } => {}
        }
    }

    fn count(&mut self, touched: &Touched, before: Option<Status>, status: Status) {
        self.tally.starts += u64::from(touched.start_reply.is_some());
        self.tally.records += touched.written as u64;
        for meaning in &touched.records {
            let place = Meaning::ALL.iter().position(|one| one == meaning);
            if let Some(place) = place {
                self.tally.attempts[place] += 1;
            }
        }
        if before == Some(status) {
            return;
        }
        match status {
            Status::Completed => self.tally.completed += 1,
            Status::Compensated => self.tally.compensated += 1,
            Status::Stuck => self.tally.stuck += 1,
            Status::Running | Status::Compensating | Status::Abandoned => {}
        }
    }
}

/// Near wakes that an engine keeps in memory, about 50 bytes each.
const NEAR_WAKES: usize = 512 * 1_024;
/// Callers that may wait for sagas of an engine.
const WATCHERS: usize = 64 * 1_024;

/// Kept beside the bounds that it relies on: a near wake is looked for a little beyond the
/// horizon of whoever reads wakes from the store, so that none falls between the two.
impl Bounds {
    /// The bounds of one of so many, for wakes that are read `horizon` ahead.
    pub fn of(shells: u16, idle_sagas: usize, horizon: std::time::Duration) -> Bounds {
        let share = |all: usize| all / usize::from(shells.max(1));
        Bounds {
            idle_sagas: share(idle_sagas),
            near_wakes: share(NEAR_WAKES),
            near: horizon + std::time::Duration::from_secs(2),
            watchers: share(WATCHERS),
        }
    }
}
