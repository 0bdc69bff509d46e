//! A wait with an undo (rule 6): its signals that nobody took when the saga turned back, or that
//! come later, are undone, each once and under its own key.

use crate::script::{Driver, definition, draws, line_of, play};
use banyan_core::Json;
use banyan_core::saga::{Input, Leg, Record, Rejection, Status};
use expect_test::{Expect, expect};
use serde_json::json;

const PAYMENT: &str = r#"
saga: checkout
version: 1
steps:
  - order: { do: POST orders /orders, undo: "DELETE orders /orders/{$key}" }
  - paid:
      wait: paid
      for: 30m
      refused_when: $result.status == "declined"
      undo:
        do: POST cards /refunds
        body: { charge: $result.charge, refund: $key }
        retry: { attempts: 2, first: 1s }
  - ship: { do: POST ship /shipments, undo: "DELETE ship /shipments/{$key}" }
"#;

/// What one signal with its own charge looks like.
fn paid(charge: &str) -> String {
    format!("signal paid {charge} {{\"charge\":\"{charge}\"}}")
}

/// The bodies of the refunds that were asked for, by the paths of what they take back.
fn refunds(driver: &Driver) -> Vec<(String, Json)> {
    let effects = driver.saga.pending().into_iter();
    let refunds = effects.filter(|effect| effect.leg == Leg::Undo);
    let body = |bytes: &Vec<u8>| serde_json::from_slice::<Json>(bytes).expect("JSON");
    let one = |effect: banyan_core::saga::Effect| {
        let sent = effect.request.body.as_ref().map(body).unwrap_or_default();
        (effect.step, sent["charge"].clone())
    };
    refunds.map(one).collect()
}

