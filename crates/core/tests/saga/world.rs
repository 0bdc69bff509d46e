//! Services with ledgers: they keep promise P1 (one effect per key) and nothing more. Every
//! fault is tried at every call of every saga, and the ledgers must add up.

use crate::script::{Driver, what};
use banyan_core::definition::{Call, Kind, Step, Undo};
use banyan_core::saga::{Ask, Effect, Input, Leg, Plan, Rejection, Reply, State, Status};
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

/// What services do that answer before it is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Slow {
    /// They decide soon, and tell.
    #[default]
    Soon,
    /// Their reply comes before their answer; they have decided when they are asked first.
    AtOnce,
    /// They tell twice, and then the contrary.
    Twice,
    /// Their first replies are lost.
    Lost,
    /// They tell when the saga has ended, and take long to decide.
    Late,
    /// They say no in the end.
    Refuse,
    /// They never tell, and never decide.
    Never,
}

impl Slow {
    /// All of them.
    pub(crate) const ALL: [Slow; 7] = [
        Slow::Soon,
        Slow::AtOnce,
        Slow::Twice,
        Slow::Lost,
        Slow::Late,
        Slow::Refuse,
        Slow::Never,
    ];
}

/// A reply that is under way.
struct Letter {
    step: String,
    leg: Leg,
    round: u32,
    key: String,
    /// It arrives only when the saga has come to rest, or needs a person.
    at_the_end: bool,
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
    /// What services do that answer before it is decided.
    pub(crate) slow: Slow,
    letters: Vec<Letter>,
    /// How often the reply under a key was to be sent.
    told: BTreeMap<String, u32>,
    /// How often it was asked whether what a key stands for is decided.
    asked: BTreeMap<String, u32>,
    /// Legs whose file says which answer is not decided yet.
    polled: BTreeSet<(String, Leg)>,
    /// Steps whose file says that an undo which finds nothing is final: their services keep
    /// promise P3.
    tombstones: BTreeSet<String>,
    /// Waits that have an undo: the effect of their signals comes from outside.
    waits: BTreeSet<String>,
    insisted: bool,
    /// After how many turns its saga is moved, and to which version.
    pub(crate) moves_at: Option<(usize, Arc<Plan>)>,
    /// What became of that.
    pub(crate) moved: Option<crate::moved::Moved>,
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
            let answer = answer.clone();
            return self.undecided(request, answer);
        }
        let do_key = do_key(&request.key);
        // What is told later may happen later; what is never told must have happened now.
        let later = request.reply_round.is_some() && !matches!(self.slow, Slow::Lost | Slow::Never);
        let account = self.accounts.entry(do_key).or_default();
        if self
            .waits
            .contains(general(&request.step).trim_end_matches("[]"))
        {
            account.done = 1;
        }
        let answer = match request.leg {
            Leg::Do if account.closed => what(r#"409 {"message":"it was undone already"}"#),
            Leg::Do if later => what("202"),
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
        self.undecided(request, answer)
    }

    /// The answer of a service that has not decided yet, or tells later.
    fn undecided(&mut self, request: &Request, answer: What) -> What {
        let good = matches!(&answer, What::Http(http) if http.status < 300);
        if !good {
            return answer;
        }
        if let Some(round) = request.reply_round {
            let told = self.told.entry(request.key.clone()).or_default();
            *told += 1;
            let is_lost = match self.slow {
                Slow::Lost => *told <= 2,
                Slow::Never => *told <= 3,
                Slow::Soon | Slow::AtOnce | Slow::Twice | Slow::Late | Slow::Refuse => false,
            };
            if !is_lost {
                self.letters.push(Letter {
                    step: request.step.clone(),
                    leg: request.leg,
                    round,
                    key: request.key.clone(),
                    at_the_end: self.slow == Slow::Late && *told <= 2,
                });
            }
            return what("202");
        }
        if self.polled.contains(&(general(&request.step), request.leg)) {
            let asked = self.asked.entry(request.key.clone()).or_default();
            *asked += 1;
            let undecided = match self.slow {
                Slow::AtOnce => 0,
                Slow::Soon | Slow::Twice | Slow::Refuse => 2,
                Slow::Lost => 4,
                Slow::Late => 40,
                Slow::Never => u32::MAX,
            };
            if *asked <= undecided {
                return what(r#"200 {"pending":true}"#);
            }
        }
        answer
    }

    /// The next reply arrives; false when none is under way.
    fn deliver(&mut self, driver: &mut Driver, at_the_end: bool) -> bool {
        let next = self
            .letters
            .iter()
            .position(|letter| at_the_end || !letter.at_the_end);
        let Some(next) = next else { return false };
        let letter = self.letters.remove(next);
        let account = self.accounts.entry(do_key(&letter.key)).or_default();
        let mark = format!("+{}", letter.step);
        let refuses = match (letter.leg, self.slow) {
            (Leg::Do, _) if account.closed => true,
            (Leg::Do, Slow::Refuse) => account.done == 0,
            (Leg::Do | Leg::Check | Leg::Undo | Leg::Confirm, _) => false,
        };
        let first = letter.leg == Leg::Do && account.done == 0 && !refuses;
        if first {
            account.done += 1;
            self.order.push(mark);
        }
        let said = if refuses { "refused" } else { "done" };
        let contrary = if refuses { "done" } else { "refused" };
        let body =
            serde_json::json!({ "id": "x-1", "ok": true, "status": "ok", "message": "told" });
        let tell = |driver: &mut Driver, outcome: &str| {
            let reply = match outcome {
                "done" => Reply::Done {
                    result: body.clone(),
                },
                _ => Reply::Refused {
                    error: body.clone(),
                },
            };
            let (step, leg, round) = (letter.step.clone(), letter.leg, letter.round);
            driver.handle(Input::Reply {
                step,
                leg,
                round,
                reply,
            })
        };
        tell(driver, said).expect("a reply is taken");
        if self.slow == Slow::Twice {
            let rest = driver.saga.status().is_rest();
            let replayed = tell(driver, said).expect("and its repeat");
            assert!(replayed || rest, "{}", driver.saga.draw());
            if !refuses {
                let again = tell(driver, contrary);
                let settled = matches!(again, Err(Rejection::AlreadySettled { .. }));
                assert!(settled, "{again:?}\n{}", driver.saga.draw());
            }
        }
        true
    }

    /// One pending call happens, as the faults will have it.
    pub(crate) fn call(&mut self, driver: &mut Driver, effect: &Effect) {
        let fault = self.fault(effect);
        self.struck.extend(fault.map(|fault| (fault, effect.leg)));
        let request = &effect.request;
        let lost = || what("lost");
        let early = self.slow == Slow::AtOnce;
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
        while early && self.deliver(driver, false) {}
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
        for turn in 0..10_000 {
            self.move_if_due(turn, driver);
            let status = driver.saga.status();
            let undoes =
                !driver.saga.pending().is_empty() || driver.saga.wake_at(driver.now).is_some();
            let told = driver.saga.on_end.as_ref();
            let told = told.is_none_or(|end| matches!(end.state, State::Ended(_)));
            let over = status.is_rest() && told && !undoes;
            if over || status == Status::Stuck {
                if self.deliver(driver, true) || status != Status::Stuck && self.insist(driver) {
                    continue;
                }
                driver.refold_whole();
                return;
            }
            if let Some(effect) = driver.saga.pending().first().cloned() {
                self.call(driver, &effect);
            } else if !self.deliver(driver, false) && !self.act(driver) {
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
            for leg in Leg::ALL {
                let pending = call_of(step, leg).and_then(|call| call.pending.as_ref());
                if pending.is_some_and(|pending| pending.when.is_some()) {
                    self.polled.insert((step.path.clone(), leg));
                }
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
            People::Cancel if waits(driver) => {
                Some(Input::asked(Ask::Cancel, "changed my mind", "someone"))
            }
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

/// The call of a step's leg, if it has that leg.
fn call_of(step: &Step, leg: Leg) -> Option<&Call> {
    match (leg, &step.kind, &step.undo) {
        (Leg::Do, Kind::Call(action), _) => Some(&action.call),
        (Leg::Check, Kind::Call(action), _) => action.check.as_ref(),
        (Leg::Undo, _, Undo::Call(undo)) => Some(&undo.call),
        (Leg::Confirm, _, _) => step.confirm.as_deref(),
        _ => None,
    }
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
