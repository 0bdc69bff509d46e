//! The invariants that are held while a run goes on, against the store and the history. What
//! must add up once everything rests stands in `ledgers`.

use crate::followed::Followed;
use crate::history::History;
use crate::plans::before;
use crate::report::Figures;
use banyan_core::Timestamp;
use banyan_core::definition::Undo;
use banyan_core::id::Id;
use banyan_core::route::ON_END_NAME;
use banyan_core::saga::{
    Effect, Entry, Hold, Leg, Meaning, Outcome, Plan, Record, Saga, State, Status,
};
use banyan_store::Reader;
use banyan_store::memory::MemoryReader;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A promise that was broken.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The guarantee's number.
    pub invariant: u32,
    /// What was seen.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "I-{} is broken: {}", self.invariant, self.message)
    }
}

/// A check's answer.
pub(crate) type Checked = Result<(), Violation>;

pub(crate) fn hold(
    figures: &mut Figures,
    invariant: u32,
    holds: bool,
    message: impl FnOnce() -> String,
) -> Checked {
    figures.held(invariant);
    if holds {
        Ok(())
    } else {
        Err(Violation {
            invariant,
            message: message(),
        })
    }
}

/// A saga whose journal grew: the stored row and journal agree, and say nothing forbidden.
pub(crate) fn committed(
    id: Id,
    plans: &Vec<Arc<Plan>>,
    reader: &MemoryReader,
    history: &mut History,
    figures: &mut Figures,
    now: Timestamp,
) -> Checked {
    let followed = match history.sagas.look(id, plans, reader) {
        Ok(Some(followed)) => followed,
        // A start whose key was taken left nothing.
        Ok(None) => return Ok(()),
        Err(error) => return hold(figures, 5, false, || format!("{id}: {error}")),
    };
    let Ok(Some(row)) = reader.row(id) else {
        return hold(figures, 5, false, || {
            format!("{id} has a journal and no row")
        });
    };
    let (saga, journal) = (&followed.saga, &followed.journal);
    let agree = saga.seq == row.seq && saga.status() == row.status && saga.reason == row.reason;
    hold(figures, 5, agree, || {
        format!(
            "{id}: the row says {:?}, the journal {:?}",
            row.status,
            saga.status()
        )
    })?;
    let open = matches!(row.status, Status::Running | Status::Compensating);
    let wakes = row.wake_at.is_some() && saga.wake_at(now).is_some();
    hold(figures, 9, !open || wakes, || {
        format!("{id} is {:?} with no wake\n{}", row.status, saga.draw())
    })?;
    let seen = history.seqs.insert(id, row.seq).unwrap_or(0);
    hold(figures, 5, seen <= row.seq, || {
        format!("{id}: its journal shrank from {seen} to {}", row.seq)
    })?;
    if let Some(reason) = &saga.reason {
        let first = history.reasons.entry(id).or_insert_with(|| reason.clone());
        let same = first == reason;
        hold(figures, 7, same, || {
            format!("{id}: its reason changed to {reason:?}")
        })?;
    }
    one_holds(saga, plans, reader, history, figures)?;
    for entry in journal.iter().filter(|entry| entry.seq > seen) {
        lost_is_unknown(id, entry, history, figures)?;
    }
    directions(id, journal, seen, figures)?;
    let current = history.current.entry(id).or_default();
    fenced(id, journal, (seen, current), figures)
}

/// It waits for a lock that a stuck saga keeps: only a person moves either.
pub(crate) fn waits_behind_stuck(id: Id, reader: &MemoryReader) -> bool {
    let place = reader.lock(id).ok().flatten();
    let first = place.and_then(|place| reader.row(place.first).ok().flatten());
    first.is_some_and(|first| first.id != id && first.status == Status::Stuck)
}

/// Nothing moves any more but patrols of those who wait behind stuck sagas.
pub(crate) fn only_lines_are_left(reader: &MemoryReader) -> bool {
    let filter = banyan_store::Filter {
        status: vec![Status::Running, Status::Compensating],
        ..banyan_store::Filter::default()
    };
    let open = reader.list(&filter, None, usize::MAX).unwrap_or_default();
    if !open.iter().all(|row| waits_behind_stuck(row.id, reader)) {
        return false;
    }
    let ended = banyan_store::Filter {
        status: vec![Status::Completed, Status::Compensated, Status::Abandoned],
        ..banyan_store::Filter::default()
    };
    let ended = reader.list(&ended, None, usize::MAX).unwrap_or_default();
    ended.iter().all(|row| row.wake_at.is_none())
}