#[test]
fn a_signal_that_was_taken_is_undone_like_a_step() {
    let driver = play(
        PAYMENT,
        "{}",
        &format!("order 200\n{}\nship 409", paid("c-1")),
    );
    assert_eq!(refunds(&driver), [("paid".into(), json!("c-1"))]);
    draws(
        PAYMENT,
        &format!(
            "order 200\n{}\nship 409\nundo paid 200\nundo order 200",
            paid("c-1")
        ),
        &expect![[r#"
            checkout@1  cart-17  compensated
            turned back: refused at ship: ship answered 409
            ├─ order  ✓ done     ↩ undone
            ├─ paid   ✓ done     ↩ undone
            └─ ship   ✗ refused  ↩ nothing to undo
        "#]],
    );
}

#[test]
fn who_pays_after_the_deadline_gets_the_money_back_and_the_saga_is_seen_to_reopen() {
    let late = format!("order 200\npass 30m\nundo order 200\n{}", paid("c-1"));
    let driver = play(PAYMENT, "{}", &late);
    assert_eq!(driver.saga.status(), Status::Compensating);
    assert_eq!(refunds(&driver), [("paid[0]".into(), json!("c-1"))]);
    assert_eq!(driver.saga.reopened, 1);
    draws(
        PAYMENT,
        &format!("{late}\nundo paid[0] 200"),
        &expect![[r#"
            checkout@1  cart-17  compensated
            turned back: refused at paid: no signal paid came within 30m
            ├─ order       ✓ done     ↩ undone
            ├─ paid        ✗ refused  ↩ nothing to undo
            │  └─ paid[0]  ✓ done     ↩ undone
            └─ ship        ·
        "#]],
    );
}

#[test]
fn a_second_payment_of_a_completed_order_is_undone_alone() {
    let twice = format!(
        "order 200\n{}\nship 200\n{}\n{}",
        paid("c-1"),
        paid("c-2"),
        paid("c-3")
    );
    let driver = play(PAYMENT, "{}", &twice);
    assert_eq!(driver.saga.status(), Status::Completed);
    let asked = refunds(&driver);
    assert_eq!(
        asked,
        [
            ("paid[0]".into(), json!("c-2")),
            ("paid[1]".into(), json!("c-3"))
        ]
    );
    draws(
        PAYMENT,
        &format!("{twice}\nundo paid[1] 200\nundo paid[0] 503\nundo paid[0] 200"),
        &expect![[r#"
            checkout@1  cart-17  completed
            ├─ order       ✓ done
            ├─ paid        ✓ done
            │  ├─ paid[0]  ✓ done  ↩ undone, 2 attempts
            │  └─ paid[1]  ✓ done  ↩ undone
            └─ ship        ✓ done
        "#]],
    );
}

#[test]
fn a_second_signal_is_undone_while_the_saga_goes_forward() {
    draws(
        PAYMENT,
        &format!(
            "order 200\n{}\n{}\nundo paid[0] 200\nship 200",
            paid("c-1"),
            paid("c-2")
        ),
        &expect![[r#"
            checkout@1  cart-17  completed
            ├─ order       ✓ done
            ├─ paid        ✓ done
            │  └─ paid[0]  ✓ done  ↩ undone
            └─ ship        ✓ done
        "#]],
    );
}

#[test]
fn signals_that_came_early_are_undone_when_the_saga_turns_back_before_the_wait() {
    let early = format!("{}\n{}\norder 409", paid("c-1"), paid("c-2"));
    let driver = play(PAYMENT, "{}", &early);
    assert_eq!(refunds(&driver).len(), 2);
    draws(
        PAYMENT,
        &format!("{early}\nundo paid[0] 200\nundo paid[1] 200"),
        &expect![[r#"
            checkout@1  cart-17  compensated
            turned back: refused at order: orders answered 409
            ├─ order       ✗ refused  ↩ nothing to undo
            ├─ paid        ·
            │  ├─ paid[0]  ✓ done     ↩ undone
            │  └─ paid[1]  ✓ done     ↩ undone
            └─ ship        ·
        "#]],
    );
}

#[test]
fn a_signal_during_a_cancel_is_undone_and_keeps_nothing_else_waiting() {
    let driver = play(
        PAYMENT,
        "{}",
        &format!(
            "order 200\ncancel changed my mind\n{}\nundo order 200",
            paid("c-1")
        ),
    );
    assert_eq!(driver.saga.status(), Status::Compensating);
    let mut driver = driver;
    line_of(&mut driver, "undo paid[0] 200");
    assert_eq!(driver.saga.status(), Status::Compensated);
}

#[test]
fn a_signal_that_says_no_is_nothing_to_undo_and_reopens_nothing() {
    let mut driver = play(PAYMENT, "{}", "order 200\npass 30m\nundo order 200");
    line_of(&mut driver, "signal paid k {\"status\":\"declined\"}");
    assert_eq!(driver.saga.status(), Status::Compensated);
    assert_eq!(driver.saga.reopened, 0);
    assert!(driver.saga.pending().is_empty());
}

#[test]
fn a_late_signal_whose_undo_is_refused_makes_the_saga_stuck_at_that_signal() {
    draws(
        PAYMENT,
        &format!(
            "order 200\npass 30m\nundo order 200\n{}\nundo paid[0] 422",
            paid("c-1")
        ),
        &expect![[r#"
            checkout@1  cart-17  stuck
            turned back: refused at paid: no signal paid came within 30m
            ├─ order       ✓ done     ↩ undone
            ├─ paid        ✗ refused  ↩ nothing to undo
            │  └─ paid[0]  ✓ done     ↩ stuck
            └─ ship        ·
            stuck at paid[0] (undo): undo_refused: cards answered 422
              what helps: retry, settle, abandon
        "#]],
    );
}

#[test]
fn a_repeat_after_the_end_is_the_same_signal_and_undone_once() {
    let mut driver = play(PAYMENT, "{}", "order 200\npass 30m\nundo order 200");
    line_of(&mut driver, &paid("c-1"));
    let again = |body: Json| Input::Signal {
        name: "paid".into(),
        key: "c-1".into(),
        body,
    };
    assert_eq!(driver.handle(again(json!({ "charge": "c-1" }))), Ok(true));
    let reused = Rejection::KeyReused { key: "c-1".into() };
    assert_eq!(driver.handle(again(json!({}))), Err(reused));
    line_of(&mut driver, "undo paid[0] 200");
    assert_eq!(driver.handle(again(json!({ "charge": "c-1" }))), Ok(true));
    assert_eq!(driver.saga.steps[1].parts.len(), 1);
    assert_eq!(driver.saga.status(), Status::Compensated);
}

#[test]
fn each_signal_has_a_key_of_its_own_and_a_crash_at_any_point_changes_none() {
    // Nothing is in flight forward when the saga turns back: a crash leaves no doubt there.
    let source = PAYMENT.replace(
        "- ship: { do: POST ship /shipments, undo: \"DELETE ship /shipments/{$key}\" }",
        "- nap: { sleep: 1h }",
    );
    let script = format!(
        "order 200\n{}\ncancel enough\n{}\nundo paid[0] 200\nundo paid 200\nundo order 200\n{}\nundo paid[1] 200",
        paid("c-1"),
        paid("c-2"),
        paid("c-3")
    );
    let keys = |driver: &Driver| {
        let mut keys: Vec<(String, String)> = Vec::new();
        for entry in &driver.journal {
            if let Record::AttemptStarted {
                step,
                leg: Leg::Undo,
                key,
                ..
            } = &entry.record
            {
                keys.push((step.clone(), key.clone()));
            }
        }
        keys.sort();
        keys.dedup();
        keys
    };
    let plain = play(&source, "{}", &script);
    let known = keys(&plain);
    assert_eq!(known.len(), 4, "{known:?}");
    let all: std::collections::BTreeSet<_> = known.iter().map(|(_, key)| key).collect();
    assert_eq!(all.len(), 4, "no two undos share a key: {known:?}");
    let lines: Vec<&str> = script.lines().collect();
    for crash in 0..=lines.len() {
        let mut broken = lines.clone();
        broken.insert(crash, "crash");
        let driver = play(&source, "{}", &broken.join("\n"));
        assert_eq!(keys(&driver), known, "a crash before line {crash}");
        assert_eq!(
            driver.saga.status(),
            Status::Compensated,
            "{}",
            driver.saga.draw()
        );
    }
}

/// Two waits of one name: the second may still take what the first did not.
const TWICE: &str = r#"
saga: twice
version: 1
steps:
  - first: { wait: told, for: 1h, undo: "DELETE x /t/{$key}" }
  - call: { do: POST x /c, undo: "DELETE x /c/{$key}" }
  - second: { wait: told, for: 1h }
"#;

#[test]
fn a_signal_waits_for_as_long_as_some_wait_may_take_it() {
    let told = |key: &str| format!("signal told {key} 1");
    let driver = play(TWICE, "{}", &format!("{}\n{}", told("a"), told("b")));
    assert_eq!(driver.saga.untaken().count(), 1);
    assert!(refunds(&driver).is_empty());
    let mut driver = play(
        TWICE,
        "{}",
        &format!("{}\n{}\n{}\ncall 200", told("a"), told("b"), told("c")),
    );
    assert_eq!(driver.saga.status(), Status::Completed);
    assert_eq!(refunds(&driver), [("first[0]".into(), Json::Null)]);
    line_of(&mut driver, "undo first[0] 200");
}

#[test]
fn without_an_undo_an_ended_saga_takes_no_signal() {
    let plain = PAYMENT.replace("      undo:\n        do: POST cards /refunds\n        body: { charge: $result.charge, refund: $key }\n        retry: { attempts: 2, first: 1s }\n", "");
    let mut driver = Driver::start(definition(&plain), json!({}));
    line_of(&mut driver, "order 409");
    let signal = Input::Signal {
        name: "paid".into(),
        key: "k".into(),
        body: json!({}),
    };
    let ended = Rejection::Ended {
        status: "compensated",
    };
    assert_eq!(driver.handle(signal), Err(ended));
}

/// The checker's words about an undo of a wait.
fn words(source: &str, expected: &Expect) {
    let surroundings = banyan_core::language::Surroundings::default();
    let checked = banyan_core::language::check(source, &surroundings);
    let words: Vec<String> = checked
        .diagnostics
        .iter()
        .map(|one| {
            format!(
                "{} {}:{}: {}; {}",
                one.code,
                one.line,
                one.column,
                one.message,
                one.help.as_deref().unwrap_or_default()
            )
        })
        .collect();
    expected.assert_eq(&words.join("\n"));
}

#[test]
fn the_checker_knows_what_the_undo_of_a_wait_may_be() {
    words(
        "saga: s\nversion: 1\nsteps:\n  - a: { wait: told, for: 1h, undo: { do: POST x /u, body: { sent: $body, key: $key } } }\n",
        &expect![
            "not_in_scope 4:68: `$body` is not known in what the undo of a signal sends; `$body` is what the do sent: known in its check and undo"
        ],
    );
    words(
        "saga: s\nversion: 1\nsteps:\n  - all:\n      each: $input\n      as: item\n      steps:\n        - a: { wait: told, for: 1h, undo: 'DELETE x /u/{$key}' }\n",
        &expect![
            "misplaced_key 8:37: `undo` may not stand on a wait inside an `each`: its items wait for one name, and nobody could say whose signal came too late; wait before the `each`, or after it"
        ],
    );
    words(
        "saga: s\nversion: 1\nsteps:\n  - a: { wait: told, for: 1h, undo: none }\n  - b: { wait: told, for: 1h, undo: { do: POST x /u, body: { of: $result.id } } }\n",
        &expect![[""]],
    );
}
