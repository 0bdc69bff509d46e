//! Sagas that run others, which stand in the files beside.

use crate::rig::{Desk, HINT, banyan, folder_with, moaned, said};
use std::path::Path;
use std::process::Output;

const PARENT: &str = "\
saga: trip
version: 1
steps:
  - book: { do: POST desk /trips, undo: \"DELETE desk /trips/by-key/{$key}\" }
  - pay: { run: charge, input: { trip: $book.id } }
  - close:
      do: PUT desk /trips/{$book.id}/closed
      undo: none
output: { paid: $pay.charge }
";

const CHILD: &str = "\
saga: charge
version: 1
input: { type: object, required: [trip] }
steps:
  - card: { do: POST cards /charges, body: { trip: $input.trip }, undo: \"DELETE cards /charges/by-key/{$key}\" }
  - receipt: { run: receipt }
output: { charge: $card.id }
";

const GRANDCHILD: &str = "\
saga: receipt
version: 3
steps:
  - sent: { wait: signed, for: 1h, refused_when: $result.ok == false }
  - mail: { do: POST mail /messages, undo: none }
";

/// Every file is called otherwise than what it holds.
fn family() -> tempfile::TempDir {
    let (folder, _) = folder_with(PARENT);
    write(folder.path(), "second", CHILD);
    write(folder.path(), "third", GRANDCHILD);
    write(folder.path(), "broken", "saga: other\nsteps: 3\n");
    folder
}

fn write(folder: &Path, name: &str, source: &str) {
    std::fs::write(folder.join(format!("{name}.saga.yaml")), source).unwrap();
}

fn once(folder: &Path, flags: &[&str]) -> Output {
    banyan(
        folder,
        &[&["dev", "it.saga.yaml", "--once"][..], flags].concat(),
    )
}

#[test]
fn children_are_found_by_name_beside_the_file_and_run_against_stand_ins_too() {
    let folder = family();
    let output = once(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", moaned(&output));
    let said = said(&output);
    for promise in [
        "trip@1  dev-1  completed",
        "output: {\"paid\":\"card-1\"}",
        "pay runs\n   charge@1",
        "pay/receipt runs\n      receipt@3",
        "cards  pay/card          done",
        "there to stay: book, pay/card",
    ] {
        assert!(said.contains(promise), "{promise}: {said}");
    }
    assert!(
        moaned(&output).contains("signal signed {\"ok\":true} sent in somebody's stead"),
        "{}",
        moaned(&output)
    );
}

#[test]
fn a_childs_step_refuses_by_its_own_name_its_place_or_the_step_that_runs_it() {
    for step in ["card", "charge/card", "pay/card", "receipt/mail", "sent"] {
        let folder = family();
        let output = once(folder.path(), &["--refuse", step]);
        assert_eq!(output.status.code(), Some(3), "{step}: {}", moaned(&output));
        let said = said(&output);
        assert!(
            said.contains("nothing is left at any service"),
            "{step}: {said}"
        );
        assert!(said.contains("charge was undone"), "{step}: {said}");
    }
}

#[test]
fn undoing_the_parent_undoes_the_child() {
    let folder = family();
    let output = once(folder.path(), &["--refuse", "close"]);
    assert_eq!(output.status.code(), Some(3), "{}", moaned(&output));
    let said = said(&output);
    assert!(said.contains("pay/card          done, undone"), "{said}");
}

#[test]
fn programs_get_the_children_too() {
    let folder = family();
    let output = once(folder.path(), &["--json"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&str> = value["children"]
        .as_array()
        .unwrap()
        .iter()
        .map(|child| child["definition"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["charge", "receipt"]);
}

#[test]
fn a_child_that_no_file_holds_is_told_with_the_folder_and_what_to_do() {
    let folder = family();
    let third = folder.path().join("third.saga.yaml");
    std::fs::remove_file(&third).unwrap();
    let output = once(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    let told = moaned(&output);
    for words in [
        "charge runs receipt",
        "`saga: receipt`",
        "none of the other 2 *.saga.yaml files in .",
        "write it to ./receipt.saga.yaml",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    write(
        folder.path(),
        "third",
        &GRANDCHILD.replace("wait:", "wiat:"),
    );
    let told = moaned(&once(folder.path(), &[]));
    assert!(
        told.contains("wiat") && told.contains("which holds it, is faulty"),
        "{told}"
    );
    write(folder.path(), "third", GRANDCHILD);
    write(folder.path(), "fourth", GRANDCHILD);
    let told = moaned(&once(folder.path(), &[]));
    assert!(told.contains("both hold receipt@3"), "{told}");
}

#[test]
fn the_newest_version_runs_unless_another_one_is_named() {
    let folder = family();
    let newest = GRANDCHILD
        .replace("version: 3", "version: 4")
        .replace("mail:", "post:");
    write(folder.path(), "newest", &newest);
    assert!(said(&once(folder.path(), &[])).contains("receipt@4"));
    write(
        folder.path(),
        "second",
        &CHILD.replace("run: receipt", "run: receipt@3"),
    );
    assert!(said(&once(folder.path(), &[])).contains("receipt@3"));
    write(
        folder.path(),
        "second",
        &CHILD.replace("run: receipt", "run: receipt@5"),
    );
    let told = moaned(&once(folder.path(), &[]));
    assert!(
        told.contains("version: 5") && told.contains("a version that is there: 4, 3"),
        "{told}"
    );
}

#[test]
fn what_a_child_may_not_be_is_told_where_it_is_run() {
    let folder = family();
    write(
        folder.path(),
        "third",
        &GRANDCHILD.replace("sent: {", "sent: { run: trip }\n  - more: {"),
    );
    let told = moaned(&once(folder.path(), &[]));
    assert!(told.contains("a saga may not contain itself"), "{told}");
}

#[test]
fn a_change_of_a_childs_file_is_read_and_run_at_once_and_a_missing_one_waited_for() {
    let folder = family();
    let mut desk = Desk::open(folder.path());
    let first = desk.until("to go on: signal signed");
    assert!(first.contains("charge@1 from second.saga.yaml"), "{first}");
    assert!(first.contains("charge/card"), "{first}");
    desk.types("signal signed");
    let ended = desk.until(HINT);
    assert!(ended.contains("trip@1  dev-1  completed"), "{ended}");
    write(
        folder.path(),
        "third",
        &GRANDCHILD.replace("mail /messages", "mail /letters"),
    );
    let changed = desk.until("to go on: signal signed");
    assert!(
        changed.contains("third.saga.yaml changed: read again"),
        "{changed}"
    );
    assert!(changed.contains("/letters"), "{changed}");
    desk.types("refuse charge/card");
    desk.until("charge/card: refuse; Enter runs it");
    write(
        folder.path(),
        "second",
        &CHILD.replace("run: receipt", "run: bill"),
    );
    desk.until("what ran before stays");
    write(
        folder.path(),
        "bill",
        &GRANDCHILD.replace("saga: receipt", "saga: bill"),
    );
    let mended = desk.until(HINT);
    assert!(mended.contains("bill@3 from bill.saga.yaml"), "{mended}");
    assert!(mended.contains("[refuse]"), "{mended}");
    assert!(
        mended.contains("nothing is left at any service"),
        "{mended}"
    );
    assert_eq!(desk.ends(), Some(0));
}
