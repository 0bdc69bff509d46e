//! Which definitions run which: what a parent may run, and which versions it will.
//!
//! The same rules hold when a file is checked and when a saga starts: what is active may have
//! changed between the two.

use crate::definition::{Definition, Kind};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A run of a child, as far as others ask.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChildRun {
    /// The child's definition.
    pub saga: String,
    /// Its version; none means the active one.
    pub version: Option<u32>,
    /// It stands before the pivot.
    pub early: bool,
}

/// A registered definition, as far as its parents ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its version.
    pub version: u32,
    /// It has a point of no return: a pivot, or a confirm.
    pub no_return: bool,
    /// Its sagas with the same value run one at a time.
    pub locks: bool,
    /// What it runs itself.
    pub children: Vec<ChildRun>,
}

impl Registered {
    /// What parents ask of a definition.
    pub fn of(definition: &Definition) -> Registered {
        Registered {
            version: definition.version,
            no_return: definition.has_no_return(),
            locks: definition.lock.is_some(),
            children: definition.runs(),
        }
    }
}

/// What is registered.
pub trait Sagas: fmt::Debug {
    /// The definition of this name at this version, or the active one.
    fn saga(&self, name: &str, version: Option<u32>) -> Option<Registered>;

    /// Whether what it does not know is not registered. Else it may be, and nothing is said of
    /// it.
    fn knows_all(&self) -> bool {
        true
    }
}

/// Definitions that are looked at together before they are registered, in front of those that
/// are: the newest of a name counts as the active one.
#[derive(Debug, Default)]
pub struct Together<'b> {
    given: Vec<(String, Registered)>,
    behind: Option<&'b dyn Sagas>,
}

impl<'b> Together<'b> {
    /// These definitions, and nothing known of any other.
    pub fn of<'d>(definitions: impl IntoIterator<Item = &'d Definition>) -> Together<'b> {
        let given = definitions.into_iter();
        Together {
            given: given
                .map(|one| (one.name.clone(), Registered::of(one)))
                .collect(),
            behind: None,
        }
    }

    /// What is not among them is looked for there.
    #[must_use]
    pub fn before(self, behind: &'b dyn Sagas) -> Together<'b> {
        Together {
            behind: Some(behind),
            ..self
        }
    }
}

impl Sagas for Together<'_> {
    fn saga(&self, name: &str, version: Option<u32>) -> Option<Registered> {
        let named = self.given.iter().filter(|(given, _)| given == name);
        let fitting = named
            .map(|(_, one)| one)
            .filter(|one| version.is_none_or(|version| version == one.version));
        match fitting.max_by_key(|one| one.version) {
            Some(one) => Some(one.clone()),
            None => self.behind?.saga(name, version),
        }
    }

    fn knows_all(&self) -> bool {
        self.behind.is_some_and(Sagas::knows_all)
    }
}

/// Why a definition may not run a child.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChildProblem {
    /// Nothing of that name, or no such version, or none that is active.
    #[error("the child {name} is not registered")]
    NotRegistered {
        /// As a file names it.
        name: String,
    },
    /// It runs its own parent, or one of those.
    #[error("a saga may not contain itself: {way}")]
    Cycle {
        /// From the parent to itself.
        way: String,
    },
    /// It would wait for its lock while its parent holds everything that came before.
    #[error("the child {name} has a lock: it may not be run by another saga")]
    Lock {
        /// As a file names it.
        name: String,
    },
    /// It cannot turn back as long as its parent can.
    #[error("the child {name} has a point of no return, and stands before that of its parent")]
    NoReturn {
        /// As a file names it.
        name: String,
    },
}

/// What a saga that starts must know of those that it will run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    /// The versions of its own children, for those that its steps do not name.
    pub versions: BTreeMap<String, u32>,
    /// Every definition that it, its children and theirs run.
    pub all: BTreeSet<(String, u32)>,
}

/// Everything that a definition runs.
///
/// # Errors
/// The first run that may not be.
pub fn family(
    parent: (&str, u32),
    runs: &[ChildRun],
    sagas: &dyn Sagas,
) -> Result<Family, ChildProblem> {
    let mut family = Family::default();
    for run in runs {
        let mut way = vec![(parent.0.to_owned(), parent.1)];
        let version = look(run, &mut way, sagas, &mut family.all)?;
        if let (None, Some(version)) = (run.version, version) {
            family.versions.insert(run.saga.clone(), version);
        }
    }
    Ok(family)
}

