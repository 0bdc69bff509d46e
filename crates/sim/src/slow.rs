//! Services that do not decide at once: they answer 202 and send a reply, or say "pending" and
//! are asked again.
//!
//! What they tell is true in the end: an effect that nobody was told of has happened before the
//! answer, and one that happens later is told until it is taken. Beside that they do whatever a
//! seed thinks of: tell early, late, twice, never, and the contrary of what they told.

use crate::services::{definition_of, do_key};
use banyan_core::id::Id;
use banyan_core::saga::Leg;
use banyan_core::testkit::Random;
use banyan_core::wire::Request;
use std::collections::BTreeMap;

/// What a request asks for.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    /// The saga.
    pub(crate) saga: Id,
    /// The step's path.
    pub(crate) step: String,
    /// The leg.
    pub(crate) leg: Leg,
    /// Its key.
    pub(crate) key: String,
    /// The key of its do.
    pub(crate) do_key: String,
    /// The name of its definition.
    pub(crate) definition: String,
}

impl Errand {
    /// What this request asks for.
    pub(crate) fn of(request: &Request) -> Errand {
        Errand {
            saga: request.saga,
            step: request.step.clone(),
            leg: request.leg,
            key: request.key.clone(),
            do_key: do_key(&request.key),
            definition: definition_of(request),
        }
    }
}

/// How a service tells of what it accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Soon.
    Soon,
    /// Before its answer.
    Early,
    /// Twice.
    Doubled,
    /// Never, unless it is asked again.
    Lost,
    /// When nobody waits for it any more.
    Late,
    /// That it will not do it.
    Refuses,
    /// That it will not do it; then it does.
    Recants,
    /// That it has done it, and then that it has not.
    Contradicts,
}

impl Manner {
    /// As it is counted.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Manner::Soon => "reply_soon",
            Manner::Early => "reply_early",
            Manner::Doubled => "reply_doubled",
            Manner::Lost => "reply_lost",
            Manner::Late => "reply_late",
            Manner::Refuses => "reply_refuses",
            Manner::Recants => "reply_recants",
            Manner::Contradicts => "reply_contradicts",
        }
    }

    fn draw(leg: Leg, random: &mut Random) -> Manner {
        // A confirm or an undo that was refused needs a person.
        let refuses = if leg == Leg::Do { 10 } else { 2 };
        match random.below(100) {
            number if number < refuses => Manner::Refuses,
            number if number < 2 * refuses => Manner::Recants,
            20..35 => Manner::Early,
            35..47 => Manner::Doubled,
            47..59 => Manner::Lost,
            59..74 => Manner::Late,
            74..84 => Manner::Contradicts,
            _ => Manner::Soon,
        }
    }
}

/// A reply that is sent until it is taken.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    /// What it is about.
    pub(crate) errand: Errand,
    /// The round of the leg whose address it goes to.
    pub(crate) round: u32,
    /// How the service tells.
    pub(crate) manner: Manner,
    /// What it says: done, or refused.
    pub(crate) done: bool,
    /// It says the contrary of what was taken before.
    pub(crate) contrary: bool,
    /// Somebody said that it was taken, or that it never will be.
    pub(crate) settled: bool,
}

/// Something that is asked about until it is decided.
#[derive(Debug)]
struct Job {
    errand: Errand,
    /// How often it is still undecided.
    left: u32,
    happened: bool,
    dropped: bool,
}

impl Job {
    fn is_open(&self, do_keys: &[String], leg: Leg) -> bool {
        let of_it = self.errand.leg == leg && do_keys.contains(&self.errand.do_key);
        of_it && !self.happened && !self.dropped
    }
}

/// What asking about a job gives.
pub(crate) enum Asked {
    /// It is not decided.
    Undecided,
    /// It was called off.
    Dropped,
    /// It is done.
    Decided(Errand),
}

/// Everything that is told or decided later.
#[derive(Debug, Default)]
pub(crate) struct Slow {
    /// Every letter of the run.
    pub(crate) letters: Vec<Letter>,
    /// Letters that leave, each after so many milliseconds.
    pub(crate) posted: Vec<(u64, usize)>,
    /// What was newly seen of kinds, to be counted.
    pub(crate) seen: Vec<&'static str>,
    jobs: BTreeMap<String, Job>,
}

/// What is never decided.
const FOR_EVER: u32 = u32::MAX;

impl Slow {
    /// Accepts an errand and posts its letter; true when its effect happens now.
    pub(crate) fn accept(
        &mut self,
        errand: &Errand,
        round: u32,
        healed: bool,
        random: &mut Random,
    ) -> bool {
        let manner = if healed {
            Manner::Soon
        } else {
            Manner::draw(errand.leg, random)
        };
        self.seen.push(manner.name());
        self.seen.push(match errand.leg {
            Leg::Do | Leg::Check => "accepted_do",
            Leg::Undo => "accepted_undo",
            Leg::Confirm => "accepted_confirm",
        });
        let done = !matches!(manner, Manner::Refuses | Manner::Recants);
        self.letters.push(Letter {
            errand: errand.clone(),
            round,
            manner,
            done,
            contrary: false,
            settled: false,
        });
        let number = self.letters.len() - 1;
        let soon = 100 + random.draw() % 15_000;
        let after = match manner {
            Manner::Early => Some(0),
            Manner::Lost => None,
            Manner::Late => {
                let limit = *random.pick(&[75_000, 620_000, 7_300_000]);
                Some(limit + random.draw() % 100_000)
            }
            Manner::Soon
            | Manner::Doubled
            | Manner::Refuses
            | Manner::Recants
            | Manner::Contradicts => Some(soon),
        };
        self.posted.extend(after.map(|after| (after, number)));
        // Nobody might ever hear of what happens later and is never told.
        manner == Manner::Lost || (done && random.chance(30))
    }