/// I-44: of all that are not at rest one at most holds a value.
fn one_holds(
    saga: &Saga,
    plans: &Vec<Arc<Plan>>,
    reader: &MemoryReader,
    history: &mut History,
    figures: &mut Figures,
) -> Checked {
    let Some(lock) = &saga.lock else {
        return Ok(());
    };
    let place = (saga.plan.definition.name.clone(), lock.value.clone());
    let holds = |saga: &Saga| {
        let holds = saga.lock.as_ref().map(|lock| lock.hold) == Some(Hold::Holds);
        holds && !saga.status().is_rest()
    };
    // What a process committed before it died, nobody has looked at: the store knows.
    let known = history.holders.get(&place).copied();
    let holder = known.filter(|id| {
        let followed = history.sagas.look(*id, plans, reader).ok().flatten();
        followed.is_some_and(|followed| holds(&followed.saga))
    });
    if holds(saga) {
        hold(figures, 44, holder.is_none_or(|id| id == saga.id), || {
            format!("{} took the lock that {holder:?} holds", saga.id)
        })?;
        history.holders.insert(place, saga.id);
    } else if holder == Some(saga.id) {
        history.holders.remove(&place);
    }
    Ok(())
}

/// I-16: an attempt whose answer is lost may have happened.
fn lost_is_unknown(id: Id, entry: &Entry, history: &History, figures: &mut Figures) -> Checked {
    let Record::AttemptEnded {
        step,
        leg,
        attempt,
        meaning,
        ..
    } = &entry.record
    else {
        return Ok(());
    };
    if !history.lost.contains(&(id, step.clone(), *leg, *attempt)) {
        return Ok(());
    }
    hold(figures, 16, *meaning == Meaning::MayHave, || {
        format!("{id}: the lost answer to attempt {attempt} of {step} was taken for {meaning:?}")
    })
}

/// I-19 and I-20: nothing forward after the turn, no turn after the pivot.
fn directions(id: Id, journal: &[Entry], seen: u64, figures: &mut Figures) -> Checked {
    let turned = journal
        .iter()
        .find(|entry| matches!(entry.record, Record::TurnedBack { .. }));
    let Some(turned) = turned else { return Ok(()) };
    let first = turned.seq.max(seen);
    for entry in journal.iter().filter(|entry| entry.seq > first) {
        if let Record::AttemptStarted { step, leg, .. } = &entry.record {
            // What was accepted is asked about until it is decided, as its file says.
            let forward = matches!(leg, Leg::Do | Leg::Confirm) && step != ON_END_NAME;
            hold(figures, 19, !forward, || {
                format!("{id}: {step} started forward after the saga turned back")
            })?;
        }
    }
    Ok(())
}

