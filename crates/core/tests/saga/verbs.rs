//! Every verb against every situation: what is allowed, what it leads to, which calls follow.
//!
//! A situation is a saga that was brought somewhere by a script; it stands in one cell of
//! status × leg × side of the pivot. Each verb is asked of each, and what comes of it is compared
//! with `verbs/table.txt`, drawings and calls included (`UPDATE_EXPECT=1` writes it anew; read
//! what changed). A cell that neither has a situation nor a reason why it cannot be fails.

pub(crate) mod situations;

use self::situations::{Situation, TABLE, TRANSFER};
use crate::script::{Driver, play};
use banyan_core::saga::{
    Ask, Asked, Context, Leg, LegPhase, Phase, Rejection, Saga, Status, StuckCode, Verb,
};
use banyan_core::time::Timestamp;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What is asked of each situation, beside a settlement and a retry of its own leg.
fn asks(situation: &Situation) -> Vec<(String, Verb)> {
    let (step, leg) = (situation.at.0, situation.at.1.as_str());
    vec![
        ("cancel".to_owned(), Verb::Cancel),
        ("retry".to_owned(), Verb::Retry),
        (format!("retry {leg} {step}"), Verb::Retry),
        (
            format!("retry {leg} {step} {{\"mended\":true}}"),
            Verb::Retry,
        ),
        (format!("settle {leg} {step} done"), Verb::Settle),
        (format!("settle {leg} {step} not_happened"), Verb::Settle),
        ("undo".to_owned(), Verb::Undo),
        ("abandon".to_owned(), Verb::Abandon),
        ("note seen".to_owned(), Verb::Note),
    ]
}

fn stand(situation: &Situation) -> Driver {
    play(situation.source, "{}", situation.script)
}

fn ask(words: &str) -> Asked {
    Asked {
        what: crate::script::asked(words),
        reason: "a reason".into(),
        actor: "someone".into(),
        expected_seq: None,
        operation: None,
    }
}

#[test]
fn every_verb_does_in_every_situation_what_the_table_says() {
    let mut table = String::new();
    for situation in TABLE {
        let driver = stand(situation);
        let allowed: Vec<&str> = driver
            .saga
            .allowed()
            .iter()
            .map(|verb| verb.as_str())
            .collect();
        let _ = writeln!(table, "## {}\n\n{}", situation.name, driver.saga.draw());
        let _ = writeln!(table, "allowed: {}\n", allowed.join(", "));
        for (words, verb) in asks(situation) {
            let told = tell(situation, &words, verb);
            let _ = writeln!(table, "{words}\n{told}");
        }
    }
    expect_test::expect_file!["verbs/table.txt"].assert_eq(&table);
}

/// What a verb leads to: why not, or the saga after it and the calls that follow.
fn tell(situation: &Situation, words: &str, verb: Verb) -> String {
    let mut driver = stand(situation);
    let preview = preview(&driver, words);
    let taken = driver.ask(words);
    let is_allowed = stand(situation).saga.allowed().contains(&verb);
    match (preview, taken) {
        (Err(said), Err(why)) => {
            assert_eq!(said, why, "{}: {words}", situation.name);
            format!("  no: {why}\n")
        }
        (Ok(preview), Ok(_)) => {
            let name = situation.name;
            assert!(
                is_allowed,
                "{name}: {words} is taken, so it is listed as allowed"
            );
            assert_eq!(preview.saga.draw(), driver.saga.draw(), "{name}: {words}");
            let mut text = String::new();
            if words.starts_with("note") {
                let _ = writeln!(
                    text,
                    "  owner: {}",
                    driver.saga.owner.clone().unwrap_or_default()
                );
                return text;
            }
            for line in driver.saga.draw().lines() {
                let _ = writeln!(text, "  {line}");
            }
            let before = stand(situation).saga;
            let round = |key: &str| round_of(&before, key);
            for call in &preview.calls {
                let (leg, target) = (call.leg.as_str(), call.target.replace(&call.key, "KEY"));
                let body = call
                    .body
                    .as_ref()
                    .map(|body| format!(" {body}"))
                    .unwrap_or_default();
                let target = hide_keys(&driver.saga, &target);
                let body = hide_keys(&driver.saga, &body);
                let _ = writeln!(
                    text,
                    "  → {} ({leg}): {} {target}{body}, {}",
                    call.step,
                    call.method,
                    round(&call.key)
                );
            }
            if !preview.without_undo.is_empty() {
                let _ = writeln!(
                    text,
                    "  nothing takes back: {}",
                    preview.without_undo.join(", ")
                );
            }
            text
        }
        (preview, taken) => panic!(
            "{}: {words}: the preview says {:?}, the verb {taken:?}",
            situation.name,
            preview.map(|preview| preview.records)
        ),
    }
}

fn preview(driver: &Driver, words: &str) -> Result<banyan_core::saga::Preview, Rejection> {
    let context = Context {
        now: driver.now,
        random: 7,
        services: &driver.roads,
    };
    driver.saga.preview(ask(words), &context)
}

