//! How a saga turns back: the rules of compensation, one by one, as scripts and drawings.

use crate::script::{draws, play};
use banyan_core::saga::{Record, Status, StuckCode};
use expect_test::expect;

/// Two steps with repeatable undos, a charge with one that is not, then a pivot.
const SHOP: &str = r#"
saga: shop
version: 1
deadline: 1h
steps:
  - order:
      do: POST orders /orders
      undo: DELETE orders /orders/by-key/{$key}
  - prepare:
      together:
        - stock:
            do: POST stock /reservations
            undo: DELETE stock /reservations/by-key/{$key}
        - fraud:
            do: POST fraud /checks
            undo: none
  - charge:
      do: POST payments /charges
      retry: { attempts: 2 }
      undo:
        do: POST payments /refunds
        body: { charge_key: $key }
        retry: { attempts: 3 }
  - confirm_order:
      do: POST orders /confirmations
      pivot: true
      undo: none
  - close:
      do: PUT orders /closed
"#;

#[test]
fn a_refusal_undoes_what_was_done_in_reverse_order() {
    draws(
        SHOP,
        "order 200\nstock 200\nfraud 200\ncharge 402 {\"message\": \"card declined\"}\nundo stock 200\nundo order 204",
        &expect![[r#"
            shop@1  cart-17  compensated
            turned back: refused at charge: payments answered 402: card declined
            ├─ order               ✓ done     ↩ undone
            ├─ prepare (together)
            │  ├─ stock            ✓ done     ↩ undone
            │  └─ fraud            ✓ done
            ├─ charge              ✗ refused  ↩ nothing to undo
            ├─ confirm_order ◆     ·
            └─ close               ·
        "#]],
    );
}

#[test]
fn undo_waits_until_what_runs_beside_has_ended() {
    let driver = play(SHOP, "{}", "order 200\nfraud 409");
    assert_eq!(driver.saga.status(), Status::Compensating);
    let flying: Vec<String> = driver
        .saga
        .pending()
        .into_iter()
        .map(|effect| effect.step)
        .collect();
    assert_eq!(
        flying,
        ["prepare.stock"],
        "no undo starts beside an attempt in flight"
    );
    draws(
        SHOP,
        "order 200\nfraud 409\nstock lost\nundo stock 404 {}\nundo stock 404 {}\nundo order 200",
        &expect![[r#"
            shop@1  cart-17  compensated
            turned back: refused at prepare.fraud: fraud answered 409
            ├─ order               ✓ done                                   ↩ undone
            ├─ prepare (together)
            │  ├─ stock            ? unknown: no answer within the timeout  ↩ nothing to undo, 2 attempts
            │  └─ fraud            ✗ refused
            ├─ charge              ·
            ├─ confirm_order ◆     ·
            └─ close               ·
        "#]],
    );
}

#[test]
fn a_repeatable_undo_of_an_unknown_do_is_asked_once_more() {
    let script = "order 200\nstock 200\nfraud 200\ncharge lost\ncharge lost";
    let driver = play(SHOP, "{}", script);
    assert_eq!(driver.saga.status(), Status::Compensating);
    // A refund is not repeatable: its 2xx is the last word.
    draws(
        SHOP,
        &format!("{script}\nundo charge 200\nundo stock 200\nundo order 200"),
        &expect![[r#"
            shop@1  cart-17  compensated
            turned back: unknown at charge: no answer within the timeout
            ├─ order               ✓ done                 ↩ undone
            ├─ prepare (together)
            │  ├─ stock            ✓ done                 ↩ undone
            │  └─ fraud            ✓ done
            ├─ charge              ? unknown, 2 attempts  ↩ undone
            ├─ confirm_order ◆     ·
            └─ close               ·
        "#]],
    );
}

#[test]
fn nothing_found_for_an_unknown_do_is_looked_at_again_under_a_fresh_key() {
    let driver = play(
        SHOP,
        "{}",
        "order 200\nstock 200\nfraud 200\ncharge lost\ncharge lost\nundo charge 404 {}\nundo charge 404 {}",
    );
    let keys: Vec<(u32, String)> = attempts(&driver, "charge", banyan_core::saga::Leg::Undo);
    assert!(
        keys[0].1.ends_with("-undo") && keys[1].1.ends_with("-undo-2"),
        "{keys:?}"
    );
    let route = driver.saga.plan.index.by_name("charge", &[]).unwrap();
    assert!(driver.saga.state(&route).undone.is_some());
}

#[test]
fn nothing_found_after_an_unanswered_undo_is_unclear_where_no_fresh_key_is_safe() {
    draws(
        SHOP,
        "order 200\nstock 200\nfraud 200\ncharge lost\ncharge lost\nundo charge lost\nundo charge 404 {}",
        &expect![[r#"
            shop@1  cart-17  stuck
            turned back: unknown at charge: no answer within the timeout
            ├─ order               ✓ done                 ↩ to be undone
            ├─ prepare (together)
            │  ├─ stock            ✓ done                 ↩ to be undone
            │  └─ fraud            ✓ done
            ├─ charge              ? unknown, 2 attempts  ↩ stuck, 2 attempts
            ├─ confirm_order ◆     ·
            └─ close               ·
            stuck at charge (undo): undo_unclear: payments answered 404
              what helps: retry, settle, abandon
        "#]],
    );
}

#[test]
fn nothing_found_for_a_done_do_is_stuck_unless_an_earlier_undo_went_unanswered() {
    let turned = "order 200\nstock 200\nfraud 200\ncharge 402\n";
    let stuck = play(SHOP, "{}", &format!("{turned}undo stock 404 {{}}"));
    assert_eq!(
        stuck.saga.stuck().map(|stuck| stuck.code),
        Some(StuckCode::UndoNotFound)
    );
    let answered = play(
        SHOP,
        "{}",
        &format!("{turned}undo stock 503\nundo stock 404 {{}}"),
    );
    assert_eq!(
        answered.saga.stuck().map(|stuck| stuck.code),
        Some(StuckCode::UndoNotFound)
    );
    let unanswered = play(
        SHOP,
        "{}",
        &format!("{turned}undo stock lost\nundo stock 410\nundo order 200"),
    );
    assert_eq!(unanswered.saga.status(), Status::Compensated);
}

#[test]
fn a_stuck_undo_holds_back_only_what_depends_on_it() {
    let source = r#"
saga: branches
version: 1
steps:
  - first: { do: POST a /x, undo: DELETE a /x }
  - both:
      together:
        - left: { do: POST b /x, undo: DELETE b /x }
        - right: { do: POST c /x, undo: DELETE c /x }
  - last: { do: POST d /x, undo: none }
"#;
    let script = "first 200\nleft 200\nright 200\nlast 422\nundo left 409";
    let driver = play(source, "{}", script);
    assert_eq!(
        driver.saga.status(),
        Status::Compensating,
        "right can still run"
    );
    draws(
        source,
        &format!("{script}\nundo right 200"),
        &expect![[r#"
            branches@1  cart-17  stuck
            turned back: refused at last: d answered 422
            ├─ first            ✓ done     ↩ to be undone
            ├─ both (together)
            │  ├─ left          ✓ done     ↩ stuck
            │  └─ right         ✓ done     ↩ undone
            └─ last             ✗ refused
            stuck at both.left (undo): undo_refused: b answered 409
              what helps: retry, settle, abandon
        "#]],
    );
}

#[test]
fn an_undo_that_never_answers_is_exhausted() {
    let driver = play(
        SHOP,
        "{}",
        "order 200\nstock 200\nfraud 200\ncharge 200\nconfirm_order 409\nundo charge 503\nundo charge lost\nundo charge 503",
    );
    assert_eq!(
        driver.saga.stuck().map(|stuck| stuck.code),
        Some(StuckCode::UndoExhausted)
    );
    assert_eq!(driver.saga.status(), Status::Stuck);
    assert!(
        driver.saga.waiting_on()[0]
            .message
            .contains("needs a person (undo_exhausted)")
    );
}

#[test]
fn a_refused_undo_after_an_unanswered_one_is_not_the_last_word() {
    let turned = "order 200\nstock 200\nfraud 200\ncharge 200\nconfirm_order 409\n";
    let driver = play(
        SHOP,
        "{}",
        &format!("{turned}undo charge lost\nundo charge 409\nundo charge 409"),
    );
    assert_eq!(
        driver.saga.stuck().map(|stuck| stuck.code),
        Some(StuckCode::OutcomeUnknown)
    );
    let driver = play(
        SHOP,
        "{}",
        &format!(
            "{turned}undo charge lost\nundo charge 409\nundo charge 200\nundo stock 200\nundo order 200"
        ),
    );
    assert_eq!(driver.saga.status(), Status::Compensated);
}

#[test]
fn the_deadline_turns_back_before_the_pivot() {
    draws(
        SHOP,
        "order 200\nstock 200\nfraud 200\ncharge not_sent\npass 1h\ncharge not_sent\nundo stock 200\nundo order 200",
        &expect![[r#"
            shop@1  cart-17  compensated
            turned back: deadline: the deadline passed
            ├─ order               ✓ done                                      ↩ undone
            ├─ prepare (together)
            │  ├─ stock            ✓ done                                      ↩ undone
            │  └─ fraud            ✓ done
            ├─ charge              ✗ not sent, 2 attempts: connection refused  ↩ nothing to undo
            ├─ confirm_order ◆     ·
            └─ close               ·
        "#]],
    );
}

#[test]
fn a_cancel_while_the_pivot_may_have_happened_waits_for_its_outcome() {
    let before = "order 200\nstock 200\nfraud 200\ncharge 200\n";
    let forward = play(
        SHOP,
        "{}",
        &format!("{before}cancel changed my mind\nconfirm_order 200\nclose 200"),
    );
    assert_eq!(forward.saga.status(), Status::Completed);
    assert!(
        forward
            .journal
            .iter()
            .any(|entry| entry.record == Record::CancelTooLate)
    );
    assert!(
        forward.saga.reason.is_none(),
        "a cancel that came too late is no reason"
    );
    let back = play(
        SHOP,
        "{}",
        &format!(
            "{before}cancel changed my mind\nconfirm_order 409\nundo charge 200\nundo stock 200\nundo order 200"
        ),
    );
    assert_eq!(back.saga.status(), Status::Compensated);
    assert_eq!(
        back.saga.reason.as_ref().map(|reason| reason.code.as_str()),
        Some("cancelled")
    );
}

#[test]
fn after_the_pivot_a_step_is_retried_until_done_and_a_refusal_is_stuck() {
    let past = "order 200\nstock 200\nfraud 200\ncharge 200\nconfirm_order 200\n";
    let tries = "close 503\n".repeat(30);
    let done = play(SHOP, "{}", &format!("{past}{tries}close 200"));
    assert_eq!(done.saga.status(), Status::Completed);
    let refused = play(SHOP, "{}", &format!("{past}close 422"));
    assert_eq!(
        refused.saga.stuck().map(|stuck| stuck.code),
        Some(StuckCode::ForwardRefused)
    );
    assert!(
        !refused
            .journal
            .iter()
            .any(|entry| matches!(entry.record, Record::TurnedBack { .. }))
    );
}

#[test]
fn a_late_success_after_its_undo_is_undone_again_or_stuck() {
    let ended =
        "order 200\nfraud 409\nstock lost\nundo stock 404 {}\nundo stock 404 {}\nundo order 200\n";
    let reopened = play(SHOP, "{}", &format!("{ended}late stock 1 200 {{}}"));
    assert_eq!(reopened.saga.status(), Status::Compensating);
    assert_eq!(reopened.saga.reopened, 1);
    let closed = play(
        SHOP,
        "{}",
        &format!("{ended}late stock 1 200 {{}}\nundo stock 200"),
    );
    assert_eq!(closed.saga.status(), Status::Compensated);
    let refunded = "order 200\nstock 200\nfraud 200\ncharge lost\ncharge lost\nundo charge 200\n";
    let stuck = play(SHOP, "{}", &format!("{refunded}late charge 2 200 {{}}"));
    assert!(stuck.saga.has_stuck());
    assert_eq!(
        stuck.saga.stuck().map(|stuck| stuck.code),
        Some(StuckCode::LateEffect)
    );
}

#[test]
fn a_parked_undo_makes_its_saga_stuck_until_the_road_opens() {
    let turned = "order 200\nstock 200\nfraud 200\npause stock\ncharge 402\npass 2h";
    let driver = play(SHOP, "{}", turned);
    assert_eq!(driver.saga.status(), Status::Stuck);
    assert_eq!(
        driver.saga.stuck().map(|stuck| stuck.code),
        Some(StuckCode::Unreachable)
    );
    let driver = play(
        SHOP,
        "{}",
        &format!("{turned}\nresume stock\nundo stock 200\nundo order 200"),
    );
    assert_eq!(driver.saga.status(), Status::Compensated);
}

fn attempts(
    driver: &crate::script::Driver,
    of: &str,
    which: banyan_core::saga::Leg,
) -> Vec<(u32, String)> {
    let started = |entry: &banyan_core::saga::Entry| match &entry.record {
        Record::AttemptStarted {
            step,
            leg,
            attempt,
            key,
            ..
        } if step == of && *leg == which => Some((*attempt, key.clone())),
        _ => None,
    };
    driver.journal.iter().filter_map(started).collect()
}
