//! Scripts in, drawings out. A script says, line by line, what services and people do; the
//! driver plays it against a saga, refolds its journal after every turn, and draws it.
//!
//! | line | meaning |
//! | --- | --- |
//! | `STEP 200 JSON` | the service answers the do of STEP |
//! | `undo STEP 503`, `check STEP …`, `confirm STEP …` | the same for its other legs |
//! | `STEP lost`, `STEP not_sent`, `STEP held` | no answer; certainly not sent; not tried |
//! | `late STEP N 200 JSON` | an answer for its attempt N, current or not |
//! | `reply LEG STEP done JSON`, `reply LEG STEP refused JSON` | a reply to the leg's last round |
//! | `signal NAME KEY JSON` | a signal |
//! | `cancel WORDS` | somebody cancels |
//! | `verb retry`, `verb retry LEG STEP JSON` | somebody has it tried again, with another body |
//! | `verb settle LEG STEP done JSON` | somebody says what became of a leg; or `not_happened` |
//! | `verb undo`, `verb abandon`, `verb note WORDS` | the other verbs |
//! | `pass 90s` | time passes, with a wake at every due moment |
//! | `crash` | the process dies and the saga is recovered |
//! | `pause SERVICE`, `resume SERVICE` | its road closes and opens |
//!
//! Before a line about a leg that waits for its next try, time passes until it is called.

