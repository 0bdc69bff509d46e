//! `banyan init`, and one saga to its end as a pipeline runs it.

use crate::rig::{SHORT, banyan, folder_with, moaned, said};
use std::path::{Path, PathBuf};
use std::process::Output;

/// One saga of [`SHORT`] with these flags.
fn once(flags: &[&str]) -> Output {
    let (folder, _) = folder_with(SHORT);
    let mut arguments = vec!["dev", "it.saga.yaml", "--once"];
    arguments.extend(flags);
    let output = banyan(folder.path(), &arguments);
    let left: Vec<PathBuf> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    assert!(left.is_empty(), "the session's folder is gone: {left:?}");
    output
}

#[test]
fn a_first_file_is_good_as_it_is_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    let output = banyan(folder.path(), &["init"]);
    assert!(output.status.success(), "{}", moaned(&output));
    assert!(said(&output).contains("banyan dev order.saga.yaml"));
    let check = banyan(folder.path(), &["check", "order.saga.yaml"]);
    assert!(
        said(&check).contains("no errors, no warnings"),
        "{}",
        said(&check)
    );
    let text = std::fs::read_to_string(folder.path().join("order.saga.yaml")).unwrap();
    assert!(text.starts_with("# yaml-language-server: $schema=./saga.schema.json\n"));
    let schema = std::fs::read_to_string(folder.path().join("saga.schema.json")).unwrap();
    assert_eq!(schema, said(&banyan(folder.path(), &["schema"])));
    let run = banyan(folder.path(), &["dev", "order.saga.yaml", "--once"]);
    assert_eq!(run.status.code(), Some(0), "{}", moaned(&run));
    for promised in [
        "order@1  dev-1  completed",
        "approval     – skipped",
        "\"payment\":\"payment-1\"",
        "there to stay: order, stock, payment, close_order",
    ] {
        assert!(said(&run).contains(promised), "{promised}: {}", said(&run));
    }
}

