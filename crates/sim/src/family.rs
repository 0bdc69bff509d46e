//! What holds between a saga and its children, once everything rests: they agree on how each of
//! them ended (I-45), and what one told another took effect once (I-46).

use crate::check::{Checked, hold};
use crate::report::Figures;
use banyan_core::Json;
use banyan_core::id::Id;
use banyan_core::saga::{ChildState, Entry, Outcome, Record, Saga, State, Status, StepState};
use banyan_store::Reader;
use std::collections::BTreeMap;

/// Every saga of the store, with its journal.
pub(crate) type All = BTreeMap<Id, (Saga, Vec<Entry>)>;

pub(crate) fn agree(all: &All, reader: &dyn Reader, figures: &mut Figures) -> Checked {
    let owed = reader.messages(None, 9).unwrap_or_default();
    hold(figures, 46, owed.is_empty(), || {
        format!("{owed:?} are owed at the end")
    })?;
    let mut started = 0;
    for (saga, journal) in all.values() {
        heard_once(saga, journal, figures)?;
        // One that was refused or given up may be followed by another.
        let sent = |entry: &&Entry| matches!(entry.record, Record::ChildStarted { .. });
        started += journal.iter().filter(sent).count();
        let mut states = Vec::new();
        saga.each_state(&mut |at, state| {
            if let Some(child) = &state.child {
                states.push((at.path(), state, child));
            }
        });
        for (path, state, child) in states {
            of_one(all, saga, (&path, state, child), figures)?;
        }
    }
    let children = all.values().filter(|(saga, _)| saga.parent.is_some());
    let children = children.count();
    hold(figures, 46, started == children, || {
        format!("{started} children were sent on their way and {children} began")
    })
}

fn of_one(
    all: &All,
    parent: &Saga,
    (path, state, child): (&str, &StepState, &ChildState),
    figures: &mut Figures,
) -> Checked {
    let Some((saga, _)) = all.get(&child.id) else {
        return hold(figures, 46, false, || format!("{} never began", child.id));
    };
    let status = saga.status();
    let cause = state.failure.as_ref();
    let cause = cause.and_then(|failed| failed.detail.get("cause"));
    let says_no = cause == Some(&Json::from("refused_when"));
    let back = status == Status::Compensated || saga.reopened > 0;
    let agree = match state.state {
        // What is left of it, somebody took back by hand.
        _ if status == Status::Abandoned => true,
        _ if state.undone.is_some() => status == Status::Compensated,
        State::Ended(Outcome::Refused) if says_no => status == Status::Completed,
        State::Ended(Outcome::Refused) => back,
        State::Ended(Outcome::Done) if parent.status() == Status::Completed => {
            status == Status::Completed
        }
        State::Ended(_) | State::Running => parent.status() != Status::Compensated || back,
        State::Pending | State::Skipped => false,
    };
    hold(figures, 45, agree, || {
        let (parent, child) = (parent.draw(), saga.draw());
        format!("{path} holds {state:?}\n{parent}\n{child}")
    })
}

/// What came twice was recorded once.
fn heard_once(saga: &Saga, journal: &[Entry], figures: &mut Figures) -> Checked {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in journal {
        let (whose, told) = match &entry.record {
            Record::ChildTold { step, told, .. } => (step.as_str(), *told),
            Record::ParentTold { told, .. } => ("", *told),
            // Another child counts anew.
            Record::ChildStarted { step, .. } => {
                last.remove(step.as_str());
                continue;
            }
            _ => continue,
        };
        let before = last.insert(whose, told).unwrap_or(0);
        hold(figures, 46, before < told, || {
            format!(
                "{}: {told} took effect after {before}\n{}",
                saga.id,
                saga.draw()
            )
        })?;
    }
    Ok(())
}
