//! Services with ledgers: they keep promise P1 (one effect per key) and nothing more. Every
//! fault is tried at every call of every saga, and the ledgers must add up.

use crate::script::{Driver, what};
use banyan_core::definition::{Kind, Undo};
use banyan_core::saga::{Effect, Input, Leg, Plan, State, Status};
use banyan_core::wire::{Request, What};
use banyan_core::{Json, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fault {
    /// The service says no.
    Refused,
    /// The effect happens and its answer is lost.
    AnswerLost,
    /// The request is lost before it arrives.
    RequestLost,
    /// The request arrives only after its undo was asked once.
    Travels,
    /// It never left.
    NotSent,
    /// The service is broken for one call.
    Unavailable,
    /// The answer is delivered twice.
    AnsweredTwice,
    /// Banyan dies after the intent, before the call.
    CrashBefore,
    /// Banyan dies after the effect, before its answer.
    CrashAfter,
    /// The road is wrong for one call.
    Misconfigured,
}

impl Fault {
    /// All of them.
    pub(crate) const ALL: [Fault; 10] = [
        Fault::Refused,
        Fault::AnswerLost,
        Fault::RequestLost,
        Fault::Travels,
        Fault::NotSent,
        Fault::Unavailable,
        Fault::AnsweredTwice,
        Fault::CrashBefore,
        Fault::CrashAfter,
        Fault::Misconfigured,
    ];
}

/// Which call a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strike {
    /// The step's path.
    pub(crate) step: String,
    /// The leg.
    pub(crate) leg: Leg,
    /// From which attempt.
    pub(crate) from: u32,
    /// For how many.
    pub(crate) times: u32,
    /// What happens.
    pub(crate) fault: Fault,
}

/// What people do while a saga waits for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum People {
    /// They send the signal that it waits for.
    #[default]
    Approve,
    /// They send one that says no.
    SayNo,
    /// They send one that no expression copes with.
    Garble,
    /// They send nothing.
    SayNothing,
    /// They cancel, once it waits for them or for a time.
    Cancel,
    /// They send the signal that it waits for, and after its end every signal again: as it was,
    /// and once more as a new one.
    Insist,
}

impl People {
    /// All of them.
    pub(crate) const ALL: [People; 6] = [
        People::Approve,
        People::SayNo,
        People::Garble,
        People::SayNothing,
        People::Cancel,
        People::Insist,
    ];
}

/// What the ledgers hold of one do's key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// Effects of the do.
    pub(crate) done: u32,
    /// Effects of its undo.
    pub(crate) undone: u32,
    /// Effects of its confirm.
    pub(crate) confirmed: u32,
    /// An undo that found nothing left a mark that refuses the do (promise P3).
    closed: bool,
}

/// Services, their ledgers, and what is to go wrong.
#[derive(Default)]
pub(crate) struct World {
    /// What goes wrong.
    pub(crate) strikes: Vec<Strike>,
    /// What people do.
    pub(crate) people: People,
    /// What the services hold, by the keys of the dos.
    pub(crate) accounts: BTreeMap<String, Account>,
    answers: BTreeMap<String, What>,
    bodies: BTreeMap<String, Vec<u8>>,
    travelling: Vec<Request>,
    /// Steps whose file says that an undo which finds nothing is final: their services keep
    /// promise P3.
    tombstones: BTreeSet<String>,
    /// Waits that have an undo: the effect of their signals comes from outside.
    waits: BTreeSet<String>,
    insisted: bool,
    /// `+path` for each effect, `-path` for each undo, `=path` for each confirm, in order.
    pub(crate) order: Vec<String>,
    /// Which fault struck which leg, each time that one did.
    pub(crate) struck: Vec<(Fault, Leg)>,
}

impl World {
    /// A world in which these go wrong.
    pub(crate) fn new(strikes: Vec<Strike>) -> World {
        World {
            strikes,
            ..World::default()
        }
    }

    fn fault(&self, effect: &Effect) -> Option<Fault> {
        let hit = |strike: &&Strike| {
            strike.step == general(&effect.step)
                && strike.leg == effect.leg
                && (strike.from..strike.from + strike.times).contains(&effect.attempt)
        };
        self.strikes.iter().find(hit).map(|strike| strike.fault)
    }

