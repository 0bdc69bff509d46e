//! Replies on their way to the engine, and what must hold of them: each is sent until it was
//! taken, and one that was taken takes effect once (I-25), whatever was lost, came twice or came
//! from nobody.

use crate::check::{Checked, hold};
use crate::family::All;
use crate::report::Figures;
use crate::run::{Event, Run};
use crate::slow::{Letter, Manner};
use banyan_core::saga::{Entry, Leg, Record, Rejection, Reply, ReplyOutcome, Saga};
use banyan_engine::ReplyTokens;
use banyan_engine::shard::{InputReply, Message, NotTaken};
use serde_json::json;
use std::collections::BTreeMap;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

/// An answer to a letter that is on its way.
#[derive(Debug)]
pub(crate) struct Acknowledgement {
    letter: usize,
    done: bool,
    waiting: oneshot::Receiver<InputReply>,
}

/// How long a service waits before it sends a letter again.
const AGAIN_MS: u64 = 9_000;

impl Run {
    /// What the services have posted leaves.
    pub(crate) fn send_letters(&mut self) {
        for (after, number) in std::mem::take(&mut self.services.slow.posted) {
            self.after(after, Event::Letter(number));
        }
        for name in std::mem::take(&mut self.services.slow.seen) {
            self.figures.fault(name);
        }
    }

    /// A service sends a letter, unless it knows that it was taken.
    pub(crate) fn letter(&mut self, number: usize) -> Checked {
        let letter = self.services.slow.letters[number].clone();
        if letter.settled {
            return Ok(());
        }
        // It does now what it says that it has done.
        let done =
            letter.done && (self.services.happen(&letter.errand) || letter.errand.leg != Leg::Do);
        self.services.slow.letters[number].done = done;
        if letter.contrary && done {
            let of_do = letter.errand.do_key.clone();
            self.services.recanted.insert(of_do);
        }
        self.note("letter", (number, done));
        self.after(AGAIN_MS, Event::Letter(number));
        if self.node.is_none() {
            return Ok(());
        }
        if !self.services.healed && self.random.chance(10) {
            self.figures.fault("reply_lost_on_its_way");
            return Ok(());
        }
        self.forge(&letter)?;
        let twice = letter.manner == Manner::Doubled || self.random.chance(5);
        for _ in 0..=usize::from(twice) {
            self.deliver(number, &letter, done);
        }
        Ok(())
    }

    fn deliver(&mut self, number: usize, letter: &Letter, done: bool) {
        let tokens = &self.tokens;
        let errand = &letter.errand;
        let token = tokens.token(errand.saga, &errand.step, errand.leg, letter.round);
        let Some((id, input)) = tokens.input(&token, reply(done)) else {
            panic!("I-25: a token of this store is not known");
        };
        let (answer, waiting) = oneshot::channel();
        if let Some(node) = &mut self.node {
            let reply = Some(answer);
            node.send(Message::Input { id, input, reply }, id);
        }
        let letter = number;
        self.acknowledgements.push(Acknowledgement {
            letter,
            done,
            waiting,
        });
    }

    /// Somebody who has no token tries to settle the same call.
    fn forge(&mut self, letter: &Letter) -> Checked {
        if !self.random.chance(10) {
            return Ok(());
        }
        self.figures.fault("reply_forged");
        let errand = &letter.errand;
        let other = ReplyTokens::new(&[9; 32]);
        let (step, leg, round) = (&errand.step, errand.leg, letter.round);
        let foreign = other.token(errand.saga, step, leg, round);
        let own = self.tokens.token(errand.saga, step, leg, round);
        let (named, tag) = own.split_once('.').unwrap_or_default();
        let (of_other, _) = foreign.split_once('.').unwrap_or_default();
        let last = if tag.starts_with('A') { "B" } else { "A" };
        let changed = format!("{of_other}.{last}{}", tag.get(1..).unwrap_or_default());
        for token in [foreign, changed, named.to_owned(), String::new()] {
            let known = self.tokens.input(&token, reply(true)).is_some();
            hold(&mut self.figures, 25, !known, || {
                format!("{token} was taken for a token")
            })?;
        }
        // A round that has not begun yet: nobody can have its token.
        let token = self.tokens.token(errand.saga, step, leg, round + 1_000);
        if let (Some((id, input)), Some(node)) =
            (self.tokens.input(&token, reply(true)), &mut self.node)
        {
            node.send(
                Message::Input {
                    id,
                    input,
                    reply: None,
                },
                id,
            );
        }
        Ok(())
    }

    /// Services read what became of their letters.
    pub(crate) fn read_acknowledgements(&mut self) -> Checked {
        for mut one in std::mem::take(&mut self.acknowledgements) {
            match one.waiting.try_recv() {
                Err(TryRecvError::Empty) => self.acknowledgements.push(one),
                // The process died, or its answer is lost: the letter is sent again.
                Err(TryRecvError::Closed) => self.figures.fault("reply_unacknowledged"),
                Ok(_) if !self.services.healed && self.random.chance(8) => {
                    self.figures.fault("reply_unacknowledged");
                }
                Ok(answer) => self.acknowledged(&one, &answer)?,
            }
        }
        Ok(())
    }

