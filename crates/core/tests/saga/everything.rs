//! A thousand definitions that nobody wrote, and every sample: each call is refused, lost,
//! repeated, late and cut by a crash, and the ledgers add up. What was seen is counted by kind
//! of step, key and outcome; what the language can say must have been seen.

use crate::script::Driver;
use crate::strikes::{calls, strikes};
use crate::world::{Fault, People, Slow, Strike, World};
use banyan_core::Json;
use banyan_core::definition::{Kind, Step};
use banyan_core::language::{Surroundings, check};
use banyan_core::saga::{Leg, Outcome, Plan, State};
use banyan_core::testkit::{Written, change, generate, input, pairs, written};
use std::collections::BTreeMap;
use std::sync::Arc;

const GENERATED: u64 = 1_000;
/// Faults tried at each call of each definition; which ones goes round.
const FAULTS_PER_CALL: usize = 3;

/// How often a step of this kind, with this key, had this outcome.
type Seen = BTreeMap<(&'static str, String, Outcome), u32>;
/// How often a call of this leg met this fault.
type Struck = BTreeMap<(Fault, Leg), u32>;

/// How often a move ended so, and how often its saga then.
type Moves = BTreeMap<String, u32>;

struct Case {
    plan: Arc<Plan>,
    /// Another version, to which it is moved in some runs.
    changed: Option<Arc<Plan>>,
    steps: BTreeMap<String, Written>,
    input: Json,
}

fn case(source: &str, input: Option<Json>) -> Case {
    let checked = check(source, &Surroundings::default());
    let definition = checked
        .definition
        .unwrap_or_else(|| panic!("{:#?}\n{source}", checked.diagnostics));
    let input = input.unwrap_or_else(|| example(definition.input.as_ref()));
    Case {
        plan: Plan::new(definition),
        changed: None,
        steps: written(source),
        input,
    }
}

/// A definition that nobody wrote, with another version of it.
fn generated(seed: u64) -> Case {
    let source = generate(seed);
    let changed = check(&change(&source, seed), &Surroundings::default());
    let changed = changed.definition.expect("a changed file checks");
    Case {
        changed: Some(Plan::new(changed)),
        ..case(&source, Some(fit()))
    }
}

/// A value that a sample's schema describes.
fn example(schema: Option<&Json>) -> Json {
    let Some(schema) = schema else {
        return Json::Null;
    };
    let named = |name: &str| schema.get(name);
    if let Some(first) = named("enum").and_then(|all| all.get(0)) {
        return first.clone();
    }
    match named("type").and_then(Json::as_str) {
        Some("array") => Json::Array(vec![example(named("items"))]),
        Some("integer" | "number") => Json::from(20_000),
        Some("boolean") => Json::Bool(true),
        Some("object") => {
            let required = named("required")
                .and_then(Json::as_array)
                .into_iter()
                .flatten();
            let mut object: serde_json::Map<String, Json> = required
                .filter_map(Json::as_str)
                .map(|name| (name.to_owned(), Json::from("x-1")))
                .collect();
            let properties = named("properties").and_then(Json::as_object);
            for (name, inner) in properties.into_iter().flatten() {
                object.insert(name.clone(), example(Some(inner)));
            }
            Json::Object(object)
        }
        _ => Json::from("x-1"),
    }
}

fn samples() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples");
    let files = std::fs::read_dir(folder).expect("the samples");
    let read = |file: std::io::Result<std::fs::DirEntry>| {
        let path = file.expect("a sample").path();
        std::fs::read_to_string(&path).expect("a sample is text")
    };
    let cases = files.map(read).map(|source| case(&source, None));
    cases
        .filter(|case| case.plan.definition.runs().is_empty())
        .collect()
}

/// Plays one definition with a share of the faults, as `turn` has it.
fn play(case: &Case, turn: usize, seen: &mut Seen, moves: &mut Moves) -> Struck {
    let definition = &case.plan.definition;
    let mut struck = Struck::new();
    let mut runs = Vec::new();
    for (place, call) in calls(definition).iter().enumerate() {
        for share in 0..FAULTS_PER_CALL {
            let number = turn * 7 + place * 3 + share * 5;
            let fault = Fault::ALL[number % Fault::ALL.len()];
            let often = (number / Fault::ALL.len() + share).is_multiple_of(2);
            let mut strikes = strikes(definition, call, fault, often);
            if share == 2 {
                // After an answer that was lost, no fault means what it meant before.
                strikes[0].from = 2;
                let lost = Strike {
                    from: 1,
                    times: 1,
                    fault: Fault::AnswerLost,
                    ..strikes[0].clone()
                };
                strikes.insert(0, lost);
            }
            runs.push(strikes);
        }
    }
    runs.push(Vec::new());
    for (number, strikes) in runs.into_iter().enumerate() {
        let mut world = World::new(strikes);
        world.people = People::ALL[(turn + number) % People::ALL.len()];
        world.slow = Slow::ALL[(turn / 2 + number) % Slow::ALL.len()];
        // Nothing but literal text can be read from such an input.
        let unfit = (turn + number) % 11 == 10;
        let input = if unfit {
            Json::from("unfit")
        } else {
            case.input.clone()
        };
        if (turn + number) % 4 == 1 {
            let changed = case.changed.iter().map(Arc::clone);
            world.moves_at = changed
                .map(|plan| ((turn * 5 + number * 3) % 14, plan))
                .next();
        }
        let driver = world.run(&case.plan, input, false);
        world.verify(&driver);
        if let Some(moved) = world.moved {
            *moves.entry(format!("{moved:?}")).or_default() += 1;
            let then = format!("{moved:?}, then {}", driver.saga.status().as_str());
            *moves.entry(then).or_default() += 1;
        }
        for hit in &world.struck {
            *struck.entry(*hit).or_default() += 1;
        }
        count(case, &driver, seen);
    }
    struck
}

