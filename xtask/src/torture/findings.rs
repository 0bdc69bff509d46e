//! How often each invariant was looked at, and where it was found broken.

use std::collections::BTreeMap;

/// How often an invariant must be looked at in the short form for the run to mean anything:
/// about a third of what a run on two cores shows.
const FLOORS: [(&str, u64); 17] = [
    ("I-1", 1_500),
    ("I-2", 1_500),
    ("I-3", 300),
    ("I-4", 2_000),
    ("I-5", 1_500),
    ("I-7", 1_500),
    ("I-8", 1_500),
    ("I-9", 10_000),
    ("I-10", 1_000),
    ("I-11", 200),
    ("I-13", 5_000),
    ("I-14", 5_000),
    ("I-15", 3_000),
    ("I-16", 200),
    ("I-17", 500),
    ("I-18", 200),
    ("I-22", 50),
];

#[derive(Default)]
struct Finding {
    looked: u64,
    broken: Vec<String>,
}

/// Counts and breaches per invariant.
#[derive(Default)]
pub(crate) struct Findings(BTreeMap<&'static str, Finding>);

impl Findings {
    /// Looks at one case of an invariant; `told` says where it was when it did not hold.
    pub(crate) fn look(
        &mut self,
        invariant: &'static str,
        held: bool,
        told: impl FnOnce() -> String,
    ) {
        let finding = self.0.entry(invariant).or_default();
        finding.looked += 1;
        if !held {
            finding.broken.push(told());
        }
    }

    /// Whether this invariant was found broken.
    pub(crate) fn is_broken(&self, invariant: &str) -> bool {
        self.0
            .get(invariant)
            .is_some_and(|finding| !finding.broken.is_empty())
    }

    /// Every invariant that was found broken.
    #[cfg(test)]
    pub(crate) fn broken(&self) -> Vec<&'static str> {
        let broken = self
            .0
            .iter()
            .filter(|(_, finding)| !finding.broken.is_empty());
        broken.map(|(invariant, _)| *invariant).collect()
    }

    /// Prints every count, and up to three breaches of each; whether all held and were looked
    /// at often enough.
    pub(crate) fn print(&self) -> bool {
        let mut well = true;
        for (invariant, floor) in FLOORS {
            let (looked, broken) = self
                .0
                .get(invariant)
                .map_or((0, &[][..]), |found| (found.looked, &found.broken[..]));
            let few = if looked < floor { "  TOO FEW" } else { "" };
            println!(
                "{invariant:>5}  looked at {looked:>7} (floor {floor:>6}), broken {}{few}",
                broken.len()
            );
            for breach in broken.iter().take(3) {
                println!("       {breach}");
            }
            well &= broken.is_empty() && looked >= floor;
        }
        well
    }
}
