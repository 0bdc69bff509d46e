//! The hand: a person who mends. At random moments, and whenever everything else rests, they
//! retry, settle, undo, give up, cancel and note; some look away first and name a record that is
//! no longer the last, some ask twice, some ask for what is not allowed.
//!
//! What they settle is true, as `evidence` has it. A verb that was refused must leave no record
//! (I-6), and in the end nothing is stuck (I-8).

use crate::check::{self, Checked, hold};
use crate::client::Told;
use crate::family::All;
use crate::followed::Followed;
use crate::node::Node;
use crate::report::Figures;
use crate::run::Run;
use banyan_core::id::Id;
use banyan_core::saga::{
    Ask, Asked, Entry, Input, Leg, Record, Rejection, Retry, Saga, Settlement, Status, Verb,
};
use banyan_engine::shard::{InputReply, Message, NotTaken};
use banyan_store::{Filter, Reader};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

/// Rounds at rest while services still fail.
const FAULTY_ROUNDS: u32 = 2;
/// Steps of such a round.
const FAULTY_STEPS: u64 = 400;
/// Steps after which everything must rest where all is well.
const SOUND_STEPS: u64 = 20_000;
/// Rounds after which they stop trying this and that, and say what is so.
const PATIENCE: u32 = 5;
/// Rounds after which they give up what nothing mends.
const HOPE: u32 = 15;
/// Rounds after which nothing may be stuck any more.
const MOST_ROUNDS: u32 = 30;

/// Something that was asked for.
#[derive(Clone, Debug)]
struct Wish {
    saga: Id,
    verb: Verb,
    /// Nobody else asks under this name: what it left can be found.
    actor: String,
    /// The record that it names as the last, if it names one.
    expected: Option<u64>,
    /// That record is no longer the last.
    stale: bool,
    /// What became of it.
    fate: Fate,
}

/// What became of what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Nothing is known, or it had been done before.
    Unknown,
    /// The process died before it answered.
    Unanswered,
    /// It was taken.
    Taken,
    /// It was refused.
    Refused,
}

/// The person, and what they know.
#[derive(Debug, Default)]
pub(crate) struct Hand {
    wishes: Vec<Wish>,
    waiting: Vec<(usize, oneshot::Receiver<InputReply>)>,
}

impl Run {
    /// They look at one saga, at one that is stuck if there is one.
    pub(crate) fn lend_a_hand(&mut self) {
        let mut some = self.sagas();
        if some.iter().any(|known| is_stuck(&known.saga)) && !self.random.chance(30) {
            some.retain(|known| is_stuck(&known.saga));
        }
        if !some.is_empty() {
            let known = Arc::clone(self.random.pick(&some));
            self.help(&known, 0);
        }
    }

    /// Everything else rests. They look at what is stuck, and at some that are completed, until
    /// nothing is stuck.
    pub(crate) fn tend(&mut self) -> Checked {
        let rounds = if self.services.healed {
            MOST_ROUNDS
        } else {
            FAULTY_ROUNDS
        };
        for round in 0..rounds {
            let mut busy = false;
            for known in self.sagas() {
                let saga = &known.saga;
                let undoes = saga.status() == Status::Completed && self.random.chance(4);
                if is_stuck(saga) || (undoes && round == 0) {
                    busy = true;
                    self.help(&known, round);
                }
            }
            if !busy {
                return Ok(());
            }
            self.go_on()?;
        }
        Ok(())
    }

    /// Things happen until everything rests. A service that fails may be asked for ever, one
    /// that is well may not (I-8).
    pub(crate) fn go_on(&mut self) -> Checked {
        let healed = self.services.healed;
        let steps = if healed { SOUND_STEPS } else { FAULTY_STEPS };
        let most = self.figures.events + steps;
        while self.figures.events < most {
            let looks = self.figures.events.is_multiple_of(50);
            if !self.step()? || (looks && self.only_lines_are_left()) {
                return Ok(());
            }
        }
        let sagas = if healed { self.sagas() } else { Vec::new() };
        hold(&mut self.figures, 8, !healed, || {
            let open = sagas.iter().map(|known| &known.saga);
            let open = open.filter(|saga| !saga.status().is_rest());
            let drawn: Vec<String> = open.map(Saga::draw).collect();
            format!("faults stopped and it does not rest\n{}", drawn.join("\n"))
        })
    }

