//! Keys and bytes: how long a key may be used, when a round is a new one, what must not change.

use crate::script::{Driver, definition, play};
use banyan_core::saga::{Leg, Outcome, Plan, Record, Saga, State, Status, StuckCode};

const CHARGE: &str = r#"
saga: charge
version: 1
steps:
  - order: { do: PUT orders /o, undo: DELETE orders /o }
  - charge:
      do: POST payments /c
      retry: forever
      undo: { do: POST payments /r, retry: forever }
  - last: { do: POST a /x, undo: none }
"#;

fn rounds(driver: &Driver, of: &str, which: Leg) -> Vec<(u32, String)> {
    let started = driver
        .journal
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::AttemptStarted {
                step,
                leg,
                round,
                key,
                ..
            } if step == of && *leg == which => Some((*round, key.clone())),
            _ => None,
        });
    started.collect()
}

fn code(driver: &Driver) -> Option<StuckCode> {
    driver.saga.stuck().map(|stuck| stuck.code)
}

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

/// Lets a day pass while a service is paused.
const A_DAY: &str = "pass 25h\nresume payments\n";

#[test]
fn what_may_have_happened_is_not_sent_again_once_its_key_ran_out() {
    let lost = format!("order 200\ncharge lost\npause payments\n{A_DAY}");
    let driver = play(CHARGE, "{}", &lost);
    assert_eq!(state(&driver, "charge"), State::Ended(Outcome::Unknown));
    assert_eq!(rounds(&driver, "charge", Leg::Do).len(), 1, "I-47");
    let checked = CHARGE.replace(
        "      retry: forever\n",
        "      retry: forever\n      check: GET payments /c\n",
    );
    let driver = play(&checked, "{}", &format!("{lost}check charge 200 {{}}"));
    assert_eq!(state(&driver, "charge"), State::Ended(Outcome::Done));
    // What never left may leave at any time.
    let driver = play(
        CHARGE,
        "{}",
        &format!("order 200\ncharge not_sent\npause payments\n{A_DAY}charge 200"),
    );
    assert_eq!(state(&driver, "charge"), State::Ended(Outcome::Done));
    // A PUT means the same whatever its key.
    let put = CHARGE.replace("do: POST payments /c", "do: PUT payments /c");
    let driver = play(&put, "{}", &format!("{lost}charge 200"));
    assert_eq!(state(&driver, "charge"), State::Ended(Outcome::Done));
}

#[test]
fn an_undo_and_a_leg_after_the_pivot_are_stuck_when_their_key_ran_out() {
    let undo =
        format!("order 200\ncharge 200\nlast 409\nundo charge lost\npause payments\n{A_DAY}");
    assert_eq!(
        code(&play(CHARGE, "{}", &undo)),
        Some(StuckCode::KeyExpired)
    );
    let after = r#"
saga: after
version: 1
steps:
  - first: { do: PUT a /x, pivot: true }
  - charge: { do: POST payments /c, check: GET payments /c }
"#;
    let lost = format!("first 200\ncharge lost\npause payments\n{A_DAY}");
    let unanswered = play(after, "{}", &format!("{lost}check charge 404 {{}}"));
    assert_eq!(code(&unanswered), Some(StuckCode::KeyExpired));
    let done = play(after, "{}", &format!("{lost}check charge 200 {{}}"));
    assert_eq!(done.saga.status(), Status::Completed);
}

#[test]
fn a_second_look_that_was_parked_meanwhile_still_goes_out_under_a_fresh_key() {
    let unknown = r#"
saga: shop
version: 1
steps:
  - charge: { do: POST payments /c, retry: { attempts: 1 }, undo: POST payments /r }
"#;
    let script = "charge lost\nundo charge 404 {}\npause payments\npass 2m\nresume payments\nundo charge 200";
    let driver = play(unknown, "{}", script);
    assert_eq!(driver.saga.status(), Status::Compensated);
    let rounds = rounds(&driver, "charge", Leg::Undo);
    assert_eq!(
        rounds.iter().map(|(round, _)| *round).collect::<Vec<_>>(),
        [1, 2]
    );
    assert!(rounds[1].1.ends_with("-undo-2"), "{rounds:?}");
}

