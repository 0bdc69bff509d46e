//! Steps that are not answered at once: replies, polls and confirms, each going well and badly.

use crate::rig::{banyan, folder_with, moaned, said};
use std::process::Output;

/// A job that is told later, and can only be undone when nobody knows of it.
const LATER: &str = "\
saga: film
version: 1
steps:
  - render:
      do: POST render /jobs
      reply: later
      for: 2d
      undo: { do: \"DELETE render /jobs/by-key/{$key}\", look_again: never }
  - bill: { do: POST billing /invoices, undo: none }
output: $render.id
";

/// A decision that must be asked for, forward and back.
const POLLED: &str = "\
saga: wire
version: 1
steps:
  - wire:
      do: POST wires /orders
      pending_when: $result.state == \"in progress\"
      every: 5m
      for: 3d
      check:
        do: GET wires /orders/by-key/{$key}
        refused_when: $result.state == \"returned\"
        pending_when: $http.status == 202
      undo:
        do: POST wires /recalls
        body: { order: $key }
        pending_when: $result.state == \"in progress\"
        every: 1h
        for: 2d
  - close:
      do: PUT wires /closed/{$wire.id}
      undo: none
";

/// A hold that is made firm.
const HELD: &str = "\
saga: held
version: 1
steps:
  - seat:
      do: POST seats /holds
      undo: DELETE seats /holds/by-key/{$key}
      confirm:
        do: PUT seats /holds/by-key/{$key}/firm
        timeout: 1s
        retry: { first: 10ms, max: 1s }
";

fn once(source: &str, flags: &[&str]) -> Output {
    let (folder, _) = folder_with(source);
    let arguments = [&["dev", "it.saga.yaml", "--once"][..], flags].concat();
    banyan(folder.path(), &arguments)
}

/// How a saga with these flags exits, what its drawing and its ledger hold.
fn check(source: &str, cases: &[(&[&str], i32, &[&str])]) {
    for (flags, code, promises) in cases {
        let output = once(source, flags);
        let (said, moaned) = (said(&output), moaned(&output));
        assert_eq!(output.status.code(), Some(*code), "{flags:?}: {moaned}");
        for promise in *promises {
            assert!(said.contains(promise), "{flags:?}: {promise}: {said}");
        }
    }
}

#[test]
fn a_reply_comes_says_no_never_comes_or_comes_when_it_was_given_up() {
    check(
        LATER,
        &[
            (&[], 0, &["render  ✓ done", "there to stay: render"]),
            (
                &["--refuse", "render"],
                3,
                &["render replied that it is refused", "nothing is left"],
            ),
            (
                &["--lose", "render"],
                3,
                &["no reply came within 2d", "render  done, undone"],
            ),
            (
                &["--late", "render"],
                3,
                &[
                    "no reply came within 2d",
                    "↩ undone, 2 attempts",
                    "nothing is left",
                ],
            ),
            (&["--slow", "render=1d"], 0, &["render  ✓ done"]),
            (&["--slow", "render=3d"], 3, &["nothing is left"]),
        ],
    );
}

#[test]
fn a_late_reply_opens_the_saga_again() {
    let output = once(LATER, &["--late", "render", "--json"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["saga"]["status"], "compensated");
    assert_eq!(value["saga"]["steps"][0]["undo"]["attempts"], 2);
    assert_eq!(value["left"], serde_json::json!([]));
}

#[test]
fn a_poll_is_pending_once_and_then_done_refused_or_never_decided() {
    check(
        POLLED,
        &[
            (&[], 0, &["wire   ✓ done"]),
            (&["--pend", "wire=x4"], 0, &["wire   ✓ done"]),
            (
                &["--refuse", "wire"],
                3,
                &[
                    "refused_when holds",
                    "wire  refused, nothing done",
                    "nothing is left",
                ],
            ),
            (
                &["--pend", "wire"],
                3,
                &["turned back: unknown at wire", "wires  wire  done, undone"],
            ),
            (
                &["--refuse", "close"],
                3,
                &["↩ undone, 2 attempts", "nothing is left"],
            ),
            (
                &["--refuse", "close", "--pend", "wire:undo"],
                4,
                &["stuck at wire (undo)", "there now: wire"],
            ),
            (&["--lose", "wire once"], 0, &["wire   ✓ done"]),
        ],
    );
}

#[test]
fn a_confirm_is_late_fails_for_a_while_or_is_refused() {
    check(
        HELD,
        &[
            (&[], 0, &["✔ confirmed", "seat  done, confirmed"]),
            (&["--slow", "seat:confirm=50ms"], 0, &["✔ confirmed"]),
            (
                &["--slow", "seat:confirm=30s once"],
                0,
                &["✔ confirmed, 2 attempts"],
            ),
            (
                &["--fail", "seat:confirm=x2"],
                0,
                &["✔ confirmed, 3 attempts"],
            ),
            (
                &["--lose", "seat:confirm=once"],
                0,
                &["✔ confirmed, 2 attempts"],
            ),
            (
                &["--refuse", "seat:confirm"],
                4,
                &["stuck at seat (confirm)", "there now: seat"],
            ),
        ],
    );
}

#[test]
fn what_is_tried_for_ever_is_told_and_exits_5() {
    let output = once(HELD, &["--fail", "seat:confirm"]);
    assert_eq!(output.status.code(), Some(5), "{}", moaned(&output));
    assert!(moaned(&output).contains("no end in sight"));
    assert!(said(&output).contains("… confirming"), "{}", said(&output));
}

#[test]
fn a_switch_that_cannot_befall_its_leg_is_told_before_anything_runs() {
    for (source, flags, told) in [
        (HELD, ["--late", "seat"], "`reply: later`"),
        (HELD, ["--pend", "seat:confirm"], "`pending_when`"),
        (HELD, ["--refuse", "seat:check"], "has no check"),
        (LATER, ["--pend", "render"], "`pending_when`"),
        (POLLED, ["--late", "wire:undo"], "`reply: later`"),
    ] {
        let output = once(source, &flags);
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(moaned(&output).contains(told), "{}", moaned(&output));
        assert!(output.stdout.is_empty());
    }
}
