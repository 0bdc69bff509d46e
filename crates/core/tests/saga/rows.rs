//! Rows of the page on outcomes that belong to no other file: what is asked, counted and
//! honoured on the way, and what a crash or a turn finds in each leg.

use crate::script::{Driver, definition, play, what};
use banyan_core::limits;
use banyan_core::saga::{
    Context, Input, Leg, Outcome, Record, Rejection, State, Status, StuckCode,
};
use banyan_core::time::Duration;
use banyan_core::wire::Answer;
use serde_json::json;

const BESIDE: &str = r#"
saga: beside
version: 1
steps:
  - both:
      together:
        - ask: { do: POST a /x, check: GET a /x, retry: { attempts: 1 }, undo: "DELETE a /x/{$key}" }
        - no: { do: POST b /x, undo: none }
"#;

fn state(driver: &Driver, name: &str) -> State {
    let route = driver
        .saga
        .plan
        .index
        .by_name(name, &[])
        .expect("a step")
        .clone();
    driver.saga.state(&route).state
}

fn code(driver: &Driver) -> Option<StuckCode> {
    driver.saga.stuck().map(|stuck| stuck.code)
}

fn attempts(driver: &Driver, which: Leg) -> Vec<(u32, String)> {
    let started = driver
        .journal
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::AttemptStarted {
                leg, attempt, key, ..
            } if *leg == which => Some((*attempt, key.clone())),
            _ => None,
        });
    started.collect()
}

#[test]
fn a_check_in_flight_is_waited_for_when_the_saga_turns_back_and_not_asked_again() {
    let turned = "ask lost\nno 409\n";
    let done = play(BESIDE, "{}", &format!("{turned}check ask 200 {{}}"));
    assert_eq!(state(&done, "ask"), State::Ended(Outcome::Done));
    let done = play(
        BESIDE,
        "{}",
        &format!("{turned}check ask 200 {{}}\nundo ask 204"),
    );
    assert_eq!(
        done.saga.status(),
        Status::Compensated,
        "what is known to be done needs no second look"
    );
    for nothing_said in [
        "check ask 404 {}",
        "check ask 503",
        "check ask not_sent",
        "check ask 403",
        "check ask held",
        "crash",
    ] {
        let driver = play(BESIDE, "{}", &format!("{turned}{nothing_said}"));
        assert_eq!(
            state(&driver, "ask"),
            State::Ended(Outcome::Unknown),
            "{nothing_said}"
        );
        assert_eq!(attempts(&driver, Leg::Check).len(), 1, "{nothing_said}");
    }
    // A check that was not asked yet is not asked any more.
    let unasked = play(BESIDE, "{}", "no 409\nask lost");
    assert!(attempts(&unasked, Leg::Check).is_empty());
    assert_eq!(state(&unasked, "ask"), State::Ended(Outcome::Unknown));
}

#[test]
fn a_check_says_no_only_by_its_own_refused_when() {
    let source = r#"
saga: s
version: 1
steps:
  - call:
      do: POST a /x
      once: true
      check: { do: GET a /x, refused_when: $result.gone == true }
      undo: none
"#;
    for answer in [
        "200 {\"gone\":true}",
        "409 {\"gone\":true}",
        "404 {\"gone\":true}",
    ] {
        let driver = play(source, "{}", &format!("call lost\ncheck call {answer}"));
        assert_eq!(
            state(&driver, "call"),
            State::Ended(Outcome::Refused),
            "{answer}"
        );
    }
    for answer in ["409 {}", "404 {}", "410", "200 \"text\""] {
        let driver = play(source, "{}", &format!("call lost\ncheck call {answer}"));
        assert_eq!(
            state(&driver, "call"),
            State::Ended(Outcome::Unknown),
            "{answer}"
        );
        assert_eq!(
            code(&driver),
            Some(StuckCode::OutcomeUnknown),
            "`once` waits for a person"
        );
    }
}

#[test]
fn an_unknown_do_is_no_refusal_that_a_saga_could_go_on_from() {
    let source = "saga: s\nversion: 1\nsteps:\n  - call: { do: POST a /x, retry: { attempts: 1 }, on_refused: continue, undo: DELETE a /x }\n";
    let lost = play(source, "{}", "call lost");
    assert_eq!(
        lost.saga.reason.expect("it turned back").code.as_str(),
        "unknown"
    );
    let unsent = play(source, "{}", "call not_sent");
    assert_eq!(
        unsent.saga.reason.expect("it turned back").code.as_str(),
        "not_sent"
    );
    assert_eq!(
        play(source, "{}", "call 409").saga.status(),
        Status::Completed
    );
}

