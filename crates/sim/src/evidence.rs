//! What a person finds out before they say what became of a leg: it is looked up in the services'
//! ledgers, and only where nothing of that leg can still be travelling. So what is settled is
//! true, and the ledgers add up afterwards as they must (I-10, I-11). Some take back by hand what
//! stands, and say so.

use crate::run::{Event, Run};
use banyan_core::definition::Kind;
use banyan_core::id::Id;
use banyan_core::saga::{Entry, Leg, Record, Saga, Settle, Settlement, Status, Verb};
use serde_json::json;

impl Run {
    /// Their word on one leg, if there is one whose truth they can find out.
    pub(crate) fn word(&mut self, saga: &Saga, journal: &[Entry]) -> Option<Settle> {
        let mut legs = Vec::new();
        saga.each_state(&mut |at, _| {
            let path = at.path();
            for leg in [Leg::Do, Leg::Undo, Leg::Confirm] {
                if saga.helping(&path, leg).contains(&Verb::Settle) {
                    legs.push((path.clone(), leg));
                }
            }
        });
        while !legs.is_empty() {
            let place = self.random.below(legs.len());
            let (step, leg) = legs.swap_remove(place);
            if let Some(settlement) = self.find_out(saga, journal, &step, leg) {
                let result = json!({ "id": "x-1", "ok": true, "n": 7 });
                return Some(Settle {
                    step,
                    leg,
                    settlement,
                    result: (leg == Leg::Do).then_some(result),
                    evidence: "the ledger".into(),
                });
            }
        }
        None
    }

    /// What became of a leg, as the ledgers have it; none while it may still change.
    fn find_out(
        &mut self,
        saga: &Saga,
        journal: &[Entry],
        path: &str,
        leg: Leg,
    ) -> Option<Settlement> {
        let route = saga.plan.index.by_path(path)?;
        let step = saga.plan.definition.step(&route);
        let keys = keys_of(journal, path);
        if let Some(child) = &saga.state(&route).child {
            return self.take_back(child.id).then_some(match leg {
                Leg::Undo => Settlement::Done,
                Leg::Do | Leg::Check | Leg::Confirm => Settlement::NotHappened,
            });
        }
        if leg == Leg::Do && !matches!(step.kind, Kind::Call(_)) {
            return None;
        }
        if self.travels(&keys, leg) || (leg == Leg::Undo && self.travels(&keys, Leg::Do)) {
            return None;
        }
        if matches!(step.kind, Kind::Wait(_)) {
            self.services.comes_from_outside(&keys);
        }
        let account = self.services.total(&keys);
        let stands = account.done > account.undone;
        let happened = match leg {
            Leg::Do | Leg::Check => account.done > 0,
            Leg::Confirm => account.confirmed > 0,
            // What stands, some undo by hand.
            Leg::Undo if stands && self.random.chance(40) => {
                self.figures.fault("undone_by_hand");
                self.services.undo_by_hand(&keys);
                true
            }
            Leg::Undo if stands => false,
            Leg::Undo => account.done > 0 || self.random.chance(50),
        };
        Some(match happened {
            true => Settlement::Done,
            false => Settlement::NotHappened,
        })
    }

    /// A child was given up: they take back by hand what is left of it and of its own, once none
    /// of them moves any more.
    fn take_back(&mut self, child: Id) -> bool {
        let sagas = self.sagas();
        let mut family = vec![child];
        let mut keys = Vec::new();
        while let Some(id) = family.pop() {
            let Some(known) = sagas.iter().find(|known| known.saga.id == id) else {
                return false;
            };
            let status = known.saga.status();
            if !status.is_rest() || (id == child && status != Status::Abandoned) {
                return false;
            }
            keys.extend(all_keys(&known.journal));
            let parent = |saga: &Saga| saga.parent.as_ref().map(|parent| parent.saga);
            let own = sagas.iter().filter(|known| parent(&known.saga) == Some(id));
            family.extend(own.map(|known| known.saga.id));
        }
        if Leg::ALL.iter().any(|leg| self.travels(&keys, *leg)) {
            return false;
        }
        self.figures.fault("child_taken_back_by_hand");
        self.services.undo_by_hand(&keys);
        true
    }

    /// Something of this leg may still arrive, or be decided. Once all is well they ask for what
    /// is not decided to be called off.
    fn travels(&mut self, keys: &[String], leg: Leg) -> bool {
        if self.services.healed {
            self.services.slow.drop_undecided(keys, leg);
        }
        let letters = &self.services.slow.letters;
        let is_of = |event: &Event| match event {
            Event::Arrive(request, ..) => {
                let same = request.leg == leg || (leg == Leg::Do && request.leg == Leg::Check);
                same && keys.contains(&crate::services::do_key(&request.key))
            }
            Event::Letter(number) => {
                let letter = &letters[*number];
                let open = letter.done && !letter.settled;
                open && letter.errand.leg == leg && keys.contains(&letter.errand.do_key)
            }
            _ => false,
        };
        let mut queue = self.queue.iter();
        let flies = queue.any(|entry| self.events[entry.0.2].as_ref().is_some_and(is_of));
        flies || self.services.slow.is_undecided(keys, leg)
    }
}

/// The keys of the dos of a step, over all its rounds; of one without a do, those that its undo
/// names.
pub(crate) fn keys_of(journal: &[Entry], path: &str) -> Vec<String> {
    keys(journal, |step| step == path)
}

fn all_keys(journal: &[Entry]) -> Vec<String> {
    keys(journal, |_| true)
}

fn keys(journal: &[Entry], is_of: impl Fn(&str) -> bool) -> Vec<String> {
    let mut keys = Vec::new();
    for entry in journal {
        if let Record::AttemptStarted { step, key, .. } = &entry.record
            && is_of(step)
        {
            let key = crate::services::do_key(key);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    keys
}