    /// The same call came again: its letter is sent again.
    pub(crate) fn tell_again(&mut self, key: &str, random: &mut Random) {
        let about = |letter: &Letter| letter.errand.key == key && !letter.contrary;
        if let Some(number) = self.letters.iter().position(about) {
            self.letters[number].settled = false;
            self.seen.push("reply_again");
            self.posted.push((random.draw() % 3_000, number));
        }
    }

    /// A letter that contradicts this one, if the service is of that kind.
    pub(crate) fn contradict(&mut self, number: usize, random: &mut Random) {
        let letter = &self.letters[number];
        let contradicts = matches!(letter.manner, Manner::Recants | Manner::Contradicts);
        if !contradicts || letter.contrary {
            return;
        }
        let contrary = Letter {
            done: !letter.done,
            contrary: true,
            settled: false,
            ..letter.clone()
        };
        self.letters.push(contrary);
        let after = 10 + random.draw() % 60_000;
        self.posted.push((after, self.letters.len() - 1));
    }

    /// An errand that is asked about until it is decided.
    pub(crate) fn wait(
        &mut self,
        errand: &Errand,
        happened: bool,
        healed: bool,
        random: &mut Random,
    ) {
        let left = match random.below(20) {
            _ if healed => 1,
            0..5 => 0,
            5..17 => 1 + u32::try_from(random.below(3)).unwrap_or(0),
            17 | 18 => 12,
            _ => FOR_EVER,
        };
        if left > 0 {
            self.seen.push(match (left, errand.leg) {
                (FOR_EVER, _) => "pending_for_ever",
                (_, Leg::Do | Leg::Check) => "pending_do",
                (_, Leg::Undo) => "pending_undo",
                (_, Leg::Confirm) => "pending_confirm",
            });
        }
        let job = Job {
            errand: errand.clone(),
            left,
            happened,
            dropped: false,
        };
        self.jobs.insert(errand.key.clone(), job);
    }

    /// Whether something is asked about under this key.
    pub(crate) fn waits(&self, key: &str) -> bool {
        self.jobs.contains_key(key)
    }

    /// What somebody asked to be called off, of one leg of these dos: it will not happen.
    pub(crate) fn drop_undecided(&mut self, do_keys: &[String], leg: Leg) {
        for job in self
            .jobs
            .values_mut()
            .filter(|job| job.is_open(do_keys, leg))
        {
            job.dropped = true;
        }
    }

    /// Something of this leg of these dos may still happen.
    pub(crate) fn is_undecided(&self, do_keys: &[String], leg: Leg) -> bool {
        self.jobs.values().any(|job| job.is_open(do_keys, leg))
    }

    /// It is decided with the next question.
    pub(crate) fn decide_now(&mut self, key: &str) {
        if let Some(job) = self.jobs.get_mut(key) {
            job.left = 0;
        }
    }

    /// An undo came before what it undoes had happened, and is filed: the answer is yes, and what
    /// it undoes is done after that, and told.
    pub(crate) fn files(&mut self, do_key: &str, random: &mut Random) -> bool {
        let number = self.letters.iter().position(|letter| {
            let open = letter.done && !letter.settled && letter.manner != Manner::Lost;
            letter.errand.key == do_key && open
        });
        let Some(number) = number.filter(|_| random.chance(70)) else {
            return false;
        };
        self.seen.push("yes_to_nothing");
        self.posted.push((random.draw() % 10_000, number));
        true
    }

    /// An undo came before what it undoes had happened: what is asked about will not happen any
    /// more; what is told later may still happen, since it will be told.
    pub(crate) fn call_off(&mut self, do_key: &str, random: &mut Random) {
        if let Some(job) = self.jobs.get_mut(do_key).filter(|job| !job.happened) {
            job.dropped = true;
        }
        let calls_off = random.chance(50);
        for letter in &mut self.letters {
            let open = letter.errand.key == do_key && !letter.settled && letter.done;
            if open && calls_off && letter.manner != Manner::Lost {
                letter.done = false;
                self.seen.push("reply_called_off");
            }
        }
    }

    /// What a question about a key gives.
    pub(crate) fn ask(&mut self, key: &str, healed: bool) -> Asked {
        let Some(job) = self.jobs.get_mut(key) else {
            return Asked::Undecided;
        };
        if job.dropped {
            return Asked::Dropped;
        }
        let undecided = job.left > 0;
        if job.left == FOR_EVER && healed {
            job.left = 1;
        } else if job.left != FOR_EVER {
            job.left = job.left.saturating_sub(1);
        }
        if undecided {
            return Asked::Undecided;
        }
        job.happened = true;
        Asked::Decided(job.errand.clone())
    }
}