/// I-22: only the attempt that is current ends.
fn fenced(
    id: Id,
    journal: &[Entry],
    (seen, current): (u64, &mut BTreeMap<(String, Leg), u32>),
    figures: &mut Figures,
) -> Checked {
    for entry in journal.iter().filter(|entry| entry.seq > seen) {
        match &entry.record {
            Record::AttemptStarted {
                step, leg, attempt, ..
            } => {
                current.insert((step.clone(), *leg), *attempt);
            }
            Record::AttemptEnded {
                step, leg, attempt, ..
            } => {
                let known = current.remove(&(step.clone(), *leg));
                hold(figures, 22, known == Some(*attempt), || {
                    format!(
                        "{id}: the answer to attempt {attempt} of {step} counted while {known:?} was current"
                    )
                })?;
            }
            // A reply settles its leg, and so does a person: the answer that is still on its way
            // is a note.
            Record::ReplyReceived {
                step,
                leg,
                next: Some(_),
                ..
            }
            | Record::Settled {
                step,
                leg,
                next: Some(_),
                ..
            } => {
                current.remove(&(step.clone(), *leg));
                if *leg == Leg::Do {
                    current.remove(&(step.clone(), Leg::Check));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A call leaves: its intent is durable, under the key of its round, after what it depends on.
pub(crate) fn launched(
    id: Id,
    effect: &Effect,
    plans: &Vec<Arc<Plan>>,
    reader: &MemoryReader,
    history: &mut History,
    figures: &mut Figures,
) -> Checked {
    let followed = history.sagas.look(id, plans, reader).ok().flatten();
    let journal = followed
        .as_ref()
        .map(|followed| followed.journal.as_slice());
    let journal = journal.unwrap_or_default();
    let intent = journal.iter().rev().find_map(|entry| match &entry.record {
        Record::AttemptStarted {
            step,
            leg,
            round,
            attempt,
            ..
        } if *step == effect.step && *leg == effect.leg && *attempt == effect.attempt => {
            Some(*round)
        }
        _ => None,
    });
    hold(figures, 13, intent.is_some(), || {
        format!("{id}: {} was called without an intent", effect.step)
    })?;
    let round = intent.unwrap_or(0);
    let place = (id, effect.step.clone(), effect.leg, round);
    let key = history
        .keys
        .entry(place)
        .or_insert_with(|| effect.request.key.clone());
    let same = *key == effect.request.key;
    hold(figures, 14, same, || {
        format!(
            "{id}: round {round} of {} changed its key to {}",
            effect.step, effect.request.key
        )
    })?;
    history
        .launched
        .insert((id, effect.step.clone(), effect.leg, effect.attempt));
    let Some(Followed { saga, .. }) = followed.as_deref() else {
        return Ok(());
    };
    if saga.lock.is_some() {
        let moves = !saga.waits_for_lock() || saga.status().is_rest();
        hold(figures, 44, moves, || {
            format!(
                "{id}: {} is called and its lock is not held\n{}",
                effect.step,
                saga.draw()
            )
        })?;
    }
    match effect.leg {
        Leg::Do if effect.step == ON_END_NAME => hold(figures, 15, saga.status().is_rest(), || {
            format!("{id}: its end was told before it came")
        }),
        Leg::Do => depends_on_done(saga, effect, figures),
        Leg::Undo => undoes_what_may_be(saga, effect, figures),
        Leg::Check => Ok(()),
        Leg::Confirm => confirms_what_is_done(saga, effect, figures),
    }
}

/// I-15: what comes before it on its path is over.
fn depends_on_done(saga: &Saga, effect: &Effect, figures: &mut Figures) -> Checked {
    let Some(route) = saga.plan.index.by_path(&effect.step) else {
        return Ok(());
    };
    for earlier in before(saga, &route) {
        let skipped_group =
            (1..earlier.len()).any(|depth| saga.state(&earlier[..depth]).state == State::Skipped);
        let over = matches!(
            saga.state(&earlier).state,
            State::Skipped | State::Ended(Outcome::Done | Outcome::Refused)
        );
        hold(figures, 15, over || skipped_group, || {
            format!(
                "{}: {} started before {} was over\n{}",
                saga.id,
                effect.step,
                saga.spot(&earlier).path(),
                saga.draw()
            )
        })?;
    }
    Ok(())
}

/// I-15 and I-20: a confirm runs for what is done, in a saga that goes forward.
fn confirms_what_is_done(saga: &Saga, effect: &Effect, figures: &mut Figures) -> Checked {
    let Some(route) = saga.plan.index.by_path(&effect.step) else {
        return Ok(());
    };
    let done = saga.state(&route).state == State::Ended(Outcome::Done);
    hold(figures, 15, done, || {
        format!("{}: {} is confirmed and not done", saga.id, effect.step)
    })?;
    hold(figures, 20, saga.reason.is_none(), || {
        format!("{}: {} is confirmed on the way back", saga.id, effect.step)
    })
}

/// I-17 and I-18: an undo runs for what may have happened, after what came later is undone.
fn undoes_what_may_be(saga: &Saga, effect: &Effect, figures: &mut Figures) -> Checked {
    let Some(route) = saga.plan.index.by_path(&effect.step) else {
        return Ok(());
    };
    let may_be = matches!(
        saga.state(&route).state,
        State::Ended(Outcome::Done | Outcome::Unknown)
    );
    hold(figures, 17, may_be, || {
        format!("{}: {} is undone and never happened", saga.id, effect.step)
    })?;
    let undone = saga.state(&route);
    // Nothing started because of what came late, or of a signal that nobody took.
    if saga.reopened > 0 || undone.late || undone.signal.is_some() {
        return Ok(());
    }
    let mut wrong = None;
    saga.each_state(&mut |at, state| {
        if state.signal.is_some() {
            return;
        }
        let happened = matches!(state.state, State::Ended(Outcome::Done | Outcome::Unknown));
        // A late effect may come when what is before it is being undone already (rule 6).
        let stands = happened
            && matches!(at.step.undo, Undo::Call(_))
            && state.undone.is_none()
            && !state.late;
        if stands && before(saga, at.route).contains(&route) {
            wrong = Some(at.path());
        }
    });
    hold(figures, 18, wrong.is_none(), || {
        format!(
            "{}: {} is undone before {wrong:?}\n{}",
            saga.id,
            effect.step,
            saga.draw()
        )
    })
}
