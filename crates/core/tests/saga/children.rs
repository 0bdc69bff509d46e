//! Children as scripts and drawings: what a parent sees of them, on the way there and back.

use crate::family::Family;
use banyan_core::saga::{Ask, Input, Status};
use expect_test::{Expect, expect};
use serde_json::json;

pub(crate) const TRIP: &str = "
saga: trip
version: 1
steps:
  - flight:
      do: POST flights /bookings
      undo: DELETE flights /bookings/by-key/{$key}
  - insurance:
      run: insure
      input: { days: 7 }
      refused_when: $result.insured == false
  - hotel:
      do: POST hotels /bookings
      undo: DELETE hotels /bookings/by-key/{$key}
output: { policy: $insurance.policy }
";

const INSURE: &str = "
saga: insure
version: 3
steps:
  - quote:
      do: POST quotes /quotes
      undo: DELETE quotes /quotes/by-key/{$key}
  - policy:
      do: POST policies /policies
      undo: { do: \"DELETE policies /policies/by-key/{$key}\", retry: { attempts: 1 } }
output: { policy: $policy.id, insured: $policy.insured }
";

fn trip(source: &str) -> Family {
    let sources = [INSURE, source].map(str::to_owned);
    let mut family = Family::start(&sources, json!({}), true);
    family.deliver_all();
    family
}

/// A trip, as far as these lines bring it.
pub(crate) fn play(lines: &[(&str, &str)]) -> Family {
    play_with(TRIP, lines)
}

/// A trip of another kind.
pub(crate) fn play_with(source: &str, lines: &[(&str, &str)]) -> Family {
    let mut family = trip(source);
    for (who, line) in lines {
        family.line(who, line);
    }
    family
}

fn ends(lines: &[(&str, &str)], expected: &Expect) -> Family {
    let family = play(lines);
    expected.assert_eq(&family.draw());
    family.verify();
    family
}

/// As far as the insurance, which is done.
pub(crate) const INSURED: [(&str, &str); 3] = [
    ("trip", "flight 200 {\"id\": 1}"),
    ("insure", "quote 200 {}"),
    ("insure", "policy 200 {\"id\": \"p-1\"}"),
];

#[test]
fn the_output_of_a_child_is_the_result_of_its_step() {
    let lines = [&INSURED[..], &[("trip", "hotel 200 {}")]].concat();
    ends(
        &lines,
        &expect![[r#"
            insure@3  aDUhwl0nLp2iq3RGhNsYyz  completed
            ├─ quote   ✓ done
            └─ policy  ✓ done
            output: {"insured":null,"policy":"p-1"}

            trip@1  cart-17  completed
            ├─ flight     ✓ done
            ├─ insurance  ✓ done
            └─ hotel      ✓ done
            child insurance: insure ID completed
            output: {"policy":"p-1"}
        "#]],
    );
}

#[test]
fn a_child_that_was_undone_refuses_its_step() {
    let lines = [
        INSURED[0],
        INSURED[1],
        ("insure", "policy 409 {\"message\": \"too old\"}"),
        ("insure", "undo quote 200 {}"),
        ("trip", "undo flight 200 {}"),
    ];
    ends(
        &lines,
        &expect![[r#"
            insure@3  aDUhwl0nLp2iq3RGhNsYyz  compensated
            turned back: refused at policy: policies answered 409: too old
            ├─ quote   ✓ done     ↩ undone
            └─ policy  ✗ refused  ↩ nothing to undo

            trip@1  cart-17  compensated
            turned back: refused at insurance: insure was undone: policies answered 409: too old
            ├─ flight     ✓ done     ↩ undone
            ├─ insurance  ✗ refused  ↩ nothing to undo
            └─ hotel      ·
            child insurance: insure ID compensated
        "#]],
    );
}

#[test]
fn an_output_that_says_no_refuses_its_step() {
    let lines = [
        INSURED[0],
        INSURED[1],
        ("insure", "policy 200 {\"insured\": false}"),
        ("trip", "undo flight 200 {}"),
    ];
    ends(
        &lines,
        &expect![[r#"
            insure@3  aDUhwl0nLp2iq3RGhNsYyz  completed
            ├─ quote   ✓ done
            └─ policy  ✓ done
            output: {"insured":false,"policy":null}

            trip@1  cart-17  compensated
            turned back: refused at insurance: the output of insure says no
            ├─ flight     ✓ done     ↩ undone
            ├─ insurance  ✗ refused  ↩ nothing to undo
            └─ hotel      ·
            child insurance: insure ID completed
        "#]],
    );
}

#[test]
fn a_child_that_is_completed_is_undone_with_its_parent() {
    let back = [
        ("trip", "hotel 409 {\"message\": \"full\"}"),
        ("insure", "undo policy 200 {}"),
        ("insure", "undo quote 200 {}"),
        ("trip", "undo flight 200 {}"),
    ];
    ends(
        &[&INSURED[..], &back].concat(),
        &expect![[r#"
            insure@3  aDUhwl0nLp2iq3RGhNsYyz  compensated
            turned back: undone_by_parent: its parent trip (ID) is undone
            ├─ quote   ✓ done  ↩ undone
            └─ policy  ✓ done  ↩ undone

            trip@1  cart-17  compensated
            turned back: refused at hotel: hotels answered 409: full
            ├─ flight     ✓ done     ↩ undone
            ├─ insurance  ✓ done     ↩ undone
            └─ hotel      ✗ refused  ↩ nothing to undo
            child insurance: insure ID compensated
        "#]],
    );
}

#[test]
fn a_cancel_reaches_the_child_that_runs() {
    let lines = [
        INSURED[0],
        ("trip", "cancel no time"),
        ("insure", "quote 200 {}"),
        ("insure", "undo quote 200 {}"),
        ("trip", "undo flight 200 {}"),
    ];
    ends(
        &lines,
        &expect![[r#"
            insure@3  aDUhwl0nLp2iq3RGhNsYyz  compensated
            turned back: cancelled: its parent trip (ID) turned back
            ├─ quote   ✓ done  ↩ undone
            └─ policy  ·

            trip@1  cart-17  compensated
            turned back: cancelled: no time
            ├─ flight     ✓ done                                                                   ↩ undone
            ├─ insurance  ✗ refused: insure was undone: its parent trip (00000000-0001-7000-8000…  ↩ nothing to undo
            └─ hotel      ·
            child insurance: insure ID compensated
        "#]],
    );
}

#[test]
fn a_parent_waits_for_its_child_and_says_so() {
    ends(
        &[INSURED[0]],
        &expect![[r#"
            insure@3  aDUhwl0nLp2iq3RGhNsYyz  running
            ├─ quote   … running
            └─ policy  ·
            waits: quotes was called for quote; attempt 1 of 5, no answer yet

            trip@1  cart-17  running
            ├─ flight     ✓ done
            ├─ insurance  … running
            └─ hotel      ·
            waits: insurance waits for the saga insure (ID), which is running
            child insurance: insure ID running
        "#]],
    );
}

#[test]
fn a_stuck_child_makes_its_parent_stuck_until_it_moves() {
    let back = [
        ("trip", "hotel 409 {\"message\": \"full\"}"),
        ("insure", "pause policies"),
        ("insure", "undo policy held"),
        ("insure", "pass 2h"),
    ];
    let mut family = ends(
        &[&INSURED[..], &back].concat(),
        &expect![[r#"
            insure@3  aDUhwl0nLp2iq3RGhNsYyz  stuck
            turned back: undone_by_parent: its parent trip (ID) is undone
            ├─ quote   ✓ done  ↩ to be undone
            └─ policy  ✓ done  ↩ stuck
            stuck at policy (undo): unreachable: policies is paused
              what helps: settle, abandon

            trip@1  cart-17  stuck
            turned back: refused at hotel: hotels answered 409: full
            ├─ flight     ✓ done     ↩ to be undone
            ├─ insurance  ✓ done     ↩ stuck
            └─ hotel      ✗ refused  ↩ nothing to undo
            stuck at insurance (undo): child_stuck: insure (ID) is stuck at policy (undo): unreachable: policies is paused
              what helps: abandon
            child insurance: insure ID stuck
        "#]],
    );
    let root = family.root;
    assert_eq!(family.members[&root].saga.status(), Status::Stuck);
    family.line("insure", "resume policies");
    assert_eq!(family.members[&root].saga.status(), Status::Compensating);
    family.line("insure", "undo policy 200 {}");
    family.line("insure", "undo quote 200 {}");
    family.line("trip", "undo flight 200 {}");
    assert_eq!(family.members[&root].saga.status(), Status::Compensated);
    family.verify();
}

#[test]
fn a_child_is_undone_through_its_parent_alone_and_a_completed_parent_as_a_whole() {
    let mut family = play(&[&INSURED[..], &[("trip", "hotel 200 {}")]].concat());
    let undo = || Input::asked(Ask::Undo, "the trip is off", "someone");
    let child = family.of("insure")[0];
    assert!(!family.handle(child, undo()), "it goes through its parent");
    assert!(family.handle(family.root, undo()));
    family.line("trip", "undo hotel 200 {}");
    family.line("insure", "undo policy 200 {}");
    family.line("insure", "undo quote 200 {}");
    family.line("trip", "undo flight 200 {}");
    expect![[r#"
        insure@3  aDUhwl0nLp2iq3RGhNsYyz  compensated
        turned back: undone_by_parent: its parent trip (ID) is undone
        ├─ quote   ✓ done  ↩ undone
        └─ policy  ✓ done  ↩ undone

        trip@1  cart-17  compensated
        turned back: undone_by_operator: the trip is off
        ├─ flight     ✓ done  ↩ undone
        ├─ insurance  ✓ done  ↩ undone
        └─ hotel      ✓ done  ↩ undone
        child insurance: insure ID compensated
    "#]]
    .assert_eq(&family.draw());
    family.verify();
}

#[test]
fn what_comes_twice_or_for_nobody_changes_nothing() {
    let mut family = trip(TRIP);
    family.line("trip", "flight 200 {}");
    let child = family.of("insure")[0];
    let root = family.root;
    family.line("insure", "quote 409 {\"message\": \"no\"}");
    let before = family.draw();
    for (to, from, seq) in [(root, child, 3), (child, root, 9), (root, root, 99)] {
        let told = |telling| Input::Told { from, seq, telling };
        for telling in [
            banyan_core::saga::Telling::Cancel,
            banyan_core::saga::Telling::Undo,
        ] {
            assert!(family.handle(to, told(telling)));
        }
    }
    assert_eq!(family.draw(), before);
}
