//! The first half of a round: messages become records, and records become changes.

use super::audit;
use super::cache::{Held, Launched};
use super::message::{Answered, InputReply, Message, NotTaken, Reply, StartReply, Watcher};
use super::{Moment, Shard};
use crate::error::LookError;
use crate::row::{row, wake_to_store};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::{
    Context, Entry, Input, LockStep, Misconfigured, Plan, Rejection, Saga, Start, Status, Turn,
};
use banyan_store::{Change, Dealings, LockChange, MessageKey};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A batch between its handling and its commit.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) touched: Vec<Touched>,
    /// Who looks or waits: answered after the commit, so that nobody sees what is not on disk.
    pub(super) lookers: Vec<Message>,
    /// Who is answered without a saga.
    pub(super) refused: Vec<(Reply<InputReply>, NotTaken)>,
    /// Who drew an id that is in use.
    pub(super) taken: Vec<Reply<StartReply>>,
    /// Whose start could not be decided.
    pub(super) failed_starts: Vec<Reply<StartReply>>,
    /// Messages that cause nothing, to be removed.
    pub(super) discarded: Vec<Change>,
    /// Messages for the next batch.
    pub(super) later: Vec<Message>,
    /// A message came before the one that makes its receiver.
    pub(super) looks_for_mail: bool,
    /// Mail came for a saga that could not be loaded, or word of its lock.
    pub(super) looks_later: bool,
    /// Woken ones that wait for their lock.
    pub(super) locked: Vec<Id>,
    /// How many changes it has.
    pub(super) changes: usize,
    /// How many of them are of sagas; the rest stands behind them.
    pub(super) of_sagas: usize,
    random: u64,
}

/// One saga that a batch touches.
#[derive(Debug)]
pub(super) struct Touched {
    pub(super) id: Id,
    /// Its last record as committed; none for a new saga.
    expected_seq: Option<u64>,
    request_hash: String,
    pub(super) entries: Vec<Entry>,
    /// What it has to do with other sagas.
    pub(super) dealings: Dealings,
    /// The message by which it begins, if it is a child that does.
    pub(super) begun_by: Option<Box<banyan_store::Message>>,
    /// The messages that it sends, for after the commit.
    pub(super) sent: Vec<banyan_store::Message>,
    pub(super) records: Vec<banyan_core::saga::Meaning>,
    pub(super) start_reply: Option<Reply<StartReply>>,
    /// Who waits for a new saga.
    pub(super) watcher: Option<Watcher>,
    pub(super) replies: Vec<(Reply<InputReply>, Result<bool, Rejection>)>,
    pub(super) marks: Vec<Mark>,
    pub(super) exact_wake: Option<Timestamp>,
    pub(super) stored_wake: Option<Timestamp>,
    /// The place of its change in the commit; none when nothing changed.
    pub(super) change: Option<usize>,
    /// A decision on it failed: it is as it was before the batch.
    pub(super) broken_off: bool,
    /// Its change shows a parked leg.
    pub(super) parked: bool,
    /// How many records it writes.
    pub(super) written: usize,
}

/// What the services' registry is to be told.
#[derive(Debug)]
pub(super) enum Mark {
    Answered(Answered),
    Misconfigured(Arc<Plan>, Misconfigured),
}

impl Open {
    pub(super) fn new(random: u64) -> Open {
        Open {
            touched: Vec::new(),
            lookers: Vec::new(),
            refused: Vec::new(),
            taken: Vec::new(),
            failed_starts: Vec::new(),
            discarded: Vec::new(),
            later: Vec::new(),
            looks_for_mail: false,
            looks_later: false,
            locked: Vec::new(),
            changes: 0,
            of_sagas: 0,
            random,
        }
    }

    /// Fresh bits for one decision: splitmix64 over the batch's own.
    pub(super) fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A message that causes nothing goes.
    pub(super) fn discard(&mut self, to: Id, key: MessageKey) {
        self.discarded.push(Change::TakeMessage { to, key });
    }

    fn touch(&mut self, id: Id, held: &mut Held) -> usize {
        *held.touched.get_or_insert_with(|| {
            self.touched
                .push(Touched::new(id, Some(held.saga.seq), String::new()));
            self.touched.len() - 1
        })
    }
}

