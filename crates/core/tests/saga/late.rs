//! Rule 6: a success that comes after its step was given up is recorded, and undone.

use crate::script::{Driver, play};
use banyan_core::saga::{Leg, Outcome, Record, State, Status, StuckCode};

const OPTIONAL: &str = r#"
saga: optional
version: 1
steps:
  - extra:
      do: POST a /x
      on_refused: continue
      undo: DELETE a /x/{$key}
  - use:
      do: POST b /y
      body: { extra: $extra }
      undo: POST b /y/undone
  - rest: { do: POST c /z, undo: none }
"#;

fn calls(driver: &Driver, step: &str, leg: Leg) -> usize {
    let started = driver.journal.iter().filter(|entry| {
        matches!(&entry.record, Record::AttemptStarted { step: of, leg: on, .. } if of == step && *on == leg)
    });
    started.count()
}

#[test]
fn a_late_success_of_a_continued_refusal_is_undone_while_the_saga_goes_on() {
    let script =
        "extra 409\nuse lost\nlate extra 1 200 {\"id\":1}\nundo extra 204\nuse 200\nrest 200";
    let driver = play(OPTIONAL, "{}", script);
    // Its result stays null to others: what was sent before goes out again with the same bytes.
    assert_eq!(driver.saga.status(), Status::Completed);
    assert_eq!(calls(&driver, "extra", Leg::Undo), 1);
    assert_eq!(driver.saga.reason, None);
}

#[test]
fn in_a_completed_saga_only_the_undo_of_the_late_effect_runs() {
    let ended = "extra 409\nuse 200\nrest 200\nlate extra 1 200 {}";
    let driver = play(OPTIONAL, "{}", ended);
    assert_eq!(driver.saga.status(), Status::Completed);
    assert!(
        driver.saga.wake_at(driver.now).is_some(),
        "its answer is waited for"
    );
    let driver = play(
        OPTIONAL,
        "{}",
        &format!("{ended}\nundo extra 503\nundo extra 204"),
    );
    assert_eq!(driver.saga.status(), Status::Completed);
    assert_eq!(driver.saga.wake_at(driver.now), None);
    assert_eq!(calls(&driver, "use", Leg::Undo), 0);
}

#[test]
fn a_late_success_of_what_was_refused_is_undone_on_the_way_back() {
    let script = "extra 200 {}\nuse 200\nrest 409\n";
    let driver = play(OPTIONAL, "{}", &format!("{script}late rest 1 200"));
    assert_eq!(
        driver.saga.status(),
        Status::Compensating,
        "undo: none leaves only a note"
    );
    let script = "extra 200 {}\nuse 409\nlate use 1 200 {}\nundo extra 204\nundo use 204";
    let driver = play(OPTIONAL, "{}", script);
    assert_eq!(driver.saga.status(), Status::Compensated);
    let ended = "extra 200 {}\nuse 409\nundo extra 204\nlate use 1 200 {}";
    let driver = play(OPTIONAL, "{}", ended);
    assert_eq!(
        (driver.saga.status(), driver.saga.reopened),
        (Status::Compensating, 1)
    );
    let driver = play(OPTIONAL, "{}", &format!("{ended}\nundo use 200"));
    assert_eq!(driver.saga.status(), Status::Compensated);
}

#[test]
fn an_undo_under_way_looks_once_more_when_the_success_comes_meanwhile() {
    let unknown = format!("extra 200 {{}}\n{}", "use lost\n".repeat(5));
    // The second look is in flight when the do's answer comes: its 404 is older than that.
    let script =
        format!("{unknown}undo use 404 {{}}\npass 1m\nlate use 2 200 {{}}\nundo use 404 {{}}");
    let driver = play(OPTIONAL, "{}", &script);
    assert_eq!(driver.saga.status(), Status::Compensating);
    let driver = play(
        OPTIONAL,
        "{}",
        &format!("{script}\nundo use 200\nundo extra 204"),
    );
    assert_eq!(driver.saga.status(), Status::Compensated);
    assert_eq!(calls(&driver, "use", Leg::Undo), 3);
}