#[test]
fn an_interrupted_undo_goes_on_under_its_key_and_gets_one_attempt_more() {
    let source = "saga: s\nversion: 1\nsteps:\n  - call: { do: POST a /x, undo: { do: POST a /u, retry: { attempts: 1 } } }\n  - last: { refuse: no }\n";
    let driver = play(source, "{}", "call 200\ncrash");
    let made = attempts(&driver, Leg::Undo);
    assert_eq!(
        made.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(made[0].1, made[1].1, "I-14");
    // An undo that got no answer may have taken it back: nothing found is its success.
    let found = play(source, "{}", "call 200\ncrash\nundo call 404 {}");
    assert_eq!(found.saga.status(), Status::Compensated);
    let spent = play(source, "{}", "call 200\ncrash\nundo call 503");
    assert_eq!(code(&spent), Some(StuckCode::UndoExhausted));
    let refused = play(source, "{}", "call 200\ncrash\nundo call 409");
    assert_eq!(code(&refused), Some(StuckCode::OutcomeUnknown));
}

#[test]
fn an_interrupted_check_is_asked_again() {
    let source = "saga: s\nversion: 1\nsteps:\n  - call: { do: POST a /x, once: true, check: { do: GET a /x, retry: { attempts: 1 } }, undo: DELETE a /x }\n";
    let driver = play(source, "{}", "call lost\ncrash\ncheck call 200 {}");
    assert_eq!(driver.saga.status(), Status::Completed);
    assert_eq!(attempts(&driver, Leg::Check).len(), 2);
}

#[test]
fn retry_after_is_honoured_up_to_its_cap() {
    let source = "saga: s\nversion: 1\nsteps:\n  - call: { do: POST a /x, undo: none }\n";
    let driver = play(source, "{}", "call 503 after 99999999999999999");
    let wake = driver.saga.wake_at(driver.now).expect("it tries again");
    assert_eq!(wake.since(driver.now), limits::RETRY_AFTER_MAX_MS);
    let driver = play(source, "{}", "call 503 after Wed, 21 Oct 2026 07:28:00 GMT");
    let wake = driver.saga.wake_at(driver.now).expect("it tries again");
    assert!(
        wake.since(driver.now) <= 200,
        "a date is left to the backoff"
    );
}

#[test]
fn the_deadline_turns_back_what_is_parked_and_leaves_alone_what_is_stuck() {
    let source = |keys: &str| {
        format!(
            "saga: s\nversion: 1\ndeadline: 1h\nsteps:\n  - call: {{ do: POST a /x, undo: DELETE a /x{keys} }}\n"
        )
    };
    let parked = play(&source(""), "{}", "call 403\npass 2h");
    assert_eq!(parked.saga.status(), Status::Compensated);
    assert_eq!(
        parked.saga.reason.expect("a reason").code.as_str(),
        "deadline"
    );
    let stuck = play(&source(", once: true"), "{}", "call lost\npass 2h");
    assert_eq!(stuck.saga.status(), Status::Stuck);
    assert_eq!(stuck.saga.reason, None);
    assert!(
        !stuck
            .journal
            .iter()
            .any(|entry| entry.record == Record::DeadlinePassed)
    );
}

#[test]
fn a_wrong_credential_marks_the_service_and_a_wrong_road_itself() {
    let driver = play(BESIDE, "{}", "");
    let marks = |status: &str| {
        let answer = Answer {
            what: what(status),
            took_ms: 1,
            instance: None,
        };
        let input = Input::Answer {
            step: "both.ask".into(),
            leg: Leg::Do,
            attempt: 1,
            answer,
        };
        let context = Context {
            now: driver.now,
            random: 1,
            services: &driver.roads,
        };
        let turn = driver.saga.clone().handle(input, &context).expect("taken");
        turn.misconfigured
            .map(|wrong| (wrong.service, wrong.whole_service))
    };
    assert_eq!(marks("401"), Some(("a".to_owned(), true)));
    assert_eq!(marks("403"), Some(("a".to_owned(), false)));
    assert_eq!(marks("404 html"), Some(("a".to_owned(), false)));
    assert_eq!(marks("409"), None);
}

const TWO_WAITS: &str = "
saga: s
version: 1
steps:
  - first: { wait: told, for: 1d }
  - second: { wait: told, for: 1d }
output: [$first, $second]
";

fn tell(driver: &mut Driver, key: &str, body: i64) -> Result<bool, Rejection> {
    let (name, key, body) = ("told".to_owned(), key.to_owned(), json!(body));
    driver.handle(Input::Signal { name, key, body })
}

#[test]
fn signals_of_one_name_are_taken_in_order_and_once() {
    let mut driver = Driver::start(definition(TWO_WAITS), json!({}));
    assert_eq!(tell(&mut driver, "a", 1), Ok(false));
    assert_eq!(tell(&mut driver, "a", 1), Ok(true));
    assert_eq!(driver.saga.status(), Status::Running);
    assert_eq!(tell(&mut driver, "b", 2), Ok(false));
    assert_eq!(driver.saga.output, Some(json!([1, 2])));
    assert_eq!(
        tell(&mut driver, "b", 2),
        Ok(true),
        "a known key is answered after the end too"
    );
    assert!(matches!(
        tell(&mut driver, "c", 3),
        Err(Rejection::Ended { .. })
    ));
}

#[test]
fn a_signal_that_came_after_the_time_is_too_late_although_nobody_had_looked() {
    let mut driver = Driver::start(definition(TWO_WAITS), json!({}));
    driver.now = driver.now.plus(Duration::from_secs(24 * 60 * 60 + 1));
    assert_eq!(tell(&mut driver, "a", 1), Ok(false));
    assert_eq!(state(&driver, "first"), State::Ended(Outcome::Refused));
    let mut driver = Driver::start(definition(TWO_WAITS), json!({}));
    driver.now = driver.now.plus(Duration::from_secs(24 * 60 * 60));
    assert_eq!(tell(&mut driver, "a", 1), Ok(false));
    assert_eq!(
        state(&driver, "first"),
        State::Ended(Outcome::Done),
        "within the time"
    );
}

#[test]
fn a_saga_holds_so_many_signals_and_no_more() {
    let source = "saga: s\nversion: 1\nsteps:\n  - call: { do: GET a /x }\n  - first: { wait: told, for: 1d }\n";
    let mut driver = Driver::start(definition(source), json!({}));
    driver.thorough = false;
    for number in 0..limits::SIGNALS {
        assert_eq!(tell(&mut driver, &number.to_string(), 1), Ok(false));
    }
    assert_eq!(
        tell(&mut driver, "more", 1),
        Err(Rejection::TooManySignals {
            limit: limits::SIGNALS
        })
    );
    assert_eq!(
        tell(&mut driver, "7", 1),
        Ok(true),
        "a known one is still known"
    );
}
