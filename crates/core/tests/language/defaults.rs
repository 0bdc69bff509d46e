//! Which defaults a file resolves to (outcomes.md), and what its hash depends on.

use banyan_core::definition::{
    Call, Definition, Kind, OnRefused, OnUnknown, Retry, Undo, UndoCall,
};
use banyan_core::language::{Surroundings, check};
use banyan_core::time::Duration;

fn definition(steps: &str) -> Definition {
    let source = format!("saga: s\nversion: 1\nsteps:\n{steps}");
    let checked = check(&source, &Surroundings::default());
    checked
        .definition
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics))
}

fn call(definition: &Definition, step: usize) -> &Call {
    match &definition.steps[step].kind {
        Kind::Call(action) => &action.call,
        other => panic!("{other:?}"),
    }
}

fn undo(definition: &Definition, step: usize) -> &UndoCall {
    match &definition.steps[step].undo {
        Undo::Call(undo) => undo,
        other => panic!("{other:?}"),
    }
}

fn retry(attempts: Option<u32>, first: &str, factor_milli: u32, max: &str) -> Retry {
    Retry {
        attempts,
        first: first.parse().unwrap(),
        factor_milli,
        max: max.parse().unwrap(),
    }
}

#[test]
fn a_call_before_the_pivot_has_the_defaults_of_the_outcomes_page() {
    let made = definition(
        "  - a: { do: POST x /a, undo: 'DELETE x /a/{$key}', check: 'GET x /a/{$key}' }\n",
    );
    assert_eq!(call(&made, 0).retry, retry(Some(5), "200ms", 2_000, "30s"));
    assert_eq!(call(&made, 0).timeout, Duration::from_secs(10));
    let Kind::Call(action) = &made.steps[0].kind else {
        panic!("a call")
    };
    let check = action.check.as_ref().unwrap();
    assert_eq!(check.retry, retry(Some(5), "200ms", 2_000, "30s"));
    assert!(check.body.is_none(), "a short form sends no body");
    let undo = undo(&made, 0);
    assert_eq!(undo.call.retry, retry(Some(12), "1s", 2_500, "15m"));
    assert!(undo.call.body.is_none() && undo.repeatable && !undo.missing_ok);
    assert_eq!(undo.look_again, Some(Duration::from_secs(60)));
    assert_eq!(made.steps[0].on_unknown, OnUnknown::Undo);
    assert_eq!(made.steps[0].on_refused, OnRefused::TurnBack);
}

#[test]
fn every_leg_after_the_pivot_is_retried_until_done() {
    let made = definition(concat!(
        "  - p: { do: POST x /p, pivot: true }\n",
        "  - a: { do: POST x /a, undo: 'POST x /b/{$key}', retry: { first: 1s } }\n",
        "  - g:\n      together:\n        - b: { do: POST x /b }\n",
    ));
    assert!(made.steps[0].pivot && !made.steps[0].after_pivot);
    assert_eq!(call(&made, 0).retry.attempts, Some(5));
    assert_eq!(call(&made, 1).retry, retry(None, "1s", 2_000, "30s"));
    assert_eq!(undo(&made, 1).call.retry, retry(None, "1s", 2_500, "30s"));
    assert!(
        !undo(&made, 1).repeatable,
        "a POST is not repeatable by itself"
    );
    assert_eq!(made.steps[1].on_unknown, OnUnknown::Stuck);
    let Kind::Group(group) = &made.steps[2].kind else {
        panic!("a group")
    };
    assert!(group.steps[0].after_pivot && group.parallel);
    assert_eq!(group.steps[0].path, "g.b");
}

#[test]
fn an_unknown_outcome_is_stuck_with_once_and_on_a_pivot_without_an_undo() {
    for (step, expected) in [
        ("do: POST x /a, undo: none", OnUnknown::Undo),
        ("do: POST x /a, undo: none, once: true", OnUnknown::Stuck),
        (
            "do: POST x /a, undo: none, once: true, on_unknown: undo",
            OnUnknown::Undo,
        ),
        ("do: POST x /a, undo: none, pivot: true", OnUnknown::Stuck),
        ("do: POST x /a, pivot: true", OnUnknown::Stuck),
        (
            "do: POST x /a, undo: 'DELETE x /a/{$key}', pivot: true",
            OnUnknown::Undo,
        ),
        (
            "do: POST x /a, undo: 'DELETE x /a/{$key}', on_unknown: stuck",
            OnUnknown::Stuck,
        ),
    ] {
        let made = definition(&format!("  - a: {{ {step} }}\n"));
        assert_eq!(made.steps[0].on_unknown, expected, "{step}");
    }
}

#[test]
fn the_second_look_waits_for_twice_the_timeout_at_least() {
    let minute = Duration::from_secs(60);
    for (timeout, said, server, expected) in [
        ("5s", "", None, Some(minute)),
        ("45s", "", None, Some(Duration::from_secs(90))),
        (
            "5s",
            "",
            Some(Duration::from_secs(300)),
            Some(Duration::from_secs(300)),
        ),
        (
            "5s",
            "",
            Some(Duration::from_secs(1)),
            Some(Duration::from_secs(10)),
        ),
        (
            "5s",
            ", look_again: 20s",
            None,
            Some(Duration::from_secs(20)),
        ),
        ("5s", ", look_again: never", None, None),
    ] {
        let source = format!(
            "saga: s\nversion: 1\nsteps:\n  - a: {{ do: POST x /a, timeout: {timeout}, undo: {{ do: 'DELETE x /a/{{$key}}'{said} }} }}\n"
        );
        let known = Surroundings {
            sagas: None,
            services: None,
            look_again: server,
        };
        let made = check(&source, &known).definition.unwrap();
        assert_eq!(undo(&made, 0).look_again, expected, "{timeout}{said}");
    }
}

#[test]
fn forever_keeps_the_first_pause_of_its_leg() {
    let made = definition(
        "  - a: { do: POST x /a, retry: forever, undo: { do: 'POST x /b/{$key}', retry: { factor: 1.5, attempts: 3 }, repeatable: true } }\n",
    );
    assert_eq!(call(&made, 0).retry, retry(None, "200ms", 2_000, "30s"));
    assert_eq!(
        undo(&made, 0).call.retry,
        retry(Some(3), "1s", 1_500, "15m")
    );
    assert!(undo(&made, 0).repeatable);
}

#[test]
fn the_hash_is_of_what_the_file_means_and_not_of_how_it_is_written() {
    let one = definition("  - a: { do: POST x /a, undo: none }\n");
    let same = definition(
        "  # words\n  - a:\n      undo: none\n      timeout: 10s\n      do: \"POST x   /a\"\n",
    );
    let other = definition("  - a: { do: POST x /a, undo: none, timeout: 11s }\n");
    assert_eq!(one.hash, same.hash);
    assert_ne!(one.hash, other.hash);
}

#[test]
fn json_is_read_like_yaml() {
    let source = r#"{
	"saga": "s", "version": 1,
	"steps": [ { "a": { "do": "POST x /a\/b", "body": { "n": 1.10, "t": "\ud83d\ude00" }, "undo": "none" } } ]
}"#;
    let made = check(source, &Surroundings::default());
    let made = made
        .definition
        .unwrap_or_else(|| panic!("{:#?}", made.diagnostics));
    assert_eq!(call(&made, 0).path.source(), "/a/b");
}