impl Touched {
    pub(super) fn new(id: Id, expected_seq: Option<u64>, request_hash: String) -> Touched {
        Touched {
            id,
            expected_seq,
            request_hash,
            entries: Vec::new(),
            dealings: Dealings::default(),
            begun_by: None,
            sent: Vec::new(),
            records: Vec::new(),
            start_reply: None,
            watcher: None,
            replies: Vec::new(),
            marks: Vec::new(),
            exact_wake: None,
            stored_wake: None,
            change: None,
            broken_off: false,
            parked: false,
            written: 0,
        }
    }

    /// Notes what becomes of its place in a line. Of what it joins or takes and leaves again in
    /// one commit nothing is left.
    fn lock(&mut self, step: Option<LockStep>) {
        let change = match step {
            None => return,
            Some(LockStep::Join { value }) => LockChange::Join { value },
            Some(LockStep::JoinFirst { value }) => LockChange::JoinFirst { value },
            Some(LockStep::Take) => LockChange::Take,
            Some(LockStep::Leave) => LockChange::Leave,
        };
        self.dealings.lock = Some(change);
    }

    /// Takes what a decision led to; true when its input was a repeat.
    pub(super) fn take_turn(
        &mut self,
        plan: &Arc<Plan>,
        turn: Turn,
        answered_step: Option<String>,
    ) -> bool {
        let sent = turn
            .messages
            .into_iter()
            .filter_map(|one| to_store(self.id, one));
        self.dealings.messages.extend(sent);
        self.lock(turn.lock);
        if let (Some((service, leg)), Some(step)) = (turn.answered, answered_step) {
            self.marks.push(Mark::Answered(Answered {
                plan: Arc::clone(plan),
                service,
                step,
                leg,
            }));
        }
        if let Some(answer) = turn.misconfigured {
            self.marks
                .push(Mark::Misconfigured(Arc::clone(plan), answer));
        }
        if self.entries.is_empty() {
            self.entries = turn.entries;
        } else {
            self.entries.extend(turn.entries);
        }
        turn.replayed
    }
}

impl Shard {
    pub(super) fn take(&mut self, message: Message, moment: &Moment<'_>, open: &mut Open) {
        if self.changes_its_line(&message, open) {
            return open.later.push(message);
        }
        match message {
            Message::Start {
                start,
                request_hash,
                watcher,
                reply,
            } => {
                let touched = Touched {
                    start_reply: Some(reply),
                    watcher,
                    ..Touched::new(start.id, None, request_hash)
                };
                self.start(*start, touched, moment, open);
            }
            Message::Input { id, input, reply } => self.input(id, input, reply, moment, open),
            Message::Wake { id, at } if at > moment.now => self.remember(id, at),
            Message::Wake { id, .. } => self.woken(id, moment, open),
            Message::Recover { id } => self.recover(id, moment, open),
            Message::Mail(mail) => self.mail(*mail, moment, open),
            Message::Granted { id } => {
                open.looks_later |= self.failed.contains_key(&id);
                self.input(id, Input::LockGranted, None, moment, open);
            }
            looker @ (Message::Get { .. } | Message::Watch { .. }) => open.lookers.push(looker),
        }
    }

    /// Its saga already moves in the line before its lock in this batch, and a commit holds one
    /// such move: what may lead to another comes after it.
    fn changes_its_line(&self, message: &Message, open: &Open) -> bool {
        let id = match message {
            Message::Input { id, .. }
            | Message::Wake { id, .. }
            | Message::Recover { id }
            | Message::Granted { id } => *id,
            Message::Mail(mail) => mail.message.to,
            Message::Start { .. } | Message::Get { .. } | Message::Watch { .. } => return false,
        };
        let place = self.sagas.get(id).and_then(|held| held.touched);
        place.is_some_and(|place| open.touched[place].dealings.lock.is_some())
    }

    fn start(&mut self, start: Start, mut touched: Touched, moment: &Moment<'_>, open: &mut Open) {
        let id = start.id;
        if self.sagas.contains(id) {
            // Its random part met another's: the caller draws again.
            open.taken.extend(touched.start_reply);
            return;
        }
        let plan = Arc::clone(&start.plan);
        let Some((saga, turn)) = begin(start, moment, open.next_random()) else {
            open.failed_starts.extend(touched.start_reply);
            return;
        };
        let mut held = Held::new(saga);
        held.touched = Some(open.touched.len());
        self.sagas.insert(id, held);
        touched.take_turn(&plan, turn, None);
        open.touched.push(touched);
    }

