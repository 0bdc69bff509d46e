//! What is printed to be typed next is typed as it stands; and what is typed twice, or wrongly,
//! is told so.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

mod helpers;

use helpers::bank::Bank;
use helpers::place::Place;

/// The commands among what was printed, each from `banyan` to its line's end.
fn commands(said: &str) -> Vec<String> {
    let lines = said.lines().filter(|line| !line.contains('`'));
    let found = lines.filter_map(|line| Some(line[line.find("banyan ")?..].trim().to_owned()));
    found.collect()
}

/// A command as a shell splits it.
fn words(command: &str) -> Vec<&str> {
    let parts = command.split('\'').enumerate();
    let words = parts.flat_map(|(place, part)| match place % 2 {
        1 => vec![part],
        _ => part.split_whitespace().collect(),
    });
    words.skip(1).collect()
}

/// What it prints; it goes well.
fn typed(place: &Place, command: &str) -> String {
    place.exits(0, &words(command))
}

const LINES: &str = "\
saga: lines
version: 1
steps:
  - holds:
      each: $input.lines
      as: line
      steps:
        - hold:
            do: POST bank /holds
            undo: { do: 'DELETE bank /holds/{$key}', look_again: never }
  - pay: { do: POST bank /payments, body: { of: poor }, undo: none }
";

#[test]
fn what_show_and_failures_print_of_stuck_sagas_can_be_typed_as_it_stands() {
    let place = Bank::new();
    place.register("lines", LINES);
    place.stuck("k");
    let input = r#"{"lines": ["a"]}"#;
    place.exits(4, &["start", "lines", "-k", "k", "-i", input, "--wait"]);
    for saga in ["buy/k", "lines/k"] {
        let said = place.exits(0, &["show", saga]);
        let told = commands(&said);
        assert!(told.len() >= 3, "{said}");
        for command in told {
            typed(&place, &command);
        }
        let shown = place.json(&["show", saga, "--json"]);
        for waiting in shown["waiting_on"].as_array().unwrap() {
            typed(&place, waiting["help"].as_str().unwrap());
        }
    }
    let said = place.exits(0, &["attempts", "lines/k", "--step", "holds[0].hold"]);
    assert_eq!(said.matches("holds[0].hold").count(), 2, "{said}");
    let failures = place.json(&["failures", "--json"]);
    let groups = failures["items"].as_array().unwrap();
    assert_eq!(groups.len(), 2, "{failures}");
    for group in groups {
        let said = typed(&place, group["help"].as_str().unwrap());
        assert!(said.contains("1 would take retry"), "{said}");
    }
}

const COUNT: &str = "\
saga: count
version: 1
steps:
  - first: { wait: tick, for: 1d }
  - second: { wait: tick, for: 1d }
";

#[test]
fn an_equal_signal_counts_once_for_each_wait_and_a_replay_says_so() {
    let place = Place::new(&[("count", COUNT)]);
    place.exits(0, &["start", "count", "-k", "k"]);
    let plain = ["signal", "count/k", "tick", "{}"];
    assert!(place.exits(0, &plain).contains("tick accepted"));
    let said = place.exits(0, &plain);
    assert!(said.contains("tick (was there already)"), "{said}");
    let next = commands(&said);
    assert_eq!(
        next,
        commands(&place.exits(0, &["show", "count/k"])),
        "{said}"
    );
    assert!(next[0].ends_with("tick '{}' --step second"), "{next:?}");
    assert!(typed(&place, &next[0]).contains("tick accepted"));
    let shown = place.exits(0, &["show", "count/k", "--wait"]);
    assert!(shown.contains("completed"), "{shown}");
    for again in [&next[0], "banyan signal count/k tick {}"] {
        let said = typed(&place, again);
        assert!(
            said.contains("completed: tick (was there already)"),
            "{said}"
        );
    }
    let said = place.exits(1, &["signal", "count/k", "tick", "{}", "--key", "new"]);
    assert!(
        said.contains("saga_ended") && !said.contains("accepted"),
        "{said}"
    );
}

#[test]
fn a_word_that_no_filter_takes_is_a_usage_error_wherever_it_stands() {
    let place = Place::new(&[]);
    for (arguments, words) in [
        (&["list", "--status", "stick"][..], "did you mean stuck?"),
        (&["list", "--where", "status=stick"], "did you mean stuck?"),
        (
            &["list", "--code", "undo_refuse"],
            "did you mean undo_refused?",
        ),
        (
            &["list", "--where", "code=undo_refuse"],
            "did you mean undo_refused?",
        ),
        (&["list", "--started-after", "now"], "started_after"),
        (&["list", "--version", "0"], "version"),
        (&["failures", "--code", "pause"], "did you mean paused?"),
        (&["failures", "--status", "stick"], "did you mean stuck?"),
        (
            &["retry", "--where", "code=undo_refuse"],
            "did you mean undo_refused?",
        ),
    ] {
        let said = place.exits(2, arguments);
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    place.exits(0, &["failures", "--code", "paused", "--status", "running"]);
}
