//! The services: ledgers that keep promise P1, one effect per key, and misbehave in every
//! other way that a seed thinks of.

use crate::plans::{call_of, keeps_tombstones};
use crate::slow::{Asked, Errand, Slow};
use banyan_core::definition::{Definition, Kind, Undo};
use banyan_core::saga::Leg;
use banyan_core::testkit::Random;
use banyan_core::wire::{Body, Http, Request, What};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What became of one do's key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// Effects of the do.
    pub(crate) done: u32,
    /// Effects of its undo.
    pub(crate) undone: u32,
    /// Effects of its confirm.
    pub(crate) confirmed: u32,
    /// Its undo found nothing and left a mark.
    pub(crate) marked: bool,
}

/// All services of a run.
#[derive(Debug, Default)]
pub(crate) struct Services {
    accounts: BTreeMap<String, Account>,
    answers: BTreeMap<String, What>,
    bodies: BTreeMap<String, String>,
    /// Keys that have had their effect.
    happened: BTreeSet<String>,
    /// What was accepted and is told, or decided, later.
    pub(crate) slow: Slow,
    /// Steps, by definition and path, whose undo leaves a mark where it finds nothing.
    pub(crate) tombstones: BTreeSet<(String, String)>,
    /// Waits with an undo, by definition and path: their signals' effects come from outside.
    pub(crate) outside: BTreeSet<(String, String)>,
    /// Legs, by definition and path, whose file says which answer is not decided yet.
    pub(crate) polled: BTreeSet<(String, String, Leg)>,
    /// Keys that came with other bytes than before.
    pub(crate) changed_bytes: Vec<String>,
    /// Keys of dos that somebody took back by hand.
    pub(crate) by_hand: BTreeSet<String>,
    /// Keys of dos of which something was refused by a reply, and then done after all.
    pub(crate) recanted: BTreeSet<String>,
    /// The faults stop: every service answers as it should.
    pub(crate) healed: bool,
}

impl Services {
    /// The services read a definition: what it says of them is so.
    pub(crate) fn know(&mut self, definition: &Definition) {
        definition.each_step(&mut |step| {
            let place = (definition.name.clone(), step.path.clone());
            if matches!((&step.kind, &step.undo), (Kind::Wait(_), Undo::Call(_))) {
                self.outside.insert(place.clone());
            }
            if keeps_tombstones(step) {
                self.tombstones.insert(place.clone());
            }
            for leg in Leg::ALL {
                let pending = call_of(step, leg).and_then(|call| call.pending.as_ref());
                if pending.is_some_and(|pending| pending.when.is_some()) {
                    let (name, path) = place.clone();
                    self.polled.insert((name, path, leg));
                }
            }
        });
    }

    /// What is known of a do's key.
    pub(crate) fn account(&self, do_key: &str) -> Account {
        self.accounts.get(do_key).cloned().unwrap_or_default()
    }

    /// What is known of the keys of all rounds of a do.
    pub(crate) fn total(&self, do_keys: &[String]) -> Account {
        let mut total = Account::default();
        for account in do_keys.iter().filter_map(|key| self.accounts.get(key)) {
            total.done += account.done;
            total.undone += account.undone;
            total.confirmed += account.confirmed;
            total.marked |= account.marked;
        }
        total
    }

    /// What a signal tells of stands, whether or not its undo has ever arrived.
    pub(crate) fn comes_from_outside(&mut self, do_keys: &[String]) {
        for key in do_keys {
            self.accounts.entry(key.clone()).or_default().done = 1;
        }
    }

    /// Somebody takes back what stands under these keys.
    pub(crate) fn undo_by_hand(&mut self, do_keys: &[String]) {
        for key in do_keys {
            if let Some(account) = self.accounts.get_mut(key) {
                account.undone = account.undone.max(account.done);
                self.by_hand.insert(key.clone());
            }
        }
    }

    /// A request arrives.
    pub(crate) fn serve(&mut self, request: &Request, random: &mut Random) -> What {
        let asks = request.leg == Leg::Check;
        // A check is a question: a person may have it asked in other words (I-14).
        if !asks {
            self.compare_bytes(request);
        }
        if let Some(answer) = self.answers.get(&request.key).filter(|_| !asks) {
            let answer = answer.clone();
            return self.once_more(request, answer, random);
        }
        if let Some(answer) = self.misbehaves(random) {
            return answer;
        }
        let refuses = request.leg == Leg::Do && !self.healed && random.chance(4);
        let answer = if refuses {
            http(409, &json!({ "message": "no" }))
        } else {
            self.effect(request, random)
        };
        // A key is answered once: a doubled request meets the answer of its first.
        if !asks {
            self.answers.insert(request.key.clone(), answer.clone());
        }
        answer
    }

    fn compare_bytes(&mut self, request: &Request) {
        let bytes = format!(
            "{} {} {:?}",
            request.method.as_str(),
            request.target,
            request.body
        );
        let key = format!("{} {}", request.leg.as_str(), request.key);
        let known = self.bodies.entry(key.clone());
        let known = known.or_insert_with(|| bytes.clone());
        if *known != bytes {
            self.changed_bytes
                .push(format!("{key}: {known} and {bytes}"));
        }
    }

    /// Answers that are no effect: broken, overloaded, on the wrong road.
    fn misbehaves(&self, random: &mut Random) -> Option<What> {
        if self.healed {
            return None;
        }
        match random.below(100) {
            0..5 => Some(http(503, &json!({ "message": "broken" }))),
            5..6 => Some(http(429, &json!({}))),
            6..7 => Some(http(403, &json!({ "message": "who are you" }))),
            _ => None,
        }
    }