    /// Wakes a saga. One that waits for its lock even so may not have been told that it is free.
    fn woken(&mut self, id: Id, moment: &Moment<'_>, open: &mut Open) {
        self.input(id, Input::Wake, None, moment, open);
        let saga = self.sagas.get(id).map(|held| &held.saga);
        if saga.is_some_and(|saga| saga.waits_for_lock() && !saga.status().is_rest()) {
            open.locked.push(id);
        }
    }

    pub(super) fn input(
        &mut self,
        id: Id,
        input: Input,
        reply: Option<Reply<InputReply>>,
        moment: &Moment<'_>,
        open: &mut Open,
    ) {
        self.resume(id, moment, open);
        let Some(held) = self.sagas.get_mut(id) else {
            return self.not_there(id, reply, open);
        };
        let place = open.touch(id, held);
        let random = open.next_random();
        let touched = &mut open.touched[place];
        let answered_step = answered_step(held, &input);
        let asked = audit::asked(&input, &held.saga, moment.now);
        let plan = Arc::clone(&held.saga.plan);
        let saga = Arc::make_mut(&mut held.saga);
        let Some(result) = drive(saga, input, &context(moment, random)) else {
            return self.break_off(id, place, reply, open);
        };
        let result = result.map(|turn| {
            let taken = asked.filter(|_| !turn.entries.is_empty());
            let rows = taken.map(|row| audit::taken(row, saga));
            touched.dealings.audit.extend(rows);
            touched.take_turn(&plan, turn, answered_step)
        });
        if let Some(reply) = reply {
            touched.replies.push((reply, result));
        }
    }

    /// A saga on which a decision failed leaves the batch; the others go on (I-36). What is
    /// stored of it stays as it is.
    fn break_off(
        &mut self,
        id: Id,
        place: usize,
        reply: Option<Reply<InputReply>>,
        open: &mut Open,
    ) {
        tracing::error!(saga = %id, "I-36: a decision failed; the saga stays as it is stored");
        let message = "a decision on it failed".to_owned();
        let error = LookError::Damaged { id, message };
        self.sagas.remove(id);
        let earlier = std::mem::take(&mut open.touched[place].replies);
        for reply in earlier.into_iter().map(|(reply, _)| reply).chain(reply) {
            open.refused.push((reply, NotTaken::Look(error.clone())));
        }
        self.failed.insert(id, error);
    }

    fn recover(&mut self, id: Id, moment: &Moment<'_>, open: &mut Open) {
        self.resume(id, moment, open);
        if self.sagas.get(id).is_none() {
            self.not_there(id, None, open);
        }
    }

    /// Tells a saga that was loaded with attempts in flight that their calls are lost.
    pub(super) fn resume(&mut self, id: Id, moment: &Moment<'_>, open: &mut Open) {
        let Some(held) = self.sagas.get_mut(id).filter(|held| held.lost_calls) else {
            return;
        };
        held.lost_calls = false;
        let place = open.touch(id, held);
        let random = open.next_random();
        let plan = Arc::clone(&held.saga.plan);
        let saga = Arc::make_mut(&mut held.saga);
        let Some(turn) = drive(saga, Input::Interrupted, &context(moment, random)) else {
            return self.break_off(id, place, None, open);
        };
        // An interruption is never rejected: it only notes what is so.
        if let Ok(turn) = turn {
            open.touched[place].take_turn(&plan, turn, None);
        }
    }

    fn not_there(&mut self, id: Id, reply: Option<Reply<InputReply>>, open: &mut Open) {
        let why = match self.failed.get(&id) {
            Some(error) => NotTaken::Look(error.clone()),
            None => NotTaken::NoSuchSaga,
        };
        match reply {
            Some(reply) => open.refused.push((reply, why)),
            None => tracing::warn!(saga = %id, reason = ?why, "a saga could not be moved"),
        }
    }

    /// Keeps a wake that is near; one that finds no room is read from the store again.
    fn remember(&mut self, id: Id, at: Timestamp) {
        let held = self.sagas.get_mut(id);
        let known = held.as_ref().is_some_and(|held| held.near == Some(at));
        if !known
            && self.wakes.add(at, id)
            && let Some(held) = held
        {
            held.near = Some(at);
        }
    }

