//! What must add up once everything rests: what clients were told, what the services' ledgers
//! hold and what the store says.

use crate::check::{Checked, hold};
use crate::client::{Client, Told};
use crate::evidence::keys_of;
use crate::family::{self, All};
use crate::followed::Sagas;
use crate::hand::Hand;
use crate::letters;
use crate::operator::Operator;
use crate::plans::{Source, count_keys};
use crate::report::Figures;
use crate::services::Services;
use banyan_core::definition::{Kind, Undo};
use banyan_core::route::Spot;
use banyan_core::saga::{
    Entry, Leg, Outcome, Plan, ReasonCode, Record, Saga, State, Status, UndoView,
};
use banyan_store::Reader;
use std::sync::Arc;

/// At rest: what clients were told, what the ledgers hold and what the store says agree.
pub(crate) fn rested(world: &World<'_>, figures: &mut Figures) -> Checked {
    let (reader, services) = (world.reader, world.services);
    hold(figures, 14, services.changed_bytes.is_empty(), || {
        format!("other bytes came under {:?}", services.changed_bytes)
    })?;
    let mut known = 0;
    for client in world.clients {
        let name = &client.plan.definition.name;
        let owner = reader
            .start_key("default", name, &client.key)
            .ok()
            .flatten();
        if let Told::Accepted(id) = client.told {
            let same = owner.as_ref().is_some_and(|owner| owner.id == id);
            hold(figures, 1, same, || {
                format!("{} was told {id} and the store says {owner:?}", client.key)
            })?;
            let stored = reader.load(id).ok().flatten();
            hold(figures, 4, stored.is_some(), || {
                format!("{id} was accepted and is not stored")
            })?;
        }
        hold(figures, 2, owner.is_none() || client.asked > 0, || {
            format!("{} never asked", client.key)
        })?;
        let Some(owner) = owner else { continue };
        known += 1;
        let stored = reader.load(owner.id).ok().flatten();
        hold(figures, 1, stored.is_some(), || {
            format!("{} is not stored", owner.id)
        })?;
    }
    let all = world.all();
    for (saga, journal) in all.values() {
        ended(saga, journal, services, figures)?;
        count_keys(saga, world.sources, figures);
    }
    world.followed.are_stored(&all, figures)?;
    world.operator.has_its_way(&all, figures)?;
    world.hand.has_its_way(&all, figures)?;
    let asked = all.values().filter(|(saga, _)| saga.parent.is_none());
    let asked = asked.count();
    hold(figures, 2, asked == known, || {
        format!("{asked} sagas without a parent are stored and {known} were asked for")
    })?;
    letters::took_effect_once(&all, world.letters, figures)?;
    family::agree(&all, reader, figures)
}

/// What is looked at once everything rests.
pub(crate) struct World<'a> {
    /// Who asked.
    pub(crate) clients: &'a [Client],
    /// What could be asked for.
    pub(crate) plans: &'a Vec<Arc<Plan>>,
    /// What is stored.
    pub(crate) reader: &'a dyn Reader,
    /// What was stored while it ran.
    pub(crate) followed: &'a Sagas,
    /// What happened outside.
    pub(crate) services: &'a Services,
    /// The letters that were answered.
    pub(crate) letters: &'a [letters::Told],
    /// Who moved sagas.
    pub(crate) operator: &'a Operator,
    /// Who mended what was stuck.
    pub(crate) hand: &'a Hand,
    /// What is written in the definitions.
    pub(crate) sources: &'a [Source],
}

impl World<'_> {
    fn all(&self) -> All {
        let rows = self
            .reader
            .list(&banyan_store::Filter::default(), None, 100_000);
        let mut all = All::new();
        for row in rows.unwrap_or_default() {
            let stored = self.reader.load(row.id).ok().flatten();
            if let Some(stored) = stored
                && let Ok(saga) = Saga::fold(row.id, self.plans, &stored.journal)
            {
                all.insert(row.id, (saga, stored.journal));
            }
        }
        all
    }
}

fn ended(saga: &Saga, journal: &[Entry], services: &Services, figures: &mut Figures) -> Checked {
    let status = saga.status();
    *figures.ended.entry(status.as_str()).or_default() += 1;
    // Somebody had the time to mend everything.
    let rests = status.is_rest();
    hold(figures, 8, rests, || {
        format!("{} does not rest\n{}", saga.id, saga.draw())
    })?;
    hold(figures, 7, rests, || {
        format!("{} is {}", saga.id, status.as_str())
    })?;
    if saga.waits_for_lock() && !status.is_rest() {
        // Only a person moves who stands before it: what it holds is not settled.
        return Ok(());
    }
    let turned = journal
        .iter()
        .any(|entry| matches!(entry.record, Record::TurnedBack { .. }));
    let halted = journal.iter().any(|entry| {
        matches!(
            entry.record,
            Record::CancelRequested { .. } | Record::DeadlinePassed
        )
    });
    if halted {
        let resolved = turned || saga.past_pivot || status == Status::Abandoned;
        hold(figures, 12, resolved, || {
            format!("{} was halted and went on\n{}", saga.id, saga.draw())
        })?;
    }
    // What is completed is undone as a whole, when its parent is or when somebody asks for it.
    let code = saga.reason.as_ref().map(|reason| reason.code);
    let as_a_whole = matches!(
        code,
        Some(ReasonCode::UndoneByParent | ReasonCode::UndoneByOperator)
    );
    hold(
        figures,
        20,
        !(turned && saga.past_pivot) || as_a_whole,
        || format!("{} turned back after its pivot", saga.id),
    )?;
    let mut wrong = Ok(());
    let mut told = true;
    saga.each_state(&mut |at, state| {
        if at.is_end() {
            told = matches!(state.state, State::Ended(_)) || !status.is_rest();
        } else if wrong.is_ok() && matches!(at.step.kind, Kind::Call(_)) {
            wrong = effects(saga, journal, at, state.state, services, figures);
        }
    });
    wrong?;
    hold(figures, 8, told, || {
        format!("{} ended and nobody was told\n{}", saga.id, saga.draw())
    })?;
    signals(saga, journal, services, figures)
}

