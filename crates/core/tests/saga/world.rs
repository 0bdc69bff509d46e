//! Services with ledgers: they keep promise P1 (one effect per key) and nothing more. Every
//! fault is tried at every call of every saga, and the ledgers must add up.

use crate::script::{Driver, what};
use banyan_core::definition::{Kind, Step, Undo};
use banyan_core::saga::{Effect, Input, Leg, Outcome, Record, Saga, State, Status};
use banyan_core::wire::{Request, What};
use banyan_core::{Definition, Json, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
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
    pub const ALL: [Fault; 10] = [
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
pub struct Strike {
    /// The step's path.
    pub step: String,
    /// The leg.
    pub leg: Leg,
    /// From which attempt.
    pub from: u32,
    /// For how many.
    pub times: u32,
    /// What happens.
    pub fault: Fault,
}

/// What the ledgers hold of one do's key.
#[derive(Clone, Debug, Default)]
struct Account {
    done: u32,
    undone: u32,
}

/// Services, their ledgers, and what is to go wrong.
#[derive(Default)]
pub struct World {
    strikes: Vec<Strike>,
    accounts: BTreeMap<String, Account>,
    answers: BTreeMap<String, What>,
    bodies: BTreeMap<String, Vec<u8>>,
    travelling: Vec<Request>,
    /// `+path` for each effect, `-path` for each undo, in order.
    pub order: Vec<String>,
    /// How often each fault struck.
    pub struck: u32,
}

impl World {
    /// A world in which these go wrong.
    pub fn new(strikes: Vec<Strike>) -> World {
        World {
            strikes,
            ..World::default()
        }
    }

    fn fault(&self, effect: &Effect) -> Option<Fault> {
        let hit = |strike: &&Strike| {
            strike.step == effect.step
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
        let do_key = request
            .key
            .split("-undo")
            .next()
            .unwrap_or_default()
            .to_owned();
        let account = self.accounts.entry(do_key).or_default();
        let answer = match request.leg {
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
            Leg::Check | Leg::Undo => what(r#"404 {"message":"nothing here"}"#),
        };
        if !asks {
            self.answers.insert(request.key.clone(), answer.clone());
        }
        answer
    }

    /// One pending call happens, as the faults will have it.
    fn call(&mut self, driver: &mut Driver, effect: &Effect) {
        let fault = self.fault(effect);
        self.struck += u32::from(fault.is_some());
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
            Some(Fault::CrashBefore) => return crash(driver),
            Some(Fault::CrashAfter) => {
                self.serve(request);
                return crash(driver);
            }
        };
        driver.answer_attempt(
            last(&effect.step),
            effect.leg,
            effect.attempt,
            answer.clone(),
        );
        if fault == Some(Fault::AnsweredTwice) {
            driver.answer_attempt(last(&effect.step), effect.leg, effect.attempt, answer);
        }
        if effect.leg == Leg::Undo {
            for request in std::mem::take(&mut self.travelling) {
                self.serve(&request);
            }
        }
    }

    /// Runs a saga until it rests or is stuck.
    pub fn run(&mut self, definition: Definition, input: Json) -> Driver {
        let mut driver = Driver::start(definition, input);
        for _ in 0..2_000 {
            let status = driver.saga.status();
            if status.is_rest() || status == Status::Stuck {
                return driver;
            }
            if let Some(effect) = driver.saga.pending().first().cloned() {
                self.call(&mut driver, &effect);
            } else if !signal(&mut driver) {
                assert!(
                    driver.wake(Timestamp(i64::MAX)),
                    "I-8: nothing moves it:\n{}",
                    driver.saga.draw()
                );
            }
        }
        panic!("I-8: it never rests:\n{}", driver.saga.draw());
    }

    /// I-10, I-11 and the rest, over ledgers and journal.
    pub fn verify(&self, driver: &Driver) {
        let saga = &driver.saga;
        let story = || format!("{}\n{:#?}\n{:?}", saga.draw(), self.order, self.strikes);
        saga.each_state(&mut |step, state| {
            if !matches!(step.kind, Kind::Call(_)) {
                return;
            }
            let account = self.account(driver, &step.path);
            assert!(account.done <= 1, "P1: {}\n{}", step.path, story());
            assert!(
                account.undone <= account.done,
                "I-17: {}\n{}",
                step.path,
                story()
            );
            let left = account.done - account.undone;
            match saga.status() {
                Status::Completed if state.state == State::Ended(Outcome::Done) => {
                    assert_eq!(left, 1, "I-10: {}\n{}", step.path, story());
                }
                Status::Compensated if matches!(step.undo, Undo::Call(_)) => {
                    assert_eq!(left, 0, "I-11: {}\n{}", step.path, story());
                }
                Status::Completed | Status::Compensated => {}
                Status::Running | Status::Compensating | Status::Stuck | Status::Abandoned => {
                    assert_eq!(saga.status(), Status::Stuck, "I-7\n{}", story());
                }
            }
        });
        verify_journal(driver);
        self.verify_order(driver);
    }

    fn account(&self, driver: &Driver, path: &str) -> Account {
        let key = driver.journal.iter().find_map(|entry| match &entry.record {
            Record::AttemptStarted {
                step,
                leg: Leg::Do,
                key,
                ..
            } if step == path => Some(key),
            _ => None,
        });
        key.and_then(|key| self.accounts.get(key))
            .cloned()
            .unwrap_or_default()
    }

    /// I-18: what comes later on a path is undone first.
    fn verify_order(&self, driver: &Driver) {
        let place = |mark: String| self.order.iter().position(|known| *known == mark);
        let mut leaves = Vec::new();
        flatten(
            &driver.saga.plan.definition.steps,
            false,
            &mut Vec::new(),
            &mut leaves,
        );
        for (earlier, first) in &leaves {
            for (later, second) in &leaves {
                if !follows(first, second) {
                    continue;
                }
                if let (Some(undone_first), Some(undone_last)) =
                    (place(format!("-{later}")), place(format!("-{earlier}")))
                {
                    assert!(
                        undone_first < undone_last,
                        "I-18: {later} before {earlier}: {:?}",
                        self.order
                    );
                }
            }
        }
    }
}

fn crash(driver: &mut Driver) {
    driver.saga = Saga::fold(
        driver.saga.id,
        Arc::clone(&driver.saga.plan),
        &driver.journal,
    )
    .expect("I-5");
    driver.handle(Input::Interrupted).expect("taken");
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// Sends the signal that the saga waits for; false when it waits for none.
fn signal(driver: &mut Driver) -> bool {
    let mut wanted = None;
    driver.saga.each_state(&mut |step, state| {
        if let (Kind::Wait(wait), State::Running) = (&step.kind, state.state) {
            wanted = Some((wait.signal.clone(), step.path.clone()));
        }
    });
    let Some((name, path)) = wanted else {
        return false;
    };
    let body = serde_json::json!({ "ok": true, "approved": true, "status": "ok", "amount": 1 });
    driver
        .handle(Input::Signal {
            name,
            key: path,
            body,
        })
        .expect("taken");
    true
}

/// I-15, I-19, I-20 and I-21 over the journal.
fn verify_journal(driver: &Driver) {
    let story = || driver.saga.draw();
    let turned = driver
        .journal
        .iter()
        .position(|entry| matches!(entry.record, Record::TurnedBack { .. }));
    for (place, entry) in driver.journal.iter().enumerate() {
        let Record::AttemptStarted { leg, .. } = &entry.record else {
            continue;
        };
        match leg {
            Leg::Do => assert!(
                turned.is_none_or(|turned| place < turned),
                "I-19\n{}",
                story()
            ),
            Leg::Undo => assert!(
                turned.is_some_and(|turned| turned < place),
                "I-17\n{}",
                story()
            ),
            Leg::Check => {}
        }
    }
    if driver.saga.past_pivot {
        assert!(turned.is_none(), "I-20\n{}", story());
    }
}

type Way = Vec<(usize, bool)>;

fn flatten(steps: &[Step], parallel: bool, way: &mut Way, out: &mut Vec<(String, Way)>) {
    for (position, step) in steps.iter().enumerate() {
        way.push((position, parallel));
        match &step.kind {
            Kind::Group(group) => flatten(&group.steps, group.parallel, way, out),
            Kind::Call(_) | Kind::Wait(_) | Kind::Sleep(_) | Kind::Set(_) | Kind::Refuse(_) => {
                out.push((step.path.clone(), way.clone()));
            }
        }
        way.pop();
    }
}

/// `second` starts only after `first` is over: they part in a sequence, `first` earlier.
fn follows(first: &Way, second: &Way) -> bool {
    let parted = first.iter().zip(second).find(|(a, b)| a.0 != b.0);
    parted.is_some_and(|(a, b)| !a.1 && a.0 < b.0)
}

/// Every fault at every call that the saga makes when all goes well, and at every undo that a
/// refusal of its last step leads to.
pub fn strike_everything(
    definition: &Definition,
    input: &Json,
    visit: &mut dyn FnMut(&World, &Driver),
) {
    let mut calls: Vec<(String, Leg)> = Vec::new();
    definition.each_step(&mut |step| {
        if let Kind::Call(action) = &step.kind {
            calls.push((step.path.clone(), Leg::Do));
            calls.extend(
                action
                    .check
                    .as_ref()
                    .map(|_| (step.path.clone(), Leg::Check)),
            );
        }
        if matches!(step.undo, Undo::Call(_)) {
            calls.push((step.path.clone(), Leg::Undo));
        }
    });
    let refused = last_refusable(definition);
    for (step, leg) in &calls {
        for fault in Fault::ALL {
            for times in [1, 40] {
                let strike = Strike {
                    step: step.clone(),
                    leg: *leg,
                    from: 1,
                    times,
                    fault,
                };
                let mut strikes = vec![strike];
                if *leg == Leg::Check {
                    strikes.push(Strike {
                        step: step.clone(),
                        leg: Leg::Do,
                        from: 1,
                        times: 40,
                        fault: Fault::AnswerLost,
                    });
                }
                if let Some(refused) = refused
                    .as_ref()
                    .filter(|refused| *leg == Leg::Undo && *refused != step)
                {
                    strikes.push(Strike {
                        step: refused.clone(),
                        leg: Leg::Do,
                        from: 1,
                        times: 1,
                        fault: Fault::Refused,
                    });
                }
                let endless = matches!(leg, Leg::Do | Leg::Undo)
                    && times > 1
                    && fault == Fault::Misconfigured;
                if endless || runs_for_ever(definition, step, times) {
                    continue;
                }
                let mut world = World::new(strikes);
                let driver = world.run(definition.clone(), input.clone());
                world.verify(&driver);
                visit(&world, &driver);
            }
        }
    }
}

/// After the pivot a step is retried for ever, so a fault that never ends never rests.
fn runs_for_ever(definition: &Definition, path: &str, times: u32) -> bool {
    let mut after = false;
    definition
        .each_step(&mut |step| after |= step.path == path && (step.after_pivot || step.pivot));
    after && times > 1
}

/// The last call before the pivot, or of all: refusing it undoes everything before it.
fn last_refusable(definition: &Definition) -> Option<String> {
    let mut last = None;
    definition.each_step(&mut |step| {
        let continues = step.on_refused == banyan_core::definition::OnRefused::Continue;
        if matches!(step.kind, Kind::Call(_)) && !step.after_pivot && !continues {
            last = Some(step.path.clone());
        }
    });
    last
}

#[test]
fn every_fault_at_every_call_leaves_ledgers_that_add_up() {
    let sources = [r#"
saga: mixed
version: 1
steps:
  - order: { do: POST orders /orders, undo: "DELETE orders /orders/{$key}" }
  - prepare:
      together:
        - stock: { do: POST stock /r, undo: "DELETE stock /r/{$key}" }
        - seats:
            steps:
              - hold: { do: POST seats /h, undo: "DELETE seats /h/{$key}" }
              - mark: { do: PUT seats /m, undo: { do: DELETE seats /m, missing: ok } }
  - approval: { wait: approved, for: 1d }
  - charge:
      do: POST payments /c
      check: GET payments /c/{$key}
      undo: { do: POST payments /refunds, body: { key: $key, sent: $body } }
  - ship: { do: POST ship /s, pivot: true, undo: "DELETE ship /s/{$key}" }
  - close: { do: PUT orders /closed }
"#];
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for source in sources {
        let definition = crate::script::definition(source);
        strike_everything(&definition, &serde_json::json!({}), &mut |world, driver| {
            *seen.entry(driver.saga.status().as_str()).or_default() += 1;
            *seen.entry("struck").or_default() += u32::from(world.struck > 0);
        });
    }
    for needed in ["completed", "compensated", "stuck"] {
        assert!(seen.contains_key(needed), "{seen:?}");
    }
    assert!(seen["struck"] > 100, "{seen:?}");
}