    /// The service gets a request: its effect, once per key, and its answer.
    fn serve(&mut self, request: &Request) -> What {
        let bytes = format!(
            "{} {} {:?}",
            request.method.as_str(),
            request.target,
            request.body
        )
        .into_bytes();
        let asks = request.leg == Leg::Check;
        let known = if asks {
            None
        } else {
            self.bodies.insert(request.key.clone(), bytes.clone())
        };
        assert!(
            known.is_none_or(|known| known == bytes),
            "I-14: another body under the key {}",
            request.key
        );
        if let Some(answer) = self.answers.get(&request.key).filter(|_| !asks) {
            return answer.clone();
        }
        let do_key = do_key(&request.key);
        let account = self.accounts.entry(do_key).or_default();
        if self
            .waits
            .contains(general(&request.step).trim_end_matches("[]"))
        {
            account.done = 1;
        }
        let answer = match request.leg {
            Leg::Do if account.closed => what(r#"409 {"message":"it was undone already"}"#),
            Leg::Do => {
                account.done += 1;
                self.order.push(format!("+{}", request.step));
                what(r#"200 {"id":"x-1","ok":true,"status":"ok","amount":1,"score":1}"#)
            }
            Leg::Check if account.done > account.undone => {
                what(r#"200 {"id":"x-1","ok":true,"status":"ok"}"#)
            }
            Leg::Undo if account.done > account.undone => {
                account.undone += 1;
                self.order.push(format!("-{}", request.step));
                what("200 {}")
            }
            Leg::Undo => {
                account.closed = self.tombstones.contains(&general(&request.step));
                what(r#"404 {"message":"nothing here"}"#)
            }
            Leg::Check => what(r#"404 {"message":"nothing here"}"#),
            Leg::Confirm => {
                account.confirmed += 1;
                self.order.push(format!("={}", request.step));
                what("200 {}")
            }
        };
        if !asks {
            self.answers.insert(request.key.clone(), answer.clone());
        }
        answer
    }

    /// One pending call happens, as the faults will have it.
    pub(crate) fn call(&mut self, driver: &mut Driver, effect: &Effect) {
        let fault = self.fault(effect);
        self.struck.extend(fault.map(|fault| (fault, effect.leg)));
        let request = &effect.request;
        let lost = || what("lost");
        let answer = match fault {
            None | Some(Fault::AnsweredTwice) => self.serve(request),
            Some(Fault::Refused) => what(r#"409 {"message":"no"}"#),
            Some(Fault::AnswerLost) => {
                self.serve(request);
                lost()
            }
            Some(Fault::RequestLost) => lost(),
            Some(Fault::Travels) => {
                self.travelling.push((**request).clone());
                lost()
            }
            Some(Fault::NotSent) => what("not_sent"),
            Some(Fault::Unavailable) => what("503"),
            Some(Fault::Misconfigured) => what("403"),
            Some(Fault::CrashBefore) => return driver.crash(),
            Some(Fault::CrashAfter) => {
                self.serve(request);
                return driver.crash();
            }
        };
        driver.answer_attempt(&effect.step, effect.leg, effect.attempt, answer.clone());
        if fault == Some(Fault::AnsweredTwice) {
            driver.answer_attempt(&effect.step, effect.leg, effect.attempt, answer);
        }
        if effect.leg == Leg::Undo {
            for request in std::mem::take(&mut self.travelling) {
                self.serve(&request);
            }
        }
    }

    /// Runs a saga until it rests or is stuck.
    pub(crate) fn run(&mut self, plan: &Arc<Plan>, input: Json, thorough: bool) -> Driver {
        self.keeps_tombstones(plan);
        let mut driver = Driver::begin(Arc::clone(plan), input, thorough);
        self.go(&mut driver);
        driver
    }

    /// Answers calls until this leg of this step is called, and leaves it unanswered.
    pub(crate) fn go_until(&mut self, driver: &mut Driver, step: &str, leg: Leg) {
        for _ in 0..1_000 {
            match driver.saga.pending().first().cloned() {
                Some(effect) if effect.step == step && effect.leg == leg => return,
                Some(effect) => self.call(driver, &effect),
                None => panic!("{step} is never called:\n{}", driver.saga.draw()),
            }
        }
    }

    /// One pending call happens.
    pub(crate) fn call_one(&mut self, driver: &mut Driver) {
        if let Some(effect) = driver.saga.pending().first().cloned() {
            self.call(driver, &effect);
        }
    }

    /// Goes on until the saga rests or is stuck.
    pub(crate) fn go(&mut self, driver: &mut Driver) {
        for _ in 0..10_000 {
            let status = driver.saga.status();
            let undoes =
                !driver.saga.pending().is_empty() || driver.saga.wake_at(driver.now).is_some();
            let told = driver.saga.on_end.as_ref();
            let told = told.is_none_or(|end| matches!(end.state, State::Ended(_)));
            let over = status.is_rest() && told && !undoes;
            if over || status == Status::Stuck {
                if status != Status::Stuck && self.insist(driver) {
                    continue;
                }
                driver.refold_whole();
                return;
            }
            if let Some(effect) = driver.saga.pending().first().cloned() {
                self.call(driver, &effect);
            } else if !self.act(driver) {
                assert!(
                    driver.wake(Timestamp(i64::MAX)),
                    "I-8: nothing moves it:\n{}",
                    driver.saga.draw()
                );
            }
        }
        panic!(
            "I-8: it never rests:\n{}\n{:?}",
            driver.saga.draw(),
            self.strikes
        );
    }

    /// Services of steps whose file says so refuse a do that comes after its undo.
    pub(crate) fn keeps_tombstones(&mut self, plan: &Plan) {
        plan.definition.each_step(&mut |step| {
            if let Undo::Call(undo) = &step.undo
                && (undo.missing_ok || undo.look_again.is_none())
            {
                self.tombstones.insert(step.path.clone());
            }
            if matches!((&step.kind, &step.undo), (Kind::Wait(_), Undo::Call(_))) {
                self.waits.insert(step.path.clone());
            }
        });
    }

    /// After its end every signal comes again, as it was and as a new one; false when that is
    /// over, or nobody insists.
    fn insist(&mut self, driver: &mut Driver) -> bool {
        if self.people != People::Insist || std::mem::replace(&mut self.insisted, true) {
            return false;
        }
        let body = serde_json::json!({ "ok": true, "approved": true, "status": "ok" });
        let plan = Arc::clone(&driver.saga.plan);
        let mut taken = false;
        plan.definition.each_step(&mut |step| {
            let Kind::Wait(wait) = &step.kind else { return };
            for key in ["k-0", "late"] {
                let (name, key, body) = (wait.signal.clone(), key.to_owned(), body.clone());
                let ended = driver.saga.status().is_rest();
                let result = driver.handle(Input::Signal { name, key, body });
                let undone = plan.definition.undoes(&wait.signal);
                assert!(
                    result.is_err() || undone || !ended || result == Ok(true),
                    "{result:?}"
                );
                taken |= result == Ok(false);
            }
        });
        taken
    }

    /// People act on a saga that waits; false when they leave it alone.
    pub(crate) fn act(&self, driver: &mut Driver) -> bool {
        let approved = serde_json::json!({ "ok": true, "approved": true, "status": "ok" });
        let input = match self.people {
            People::SayNothing => None,
            People::Cancel if waits(driver) => Some(Input::Cancel {
                reason: "changed my mind".into(),
                actor: "someone".into(),
            }),
            People::Approve | People::Cancel | People::Insist => signal(driver, approved),
            People::SayNo => signal(driver, serde_json::json!({ "approved": false })),
            People::Garble => signal(driver, serde_json::json!("garbled")),
        };
        input.is_some_and(|input| driver.handle(input).is_ok())
    }
}

/// It waits for people or for a time, and may still be cancelled.
fn waits(driver: &Driver) -> bool {
    let mut found = false;
    driver.saga.each_state(&mut |at, state| {
        found |=
            matches!(at.step.kind, Kind::Wait(_) | Kind::Sleep(_)) && state.state == State::Running;
    });
    found && !driver.saga.past_pivot && driver.saga.reason.is_none()
}

/// The key of the do, of any leg's.
fn do_key(key: &str) -> String {
    let of_do = key.split("-undo").next().unwrap_or_default();
    of_do
        .split("-confirm")
        .next()
        .unwrap_or_default()
        .to_owned()
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

/// The signal that the saga waits for; none when it waits for none.
fn signal(driver: &Driver, body: Json) -> Option<Input> {
    let mut wanted = None;
    driver.saga.each_state(&mut |at, state| {
        if let (Kind::Wait(wait), State::Running) = (&at.step.kind, state.state) {
            wanted = Some(wait.signal.clone());
        }
    });
    // Several may wait for one name, and each takes one.
    let key = format!("k-{}", driver.saga.signals.len());
    let name = wanted?;
    Some(Input::Signal { name, key, body })
}
