//! The desk as a person sits at it: lines in, what is shown, files that change.

use crate::rig::{Desk, HINT, SHORT, folder_with};

#[test]
fn a_person_refuses_a_step_sees_it_undone_and_lets_it_through_again() {
    let (folder, _) = folder_with(SHORT);
    let mut desk = Desk::open(folder.path());
    let first = desk.until(HINT);
    assert!(first.contains("short@1 against stand-ins"), "{first}");
    assert!(first.contains("POST payments /charges"), "{first}");
    assert!(first.contains("short@1  dev-1  completed"), "{first}");
    desk.types("refuse payment");
    desk.until("payment: refuse; Enter runs it");
    desk.types("");
    let second = desk.until(HINT);
    assert!(second.contains("short@1  dev-2  compensated"), "{second}");
    assert!(
        second.contains("nothing is left at any service"),
        "{second}"
    );
    desk.types("show");
    desk.until("[refuse]");
    desk.types("ok");
    desk.types("lose payment undo once");
    desk.types("refuse close");
    desk.types("run");
    let third = desk.until(HINT);
    assert!(third.contains("↩ undone, 2 attempts"), "{third}");
    assert!(third.contains("nothing is left at any service"), "{third}");
    desk.types("dance");
    desk.until("`dance` is no command");
    desk.types("refuse nothing");
    desk.until("has no step `nothing`");
    desk.types("quit");
    assert_eq!(desk.ends(), Some(0));
    let folders = std::fs::read_dir(folder.path()).unwrap();
    assert_eq!(folders.count(), 1, "only the saga file is left");
}

#[test]
fn a_wait_is_offered_its_signal_and_goes_on_with_it() {
    let source = format!(
        "{}  - approval:\n      wait: approved\n      for: 1h\n      refused_when: $result.ok == false\noutput: $approval\n",
        SHORT.split("output:").next().unwrap()
    );
    let (folder, _) = folder_with(&source);
    let mut desk = Desk::open(folder.path());
    desk.until("to go on: signal approved {\"ok\":true}");
    desk.types("ledger");
    desk.until("there now: order, payment");
    desk.types("signal approved");
    let end = desk.until(HINT);
    assert!(end.contains("completed"), "{end}");
    desk.types("run");
    desk.until("to go on");
    desk.types("signal approved {\"ok\": false}");
    let end = desk.until(HINT);
    assert!(end.contains("compensated"), "{end}");
    desk.types("run");
    desk.until("to go on");
    desk.types("skip");
    let end = desk.until(HINT);
    assert!(end.contains("compensated"), "{end}");
    assert!(end.contains("nothing is left"), "{end}");
    desk.types("run");
    desk.until("to go on");
    desk.types("cancel");
    let end = desk.until(HINT);
    assert!(end.contains("turned back: cancelled"), "{end}");
    assert_eq!(desk.ends(), Some(0));
}

#[test]
fn a_change_of_the_file_is_read_and_run_at_once_a_faulty_one_is_told() {
    let (folder, file) = folder_with(SHORT);
    let mut desk = Desk::open(folder.path());
    desk.until(HINT);
    std::fs::write(&file, SHORT.replace("retry", "retyr")).unwrap();
    let faulty = desk.until("what ran before stays");
    assert!(faulty.contains("unknown_key"), "{faulty}");
    desk.types("run");
    let same = desk.until(HINT);
    assert!(same.contains("dev-2  completed"), "{same}");
    std::fs::write(&file, SHORT.replace("- close", "- finish")).unwrap();
    let changed = desk.until(HINT);
    assert!(changed.contains("changed: read again"), "{changed}");
    assert!(changed.contains("finish"), "{changed}");
    assert!(changed.contains("dev-1  completed"), "{changed}");
    assert_eq!(desk.ends(), Some(0));
}

#[test]
fn a_file_that_begins_faulty_runs_as_soon_as_it_is_mended() {
    let (folder, file) = folder_with(&SHORT.replace("retry", "retyr"));
    let mut desk = Desk::open(folder.path());
    desk.until("it runs as soon as that is mended");
    std::fs::write(&file, SHORT).unwrap();
    desk.until("dev-1  completed");
    assert_eq!(desk.ends(), Some(0));
}

#[test]
fn commands_from_a_pipe_are_taken_in_order_and_the_end_of_input_ends_it() {
    let (folder, _) = folder_with(SHORT);
    let mut desk = Desk::open(folder.path());
    for line in [
        "wait",
        "refuse payment",
        "input {\"amount\": 6}",
        "run",
        "wait",
        "input",
    ] {
        desk.types(line);
    }
    drop(desk.input.take());
    let all = desk.until("{\"amount\":6}\n");
    assert!(all.contains("dev-1  completed"), "{all}");
    assert!(all.contains("dev-2  compensated"), "{all}");
    assert_eq!(desk.ends(), Some(0));
}
