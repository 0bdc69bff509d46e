//! A shard by itself: messages in, changes out, and after their commit the actions.

use crate::world::{ORDER, http};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::language::{Surroundings, check};
use banyan_core::saga::{
    Ask, Input, Leg, ParkCause, ParkCode, Plan, Record, Road, Services, Start, Status,
};
use banyan_core::time::Duration;
use banyan_core::wire::Answer;
use banyan_engine::shard::{
    Action, Bounds, Loaded, Mail, Message, Moment, NotTaken, Shard, StartReply, fold,
};
use banyan_store::memory::Store;
use banyan_store::{Applied, Change, Reader, Writer};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Every road is open, but for one on which deciding fails.
struct Open {
    fails_at: Option<&'static str>,
}

impl Services for Open {
    fn admit(&self, road: &Road<'_>) -> Result<(), ParkCause> {
        assert_ne!(Some(road.step), self.fails_at, "planted");
        Ok(())
    }

    fn keys_kept(&self, _: &str) -> Duration {
        Duration::from_secs(86_400)
    }
}

/// Every road is closed.
struct Closed;

impl Services for Closed {
    fn admit(&self, _: &Road<'_>) -> Result<(), ParkCause> {
        Err(ParkCause {
            code: ParkCode::Paused,
            message: "paused".into(),
        })
    }

    fn keys_kept(&self, _: &str) -> Duration {
        Duration::from_secs(86_400)
    }
}

const NOW: Timestamp = Timestamp(1_763_721_000_000);
const ALL_OPEN: Open = Open { fails_at: None };

fn plan() -> Arc<Plan> {
    let checked = check(ORDER, &Surroundings::default());
    Plan::new(checked.definition.expect("the sample is valid"))
}

fn handle(shard: &mut Shard, messages: Vec<Message>, services: &dyn Services) -> Vec<Change> {
    let moment = Moment {
        now: NOW,
        random: 7,
        services,
    };
    shard.handle(messages, &moment)
}

fn start(number: u64) -> (Id, Message, oneshot::Receiver<StartReply>) {
    let (reply, answer) = oneshot::channel();
    let id = Id::new(NOW.0.unsigned_abs(), number, 0);
    let start = Start {
        id,
        plan: plan(),
        namespace: "default".into(),
        key: format!("k{number}"),
        call_seed: "seed".into(),
        input: json!({}),
        labels: BTreeMap::new(),
        deadline: None,
        park_limit: Duration::from_secs(3_600),
        children: BTreeMap::new(),
        parent: None,
        not_after: None,
        refused: None,
    };
    let request_hash = "hash".into();
    (
        id,
        Message::Start {
            watcher: None,
            start: Box::new(start),
            request_hash,
            reply,
        },
        answer,
    )
}

fn done(id: Id, step: &str) -> Message {
    let answer = Answer {
        what: http(200, json!({})),
        took_ms: 1,
        instance: None,
    };
    let (step, leg, attempt) = (step.to_owned(), Leg::Do, 1);
    Message::Input {
        id,
        input: Input::Answer {
            step,
            leg,
            attempt,
            answer,
        },
        reply: None,
    }
}

/// Calls and other actions, in short.
fn words(actions: &[Action]) -> Vec<String> {
    let word = |action: &Action| match action {
        Action::Answered(answered) => format!("answered {}", answered.step),
        Action::Misconfigured { answer, .. } => format!("misconfigured {}", answer.step),
        Action::Parked { .. } => "parked".into(),
        Action::Call { effect, .. } => format!("call {} {}", effect.step, effect.attempt),
        Action::StartReply(_, StartReply::Accepted(_)) => "accepted".into(),
        Action::StartReply(_, StartReply::KeyTaken) => "key taken".into(),
        Action::StartReply(_, StartReply::Refused(why)) => format!("refused: {why}"),
        Action::InputReply(_, answer) => match &**answer {
            Ok(_) => "taken".into(),
            Err(why) => format!("{why:?}"),
        },
        Action::GetReply(_, saga) => format!("got {}", saga.is_some()),
        Action::WatchReply(..) => "come".into(),
        Action::Again(_) => "again".into(),
        Action::Mail(message) => format!("mail {}", message.kind),
        Action::LookForMail => "look for mail".into(),
        Action::LookLater => "look later".into(),
        Action::LookForLock { .. } => "look for lock".into(),
    };
    actions.iter().map(word).collect()
}

#[test]
fn a_start_gives_its_call_and_its_answer_after_the_commit() {
    let mut shard = Shard::new(1, Bounds::default());
    let (id, message, _answer) = start(1);
    let changes = handle(&mut shard, vec![message], &ALL_OPEN);
    assert_eq!(changes.len(), 1);
    let actions = shard.committed(&[Applied::Done], NOW);
    assert_eq!(words(&actions), ["call order 1", "accepted"]);
    assert_eq!((shard.active(), shard.held()), (1, 1));
    let changes = handle(&mut shard, vec![done(id, "order")], &ALL_OPEN);
    assert_eq!(changes.len(), 1);
    let actions = shard.committed(&[Applied::Done], NOW);
    assert_eq!(words(&actions), ["answered order", "call stock 1"]);
    handle(&mut shard, vec![done(id, "stock")], &ALL_OPEN);
    shard.committed(&[Applied::Done], NOW);
    assert_eq!(
        (shard.active(), shard.held()),
        (0, 0),
        "at rest it is let go"
    );
}

