//! `reply: later`: a call that was accepted, the wait for its reply, and every reply that may
//! come: in time, before the answer, twice, with another outcome, too late, after the end.

use crate::script::{Driver, draws, line_of, play};
use banyan_core::Json;
use banyan_core::saga::{
    Input, Leg, Outcome, Record, Rejection, Reply, State, Status, StuckCode, WaitingKind,
};
use expect_test::expect;

const RENDER: &str = r#"
saga: render
version: 1
deadline: 2d
steps:
  - order: { do: POST orders /o, undo: "DELETE orders /o/{$key}" }
  - film:
      do: POST render /jobs
      reply: later
      for: 1h
      refused_when: $result.frames == 0
      check: GET render /jobs/{$key}
      undo: DELETE render /jobs/{$key}
  - last: { do: POST mail /m, undo: none }
"#;

fn film(driver: &Driver) -> State {
    let route = driver.saga.plan.index.by_name("film", &[]).expect("film");
    driver.saga.state(&route).state
}

fn has(driver: &Driver, wanted: impl Fn(&Record) -> bool) -> usize {
    let records = driver.journal.iter().map(|entry| &entry.record);
    records.filter(|record| wanted(record)).count()
}

#[test]
fn the_reply_is_the_outcome_and_its_result_the_steps() {
    let waits = draws(
        RENDER,
        "order 200\nfilm 202",
        &expect![[r#"
        render@1  cart-17  running
        ├─ order  ✓ done
        ├─ film   … running: render answered 202
        └─ last   ·
        waits: render accepted film; its reply may come until 1970-01-01T01:16:40.000Z
    "#]],
    );
    assert_eq!(waits.saga.waiting_on()[0].kind, WaitingKind::Reply);
    let pending = waits.saga.pending();
    assert!(pending.is_empty(), "{pending:?}");
    let done = play(
        RENDER,
        "{}",
        "order 200\nfilm 202\ncrash\nreply do film done {\"url\":\"x\"}\nlast 200",
    );
    assert_eq!(done.saga.status(), Status::Completed);
    draws(
        RENDER,
        "order 200\nfilm 202\nreply do film refused {\"message\":\"too dark\"}\nundo order 200",
        &expect![[r#"
            render@1  cart-17  compensated
            turned back: refused at film: render replied that it is refused: too dark
            ├─ order  ✓ done     ↩ undone
            ├─ film   ✗ refused  ↩ nothing to undo
            └─ last   ·
        "#]],
    );
}

#[test]
fn only_such_calls_carry_a_reply_address() {
    let driver = play(RENDER, "{}", "");
    assert_eq!(driver.saga.pending()[0].request.reply_round, None);
    let driver = play(RENDER, "{}", "order 200");
    assert_eq!(driver.saga.pending()[0].request.reply_round, Some(1));
}

#[test]
fn any_other_2xx_is_done_at_once_and_a_refusal_is_one() {
    let done = play(RENDER, "{}", "order 200\nfilm 201 {}\nlast 200");
    assert_eq!(done.saga.status(), Status::Completed);
    let refused = play(RENDER, "{}", "order 200\nfilm 409\nundo order 200");
    assert_eq!(refused.saga.status(), Status::Compensated);
}

#[test]
fn refused_when_is_asked_of_a_reply_and_what_it_cannot_read_is_unknown() {
    let no = play(
        RENDER,
        "{}",
        "order 200\nfilm 202\nreply do film done {\"frames\":0}",
    );
    assert_eq!(film(&no), State::Ended(Outcome::Refused));
    let unreadable = play(
        RENDER,
        "{}",
        "order 200\nfilm 202\nreply do film done \"text\"\ncheck film 404 {}",
    );
    assert_eq!(film(&unreadable), State::Ended(Outcome::Unknown));
}

#[test]
fn a_reply_may_come_before_the_answer_to_its_call() {
    let early = "order 200\nreply do film done {\"url\":1}\nlate film 1 202\nlast 200";
    let driver = play(RENDER, "{}", early);
    assert_eq!(driver.saga.status(), Status::Completed);
    // Also while the call is tried again, and while its road is closed.
    let lost = "order 200\nfilm lost\nreply do film done {}\nlast 200";
    assert_eq!(play(RENDER, "{}", lost).saga.status(), Status::Completed);
    let parked = "order 200\nfilm lost\npause render\npass 1m\nreply do film done {}\nlast 200";
    assert_eq!(play(RENDER, "{}", parked).saga.status(), Status::Completed);
    // Also while check is asked already; its answer is but a note then.
    let asked = "order 200\nfilm 202\npass 61m\nreply do film done {}\nlast 200";
    assert_eq!(play(RENDER, "{}", asked).saga.status(), Status::Completed);
}

#[test]
fn without_a_reply_in_time_check_is_asked_and_then_the_step_is_unknown() {
    let driver = play(RENDER, "{}", "order 200\nfilm 202\npass 61m");
    assert_eq!(driver.saga.pending()[0].leg, Leg::Check);
    let done = "order 200\nfilm 202\npass 61m\ncheck film 200 {}\nlast 200";
    assert_eq!(play(RENDER, "{}", done).saga.status(), Status::Completed);
    draws(
        RENDER,
        "order 200\nfilm 202\npass 61m\ncheck film 404 {}\nundo film 200\nundo film 404 {}\nundo order 200",
        &expect![[r#"
            render@1  cart-17  compensated
            turned back: unknown at film: no reply came within 1h
            ├─ order  ✓ done     ↩ undone
            ├─ film   ? unknown  ↩ undone, 2 attempts
            └─ last   ·
        "#]],
    );
}

#[test]
fn a_reply_settles_once() {
    let mut driver = play(RENDER, "{}", "order 200\nfilm 202\nreply do film done {}");
    let again = driver.reply("do", "film", "done", Json::from(7));
    assert_eq!(again, Ok(true), "the same outcome again is a repeat");
    let refused = driver.reply("do", "film", "refused", Json::Null);
    assert!(matches!(refused, Err(Rejection::AlreadySettled { .. })));
    assert_eq!(
        has(&driver, |record| matches!(
            record,
            Record::ReplyReceived { .. }
        )),
        1
    );
    // An answer that said done settles as well.
    let mut driver = play(RENDER, "{}", "order 200\nfilm 200 {}");
    let refused = driver.reply("do", "film", "refused", Json::Null);
    assert!(matches!(refused, Err(Rejection::AlreadySettled { .. })));
    assert_eq!(driver.reply("do", "film", "done", Json::Null), Ok(false));
    assert_eq!(driver.reply("do", "film", "done", Json::Null), Ok(true));
}

#[test]
fn a_reply_to_what_never_began_is_not_known() {
    let mut driver = play(RENDER, "{}", "order 200\nfilm 202");
    for (step, leg, round) in [
        ("order", Leg::Do, 1),
        ("film", Leg::Do, 0),
        ("film", Leg::Do, 2),
        ("film", Leg::Undo, 1),
        ("film", Leg::Check, 1),
        ("last", Leg::Do, 1),
        ("nothing", Leg::Do, 1),
        ("film[3]", Leg::Do, 1),
        ("", Leg::Do, 1),
    ] {
        let reply = Reply::Done { result: Json::Null };
        let step = step.to_owned();
        let answer = driver.handle(Input::Reply {
            step,
            leg,
            round,
            reply,
        });
        assert_eq!(answer, Err(Rejection::UnknownReply), "{leg:?} {round}");
    }
}

#[test]
fn done_after_refused_is_a_late_effect_and_undone() {
    let refused = "order 200\nfilm 202\nreply do film refused \"no\"\n";
    let while_undoing = play(
        RENDER,
        "{}",
        &format!("{refused}reply do film done {{\"url\":1}}\nundo film 200\nundo order 200"),
    );
    assert_eq!(while_undoing.saga.status(), Status::Compensated);
    let mut driver = play(RENDER, "{}", &format!("{refused}undo order 200"));
    assert_eq!(driver.saga.status(), Status::Compensated);
    line_of(&mut driver, "reply do film done {\"url\":1}");
    assert_eq!(driver.saga.status(), Status::Compensating);
    assert_eq!(driver.saga.reopened, 1);
    line_of(&mut driver, "undo film 200");
    assert_eq!(driver.saga.status(), Status::Compensated);
    assert_eq!(driver.reply("do", "film", "done", Json::Null), Ok(true));
    let refused = driver.reply("do", "film", "refused", Json::Null);
    assert!(matches!(refused, Err(Rejection::AlreadySettled { .. })));
}

#[test]
fn a_done_that_comes_after_its_time_is_undone_again() {
    let unknown = "order 200\nfilm 202\npass 61m\ncheck film 404 {}\n";
    // The undo found nothing so far.
    let between = play(
        RENDER,
        "{}",
        &format!(
            "{unknown}undo film 404 {{}}\nreply do film done {{}}\nundo film 200\nundo film 404 {{}}\nundo order 200"
        ),
    );
    assert_eq!(between.saga.status(), Status::Compensated);
    let ended = format!("{unknown}undo film 404 {{}}\nundo film 404 {{}}\nundo order 200\n");
    let reopened = play(
        RENDER,
        "{}",
        &format!("{ended}reply do film done {{}}\nundo film 200"),
    );
    assert_eq!(
        (reopened.saga.status(), reopened.saga.reopened),
        (Status::Compensated, 1)
    );
    // A refusal is a note, and after the end not even that.
    let noted = play(
        RENDER,
        "{}",
        &format!("{unknown}reply do film refused \"no\""),
    );
    assert_eq!(film(&noted), State::Ended(Outcome::Unknown));
    let mut ended = play(RENDER, "{}", &ended);
    let records = ended.journal.len();
    line_of(&mut ended, "reply do film refused \"no\"");
    assert_eq!(ended.journal.len(), records);
    // An undo that is not repeatable and took effect already cannot be tried again.
    let once = RENDER.replace(
        "undo: DELETE render /jobs/{$key}",
        "undo: POST render /undone/{$key}",
    );
    let late = play(
        &once,
        "{}",
        &format!("{unknown}undo film 200\nundo order 200\nreply do film done {{}}"),
    );
    let code = late.saga.stuck().map(|stuck| stuck.code);
    assert_eq!(code, Some(StuckCode::LateEffect));
}

#[test]
fn in_a_completed_saga_the_undo_of_a_late_done_runs_alone() {
    let source = RENDER.replace(
        "      for: 1h\n",
        "      for: 1h\n      on_refused: continue\n",
    );
    let script = "order 200\nfilm 202\nreply do film refused \"no\"\nlast 200\n";
    let mut driver = play(&source, "{}", script);
    assert_eq!(driver.saga.status(), Status::Completed);
    line_of(&mut driver, "reply do film done {}");
    let asked: Vec<(String, Leg)> = driver
        .saga
        .pending()
        .into_iter()
        .map(|effect| (effect.step, effect.leg))
        .collect();
    assert_eq!(asked, [("film".to_owned(), Leg::Undo)]);
    line_of(&mut driver, "undo film 200");
    assert_eq!(driver.saga.status(), Status::Completed);
}

#[test]
fn turning_back_waits_for_the_reply_or_gives_it_up_as_the_file_says() {
    let cancelled = "order 200\nfilm 202\ncancel enough\n";
    let waits = draws(
        RENDER,
        cancelled,
        &expect![[r#"
        render@1  cart-17  compensating
        turned back: cancelled: enough
        ├─ order  ✓ done                          ↩ to be undone
        ├─ film   … running: render answered 202  ↩ to be undone
        └─ last   ·
        waits: render accepted film; its reply may come until 1970-01-01T01:16:40.000Z
    "#]],
    );
    assert!(waits.saga.pending().is_empty());
    let refused = play(
        RENDER,
        "{}",
        &format!("{cancelled}reply do film refused \"no\"\nundo order 200"),
    );
    assert_eq!(refused.saga.status(), Status::Compensated);
    let done = play(
        RENDER,
        "{}",
        &format!("{cancelled}reply do film done {{}}\nundo film 200\nundo order 200"),
    );
    assert_eq!(done.saga.status(), Status::Compensated);
    let passed = play(RENDER, "{}", &format!("{cancelled}pass 61m\nundo film 200"));
    assert_eq!(film(&passed), State::Ended(Outcome::Unknown));
    let gives_up = RENDER.replace(
        "      for: 1h\n",
        "      for: 1h\n      on_turn_back: give_up\n",
    );
    let at_once = play(&gives_up, "{}", &format!("{cancelled}undo film 404 {{}}"));
    assert_eq!(film(&at_once), State::Ended(Outcome::Unknown));
    let in_flight = play(
        &gives_up,
        "{}",
        "order 200\ncancel enough\nfilm 202\nundo film 404 {}",
    );
    assert_eq!(film(&in_flight), State::Ended(Outcome::Unknown));
}

#[test]
fn while_the_pivot_waits_for_its_reply_a_cancel_and_the_deadline_only_stop_new_steps() {
    let pivot = RENDER.replace(
        "      for: 1h\n",
        "      for: 1h\n      on_turn_back: give_up\n      pivot: true\n",
    );
    let pivot = pivot.replace("deadline: 2d", "deadline: 70m");
    let cancelled = "order 200\nfilm 202\ncancel enough\n";
    let waits = play(&pivot, "{}", cancelled);
    assert_eq!(waits.saga.status(), Status::Running);
    let forward = play(
        &pivot,
        "{}",
        &format!("{cancelled}reply do film done {{}}\nlast 200"),
    );
    assert_eq!(forward.saga.status(), Status::Completed);
    assert_eq!(has(&forward, |record| *record == Record::CancelTooLate), 1);
    let back = format!("{cancelled}reply do film refused \"no\"\nundo order 200");
    assert_eq!(play(&pivot, "{}", &back).saga.status(), Status::Compensated);
    let asked = play(
        &pivot,
        "{}",
        &format!("{cancelled}pass 61m\ncheck film 200 {{}}\nlast 200"),
    );
    assert_eq!(asked.saga.status(), Status::Completed);
    let late = "order 200\npass 20m\nfilm 202\npass 55m\nreply do film done {}\nlast 200";
    assert_eq!(play(&pivot, "{}", late).saga.status(), Status::Completed);
}

#[test]
fn a_step_that_waits_for_a_person_is_settled_by_its_reply() {
    let stuck = RENDER.replace(
        "      for: 1h\n",
        "      for: 1h\n      on_unknown: stuck\n",
    );
    let unknown = "order 200\nfilm 202\npass 61m\ncheck film 404 {}\n";
    let waits = play(&stuck, "{}", unknown);
    assert_eq!(waits.saga.status(), Status::Stuck);
    let done = play(
        &stuck,
        "{}",
        &format!("{unknown}reply do film done {{}}\nlast 200"),
    );
    assert_eq!(done.saga.status(), Status::Completed);
    let no = play(
        &stuck,
        "{}",
        &format!("{unknown}reply do film refused \"no\"\nundo order 200"),
    );
    assert_eq!(no.saga.status(), Status::Compensated);
}

const SLOW_UNDO: &str = r#"
saga: slow
version: 1
steps:
  - hold:
      do: POST a /x
      undo: { do: POST a /undone, reply: later, for: 10m, retry: { attempts: 2 } }
      confirm: { do: POST a /firm, reply: later, for: 10m }
  - last: { do: POST b /x, undo: none }
"#;

#[test]
fn an_undo_without_a_reply_is_sent_again_under_its_key_and_then_needs_a_person() {
    let back = "hold 200\nlast 409\nundo hold 202\n";
    let keys = |driver: &Driver| -> Vec<String> {
        let records = driver
            .journal
            .iter()
            .filter_map(|entry| match &entry.record {
                Record::AttemptStarted { leg, key, .. } if *leg == Leg::Undo => Some(key.clone()),
                _ => None,
            });
        records.collect()
    };
    let done = play(SLOW_UNDO, "{}", &format!("{back}reply undo hold done {{}}"));
    assert_eq!(done.saga.status(), Status::Compensated);
    let again = play(SLOW_UNDO, "{}", &format!("{back}pass 11m"));
    let keys = keys(&again);
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
    let stuck = play(
        SLOW_UNDO,
        "{}",
        &format!("{back}pass 11m\nundo hold 202\npass 11m"),
    );
    let code = stuck.saga.stuck().map(|stuck| stuck.code);
    assert_eq!(code, Some(StuckCode::OutcomeUnknown));
    // The reply may still come, and settles it.
    let settled = play(
        SLOW_UNDO,
        "{}",
        &format!("{back}pass 11m\nundo hold 202\npass 11m\nreply undo hold done {{}}"),
    );
    assert_eq!(settled.saga.status(), Status::Compensated);
    let refused = play(
        SLOW_UNDO,
        "{}",
        &format!("{back}reply undo hold refused \"no\""),
    );
    let code = refused.saga.stuck().map(|stuck| stuck.code);
    assert_eq!(code, Some(StuckCode::UndoRefused));
}

#[test]
fn a_confirm_waits_for_its_reply_and_is_sent_until_there_is_one() {
    let held = "hold 200\nlast 200\nconfirm hold 202\n";
    let done = play(
        SLOW_UNDO,
        "{}",
        &format!("{held}reply confirm hold done {{}}"),
    );
    assert_eq!(done.saga.status(), Status::Completed);
    let again = format!(
        "{held}pass 11m\nconfirm hold 202\npass 11m\nconfirm hold 202\nreply confirm hold done {{}}"
    );
    assert_eq!(
        play(SLOW_UNDO, "{}", &again).saga.status(),
        Status::Completed
    );
    let refused = play(
        SLOW_UNDO,
        "{}",
        &format!("{held}reply confirm hold refused \"no\""),
    );
    let code = refused.saga.stuck().map(|stuck| stuck.code);
    assert_eq!(code, Some(StuckCode::ForwardRefused));
}

#[test]
fn the_reply_to_an_undo_says_by_missing_when_that_there_was_nothing() {
    let source = |missing: &str| {
        format!(
            r#"
saga: s
version: 1
steps:
  - hold:
      do: POST a /h
      undo:
        do: POST a /h/undone
        reply: later
        for: 10m
        missing_when: $http.status == 404 or $result.gone == true{missing}
  - last: {{ do: POST b /l, undo: none }}
"#
        )
    };
    let back = "hold 200\nlast 409\nundo hold 202\n";
    let code = |missing: &str, reply: &str| {
        let driver = play(
            &source(missing),
            "{}",
            &format!("{back}reply undo hold {reply}"),
        );
        driver.saga.stuck().map(|stuck| stuck.code)
    };
    let gone = "done {\"gone\":true}";
    assert_eq!(code("", gone), Some(StuckCode::UndoNotFound), "it was done");
    let said = "refused {\"gone\":true}";
    assert_eq!(code("", said), Some(StuckCode::UndoNotFound));
    assert_eq!(code("\n        missing: ok", gone), None);
    assert_eq!(code("\n        missing: ok", said), None);
    assert_eq!(code("", "done {}"), None);
    assert_eq!(code("", "refused {}"), Some(StuckCode::UndoRefused));
    // Over an error that it cannot read it says nothing; a result that it cannot read is no word.
    assert_eq!(code("", "refused \"no\""), Some(StuckCode::UndoRefused));
    assert_eq!(code("", "done \"text\""), Some(StuckCode::ExpressionFailed));
}

#[test]
fn who_was_refused_by_a_reply_and_is_asked_again_may_refuse_again() {
    let source = "saga: once\nversion: 1\nsteps:\n  - pay:\n      do: POST bank /p\n      undo:\n        do: DELETE bank /p\n        reply: later\n        for: 1h\n  - last: { do: POST mail /m, undo: none }\n";
    let refused = "pay 200\nlast 409\nundo pay 202\nreply undo pay refused \"no\"";
    let again =
        format!("{refused}\nverb retry undo pay\nundo pay 202\nreply undo pay refused \"no\"");
    let driver = play(source, "{}", &again);
    assert_eq!(
        driver.saga.status(),
        Status::Stuck,
        "{}",
        driver.saga.draw()
    );
}
