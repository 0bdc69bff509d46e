//! Moves of sagas that wait for a reply, or ask again what was not decided: what they wait for
//! stays as it was registered, and everything after it may change.

use crate::script::{Driver, definition, line_of};
use banyan_core::saga::{Ask, Input, ObstacleCode, Plan, Rejection, Status};
use serde_json::json;
use std::sync::Arc;

const FIRST: &str = r#"
saga: studio
version: 1
deadline: 9d
steps:
  - order: { do: POST orders /o, undo: "DELETE orders /o/{$key}", confirm: { do: "PUT orders /o/{$key}", reply: later, for: 3h } }
  - film:
      do: POST render /jobs
      body: { of: $order.id }
      reply: later
      for: 1h
      on_turn_back: give_up
      check: GET render /jobs/{$key}
      undo: DELETE render /jobs/{$key}
  - wire:
      do: POST bank /w
      pending_when: $result.state == "open"
      every: 1m
      for: 2h
      check: { do: "GET bank /w/{$key}", refused_when: $result.state == "returned" }
      undo: DELETE bank /w/{$key}
  - last: { do: POST mail /m, undo: none }
"#;

/// What it waits for when it is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// The reply to the do of `film`.
    Reply,
    /// The next question what became of `wire`.
    Question,
    /// The reply to the confirm of `order`.
    Confirm,
}

impl Waits {
    const ALL: [Waits; 3] = [Waits::Reply, Waits::Question, Waits::Confirm];

    /// What happens until it waits so.
    fn before(self) -> &'static str {
        match self {
            Waits::Reply => "order 200 {\"id\":7}\nfilm 202",
            Waits::Question => {
                "order 200 {\"id\":7}\nfilm 200 {}\nwire 200 {\"state\":\"open\"}\ncheck wire 200 {\"state\":\"open\"}"
            }
            Waits::Confirm => {
                "order 200 {\"id\":7}\nfilm 200 {}\nwire 200 {}\nlast 200\nconfirm order 202"
            }
        }
    }

    /// What happens when it is decided well.
    fn completes(self) -> &'static str {
        match self {
            Waits::Reply => "reply do film done {}\nwire 200 {}\nlast 200\nconfirm order 200",
            Waits::Question => "check wire 200 {}\nlast 200\nconfirm order 200",
            Waits::Confirm => "reply confirm order done {}",
        }
    }

    /// What happens when it is cancelled instead, with a reply that comes too late.
    fn turns_back(self) -> Option<&'static str> {
        match self {
            Waits::Reply => Some(
                "cancel enough\nundo film 404 {}\nreply do film done {}\nundo film 200\nundo film 404 {}\nundo order 200",
            ),
            Waits::Question => Some(
                "cancel enough\ncheck wire 200 {\"state\":\"returned\"}\nundo film 200\nundo order 200",
            ),
            Waits::Confirm => None,
        }
    }
}

struct Case {
    about: &'static str,
    waits: Waits,
    change: (&'static str, &'static str),
    obstacles: &'static [(&'static str, ObstacleCode)],
}

const LAST: &str = "  - last: { do: POST mail /m, undo: none }\n";
const MORE: &str = "  - last: { do: POST mail /m, undo: none }\n  - more: { set: 1 }\n";

fn table() -> Vec<Case> {
    let mut all = before_it();
    all.extend(awaited());
    all.extend(beside_it());
    all
}

fn case(
    about: &'static str,
    waits: Waits,
    from: &'static str,
    to: &'static str,
    obstacles: &'static [(&'static str, ObstacleCode)],
) -> Case {
    Case {
        about,
        waits,
        change: (from, to),
        obstacles,
    }
}

/// What is the same, and what comes after.
fn before_it() -> Vec<Case> {
    use ObstacleCode::*;
    use Waits::*;
    vec![
        case(
            "nothing, before a reply",
            Reply,
            "deadline: 9d",
            "deadline: 9d",
            &[],
        ),
        case(
            "nothing, while it is asked",
            Question,
            "deadline: 9d",
            "deadline: 9d",
            &[],
        ),
        case(
            "nothing, before the reply to a confirm",
            Confirm,
            "deadline: 9d",
            "deadline: 9d",
            &[],
        ),
        case("the deadline", Reply, "deadline: 9d", "deadline: 30d", &[]),
        case("a step after, before a reply", Reply, LAST, MORE, &[]),
        case("a step after, while it is asked", Question, LAST, MORE, &[]),
        case(
            "a step after, once a confirm has begun",
            Confirm,
            LAST,
            MORE,
            &[("more", StepBefore)],
        ),
    ]
}

