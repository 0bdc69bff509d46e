//! Verbs over a filter on the command line, against a real server: without `--yes` nothing
//! changes and all is told, with it the server does it, and exit codes say how it went.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

mod helpers;

use helpers::TRIES;
use helpers::bank::Bank;
use helpers::place::Place;
use serde_json::Value;

const STUCK: [&str; 2] = ["--where", "status=stuck&definition=buy"];
const WHY: [&str; 2] = ["--reason", "ticket 812"];

fn statuses(place: &Place, definition: &str) -> Vec<String> {
    let list = place.json(&["list", "--definition", definition, "-n", "500", "--json"]);
    let items = list["items"].as_array().unwrap();
    let status = |saga: &Value| saga["status"].as_str().unwrap().to_owned();
    items.iter().map(status).collect()
}

fn all_are(place: &Place, status: &str) -> bool {
    statuses(place, "buy").iter().all(|one| one == status)
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    assert!((0..TRIES).any(|_| holds()), "it never came to: {what}");
}

#[test]
fn a_preview_says_how_many_and_a_sample_and_changes_nothing_and_yes_does_it() {
    let bank = Bank::new();
    for number in 0..7 {
        bank.stuck(&format!("k-{number}"));
    }
    let retry = [&["retry"][..], &STUCK, &WHY].concat();
    let unreasoned = [&["retry"][..], &STUCK].concat();
    for asked in [
        retry.clone(),
        [&retry[..], &["--dry-run"]].concat(),
        unreasoned.clone(),
    ] {
        let told = bank.exits(0, &asked);
        for words in [
            "7      buy         stuck",
            "7 would take retry",
            "FOR EXAMPLE",
            "DELETE bank /holds/",
            "nothing was changed: --yes does it",
        ] {
            assert!(told.contains(words), "{words:?} is not in\n{told}");
        }
        assert_eq!(told.matches("buy/k-").count(), 5, "a sample: {told}");
    }
    let preview = bank.json(&[&retry[..], &["--json"]].concat());
    assert_eq!(
        (&preview["dry_run"], &preview["selected"]),
        (&true.into(), &7.into())
    );
    assert!(all_are(&bank, "stuck"));
    assert!(bank.exits(0, &["operations"]).contains("no operation yet"));

    let why = bank.exits(2, &[&unreasoned[..], &["--yes"]].concat());
    assert!(why.contains("--reason"), "{why}");

    bank.mend();
    let done = bank.exits(0, &[&retry[..], &["--yes", "--rate", "500"]].concat());
    assert!(
        done.contains("7 of 7: 7 done, 0 failed, 0 left alone"),
        "{done}"
    );
    assert!(
        done.contains("7 selected, 7 done, 0 failed, 0 left alone, 0 to come"),
        "{done}"
    );
    until("all are compensated", || all_are(&bank, "compensated"));
    let nothing = bank.exits(1, &[&retry[..], &["--yes"]].concat());
    assert!(nothing.contains("nothing_selected"), "{nothing}");
    let listed = bank.json(&["operations", "--json"]);
    let one = &listed["items"][0];
    assert_eq!(
        (&one["rate"], &one["state"], &one["reason"]),
        (&500.into(), &"completed".into(), &"ticket 812".into())
    );
    let shown = bank.exits(0, &["operations", one["id"].as_str().unwrap()]);
    assert!(shown.contains("because ticket 812 (admin)"), "{shown}");
    let ended = bank.exits(1, &["operations", "pause", one["id"].as_str().unwrap()]);
    assert!(ended.contains("not_allowed_now"), "{ended}");
    let audit = bank.exits(0, &["audit", "--verb", "retry"]);
    assert_eq!(audit.matches("ticket 812").count(), 7, "{audit}");
}