use banyan_core::id::Id;
use banyan_core::language::{Surroundings, check};
use banyan_core::route::Route;
use banyan_core::saga::StepState;
use banyan_core::saga::{
    Ask, Context, Entry, Input, Leg, LegPhase, Message, ParkCause, ParkCode, Plan, Rejection,
    Reply, Retry, Road, Saga, Services, Settle, Settlement, Start, Status,
};
use banyan_core::time::{Duration, Timestamp};
use banyan_core::wire::{Answer, Body, Http, What};
use banyan_core::{Definition, Json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Reads a definition, or shows every problem in it.
pub(crate) fn definition(source: &str) -> Definition {
    let checked = check(source, &Surroundings::default());
    checked
        .definition
        .unwrap_or_else(|| panic!("{:#?}\n{source}", checked.diagnostics))
}

/// Every road is open but those of paused services.
#[derive(Default)]
pub(crate) struct Roads {
    /// Paused services.
    pub(crate) paused: BTreeSet<String>,
}

impl Services for Roads {
    fn admit(&self, road: &Road<'_>) -> Result<(), ParkCause> {
        if self.paused.contains(road.service) {
            return Err(ParkCause {
                code: ParkCode::Paused,
                message: format!("{} is paused", road.service),
            });
        }
        Ok(())
    }

    fn keys_kept(&self, _service: &str) -> Duration {
        Duration::from_secs(24 * 60 * 60)
    }
}

/// A saga with its journal, its time and its roads.
pub(crate) struct Driver {
    /// The saga.
    pub(crate) saga: Saga,
    /// Everything that was decided.
    pub(crate) journal: Vec<Entry>,
    /// What it told others, and nobody took from here yet.
    pub(crate) sent: Vec<Message>,
    /// Now.
    pub(crate) now: Timestamp,
    /// Its roads.
    pub(crate) roads: Roads,
    /// Fold the whole journal and read each record back after every turn, not only at the end.
    pub(crate) thorough: bool,
    /// The journal so far, folded record by record: every prefix folds, and what is left
    /// leads on from it.
    shadow: Saga,
    /// The versions that its journal may be of.
    pub(crate) plans: Vec<Arc<Plan>>,
    turns: u64,
    /// Its lock is free whenever it wants it.
    alone: bool,
    /// Wakes that came at once, since the last of which something came.
    in_vain: u32,
}

/// Items of a saga that is compared now and then only.
const LARGE: usize = 100;

/// Woken so often at once for nothing, a saga turns in a circle.
const WAKES_IN_VAIN: u32 = 10;

impl Driver {
    /// Starts a saga.
    pub(crate) fn start(definition: Definition, input: Json) -> Driver {
        Driver::begin(Plan::new(definition), input, true)
    }

    /// Starts a saga of a plan that is shared.
    pub(crate) fn begin(plan: Arc<Plan>, input: Json, thorough: bool) -> Driver {
        Driver::of(start_of(plan, input), Timestamp(1_000_000), thorough)
    }

    /// Starts a saga that is told when its lock comes free.
    pub(crate) fn begin_in_line(plan: Arc<Plan>, input: Json) -> Driver {
        Driver::beside(start_of(plan, input), Timestamp(1_000_000), true, false)
    }

    /// Begins as a start has it.
    pub(crate) fn of(start: Start, now: Timestamp, thorough: bool) -> Driver {
        Driver::beside(start, now, thorough, true)
    }

    fn beside(start: Start, now: Timestamp, thorough: bool, alone: bool) -> Driver {
        let roads = Roads::default();
        let random = u64::from_be_bytes(start.id.as_bytes()[8..].try_into().expect("eight"));
        let (saga, turn) = Saga::start(
            start,
            &Context {
                now,
                random,
                services: &roads,
            },
        );
        let (journal, sent) = (turn.entries, turn.messages);
        let mut shadow =
            Saga::fold(saga.id, Arc::clone(&saga.plan), &journal[..1]).expect("a start folds");
        for entry in &journal[1..] {
            shadow
                .apply(entry, Arc::clone(&saga.plan))
                .expect("I-5: every prefix folds");
        }
        let plans = vec![Arc::clone(&saga.plan)];
        let mut driver = Driver {
            saga,
            plans,
            journal,
            sent,
            now,
            roads,
            thorough,
            shadow,
            turns: 0,
            in_vain: 0,
            alone,
        };
        driver.refold();
        driver.grant();
        driver
    }

    /// Its lock comes free, when nobody else is there.
    fn grant(&mut self) {
        if self.alone && self.saga.waits_for_lock() && !self.saga.status().is_rest() {
            self.handle(Input::LockGranted).expect("always taken");
        }
    }

    /// Takes one input, and proves that recovery would see the same.
    pub(crate) fn handle(&mut self, input: Input) -> Result<bool, Rejection> {
        self.turns += 1;
        let random = self.turns.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let context = Context {
            now: self.now,
            random,
            services: &self.roads,
        };
        let turn = self.saga.handle(input, &context)?;
        for entry in &turn.entries {
            self.shadow
                .apply(entry, &self.plans)
                .expect("I-5: every prefix folds");
            if !self.thorough {
                continue;
            }
            let text = serde_json::to_string(entry).expect("a record is JSON");
            assert_eq!(
                serde_json::from_str::<Entry>(&text).expect("it reads back"),
                *entry,
                "{text}"
            );
        }
        self.sent.extend(turn.messages);
        self.journal.extend(turn.entries);
        self.refold();
        self.grant();
        Ok(turn.replayed)
    }

    /// Goes on with a saga that was folded from the journal as it stands now.
    pub(crate) fn recovered(&mut self, saga: Saga) {
        self.shadow = saga.clone();
        self.saga = saga;
    }

    /// I-5: folding the journal gives the live state and the same pending effects.
    pub(crate) fn refold(&self) {
        if self.thorough {
            self.refold_whole();
        }
        // To compare a thousand items after each of their thousand turns takes its time.
        let large = self.saga.steps.iter().any(|step| step.parts.len() > LARGE);
        let over = self.saga.status().is_rest();
        if large && !over && !self.turns.is_multiple_of(LARGE as u64) {
            return;
        }
        self.alike(&self.shadow);
        let open = !self.saga.status().is_rest();
        assert!(
            !(open && self.saga.waiting_on().is_empty()),
            "waiting_on is empty only at rest: {}",
            self.saga.draw()
        );
        if open && self.saga.status() != Status::Stuck {
            assert!(
                self.saga.wake_at(self.now).is_some(),
                "I-9: {}",
                self.saga.draw()
            );
        }
    }

    /// I-5 over the whole journal at once.
    pub(crate) fn refold_whole(&self) {
        let folded =
            Saga::fold(self.saga.id, &self.plans, &self.journal).expect("I-5: the journal folds");
        self.alike(&folded);
    }

    /// Another saga is in the same state and wants the same calls at the same times.
    fn alike(&self, other: &Saga) {
        assert_eq!(steps(other), steps(&self.saga), "I-5: the steps");
        assert_eq!(rest_of(other), rest_of(&self.saga), "I-5: the saga");
        assert_eq!(other.signals, self.saga.signals, "I-5: the signals");
        assert_eq!(other.pending(), self.saga.pending(), "the pending effects");
        assert_eq!(other.wake_at(self.now), self.saga.wake_at(self.now));
    }

    /// The process dies, and the saga is recovered from its journal.
    pub(crate) fn crash(&mut self) {
        let folded = Saga::fold(self.saga.id, &self.plans, &self.journal);
        self.saga = folded.expect("I-5: the journal folds");
        self.handle(Input::Interrupted).expect("taken");
    }

    /// Lets time pass to its next moment; false when there is none before `until`.
    pub(crate) fn wake(&mut self, until: Timestamp) -> bool {
        match self.saga.wake_at(self.now) {
            Some(at) if at <= until => {
                // What is in flight or parked is looked at now and then; one that is due is not.
                let at_once = at.0 - self.now.0 <= 1;
                self.now = at;
                let before = self.journal.len();
                self.handle(Input::Wake).expect("a wake is always taken");
                let in_vain = at_once && self.journal.len() == before;
                self.in_vain = if in_vain { self.in_vain + 1 } else { 0 };
                assert!(
                    self.in_vain < WAKES_IN_VAIN,
                    "it is woken again and again, and nothing comes of it:\n{}",
                    self.saga.draw()
                );
                true
            }
            _ => false,
        }
    }

    /// Plays one more line of a script.
    pub(crate) fn line(&mut self, line: &str) {
        line_of(self, line);
    }

    /// The route to a step by its name, or by its path.
    fn route(&self, step: &str) -> Route {
        let index = &self.saga.plan.index;
        let route = index.by_path(step).or_else(|| index.by_name(step, &[]));
        route.unwrap_or_else(|| panic!("no step {step}"))
    }

    /// Answers the current attempt of a leg, waiting for it first.
    pub(crate) fn answer(&mut self, step: &str, leg: Leg, what: What) {
        let route = self.route(step);
        for _ in 0..100 {
            let state = self.saga.state(&route).leg(leg);
            if matches!(state.phase, LegPhase::InFlight { .. }) {
                let attempt = state.attempts;
                return self.answer_attempt(step, leg, attempt, what);
            }
            assert!(
                self.wake(Timestamp(i64::MAX)),
                "{} of {step} is not called:\n{}",
                leg.as_str(),
                self.saga.draw()
            );
        }
        panic!(
            "{} of {step} is never called:\n{}",
            leg.as_str(),
            self.saga.draw()
        );
    }

    /// A reply to the last round of a leg.
    pub(crate) fn reply(
        &mut self,
        leg: &str,
        step: &str,
        outcome: &str,
        body: Json,
    ) -> Result<bool, Rejection> {
        let route = self.route(step);
        let leg = Leg::ALL.into_iter().find(|known| known.as_str() == leg);
        let leg = leg.expect("a leg");
        let reply = match outcome {
            "done" => Reply::Done { result: body },
            "refused" => Reply::Refused { error: body },
            other => panic!("no outcome: {other}"),
        };
        self.handle(Input::Reply {
            step: self.saga.spot(&route).path(),
            leg,
            round: self.saga.state(&route).leg(leg).round,
            reply,
        })
    }

    /// Somebody asks for a verb, as a script has it.
    pub(crate) fn ask(&mut self, words: &str) -> Result<bool, Rejection> {
        self.handle(Input::asked(asked(words), "a reason", "someone"))
    }

    /// Answers an attempt, current or not.
    pub(crate) fn answer_attempt(&mut self, step: &str, leg: Leg, attempt: u32, what: What) {
        let path = self.saga.spot(&self.route(step)).path();
        let answer = Answer {
            what,
            took_ms: 5,
            instance: None,
        };
        self.handle(Input::Answer {
            step: path,
            leg,
            attempt,
            answer,
        })
        .expect("an answer is always taken");
    }
}

fn start_of(plan: Arc<Plan>, input: Json) -> Start {
    let labels = Saga::labels_of(&plan, &input).unwrap_or_default();
    Start {
        id: Id::new(1, 2, 3),
        plan,
        namespace: "default".into(),
        key: "cart-17".into(),
        call_seed: "store".into(),
        input,
        labels,
        deadline: None,
        park_limit: Duration::from_secs(3_600),
        children: BTreeMap::new(),
        parent: None,
        not_after: None,
        refused: None,
    }
}

/// What there is of a saga beside its steps and signals.
fn rest_of(saga: &Saga) -> impl PartialEq + std::fmt::Debug {
    (
        (saga.seq, saga.phase, saga.past_pivot, saga.reopened),
        (saga.reason.clone(), saga.halt.clone()),
        (saga.output.clone(), saga.output_error.clone()),
        (saga.ended_at, saga.updated_at),
        (saga.owner.clone(), saga.left.clone()),
        saga.lock.clone(),
    )
}

/// A saga's steps without what recovery computes anew.
fn steps(saga: &Saga) -> Vec<StepState> {
    let mut steps = saga.steps.clone();
    steps.extend(saga.on_end.clone());
    forget(&mut steps);
    steps
}

fn forget(steps: &mut [StepState]) {
    for state in steps {
        for leg in [
            &mut state.forward,
            &mut state.check,
            &mut state.undo,
            &mut state.confirm,
        ] {
            if let LegPhase::InFlight { request, .. } = &mut leg.phase {
                *request = None;
            }
        }
        forget(&mut state.parts);
    }
}

/// Plays a script against a saga that is told when its lock comes free: `granted`.
pub(crate) fn play_in_line(source: &str, input: &str, script: &str) -> Driver {
    let input = serde_json::from_str(input).expect("input");
    let mut driver = Driver::begin_in_line(Plan::new(definition(source)), input);
    let lines = script.lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty()) {
        line_of(&mut driver, line);
    }
    driver
}