#[test]
fn init_overwrites_nothing_and_takes_another_name_and_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("order.saga.yaml"), "mine").unwrap();
    let refused = banyan(folder.path(), &["init"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(moaned(&refused).contains("is there already"));
    assert!(moaned(&refused).contains("banyan init my_order"));
    let text = std::fs::read_to_string(folder.path().join("order.saga.yaml")).unwrap();
    assert_eq!(text, "mine");
    let other = banyan(folder.path(), &["init", "book_trip", "--dir", "sagas"]);
    assert!(
        said(&other).contains("banyan dev sagas/book_trip.saga.yaml"),
        "{}{}",
        said(&other),
        moaned(&other)
    );
    let bad = banyan(folder.path(), &["init", "Book-Trip"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(moaned(&bad).contains("Book-Trip"), "{}", moaned(&bad));
}

#[test]
fn a_large_order_is_approved_in_somebodys_stead_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    banyan(folder.path(), &["init"]);
    let input = r#"{"customer": "ada", "sku": "lamp", "amount": 20000}"#;
    let arguments = ["dev", "order.saga.yaml", "--once", "--input", input];
    let approved = banyan(folder.path(), &arguments);
    assert_eq!(approved.status.code(), Some(0), "{}", moaned(&approved));
    assert!(moaned(&approved).contains("signal approved {\"approved\":true} sent"));
    let refuse = [&arguments[..], &["--refuse", "approval"]].concat();
    let refused = banyan(folder.path(), &refuse);
    assert_eq!(refused.status.code(), Some(3), "{}", moaned(&refused));
    assert!(said(&refused).contains("nothing is left at any service"));
}

#[test]
fn a_saga_that_is_refused_exits_3_and_leaves_nothing() {
    let output = once(&["--refuse", "payment"]);
    assert_eq!(output.status.code(), Some(3), "{}", moaned(&output));
    let said = said(&output);
    for promised in [
        "short@1  dev-1  compensated",
        "turned back: refused at payment",
        "↩ undone",
        "orders  order  done, undone",
        "nothing is left at any service",
    ] {
        assert!(said.contains(promised), "{promised}: {said}");
    }
}

#[test]
fn a_lost_answer_is_undone_though_the_effect_was_there() {
    let output = once(&["--lose", "payment"]);
    assert_eq!(output.status.code(), Some(3), "{}", moaned(&output));
    let said = said(&output);
    assert!(said.contains("turned back: unknown at payment"), "{said}");
    assert!(said.contains("payments  payment  done, undone"), "{said}");
    assert!(said.contains("nothing is left"), "{said}");
}

#[test]
fn an_answer_lost_once_is_healed_by_the_next_attempt() {
    let output = once(&["--lose", "payment once"]);
    assert_eq!(output.status.code(), Some(0), "{}", moaned(&output));
    assert!(
        said(&output).contains("✓ done, 2 attempts"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_slow_service_is_waited_for_as_long_as_the_timeout_says() {
    let output = once(&["--slow", "payment=50ms"]);
    assert_eq!(output.status.code(), Some(0), "{}", moaned(&output));
    let output = once(&["--slow", "payment=30s"]);
    assert_eq!(output.status.code(), Some(3), "{}", moaned(&output));
    assert!(
        said(&output).contains("nothing is left"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_service_out_of_order_had_no_effect_and_left_a_mark() {
    let output = once(&["--fail", "payment"]);
    assert_eq!(output.status.code(), Some(3), "{}", moaned(&output));
    let said = said(&output);
    assert!(said.contains("never done; its undo left a mark"), "{said}");
}

#[test]
fn an_undo_that_is_refused_is_stuck_exits_4_and_names_what_is_there() {
    let output = once(&["--refuse", "close", "--refuse", "payment:undo"]);
    assert_eq!(output.status.code(), Some(4), "{}", moaned(&output));
    let said = said(&output);
    assert!(said.contains("stuck at payment (undo)"), "{said}");
    assert!(said.contains("there now: order, payment"), "{said}");
}

#[test]
fn sagas_of_every_kind_complete_against_stand_ins_and_are_undone_when_one_refuses() {
    for (file, refused) in [
        ("samples/book_trip", "pay"),
        ("samples/card_payment", "charge"),
        ("samples/expense_approval", "decision"),
        ("samples/fill_basket", "labels"),
        ("samples/loan_request", "loan"),
        ("samples/money_transfer", "deposit"),
        ("samples/place_order", "fraud"),
        ("crates/banyan/demo/place_order", "payment"),
        ("crates/banyan/demo/express_order", "stock"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let path = root.join(format!("{file}.saga.yaml"));
        let path = path.to_str().unwrap();
        let completed = banyan(folder.path(), &["dev", path, "--once"]);
        assert_eq!(
            completed.status.code(),
            Some(0),
            "{file}: {}",
            moaned(&completed)
        );
        let undone = banyan(folder.path(), &["dev", path, "--once", "--refuse", refused]);
        assert_eq!(undone.status.code(), Some(3), "{file}: {}", moaned(&undone));
        assert!(
            said(&undone).contains("nothing is left at any service"),
            "{file}: {}",
            said(&undone)
        );
    }
}

#[test]
fn a_day_of_sleep_and_an_hour_of_retries_are_skipped() {
    let source = SHORT.replace("  - close:", "  - night:\n      sleep: 1d\n  - close:");
    let (folder, _) = folder_with(&source);
    let flags = ["dev", "it.saga.yaml", "--once", "--refuse", "close"];
    let flags = [&flags[..], &["--fail", "order undo"]].concat();
    let output = banyan(folder.path(), &flags);
    assert_eq!(output.status.code(), Some(4), "{}", moaned(&output));
    assert!(moaned(&output).contains("time skipped to"));
    assert!(
        said(&output).contains("there now: order"),
        "{}",
        said(&output)
    );
}

#[test]
fn programs_get_json_and_standard_output_holds_nothing_else() {
    let output = once(&["--refuse", "payment", "--json"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["saga"]["status"], "compensated");
    assert_eq!(value["saga"]["input"]["amount"], 5);
    assert_eq!(value["left"], serde_json::json!([]));
}

#[test]
fn what_cannot_be_meant_is_told_before_anything_runs() {
    for (flags, code, told) in [
        (&["--refuse", "pay"][..], 2, "has no step `pay`"),
        (&["--slow", "payment=soon"], 2, "`soon` is none of"),
        (&["--input", "{}"], 1, "\"amount\" is a required property"),
        (&["--input", "{amount: 1}"], 2, "no JSON"),
    ] {
        let output = once(flags);
        assert_eq!(output.status.code(), Some(code), "{flags:?}");
        assert!(moaned(&output).contains(told), "{}", moaned(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_faulty_file_is_exit_1_with_the_checkers_words() {
    let (folder, _) = folder_with(&SHORT.replace("retry", "retyr"));
    let output = banyan(folder.path(), &["dev", "it.saga.yaml", "--once"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(moaned(&output).contains("unknown_key"));
    let unreadable = banyan(folder.path(), &["dev", "nowhere.saga.yaml"]);
    assert_eq!(unreadable.status.code(), Some(1));
}

#[test]
fn a_schema_that_nobody_can_guess_asks_for_the_input() {
    let source = SHORT.replace(
        "amount: { type: integer, minimum: 5 }",
        "amount: { type: string, pattern: '^[A-Z]{3}[0-9]$' }",
    );
    let (folder, _) = folder_with(&source);
    let output = banyan(folder.path(), &["dev", "it.saga.yaml", "--once"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(moaned(&output).contains("--input"), "{}", moaned(&output));
    let input = ["--input", r#"{"amount": "ABC1"}"#];
    let arguments = [&["dev", "it.saga.yaml", "--once"][..], &input].concat();
    assert_eq!(banyan(folder.path(), &arguments).status.code(), Some(0));
}