fn mail(swept: bool) -> Message {
    let id = |number| Id::new(NOW.0.unsigned_abs(), number, 0);
    let message = banyan_store::Message {
        to: id(1),
        from: id(2),
        seq: 7,
        kind: "cancel".into(),
        body: json!({}),
    };
    let start = None;
    Message::Mail(Box::new(Mail {
        message,
        start,
        swept,
    }))
}

#[test]
fn a_message_that_came_before_its_receiver_is_looked_for_again() {
    let mut shard = Shard::new(1, Bounds::default());
    assert!(handle(&mut shard, vec![mail(false)], &ALL_OPEN).is_empty());
    assert_eq!(words(&shard.committed(&[], NOW)), ["look for mail"]);
}

#[test]
fn a_message_to_a_saga_that_can_never_be_is_removed() {
    let mut shard = Shard::new(1, Bounds::default());
    let (_, other, _answer) = start(1);
    let changes = handle(&mut shard, vec![mail(true)], &ALL_OPEN);
    assert!(matches!(&changes[..], [Change::TakeMessage { key, .. }] if key.seq == 7));
    let (left, actions) = shard.unavailable(changes, "disk full");
    assert_eq!(
        (left.len(), words(&actions)),
        (1, vec![]),
        "it is kept for later"
    );
    assert!(shard.committed(&[Applied::Done], NOW).is_empty());
    assert_eq!(handle(&mut shard, vec![other], &ALL_OPEN).len(), 1);
}

#[test]
fn inputs_of_one_saga_in_one_batch_are_one_change() {
    let mut shard = Shard::new(1, Bounds::default());
    let (id, message, _answer) = start(1);
    handle(&mut shard, vec![message], &ALL_OPEN);
    shard.committed(&[Applied::Done], NOW);
    let late = done(id, "order");
    let changes = handle(&mut shard, vec![done(id, "order"), late], &ALL_OPEN);
    assert_eq!(changes.len(), 1);
    let actions = shard.committed(&[Applied::Done], NOW);
    let calls = words(&actions)
        .iter()
        .filter(|word| word.starts_with("call"))
        .count();
    assert_eq!(calls, 1);
}

#[test]
#[should_panic(expected = "I-4")]
fn a_batch_before_the_commit_of_the_last_is_a_bug() {
    let mut shard = Shard::new(1, Bounds::default());
    handle(&mut shard, Vec::new(), &ALL_OPEN);
    handle(&mut shard, Vec::new(), &ALL_OPEN);
}

#[test]
fn a_saga_of_which_the_store_knows_more_is_loaded_again_and_told_of_its_lost_calls() {
    let store = Store::new("store");
    let (mut writer, reader) = store.open();
    let mut shard = Shard::new(1, Bounds::default());
    let (id, message, _answer) = start(1);
    let changes = handle(&mut shard, vec![message], &ALL_OPEN);
    let applied = writer.commit(&changes).unwrap().applied;
    shard.committed(&applied, NOW);
    handle(&mut shard, vec![done(id, "order")], &ALL_OPEN);
    let mut actions = shard.committed(&[Applied::Conflict], NOW);
    assert_eq!(words(&actions), ["again"]);
    let Some(Action::Again(message)) = actions.pop() else {
        panic!("it is to be handled again");
    };
    assert_eq!(shard.missing(&message, NOW), Some(id));
    let stored = reader.load(id).unwrap().unwrap();
    shard.give(id, fold(&stored, plan()));
    let changes = handle(&mut shard, vec![message], &ALL_OPEN);
    let applied = writer.commit(&changes).unwrap().applied;
    assert_eq!(applied, [Applied::Done]);
    shard.committed(&applied, NOW);
    let stored = reader.load(id).unwrap().unwrap();
    let told = |record: &Record| {
        matches!(
            record,
            Record::AttemptEnded {
                interrupted: true,
                ..
            }
        )
    };
    assert!(stored.journal.iter().any(|entry| told(&entry.record)));
    assert_eq!(stored.row.status, Status::Running);
}

#[test]
fn while_the_store_cannot_write_starts_are_given_up_and_the_rest_is_kept() {
    let mut shard = Shard::new(1, Bounds::default());
    let (id, message, _answer) = start(1);
    handle(&mut shard, vec![message], &ALL_OPEN);
    shard.committed(&[Applied::Done], NOW);
    let (other, message, _other_answer) = start(2);
    let changes = handle(&mut shard, vec![message, done(id, "order")], &ALL_OPEN);
    let (left, actions) = shard.unavailable(changes, "the disk is full");
    assert_eq!(left.len(), 1);
    assert_eq!(words(&actions).len(), 1);
    assert!(words(&actions)[0].contains("the disk is full"));
    let actions = shard.committed(&[Applied::Done], NOW);
    assert_eq!(words(&actions), ["answered order", "call stock 1"]);
    assert!(shard.plan(other).is_none());
}