/// Plays a script and draws what became of the saga.
pub(crate) fn play(source: &str, input: &str, script: &str) -> Driver {
    let mut driver = Driver::start(
        definition(source),
        serde_json::from_str(input).expect("input"),
    );
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        line_of(&mut driver, line);
    }
    driver
}

pub(crate) fn line_of(driver: &mut Driver, line: &str) {
    let words: Vec<&str> = line.splitn(4, ' ').collect();
    match words.as_slice() {
        ["reply", leg, step, rest] => {
            let (outcome, body) = rest.split_once(' ').unwrap_or((rest, "null"));
            let body = serde_json::from_str(body).expect("a reply's body");
            driver
                .reply(leg, step, outcome, body)
                .unwrap_or_else(|why| panic!("{line}: {why}"));
        }
        ["signal", name, key, body] => {
            let body = serde_json::from_str(body).expect("a signal's body");
            let (name, key) = ((*name).to_owned(), (*key).to_owned());
            driver
                .handle(Input::Signal { name, key, body })
                .unwrap_or_else(|why| panic!("{line}: {why}"));
        }
        ["cancel", ..] => {
            let reason = line["cancel".len()..].trim().to_owned();
            let cancel = Input::asked(Ask::Cancel, reason, "someone");
            driver
                .handle(cancel)
                .unwrap_or_else(|why| panic!("{line}: {why}"));
        }
        ["verb", ..] => {
            driver
                .ask(&line["verb ".len()..])
                .unwrap_or_else(|why| panic!("{line}: {why}"));
        }
        ["pass", time] => {
            let until = driver.now.plus(time.parse().expect("a duration"));
            while driver.wake(until) {}
            driver.now = until;
        }
        ["granted"] => {
            driver.handle(Input::LockGranted).expect("taken");
        }
        ["crash"] => {
            driver.crash();
        }
        ["pause", service] => {
            driver.roads.paused.insert((*service).to_owned());
        }
        ["resume", service] => {
            driver.roads.paused.remove(*service);
            driver.handle(Input::Opened).expect("taken");
        }
        ["late", step, attempt, rest] => {
            let what = what(rest);
            driver.answer_attempt(step, Leg::Do, attempt.parse().expect("an attempt"), what);
        }
        ["undo", step, ..] => driver.answer(step, Leg::Undo, what(rest(line, 2))),
        ["confirm", step, ..] => driver.answer(step, Leg::Confirm, what(rest(line, 2))),
        ["check", step, ..] => driver.answer(step, Leg::Check, what(rest(line, 2))),
        [step, ..] => driver.answer(step, Leg::Do, what(rest(line, 1))),
        [] => {}
    }
}

