//! `banyan-sim [--seed N] [--seeds N] [--threads N] [--canary]`: runs seeds, prints what they did
//! and how often each invariant was held against them; fails on a violation and on missing
//! coverage.

mod floors;
mod workers;

use banyan_core::planted::Bug;
use banyan_sim::{Figures, Report};
use std::ops::ControlFlow;
use std::process::ExitCode;

/// Seeds of the short form.
const SHORT: u64 = 500;
/// How many seeds apart those stand that run twice.
const TWICE: u64 = 50;

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
    let threads = number("--threads").and_then(|threads| usize::try_from(threads).ok());
    let threads = threads.unwrap_or_else(workers::threads);
    if canary {
        canaries(seeds, threads)
    } else {
        all(seeds, threads)
    }
}

fn one(seed: u64) -> ExitCode {
    match workers::attempt(seed) {
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

/// All seeds, until one finds something.
fn all(seeds: u64, threads: usize) -> ExitCode {
    let mut sums = Sums::default();
    let mut found = None;
    workers::each(seeds, None, threads, |seed, ran| {
        let report = match ran {
            Ok(report) => report,
            Err(violation) => {
                let again = format!("again: cargo xtask sim --seed {seed}");
                found = Some(format!("seed {seed}: {violation}\n{again}"));
                return ControlFlow::Break(());
            }
        };
        if seed % TWICE == 0 && workers::elsewhere(seed).ok().as_ref() != Some(&report) {
            found = Some(format!(
                "I-43 is broken: seed {seed} ran differently the second time"
            ));
            return ControlFlow::Break(());
        }
        sums.add(&report);
        ControlFlow::Continue(())
    });
    if let Some(found) = found {
        println!("{found}");
        return ExitCode::FAILURE;
    }
    sums.tell(seeds)
}

/// What all seeds did.
#[derive(Default)]
struct Sums {
    total: Figures,
    sagas: Vec<u64>,
    crashes: Vec<u64>,
    events: Vec<u64>,
}

impl Sums {
    fn add(&mut self, report: &Report) {
        self.sagas.push(report.figures.sagas);
        self.crashes.push(report.figures.crashes);
        self.events.push(report.figures.events);
        self.total.add(&report.figures);
    }

    fn tell(mut self, seeds: u64) -> ExitCode {
        let total = &self.total;
        println!(
            "{seeds} seeds; medians: {} sagas, {} crashes, {} events",
            median(&mut self.sagas),
            median(&mut self.crashes),
            median(&mut self.events)
        );
        println!("faults: {:?}", total.faults);
        println!("verbs: {:?}", total.verbs);
        println!("ended: {:?}", total.ended);
        println!("checked: {:?}", total.checked);
        println!("{}", floors::of_keys(total));
        // Fewer seeds cannot show everything.
        let missing = floors::missing(total, seeds, seeds >= SHORT);
        for line in &missing {
            println!("{line}");
        }
        if missing.is_empty() {
            println!("every invariant held");
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn median(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// Each planted bug must be found.
fn canaries(seeds: u64, threads: usize) -> ExitCode {
    // Each finding is expected: its panic needs no trace.
    std::panic::set_hook(Box::new(|_| {}));
    let mut missed = 0;
    for bug in Bug::ALL {
        let mut found = None;
        workers::each(seeds, Some(bug), threads, |seed, ran| {
            found = ran.err().map(|violation| (seed, violation));
            match found {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        });
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
