//! `banyan-sim [--seed N] [--seeds N] [--canary]`: runs seeds, prints what they did and how
//! often each invariant was held against them; fails on a violation and on missing coverage.

use banyan_core::planted::{self, Bug};
use banyan_core::testkit;
use banyan_sim::{Figures, Options, Report, Violation, run};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// Seeds of the short form.
const SHORT: u64 = 500;
/// The invariants that every short form must have exercised.
const NEEDED: [u32; 23] = [
    1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 22, 25, 39, 44, 45, 46,
];
/// How often, at least, for each seed on average.
const FLOORS: [(u32, u64); 8] = [
    (11, 10),
    (17, 8),
    (22, 50),
    (25, 12),
    (39, 40),
    (44, 10),
    (45, 3),
    (46, 5),
];
/// What must have come to pass so often, at least, in a hundred seeds.
const KINDS: [(&str, u64); 25] = [
    ("accepted_do", 150),
    ("accepted_undo", 40),
    ("accepted_confirm", 60),
    ("effect_of_do", 120),
    ("effect_of_undo", 40),
    ("effect_of_confirm", 60),
    ("effect_early", 30),
    ("reply_lost", 30),
    ("reply_doubled", 30),
    ("reply_replayed", 60),
    ("reply_forged", 30),
    ("reply_after_its_time", 20),
    ("reply_after_the_end", 10),
    ("reply_done_after_refused", 15),
    ("reply_refused_after_done", 20),
    ("late_effect_undone", 1),
    ("pending_do", 80),
    ("pending_undo", 15),
    ("pending_confirm", 25),
    ("pending_for_ever", 8),
    ("pending_lost", 40),
    ("move_made", 100),
    ("move_not_safe", 30),
    ("moved_and_completed", 25),
    ("moved_and_compensated", 25),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)?.parse::<u64>().ok()
    };
    let canary = arguments.iter().any(|argument| argument == "--canary");
    if let Some(seed) = number("--seed") {
        return one(seed);
    }
    let seeds = number("--seeds").unwrap_or(SHORT);
    if canary { canaries(seeds) } else { all(seeds) }
}

/// Runs a seed; a broken assertion of the core is a violation too.
fn attempt(seed: u64) -> Result<Report, Violation> {
    let ran = catch_unwind(AssertUnwindSafe(|| run(&Options::short(seed))));
    ran.unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        let message =
            message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Violation {
            invariant: 5,
            message: message.unwrap_or_default(),
        })
    })
}

fn one(seed: u64) -> ExitCode {
    match attempt(seed) {
        Ok(report) => {
            println!("seed {seed}: {report:#?}");
            ExitCode::SUCCESS
        }
        Err(violation) => {
            println!("seed {seed}: {violation}");
            ExitCode::FAILURE
        }
    }
}

fn all(seeds: u64) -> ExitCode {
    let mut total = Figures::default();
    let (mut sagas, mut crashes, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..seeds {
        let report = match attempt(seed) {
            Ok(report) => report,
            Err(violation) => {
                println!("seed {seed}: {violation}\nagain: cargo xtask sim --seed {seed}");
                return ExitCode::FAILURE;
            }
        };
        if seed % 50 == 0 && attempt(seed).ok().as_ref() != Some(&report) {
            println!("I-43 is broken: seed {seed} ran differently the second time");
            return ExitCode::FAILURE;
        }
        sagas.push(report.figures.sagas);
        crashes.push(report.figures.crashes);
        events.push(report.figures.events);
        total.add(&report.figures);
    }
    println!(
        "{seeds} seeds; medians: {} sagas, {} crashes, {} events",
        median(&mut sagas),
        median(&mut crashes),
        median(&mut events)
    );
    println!("faults: {:?}", total.faults);
    println!("ended: {:?}", total.ended);
    println!("checked: {:?}", total.checked);
    let (seldom, least) = unseen(&total);
    println!(
        "{} keys of the language were at work, {least}",
        total.keys.len()
    );
    let missing: Vec<u32> = NEEDED
        .into_iter()
        .filter(|number| {
            let floor = FLOORS.iter().find(|(known, _)| known == number);
            let least = floor.map_or(1, |(_, each)| each * seeds);
            total.checked.get(number).copied().unwrap_or(0) < least
        })
        .collect();
    let faults = |name: &str| total.faults.get(name).copied().unwrap_or(0);
    let rare: Vec<&str> = KINDS
        .into_iter()
        .filter(|(name, least)| faults(name) * 100 < least * seeds)
        .map(|(name, _)| name)
        .collect();
    // Fewer seeds cannot show everything.
    let whole = seeds >= SHORT;
    if whole && !rare.is_empty() {
        println!("never came to pass, or too seldom: {rare:?}");
        return ExitCode::FAILURE;
    }
    if whole && !seldom.is_empty() {
        println!("keys of the language that were never at work: {seldom:?}");
        return ExitCode::FAILURE;
    }
    if missing.is_empty() {
        println!("every invariant held");
        return ExitCode::SUCCESS;
    }
    println!("never exercised, or too seldom: {missing:?}");
    ExitCode::FAILURE
}

/// The keys of the language that no saga has used, and the one that was used least.
fn unseen(total: &Figures) -> (Vec<String>, String) {
    let of_steps = testkit::pairs().into_iter();
    let of_steps = of_steps.map(|(kind, key)| format!("{kind}: {key}"));
    let of_files = testkit::keys_of_file().into_iter();
    let all = of_steps.chain(of_files.map(|key| format!("file: {key}")));
    let times = |key: &String| total.keys.get(key).copied().unwrap_or(0);
    let mut all: Vec<String> = all.collect();
    all.sort_by_key(times);
    let least = all
        .first()
        .map(|key| format!("{key} {} times, the least", times(key)));
    all.retain(|key| times(key) == 0);
    (all, least.unwrap_or_default())
}

fn median(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// Each planted bug must be found.
fn canaries(seeds: u64) -> ExitCode {
    // Each finding is expected: its panic needs no trace.
    std::panic::set_hook(Box::new(|_| {}));
    let mut missed = 0;
    for bug in Bug::ALL {
        planted::plant(Some(bug));
        let found =
            (0..seeds).find_map(|seed| attempt(seed).err().map(|violation| (seed, violation)));
        planted::plant(None);
        match found {
            Some((seed, violation)) => {
                let said: String = violation.to_string().chars().take(140).collect();
                let first = said.lines().next().unwrap_or_default();
                println!("{bug:?}: found at seed {seed}: {first}");
            }
            None => {
                println!("{bug:?}: NOT FOUND in {seeds} seeds");
                missed += 1;
            }
        }
    }
    if missed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
