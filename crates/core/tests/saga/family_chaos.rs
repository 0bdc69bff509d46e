//! Families that nobody wrote, with mail that is late and doubled, crashes, cancels and every
//! answer: nothing is lost or takes effect twice, and everybody agrees on how it ended.

use crate::chaos::ANSWERS;
use crate::family::Family;
use crate::script::what;
use banyan_core::definition::Kind;
use banyan_core::saga::{Ask, Input, Outcome, State, Status};
use banyan_core::testkit::{Random, generate_family, input, pairs, signal, written};
use banyan_core::time::Duration;
use banyan_core::wire::Answer;
use std::collections::{BTreeMap, BTreeSet};

const SEEDS: u64 = 900;
const INPUTS: usize = 120;
/// Turns within which a family rests once every call is answered and every signal comes.
const BOUND: usize = 4_000;

fn answer(family: &mut Family, id: banyan_core::id::Id, said: &str) -> bool {
    let pending = family.members[&id].saga.pending();
    let Some(effect) = pending.first().cloned() else {
        return false;
    };
    let answer = Answer {
        what: what(said),
        took_ms: 1,
        instance: None,
    };
    let (step, leg, attempt) = (effect.step, effect.leg, effect.attempt);
    family.handle(
        id,
        Input::Answer {
            step,
            leg,
            attempt,
            answer,
        },
    )
}

fn something(family: &mut Family, random: &mut Random) {
    let ids: Vec<_> = family.members.keys().copied().collect();
    let id = *random.pick(&ids);
    match random.below(24) {
        0 => family.crash(),
        1 if random.chance(30) => {
            let (reason, actor) = ("enough".to_owned(), "someone".to_owned());
            family.handle(id, Input::asked(Ask::Cancel, reason, actor));
        }
        2 | 3 => {
            let name = format!("signal_{}", random.below(3));
            let key = format!("k{}", random.below(6));
            let body = signal();
            family.handle(id, Input::Signal { name, key, body });
        }
        4 | 5 => {
            let step = *random.pick(&[1_000, 60_000, 3_600_000]);
            family.now = family.now.plus(Duration::from_millis(step));
            family.handle(id, Input::Wake);
        }
        6..=12 if !family.mail.is_empty() => {
            let place = random.below(family.mail.len());
            let letter = family.mail.swap_remove(place);
            let taken = family.deliver(&letter);
            // Some come twice, at once or later, and some before their receiver.
            if !taken || random.chance(25) {
                family.mail.push(letter);
            }
        }
        _ => {
            let often = random.chance(60);
            let said = if often {
                "200 {\"id\":1}"
            } else {
                *random.pick(&ANSWERS)
            };
            answer(family, id, said);
        }
    }
}

/// Every message comes, every call is answered well, and every signal is sent.
fn calm(family: &mut Family, seed: u64) {
    for _ in 0..BOUND {
        // What was doubled may stand before what makes its receiver.
        family
            .mail
            .sort_by_key(|(from, message)| (message.to, *from, message.seq));
        family.deliver_all();
        let ids: Vec<_> = family.members.keys().copied().collect();
        if ids.iter().any(|id| answer(family, *id, "200 {\"id\":1}")) {
            continue;
        }
        if ids.iter().any(|id| signalled(family, *id)) {
            continue;
        }
        let open = |id: &&banyan_core::id::Id| {
            let status = family.members[*id].saga.status();
            !status.is_rest() && status != Status::Stuck
        };
        let wakes = ids.iter().filter(open);
        let next = wakes
            .filter_map(|id| family.members[id].saga.wake_at(family.now))
            .min();
        let Some(at) = next else {
            return;
        };
        family.now = at;
        for id in ids {
            family.handle(id, Input::Wake);
        }
    }
    panic!("I-8: seed {seed} never rests\n{}", family.draw());
}

fn signalled(family: &mut Family, id: banyan_core::id::Id) -> bool {
    let saga = &family.members[&id].saga;
    let mut wanted = None;
    saga.each_state(&mut |at, state| {
        if let (Kind::Wait(wait), State::Running, Some(until)) =
            (&at.step.kind, state.state, state.until)
            && until > family.now
        {
            wanted = Some(wait.signal.clone());
        }
    });
    let key = format!("calm-{}", saga.signals.len());
    let running = saga.status() == Status::Running;
    wanted.filter(|_| running).is_some_and(|name| {
        let body = signal();
        family.handle(id, Input::Signal { name, key, body })
    })
}

#[test]
fn families_agree_whatever_befalls_their_mail() {
    let mut ends: BTreeMap<(Status, bool), u32> = BTreeMap::new();
    let mut seen: BTreeSet<(String, Outcome)> = BTreeSet::new();
    let mut undone = 0;
    for seed in 0..SEEDS {
        let mut random = Random::new(seed);
        let sources = generate_family(seed);
        let mut family = Family::start(&sources, input(), false);
        for _ in 0..INPUTS {
            something(&mut family, &mut random);
        }
        calm(&mut family, seed);
        family.verify();
        for driver in family.members.values() {
            let is_child = driver.saga.parent.is_some();
            *ends.entry((driver.saga.status(), is_child)).or_default() += 1;
            let name = &driver.saga.plan.definition.name;
            let source = sources.iter().find(|one| one.contains(name.as_str()));
            let written = written(source.expect("its source"));
            driver.saga.each_state(&mut |at, state| {
                if let (Kind::Run(_), State::Ended(outcome)) = (&at.step.kind, state.state) {
                    undone += u32::from(state.undone.is_some());
                    let keys = written[&at.step.name].keys.iter();
                    seen.extend(keys.map(|key| (key.clone(), outcome)));
                }
            });
        }
    }
    for status in [Status::Completed, Status::Compensated, Status::Stuck] {
        for is_child in [true, false] {
            let times = ends.get(&(status, is_child)).copied().unwrap_or(0);
            assert!(times >= 20, "{status:?} of a child ({is_child}): {times}");
        }
    }
    assert!(
        undone >= 30,
        "{undone} children were undone by their parents"
    );
    let keys = pairs().into_iter().filter(|(kind, _)| kind.contains("run"));
    for (_, key) in keys {
        for outcome in [Outcome::Done, Outcome::Refused] {
            assert!(seen.contains(&(key.clone(), outcome)), "{key} {outcome:?}");
        }
    }
}