/// A service that says yes where it finds nothing: its yes to a later attempt under the same key
/// may be the one that it gave before the effect was there.
#[test]
fn an_undo_that_asked_before_the_late_success_is_not_believed_when_it_says_yes() {
    let undone = |undo: &str, script: &str| {
        let source = format!(
            "saga: s\nversion: 1\nsteps:\n  - call: {{ do: POST a /x, retry: {{ attempts: 1 }}, undo: {{ {undo}, retry: {{ attempts: 2 }} }} }}\n"
        );
        let driver = play(&source, "{}", &format!("call lost\n{script}"));
        let code = driver.saga.stuck().map(|stuck| stuck.code);
        (
            driver.saga.status(),
            code,
            calls(&driver, "call", Leg::Undo),
        )
    };
    let stuck = |attempts| (Status::Stuck, Some(StuckCode::LateEffect), attempts);
    let ends = |attempts| (Status::Compensated, None, attempts);
    let note = "do: POST a /u";
    for (between, attempts) in [
        ("undo call lost\nlate call 1 200 {}\n", 2),
        ("undo call 503\nlate call 1 200 {}\n", 2),
        ("late call 1 200 {}\n", 1),
        // Two attempts are all, and a person has it tried once more.
        (
            "undo call lost\nundo call 503\nlate call 1 200 {}\nverb retry undo call\n",
            3,
        ),
    ] {
        let script = format!("{between}undo call 200");
        assert_eq!(undone(note, &script), stuck(attempts), "{between}");
        // A fresh round is asked at once, where that is safe, and its yes is the last word.
        let (status, code, asked) = undone("do: DELETE a /u", &script);
        assert_eq!(
            (status, code, asked),
            (Status::Compensating, None, attempts + 1),
            "{between}"
        );
        for last in ["undo call 200", "undo call 404 {}"] {
            let script = format!("{script}\n{last}");
            assert_eq!(undone("do: DELETE a /u", &script), ends(attempts + 1));
        }
        // It refuses a do that comes later: its yes is to what was there.
        let marks = "do: POST a /u, look_again: never";
        assert_eq!(undone(marks, &script), ends(attempts), "{between}");
    }
    // It says "not found" where there is nothing, so its yes is to something.
    let script = "undo call 404 {}\nlate call 1 200 {}\nundo call 200";
    assert_eq!(undone(note, script), ends(2));
    // None of its attempts has ever left.
    let script = "undo call not_sent\nlate call 1 200 {}\nundo call 200";
    assert_eq!(undone(note, script), ends(2));
    // "Not found" is final with `missing: ok`, but not one that may be older than the effect.
    let ok = "do: POST a /u, missing: ok";
    let script = "undo call 404 {}";
    assert_eq!(undone(ok, script), ends(1));
    let script = "late call 1 200 {}\nundo call 404 {}\nundo call 404 {}";
    assert_eq!(undone(ok, script), ends(2));
}

#[test]
fn a_success_that_comes_while_a_person_is_asked_on_the_way_back_settles_the_step() {
    let source = r#"
saga: beside
version: 1
steps:
  - both:
      together:
        - book: { do: POST a /x, once: true, undo: "DELETE a /x/{$key}" }
        - pay: { do: POST b /y, undo: "DELETE b /y/{$key}" }
"#;
    let script = "pay 409\nbook lost";
    let driver = play(source, "{}", script);
    assert_eq!(
        driver.saga.stuck().map(|stuck| stuck.code),
        Some(StuckCode::OutcomeUnknown)
    );
    let driver = play(
        source,
        "{}",
        &format!("{script}\nlate book 1 200 {{}}\nundo book 204"),
    );
    assert_eq!(driver.saga.status(), Status::Compensated);
}

#[test]
fn an_answer_for_an_attempt_that_is_not_current_is_a_note() {
    let script = "extra lost\nlate extra 1 200 {}";
    let driver = play(OPTIONAL, "{}", script);
    let route = driver
        .saga
        .plan
        .index
        .by_name("extra", &[])
        .expect("a step")
        .clone();
    assert_eq!(driver.saga.state(&route).state, State::Running);
    assert!(matches!(
        driver.journal.last().map(|entry| &entry.record),
        Some(Record::LateAnswer { .. })
    ));
    let twice = play(
        OPTIONAL,
        "{}",
        "extra 200 {\"id\":1}\nlate extra 1 200 {\"id\":2}\nlate extra 1 409\nuse 200",
    );
    let state = twice.saga.state(&route).state;
    assert_eq!(state, State::Ended(Outcome::Done));
    let never = play(OPTIONAL, "{}", "late extra 2 200 {}");
    assert_eq!(
        never.journal.len(),
        2,
        "an attempt that was never made leaves no trace"
    );
}

/// A late effect may need a person while what came before its step is being undone already.
#[test]
fn an_undo_that_has_begun_goes_on_when_a_late_effect_after_it_is_stuck() {
    let source = r#"
saga: late
version: 1
steps:
  - first: { do: POST a /x, undo: "DELETE a /x/{$key}" }
  - second:
      do: POST b /y
      retry: { attempts: 1 }
      undo: { do: POST b /y/undone, look_again: never }
"#;
    let script = "first 200\nsecond lost\nundo second 404 {}\nundo first lost\nlate second 1 200 {}\nundo second 409 {}";
    let mut driver = play(source, "{}", script);
    driver.line("undo first 503");
    driver.line("undo first 200");
    assert_eq!(driver.saga.status(), Status::Stuck);
    assert_eq!(calls(&driver, "first", Leg::Undo), 3);
}