    /// Whoever still moves waits behind one that is stuck.
    fn only_lines_are_left(&self) -> bool {
        let node = self.node.as_ref().filter(|node| node.busy().is_none());
        let told = self
            .clients
            .iter()
            .all(|client| client.told != Told::Nothing);
        let heard = |node: &Node| {
            node.reader
                .messages(None, 1)
                .is_ok_and(|owed| owed.is_empty())
        };
        let lines = |node: &Node| heard(node) && check::only_lines_are_left(&node.reader);
        told && node.is_some_and(lines)
    }

    /// Every saga, with its journal.
    pub(crate) fn sagas(&mut self) -> Vec<Arc<Followed>> {
        let Some(node) = &self.node else {
            return Vec::new();
        };
        let rows = node.reader.list(&Filter::default(), None, 100_000);
        let rows = rows.unwrap_or_default().into_iter();
        let known = &mut self.history.sagas;
        let look = |id: Id| known.look(id, &self.plans, &node.reader).ok().flatten();
        rows.map(|row| row.id).filter_map(look).collect()
    }

    /// They ask for something of a saga: some twice, some of a saga that has changed since.
    fn help(&mut self, known: &Followed, round: u32) {
        let Some(what) = self.what_helps(&known.saga, &known.journal, round) else {
            return;
        };
        let (id, seq) = (known.saga.id, known.saga.seq);
        self.note("verb", (id.to_string(), what.verb().as_str()));
        let stale = self.random.chance(6);
        let expected = (stale || self.random.chance(40)).then_some(seq - u64::from(stale));
        let twice = self.random.chance(8);
        for _ in 0..=usize::from(twice) {
            self.ask_for(id, what.clone(), expected, stale);
        }
        if !self.services.healed && self.random.chance(12) {
            self.doom();
            self.strikes = true;
        }
    }

    fn ask_for(&mut self, id: Id, what: Ask, expected: Option<u64>, stale: bool) {
        let Some(node) = &mut self.node else { return };
        let actor = format!("ann-{}", self.hand.wishes.len());
        let (answer, waiting) = oneshot::channel();
        self.hand.waiting.push((self.hand.wishes.len(), waiting));
        self.hand.wishes.push(Wish {
            saga: id,
            verb: what.verb(),
            actor: actor.clone(),
            expected,
            stale,
            fate: Fate::Unknown,
        });
        let input = Input::Asked(Box::new(Asked {
            what,
            reason: "a mend".into(),
            actor,
            expected_seq: expected,
            operation: None,
        }));
        let reply = Some(answer);
        node.send(Message::Input { id, input, reply }, id);
    }

    /// What they ask for, of a saga as it is.
    fn what_helps(&mut self, saga: &Saga, journal: &[Entry], round: u32) -> Option<Ask> {
        if round > HOPE {
            return Some(Ask::Abandon);
        }
        let completed = saga.status() == Status::Completed && !is_stuck(saga);
        let drawn = if round > PATIENCE {
            50 + self.random.below(50)
        } else {
            self.random.below(100)
        };
        Some(match drawn {
            0..5 => Ask::Note {
                text: Some("seen".into()),
                owner: Some("ann".into()),
            },
            5..8 => Ask::Abandon,
            8..14 => Ask::Cancel,
            14..20 => Ask::Undo,
            20.. if completed => Ask::Undo,
            20..55 => self.again(saga),
            _ => match self.word(saga, journal) {
                Some(settle) => Ask::Settle(settle),
                None => self.again(saga),
            },
        })
    }

    /// Everything again, or one leg, some with another body.
    fn again(&mut self, saga: &Saga) -> Ask {
        let mut legs = Vec::new();
        saga.each_state(&mut |at, _| {
            for leg in Leg::ALL {
                let path = at.path();
                if saga.helping(&path, leg).contains(&Verb::Retry) {
                    legs.push((path, leg));
                }
            }
        });
        if legs.is_empty() || self.random.chance(50) {
            return Ask::Retry(Retry::default());
        }
        let (step, leg) = self.random.pick(&legs).clone();
        let body = self.random.chance(15).then(|| json!({ "mended": true }));
        Ask::Retry(Retry {
            step: Some(step),
            leg: self.random.chance(70).then_some(leg),
            body,
        })
    }
}

fn is_stuck(saga: &Saga) -> bool {
    // A completed saga too may have to undo what it heard of late.
    saga.status() != Status::Abandoned && saga.has_stuck()
}