/// Whether a key was sent before.
fn round_of(saga: &Saga, key: &str) -> &'static str {
    let mut known = false;
    saga.each_state(&mut |_, state| {
        known |= Leg::ALL
            .iter()
            .any(|leg| state.leg(*leg).key.as_deref() == Some(key));
    });
    if known {
        "under the key it has"
    } else {
        "under a fresh key"
    }
}

/// The keys of its dos are random to the eye.
fn hide_keys(saga: &Saga, text: &str) -> String {
    let mut shown = text.to_owned();
    saga.each_state(&mut |at, state| {
        if let Some(key) = &state.forward.key {
            shown = shown.replace(key.as_str(), &format!("KEY-OF-{}", at.path()));
        }
    });
    shown
}

#[test]
fn after_any_verb_that_is_taken_the_saga_still_comes_to_rest_once_all_is_well() {
    for situation in TABLE {
        for (words, verb) in asks(situation) {
            let mut driver = stand(situation);
            driver.thorough = true;
            if driver.ask(&words).is_err() {
                continue;
            }
            driver.crash();
            all_is_well(&mut driver);
            let status = driver.saga.status();
            let moved = !matches!(verb, Verb::Note | Verb::Cancel);
            let is_over = status.is_rest() || status == Status::Stuck;
            assert!(
                is_over,
                "{}: {words}:\n{}",
                situation.name,
                driver.saga.draw()
            );
            if moved {
                assert!(driver.journal.len() > 1);
            }
        }
    }
}

/// Every road is open, every call is answered 200, and every signal comes.
fn all_is_well(driver: &mut Driver) {
    driver.roads.paused.clear();
    let _ = driver.handle(banyan_core::saga::Input::Opened);
    for _ in 0..200 {
        let effects = driver.saga.pending();
        if let Some(effect) = effects.first() {
            let (step, leg, attempt) = (effect.step.clone(), effect.leg, effect.attempt);
            driver.answer_attempt(
                &step,
                leg,
                attempt,
                crate::script::what("200 {\"name\":{\"first\":\"a\"}}"),
            );
        } else if !driver.wake(Timestamp(i64::MAX)) {
            return;
        }
    }
}

/// Where a situation stands: its status, the leg that it is about, the side of the pivot.
type Cell = (Status, Option<Leg>, bool);

fn cell(situation: &Situation) -> Cell {
    let saga = stand(situation).saga;
    if let Some(stuck) = saga.stuck().filter(|_| saga.status() == Status::Stuck) {
        return (Status::Stuck, Some(stuck.leg), saga.past_pivot);
    }
    let route = saga
        .plan
        .index
        .by_path(situation.at.0)
        .expect("the step is there");
    let leg = situation.at.1;
    let is_open = !matches!(saga.state(&route).leg(leg).phase, LegPhase::Idle);
    let given_up = saga.phase == Phase::Abandoned;
    let about = Some(leg).filter(|_| is_open && !given_up);
    (saga.status(), about, saga.past_pivot)
}

/// The cells that no saga can be in, and why.
fn impossible((status, leg, past_pivot): Cell) -> Option<&'static str> {
    use Leg::{Check, Confirm, Do, Undo};
    match (status, leg, past_pivot) {
        (_, Some(Check), _) => Some("a check is part of its do: no verb is about it alone"),
        (_, Some(Confirm), false) => Some("the first intent of a confirm is a point of no return"),
        (Status::Compensating | Status::Compensated, Some(Confirm), true) => {
            Some("past that point nothing turns back but a completed saga, whose confirms are over")
        }
        (Status::Completed, Some(Confirm), true) => {
            Some("a saga is completed once its confirms are")
        }
        (Status::Compensated | Status::Abandoned, Some(Undo | Confirm), _) => {
            Some("at rest no leg of a step is open")
        }
        (Status::Compensated | Status::Abandoned, Some(Do), _) => {
            Some("only a call at the end may be: it takes the verbs of a completed saga's")
        }
        (Status::Stuck, None, _) => Some("a stuck saga has a leg that is stuck"),
        (Status::Compensating, Some(Do), true) => {
            Some("past the pivot no do is under way when the saga turns back")
        }
        _ => None,
    }
}

#[test]
fn every_cell_of_status_leg_and_pivot_has_a_situation_or_a_reason_why_not() {
    let covered: BTreeSet<String> = TABLE.iter().map(|one| format!("{:?}", cell(one))).collect();
    let mut missing = Vec::new();
    for status in Status::ALL {
        for leg in [
            None,
            Some(Leg::Do),
            Some(Leg::Check),
            Some(Leg::Undo),
            Some(Leg::Confirm),
        ] {
            for past_pivot in [false, true] {
                let cell = (status, leg, past_pivot);
                let here = covered.contains(&format!("{cell:?}"));
                match impossible(cell) {
                    None if !here => missing.push(cell),
                    Some(why) => assert!(!here, "{cell:?} is there, although {why}"),
                    None => {}
                }
            }
        }
    }
    assert!(missing.is_empty(), "no situation for {missing:?}");
}