/// Looks at one run, with everything below it; gives the version that it means. None where
/// nobody knows it.
fn look(
    run: &ChildRun,
    way: &mut Vec<(String, u32)>,
    sagas: &dyn Sagas,
    seen: &mut BTreeSet<(String, u32)>,
) -> Result<Option<u32>, ChildProblem> {
    let name = || match run.version {
        Some(version) => format!("{}@{version}", run.saga),
        None => run.saga.clone(),
    };
    // What is being registered becomes the active version of its own name.
    let first = &way[0];
    let itself = first.0 == run.saga && run.version.is_none_or(|version| version == first.1);
    let known = sagas.saga(&run.saga, run.version);
    let version = known.as_ref().map(|known| known.version);
    let place = version.map(|version| (run.saga.clone(), version));
    if itself || place.as_ref().is_some_and(|place| way.contains(place)) {
        let names = way.iter().map(|(name, _)| name.as_str());
        let names: Vec<&str> = names.chain([run.saga.as_str()]).collect();
        let way = names.join(" runs ");
        return Err(ChildProblem::Cycle { way });
    }
    let (Some(known), Some(place)) = (known, place) else {
        if !sagas.knows_all() {
            return Ok(None);
        }
        return Err(ChildProblem::NotRegistered { name: name() });
    };
    if known.locks {
        return Err(ChildProblem::Lock { name: name() });
    }
    if run.early && known.no_return {
        return Err(ChildProblem::NoReturn { name: name() });
    }
    if seen.contains(&place) {
        return Ok(Some(known.version));
    }
    way.push(place.clone());
    for below in &known.children {
        look(below, way, sagas, seen)?;
    }
    way.pop();
    seen.insert(place);
    Ok(Some(known.version))
}

impl Definition {
    /// It has a point of no return: a pivot, or a confirm.
    pub fn has_no_return(&self) -> bool {
        let mut found = false;
        self.each_step(&mut |step| found |= step.pivot || step.confirm.is_some());
        found
    }

    /// Every run of a child, each once.
    pub fn runs(&self) -> Vec<ChildRun> {
        let mut all = Vec::new();
        self.each_step(&mut |step| {
            if let Kind::Run(run) = &step.kind {
                all.push(ChildRun {
                    saga: run.saga.clone(),
                    version: run.version,
                    early: !step.pivot && !step.after_pivot,
                });
            }
        });
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Known(Vec<(&'static str, Registered)>);

    impl Sagas for Known {
        fn saga(&self, name: &str, version: Option<u32>) -> Option<Registered> {
            let fits = |known: &&(&str, Registered)| {
                known.0 == name && version.is_none_or(|version| known.1.version == version)
            };
            self.0.iter().rev().find(fits).map(|known| known.1.clone())
        }
    }

    fn run(saga: &str, version: Option<u32>) -> ChildRun {
        ChildRun {
            saga: saga.into(),
            version,
            early: true,
        }
    }

    fn known(version: u32, children: Vec<ChildRun>) -> Registered {
        Registered {
            version,
            no_return: version == 9,
            locks: version == 8,
            children,
        }
    }

    #[test]
    fn a_family_is_looked_at_down_to_its_last_child() {
        let sagas = Known(vec![
            ("leaf", known(1, vec![])),
            ("leaf", known(2, vec![])),
            (
                "middle",
                known(1, vec![run("leaf", Some(1)), run("leaf", None)]),
            ),
            ("round", known(1, vec![run("top", None)])),
            ("old_round", known(1, vec![run("top", Some(1))])),
            ("top", known(1, vec![])),
            ("broken", known(1, vec![run("gone", Some(7))])),
            ("firm", known(9, vec![])),
        ]);
        let family = |child: ChildRun| {
            let found = family(("top", 2), &[child], &sagas);
            match found {
                Ok(family) => format!("{:?} of {}", family.versions, family.all.len()),
                Err(problem) => problem.to_string(),
            }
        };
        for (child, expected) in [
            (run("leaf", None), "{\"leaf\": 2} of 1"),
            (run("leaf", Some(1)), "{} of 1"),
            (run("middle", None), "{\"middle\": 1} of 3"),
            (run("leaf", Some(3)), "the child leaf@3 is not registered"),
            (run("broken", None), "the child gone@7 is not registered"),
            (
                run("top", None),
                "a saga may not contain itself: top runs top",
            ),
            (
                run("round", None),
                "a saga may not contain itself: top runs round runs top",
            ),
            (run("old_round", None), "{\"old_round\": 1} of 2"),
            (
                run("firm", None),
                "the child firm has a point of no return, and stands before that of its parent",
            ),
        ] {
            assert_eq!(family(child), expected);
        }
        let late = ChildRun {
            early: false,
            ..run("firm", None)
        };
        assert_eq!(family(late), "{\"firm\": 9} of 1");
    }
}
