//! `pending_when`: answers that decide nothing yet, asked about again until they do or the time
//! for that is over.

use crate::script::{Driver, draws, play};
use banyan_core::saga::{Leg, Outcome, Record, State, Status, StuckCode, WaitingKind};
use expect_test::expect;

const WIRE: &str = r#"
saga: wire
version: 1
steps:
  - hold: { do: POST a /h, undo: "DELETE a /h/{$key}" }
  - wire:
      do: POST bank /w
      pending_when: $result.state == "open"
      every: 1m
      for: 5m
      check: { do: "GET bank /w/{$key}", refused_when: $result.state == "returned" }
      undo: DELETE bank /w/{$key}
  - last: { do: POST mail /m, undo: none }
"#;
const OPEN: &str = "{\"state\":\"open\"}";

fn wire(driver: &Driver) -> State {
    let route = driver.saga.plan.index.by_name("wire", &[]).expect("wire");
    driver.saga.state(&route).state
}

fn calls(driver: &Driver, wanted: Leg) -> usize {
    let records = driver.journal.iter().map(|entry| &entry.record);
    records
        .filter(|record| matches!(record, Record::AttemptStarted { leg, .. } if *leg == wanted))
        .count()
}

#[test]
fn the_check_is_asked_until_it_decides() {
    let open = format!("hold 200\nwire 200 {OPEN}\n");
    let waits = draws(
        WIRE,
        &open,
        &expect![[r#"
        wire@1  cart-17  running
        ├─ hold  ✓ done
        ├─ wire  … running: bank answered 200, and pending_when holds
        └─ last  ·
        waits: bank has not decided yet: it is asked at 1970-01-01T00:17:40.000Z what became of wire, and until 1970-01-01T00:21:40.000Z at most
    "#]],
    );
    assert_eq!(waits.saga.waiting_on()[0].kind, WaitingKind::Check);
    assert_eq!(calls(&waits, Leg::Check), 0, "not at once");
    let done = play(
        WIRE,
        "{}",
        &format!(
            "{open}check wire 200 {OPEN}\ncrash\ncheck wire 200 {OPEN}\ncheck wire 200 {{\"id\":7}}\nlast 200"
        ),
    );
    assert_eq!(done.saga.status(), Status::Completed);
    assert_eq!(calls(&done, Leg::Do) - 2, 1, "the do was sent once");
    let returned = play(
        WIRE,
        "{}",
        &format!(
            "{open}check wire 200 {OPEN}\ncheck wire 200 {{\"state\":\"returned\"}}\nundo hold 200"
        ),
    );
    assert_eq!(wire(&returned), State::Ended(Outcome::Refused));
    assert_eq!(returned.saga.status(), Status::Compensated);
}

#[test]
fn what_never_decides_is_unknown_when_its_time_is_over() {
    let open = format!("hold 200\nwire 200 {OPEN}\n");
    let asked = format!("check wire 200 {OPEN}\n").repeat(5);
    draws(
        WIRE,
        &format!("{open}{asked}undo wire 200\nundo wire 404 {{}}\nundo hold 200"),
        &expect![[r#"
            wire@1  cart-17  compensated
            turned back: unknown at wire: bank answered 200, and pending_when holds
            ├─ hold  ✓ done     ↩ undone
            ├─ wire  ? unknown  ↩ undone, 2 attempts
            └─ last  ·
        "#]],
    );
}

#[test]
fn a_check_that_fails_meanwhile_is_asked_on_while_there_is_time() {
    let open = format!("hold 200\nwire 200 {OPEN}\n");
    // Five attempts are spent, and there is time.
    let broken = "check wire 503\n".repeat(7);
    let done = play(
        WIRE,
        "{}",
        &format!("{open}{broken}check wire 200 {{}}\nlast 200"),
    );
    assert_eq!(done.saga.status(), Status::Completed);
    // A road that is closed until the time is over leaves it unknown.
    let closed = play(WIRE, "{}", &format!("{open}pause bank\npass 6m"));
    assert_eq!(wire(&closed), State::Ended(Outcome::Unknown));
    let opened = play(
        WIRE,
        "{}",
        &format!("{open}pause bank\npass 3m\nresume bank\ncheck wire 200 {{}}\nlast 200"),
    );
    assert_eq!(opened.saga.status(), Status::Completed);
    // Not found is no decision.
    let gone = play(WIRE, "{}", &format!("{open}check wire 404 {{}}"));
    assert_eq!(wire(&gone), State::Ended(Outcome::Unknown));
}

#[test]
fn a_lost_do_whose_check_is_undecided_is_asked_about_for_as_long() {
    let lost = format!("hold 200\n{}", "wire lost\n".repeat(5));
    let asked = format!("check wire 200 {OPEN}\n");
    let done = play(
        WIRE,
        "{}",
        &format!("{lost}{}check wire 200 {{}}\nlast 200", asked.repeat(3)),
    );
    assert_eq!(done.saga.status(), Status::Completed);
    let never = play(WIRE, "{}", &format!("{lost}{}", asked.repeat(6)));
    assert_eq!(wire(&never), State::Ended(Outcome::Unknown));
}

#[test]
fn an_answer_that_cannot_be_read_leaves_the_step_unknown() {
    let unreadable = play(
        WIRE,
        "{}",
        "hold 200\nwire 200 \"text\"\ncheck wire 200 \"text\"",
    );
    assert_eq!(wire(&unreadable), State::Ended(Outcome::Unknown));
}

#[test]
fn turning_back_goes_on_asking_or_gives_up_as_the_file_says() {
    let cancelled = format!("hold 200\nwire 200 {OPEN}\ncancel enough\n");
    let done = play(
        WIRE,
        "{}",
        &format!(
            "{cancelled}check wire 503\ncheck wire 200 {OPEN}\ncheck wire 200 {{}}\nundo wire 200\nundo hold 200"
        ),
    );
    assert_eq!(wire(&done), State::Ended(Outcome::Done));
    assert_eq!(done.saga.status(), Status::Compensated);
    let over = play(
        WIRE,
        "{}",
        &format!(
            "{cancelled}{}",
            format!("check wire 200 {OPEN}\n").repeat(5)
        ),
    );
    assert_eq!(wire(&over), State::Ended(Outcome::Unknown));
    let gives_up = WIRE.replace(
        "      for: 5m\n",
        "      for: 5m\n      on_turn_back: give_up\n",
    );
    let at_once = play(&gives_up, "{}", &cancelled);
    assert_eq!(wire(&at_once), State::Ended(Outcome::Unknown));
    let flying =
        format!("hold 200\nwire 200 {OPEN}\npass 1m\ncancel enough\ncheck wire 200 {OPEN}");
    assert_eq!(
        wire(&play(&gives_up, "{}", &flying)),
        State::Ended(Outcome::Unknown)
    );
}

#[test]
fn a_pivot_that_is_asked_about_is_brought_to_its_end_whatever_came() {
    let pivot = WIRE.replace("      for: 5m\n", "      for: 5m\n      pivot: true\n");
    let cancelled = format!("hold 200\nwire 200 {OPEN}\ncancel enough\n");
    let forward = play(
        &pivot,
        "{}",
        &format!("{cancelled}check wire 200 {OPEN}\ncheck wire 200 {{}}\nlast 200"),
    );
    assert_eq!(forward.saga.status(), Status::Completed);
    let back = play(
        &pivot,
        "{}",
        &format!("{cancelled}check wire 200 {{\"state\":\"returned\"}}\nundo hold 200"),
    );
    assert_eq!(back.saga.status(), Status::Compensated);
}

const RECALL: &str = r#"
saga: recall
version: 1
steps:
  - hold:
      do: POST a /x
      undo: { do: POST a /u, body: { key: $key }, pending_when: $result.open == true, every: 1m, for: 3m }
      confirm: { do: POST a /c, pending_when: $result.open == true, for: 1m }
  - last: { do: POST b /x, undo: none }
"#;

#[test]
fn an_undo_and_a_confirm_are_sent_again_with_the_same_key_and_bytes() {
    let open = "undo hold 200 {\"open\":true}\n";
    let back = format!("hold 200\nlast 409\n{open}{open}");
    let done = play(RECALL, "{}", &format!("{back}undo hold 200 {{}}"));
    assert_eq!(done.saga.status(), Status::Compensated);
    assert_eq!(calls(&done, Leg::Undo), 3);
    let stuck = play(RECALL, "{}", &format!("{back}{open}{open}"));
    let code = stuck.saga.stuck().map(|stuck| stuck.code);
    assert_eq!(code, Some(StuckCode::OutcomeUnknown));
    let open = "confirm hold 200 {\"open\":true}\n";
    let forward = format!("hold 200\nlast 200\n{open}");
    let done = play(RECALL, "{}", &format!("{forward}confirm hold 200 {{}}"));
    assert_eq!(done.saga.status(), Status::Completed);
    let stuck = play(RECALL, "{}", &format!("{forward}{open}{open}"));
    let code = stuck.saga.stuck().map(|stuck| stuck.code);
    assert_eq!(code, Some(StuckCode::OutcomeUnknown));
}