/// A verb, as a script has it.
pub(crate) fn asked(words: &str) -> Ask {
    let leg = |name: &str| Leg::ALL.into_iter().find(|leg| leg.as_str() == name);
    let json = |text: &str| serde_json::from_str::<Json>(text).expect("JSON");
    match words.splitn(5, ' ').collect::<Vec<_>>().as_slice() {
        ["cancel"] => Ask::Cancel,
        ["undo"] => Ask::Undo,
        ["abandon"] => Ask::Abandon,
        ["note", ..] => Ask::Note {
            text: Some(words["note".len()..].trim().to_owned()),
            owner: Some("ann".to_owned()),
        },
        ["retry"] => Ask::Retry(Retry::default()),
        ["retry", which, step, body @ ..] => Ask::Retry(Retry {
            step: Some((*step).to_owned()),
            leg: Some(leg(which).expect("a leg")),
            body: (!body.is_empty()).then(|| json(&body.join(" "))),
        }),
        ["settle", which, step, settlement, result @ ..] => Ask::Settle(Settle {
            step: (*step).to_owned(),
            leg: leg(which).expect("a leg"),
            settlement: match *settlement {
                "done" => Settlement::Done,
                "not_happened" => Settlement::NotHappened,
                other => panic!("no settlement: {other}"),
            },
            result: result.first().map(|result| json(result)),
            evidence: "seen in its books".to_owned(),
        }),
        _ => panic!("no verb: {words}"),
    }
}

