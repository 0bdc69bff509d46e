//! The plans of the saga file and of those that it runs, and how people name a step in them:
//! by its path or name, a child's behind the child's name (`charge/payment`).

use super::leg::Leg;
use super::part::{CallPart, WaitPart};
use super::plan::Plan;
use super::sample;
use super::session::Play;
use super::switches::{Switch, Trouble};
use super::wants::Wants;
use banyan_core::{Definition, Json};

/// One definition's plan.
#[derive(Debug)]
pub(super) struct Casting {
    /// The definition's name.
    pub(super) name: String,
    /// Its version.
    pub(super) version: u32,
    /// The file that holds it, where it is not the one that was named.
    pub(super) file: Option<String>,
    /// Its parts.
    pub(super) plan: Plan,
}

/// Every plan, the saga file's first.
#[derive(Debug, Default)]
pub(super) struct Plans {
    castings: Vec<Casting>,
}

impl Plans {
    /// From what is to be played.
    pub(super) fn of(play: &Play) -> Plans {
        let definition = &play.definition;
        let mut plans = Plans::default();
        plans.add(definition, None, &play.input);
        // Children stand before those who run them: the other way round each is met by what
        // gives it its input.
        for child in play.children.iter().rev() {
            let input = plans.input_of(&child.definition);
            let file = child.path.file_name().unwrap_or(child.path.as_os_str());
            let file = file.to_string_lossy().into_owned();
            plans.add(&child.definition, Some(file), &input);
        }
        plans
    }

    fn add(&mut self, definition: &Definition, file: Option<String>, input: &Json) {
        let wants = Wants::of(definition);
        self.castings.push(Casting {
            name: definition.name.clone(),
            version: definition.version,
            file,
            plan: Plan::of(definition, &wants, input),
        });
    }

    /// What a child will start with, as far as that can be told beforehand.
    fn input_of(&self, child: &Definition) -> Json {
        let mut runs = self.castings.iter().flat_map(|one| &one.plan.runs);
        let given = runs.find(|part| part.run.saga == child.name);
        let given = given.and_then(|part| part.input.clone());
        given.unwrap_or_else(|| {
            let wants = Wants::of(child);
            sample::sample(child.input.as_ref(), &wants.input).unwrap_or_default()
        })
    }

    /// The plan of the saga file.
    pub(super) fn first(&self) -> Option<&Casting> {
        self.castings.first()
    }

    /// Those of its children.
    pub(super) fn children(&self) -> &[Casting] {
        self.castings.get(1..).unwrap_or_default()
    }

    /// The part of a step that calls, and the place that its switches are under. `definition`
    /// is as a call names it: `charge@1`.
    pub(super) fn call(&self, definition: &str, path: &str) -> Option<(String, &CallPart)> {
        let of_it = |one: &&Casting| format!("{}@{}", one.name, one.version) == definition;
        let casting = self.castings.iter().find(of_it).or(self.first())?;
        let part = casting.plan.call(path)?;
        Some((self.place(casting, &part.path), part))
    }

    /// The part of a step that waits for a signal, and the place that its switches are under.
    pub(super) fn wait(&self, name: &str, version: u32, path: &str) -> Option<(String, &WaitPart)> {
        let of_it = |one: &&Casting| one.name == name && one.version == version;
        let casting = self.castings.iter().find(of_it)?;
        let part = casting.plan.wait(path)?;
        Some((self.place(casting, &part.path), part))
    }

    /// The first part of the saga file that waits for this signal.
    pub(super) fn signal(&self, name: &str) -> Option<&WaitPart> {
        let mut waits = self.first()?.plan.waits.iter();
        waits.find(|part| part.signal == name)
    }

    /// How a step is named: by its path, behind its saga's name when that is a child.
    pub(super) fn place(&self, casting: &Casting, path: &str) -> String {
        match &casting.file {
            Some(_) => format!("{}/{path}", casting.name),
            None => path.to_owned(),
        }
    }

