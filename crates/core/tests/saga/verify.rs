//! What must hold of a saga that came to rest or is stuck, over ledgers and journal.

use crate::script::Driver;
use crate::world::{Account, World};
use banyan_core::definition::{Definition, Kind, Undo};
use banyan_core::route::ON_END_NAME;
use banyan_core::saga::{Leg, Outcome, Record, State, Status};
use std::collections::BTreeMap;

impl World {
    /// I-10, I-11 and the rest, over ledgers and journal.
    pub(crate) fn verify(&self, driver: &Driver) {
        let saga = &driver.saga;
        let story = || format!("{}\n{:#?}\n{:?}", saga.draw(), self.order, self.strikes);
        saga.each_state(&mut |at, state| {
            if !matches!(at.step.kind, Kind::Call(_)) || at.is_end() {
                return;
            }
            let path = at.path();
            let account = self.account(driver, &path);
            assert!(account.done <= 1, "P1: {path}\n{}", story());
            assert!(account.undone <= account.done, "I-17: {path}\n{}", story());
            assert!(account.confirmed <= 1, "P1: {path}\n{}", story());
            if account.confirmed > 0 {
                let gone = account.undone > 0 || saga.reason.is_some();
                assert!(!gone, "confirmed and undone: {path}\n{}", story());
            }
            let confirms = at.step.confirm.is_some() && state.state == State::Ended(Outcome::Done);
            if saga.status() == Status::Completed && confirms {
                assert_eq!(account.confirmed, 1, "not confirmed: {path}\n{}", story());
            }
            let left = account.done - account.undone;
            if saga.status() == Status::Completed {
                assert_eq!(account.undone, 0, "I-10: {path}\n{}", story());
            }
            match saga.status() {
                Status::Completed if state.state == State::Ended(Outcome::Done) => {
                    assert_eq!(left, 1, "I-10: {path}\n{}", story());
                }
                Status::Compensated if matches!(at.step.undo, Undo::Call(_)) => {
                    assert_eq!(left, 0, "I-11: {path}\n{}", story());
                }
                Status::Completed => {
                    assert_eq!(account.done, 0, "I-10: {path}\n{}", story())
                }
                Status::Compensated => {}
                Status::Running | Status::Compensating | Status::Stuck | Status::Abandoned => {
                    assert_eq!(saga.status(), Status::Stuck, "I-7\n{}", story());
                }
            }
        });
        self.verify_signals(driver);
        verify_journal(driver);
        self.verify_order(driver);
    }

    /// I-25 and rule 6: at rest every signal of a wait with an undo was taken, or says no, or
    /// was undone once; one that was taken is undone when its saga is.
    fn verify_signals(&self, driver: &Driver) {
        let saga = &driver.saga;
        let definition = &saga.plan.definition;
        for signal in saga
            .signals
            .iter()
            .filter(|one| definition.undoes(&one.name))
        {
            let story = || format!("{signal:?}\n{}", saga.draw());
            if saga.status() == Status::Stuck || saga.stuck().is_some() {
                continue;
            }
            let path = signal.taken_by.as_ref();
            let path = path.unwrap_or_else(|| panic!("rule 6: nobody has it: {}", story()));
            let route = saga.plan.index.by_path(path).expect("a path");
            let (step, state) = (definition.step(&route), saga.state(&route));
            if !matches!(step.undo, Undo::Call(_)) {
                continue;
            }
            let refused = state.state == State::Ended(Outcome::Refused);
            let late = state.signal.is_some();
            let undone = !refused && (late || saga.status() == Status::Compensated);
            let account = self.account_of_undo(driver, path);
            assert_eq!(account.undone, u32::from(undone), "rule 6: {}", story());
        }
    }

    fn account_of_undo(&self, driver: &Driver, path: &str) -> Account {
        let key = driver.journal.iter().find_map(|entry| match &entry.record {
            Record::AttemptStarted {
                step,
                leg: Leg::Undo,
                key,
                ..
            } if step == path => Some(key),
            _ => None,
        });
        let do_key = key.and_then(|key| key.strip_suffix("-undo"));
        do_key
            .and_then(|key| self.accounts.get(key))
            .cloned()
            .unwrap_or_default()
    }