fn rest(line: &str, words: usize) -> &str {
    line.splitn(words + 1, ' ')
        .nth(words)
        .unwrap_or_else(|| panic!("{line}: an answer is missing"))
}

/// `200 {"a": 1}`, `404 html`, `503`, `429 after 7`, `lost`, `not_sent`, `held`.
pub(crate) fn what(text: &str) -> What {
    let (first, body) = text.split_once(' ').unwrap_or((text, ""));
    match first {
        "lost" => What::Lost {
            message: "no answer within the timeout".into(),
        },
        "not_sent" => What::NotSent {
            message: "connection refused".into(),
        },
        "held" => What::Held {
            message: "no instance".into(),
        },
        status => {
            let after = body.strip_prefix("after ");
            let body = match body {
                "" => Body::Empty,
                "html" => Body::NotJson("<html>".into()),
                "large" => Body::TooLarge,
                _ if after.is_some() => Body::Empty,
                json => Body::Json(
                    serde_json::from_str(json).unwrap_or_else(|why| panic!("{text}: {why}")),
                ),
            };
            let headers = after.map(|after| ("retry-after".to_owned(), after.to_owned()));
            let status = status
                .parse()
                .unwrap_or_else(|_| panic!("no answer: {text}"));
            What::Http(Http {
                status,
                headers: headers.into_iter().collect(),
                body,
            })
        }
    }
}

/// Plays a script and compares its drawing.
pub(crate) fn draws(source: &str, script: &str, expected: &expect_test::Expect) -> Driver {
    let driver = play(source, "{}", script);
    expected.assert_eq(&driver.saga.draw());
    driver
}