    /// The place that a person names: `payment`, `charge/payment`, or a child's step by its
    /// name alone where no other saga has one of that name.
    ///
    /// # Errors
    /// There is none; which there are.
    pub(super) fn place_of(&self, named: &str) -> Result<String, String> {
        let (saga, step) = match named.split_once('/') {
            Some((saga, step)) => (Some(saga), step),
            None => (None, named),
        };
        let mut found: Vec<String> = Vec::new();
        for casting in &self.castings {
            let is_meant = saga.is_none_or(|saga| self.is_named(casting, saga));
            if let Some(path) = casting.plan.path_of(step).filter(|_| is_meant) {
                if let Some(part) = casting.plan.run(path) {
                    return Err(runs_another(named, &part.run.saga, self));
                }
                let place = self.place(casting, path);
                if casting.file.is_none() {
                    return Ok(place);
                }
                if !found.contains(&place) {
                    found.push(place);
                }
            }
        }
        match found.as_slice() {
            [place] => Ok(place.clone()),
            [] => Err(format!(
                "{} has no step `{named}` that calls or waits: {}",
                self.first().map_or("it", |first| first.name.as_str()),
                self.places().join(", ")
            )),
            _ => Err(format!(
                "several sagas have a step `{named}`: name it as {}",
                found.join(" or ")
            )),
        }
    }

    /// By its own name, or by the step that runs it.
    fn is_named(&self, casting: &Casting, named: &str) -> bool {
        let mut runs = self.castings.iter().filter_map(|one| {
            let path = one.plan.path_of(named)?;
            one.plan.run(path)
        });
        casting.name == named || runs.any(|part| part.run.saga == casting.name)
    }

    /// Everything that a switch can be of.
    fn places(&self) -> Vec<String> {
        let mut places = Vec::new();
        for casting in &self.castings {
            let paths = casting.plan.paths.iter();
            let switched = paths.filter(|path| casting.plan.run(path).is_none());
            places.extend(switched.map(|path| self.place(casting, path)));
        }
        places
    }

    /// The switch with the place that its step names, when it can befall that step at all.
    ///
    /// # Errors
    /// What it cannot befall, and what could be meant.
    pub(super) fn settle(&self, switch: Switch) -> Result<Switch, String> {
        let place = self.place_of(&switch.step)?;
        let part = self.castings.iter().find_map(|one| {
            let mut calls = one.plan.calls.iter();
            calls.find(|part| self.place(one, &part.path) == place)
        });
        let Some(part) = part else {
            if switch.leg == Leg::Do && switch.trouble == Trouble::Refuse {
                return Ok(Switch {
                    step: place,
                    ..switch
                });
            }
            return Err(format!(
                "{place} waits for a signal: only `refuse` concerns it"
            ));
        };
        possible(part, &switch)
            .map_err(|why| format!("{place} {why}"))
            .map(|()| Switch {
                step: place,
                ..switch
            })
    }
}

/// Whether a switch can befall a step that calls.
fn possible(part: &CallPart, switch: &Switch) -> Result<(), String> {
    let leg = switch.leg;
    if !part.roads().any(|(known, _)| known == leg) {
        return Err(format!("has no {leg} that calls a service"));
    }
    match switch.trouble {
        Trouble::Late if part.replies_within(leg).is_none() => Err(format!(
            "is answered at once, its {leg} says no `reply: later`: `slow` with a time beyond its timeout makes an answer come too late"
        )),
        Trouble::Pend if part.polls_within(leg).is_none() => Err(format!(
            "is decided at once: its {leg} has no `pending_when`"
        )),
        _ => Ok(()),
    }
}

fn runs_another(named: &str, saga: &str, plans: &Plans) -> String {
    let prefix = format!("{saga}/");
    let mut places = plans.places();
    places.retain(|place| place.starts_with(&prefix));
    format!(
        "{named} runs the saga {saga}: name a step of that one: {}",
        places.join(", ")
    )
}
