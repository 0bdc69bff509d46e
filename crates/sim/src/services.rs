//! The services: ledgers that keep promise P1, one effect per key, and misbehave in every
//! other way that a seed thinks of.

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

/// One effect, in the order in which they happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Effected {
    /// The saga.
    pub(crate) saga: banyan_core::id::Id,
    /// The step's path.
    pub(crate) step: String,
    /// Do or undo.
    pub(crate) leg: Leg,
}

/// All services of a run.
#[derive(Debug, Default)]
pub(crate) struct Services {
    accounts: BTreeMap<String, Account>,
    answers: BTreeMap<String, What>,
    bodies: BTreeMap<String, String>,
    /// Everything that took effect.
    pub(crate) ledger: Vec<Effected>,
    /// Steps, by definition and path, whose undo leaves a mark where it finds nothing.
    pub(crate) tombstones: BTreeSet<(String, String)>,
    /// Waits with an undo, by definition and path: their signals' effects come from outside.
    pub(crate) outside: BTreeSet<(String, String)>,
    /// Keys that came with other bytes than before.
    pub(crate) changed_bytes: Vec<String>,
    /// The faults stop: every service answers as it should.
    pub(crate) healed: bool,
}

impl Services {
    /// What is known of a do's key.
    pub(crate) fn account(&self, do_key: &str) -> Account {
        self.accounts.get(do_key).cloned().unwrap_or_default()
    }

    /// A request arrives.
    pub(crate) fn serve(&mut self, request: &Request, random: &mut Random) -> What {
        let asks = request.leg == Leg::Check;
        self.compare_bytes(request);
        if let Some(answer) = self.answers.get(&request.key).filter(|_| !asks) {
            return answer.clone();
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
        let known = self.bytes(key, &bytes);
        if known != bytes {
            self.changed_bytes.push(request.key.clone());
        }
    }

    fn bytes(&mut self, key: String, bytes: &str) -> &str {
        self.bodies.entry(key).or_insert_with(|| bytes.to_owned())
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

    fn effect(&mut self, request: &Request, random: &mut Random) -> What {
        let do_key = do_key(&request.key);
        let name = request
            .definition
            .split('@')
            .next()
            .unwrap_or_default()
            .to_owned();
        // Signals that came too late are undone as `wait[0]`, `wait[1]`.
        let wait = request.step.split('[').next().unwrap_or_default();
        let outside = self.outside.contains(&(name.clone(), wait.to_owned()));
        let marks = self.tombstones.contains(&(name, general(&request.step)));
        let account = self.accounts.entry(do_key).or_default();
        if outside {
            account.done = 1;
        }
        let mut effected = false;
        let answer = match request.leg {
            Leg::Do if account.marked => http(409, &json!({ "message": "already undone" })),
            Leg::Do => {
                effected = true;
                account.done += 1;
                http(
                    200,
                    &json!({ "id": "x-1", "ok": true, "n": random.below(100) }),
                )
            }
            Leg::Check if account.done > account.undone => {
                http(200, &json!({ "id": "x-1", "ok": true }))
            }
            Leg::Undo if account.done > account.undone => {
                effected = true;
                account.undone += 1;
                http(200, &json!({ "ok": true }))
            }
            Leg::Undo => {
                account.marked = marks;
                http(404, &json!({ "message": "nothing here" }))
            }
            Leg::Check => http(404, &json!({ "message": "nothing here" })),
            Leg::Confirm => {
                effected = true;
                account.confirmed += 1;
                http(200, &json!({ "ok": true }))
            }
        };
        if effected {
            let (saga, step, leg) = (request.saga, request.step.clone(), request.leg);
            self.ledger.push(Effected { saga, step, leg });
        }
        answer
    }
}

/// The key of the do, of any leg's.
fn do_key(key: &str) -> String {
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