    fn account(&self, driver: &Driver, path: &str) -> Account {
        let key = driver.journal.iter().find_map(|entry| match &entry.record {
            Record::AttemptStarted {
                step,
                leg: Leg::Do,
                key,
                ..
            } if step == path => Some(key),
            _ => None,
        });
        key.and_then(|key| self.accounts.get(key))
            .cloned()
            .unwrap_or_default()
    }

    /// I-18: what comes later on a path is undone first.
    fn verify_order(&self, driver: &Driver) {
        let place = |mark: String| self.order.iter().position(|known| *known == mark);
        let mut leaves = Vec::new();
        let definition = &driver.saga.plan.definition;
        driver.saga.each_state(&mut |at, state| {
            let of_way = state.signal.is_none() && !at.is_end();
            if at.step.parts().is_empty() && of_way {
                leaves.push((at.path(), way(definition, at.route)));
            }
        });
        for (earlier, first) in &leaves {
            for (later, second) in &leaves {
                if !follows(first, second) {
                    continue;
                }
                if let (Some(undone_first), Some(undone_last)) =
                    (place(format!("-{later}")), place(format!("-{earlier}")))
                    // What happens only after that is undone when it is told.
                    && place(format!("+{later}")).is_none_or(|began| began < undone_last)
                {
                    assert!(
                        undone_first < undone_last,
                        "I-18: {later} before {earlier}: {:?}",
                        self.order
                    );
                }
            }
        }
    }
}

/// I-15, I-19, I-20 and I-21 over the journal.
fn verify_journal(driver: &Driver) {
    let story = || driver.saga.draw();
    let turned = driver
        .journal
        .iter()
        .position(|entry| matches!(entry.record, Record::TurnedBack { .. }));
    for (place, entry) in driver.journal.iter().enumerate() {
        let Record::AttemptStarted { step, leg, .. } = &entry.record else {
            continue;
        };
        let route = driver.saga.plan.index.by_path(step);
        let late = route.is_some_and(|route| driver.saga.state(&route).signal.is_some());
        if late || step == ON_END_NAME {
            continue;
        }
        match leg {
            Leg::Do => assert!(
                turned.is_none_or(|turned| place < turned),
                "I-19\n{}",
                story()
            ),
            Leg::Undo => assert!(
                turned.is_some_and(|turned| turned < place),
                "I-17\n{}",
                story()
            ),
            Leg::Check => {}
            Leg::Confirm => assert!(turned.is_none(), "I-20\n{}", story()),
        }
    }
    verify_bytes(driver);
    if driver.saga.past_pivot {
        assert!(turned.is_none(), "I-20\n{}", story());
    }
}

/// I-14: every attempt of a round carries the same key and the same bytes.
fn verify_bytes(driver: &Driver) {
    let mut sent = BTreeMap::new();
    for entry in &driver.journal {
        if let Record::AttemptStarted {
            step,
            leg,
            round,
            key,
            body_hash,
            ..
        } = &entry.record
        {
            let known = sent.insert((step, leg, round), (key, body_hash));
            assert!(
                known.is_none_or(|known| known == (key, body_hash)),
                "I-14: {step} {leg:?} {round}\n{}",
                driver.saga.draw()
            );
        }
    }
}

type Way = Vec<(usize, bool)>;

/// A route with, for each level, whether its parts stand side by side.
fn way(definition: &Definition, route: &[usize]) -> Way {
    let beside = |level: usize| match level {
        0 => false,
        _ => match &definition.step(&route[..level]).kind {
            Kind::Group(group) => group.parallel,
            Kind::Each(_) => true,
            Kind::Call(_)
            | Kind::Wait(_)
            | Kind::Sleep(_)
            | Kind::Set(_)
            | Kind::Refuse(_)
            | Kind::Run(_) => false,
        },
    };
    let places = route.iter().enumerate();
    places
        .map(|(level, place)| (*place, beside(level)))
        .collect()
}

/// `second` starts only after `first` is over: they part in a sequence, `first` earlier.
fn follows(first: &Way, second: &Way) -> bool {
    let parted = first.iter().zip(second).find(|(a, b)| a.0 != b.0);
    parted.is_some_and(|(a, b)| !a.1 && a.0 < b.0)
}
