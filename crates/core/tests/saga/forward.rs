//! What an answer means for a do: each row of the table, before and after an answer was lost.

use crate::script::{definition, draws, play};
use banyan_core::saga::{Leg, Outcome, Record, State, Status, StuckCode};
use expect_test::expect;

const ONE: &str = r#"
saga: one
version: 1
steps:
  - call:
      do: POST svc /things
      retry: { attempts: 3 }
      undo: DELETE svc /things/by-key/{$key}
output: $call
"#;

fn outcome(source: &str, script: &str) -> (State, Status) {
    let driver = play(source, "{}", script);
    let route = driver
        .saga
        .plan
        .index
        .by_name("call", &[])
        .expect("the step");
    (driver.saga.state(&route).state, driver.saga.status())
}

#[test]
fn each_status_has_its_meaning() {
    let done = State::Ended(Outcome::Done);
    let refused = State::Ended(Outcome::Refused);
    for status in ["200", "201 {}", "202 {}", "204", "200 html", "200 large"] {
        assert_eq!(outcome(ONE, &format!("call {status}")).0, done, "{status}");
    }
    for status in [
        "400", "402", "404 {}", "409", "410", "412", "413", "414", "422", "431",
    ] {
        assert_eq!(
            outcome(ONE, &format!("call {status}")),
            (refused, Status::Compensated),
            "{status}"
        );
    }
    for status in [
        "408", "425", "429", "500", "502", "503", "504", "599", "lost", "300", "301", "302", "303",
        "304",
    ] {
        assert_eq!(
            outcome(ONE, &format!("call {status}\ncall 200")),
            (done, Status::Completed),
            "{status}"
        );
        let spent = format!("call {status}\ncall {status}\ncall {status}");
        assert_eq!(
            outcome(ONE, &spent).0,
            State::Ended(Outcome::Unknown),
            "{status}"
        );
    }
    for status in [
        "401", "403", "404 html", "404", "405", "406", "407", "415", "418", "451", "305", "307",
        "308", "held",
    ] {
        let (state, status_now) = outcome(ONE, &format!("call {status}"));
        assert_eq!(
            (state, status_now),
            (State::Running, Status::Running),
            "{status} parks"
        );
    }
    let spent = "call not_sent\ncall not_sent\ncall not_sent";
    assert_eq!(
        outcome(ONE, spent),
        (State::Ended(Outcome::NotSent), Status::Compensated)
    );
}

#[test]
fn a_refusal_after_a_lost_answer_is_not_the_last_word() {
    assert_eq!(
        outcome(ONE, "call lost\ncall 409\ncall 409").0,
        State::Ended(Outcome::Unknown)
    );
    assert_eq!(
        outcome(ONE, "call lost\ncall 409\ncall 200").0,
        State::Ended(Outcome::Done)
    );
    assert_eq!(
        outcome(ONE, "call not_sent\ncall 409").0,
        State::Ended(Outcome::Refused)
    );
}

#[test]
fn an_unreadable_answer_is_done_and_fails_whoever_reads_it() {
    let driver = play(ONE, "{}", "call 200 html");
    assert_eq!(driver.saga.status(), Status::Completed);
    let error = driver
        .saga
        .output_error
        .expect("the output reads the result");
    assert_eq!(error.detail["cause"], "unreadable");
}

#[test]
fn a_check_decides_what_attempts_could_not() {
    let source = ONE.replace(
        "      undo:",
        "      check: GET svc /things/by-key/{$key}\n      undo:",
    );
    let spent = "call lost\ncall lost\ncall lost\n";
    assert_eq!(
        outcome(&source, &format!("{spent}check call 200 {{}}")).1,
        Status::Completed
    );
    let unknown = State::Ended(Outcome::Unknown);
    for answer in ["404 {}", "410", "404 html", "422"] {
        assert_eq!(
            outcome(&source, &format!("{spent}check call {answer}")).0,
            unknown,
            "{answer}"
        );
    }
    assert_eq!(
        outcome(
            &source,
            &format!("{spent}check call 503\ncheck call 200 {{}}")
        )
        .1,
        Status::Completed
    );
    let never = "check call 503\n".repeat(5);
    assert_eq!(outcome(&source, &format!("{spent}{never}")).0, unknown);
    let refusing = source.replace(
        "      check: GET svc /things/by-key/{$key}\n",
        "      check: { do: \"GET svc /things\", refused_when: '$result.state == \"no\"' }\n",
    );
    let said_no = format!("{spent}check call 200 {{\"state\": \"no\"}}");
    assert_eq!(
        outcome(&refusing, &said_no),
        (State::Ended(Outcome::Refused), Status::Compensated)
    );
}