#[test]
fn a_saga_on_which_deciding_fails_does_not_stop_the_others() {
    let mut shard = Shard::new(1, Bounds::default());
    let (sick, message, _answer) = start(1);
    handle(&mut shard, vec![message], &ALL_OPEN);
    shard.committed(&[Applied::Done], NOW);
    let (_, message, _other_answer) = start(2);
    let fails = Open {
        fails_at: Some("stock"),
    };
    let changes = handle(&mut shard, vec![done(sick, "order"), message], &fails);
    assert_eq!(changes.len(), 1);
    let actions = shard.committed(&[Applied::Done], NOW);
    assert_eq!(words(&actions), ["call order 1", "accepted"]);
    assert!(shard.plan(sick).is_none());
}

#[test]
fn an_input_for_nobody_is_answered_so() {
    let mut shard = Shard::new(1, Bounds::default());
    let id = Id::new(1, 2, 3);
    let (reply, mut answer) = oneshot::channel();
    let input = Input::asked(Ask::Cancel, "r", "a");
    shard.give(id, Loaded::Absent);
    let changes = handle(
        &mut shard,
        vec![Message::Input {
            id,
            input,
            reply: Some(reply),
        }],
        &ALL_OPEN,
    );
    assert!(changes.is_empty());
    for action in shard.committed(&[], NOW) {
        if let Action::InputReply(reply, answer) = action {
            reply.send(*answer).unwrap();
        }
    }
    assert!(matches!(answer.try_recv(), Ok(Err(NotTaken::NoSuchSaga))));
}

#[test]
fn near_wakes_come_on_time_and_those_without_room_are_let_go() {
    let mut shard = Shard::new(1, Bounds::default());
    let (id, soon) = (Id::new(1, 2, 3), Timestamp(NOW.0 + 1_000));
    let wake = || Message::Wake { id, at: soon };
    assert_eq!(
        shard.missing(&wake(), NOW),
        None,
        "it is not loaded before its time"
    );
    handle(&mut shard, vec![wake()], &ALL_OPEN);
    shard.committed(&[], NOW);
    assert_eq!(shard.next_wake(), Some(soon));
    assert!(shard.due(NOW, 10, true).is_empty());
    assert!(
        shard.due(soon, 10, false).is_empty(),
        "no room: the store still has it"
    );
    assert_eq!(shard.next_wake(), None);
}

/// A shard with as many sagas as this, each parked at its first step.
fn with_parked(bounds: Bounds, count: u64) -> (Shard, Vec<Id>) {
    let mut shard = Shard::new(1, bounds);
    let mut ids = Vec::new();
    for number in 0..count {
        let (id, message, _answer) = start(number);
        handle(&mut shard, vec![message], &Closed);
        let actions = shard.committed(&[Applied::Done], NOW);
        assert_eq!(words(&actions), ["parked", "accepted"]);
        ids.push(id);
    }
    (shard, ids)
}

#[test]
fn waiting_sagas_are_held_up_to_their_bound_but_never_let_go_within_a_batch() {
    let bounds = Bounds {
        idle_sagas: 4,
        ..Bounds::default()
    };
    let (mut shard, ids) = with_parked(bounds, 9);
    assert_eq!((shard.active(), shard.held()), (0, 4));
    let held: Vec<Id> = ids
        .into_iter()
        .filter(|id| shard.plan(*id).is_some())
        .collect();
    // The newcomers settle first, and there is room for four of all these.
    let mut messages = Vec::new();
    let mut answers = Vec::new();
    for number in 100..104 {
        let (_, message, answer) = start(number);
        messages.push(message);
        answers.push(answer);
    }
    for id in held {
        let (reply, _answer) = oneshot::channel();
        let input = Input::asked(Ask::Cancel, "r", "a");
        let reply = Some(reply);
        messages.push(Message::Input { id, input, reply });
    }
    let changes = handle(&mut shard, messages, &Closed);
    assert_eq!(changes.len(), 8);
    let actions = shard.committed(&[Applied::Done; 8], NOW);
    let taken = words(&actions)
        .iter()
        .filter(|word| *word == "taken")
        .count();
    assert_eq!(taken, 4);
    assert_eq!((shard.active(), shard.held()), (0, 4));
}

#[test]
fn what_was_loaded_for_nothing_is_not_kept() {
    let bounds = Bounds {
        idle_sagas: 0,
        ..Bounds::default()
    };
    let store = Store::new("store");
    let (mut writer, reader) = store.open();
    let mut shard = Shard::new(1, bounds);
    let (id, message, _answer) = start(1);
    let changes = handle(&mut shard, vec![message], &Closed);
    let applied = writer.commit(&changes).unwrap().applied;
    shard.committed(&applied, NOW);
    assert_eq!(shard.held(), 0);
    let stored = reader.load(id).unwrap().unwrap();
    shard.give(id, fold(&stored, plan()));
    assert!(handle(&mut shard, Vec::new(), &ALL_OPEN).is_empty());
    shard.committed(&[], NOW);
    assert_eq!(shard.held(), 0);
}