/// What is awaited, asked and decided.
fn awaited() -> Vec<Case> {
    use ObstacleCode::*;
    use Waits::*;
    vec![
        case(
            "how long a reply is awaited",
            Reply,
            "for: 1h",
            "for: 2h",
            &[("film", CallChanged)],
        ),
        case(
            "how long it is asked",
            Question,
            "for: 2h",
            "for: 4h",
            &[("wire", CallChanged)],
        ),
        case(
            "how often it is asked",
            Question,
            "every: 1m",
            "every: 5m",
            &[("wire", CallChanged)],
        ),
        case(
            "what is not decided yet",
            Question,
            "== \"open\"",
            "== \"new\"",
            &[("wire", CallChanged)],
        ),
        case(
            "what the check takes for a no",
            Question,
            "\"returned\"",
            "\"sent back\"",
            &[("wire", CallChanged)],
        ),
        case(
            "no reply any more",
            Reply,
            "      reply: later\n      for: 1h\n      on_turn_back: give_up\n",
            "",
            &[("film", CallChanged)],
        ),
        case(
            "to wait when it turns back",
            Reply,
            "give_up",
            "wait",
            &[("film", CallChanged)],
        ),
    ]
}

/// The rest of what waits, and what does not.
fn beside_it() -> Vec<Case> {
    use ObstacleCode::*;
    use Waits::*;
    vec![
        case(
            "what was sent",
            Reply,
            "{ of: $order.id }",
            "{ of: 1 }",
            &[("film", CallChanged)],
        ),
        case(
            "the poll of a step to come",
            Reply,
            "every: 1m",
            "every: 5m",
            &[],
        ),
        case(
            "the poll of a step that is over",
            Confirm,
            "every: 1m",
            "every: 5m",
            &[],
        ),
        case(
            "the confirm that waits for its reply",
            Confirm,
            "for: 3h",
            "for: 4h",
            &[("order", StepChanged)],
        ),
        case(
            "the undo of what waits",
            Reply,
            "DELETE render /jobs/{$key}",
            "PUT render /jobs/{$key}/gone",
            &[("film", UndoChanged)],
        ),
    ]
}

/// A saga of the first version that waits so, and another version for it.
fn stand(case: &Case) -> (Driver, Arc<Plan>) {
    let (from, to) = case.change;
    assert!(FIRST.contains(from), "{}: {from}", case.about);
    let source = FIRST.replace("version: 1", "version: 2").replace(from, to);
    let second = Plan::new(definition(&source));
    let mut driver = Driver::start(definition(FIRST), json!({}));
    driver.plans.push(Arc::clone(&second));
    play(&mut driver, case.waits.before());
    (driver, second)
}

fn play(driver: &mut Driver, script: &str) {
    for line in script.lines() {
        line_of(driver, line);
    }
}

fn to(plan: &Arc<Plan>) -> Input {
    let (plan, children) = (Arc::clone(plan), Default::default());
    Input::asked(Ask::Move { plan, children }, "a mend", "someone")
}

#[test]
fn what_a_saga_waits_for_stays_as_it_is_and_all_after_it_may_change() {
    let mut wrong = Vec::new();
    for case in table() {
        let (mut driver, second) = stand(&case);
        let found: Vec<(String, ObstacleCode)> = match driver.handle(to(&second)) {
            Ok(_) => Vec::new(),
            Err(Rejection::NotSafe { obstacles, .. }) => {
                let obstacles = obstacles.into_iter();
                let place = |path: Option<String>| path.unwrap_or_default();
                obstacles.map(|one| (place(one.path), one.code)).collect()
            }
            Err(other) => panic!("{}: {other}", case.about),
        };
        let expected = case.obstacles.iter();
        let expected: Vec<(String, ObstacleCode)> = expected
            .map(|(path, code)| ((*path).to_owned(), *code))
            .collect();
        if found != expected {
            wrong.push(format!("{}: {found:?}, not {expected:?}", case.about));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_was_awaited_comes_to_the_saga_that_was_moved() {
    let mut waited = Vec::new();
    for case in table().iter().filter(|case| case.obstacles.is_empty()) {
        let (mut driver, second) = stand(case);
        driver.handle(to(&second)).expect("it is moved");
        driver.crash();
        play(&mut driver, case.waits.completes());
        let story = format!("{}\n{}", case.about, driver.saga.draw());
        assert_eq!(driver.saga.status(), Status::Completed, "{story}");
        if let Some(script) = case.waits.turns_back() {
            let (mut driver, second) = stand(case);
            driver.handle(to(&second)).expect("it is moved");
            play(&mut driver, script);
            let story = format!("{}\n{}", case.about, driver.saga.draw());
            assert_eq!(driver.saga.status(), Status::Compensated, "{story}");
        }
        waited.push(case.waits);
    }
    assert!(Waits::ALL.iter().all(|waits| waited.contains(waits)));
}