fn count(case: &Case, driver: &Driver, seen: &mut Seen) {
    driver.saga.each_state(&mut |at, state| {
        if at.is_end() {
            return;
        }
        let outcome = match (&at.step.kind, state.state) {
            // What it does for its items tells of it.
            (Kind::Each(_), _) => return,
            // Children need a world of many sagas: `family` plays them.
            (Kind::Run(_), _) => return,
            (Kind::Group(_), _) => {
                let word = state.state_word();
                Outcome::ALL
                    .into_iter()
                    .find(|known| known.as_str() == word)
            }
            (
                Kind::Call(_) | Kind::Wait(_) | Kind::Sleep(_) | Kind::Set(_) | Kind::Refuse(_),
                State::Ended(outcome),
            ) => Some(outcome),
            (
                Kind::Call(_) | Kind::Wait(_) | Kind::Sleep(_) | Kind::Set(_) | Kind::Refuse(_),
                State::Pending | State::Skipped | State::Running,
            ) => None,
        };
        // A step that another version has more.
        let Some(written) = case.steps.get(&at.step.name) else {
            return;
        };
        assert_eq!(written.kind, noun(at.step));
        let Some(outcome) = outcome else { return };
        for key in &written.keys {
            let triple = (written.kind, key.clone(), outcome);
            *seen.entry(triple).or_default() += 1;
        }
    });
}

/// The kind of a step in the words of the language's table. A new kind does not compile here.
fn noun(step: &Step) -> &'static str {
    match step.kind {
        Kind::Call(_) => "a call (`do`)",
        Kind::Wait(_) => "a wait",
        Kind::Sleep(_) => "a sleep",
        Kind::Set(_) => "a set",
        Kind::Refuse(_) => "a refuse",
        Kind::Group(_) => "a group",
        Kind::Each(_) => "an each",
        Kind::Run(_) => "a child (`run`)",
    }
}

/// Whether a step of this kind with this key can have this outcome at all.
fn possible(kind: &str, outcome: Outcome) -> bool {
    match kind {
        // A group has the outcome of its parts.
        "a call (`do`)" | "a wait" | "a group" => true,
        "a sleep" => match outcome {
            Outcome::Done | Outcome::Refused | Outcome::NotSent => true,
            Outcome::Unknown => false,
        },
        "a set" => match outcome {
            Outcome::Done | Outcome::Refused => true,
            Outcome::NotSent | Outcome::Unknown => false,
        },
        "a refuse" => match outcome {
            Outcome::Refused => true,
            Outcome::Done | Outcome::NotSent | Outcome::Unknown => false,
        },
        // Seen in `family`.
        "a child (`run`)" => false,
        new => panic!("what outcomes can {new} have?"),
    }
}

/// Plays every case, on as many threads as there are processors.
fn play_all(cases: &[(usize, Case)]) -> (Seen, Struck, Moves) {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(4));
    let share = cases.len().div_ceil(threads);
    let (mut seen, mut struck, mut moves) = (Seen::new(), Struck::new(), Moves::new());
    std::thread::scope(|scope| {
        let play_share = |share: &[(usize, Case)]| {
            let (mut seen, mut moves) = (Seen::new(), Moves::new());
            let hits = share
                .iter()
                .map(|(turn, case)| play(case, *turn, &mut seen, &mut moves));
            let hits: Vec<Struck> = hits.collect();
            (seen, hits, moves)
        };
        let playing: Vec<_> = cases
            .chunks(share)
            .map(|share| scope.spawn(move || play_share(share)))
            .collect();
        for thread in playing {
            let (some, hits, moved) = thread.join().expect("every case holds");
            for (what, times) in moved {
                *moves.entry(what).or_default() += times;
            }
            for (triple, times) in some {
                *seen.entry(triple).or_default() += times;
            }
            for (hit, times) in hits.into_iter().flatten() {
                *struck.entry(hit).or_default() += times;
            }
        }
    });
    (seen, struck, moves)
}

/// The input of generated sagas, with a time to sleep until that is still to come.
fn fit() -> Json {
    let mut input = input();
    input["at"] = Json::from(2_000_000);
    input
}

#[test]
fn every_kind_with_every_key_meets_every_outcome_and_the_ledgers_add_up() {
    let generated = (0..GENERATED).map(generated);
    let cases: Vec<(usize, Case)> = samples().into_iter().chain(generated).enumerate().collect();
    let (seen, struck, moves) = play_all(&cases);
    for (what, least) in [
        ("Made", 1_000),
        ("Made, then completed", 300),
        ("Made, then compensated", 100),
        ("Made, then stuck", 50),
        ("NotSafe(StepBefore)", 20),
        ("NotSafe(UndoChanged)", 20),
        ("NotNow", 100),
    ] {
        let times = moves.get(what).copied().unwrap_or(0);
        assert!(times >= least, "{what}: {times} times of {moves:#?}");
    }
    let mut missing = Vec::new();
    for (kind, key) in pairs() {
        for outcome in Outcome::ALL {
            let times = seen
                .get(&(kind, key.clone(), outcome))
                .copied()
                .unwrap_or(0);
            if times == 0 && possible(kind, outcome) {
                missing.push(format!("{kind}, {key}, {}", outcome.as_str()));
            }
        }
    }
    assert!(missing.is_empty(), "never seen: {missing:#?}");
    for fault in Fault::ALL {
        for leg in Leg::ALL {
            let times = struck.get(&(fault, leg)).copied().unwrap_or(0);
            assert!(times >= 50, "{fault:?} struck {leg:?} {times} times");
        }
    }
}