impl Run {
    /// They read what became of what they asked for.
    pub(crate) fn read_verbs(&mut self) -> Checked {
        for (number, mut waiting) in std::mem::take(&mut self.hand.waiting) {
            let answer = match waiting.try_recv() {
                Err(TryRecvError::Empty) => {
                    self.hand.waiting.push((number, waiting));
                    continue;
                }
                Err(TryRecvError::Closed) => {
                    self.hand.wishes[number].fate = Fate::Unanswered;
                    continue;
                }
                Ok(answer) => answer,
            };
            let wish = &mut self.hand.wishes[number];
            let (kind, fate) = match &answer {
                Ok(answer) if answer.replayed => ("replayed", Fate::Unknown),
                Ok(_) => ("taken", Fate::Taken),
                Err(NotTaken::Rejected(Rejection::ChangedSince { .. })) => {
                    ("changed_since", Fate::Refused)
                }
                Err(NotTaken::Rejected(Rejection::NotAllowedNow { .. })) => {
                    ("not_allowed", Fate::Refused)
                }
                Err(NotTaken::Rejected(Rejection::UnknownStep { .. }) | NotTaken::Refused(_)) => {
                    ("refused", Fate::Refused)
                }
                Err(_) => ("", Fate::Unknown),
            };
            wish.fate = fate;
            let known = !kind.is_empty();
            let right = known && (!wish.stale || kind == "changed_since");
            hold(&mut self.figures, 6, right, || {
                format!("{wish:?} was answered {answer:?}")
            })?;
            self.figures.verb(wish.verb, kind);
        }
        Ok(())
    }
}

impl Hand {
    /// I-6 for verbs: what was taken is written down, right after the record that it named; what
    /// was refused is nowhere.
    pub(crate) fn has_its_way(&self, all: &All, figures: &mut Figures) -> Checked {
        let mut written: BTreeMap<&str, (Id, u64)> = BTreeMap::new();
        for (id, (_, journal)) in all {
            for entry in journal {
                count(&entry.record, figures);
                if let Some(actor) = actor_of(&entry.record) {
                    written.entry(actor).or_insert((*id, entry.seq));
                }
            }
        }
        for wish in &self.wishes {
            let place = written.get(wish.actor.as_str());
            let stands = place.is_some();
            let right = match wish.fate {
                Fate::Taken => stands,
                Fate::Refused => !stands,
                Fate::Unknown => true,
                Fate::Unanswered => {
                    let kind = if stands {
                        "stood_after_a_death"
                    } else {
                        "died"
                    };
                    figures.verb(wish.verb, kind);
                    true
                }
            };
            // That a saga is opened again is written down before what opens it.
            let next = |seq: u64| {
                wish.expected
                    .is_none_or(|named| (1..=2).contains(&(seq - named)))
            };
            let right = right && place.is_none_or(|(id, seq)| *id == wish.saga && next(*seq));
            hold(figures, 6, right, || {
                let drawn = all.get(&wish.saga).map(|(saga, _)| saga.draw());
                let drawn = drawn.unwrap_or_default();
                format!("{wish:?} is written down at {place:?}\n{drawn}")
            })?;
        }
        Ok(())
    }
}

/// Who asked for what a record says.
fn actor_of(record: &Record) -> Option<&str> {
    match record {
        Record::CancelRequested { actor, .. }
        | Record::Retried { actor, .. }
        | Record::Settled { actor, .. }
        | Record::Abandoned { actor, .. }
        | Record::Noted { actor, .. } => Some(actor),
        Record::TurnedBack { failure, .. } => failure.detail.get("actor")?.as_str(),
        _ => None,
    }
}

fn count(record: &Record, figures: &mut Figures) {
    match record {
        Record::Retried { fresh, body, .. } => {
            figures.fault("retried");
            if *fresh {
                figures.fault("retried_fresh");
            }
            if body.is_some() {
                figures.fault("retried_mended");
            }
        }
        Record::Settled {
            leg,
            settlement,
            late,
            ..
        } => {
            if late.is_some() {
                figures.fault("settled_late");
            }
            figures.fault(match (leg, settlement) {
                (Leg::Do | Leg::Check, Settlement::Done) => "settled_do_done",
                (Leg::Do | Leg::Check, Settlement::NotHappened) => "settled_do_not_happened",
                (Leg::Undo, Settlement::Done) => "settled_undo_done",
                (Leg::Undo, Settlement::NotHappened) => "settled_undo_not_happened",
                (Leg::Confirm, Settlement::Done) => "settled_confirm_done",
                (Leg::Confirm, Settlement::NotHappened) => "settled_confirm_not_happened",
            });
        }
        _ => {}
    }
}
