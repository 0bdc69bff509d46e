//! Anything at all, in any order: it never panics, a refold gives the same saga, there is
//! always a reason to wake, and once the faults stop the saga rests or asks for a person.

use crate::script::{Driver, definition, what};
use banyan_core::definition::Kind;
use banyan_core::route::ON_END_NAME;
use banyan_core::saga::{Ask, Input, Leg, Plan, Record, State, Status};
use banyan_core::testkit::{Random, SERVICES, generate, input, signal};
use banyan_core::time::Duration;
use banyan_core::wire::Answer;
use banyan_core::{Json, Timestamp};
use std::sync::Arc;

const SEEDS: u64 = 600;
const INPUTS: usize = 60;
/// Turns within which a saga rests once every call is answered and every signal comes.
const BOUND: usize = 500;

pub(crate) const ANSWERS: [&str; 22] = [
    "200 {\"id\":1}",
    "200 {\"id\":1}",
    "200 {\"id\":1}",
    "200",
    "200 html",
    "200 large",
    "200 \"text\"",
    "200 {\"refuse\":true,\"missing\":true}",
    "202 {}",
    "303",
    "307",
    "401",
    "403",
    "404 {}",
    "404 html",
    "409 {\"message\":\"no\"}",
    "410",
    "429 after 99999999999999",
    "503 after never",
    "lost",
    "not_sent",
    "held",
];

/// The path, leg and a number of attempts of some step, current or not.
fn some_attempt(driver: &Driver, random: &mut Random) -> (String, Leg, u32) {
    let pending = driver.saga.pending();
    if !pending.is_empty() && random.chance(75) {
        let effect = random.pick(&pending);
        return (effect.step.clone(), effect.leg, effect.attempt);
    }
    let mut all = vec![("none.such".to_owned(), Leg::Do, 1)];
    driver.saga.each_state(&mut |at, state| {
        for leg in Leg::ALL {
            let made = state.leg(leg).attempts;
            all.extend([0, 1, made, made + 1, u32::MAX].map(|of| (at.path(), leg, of)));
        }
    });
    random.pick(&all).clone()
}

fn some_input(driver: &mut Driver, random: &mut Random) -> Input {
    match random.below(20) {
        0 => Input::Interrupted,
        1 => Input::Opened,
        2 => Input::asked(Ask::Cancel, "enough", "someone"),
        3 | 4 => Input::Signal {
            name: format!("signal_{}", random.below(4)),
            key: format!("k{}", random.below(6)),
            body: random
                .pick(&[signal(), Json::Null, Json::from("text")])
                .clone(),
        },
        5 => {
            let service = *random.pick(&SERVICES);
            if !driver.roads.paused.remove(service) {
                driver.roads.paused.insert(service.to_owned());
            }
            Input::Opened
        }
        6 => {
            // The store's clock may step back.
            driver.now = Timestamp(driver.now.0 - 60_000);
            Input::Wake
        }
        7..=9 => {
            let step = *random.pick(&[1, 1_000, 60_000, 3_600_000, 90_000_000]);
            driver.now = driver.now.plus(Duration::from_millis(step));
            Input::Wake
        }
        _ => {
            let (step, leg, attempt) = some_attempt(driver, random);
            let said: &str = random.pick::<&str>(&ANSWERS);
            let answer = Answer {
                what: what(said),
                took_ms: random.draw() % 1_000,
                instance: None,
            };
            Input::Answer {
                step,
                leg,
                attempt,
                answer,
            }
        }
    }
}

/// Every call is answered well and every signal comes.
fn calm(driver: &mut Driver) {
    driver.roads.paused.clear();
    let _ = driver.handle(Input::Opened);
    for _ in 0..BOUND {
        if let Some(effect) = driver.saga.pending().first().cloned() {
            let answer = Answer {
                what: what("200 {\"id\":1}"),
                took_ms: 1,
                instance: None,
            };
            let (step, leg, attempt) = (effect.step, effect.leg, effect.attempt);
            let input = Input::Answer {
                step,
                leg,
                attempt,
                answer,
            };
            driver.handle(input).expect("an answer is taken");
            continue;
        }
        let mut wanted = None;
        driver.saga.each_state(&mut |at, state| {
            if let (Kind::Wait(wait), State::Running, Some(until)) =
                (&at.step.kind, state.state, state.until)
                && until > driver.now
            {
                wanted = Some(wait.signal.clone());
            }
        });
        let status = driver.saga.status();
        if let Some(name) = wanted.filter(|_| status == Status::Running) {
            let key = format!("calm-{}", driver.saga.signals.len());
            let body = signal();
            driver
                .handle(Input::Signal { name, key, body })
                .expect("a signal is taken");
        } else if status == Status::Stuck || !driver.wake(Timestamp(i64::MAX)) {
            let rests = status.is_rest() || status == Status::Stuck;
            assert!(rests, "I-8: nothing moves it\n{}", driver.saga.draw());
            return;
        }
    }
    panic!("I-8: it never rests\n{}", driver.saga.draw());
}

#[test]
fn anything_in_any_order_never_panics_and_comes_to_rest() {
    let mut ends = std::collections::BTreeMap::new();
    for seed in 0..SEEDS {
        let mut random = Random::new(seed);
        let plan = Plan::new(definition(&generate(seed)));
        let mut driver = Driver::begin(Arc::clone(&plan), input(), false);
        for _ in 0..INPUTS {
            let before = (driver.saga.seq, driver.saga.status());
            let input = some_input(&mut driver, &mut random);
            if driver.handle(input).is_err() {
                let after = (driver.saga.seq, driver.saga.status());
                assert_eq!(before, after, "what is not taken changes nothing");
            }
        }
        calm(&mut driver);
        driver.refold_whole();
        *ends.entry(driver.saga.status()).or_insert(0) += 1;
        let turned =
            |entry: &banyan_core::saga::Entry| matches!(entry.record, Record::TurnedBack { .. });
        let back = driver.journal.iter().position(turned).unwrap_or(usize::MAX);
        for (place, entry) in driver.journal.iter().enumerate() {
            if let Record::AttemptStarted {
                leg: Leg::Do, step, ..
            } = &entry.record
                && step != ON_END_NAME
            {
                assert!(place < back, "I-19: seed {seed}\n{}", driver.saga.draw());
            }
        }
    }
    for status in [Status::Completed, Status::Compensated, Status::Stuck] {
        assert!(
            ends.get(&status).is_some_and(|times| *times > 20),
            "{ends:?}"
        );
    }
}
