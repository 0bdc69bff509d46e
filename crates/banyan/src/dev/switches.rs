//! The switches of the stand-ins: what befalls a step's calls until it is switched off.

use super::leg::Leg;
use banyan_core::time::Duration;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// What befalls a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The service says no: nothing happens.
    Refuse,
    /// It happens, and the answer is lost.
    Lose,
    /// It happens, and the answer takes so long.
    Slow(Duration),
    /// The service is out of order: a 503, and nothing happens.
    Fail,
    /// It happens, and the reply comes when it was given up already.
    Late,
    /// It is not decided yet, whenever it is asked about.
    Pend,
}

impl Trouble {
    /// The command that switches it on.
    pub(super) const fn verb(self) -> &'static str {
        match self {
            Trouble::Refuse => "refuse",
            Trouble::Lose => "lose",
            Trouble::Slow(_) => "slow",
            Trouble::Fail => "fail",
            Trouble::Late => "late",
            Trouble::Pend => "pend",
        }
    }

    /// All of them; a slow one takes this long unless it is told otherwise.
    pub(super) const ALL: [Trouble; 6] = [
        Trouble::Refuse,
        Trouble::Lose,
        Trouble::Slow(Duration::from_secs(3)),
        Trouble::Fail,
        Trouble::Late,
        Trouble::Pend,
    ];

    /// What a command of this name switches on.
    pub(super) fn from_verb(verb: &str) -> Option<Trouble> {
        Trouble::ALL
            .into_iter()
            .find(|trouble| trouble.verb() == verb)
    }
}

/// One switch that is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Switch {
    /// The step's path, or its name; a child's behind the child's name (`charge/payment`).
    pub(super) step: String,
    /// The leg that it concerns.
    pub(super) leg: Leg,
    /// What befalls its calls.
    pub(super) trouble: Trouble,
    /// How many more calls; none means until it is switched off.
    pub(super) left: Option<u32>,
}

impl Switch {
    /// From the words after the verb: `STEP [undo|check|confirm] [TIME] [once|xN]`.
    ///
    /// # Errors
    /// Which word cannot be meant, and what can.
    pub(super) fn parse(trouble: Trouble, words: &str) -> Result<Switch, String> {
        let verb = trouble.verb();
        let mut words = words
            .split(|c: char| c.is_whitespace() || c == ':' || c == '=')
            .filter(|word| !word.is_empty());
        let step = words
            .next()
            .ok_or_else(|| format!("name a step, as in `{verb} payment`"))?;
        let mut switch = Switch {
            step: step.to_owned(),
            leg: Leg::Do,
            trouble,
            left: None,
        };
        for word in words {
            if let Some(leg) = Leg::from_word(word) {
                switch.leg = leg;
            } else if let Some(times) = times(word) {
                switch.left = Some(times);
            } else if let (Trouble::Slow(time), Ok(said)) = (&mut switch.trouble, word.parse()) {
                *time = said;
            } else {
                return Err(format!(
                    "`{word}` is none of undo, check, confirm, once, x2{}",
                    if matches!(trouble, Trouble::Slow(_)) {
                        ", 3s"
                    } else {
                        ""
                    }
                ));
            }
        }
        Ok(switch)
    }
}

/// `once`, or `x3`.
fn times(word: &str) -> Option<u32> {
    if word == "once" {
        return Some(1);
    }
    word.strip_prefix('x')?
        .parse()
        .ok()
        .filter(|times| *times > 0)
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.trouble.verb())?;
        if let Trouble::Slow(time) = self.trouble {
            write!(f, " {time}")?;
        }
        if self.leg != Leg::Do {
            write!(f, " ({})", self.leg)?;
        }
        match self.left {
            Some(1) => f.write_str(", once"),
            Some(left) => write!(f, ", {left} times"),
            None => Ok(()),
        }
    }
}

/// Every switch that is on. They outlive a reload.
#[derive(Debug, Default)]
pub(super) struct Switches {
    on: Mutex<Vec<Switch>>,
}

impl Switches {
    /// Switches on; whatever befell that leg before no longer does.
    pub(super) fn put(&self, switch: Switch) {
        self.with(|on| {
            on.retain(|other| (&other.step, other.leg) != (&switch.step, switch.leg));
            on.push(switch);
        });
    }

    /// Switches off: one step, or all.
    pub(super) fn clear(&self, step: Option<&str>) {
        self.with(|on| on.retain(|switch| step.is_some_and(|step| step != switch.step)));
    }

    /// What befalls this call; uses up one of a switch that counts.
    pub(super) fn meet(&self, step: &str, leg: Leg) -> Option<Trouble> {
        self.with(|on| {
            let met = |switch: &Switch| switch.step == step && switch.leg == leg;
            let position = on.iter().position(met)?;
            let trouble = on[position].trouble;
            match &mut on[position].left {
                Some(1) => drop(on.remove(position)),
                Some(left) => *left -= 1,
                None => {}
            }
            Some(trouble)
        })
    }

    /// As [`meet`](Switches::meet), but only for trouble of this kind; other kinds stay unused.
    pub(super) fn meet_only(&self, step: &str, leg: Leg, trouble: Trouble) -> bool {
        let mut on = self.of(step).into_iter();
        on.any(|switch| switch.leg == leg && switch.trouble == trouble)
            && self.meet(step, leg).is_some()
    }

    /// Those of a step.
    pub(super) fn of(&self, step: &str) -> Vec<Switch> {
        self.with(|on| {
            let of_step = on.iter().filter(|switch| switch.step == step);
            of_step.cloned().collect()
        })
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Switch> {
        self.with(|on| on.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<Switch>) -> T) -> T {
        // A panic between two changes left switches that are still switches.
        act(&mut self.on.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
