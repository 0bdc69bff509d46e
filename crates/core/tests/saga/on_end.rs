//! The call at a saga's end: made whenever it comes to rest, and of no consequence to it.

use crate::script::{draws, play};
use banyan_core::saga::{Leg, Record, Status};
use expect_test::expect;

const TOLD: &str = r"
saga: shop
version: 1
deadline: 1h
steps:
  - order:
      do: POST orders /orders
      undo: { do: 'DELETE orders /orders/{$key}', look_again: 1m }
  - charge:
      do: POST payments /charges
      undo: none
on_end:
  do: POST crm /ended
  body: { status: $saga.status, order: $order.id }
  refused_when: $result.stop == true
";

#[test]
fn a_completed_saga_tells_of_its_end_and_tries_until_it_is_heard() {
    let script = "order 200 {\"id\": 7}\ncharge 200\non_end 503\non_end not_sent\non_end 200";
    let driver = draws(
        TOLD,
        script,
        &expect![[r#"
            shop@1  cart-17  completed
            ├─ order   ✓ done
            ├─ charge  ✓ done
            └─ on_end  ✓ done, 3 attempts
        "#]],
    );
    let ended = driver.saga.ended_at.unwrap();
    assert!(driver.saga.updated_at > ended, "the end stays what it was");
    assert_eq!(driver.saga.wake_at(driver.now), None);
}

#[test]
fn it_is_under_way_while_the_saga_is_at_rest_and_says_so() {
    draws(
        TOLD,
        "order 200 {\"id\": 7}\ncharge 200\non_end 503",
        &expect![[r#"
            shop@1  cart-17  completed
            ├─ order   ✓ done
            ├─ charge  ✓ done
            └─ on_end  … running: crm answered 503
            waits: crm answered 503, for on_end; attempt 2 at 1970-01-01T00:16:40.926Z
        "#]],
    );
}

#[test]
fn a_compensated_saga_tells_of_its_end_with_its_status() {
    let driver = play(
        TOLD,
        "{}",
        "order 200 {\"id\": 7}\ncharge 409\nundo order 200",
    );
    let pending = driver.saga.pending();
    let request = &pending[0].request;
    assert_eq!(
        (pending[0].step.as_str(), pending[0].leg),
        ("on_end", Leg::Do)
    );
    let body = String::from_utf8(request.body.clone().unwrap()).unwrap();
    assert_eq!(body, r#"{"status":"compensated","order":7}"#);
    assert_eq!(driver.saga.status(), Status::Compensated);
}

#[test]
fn a_refusal_ends_it_with_a_note_and_changes_nothing_else() {
    for (answer, ending) in [
        (
            "409 {\"message\": \"not wanted\"}",
            "refused: crm answered 409: not wanted",
        ),
        (
            "200 {\"stop\": true}",
            "refused: crm answered 200, and refused_when holds",
        ),
    ] {
        let script = format!("order 200 {{\"id\": 7}}\ncharge 200\non_end {answer}");
        let driver = play(TOLD, "{}", &script);
        assert_eq!(driver.saga.status(), Status::Completed);
        assert!(
            driver.saga.draw().contains(ending),
            "{}",
            driver.saga.draw()
        );
        assert_eq!(driver.saga.wake_at(driver.now), None);
    }
}

#[test]
fn what_makes_other_legs_stuck_ends_it_with_a_note() {
    let broken = TOLD.replace("/ended", "/ended/{$charge.id}");
    draws(
        &broken,
        "order 200 {\"id\": 7}\ncharge 200",
        &expect![[r#"
            shop@1  cart-17  completed
            ├─ order   ✓ done
            ├─ charge  ✓ done
            └─ on_end  ✗ refused: `$charge.id` is null
        "#]],
    );
    // A key that its service no longer keeps is not sent again.
    let script = "order 200 {\"id\": 7}\ncharge 200\non_end lost\npause crm\npass 3d\nresume crm";
    let driver = play(TOLD, "{}", script);
    assert!(
        driver.saga.draw().contains("? unknown"),
        "{}",
        driver.saga.draw()
    );
    assert_eq!(driver.saga.status(), Status::Completed);
}

#[test]
fn it_waits_for_its_road_without_limit() {
    let script = "pause crm\norder 200 {\"id\": 7}\ncharge 200\npass 10d";
    let driver = play(TOLD, "{}", script);
    assert_eq!(
        (driver.saga.status(), driver.saga.stuck()),
        (Status::Completed, None)
    );
    assert!(driver.saga.wake_at(driver.now).is_some());
}

#[test]
fn its_attempts_end_where_the_file_says_so() {
    let bounded = TOLD.replace("  body:", "  retry: { attempts: 2 }\n  body:");
    let script = "order 200 {\"id\": 7}\ncharge 200\non_end 503\non_end 503";
    let driver = play(&bounded, "{}", script);
    assert!(
        driver.saga.draw().contains("? unknown, 2 attempts"),
        "{}",
        driver.saga.draw()
    );
    assert_eq!(driver.saga.wake_at(driver.now), None);
}

#[test]
fn a_saga_that_was_opened_again_tells_of_each_end_under_a_key_of_its_own() {
    // The charge is refused while the order's answer is lost; the order arrives after all.
    let side_by_side = r"
saga: shop
version: 1
steps:
  - both:
      together:
        - order:
            do: POST orders /orders
            retry: { attempts: 1 }
            undo: { do: 'DELETE orders /orders/{$key}', missing: ok, repeatable: true, look_again: never }
        - charge:
            do: POST payments /charges
            undo: none
on_end: POST crm /ended
";
    for heard in ["on_end 200\n", "on_end lost\n"] {
        let script = format!(
            "charge 409\norder lost\nundo order 404 {{}}\n{heard}late order 1 200 {{\"id\": 7}}\nundo order 200\non_end 200"
        );
        let driver = play(side_by_side, "{}", &script);
        assert_eq!(driver.saga.status(), Status::Compensated);
        assert_eq!(driver.saga.reopened, 1);
        let keys: Vec<(u32, &str)> = driver
            .journal
            .iter()
            .filter_map(|entry| match &entry.record {
                Record::AttemptStarted {
                    step, round, key, ..
                } if step == "on_end" => Some((*round, key.as_str())),
                _ => None,
            })
            .collect();
        let [(1, first), .., (2, second)] = keys.as_slice() else {
            panic!("{keys:?}");
        };
        assert_ne!(second, first, "each end is told under a key of its own");
    }
}

#[test]
fn a_crash_in_the_middle_of_it_is_made_good() {
    let driver = play(
        TOLD,
        "{}",
        "order 200 {\"id\": 7}\ncharge 200\ncrash\non_end 200",
    );
    assert!(
        driver.saga.draw().contains("on_end  ✓ done, 2 attempts"),
        "{}",
        driver.saga.draw()
    );
}