#[test]
fn every_code_for_which_a_saga_is_stuck_is_met_by_every_verb() {
    let met: BTreeSet<&str> = TABLE
        .iter()
        .filter_map(|one| stand(one).saga.stuck())
        .map(|stuck| stuck.code.as_str())
        .collect();
    // A version that computes other bytes, a child and a restored store need more than a
    // script: `versions`, `children` and the store's own tests bring them about.
    let elsewhere = [
        StuckCode::BodyChanged,
        StuckCode::ChildStuck,
        StuckCode::Restored,
    ];
    for code in StuckCode::ALL {
        let here = met.contains(code.as_str()) || elsewhere.contains(&code);
        assert!(here, "no situation is stuck for {}", code.as_str());
    }
}

#[test]
fn a_verb_asked_of_a_saga_that_has_changed_since_is_refused_and_changes_nothing() {
    let mut driver = play(TRANSFER, "{}", "hold 200\npay 409\nundo hold 409");
    let seq = driver.saga.seq;
    for (words, expected, fits) in [("retry", seq - 1, false), ("retry", seq, true)] {
        let asked = Asked {
            expected_seq: Some(expected),
            ..ask(words)
        };
        let result = driver.handle(banyan_core::saga::Input::Asked(Box::new(asked)));
        assert_eq!(result.is_ok(), fits);
        if !fits {
            assert_eq!(result, Err(Rejection::ChangedSince { seq }));
            assert_eq!(driver.saga.seq, seq);
        }
    }
}

#[test]
fn a_step_or_leg_that_is_not_there_is_named() {
    let mut driver = play(TRANSFER, "{}", "hold 200\npay 409\nundo hold 409");
    for words in [
        "retry undo nowhere",
        "settle confirm pay done",
        "settle undo tell done",
        "retry check hold",
    ] {
        let result = driver.ask(words);
        assert!(
            matches!(result, Err(Rejection::UnknownStep { .. })),
            "{words}: {result:?}"
        );
    }
    let too_large = format!("retry undo hold \"{}\"", "x".repeat(300_000));
    assert!(matches!(
        driver.ask(&too_large),
        Err(Rejection::NotAllowedNow { .. })
    ));
}

#[test]
fn a_result_that_a_person_gave_is_what_later_steps_see() {
    let source = r#"
saga: given
version: 1
steps:
  - pay: { do: POST pay /payments, once: true, on_unknown: stuck, undo: "DELETE pay /payments/{$result.id}" }
  - book: { do: PUT desk /books, body: { of: $pay.id }, undo: none }
"#;
    let mut driver = play(source, "{}", "pay lost");
    driver.line("verb settle do pay done {\"id\":7}");
    let sent = driver.saga.pending();
    assert_eq!(sent[0].request.body.as_deref(), Some(&b"{\"of\":7}"[..]));
    driver.line("book 409");
    assert_eq!(driver.saga.pending()[0].request.target, "/payments/7");
}

#[test]
fn a_body_that_was_edited_is_what_the_undo_calls_the_body_and_outlives_a_crash() {
    let source = r#"
saga: edited
version: 1
steps:
  - hold: { do: POST bank /holds, undo: "DELETE bank /holds/{$key}", pivot: true }
  - pay: { do: POST pay /payments, body: { sum: 5 }, undo: { do: POST pay /refunds, body: { sum: $body.sum } } }
"#;
    let mut driver = play(source, "{}", "hold 200\npay 409");
    let first = key_of(&driver, "pay");
    driver.line("verb retry do pay {\"sum\":4}");
    driver.line("crash");
    let effect = driver.saga.pending().remove(0);
    assert_eq!(effect.request.body.as_deref(), Some(&b"{\"sum\":4}"[..]));
    assert_ne!(effect.request.key, first, "a fresh key");
    let second = effect.request.key.clone();
    driver.line("pay 200");
    driver.line("verb undo");
    let undo = driver.saga.pending().remove(0);
    assert_eq!(undo.request.body.as_deref(), Some(&b"{\"sum\":4}"[..]));
    assert_eq!(undo.request.key, format!("{second}-undo"));
}

fn key_of(driver: &Driver, step: &str) -> String {
    let route = driver.saga.plan.index.by_path(step).expect("a step");
    driver
        .saga
        .state(&route)
        .forward
        .key
        .clone()
        .unwrap_or_default()
}

#[test]
fn whoever_gives_a_saga_up_is_told_what_remains_and_nothing_is_tried_any_more() {
    let mut driver = play(
        TRANSFER,
        "{}",
        "hold 200\npay 200\nbook 409\nundo pay 409\nverb abandon",
    );
    assert_eq!(driver.saga.phase, Phase::Abandoned);
    let left: Vec<_> = driver
        .saga
        .left
        .iter()
        .map(|left| left.step.as_str())
        .collect();
    assert_eq!(left, ["hold", "pay"]);
    assert!(driver.saga.pending().is_empty());
    assert_eq!(driver.saga.wake_at(driver.now), None);
    assert!(driver.ask("retry").is_err());
    let noted = Ask::Note {
        text: None,
        owner: Some(String::new()),
    };
    driver
        .handle(banyan_core::saga::Input::asked(noted, "r", "a"))
        .expect("a note is always taken");
    assert_eq!(driver.saga.owner, None);
}
