//! Signals: early, twice, late, and the waits they end; sleeps and refusals beside them.

use crate::script::{Driver, definition, draws, play};
use banyan_core::saga::{Ask, Input, Rejection, Status};
use expect_test::expect;
use serde_json::json;

const APPROVAL: &str = r#"
saga: approval
version: 1
steps:
  - order: { do: POST orders /orders, undo: DELETE orders /orders }
  - approval:
      wait: approved
      for: 2d
      refused_when: $result.ok == false
  - nap: { sleep: 1h }
output: $approval.by
"#;

#[test]
fn an_early_signal_is_taken_when_the_wait_is_reached() {
    let driver = play(
        APPROVAL,
        "{}",
        "signal approved k1 {\"ok\":true,\"by\":\"ann\"}\norder 200\npass 1h",
    );
    assert_eq!(driver.saga.status(), Status::Completed);
    assert_eq!(driver.saga.output, Some(json!("ann")));
}

#[test]
fn a_repeated_signal_takes_effect_once() {
    let mut driver = play(APPROVAL, "{}", "signal approved k1 {\"ok\":true}");
    let again = |body| Input::Signal {
        name: "approved".into(),
        key: "k1".into(),
        body,
    };
    assert_eq!(driver.handle(again(json!({ "ok": true }))), Ok(true));
    assert_eq!(
        driver.handle(again(json!({ "ok": 1 }))),
        Err(Rejection::KeyReused { key: "k1".into() })
    );
    assert_eq!(driver.saga.signals.len(), 1);
    let unknown = Input::Signal {
        name: "paid".into(),
        key: "k".into(),
        body: json!(1),
    };
    assert_eq!(
        driver.handle(unknown),
        Err(Rejection::UnknownSignal {
            name: "paid".into()
        })
    );
}

#[test]
fn no_signal_in_time_is_a_refusal() {
    draws(
        APPROVAL,
        "order 200\npass 2d\nundo order 200",
        &expect![[r#"
            approval@1  cart-17  compensated
            turned back: refused at approval: no signal approved came within 2d
            ├─ order     ✓ done     ↩ undone
            ├─ approval  ✗ refused
            └─ nap       ·
        "#]],
    );
}

#[test]
fn a_signal_that_says_no_is_a_refusal() {
    let driver = play(
        APPROVAL,
        "{}",
        "order 200\nsignal approved k1 {\"ok\":false}\nundo order 200",
    );
    assert_eq!(driver.saga.status(), Status::Compensated);
    let reason = driver.saga.reason.expect("a reason");
    assert_eq!(reason.detail["cause"], "refused_when");
}

#[test]
fn an_ended_saga_takes_no_new_signal() {
    let mut driver = play(APPROVAL, "{}", "order 409");
    let signal = Input::Signal {
        name: "approved".into(),
        key: "k".into(),
        body: json!(1),
    };
    assert_eq!(
        driver.handle(signal),
        Err(Rejection::Ended {
            status: "compensated"
        })
    );
}

#[test]
fn cancel_stops_a_wait_at_once() {
    draws(
        APPROVAL,
        "order 200\ncancel not wanted\nundo order 200",
        &expect![[r#"
            approval@1  cart-17  compensated
            turned back: cancelled: not wanted
            ├─ order     ✓ done                                  ↩ undone
            ├─ approval  ✗ not sent: the saga turned back first
            └─ nap       ·
        "#]],
    );
    let mut driver = play(APPROVAL, "{}", "order 200\ncancel not wanted");
    let again = Input::asked(Ask::Cancel, "again", "someone");
    assert!(matches!(
        driver.handle(again),
        Err(Rejection::NotAllowedNow { .. })
    ));
}

#[test]
fn refuse_turns_back_as_if_a_service_had_said_no() {
    let source = r#"
saga: limits
version: 1
steps:
  - order: { do: POST orders /orders, undo: DELETE orders /orders }
  - too_much: { when: $input.amount > 100, refuse: too much }
"#;
    let mut driver = Driver::start(definition(source), json!({ "amount": 101 }));
    driver.answer(
        "order",
        banyan_core::saga::Leg::Do,
        crate::script::what("200"),
    );
    assert_eq!(
        driver
            .saga
            .reason
            .as_ref()
            .map(|reason| reason.message.as_str()),
        Some("too much")
    );
    let mut driver = Driver::start(definition(source), json!({ "amount": 100 }));
    driver.answer(
        "order",
        banyan_core::saga::Leg::Do,
        crate::script::what("200"),
    );
    assert_eq!(driver.saga.status(), Status::Completed);
}
