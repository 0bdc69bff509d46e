//! Where a verb could do harm: a second effect under a fresh key, an undo that is lost, a saga
//! that nobody wakes any more, a word that tells a secret.

use crate::children::play as family;
use crate::script::{Driver, play};
use crate::verbs::situations::{ASKS, NO_WAY_BACK, TRANSFER};
use banyan_core::saga::{Status, StuckCode};

fn code(driver: &Driver) -> Option<StuckCode> {
    driver.saga.stuck().map(|stuck| stuck.code)
}

fn sent(driver: &Driver) -> Vec<(String, String)> {
    let pending = driver.saga.pending().into_iter();
    pending
        .map(|effect| (effect.step, effect.request.key.clone()))
        .collect()
}

#[test]
fn a_call_that_is_made_once_is_never_sent_again_after_a_lost_answer() {
    for (source, path) in [(ASKS, "pay"), (NO_WAY_BACK, "pay")] {
        let mut driver = play(source, "{}", "hold 200\npay lost");
        for words in ["retry", "retry do pay"] {
            let refused = driver.ask(words).expect_err("it may have happened");
            assert!(refused.to_string().contains(path), "{refused}");
        }
        assert!(sent(&driver).is_empty());
    }
    let checked = ASKS.replace(
        "once: true",
        "once: true\n      check: GET pay /payments/{$key}",
    );
    let script = "hold 200\npay lost\ncheck pay 404 {}\nverb retry";
    let mut driver = play(&checked, "{}", script);
    assert_eq!(driver.saga.pending()[0].request.method.as_str(), "GET");
    driver.line("check pay 200 {}");
    assert_eq!(driver.saga.status(), Status::Running);
    assert!(driver.saga.stuck().is_none());
}

#[test]
fn a_child_of_which_nobody_knows_is_not_started_a_second_time() {
    let trip = crate::children::TRIP.replace(
        "      undo: DELETE flights /bookings/by-key/{$key}\n",
        "      undo: DELETE flights /bookings/by-key/{$key}\n      pivot: true\n",
    );
    let mut family = crate::children::play_with(
        &trip,
        &[
            ("trip", "flight 200 {}"),
            ("insure", "quote 200 {}"),
            ("insure", "policy 409"),
            ("insure", "undo quote 409"),
            ("insure", "verb abandon"),
        ],
    );
    let root = family.root;
    assert_eq!(family.members[&root].saga.status(), Status::Stuck);
    family.ask(root, "retry").expect_err("the quote may stand");
    family
        .ask(root, "settle do insurance done {\"policy\":7}")
        .expect("a person knows");
    assert_eq!(family.members.len(), 2);
}

#[test]
fn a_child_that_was_undone_is_another_one_when_it_is_tried_again() {
    let trip = crate::children::TRIP.replace(
        "      undo: DELETE flights /bookings/by-key/{$key}\n",
        "      undo: DELETE flights /bookings/by-key/{$key}\n      pivot: true\n",
    );
    let mut family = crate::children::play_with(
        &trip,
        &[
            ("trip", "flight 200 {}"),
            ("insure", "quote 409"),
            ("trip", "verb retry"),
        ],
    );
    assert_eq!(family.of("insure").len(), 2);
    let keys: Vec<String> = family
        .members
        .values()
        .map(|one| one.saga.key.clone())
        .collect();
    let apart: std::collections::BTreeSet<&String> = keys.iter().collect();
    assert_eq!(apart.len(), 3, "{keys:?}");
    family.deliver_all();
}

#[test]
fn an_undo_whose_answer_was_lost_gets_no_fresh_key_for_a_do_that_is_known_only_now() {
    let start = "hold 200\npay lost\npay lost\nundo pay 404 {}\nundo pay lost\nundo pay 404 {}\nundo hold 200\n";
    for told in ["verb settle do pay done", "late pay 1 200 {}"] {
        let driver = play(TRANSFER, "{}", &format!("{start}{told}"));
        assert!(sent(&driver).is_empty(), "{told}: {}", driver.saga.draw());
        assert_eq!(code(&driver), Some(StuckCode::UndoUnclear), "{told}");
    }
}

/// The first attempts of the undo asked before the do was there, and a service repeats its answer
/// to a key: another "not found" under that key proves nothing.
#[test]
fn an_old_key_that_asked_too_early_is_not_believed_when_it_finds_nothing() {
    let start = "hold 200\npay lost\npay lost\nundo pay lost\n";
    for (asked, stuck) in [
        ("undo pay 404 {}", StuckCode::UndoUnclear),
        ("undo pay 503", StuckCode::UndoExhausted),
    ] {
        let mut driver = play(TRANSFER, "{}", &format!("{start}{asked}"));
        assert_eq!(code(&driver), Some(stuck));
        for line in [
            "verb settle do pay done",
            "verb retry undo pay",
            "undo pay 404 {}",
        ] {
            driver.line(line);
        }
        assert_eq!(code(&driver), Some(StuckCode::UndoUnclear), "{asked}");
        // What it took back is believed.
        for line in ["verb retry undo pay", "undo pay 200", "undo hold 200"] {
            driver.line(line);
        }
        assert_eq!(driver.saga.status(), Status::Compensated, "{asked}");
    }
}

