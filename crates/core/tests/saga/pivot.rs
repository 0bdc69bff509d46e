//! Around the point of no return: cancel and deadline while the pivot may have happened, and
//! what cannot turn back any more.

use crate::script::{draws, play};
use banyan_core::saga::{Ask, Input, Record, Rejection, Status, StuckCode};
use expect_test::expect;

const WITH_CHECK: &str = r#"
saga: transfer
version: 1
deadline: 1h
steps:
  - hold: { do: POST bank /holds, undo: "DELETE bank /holds/{$key}" }
  - pay:
      do: POST pay /payments
      check: GET pay /payments/{$key}
      undo: DELETE pay /payments/{$key}
      pivot: true
  - tell: { do: PUT mail /told }
"#;

fn stuck(source: &str, script: &str) -> Option<StuckCode> {
    play(source, "{}", script)
        .saga
        .stuck()
        .map(|stuck| stuck.code)
}

#[test]
fn a_halted_pivot_is_not_tried_again_but_its_check_is_asked() {
    let lost = "hold 200\ncancel enough\npay lost\n";
    let driver = play(WITH_CHECK, "{}", lost);
    let asked: Vec<String> = driver
        .saga
        .pending()
        .into_iter()
        .map(|effect| effect.step)
        .collect();
    assert_eq!(
        (asked, driver.saga.status()),
        (vec!["pay".to_owned()], Status::Running)
    );
    let done = play(
        WITH_CHECK,
        "{}",
        &format!("{lost}check pay 503\ncheck pay 200 {{}}\ntell 200"),
    );
    assert_eq!(done.saga.status(), Status::Completed);
    assert!(
        done.journal
            .iter()
            .any(|entry| entry.record == Record::CancelTooLate)
    );
    draws(
        WITH_CHECK,
        &format!("{lost}check pay 404 {{}}\nundo pay 404 {{}}\nundo pay 404 {{}}\nundo hold 200"),
        &expect![[r#"
            transfer@1  cart-17  compensated
            turned back: cancelled at pay: enough
            ├─ hold   ✓ done                                   ↩ undone
            ├─ pay ◆  ? unknown: no answer within the timeout  ↩ nothing to undo, 2 attempts
            └─ tell   ·
        "#]],
    );
}

#[test]
fn the_deadline_lets_the_check_of_a_pivot_go_on() {
    let late = "hold 200\npass 1h\npay lost\n";
    let done = play(
        WITH_CHECK,
        "{}",
        &format!("{late}check pay 200 {{}}\ntell 200"),
    );
    assert_eq!(done.saga.status(), Status::Completed);
    let back = play(
        WITH_CHECK,
        "{}",
        &format!("{late}check pay 410\nundo pay 204\nundo pay 204\nundo hold 200"),
    );
    assert_eq!(back.saga.status(), Status::Compensated);
    let reason = back.saga.reason.expect("a reason");
    assert_eq!(
        (reason.code.as_str(), reason.step.as_deref()),
        ("deadline", Some("pay"))
    );
}

#[test]
fn a_pivot_that_waits_for_its_next_try_settles_at_once_when_it_is_halted() {
    // Nothing may have happened: compensation.
    let unsent = play(
        WITH_CHECK,
        "{}",
        "hold 200\npay not_sent\ncancel enough\nundo hold 200",
    );
    assert_eq!(unsent.saga.status(), Status::Compensated);
    let parked = play(
        WITH_CHECK,
        "{}",
        "hold 200\npay 403\ncancel enough\nundo hold 200",
    );
    assert_eq!(parked.saga.status(), Status::Compensated);
    // It may have: the check decides.
    let sent = play(
        WITH_CHECK,
        "{}",
        "hold 200\npay lost\ncancel enough\ncheck pay 200 {}\ntell 200",
    );
    assert_eq!(sent.saga.status(), Status::Completed);
    let crashed = play(
        WITH_CHECK,
        "{}",
        "hold 200\ncancel enough\ncrash\ncheck pay 200 {}\ntell 200",
    );
    assert_eq!(
        crashed.saga.status(),
        Status::Completed,
        "an interrupted pivot may have happened"
    );
}

#[test]
fn an_unknown_pivot_without_undo_waits_for_a_person_and_refuses_to_be_cancelled() {
    let source = WITH_CHECK
        .replace("      check: GET pay /payments/{$key}\n", "")
        .replace("undo: DELETE pay /payments/{$key}", "undo: none");
    assert_eq!(
        stuck(&source, "hold 200\ncancel enough\npay lost\npass 3h"),
        Some(StuckCode::OutcomeUnknown),
        "and the deadline does not act on it"
    );
    let waits = source.replace(
        "undo: none",
        "on_unknown: stuck\n      undo: DELETE pay /payments/{$key}",
    );
    let cancelled = "hold 200\npay lost\npay lost\npay lost\npay lost\npay lost\n";
    assert_eq!(stuck(&waits, cancelled), Some(StuckCode::OutcomeUnknown));
    let back = format!("{cancelled}cancel enough\nundo pay 204\nundo pay 204\nundo hold 200");
    assert_eq!(play(&waits, "{}", &back).saga.status(), Status::Compensated);
    let read_only = "saga: s\nversion: 1\nsteps:\n  - ask: { do: GET a /x, on_unknown: stuck }\n  - rest: { sleep: 1h }\n";
    let mut driver = play(read_only, "{}", &"ask lost\n".repeat(5));
    let cancel = Input::asked(Ask::Cancel, "enough", "someone");
    let refused = driver.handle(cancel);
    assert!(
        matches!(&refused, Err(Rejection::NotAllowedNow { message }) if message.contains("ask")),
        "{refused:?}"
    );
}

#[test]
fn past_the_pivot_cancel_is_refused_and_the_deadline_is_over() {
    let mut driver = play(WITH_CHECK, "{}", "hold 200\npay 200\npass 2h");
    let cancel = Input::asked(Ask::Cancel, "enough", "someone");
    assert!(matches!(
        driver.handle(cancel),
        Err(Rejection::NotAllowedNow { .. })
    ));
    assert_eq!(driver.saga.status(), Status::Running);
    assert!(
        !driver
            .journal
            .iter()
            .any(|entry| entry.record == Record::DeadlinePassed)
    );
}

/// A pivot, then one step.
fn after(step: &str) -> String {
    format!(
        "saga: s\nversion: 1\nsteps:\n  - first: {{ do: PUT a /x, pivot: true }}\n  - last: {step}\n"
    )
}

#[test]
fn what_cannot_be_done_after_the_pivot_is_stuck_with_its_code() {
    for (step, script, code) in [
        (
            "{ wait: told, for: 1h }",
            "first 200\npass 1h",
            StuckCode::ForwardRefused,
        ),
        ("{ refuse: no }", "first 200", StuckCode::ForwardRefused),
        (
            "{ set: $first + 1 }",
            "first 200 {}",
            StuckCode::ExpressionFailed,
        ),
        (
            "{ set: 1, when: '$first | keys | length > 0' }",
            "first 200",
            StuckCode::ExpressionFailed,
        ),
        (
            "{ until: $first }",
            "first 200",
            StuckCode::ExpressionFailed,
        ),
        (
            "{ do: 'GET a /{$first.none}' }",
            "first 200 {}",
            StuckCode::ExpressionFailed,
        ),
        (
            "{ wait: told, for: 1h, refused_when: $result.no == 1 }",
            "first 200\nsignal told k \"text\"",
            StuckCode::ExpressionFailed,
        ),
        (
            "{ do: GET a /x, refused_when: $result.no == 1 }",
            "first 200\nlast 200 \"text\"",
            StuckCode::ExpressionFailed,
        ),
    ] {
        let source = after(step);
        let driver = play(&source, "{}", script);
        assert_eq!(
            driver.saga.stuck().map(|stuck| stuck.code),
            Some(code),
            "{step}\n{}",
            driver.saga.draw()
        );
        assert_eq!(driver.saga.status(), Status::Stuck, "{step}");
    }
}

#[test]
fn the_same_before_the_pivot_turns_back() {
    for (step, script, cause) in [
        ("{ wait: told, for: 1h }", "pass 1h", "no_signal"),
        ("{ refuse: no }", "", "refuse"),
        ("{ until: '\"soon\"' }", "", "bad_value"),
        ("{ until: '\"9999-12-31T23:59:59Z\"' }", "", "bad_value"),
        (
            "{ until: 10000000000000000 | tostring | tonumber }",
            "",
            "bad_value",
        ),
        (
            "{ wait: told, for: 1h, refused_when: $result.no == 1 }",
            "signal told k {\"no\":1}",
            "refused_when",
        ),
    ] {
        let source = format!("saga: s\nversion: 1\nsteps:\n  - only: {step}\n");
        let driver = play(&source, "{}", script);
        assert_eq!(driver.saga.status(), Status::Compensated, "{step}");
        assert_eq!(
            driver.saga.reason.expect("a reason").detail["cause"],
            cause,
            "{step}"
        );
    }
}

/// Decision 0006: what a service refuses five times after a lost answer needs a person; what
/// it merely does not answer is asked for ever.
#[test]
fn after_the_pivot_refusals_that_follow_a_lost_answer_come_to_an_end() {
    let source = "saga: two\nversion: 1\nsteps:\n  - first: { do: POST a /x, pivot: true, undo: none }\n  - second: { do: PUT b /y }\n";
    let four = "first 200\nsecond lost\nsecond 409\nsecond 409\nsecond 409\nsecond 409";
    let driver = crate::script::play(source, "{}", four);
    assert!(driver.saga.stuck().is_none());
    let driver = crate::script::play(source, "{}", &format!("{four}\nsecond 503\nsecond 200"));
    assert_eq!(driver.saga.status(), banyan_core::saga::Status::Completed);
    let driver = crate::script::play(source, "{}", &format!("{four}\nsecond 409"));
    assert_eq!(
        driver.saga.stuck().map(|stuck| stuck.code),
        Some(banyan_core::saga::StuckCode::OutcomeUnknown)
    );
    let again = format!("{four}\nsecond 409\nverb retry\nsecond 503\nsecond lost\nsecond 200");
    let driver = crate::script::play(source, "{}", &again);
    assert_eq!(driver.saga.status(), banyan_core::saga::Status::Completed);
}