#[test]
fn once_is_tried_again_only_while_nothing_was_sent() {
    let source = r#"
saga: booking
version: 1
steps:
  - call: { do: POST hotel /rooms, once: true, undo: DELETE hotel /rooms }
"#;
    assert_eq!(
        outcome(source, "call not_sent\ncall 200").1,
        Status::Completed
    );
    let lost = play(source, "{}", "call lost");
    assert_eq!(
        lost.saga.stuck().map(|stuck| stuck.code),
        Some(StuckCode::OutcomeUnknown)
    );
    let crashed = play(source, "{}", "crash");
    assert_eq!(
        crashed.saga.status(),
        Status::Stuck,
        "an intent without an answer may have happened"
    );
    let cancelled = play(
        source,
        "{}",
        "call lost\ncancel give it back\nundo call 200\nundo call 404 {}",
    );
    assert_eq!(cancelled.saga.status(), Status::Compensated);
}

#[test]
fn a_200_that_means_no_is_refused() {
    let source = r#"
saga: card
version: 1
steps:
  - call:
      do: POST payments /charges
      refused_when: $result.status == "declined"
      undo: DELETE payments /charges/by-key/{$key}
"#;
    draws(
        source,
        "call 200 {\"status\": \"declined\", \"message\": \"no funds\"}",
        &expect![[r#"
            card@1  cart-17  compensated
            turned back: refused at call: payments answered 200: no funds
            └─ call  ✗ refused  ↩ nothing to undo
        "#]],
    );
    assert_eq!(
        outcome(source, "call 200 {\"status\": \"ok\"}").1,
        Status::Completed
    );
    assert_eq!(
        outcome(source, "call 403 {\"status\": \"declined\"}").0,
        State::Ended(Outcome::Refused)
    );
}

#[test]
fn a_crash_resumes_under_the_same_key_and_grants_one_attempt_more() {
    let driver = play(ONE, "{}", "call 503\ncall 503\npass 10m\ncrash");
    let keys: Vec<&String> = driver
        .journal
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::AttemptStarted { key, .. } => Some(key),
            _ => None,
        })
        .collect();
    assert_eq!(
        keys.len(),
        4,
        "the third of three was in flight when the process died: one more is granted"
    );
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "I-14");
    assert_eq!(
        outcome(ONE, "call 503\ncall 503\npass 10m\ncrash\ncall 200").1,
        Status::Completed
    );
}

#[test]
fn retry_after_is_honoured() {
    let mut driver = play(ONE, "{}", "call 429 after 7");
    let asked = driver.now.0 + 7_000;
    assert!(driver.saga.wake_at(driver.now).expect("a retry").0 >= asked);
    assert!(driver.wake(banyan_core::Timestamp(i64::MAX)));
    driver.answer("call", Leg::Do, crate::script::what("200"));
    assert_eq!(driver.saga.status(), Status::Completed);
}

#[test]
fn a_null_in_a_path_refuses_before_anything_is_sent() {
    let source =
        "saga: path\nversion: 1\nsteps:\n  - call: { do: 'GET svc /things/{$input.id}' }\n";
    let driver = crate::script::Driver::start(definition(source), serde_json::json!({}));
    assert_eq!(driver.saga.status(), Status::Compensated);
    let reason = driver.saga.reason.expect("a reason");
    assert_eq!(
        (reason.code.as_str(), &reason.detail["cause"]),
        ("expression_failed", &"bad_value".into())
    );
    assert!(
        !driver
            .journal
            .iter()
            .any(|entry| matches!(entry.record, Record::AttemptStarted { .. }))
    );
}