    /// A key that was answered comes again: what was accepted may be told again, what was not
    /// decided may be decided.
    fn once_more(&mut self, request: &Request, answer: What, random: &mut Random) -> What {
        if is_status(&answer, 202) {
            if self.healed || random.chance(60) {
                self.slow.tell_again(&request.key, random);
            }
            return answer;
        }
        if !is_pending(&answer) {
            return answer;
        }
        let answer = self.decide(&request.key);
        self.answers.insert(request.key.clone(), answer.clone());
        answer
    }

    fn effect(&mut self, request: &Request, random: &mut Random) -> What {
        let errand = Errand::of(request);
        let name = errand.definition.clone();
        // Signals that came too late are undone as `wait[0]`, `wait[1]`.
        let wait = request.step.split('[').next().unwrap_or_default();
        let outside = self.outside.contains(&(name.clone(), wait.to_owned()));
        let marks = self.tombstones.contains(&(name, general(&request.step)));
        let account = self.accounts.entry(errand.do_key.clone()).or_default();
        if outside {
            account.done = 1;
        }
        let stands = account.done > account.undone;
        match request.leg {
            Leg::Do if account.marked => http(409, &json!({ "message": "already undone" })),
            Leg::Undo if !stands => {
                if !marks && self.slow.files(&errand.do_key, random) {
                    return good();
                }
                account.marked = marks;
                if !self.happened.contains(&errand.do_key) {
                    self.slow.call_off(&errand.do_key, random);
                }
                http(404, &json!({ "message": "nothing here" }))
            }
            Leg::Check => self.look(request, stands, random),
            Leg::Do | Leg::Undo | Leg::Confirm => self.accept(request, errand, random),
        }
    }

    /// What becomes of a request that can have its effect: that, now or later.
    fn accept(&mut self, request: &Request, errand: Errand, random: &mut Random) -> What {
        let polled = self.is_polled(request, request.leg);
        if let Some(round) = request.reply_round
            && random.chance(70)
        {
            if self.slow.accept(&errand, round, self.healed, random) {
                self.happen(&errand);
            }
            return http(202, &json!({}));
        }
        if polled && random.chance(70) {
            let now = random.chance(50) && self.happen(&errand);
            self.slow.wait(&errand, now, self.healed, random);
            return self.decide(&errand.key);
        }
        self.happen(&errand);
        good()
    }

    /// A check: what has happened, what has not, and what is not decided yet.
    fn look(&mut self, request: &Request, stands: bool, random: &mut Random) -> What {
        let waits = self.slow.waits(&request.key);
        if waits || (stands && self.is_polled(request, Leg::Check) && random.chance(50)) {
            if !waits {
                let errand = Errand {
                    leg: Leg::Do,
                    ..Errand::of(request)
                };
                self.slow.wait(&errand, true, self.healed, random);
            }
            if self.is_polled(request, Leg::Check) {
                return self.decide(&request.key);
            }
            self.slow.decide_now(&request.key);
            return self.decide(&request.key);
        }
        if stands {
            good()
        } else {
            http(404, &json!({ "message": "nothing here" }))
        }
    }

    fn is_polled(&self, request: &Request, leg: Leg) -> bool {
        let name = definition_of(request);
        self.polled.contains(&(name, general(&request.step), leg))
    }

    /// Whether what a key stands for is decided, and then how.
    fn decide(&mut self, key: &str) -> What {
        match self.slow.ask(key, self.healed) {
            Asked::Undecided => http(200, &json!({ "pending": true })),
            Asked::Dropped => http(409, &json!({ "message": "it was called off" })),
            Asked::Decided(errand) => {
                self.happen(&errand);
                good()
            }
        }
    }

    /// The effect of an errand, once for its key and if it can still be had; whether its key has
    /// had it now.
    pub(crate) fn happen(&mut self, errand: &Errand) -> bool {
        let account = self.accounts.entry(errand.do_key.clone()).or_default();
        let may = match errand.leg {
            Leg::Do | Leg::Check => !account.marked,
            Leg::Undo => account.done > account.undone,
            Leg::Confirm => true,
        };
        if self.happened.contains(&errand.key) || !may {
            return self.happened.contains(&errand.key);
        }
        match errand.leg {
            Leg::Do | Leg::Check => account.done += 1,
            Leg::Undo => account.undone += 1,
            Leg::Confirm => account.confirmed += 1,
        }
        self.happened.insert(errand.key.clone())
    }
}

/// An answer that decides nothing yet.
pub(crate) fn is_pending(answer: &What) -> bool {
    matches!(answer, What::Http(Http { body: Body::Json(body), .. }) if body.get("pending").is_some())
}

fn is_status(answer: &What, status: u16) -> bool {
    matches!(answer, What::Http(http) if http.status == status)
}

fn good() -> What {
    http(200, &json!({ "id": "x-1", "ok": true, "n": 7 }))
}

/// The name of the definition that a request is of.
pub(crate) fn definition_of(request: &Request) -> String {
    let name = request.definition.split('@').next();
    name.unwrap_or_default().to_owned()
}

/// The key of the do, of any leg's.
pub(crate) fn do_key(key: &str) -> String {
    let of_do = key.split("-undo").next().unwrap_or_default();
    let of_do = of_do.split("-confirm").next().unwrap_or_default();
    of_do.to_owned()
}

/// A path with `[]` for its items, as a definition has it.
fn general(path: &str) -> String {
    let mut pieces = path.split('[');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |general, piece| {
        let rest = piece.split_once(']').map_or("", |(_, rest)| rest);
        format!("{general}[]{rest}")
    })
}

fn http(status: u16, body: &banyan_core::Json) -> What {
    What::Http(Http {
        status,
        headers: Vec::new(),
        body: Body::Json(body.clone()),
    })
}