    fn acknowledged(&mut self, one: &Acknowledgement, answer: &InputReply) -> Checked {
        let number = one.letter;
        let letter = &mut self.services.slow.letters[number];
        let kind = match answer {
            Ok(answer) if answer.replayed => "reply_replayed",
            Ok(_) if letter.contrary && one.done => "reply_done_after_refused",
            Ok(_) => "reply_taken",
            Err(NotTaken::Rejected(Rejection::AlreadySettled { .. })) => "reply_refused_after_done",
            Err(NotTaken::Refused(_)) => return Ok(()),
            Err(_) => "",
        };
        // Only who contradicts what it said before is told that it is settled.
        let settled = kind == "reply_refused_after_done";
        let in_order = !kind.is_empty() && (!settled || (letter.contrary && !one.done));
        let story = || format!("{letter:?} was answered {answer:?}");
        hold(&mut self.figures, 25, in_order, story)?;
        let first = !std::mem::replace(&mut letter.settled, true);
        self.figures.fault(kind);
        let letter = letter.clone();
        self.history
            .letters
            .push((letter, one.done, answer.is_ok()));
        if first {
            self.services.slow.contradict(number, &mut self.random);
            self.send_letters();
        }
        Ok(())
    }
}

fn reply(done: bool) -> Reply {
    let words = json!({ "id": "x-1", "ok": true, "message": "told later" });
    if done {
        Reply::Done { result: words }
    } else {
        Reply::Refused { error: words }
    }
}

/// A letter with what it said, and whether that was taken.
pub(crate) type Told = (Letter, bool, bool);

/// I-25 over every letter that was answered and over every journal.
pub(crate) fn took_effect_once(all: &All, letters: &[Told], figures: &mut Figures) -> Checked {
    for (saga, journal) in all.values() {
        recorded_once(saga, journal, figures)?;
    }
    for (letter, done, taken) in letters {
        let Some((saga, journal)) = all.get(&letter.errand.saga) else {
            continue;
        };
        if *taken {
            is_known(saga, journal, (letter, *done), figures)?;
        }
    }
    Ok(())
}

/// What a service says twice is recorded once, and nothing is refused that was done.
fn recorded_once(saga: &Saga, journal: &[Entry], figures: &mut Figures) -> Checked {
    let mut known: BTreeMap<(&str, Leg, u32), Vec<ReplyOutcome>> = BTreeMap::new();
    let mut flying: BTreeMap<(&str, Leg), bool> = BTreeMap::new();
    let mut given_up: Vec<(&str, Leg)> = Vec::new();
    let mut ended = false;
    for entry in journal {
        match &entry.record {
            Record::AttemptStarted { step, leg, .. } => {
                flying.insert((step, *leg), true);
            }
            Record::AttemptEnded { step, leg, .. } => {
                flying.insert((step, *leg), false);
            }
            Record::NoReply { step, leg, .. } => given_up.push((step, *leg)),
            Record::Compensated | Record::Completed { .. } => ended = true,
            Record::ReplyReceived {
                step,
                leg,
                round,
                outcome,
                next,
                ..
            } => {
                let said = known.entry((step, *leg, *round)).or_default();
                let new = !said.contains(outcome) && !said.contains(&ReplyOutcome::Done);
                hold(figures, 25, new, || {
                    format!(
                        "{}: {outcome:?} after {said:?} of {step}\n{}",
                        saga.id,
                        saga.draw()
                    )
                })?;
                said.push(*outcome);
                let flies = flying.get(&(step.as_str(), *leg)) == Some(&true);
                count(figures, "effect_early", flies && next.is_some());
                count(figures, "effect_of_do", *leg == Leg::Do && next.is_some());
                count(
                    figures,
                    "effect_of_undo",
                    *leg == Leg::Undo && next.is_some(),
                );
                count(
                    figures,
                    "effect_of_confirm",
                    *leg == Leg::Confirm && next.is_some(),
                );
                count(
                    figures,
                    "reply_after_its_time",
                    given_up.contains(&(step, *leg)),
                );
                count(figures, "reply_after_the_end", ended);
            }
            // Who is asked again may say no again.
            Record::Retried { step, leg, .. } => {
                known.retain(|(of, which, _), _| *of != step || which != leg);
            }
            Record::Reopened { .. } => figures.fault("reopened"),
            _ => {}
        }
    }
    Ok(())
}

fn count(figures: &mut Figures, name: &'static str, seen: bool) {
    if seen {
        figures.fault(name);
    }
}

/// A reply that was taken stands in the journal, unless its saga had ended and it changes
/// nothing any more.
fn is_known(
    saga: &Saga,
    journal: &[Entry],
    (letter, done): (&Letter, bool),
    figures: &mut Figures,
) -> Checked {
    let wanted = if done {
        ReplyOutcome::Done
    } else {
        ReplyOutcome::Refused
    };
    let errand = &letter.errand;
    let is_it = |record: &Record| {
        matches!(record, Record::ReplyReceived { step, leg, round, outcome, .. }
            if *step == errand.step && *leg == errand.leg && *round == letter.round && *outcome == wanted)
    };
    let stands = journal.iter().any(|entry| is_it(&entry.record));
    let was_over = saga.status().is_rest() || saga.reopened > 0;
    hold(figures, 25, stands || was_over, || {
        format!(
            "{}: {letter:?} was taken and is nowhere\n{}",
            saga.id,
            saga.draw()
        )
    })
}