/// What can never be sent is told at once, and not tried again and again.
#[test]
fn what_no_service_would_read_is_not_sent() {
    let long = "x".repeat(20_000);
    for (call, input, words) in [
        (
            "do: 'GET svc /t/{$input.n}'",
            long.as_str(),
            "the path and query of the call would take 20003 bytes",
        ),
        (
            "do: GET svc /t, query: { n: $input.n }",
            &long,
            "the path and query",
        ),
        (
            "do: GET svc /t, headers: { X-N: $input.n }",
            &long,
            "the header x-n of the call would take 20000 bytes",
        ),
        (
            "do: GET svc /t, headers: { X-N: $input.n }",
            "\u{e9}",
            "visible ASCII",
        ),
        ("do: 'GET svc /t/{$input.n}'", "a\0b", "U+0000"),
    ] {
        for behind in [false, true] {
            let pivot = if behind {
                "  - turn: { do: POST svc /turn, pivot: true }\n"
            } else {
                ""
            };
            let source = format!("saga: long\nversion: 1\nsteps:\n{pivot}  - call: {{ {call} }}\n");
            let mut driver = crate::script::Driver::start(
                definition(&source),
                serde_json::json!({ "n": input }),
            );
            if behind {
                driver.line("turn 200");
            }
            let told = match driver.saga.stuck() {
                Some(stuck) if behind => stuck.message,
                None if !behind => driver.saga.reason.clone().expect("a reason").message,
                other => panic!("{call}: {other:?}"),
            };
            assert!(told.contains(words) && told.len() < 300, "{call}: {told}");
            let tried = |entry: &&banyan_core::saga::Entry| matches!(&entry.record, Record::AttemptStarted { step, .. } if step == "call");
            assert_eq!(driver.journal.iter().find(tried), None, "{call}");
        }
    }
}

#[test]
fn a_skipped_step_and_a_continued_refusal_go_on() {
    let source = r#"
saga: maybe
version: 1
steps:
  - skipped: { when: $input.gift == true, do: POST a /x, undo: DELETE a /x }
  - optional: { do: POST b /x, undo: DELETE b /x, on_refused: continue }
  - total: { set: { a: $skipped, b: $optional, n: "$1 + 2" } }
output: $total
"#;
    let driver = draws(
        source,
        "optional 409",
        &expect![[r#"
            maybe@1  cart-17  completed
            ├─ skipped   – skipped
            ├─ optional  ✗ refused: b answered 409
            └─ total     ✓ done
            output: {"a":null,"b":null,"n":"$1 + 2"}
        "#]],
    );
    assert_eq!(
        driver.saga.output,
        Some(serde_json::json!({ "a": null, "b": null, "n": "$1 + 2" }))
    );
}

#[test]
fn a_paused_service_parks_without_burning_an_attempt() {
    let mut driver = crate::script::Driver::start(definition(ONE), serde_json::json!({}));
    driver.answer("call", Leg::Do, crate::script::what("held"));
    driver.answer("call", Leg::Do, crate::script::what("503"));
    driver.answer("call", Leg::Do, crate::script::what("503"));
    driver.answer("call", Leg::Do, crate::script::what("200"));
    assert_eq!(driver.saga.status(), Status::Completed);
}

#[test]
fn a_group_that_was_not_entered_says_so_itself() {
    let source = r#"
saga: group
version: 1
steps:
  - first: { set: 1 }
  - gifts:
      when: $first == 2
      together:
        - wrap: { do: GET gifts /wrap }
        - card: { do: GET gifts /card }
"#;
    draws(
        source,
        "",
        &expect![[r#"
        group@1  cart-17  completed
        ├─ first             ✓ done
        └─ gifts (together)  – skipped
           ├─ wrap           ·
           └─ card           ·
    "#]],
    );
}
