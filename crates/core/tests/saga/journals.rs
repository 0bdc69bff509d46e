//! Damaged journals are told, with their place, and never make a fold panic.

use crate::script::{Driver, play};
use banyan_core::saga::{Entry, FoldError, Leg, Next, Outcome, Record, Saga, StuckCode};
use std::sync::Arc;

const SAGA: &str = "
saga: s
version: 1
steps:
  - both:
      together:
        - call: { do: POST a /x, undo: DELETE a /x }
        - told: { wait: told, for: 1d }
";

fn fold(driver: &Driver, journal: &[Entry]) -> Result<Saga, FoldError> {
    Saga::fold(driver.saga.id, Arc::clone(&driver.saga.plan), journal)
}

fn driver() -> Driver {
    play(SAGA, "{}", "signal told k {}\ncall 503\ncall lost")
}

#[test]
fn what_does_not_follow_is_told_with_its_number() {
    let driver = driver();
    let whole = &driver.journal;
    assert!(fold(&driver, whole).is_ok());
    let out_of_place =
        |journal: &[Entry]| matches!(fold(&driver, journal), Err(FoldError::OutOfPlace { .. }));
    assert!(out_of_place(&[]), "an empty journal");
    assert_eq!(
        fold(&driver, &whole[1..]).err(),
        Some(FoldError::Gap {
            before: 0,
            after: 2
        })
    );
    let mut gap = whole.clone();
    gap.remove(2);
    assert_eq!(
        fold(&driver, &gap).err(),
        Some(FoldError::Gap {
            before: 2,
            after: 4
        })
    );
    let mut second = whole.clone();
    second[2].record = whole[0].record.clone();
    assert!(out_of_place(&second), "a second start");
    let mut no_start = whole.clone();
    no_start[0].record = Record::Compensated;
    assert!(out_of_place(&no_start), "no start");
    let other = play(&SAGA.replace("1d", "2d"), "{}", "").journal;
    assert!(out_of_place(&other), "a journal of another definition");
}

/// One record in the place of the last one.
fn ending(driver: &Driver, record: Record) -> Result<Saga, FoldError> {
    let mut journal = driver.journal.clone();
    journal.last_mut().expect("a record").record = record;
    fold(driver, &journal)
}

#[test]
fn records_about_what_is_not_there_are_told() {
    let driver = driver();
    for path in [
        "",
        ".",
        "call",
        "both.",
        "both.none",
        "both.call.more",
        "\0",
    ] {
        let step = path.to_owned();
        let found = ending(&driver, Record::StepSkipped { step: step.clone() });
        let seq = driver.journal.len() as u64;
        assert_eq!(
            found.err(),
            Some(FoldError::UnknownStep { seq, step }),
            "{path}"
        );
    }
    let taken = Record::StepEnded {
        step: "both.told".into(),
        outcome: Outcome::Done,
        result: None,
        failure: None,
        signal: Some(7),
    };
    assert!(matches!(
        ending(&driver, taken),
        Err(FoldError::OutOfPlace { .. })
    ));
    let ended_again = driver
        .journal
        .iter()
        .rev()
        .find(|entry| matches!(entry.record, Record::AttemptEnded { .. }));
    let mut journal = driver.journal.clone();
    let mut again = ended_again.expect("an attempt ended").clone();
    again.seq = driver.saga.seq + 1;
    journal.push(again);
    assert!(
        matches!(fold(&driver, &journal), Err(FoldError::OutOfPlace { .. })),
        "it ends twice"
    );
}

#[test]
fn records_on_legs_that_a_step_has_not_never_panic() {
    let driver = driver();
    for step in ["both", "both.told", "both.call"] {
        for leg in Leg::ALL {
            for code in StuckCode::ALL {
                let (step, message) = (step.to_owned(), String::new());
                let saga = ending(
                    &driver,
                    Record::LegStuck {
                        step,
                        leg,
                        code,
                        message,
                    },
                )
                .expect("it folds");
                let _ = (
                    saga.draw(),
                    saga.pending(),
                    saga.wake_at(driver.now),
                    saga.waiting_on(),
                    saga.stuck(),
                );
            }
            let late = Record::LateAnswer {
                step: step.to_owned(),
                leg,
                attempt: 9,
                meaning: banyan_core::saga::Meaning::Done,
                result: None,
                next: Some(Next::NothingThere),
            };
            assert!(
                ending(&driver, late).is_err(),
                "a note that leads to an undo's end"
            );
        }
    }
}