#[test]
fn each_way_to_look_again() {
    let source = |undo: &str| {
        format!(
            "saga: s\nversion: 1\nsteps:\n  - call: {{ do: POST a /x, retry: {{ attempts: 1 }}, undo: {{ {undo} }} }}\n"
        )
    };
    let looks = |undo: &str, script: &str| {
        let driver = play(&source(undo), "{}", &format!("call lost\n{script}"));
        (
            driver.saga.status(),
            code(&driver),
            rounds(&driver, "call", Leg::Undo).len(),
        )
    };
    let compensated = |attempts| (Status::Compensated, None, attempts);
    // Repeatable: neither 2xx nor "not found" is the last word.
    assert_eq!(
        looks("do: DELETE a /x", "undo call 204\nundo call 204"),
        compensated(2)
    );
    assert_eq!(
        looks(
            "do: DELETE a /x",
            "undo call lost\nundo call 404 {}\nundo call 204"
        ),
        compensated(3)
    );
    assert_eq!(
        looks(
            "do: POST a /u, repeatable: true",
            "undo call 200\nundo call 404 {}"
        ),
        compensated(2)
    );
    // Not repeatable: its 2xx is.
    assert_eq!(looks("do: POST a /u", "undo call 200"), compensated(1));
    // A tombstone, or a file that says so: no second look.
    assert_eq!(
        looks("do: DELETE a /x, look_again: never", "undo call 404 {}"),
        compensated(1)
    );
    assert_eq!(
        looks("do: DELETE a /x, look_again: never", "undo call 204"),
        compensated(1)
    );
    assert_eq!(
        looks(
            "do: POST a /u, missing: ok",
            "undo call lost\nundo call 404 {}"
        ),
        compensated(2)
    );
    // Not the page's "not found", and so a refusal.
    let gone = "do: POST a /u, missing_when: $result.gone == true";
    assert_eq!(
        looks(gone, "undo call 404 {}"),
        (Status::Stuck, Some(StuckCode::UndoRefused), 1)
    );
    assert_eq!(
        looks(
            gone,
            "undo call 200 {\"gone\":true}\nundo call 200 {\"gone\":true}"
        ),
        compensated(2)
    );
    let after_refusal = "undo call 422";
    assert_eq!(
        looks("do: POST a /u", after_refusal),
        (Status::Stuck, Some(StuckCode::UndoRefused), 1)
    );
    let says_no = "do: POST a /u, refused_when: $result.no == true";
    assert_eq!(
        looks(says_no, "undo call 200 {\"no\":true}"),
        (Status::Stuck, Some(StuckCode::UndoRefused), 1)
    );
    assert_eq!(
        looks(says_no, "undo call 200 \"text\""),
        (Status::Stuck, Some(StuckCode::ExpressionFailed), 1)
    );
}

#[test]
fn an_undo_that_took_effect_in_its_first_round_is_done_whatever_the_second_finds() {
    let source = "saga: s\nversion: 1\nsteps:\n  - call: { do: POST a /x, retry: { attempts: 1 }, undo: DELETE a /x }\n";
    let driver = play(source, "{}", "call lost\nundo call 204\nundo call 404 {}");
    assert!(
        driver.saga.draw().contains("↩ undone, 2 attempts"),
        "{}",
        driver.saga.draw()
    );
}

#[test]
fn a_request_that_would_change_is_stuck_and_can_be_cancelled() {
    let mut driver = play(CHARGE, "{}", "order 200\ncharge lost");
    for entry in &mut driver.journal {
        if let Record::AttemptStarted {
            step, body_hash, ..
        } = &mut entry.record
            && step == "charge"
        {
            *body_hash = "what an older version sent".into();
        }
    }
    let plan = Plan::new(definition(CHARGE));
    let saga = Saga::fold(driver.saga.id, plan, &driver.journal).expect("it folds");
    driver.recovered(saga);
    while driver.saga.status() == Status::Running {
        assert!(driver.wake(banyan_core::Timestamp(i64::MAX)));
    }
    assert_eq!(code(&driver), Some(StuckCode::BodyChanged));
    assert_eq!(
        rounds(&driver, "charge", Leg::Do).len(),
        1,
        "nothing else goes out under its key"
    );
    crate::script::line_of(&mut driver, "cancel enough");
    assert_eq!(state(&driver, "charge"), State::Ended(Outcome::Unknown));
    crate::script::line_of(&mut driver, "undo charge 200");
    crate::script::line_of(&mut driver, "undo order 200");
    assert_eq!(driver.saga.status(), Status::Compensated);
}

#[test]
fn what_the_do_sent_is_the_same_on_the_way_back() {
    let source = r#"
saga: s
version: 1
steps:
  - call: { do: POST a /x, body: { about: $saga, key: $key }, undo: { do: POST a /u, body: $body } }
  - last: { do: POST b /x, undo: none }
"#;
    let driver = play(source, "{}", "");
    let sent = driver.saga.pending()[0].request.body.clone();
    let driver = play(source, "{}", "call 200\nlast 409");
    assert_eq!(driver.saga.pending()[0].request.body, sent);
}
