//! Locks: a saga does nothing before it holds its own, and lets it go when it comes to rest.

use crate::script::{Driver, definition, play_in_line};
use banyan_core::saga::{Hold, Plan, Saga, Status, WaitingKind};
use expect_test::expect;
use serde_json::json;

const PAID: &str = r"
saga: pay
version: 1
deadline: 1h
lock: $input.account
steps:
  - order:
      do: POST orders /orders
      retry: { attempts: 1 }
      undo: { do: 'DELETE orders /orders/{$key}', missing: ok, repeatable: true, look_again: never }
  - charge:
      do: POST payments /charges
      undo: none
";
const ACCOUNT: &str = r#"{"account": "a-7"}"#;

fn hold(driver: &Driver) -> Hold {
    driver.saga.lock.as_ref().expect("it has a lock").hold
}

#[test]
fn a_saga_waits_in_words_until_its_lock_is_granted() {
    let driver = play_in_line(PAID, ACCOUNT, "");
    expect![[r#"
        pay@1  cart-17  running
        ├─ order   ·
        └─ charge  ·
        waits: it waits for its lock "a-7": sagas of pay with the same value run one at a time
    "#]]
    .assert_eq(&driver.saga.draw());
    assert!(driver.saga.pending().is_empty());
    let driver = play_in_line(PAID, ACCOUNT, "granted\norder 200\ncharge 200");
    assert_eq!(driver.saga.status(), Status::Completed);
    assert_eq!(hold(&driver), Hold::Released);
}

#[test]
fn who_is_cancelled_or_too_late_in_the_line_has_done_nothing_and_leaves_it() {
    for script in ["cancel no more", "pass 2h"] {
        let driver = play_in_line(PAID, ACCOUNT, script);
        assert_eq!(driver.saga.status(), Status::Compensated, "{script}");
        assert_eq!(hold(&driver), Hold::Released, "{script}");
        assert!(
            !driver.saga.draw().contains("done"),
            "{}",
            driver.saga.draw()
        );
    }
}

#[test]
fn a_grant_that_comes_twice_or_too_late_changes_nothing() {
    let driver = play_in_line(
        PAID,
        ACCOUNT,
        "granted\ngranted\norder 200\ncharge 200\ngranted",
    );
    assert_eq!(hold(&driver), Hold::Released);
    assert_eq!(driver.saga.status(), Status::Completed);
}

#[test]
fn a_stuck_saga_keeps_its_lock() {
    let script = "granted\norder 200\ncharge 409\nundo order 409";
    let driver = play_in_line(PAID, ACCOUNT, script);
    assert_eq!(driver.saga.status(), Status::Stuck);
    assert_eq!(hold(&driver), Hold::Holds);
}

#[test]
fn a_saga_that_was_opened_again_takes_its_lock_before_it_undoes() {
    let script = "granted\norder lost\nundo order 404 {}\nlate order 1 200 {\"id\": 7}";
    let driver = play_in_line(PAID, ACCOUNT, script);
    assert_eq!(driver.saga.reopened, 1);
    assert!(driver.saga.waits_for_lock(), "{}", driver.saga.draw());
    assert!(driver.saga.pending().is_empty(), "{}", driver.saga.draw());
    let driver = play_in_line(PAID, ACCOUNT, &format!("{script}\ngranted\nundo order 200"));
    assert_eq!(driver.saga.status(), Status::Compensated);
    assert_eq!(hold(&driver), Hold::Released);
}

#[test]
fn values_that_sagas_cannot_be_told_apart_by_are_refused() {
    let plan = Plan::new(definition(PAID));
    let long = "x".repeat(257);
    for (value, words) in [
        (json!(null), "gave null"),
        (json!([1]), "a list or an object"),
        (json!({ "a": 1 }), "a list or an object"),
        (json!(long), "257 bytes"),
    ] {
        let error = Saga::lock_of(&plan, &json!({ "account": value })).expect_err("refused");
        assert!(error.contains(words), "{error}");
    }
    let of = |value| Saga::lock_of(&plan, &json!({ "account": value })).expect("a lock");
    assert_eq!(of(json!("a")), of(json!("a")));
    assert_ne!(of(json!(1)), of(json!("1")));
    assert_ne!(of(json!(true)), of(json!("true")));
}

#[test]
fn a_completed_saga_that_is_undone_takes_its_lock_before_it_undoes() {
    let script = "granted\norder 200\ncharge 200";
    let mut driver = play_in_line(PAID, ACCOUNT, script);
    assert_eq!(hold(&driver), Hold::Released);
    driver.line("verb undo");
    assert!(driver.saga.pending().is_empty(), "{}", driver.saga.draw());
    let waits = driver.saga.waiting_on();
    assert_eq!(waits[0].kind, WaitingKind::Lock);
    driver.line("granted");
    driver.line("undo order 200");
    assert_eq!(
        (driver.saga.status(), hold(&driver)),
        (Status::Compensated, Hold::Released)
    );
}

#[test]
fn a_saga_that_is_given_up_lets_its_lock_go() {
    let script = "granted\norder 200\ncharge 409\nundo order 409\nverb abandon";
    let driver = play_in_line(PAID, ACCOUNT, script);
    assert_eq!(
        (driver.saga.status(), hold(&driver)),
        (Status::Abandoned, Hold::Released)
    );
}