#[test]
fn what_was_mended_by_hand_is_settled_for_all_at_once_exactly_as_it_was_seen() {
    let bank = Bank::new();
    for number in 0..3 {
        bank.stuck(&format!("k-{number}"));
    }
    let leg = ["--step", "hold", "--leg", "undo", "--as", "done"];
    let evidence = ["--evidence", "the bank: batch 7"];
    let settle = [&["settle"][..], &STUCK, &WHY, &leg, &evidence].concat();
    let preview = bank.json(&[&settle[..], &["--json"]].concat());
    assert_eq!(
        (&preview["selected"], &preview["allowed"]),
        (&3.into(), &3.into())
    );
    bank.exits(0, &["note", "buy/k-1", "--text", "wait for me"]);
    let token = preview["preview"].as_str().unwrap();
    let done = bank.exits(0, &[&settle[..], &["--yes", "--preview", token]].concat());
    assert!(
        done.contains("1 left alone: changed_since_preview"),
        "{done}"
    );
    let left = bank.json(&["list", "--where", "status=stuck", "--json"]);
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    assert_eq!(left["items"][0]["key"], "k-1");
    until("two are compensated", || {
        let statuses = statuses(&bank, "buy");
        statuses.iter().filter(|one| *one == "compensated").count() == 2
    });

    // All that there are: what refuses is counted, and the exit code says so.
    let all = ["abandon", "--all", "--reason", "the books are closed"];
    let told = bank.exits(0, &all);
    assert!(told.contains("1 would take abandon"), "{told}");
    assert!(told.contains("2 would not: not_allowed_now"), "{told}");
    let done = bank.exits(1, &[&all[..], &["--yes"]].concat());
    assert!(done.contains("1 done, 2 failed"), "{done}");
    assert!(done.contains("2 failed: not_allowed_now"), "{done}");
}

#[test]
fn what_selects_everything_or_cannot_be_meant_is_a_usage_error_before_anything_is_sent() {
    let place = Place::new(&[]);
    let verbs: [&[&str]; 4] = [
        &["cancel"],
        &["note", "--text", "t"],
        &["move", "2"],
        &[
            "settle",
            "--step",
            "a",
            "--leg",
            "do",
            "--as",
            "done",
            "--evidence",
            "e",
        ],
    ];
    for verb in verbs {
        for (query, words) in [
            ("", "--all"),
            ("&", "--all"),
            ("status", "KEY=VALUE"),
            ("stauts=stuck", "no filter"),
            ("status=odd", "none of running"),
            ("started_after=now", "a moment is"),
        ] {
            let given = [verb, &["--where", query, "--yes"], &WHY].concat();
            let said = place.exits(2, &given);
            assert!(said.contains(words), "{given:?}: {said}");
        }
        let nobody = [verb, &["--where", "key=nobody"], &WHY].concat();
        assert!(place.exits(1, &nobody).contains("nothing_selected"));
    }
    assert!(place.exits(0, &["operations"]).contains("no operation yet"));
}

const LEAVE: &str = "\
saga: leave
version: 1
steps:
  - approval: { wait: approved, for: 1d }
";

/// Three that wait for a person, and a fourth that has ended.
fn leaves() -> Place {
    let place = Place::new(&[("leave", LEAVE)]);
    for key in ["ann", "bob", "cy", "dan"] {
        place.exits(0, &["start", "leave", "--key", key]);
    }
    place.exits(0, &["signal", "leave/dan", "approved", "{}"]);
    place.exits(0, &["show", "leave/dan", "--wait"]);
    place
}