/// A late success is heard also while the undo is stuck: what its old key answers is not the
/// last word any more.
#[test]
fn a_success_that_comes_while_the_undo_is_stuck_is_not_forgotten_by_a_retry() {
    let start = "hold 200\npay lost\npay lost\nundo pay 404 {}\nundo pay lost\nundo pay 503\n";
    let mut driver = play(TRANSFER, "{}", &format!("{start}late pay 1 200 {{}}"));
    assert_eq!(code(&driver), Some(StuckCode::UndoExhausted));
    driver.line("verb retry undo pay");
    driver.line("undo pay 404 {}");
    assert_eq!(code(&driver), Some(StuckCode::UndoUnclear));
    assert_eq!(
        driver.saga.status(),
        Status::Stuck,
        "{}",
        driver.saga.draw()
    );
}

#[test]
fn a_repeatable_undo_that_asked_too_early_asks_again_under_a_fresh_key() {
    let repeatable = TRANSFER.replace(
        "body: { of: $key }, retry",
        "body: { of: $key }, repeatable: true, retry",
    );
    assert_ne!(repeatable, TRANSFER);
    let script =
        "hold 200\npay lost\npay lost\nundo pay lost\nundo pay 503\nverb settle do pay done";
    let mut driver = play(&repeatable, "{}", script);
    let (step, key) = sent(&driver).remove(0);
    assert!(step == "pay" && key.ends_with("-undo-2"), "{key}");
    // Under that key nothing was asked before: what took it back is the attempt without an answer.
    driver.line("undo pay 404 {}");
    driver.line("undo hold 200");
    assert_eq!(driver.saga.status(), Status::Compensated);
}

#[test]
fn a_do_that_was_settled_and_happened_after_all_is_undone() {
    for (undo, ends) in [
        ("undo pay 409", true),
        ("undo pay 404 {}", true),
        ("undo pay lost", false),
    ] {
        let script = format!("hold 200\npay lost\npay lost\n{undo}\n");
        let mut driver = play(TRANSFER, "{}", &script);
        if driver.ask("settle do pay not_happened").is_err() {
            assert!(!ends, "{undo}");
            continue;
        }
        driver.line("late pay 1 200 {}");
        driver.line("undo hold 200");
        let stands = driver.saga.status() == Status::Compensated;
        assert!(
            !stands,
            "{undo}: the payment stands\n{}",
            driver.saga.draw()
        );
        if code(&driver).is_none() {
            driver.line("undo pay 200");
            assert_eq!(driver.saga.status(), Status::Compensated);
        }
    }
}

#[test]
fn a_late_success_after_the_end_of_a_settled_saga_opens_it_again() {
    let script = "hold 200\npay lost\npay lost\nundo pay 409\nverb settle do pay not_happened\nundo hold 200";
    let mut driver = play(TRANSFER, "{}", script);
    assert_eq!(driver.saga.status(), Status::Compensated);
    driver.line("late pay 1 200 {}");
    assert_ne!(driver.saga.status(), Status::Compensated);
    driver.line("undo pay 200");
    assert_eq!(driver.saga.status(), Status::Compensated);
}

#[test]
fn what_is_said_of_an_undo_does_not_shorten_the_second_look_at_an_unknown_do() {
    let settled = "verb settle undo pay not_happened";
    let refused =
        format!("hold 200\npay lost\npay lost\nundo pay 409\n{settled}\nundo pay 404 {{}}");
    let driver = play(TRANSFER, "{}", &refused);
    assert!(
        driver.saga.draw().contains("asked once more"),
        "{}",
        driver.saga.draw()
    );
    let looking = format!("hold 200\npay lost\npay lost\nundo pay 404 {{}}\n{settled}");
    let driver = play(TRANSFER, "{}", &looking);
    assert!(sent(&driver).is_empty(), "not before its time");
    assert!(
        driver.saga.draw().contains("asked once more"),
        "{}",
        driver.saga.draw()
    );
}

const PAYS: &str = r#"
saga: pays
version: 1
steps:
  - paid:
      wait: paid
      for: 1d
      refused_when: '$result.n | startswith("no")'
      undo: { do: POST pay /refunds, body: { n: $result.n } }
  - ship: { do: POST ship /s, undo: none }
"#;
const UNCLEAR: &str = "signal paid k {\"n\":\"yes\"}\nsignal paid l {\"n\":1}\nundo paid[0] 409\n";

#[test]
fn a_signal_that_was_settled_as_nothing_keeps_no_saga_from_its_end() {
    let script = format!("{UNCLEAR}verb settle do paid[0] not_happened\nship 409\nundo paid 200");
    let driver = play(PAYS, "{}", &script);
    assert_eq!(
        driver.saga.status(),
        Status::Compensated,
        "{}",
        driver.saga.draw()
    );
}

