//! What people see: status, stuck, waiting_on and the state of each undo.

use crate::script::{Driver, play};
use banyan_core::saga::{Status, StuckCode, UndoView, WaitingKind};

const BESIDE: &str = r#"
saga: beside
version: 1
steps:
  - both:
      together:
        - book: { do: POST hotel /b, once: true, undo: "DELETE hotel /b/{$key}" }
        - told: { wait: told, for: 1d }
        - nap: { sleep: 1h }
        - ask: { do: POST desk /a, check: GET desk /a, retry: { attempts: 1 }, undo: "DELETE desk /a" }
"#;

fn kinds(driver: &Driver) -> Vec<(WaitingKind, String)> {
    let all = driver.saga.waiting_on();
    all.into_iter()
        .map(|waiting| (waiting.kind, waiting.step))
        .collect()
}

#[test]
fn a_saga_with_a_stuck_branch_is_running_while_another_can_move() {
    let driver = play(BESIDE, "{}", "book lost\nask lost");
    assert_eq!(driver.saga.status(), Status::Running);
    assert_eq!(
        driver.saga.stuck().map(|stuck| (stuck.step, stuck.code)),
        Some(("both.book".into(), StuckCode::OutcomeUnknown))
    );
    use WaitingKind::{Check, Person, Signal, Timer};
    assert_eq!(
        kinds(&driver),
        [
            (Person, "both.book"),
            (Signal, "both.told"),
            (Timer, "both.nap"),
            (Check, "both.ask")
        ]
        .map(|(kind, step)| (kind, step.to_owned()))
    );
    let rest = "check ask 200 {}\nsignal told k {}\npass 1h";
    let driver = play(BESIDE, "{}", &format!("book lost\nask lost\n{rest}"));
    assert_eq!(driver.saga.status(), Status::Stuck);
    assert_eq!(driver.saga.ended_at, None, "stuck is not rest");
    assert_eq!(
        driver.saga.wake_at(driver.now),
        None,
        "nothing but a person can move it"
    );
}

#[test]
fn every_kind_of_waiting_is_told() {
    let first = |script: &str| kinds(&play(BESIDE, "{}", script))[0].0;
    assert_eq!(first(""), WaitingKind::Call);
    assert_eq!(first("book not_sent"), WaitingKind::Retry);
    assert_eq!(first("book held"), WaitingKind::Parked);
    assert_eq!(first("book 403"), WaitingKind::Misconfigured);
    assert_eq!(first("book lost"), WaitingKind::Person);
}

#[test]
fn a_road_that_was_just_found_wrong_is_not_called_again_at_once() {
    let driver = play(BESIDE, "{}", "book 403");
    let called = driver
        .saga
        .pending()
        .into_iter()
        .filter(|effect| effect.step == "both.book");
    assert_eq!(called.count(), 0);
    let driver = play(
        BESIDE,
        "{}",
        "book 403\nresume hotel\nbook 200\nask 200\nsignal told k {}\npass 1h",
    );
    assert_eq!(driver.saga.status(), Status::Completed);
}

#[test]
fn the_undo_of_a_step_is_told_in_each_state() {
    let source = r#"
saga: undos
version: 1
steps:
  - call: { do: POST a /x, retry: { attempts: 1 }, undo: { do: DELETE a /x, retry: { attempts: 1 } } }
  - bare: { do: PUT b /x, undo: none }
  - last: { do: POST c /x, undo: DELETE c /x }
"#;
    let view = |script: &str, name: &str| {
        let driver = play(source, "{}", script);
        let route = driver
            .saga
            .plan
            .index
            .by_name(name, &[])
            .expect("a step")
            .clone();
        driver
            .saga
            .state(&route)
            .undo_view(driver.saga.plan.definition.step(&route))
    };
    assert_eq!(view("", "bare"), UndoView::None);
    assert_eq!(
        view("", "last"),
        UndoView::NothingToUndo,
        "its do has not begun"
    );
    assert_eq!(view("", "call"), UndoView::Pending, "from the do's start");
    assert_eq!(view("call 409", "call"), UndoView::NothingToUndo);
    let turned = "call 200\nbare 200\nlast 409\n";
    assert_eq!(view(turned, "call"), UndoView::Running);
    assert_eq!(view(turned, "last"), UndoView::NothingToUndo);
    assert_eq!(
        view(&format!("{turned}undo call 204"), "call"),
        UndoView::Done
    );
    assert_eq!(
        view(&format!("{turned}undo call 409"), "call"),
        UndoView::Stuck
    );
    assert_eq!(
        view("call lost\nundo call 404 {}", "call"),
        UndoView::Running,
        "it looks again"
    );
    assert_eq!(
        view("call lost\nundo call 404 {}\nundo call 404 {}", "call"),
        UndoView::NothingToUndo
    );
}

#[test]
fn a_branch_that_refuses_stops_those_beside_it_at_once() {
    let driver = play(BESIDE, "{}", "book not_sent\nask 409");
    assert_eq!(
        driver.saga.status(),
        Status::Compensated,
        "{}",
        driver.saga.draw()
    );
    let driver = play(BESIDE, "{}", "ask 409");
    assert_eq!(
        kinds(&driver),
        [(WaitingKind::Call, "both.book".to_owned())],
        "only what is in flight"
    );
    let parked = play(BESIDE, "{}", "book 403\nask 409");
    assert_eq!(
        parked.saga.status(),
        Status::Compensated,
        "{}",
        parked.saga.draw()
    );
}

#[test]
fn a_leg_that_must_run_is_stuck_while_its_road_is_closed_probes_included() {
    let source = r#"
saga: s
version: 1
steps:
  - call: { do: POST a /x, undo: DELETE a /x }
  - first: { do: PUT b /x, pivot: true }
  - last: { do: PUT c /x }
"#;
    let stuck = |script: &str| {
        let driver = play(source, "{}", script);
        (
            driver.saga.status(),
            driver.saga.stuck().map(|stuck| stuck.code),
        )
    };
    let unreachable = (Status::Stuck, Some(StuckCode::Unreachable));
    // Before the pivot it waits for as long as it takes.
    assert_eq!(stuck("call 403\npause a\npass 5h"), (Status::Running, None));
    for way in [
        "call 200\nfirst 409\nundo call 403\npause a\npass 2h",
        "call 200\nfirst 200\nlast 403\npause c\npass 2h",
    ] {
        assert_eq!(stuck(way), unreachable, "{way}");
    }
    let probed = "call 200\nfirst 409\nundo call 403\npause a\npass 2h\nresume a\nundo call 403";
    assert_eq!(
        stuck(probed),
        unreachable,
        "a probe that failed changes nothing"
    );
    let opened = format!("{probed}\nresume a\nundo call 204");
    assert_eq!(stuck(&opened), (Status::Compensated, None));
    let forward = "call 200\nfirst 200\nlast 403\npause c\npass 2h\nresume c\nlast 200";
    assert_eq!(stuck(forward), (Status::Completed, None));
}
