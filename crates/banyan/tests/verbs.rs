//! The verbs on the command line, against a real server and a service that a switch breaks: a
//! dry run tells all and changes nothing, a verb does what the dry run told, a change in
//! between is noticed, and exit codes say how it went.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

mod helpers;

use helpers::bank::Bank;

#[test]
fn a_dry_run_tells_all_changes_nothing_and_the_verb_then_does_that() {
    let place = Bank::new();
    place.stuck("k");
    let told = place.exits(0, &["retry", "buy/k", "--dry-run"]);
    for words in [
        "retry, a dry run: nothing was changed",
        "status: stuck → compensating",
        "the undo of hold is tried again under a fresh key\n",
        "attempt 2 of the undo of hold begins",
        "1. hold (undo): DELETE bank /holds/",
        "Idempotency-Key: ",
        "the saga right after:",
        "buy@1  k  compensating",
        "the same command with --if-seq ",
    ] {
        assert!(told.contains(words), "{words:?} is not in\n{told}");
    }
    assert_eq!(place.json(&["show", "buy/k", "--json"])["status"], "stuck");

    place.mend();
    let preview = place.json(&["retry", "buy/k", "--dry-run", "--json"]);
    assert_eq!(preview["dry_run"], true);
    let first = preview["records"][0]["seq"].as_u64().unwrap();
    let seen = (first - 1).to_string();
    let done = place.exits(
        3,
        &["retry", "buy/k", "-r", "mended", "--if-seq", &seen, "-w"],
    );
    assert!(done.contains("buy@1  k  compensated"), "{done}");
    assert!(
        done.ends_with("next: nothing, it is compensated\n"),
        "{done}"
    );
}

#[test]
fn whoever_comes_second_is_told_that_it_changed() {
    let place = Bank::new();
    place.stuck("k");
    let seen = place.json(&["show", "buy/k", "--json"])["seq"].to_string();
    let noted = place.exits(0, &["note", "buy/k", "--owner", "ann", "--text", "looking"]);
    assert!(noted.contains("owner: ann"), "{noted}");
    let said = place.exits(1, &["abandon", "buy/k", "-r", "old", "--if-seq", &seen]);
    assert!(said.contains("changed_since"), "{said}");
    assert!(said.contains("banyan show"), "{said}");
    assert_eq!(place.json(&["show", "buy/k", "--json"])["status"], "stuck");
}

#[test]
fn what_was_done_by_hand_is_settled_and_what_is_given_up_says_what_is_left() {
    let place = Bank::new();
    place.stuck("settled");
    let leg = ["settle", "buy/settled", "hold", "undo", "done"];
    let why = ["--evidence", "hold h-1 is gone", "--reason", "by hand"];
    let told = place.exits(0, &[&leg[..], &why[..], &["--dry-run"]].concat());
    assert!(
        told.contains("the undo of hold happened (hold h-1 is gone), since \"by hand\""),
        "{told}"
    );
    assert!(told.contains("no call leaves"), "{told}");
    place.exits(3, &[&leg[..], &why[..], &["--wait"]].concat());
    let again = place.exits(1, &[&leg[..], &why[..]].concat());
    assert!(again.contains("not_allowed_now"), "{again}");

    place.stuck("left");
    let told = place.exits(0, &["abandon", "buy/left", "--dry-run"]);
    assert!(told.contains("status: stuck → abandoned"), "{told}");
    let done = place.exits(0, &["abandon", "buy/left", "-r", "written off"]);
    assert!(
        done.contains("left: hold: done, its undo was stuck"),
        "{done}"
    );
    assert!(done.contains("next: nothing more is called"), "{done}");
}

#[test]
fn a_completed_saga_is_undone_and_the_dry_run_says_what_has_no_undo() {
    let place = Bank::new();
    place.exits(
        0,
        &["start", "buy", "-k", "k", "-i", r#"{"of": "ann"}"#, "-w"],
    );
    let told = place.exits(0, &["undo", "buy/k", "--dry-run"]);
    assert!(told.contains("nothing takes back: pay"), "{told}");
    place.exits(4, &["undo", "buy/k", "-r", "returned", "--wait"]);
    place.mend();
    place.exits(3, &["retry", "buy/k", "-r", "mended", "--wait"]);
    let said = place.exits(1, &["cancel", "buy/k", "--dry-run"]);
    assert!(said.contains("it is compensated"), "{said}");
}
