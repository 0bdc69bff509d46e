//! Confirm: every step first, then the confirms in their order; the first one is a point of no
//! return, and each is retried until it is done.

use crate::script::{draws, line_of, play};
use banyan_core::saga::{Ask, ConfirmView, Input, Record, Rejection, Status, StuckCode};
use expect_test::expect;

const NIGHT: &str = r#"
saga: night
version: 1
deadline: 1h
steps:
  - holds:
      together:
        - seats: { do: POST concerts /holds, undo: "DELETE concerts /holds/{$key}", confirm: "PUT concerts /holds/{$key}" }
        - table: { do: POST tables /holds, undo: "DELETE tables /holds/{$key}", confirm: "PUT tables /holds/{$key}" }
  - taxi:
      do: POST taxis /rides
      undo: DELETE taxis /rides/{$key}
      confirm: { do: POST taxis /firm, body: { ride: $result.id, sent: $body, key: $key } }
  - tell: { do: POST mail /told, undo: none }
"#;

const HELD: &str = "seats 200\ntable 200\ntaxi 200 {\"id\":7}\n";

fn stuck(script: &str) -> Option<StuckCode> {
    let driver = play(NIGHT, "{}", script);
    driver.saga.stuck().map(|stuck| stuck.code)
}

#[test]
fn confirms_run_once_every_step_is_over_and_the_saga_completes_with_the_last() {
    let driver = draws(
        NIGHT,
        &format!("{HELD}tell 200\nconfirm table 200"),
        &expect![[r#"
            night@1  cart-17  running
            ├─ holds (together)
            │  ├─ seats          ✓ done  … confirming
            │  └─ table          ✓ done  ✔ confirmed
            ├─ taxi              ✓ done
            └─ tell              ✓ done
            waits: concerts was called for the confirm of holds.seats; attempt 1, no answer yet
        "#]],
    );
    let asked: Vec<(String, String)> = driver
        .saga
        .pending()
        .into_iter()
        .map(|effect| (effect.step, effect.request.key.clone()))
        .collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].0 == "holds.seats" && asked[0].1.ends_with("-confirm"));
    draws(
        NIGHT,
        &format!(
            "{HELD}tell 200\nconfirm table 200\nconfirm seats 503\nconfirm seats 200\nconfirm taxi 200"
        ),
        &expect![[r#"
            night@1  cart-17  completed
            ├─ holds (together)
            │  ├─ seats          ✓ done  ✔ confirmed, 2 attempts
            │  └─ table          ✓ done  ✔ confirmed
            ├─ taxi              ✓ done  ✔ confirmed
            └─ tell              ✓ done
        "#]],
    );
}

#[test]
fn a_confirm_sees_what_its_do_sent_and_answered() {
    let driver = play(
        NIGHT,
        "{}",
        &format!("{HELD}tell 200\nconfirm table 200\nconfirm seats 200"),
    );
    let body = driver.saga.pending()[0].request.body.clone();
    let body: banyan_core::Json = serde_json::from_slice(&body.expect("a body")).expect("JSON");
    assert_eq!(
        (&body["ride"], &body["sent"]),
        (&7.into(), &banyan_core::Json::Null)
    );
    let key = body["key"].as_str().expect("a key").to_owned();
    assert_eq!(
        driver.saga.pending()[0].request.key,
        format!("{key}-confirm")
    );
}

#[test]
fn before_the_first_confirm_a_cancel_turns_back_and_after_its_intent_nothing_does() {
    let before = play(
        NIGHT,
        "{}",
        &format!("{HELD}cancel enough\ntell lost\nundo taxi 200\nundo seats 200\nundo table 200"),
    );
    assert_eq!(before.saga.status(), Status::Compensated);
    let mut after = play(NIGHT, "{}", &format!("{HELD}tell 200"));
    let reason = "too late".to_owned();
    let refused = after.handle(Input::asked(Ask::Cancel, reason, "someone"));
    assert!(matches!(refused, Err(Rejection::NotAllowedNow { .. })));
    // The deadline passes without a word.
    line_of(&mut after, "pass 2h");
    assert_eq!(after.saga.status(), Status::Running);
    assert!(after.saga.reason.is_none());
}

#[test]
fn a_confirm_that_was_never_sent_since_its_road_is_closed_is_no_point_of_no_return() {
    let paused = format!("{HELD}pause concerts\npause tables\ntell 200\n");
    let waits = play(NIGHT, "{}", &paused);
    assert!(!waits.saga.past_pivot);
    let undo = "resume concerts\nresume tables\nundo taxi 200\nundo seats 200\nundo table 200";
    let cancelled = play(NIGHT, "{}", &format!("{paused}cancel enough\n{undo}"));
    assert_eq!(cancelled.saga.status(), Status::Compensated);
    // Parked for too long, it is stuck, and goes on by itself.
    let overdue = play(
        &NIGHT.replace("deadline: 1h", "deadline: 3h"),
        "{}",
        &format!("{paused}pass 65m"),
    );
    let code = overdue.saga.stuck().map(|stuck| stuck.code);
    assert_eq!(code, Some(StuckCode::Unreachable));
    let withdrawn = play(
        &NIGHT.replace("deadline: 1h", "deadline: 3h"),
        "{}",
        &format!("{paused}pass 65m\ncancel enough\n{undo}"),
    );
    assert_eq!(withdrawn.saga.status(), Status::Compensated);
    let goes_on =
        "resume concerts\nresume tables\nconfirm table 200\nconfirm seats 200\nconfirm taxi 200";
    let done = play(
        &NIGHT.replace("deadline: 1h", "deadline: 3h"),
        "{}",
        &format!("{paused}pass 65m\n{goes_on}"),
    );
    assert_eq!(done.saga.status(), Status::Completed);
}

#[test]
fn a_refused_confirm_is_stuck_and_one_that_may_have_happened_is_told_so() {
    let tell = format!("{HELD}tell 200\nconfirm table 200\n");
    assert_eq!(
        stuck(&format!("{tell}confirm seats 409")),
        Some(StuckCode::ForwardRefused)
    );
    // A refusal after a lost answer is not the last word.
    let after_lost = format!("{tell}confirm seats lost\nconfirm seats 409\n");
    assert_eq!(stuck(&after_lost), None);
    let refusals = "confirm seats 409\n".repeat(4);
    assert_eq!(
        stuck(&format!("{after_lost}{refusals}")),
        Some(StuckCode::OutcomeUnknown)
    );
    let crashed = play(
        NIGHT,
        "{}",
        &format!("{tell}crash\nconfirm seats 200\nconfirm taxi 200"),
    );
    assert_eq!(crashed.saga.status(), Status::Completed);
}

#[test]
fn only_what_is_done_is_confirmed() {
    let source = r#"
saga: s
version: 1
steps:
  - skipped: { when: "false", do: POST a /x, undo: none, confirm: PUT a /x }
  - refused: { do: POST a /x, undo: none, on_refused: continue, confirm: PUT a /x }
  - lines:
      each: "[1, 2, 3]"
      as: n
      limit: 2
      steps:
        - line: { do: POST b /x, undo: none, confirm: { do: PUT b /x, body: { n: $n } } }
  - none: { each: "[]", as: n, do: POST b /x, undo: none, confirm: PUT b /x }
  - last: { do: POST c /x, pivot: true, confirm: PUT c /x }
  - after: { do: PUT c /y, confirm: PUT c /z }
"#;
    let script =
        "refused 409\nlines[0].line 200\nlines[1].line 200\nlines[2].line 200\nlast 200\nafter 200";
    let driver = draws(
        source,
        script,
        &expect![[r#"
        s@1  cart-17  running
        ├─ skipped              – skipped
        ├─ refused              ✗ refused: a answered 409
        ├─ lines (each)
        │  ├─ lines[0] (steps)
        │  │  └─ line           ✓ done                     … confirming
        │  ├─ lines[1] (steps)
        │  │  └─ line           ✓ done                     … confirming
        │  └─ lines[2] (steps)
        │     └─ line           ✓ done
        ├─ none (each)
        ├─ last ◆               ✓ done
        └─ after                ✓ done
        waits: b was called for the confirm of lines[0].line; attempt 1, no answer yet
        waits: b was called for the confirm of lines[1].line; attempt 1, no answer yet
    "#]],
    );
    let asked = |driver: &crate::script::Driver| -> Vec<String> {
        let pending = driver.saga.pending().into_iter();
        pending.map(|effect| effect.step).collect()
    };
    assert_eq!(asked(&driver), ["lines[0].line", "lines[1].line"]);
    let more = format!("{script}\nconfirm lines[1].line 200");
    let driver = play(source, "{}", &more);
    assert_eq!(asked(&driver), ["lines[0].line", "lines[2].line"]);
    let all = format!(
        "{more}\nconfirm lines[0].line 200\nconfirm lines[2].line 200\nconfirm last 200\nconfirm after 200"
    );
    let driver = play(source, "{}", &all);
    assert_eq!(driver.saga.status(), Status::Completed);
    let refused = driver.saga.plan.index.by_name("refused", &[]).expect("it");
    let state = driver.saga.state(&refused);
    let view = state.confirm_view(driver.saga.plan.definition.step(&refused));
    assert_eq!(view, Some(ConfirmView::Pending));
}

#[test]
fn a_confirm_whose_values_cannot_be_computed_needs_a_person_and_can_still_be_cancelled() {
    let source = r#"
saga: s
version: 1
steps:
  - one: { do: POST a /x, undo: DELETE a /x, confirm: "PUT a /x/{$result.id}" }
"#;
    let driver = play(source, "{}", "one 200 {}");
    let code = driver.saga.stuck().map(|stuck| stuck.code);
    assert_eq!(code, Some(StuckCode::ExpressionFailed));
    let driver = play(source, "{}", "one 200 {}\ncancel enough\nundo one 200");
    assert_eq!(driver.saga.status(), Status::Compensated);
    let confirms = |entry: &&banyan_core::saga::Entry| matches!(&entry.record, Record::AttemptStarted { leg, .. } if leg.as_str() == "confirm");
    assert_eq!(driver.journal.iter().filter(confirms).count(), 0);
}