#[test]
fn a_signal_that_was_settled_as_done_keeps_the_body_that_it_came_with() {
    let script = format!("{UNCLEAR}verb settle do paid[0] done\nverb retry undo paid[0]");
    let driver = play(PAYS, "{}", &script);
    let refund = driver
        .saga
        .pending()
        .into_iter()
        .find(|effect| effect.step == "paid[0]");
    let body = refund.expect("it is under way").request.body.clone();
    assert_eq!(body.as_deref(), Some(&b"{\"n\":1}"[..]));
}

#[test]
fn a_step_that_was_done_by_hand_is_not_passed_over_when_everything_is_undone() {
    let trip = crate::children::TRIP.replace(
        "      undo: DELETE flights /bookings/by-key/{$key}\n",
        "      undo: DELETE flights /bookings/by-key/{$key}\n      pivot: true\n",
    );
    let mut family = crate::children::play_with(
        &trip,
        &[
            ("trip", "flight 200 {}"),
            ("insure", "quote 409"),
            ("trip", "verb settle do insurance done {\"policy\":7}"),
            ("trip", "hotel 200 {}"),
            ("trip", "verb undo"),
            ("trip", "undo hotel 200"),
        ],
    );
    let root = family.root;
    assert_eq!(family.members[&root].saga.status(), Status::Stuck);
    assert_eq!(family.members[&root].saga.without_undo(), ["insurance"]);
    family.line("trip", "verb settle undo insurance done");
    family.line("trip", "undo flight 200");
    assert_eq!(family.members[&root].saga.status(), Status::Compensated);
}

#[test]
fn a_parent_that_is_given_up_lists_the_child_that_is_stuck_on_its_way() {
    let mut family = family(&[
        ("trip", "flight 200 {}"),
        ("insure", "quote 200 {}"),
        ("insure", "policy 409"),
        ("insure", "undo quote 409"),
    ]);
    family.line("trip", "verb abandon");
    let left = &family.members[&family.root].saga.left;
    let left: Vec<&str> = left.iter().map(|one| one.step.as_str()).collect();
    assert_eq!(left, ["flight", "insurance"]);
}

#[test]
fn nothing_is_tried_again_that_the_deadline_or_a_cancel_would_stop_at_once() {
    let late = ASKS
        .replace("once: true", "retry: { attempts: 1 }")
        .replace("version: 1", "version: 1\ndeadline: 2d");
    let mut driver = play(&late, "{}", "hold 200\npay lost");
    assert!(
        driver
            .saga
            .allowed()
            .iter()
            .any(|verb| verb.as_str() == "retry")
    );
    driver.line("pass 3d");
    let seq = driver.saga.seq;
    driver.ask("retry").expect_err("the deadline has passed");
    assert_eq!(driver.saga.seq, seq);
}

#[test]
fn a_saga_that_waits_for_its_lock_is_not_stuck_although_a_leg_of_it_is() {
    let source = PAYS.replace("version: 1", "version: 1\nlock: $input.account");
    let input = r#"{"account": "a-7"}"#;
    let script = format!("granted\n{UNCLEAR}ship 200\nverb undo");
    let driver = crate::script::play_in_line(&source, input, &script);
    assert_eq!(
        driver.saga.status(),
        Status::Compensating,
        "{}",
        driver.saga.draw()
    );
}

#[test]
fn an_edited_body_counts_from_the_round_in_which_it_was_sent() {
    let source = r#"
saga: flies
version: 1
steps:
  - hold: { do: POST bank /holds, undo: "DELETE bank /holds/{$key}", pivot: true }
  - fly:
      do: POST air /flights
      body: { seats: 5 }
      reply: later
      for: 1h
      undo: { do: POST air /returns, body: { seats: $body.seats } }
"#;
    let script = "hold 200\nfly 202\nreply do fly refused {}\npause air\nverb retry do fly {\"seats\":4}\nreply do fly done {}\nresume air\nverb undo";
    let driver = play(source, "{}", script);
    let undo = driver
        .saga
        .pending()
        .into_iter()
        .find(|effect| effect.step == "fly");
    let body = undo.expect("its undo").request.body.clone();
    assert_eq!(body.as_deref(), Some(&b"{\"seats\":5}"[..]));
}

#[test]
fn a_preview_ends_although_what_it_rehearses_would_not() {
    let source = r#"
saga: polls
version: 1
steps:
  - hold: { do: POST bank /holds, undo: "DELETE bank /holds/{$key}" }
  - ship:
      do: POST ship /s
      pending_when: $result.at == null
      every: 1s
      for: 30d
      check: GET ship /s/{$key}
      undo: DELETE ship /s/{$key}
"#;
    let driver = play(source, "{}", "hold 200\nship 200 {}");
    let context = banyan_core::saga::Context {
        now: driver.now,
        random: 1,
        services: &driver.roads,
    };
    let asked = banyan_core::saga::Asked {
        what: crate::script::asked("cancel"),
        reason: "r".into(),
        actor: "a".into(),
        expected_seq: None,
        operation: None,
    };
    let preview = driver.saga.preview(asked, &context).expect("taken");
    assert!(preview.more, "{:?}", preview.calls);
}