/// I-25 and rule 6: a signal of a wait with an undo was taken once, or undone once.
fn signals(saga: &Saga, journal: &[Entry], services: &Services, figures: &mut Figures) -> Checked {
    let definition = &saga.plan.definition;
    let mut undoable = saga
        .signals
        .iter()
        .filter(|signal| definition.undoes(&signal.name));
    undoable.try_for_each(|signal| {
        let path = signal.taken_by.as_deref().unwrap_or_default();
        let story = || {
            format!(
                "{} {signal:?}\n{}\n{}",
                saga.id,
                saga.draw(),
                records(journal, path)
            )
        };
        let given_up = saga.status() == Status::Abandoned;
        let route = saga.plan.index.by_path(path);
        hold(figures, 25, route.is_some() || given_up, story)?;
        let Some(route) = route.filter(|_| !given_up) else {
            return Ok(());
        };
        let state = saga.state(&route);
        let may_undo = matches!(definition.step(&route).undo, Undo::Call(_))
            && state.state != State::Ended(Outcome::Refused);
        let back = state.signal.is_some() || saga.status() == Status::Compensated;
        let key = journal.iter().find_map(|entry| match &entry.record {
            Record::AttemptStarted {
                step,
                leg: Leg::Undo,
                round: 1,
                key,
                ..
            } if step == path => key.strip_suffix("-undo"),
            _ => None,
        });
        let undone = key.map_or(0, |key| services.account(key).undone);
        hold(figures, 25, undone == u32::from(may_undo && back), story)
    })
}

/// What a journal says of one step, a line each.
fn records(journal: &[Entry], path: &str) -> String {
    let named = format!("{path:?}");
    let lines = journal.iter().map(|entry| format!("{entry:?}"));
    let of_step: Vec<String> = lines.filter(|line| line.contains(&named)).collect();
    of_step.join("\n")
}

/// It was done after its step had been given up, and had to be undone.
fn is_late(journal: &[Entry], path: &str) -> bool {
    let mut records = journal.iter().map(|entry| &entry.record);
    records.any(
        |record| matches!(record, Record::LateAnswer { step, next: Some(_), .. } | Record::Settled { step, late: Some(_), next: Some(_), .. } if step == path),
    )
}

/// A service replied that it refuses, somebody had it asked anew, and then it did both: no
/// orchestrator can have that add up.
fn trusted_in_vain(journal: &[Entry], path: &str, keys: &[String], services: &Services) -> bool {
    let anew = |entry: &Entry| match &entry.record {
        Record::Retried { step, fresh, .. } => *fresh && step == path,
        Record::Settled { step, .. } => step == path,
        _ => false,
    };
    keys.iter().any(|key| services.recanted.contains(key)) && journal.iter().any(anew)
}

/// I-10, I-11 and I-21 over one step's ledger.
fn effects(
    saga: &Saga,
    journal: &[Entry],
    at: Spot<'_>,
    state: State,
    services: &Services,
    figures: &mut Figures,
) -> Checked {
    let path = at.path();
    let keys = keys_of(journal, &path);
    let account = services.total(&keys);
    let story = || {
        let (id, drawn) = (saga.id, saga.draw());
        let records = records(journal, &path);
        format!("{id} {path} {account:?}\n{drawn}\n{records}")
    };
    if trusted_in_vain(journal, &path, &keys, services) {
        figures.fault("trusted_in_vain");
        return Ok(());
    }
    hold(figures, 10, account.done <= 1, story)?;
    let left = account.done.saturating_sub(account.undone);
    let by_hand = services.by_hand.iter().any(|key| keys.contains(key));
    match saga.status() {
        // It went on without it, and heard of it later (rule 6).
        Status::Completed if is_late(journal, &path) => {
            figures.fault("late_effect_undone");
            hold(figures, 11, left == 0, story)
        }
        Status::Completed if state == State::Ended(Outcome::Done) => {
            // The parent of what is completed was given up, and somebody took it all back.
            hold(figures, 10, left == u32::from(!by_hand), story)?;
            let confirms = u32::from(at.step.confirm.is_some());
            hold(figures, 10, account.confirmed == confirms, story)
        }
        Status::Compensated if matches!(at.step.undo, Undo::Call(_)) => {
            hold(figures, 11, left == 0, story)?;
            hold(figures, 21, left == 0, story)
        }
        Status::Abandoned => {
            let named = saga.left.iter().find(|left| left.step == path);
            // Of what is only known to be unknown, nobody can tell.
            let may_be_gone = named.is_none_or(|named| {
                named.outcome == Outcome::Unknown
                    || matches!(named.undo, UndoView::Running | UndoView::Stuck)
            });
            hold(figures, 21, left == 0 || named.is_some(), story)?;
            hold(figures, 21, left == 1 || may_be_gone || by_hand, story)
        }
        Status::Running
        | Status::Compensating
        | Status::Completed
        | Status::Compensated
        | Status::Stuck => Ok(()),
    }
}