    /// The changes of a batch: one for each saga that has new records or a new wake.
    pub(super) fn changes(&mut self, open: &mut Open, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::with_capacity(open.touched.len());
        for touched in &mut open.touched {
            // One that is gone was broken off: nothing of it is committed.
            let Some(held) = self.sagas.get_mut(touched.id) else {
                touched.broken_off = true;
                continue;
            };
            touched.exact_wake = held.saga.wake_at(now);
            touched.stored_wake = wake_to_store(held.stored_wake, touched.exact_wake, now);
            let still = touched.entries.is_empty() && touched.stored_wake == held.stored_wake;
            if still && touched.dealings.messages.is_empty() && touched.dealings.lock.is_none() {
                for key in touched.dealings.taken.drain(..) {
                    let to = touched.id;
                    open.discarded.push(Change::TakeMessage { to, key });
                }
                continue;
            }
            touched.change = Some(changes.len());
            changes.push(touched.change(&held.saga, touched.id.shard(self.shards)));
        }
        open.of_sagas = changes.len();
        changes.append(&mut open.discarded);
        open.changes = changes.len();
        changes
    }
}

impl Touched {
    fn change(&mut self, saga: &Saga, shard: u16) -> Change {
        let row = row(saga, shard, self.stored_wake);
        let sleeps = row.wake_at.is_none() && !row.status.is_rest() && row.status != Status::Stuck;
        if sleeps {
            debug_assert!(!sleeps, "I-9: {saga:?} has nothing to wake it");
            tracing::error!(saga = %saga.id, "I-9: an open saga has nothing to wake it");
        }
        let entries = std::mem::take(&mut self.entries);
        self.written = entries.len();
        self.parked = row.parked_since.is_some();
        self.records = meanings(&entries);
        let dealings = std::mem::take(&mut self.dealings);
        self.sent.clone_from(&dealings.messages);
        match self.expected_seq {
            None => Change::Start {
                row,
                request_hash: std::mem::take(&mut self.request_hash),
                entries,
                dealings,
            },
            Some(expected_seq) => Change::Append {
                row,
                expected_seq,
                entries,
                dealings,
            },
        }
    }
}

fn meanings(entries: &[Entry]) -> Vec<banyan_core::saga::Meaning> {
    let meaning = |entry: &Entry| match &entry.record {
        banyan_core::saga::Record::AttemptEnded { meaning, .. } => Some(*meaning),
        _ => None,
    };
    entries.iter().filter_map(meaning).collect()
}

/// The start of a saga; none when it could not be decided.
pub(super) fn begin(start: Start, moment: &Moment<'_>, random: u64) -> Option<(Saga, Turn)> {
    let context = context(moment, random);
    catch_unwind(AssertUnwindSafe(|| Saga::start(start, &context))).ok()
}

/// A message as it is stored. One that cannot be written would be a bug: all of it is JSON.
fn to_store(from: Id, message: banyan_core::saga::Message) -> Option<banyan_store::Message> {
    match message.telling.to_parts() {
        Ok((kind, body)) => Some(banyan_store::Message {
            to: message.to,
            from,
            seq: message.seq,
            kind,
            body,
        }),
        Err(error) => {
            tracing::error!(saga = %from, %error, "I-46: a message cannot be written");
            None
        }
    }
}

/// One decision; none when it failed. The saga is then of no use.
fn drive(saga: &mut Saga, input: Input, context: &Context<'_>) -> Option<Result<Turn, Rejection>> {
    catch_unwind(AssertUnwindSafe(|| saga.handle(input, context))).ok()
}

fn context<'a>(moment: &Moment<'a>, random: u64) -> Context<'a> {
    Context {
        now: moment.now,
        random,
        services: moment.services,
    }
}

/// The step that an answer is for; its call is launched no more.
fn answered_step(held: &mut Held, input: &Input) -> Option<String> {
    let Input::Answer {
        step, leg, attempt, ..
    } = input
    else {
        return None;
    };
    held.calls.retain(|launched: &Launched| {
        (&launched.step, launched.leg, launched.attempt) != (step, *leg, *attempt)
    });
    Some(step.clone())
}