#[test]
fn running_sagas_are_moved_by_the_server_and_a_version_is_chosen_with_its_reason() {
    let place = leaves();
    let second = LEAVE.replace("version: 1", "version: 2") + "  - last: { set: 1 }\n";
    place.register("leave-2", &second);
    let back = ["activate", "leave", "1", "--reason", "the unions ask"];
    place.exits(0, &back);
    let goes = ["move", "--where", "definition=leave&version=1", "2"];
    let told = place.exits(0, &goes);
    assert!(
        told.contains("3 would take move"),
        "who ended is not meant: {told}"
    );
    let done = place.exits(0, &[&goes[..], &["--yes"], &WHY].concat());
    assert!(done.contains("3 selected, 3 done, 0 failed"), "{done}");
    let moved = place.json(&["list", "--where", "version=2", "--json"]);
    assert_eq!(moved["items"].as_array().unwrap().len(), 3);
    let audit = place.exits(0, &["audit"]);
    assert!(audit.contains("the unions ask"), "{audit}");
    assert_eq!(audit.matches("ticket 812").count(), 4, "{audit}");
    let activated = place.exits(0, &["audit", "--verb", "activate"]);
    let words: Vec<&str> = activated.split_whitespace().collect();
    let words = words.join(" ");
    assert!(
        words.contains("activate leave version 2 version 1 the unions ask version 1"),
        "who, what, before, after: {activated}"
    );
    let listed = place.json(&["operations", "--json"]);
    let id = listed["items"][0]["id"].as_str().unwrap();
    let told = place.exits(0, &["operations", id]);
    for words in ["  with version 2\n", "it was running, then running\n"] {
        assert!(told.contains(words), "{words:?} is not in\n{told}");
    }
}

#[test]
fn one_saga_is_moved_as_a_dry_run_showed_it_and_waited_for() {
    let place = leaves();
    let second = LEAVE.replace("version: 1", "version: 2") + "  - last: { set: 1 }\n";
    place.register("leave-2", &second);
    let dry = ["move", "leave/ann", "2", "--dry-run"];
    let told = place.exits(0, &dry);
    assert!(told.contains("  last: new step"), "named once: {told}");
    assert!(told.contains("the same command with --if-seq "), "{told}");
    let seen = place.json(&[&dry[..], &["--json"]].concat())["seq"].to_string();
    place.exits(0, &["note", "leave/ann", "--text", "looking"]);
    let goes = ["move", "leave/ann", "2", "--if-seq"];
    let late = place.exits(1, &[&goes[..], &[&seen]].concat());
    assert!(late.contains("changed_since"), "{late}");
    let seen = place.json(&[&dry[..], &["--json"]].concat())["seq"].to_string();
    let goes = [&goes[..], &[&seen, "--wait"]].concat();
    let mut waiting = place.command(&goes).spawn().unwrap();
    until("it is moved", || {
        place.json(&["show", "leave/ann", "--json"])["version"] == 2
    });
    place.exits(0, &["signal", "leave/ann", "approved", "{}"]);
    assert_eq!(waiting.wait().unwrap().code(), Some(0), "it completed");
    let ended = place.exits(1, &["move", "leave/dan", "2"]);
    assert!(ended.contains("allowed now: undo, note"), "{ended}");
}

#[test]
fn an_operation_is_held_up_let_go_on_and_ended_from_the_command_line() {
    let place = leaves();
    // One a second: there is time enough to hold it up.
    for number in 0..30 {
        place.exits(0, &["start", "leave", "--key", &format!("more-{number}")]);
    }
    let note = ["note", "--all", "--text", "seen", "--yes", "--rate", "1"];
    let mut following = place.command(&note).spawn().unwrap();
    let mut id = String::new();
    until("it has begun", || {
        let listed = place.json(&["operations", "--json"]);
        let found = listed["items"][0]["id"].as_str();
        id = found.unwrap_or_default().to_owned();
        !id.is_empty()
    });
    let turn = |verb: &str| place.exits(0, &["operations", verb, &id, "--reason", "hold on"]);
    let held = turn("pause");
    assert!(held.contains("paused"), "{held}");
    assert!(held.contains(&format!("next: banyan operations resume {id}")));
    // Who follows it is told, and ends.
    assert_eq!(following.wait().unwrap().code(), Some(5));
    place.exits(5, &["operations", &id, "--wait"]);
    assert!(turn("resume").contains("running"));
    assert!(turn("cancel").contains("cancelled"));
    place.exits(1, &["operations", &id, "--wait"]);
    let over = place.exits(1, &["operations", "resume", &id]);
    assert!(over.contains("not_allowed_now"), "{over}");
    let audit = place.exits(0, &["audit", "--verb", "pause_operation"]);
    assert!(audit.contains("hold on"), "{audit}");
}
