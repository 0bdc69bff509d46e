//! Many seeds at once: each runs in one thread from its beginning to its end, and what it gave
//! is taken in the order of the seeds. So neither the figures nor what is printed knows how many
//! threads there were, and nothing of a run may depend on the thread that it ran in (I-43).

use banyan_core::planted::{self, Bug};
use banyan_sim::{Options, Report, Violation, run};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// Threads at most: beyond that, what they allocate costs more than they bring.
const MOST: usize = 16;
/// Results that wait to be taken. Who finds no room waits.
const WAITING: usize = 64;

/// What a seed gave.
pub(crate) type Ran = Result<Report, Violation>;

/// As many threads as the machine runs at once.
pub(crate) fn threads() -> usize {
    thread::available_parallelism().map_or(1, |known| known.get().min(MOST))
}

/// Runs these seeds with this bug planted, and hands over what each gave, in their order, until
/// `take` has enough.
pub(crate) fn each(
    seeds: u64,
    bug: Option<Bug>,
    threads: usize,
    take: impl FnMut(u64, Ran) -> ControlFlow<()>,
) {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        let (give, results) = sync_channel(WAITING);
        for _ in 0..threads.max(1) {
            let (give, next) = (give.clone(), &next);
            scope.spawn(move || {
                planted::plant(bug);
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    // Nobody listens any more once enough was seen.
                    if seed >= seeds || give.send((seed, attempt(seed))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(give);
        in_order(&results, take);
    });
}

/// The results come as they are ready, and are taken in the order of the seeds.
fn in_order(results: &Receiver<(u64, Ran)>, mut take: impl FnMut(u64, Ran) -> ControlFlow<()>) {
    let mut early = BTreeMap::new();
    let mut due = 0;
    while let Ok((seed, ran)) = results.recv() {
        early.insert(seed, ran);
        while let Some(ran) = early.remove(&due) {
            if take(due, ran).is_break() {
                return;
            }
            due += 1;
        }
    }
}

/// Runs a seed once more, in a thread of its own.
pub(crate) fn elsewhere(seed: u64) -> Ran {
    thread::scope(|scope| {
        let ran = scope.spawn(|| attempt(seed)).join();
        ran.unwrap_or_else(|_| Err(broken(String::new())))
    })
}

/// Runs a seed in this thread; a broken assertion of the core is a violation too.
pub(crate) fn attempt(seed: u64) -> Ran {
    let ran = catch_unwind(AssertUnwindSafe(|| run(&Options::short(seed))));
    ran.unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        let message =
            message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(broken(message.unwrap_or_default()))
    })
}

fn broken(message: String) -> Violation {
    Violation {
        invariant: 5,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traces(threads: usize, bug: Option<Bug>) -> Vec<Result<Report, String>> {
        let mut all = Vec::new();
        each(6, bug, threads, |seed, ran| {
            assert_eq!(seed, all.len() as u64);
            all.push(ran.map_err(|violation| violation.to_string()));
            ControlFlow::Continue(())
        });
        all
    }

    #[test]
    fn seeds_run_the_same_in_one_thread_and_in_many() {
        let one = traces(1, None);
        assert_eq!(one.len(), 6);
        assert!(one.iter().all(Result::is_ok), "{one:?}");
        assert_eq!(one, traces(3, None));
        assert_eq!(one[5], elsewhere(5).map_err(|error| error.to_string()));
    }

    #[test]
    fn a_bug_is_planted_in_every_thread_and_nowhere_else() {
        let one = traces(1, Some(Bug::UndoesForward));
        assert!(one.iter().any(Result::is_err), "{one:?}");
        assert_eq!(one, traces(3, Some(Bug::UndoesForward)));
        assert!(attempt(0).is_ok());
    }

    #[test]
    fn who_has_enough_stops_the_others() {
        let mut taken = Vec::new();
        each(u64::MAX, None, 2, |seed, _| {
            taken.push(seed);
            if seed == 2 {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        assert_eq!(taken, [0, 1, 2]);
    }
}
