//! What can be typed, what help says, how a saga looks, and how a command ends.

use super::fail::{Exit, Fail};
use super::{Cli, Command, Style, draw};
use banyan_sdk::api::{Saga, SagaStatus};
use clap::{CommandFactory, Parser};
use expect_test::{Expect, expect};

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

/// Words as a shell splits them: single quotes hold together, a backslash at a line's end joins.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (place, part) in line.split('\'').enumerate() {
        if place % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// The lines of fenced blocks that call this program.
fn commands(text: &str) -> Vec<&str> {
    let blocks = text.split("```").skip(1).step_by(2);
    blocks
        .flat_map(str::lines)
        .map(str::trim)
        .filter(|line| line.starts_with("banyan "))
        .collect()
}

#[test]
fn each_stuck_code_has_a_page_in_the_runbook_whose_commands_can_be_typed() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runbook");
    let mut pages: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    let mut expected: Vec<String> = banyan_sdk::api::StuckCode::WORDS
        .iter()
        .map(|code| format!("{code}.md"))
        .chain(["README.md".to_owned()])
        .collect();
    expected.sort();
    assert_eq!(pages, expected);
    let index = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for page in pages {
        let text = std::fs::read_to_string(folder.join(&page)).unwrap();
        let linked = page == "README.md" || index.contains(&format!("({page})"));
        assert!(linked, "the index has no link to {page}");
        let found = commands(&text);
        assert!(!found.is_empty(), "{page} shows no command");
        for line in found {
            // The id of another saga, which the page cannot know.
            let typed = line.replace("CHILD", "0197c1f0-0000-7000-8000-000000000000");
            let parsed = Cli::try_parse_from(words(&typed));
            assert!(parsed.is_ok(), "{page}: {line}: {}", parsed.err().unwrap());
        }
    }
}

/// What sagas say that helps, one of every kind of waiting, stands in a page of the core's
/// tests; what failures say, and what is told of a stuck saga, in tests of their own.
#[test]
fn every_command_that_a_waiting_saga_tells_can_be_typed() {
    let file =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/tests/saga/waiting.txt");
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().map(str::trim);
    let told: Vec<&str> = lines.filter(|line| line.starts_with("banyan ")).collect();
    assert!(told.len() > 20, "{told:?}");
    for line in told {
        // The page about a stall names no saga.
        let typed = line.replace("show ID", "show a/b");
        let parsed = Cli::try_parse_from(words(&typed));
        assert!(parsed.is_ok(), "{line}: {}", parsed.err().unwrap());
    }
}

#[test]
fn the_description_of_the_command_line_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_that_is_promised_can_be_typed() {
    for line in [
        "banyan demo --duration 10s --rate 30 --seed 7",
        "banyan demo --listen 7401",
        "banyan demo --listen 127.0.0.1:0",
        "banyan demo verify --data d",
        "banyan demo --break payments-undo --break stock-ship --duration 5s",
        "banyan demo break shipping-dispatch --data d",
        "banyan demo mend",
        "banyan serve --data d --listen 127.0.0.1:7400",
        "banyan check a.saga.yaml b.saga.yaml --format sarif",
        "banyan schema",
        "banyan register a.saga.yaml --no-activate",
        "banyan definitions",
        "banyan definitions order --json",
        "banyan activate order 2",
        "banyan start order --key k --input {} --wait",
        "banyan start order --key k --until payment --version 2",
        "banyan list --status stuck --status running --label customer=ada -n 5",
        "banyan list --where status=stuck&code=undo_refused --owner ada --stalled",
        "banyan failures --service payments --status stuck --since 2026-11-21T08:00:00Z",
        "banyan refuse place_order --reason late",
        "banyan accept place_order",
        "banyan show order/k --json",
        "banyan show 0197c1f0-0000-7000-8000-000000000000 --wait",
        "banyan watch",
        "banyan watch order/k",
        "banyan watch -d order --id 0197c1f0-0000-7000-8000-000000000000 --json",
        "banyan journal order/k",
        "banyan attempts order/k --step payment",
        "banyan signal order/k approved {} --key s",
        "banyan cancel order/k --reason because",
        "banyan cancel order/k --dry-run",
        "banyan retry order/k --reason because --if-seq 7 --wait",
        "banyan retry order/k --step a.b --leg undo --body {} -r because",
        "banyan settle order/k a.b undo done --evidence seen --reason because",
        "banyan settle order/k a do done --result {} -e seen --dry-run",
        "banyan undo order/k --reason because --json",
        "banyan abandon 0197c1f0-0000-7000-8000-000000000000 -r because",
        "banyan note order/k --text seen --owner ann",
        "banyan note order/k --owner=",
        "banyan retry --where status=stuck --reason because --rate 9",
        "banyan cancel --where status=running -r because --yes --json",
        "banyan undo --where status=completed --dry-run",
        "banyan abandon --all --reason because --yes --rate 9",
        "banyan settle --where status=stuck --step a --leg undo --as done -e seen -r because",
        "banyan settle --all --step a --leg do --as done --result {} -e seen -r because --yes",
        "banyan move order/k 2 --if-seq 7 --wait",
        "banyan move --where definition=order 2 --yes --rate 9 -r because",
        "banyan move --all 2",
        "banyan activate order 1 --reason because",
        "banyan accept order --reason because",
        "banyan operations",
        "banyan operations pause 0197c1f0-0000-7000-8000-000000000000 -r because",
        "banyan operations 0197c1f0-0000-7000-8000-000000000000 --wait",
        "banyan audit --actor ann --verb retry --verb undo --after 2026-11-21T08:00:00Z",
        "banyan services",
        "banyan services put stock http://127.0.0.1:9 --keys-kept 48h",
        "banyan services delete stock",
        "banyan pause stock --reason because",
        "banyan resume stock",
        "banyan completions zsh",
        "banyan dev trip.saga.yaml --once --late render --pend charge/wire",
        "banyan demo-service stock --data d --listen 127.0.0.1:0 --lost 0.1",
    ] {
        if let Err(error) = parse(line) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    for line in [
        "banyan",
        "banyan strat",
        "banyan start order",
        "banyan show order",
        "banyan watch order",
        "banyan watch order/k --definition order",
        "banyan list --label customer",
        "banyan list --where stutus=stuck",
        "banyan list --where status=odd",
        "banyan refuse place_order",
        "banyan list --limit 0",
        "banyan activate order",
        "banyan activate order 0",
        "banyan activate order newest",
        "banyan list --limit 501",
        "banyan check",
        "banyan check a --format xml",
        "banyan services put stock",
        "banyan start order --key k --deadline soon",
        "banyan cancel order/k",
        "banyan cancel order/k --reason=",
        "banyan retry order/k --dry-run --wait",
        "banyan retry order/k --leg undo --reason because",
        "banyan retry order/k --step a --leg back --reason because",
        "banyan settle order/k a undo done --reason because",
        "banyan settle order/k a undo done --evidence= --reason because",
        "banyan settle order/k a check done --evidence seen --reason because",
        "banyan settle order/k a do unknown --evidence seen --reason because",
        "banyan undo order/k --if-seq last --reason because",
        "banyan abandon order/k",
        "banyan note order/k --reason because",
        "banyan retry order/k --where status=stuck --reason because",
        "banyan retry order/k --yes --reason because",
        "banyan retry order/k --all --reason because",
        "banyan retry order/k --rate 9 --reason because",
        "banyan retry --where= --reason because",
        "banyan retry --where stutus=stuck --reason because",
        "banyan retry --where status --reason because",
        "banyan retry --where status=stuck --all --reason because",
        "banyan retry --where status=stuck --if-seq 7 --reason because",
        "banyan retry --where status=stuck --yes --dry-run --reason because",
        "banyan retry --reason because",
        "banyan settle --where status=stuck --leg undo --as done -e seen -r because",
        "banyan settle --where status=stuck a undo done -e seen -r because",
        "banyan settle order/k --step a --leg undo --as done -e seen -r because",
        "banyan settle order/k a undo done --as done -e seen -r because",
        "banyan move",
        "banyan move order/k 2 --dry-run --wait",
        "banyan move --where status=running 2 --if-seq 7",
        "banyan move order/k 2 --reason=",
        "banyan cancel order/k --reason=",
        "banyan note order/k --text seen --reason=",
        "banyan pause orders --reason=",
        "banyan refuse order --reason=",
        "banyan move --where status=odd 2",
        "banyan retry --where status=stuck --wait --reason because",
        "banyan retry --where status=stuck --rate 0 --reason because",
        "banyan retry --where status=stuck --reason because --preview t",
        "banyan operations pause a b",
        "banyan demo --listen here",
        "banyan demo --rate 0",
        "banyan demo --break everything",
        "banyan demo break",
    ] {
        let error = parse(line).expect_err(line);
        assert_eq!(error.exit_code(), Exit::Usage as i32, "{line}");
    }
}

#[test]
fn filters_of_a_list_become_the_apis_own() {
    let cli = parse("banyan list --status stuck --status running -d order -l a=b=c").unwrap();
    let Command::List(list) = cli.command else {
        panic!("not a list");
    };
    let pairs: Vec<String> = list
        .filter()
        .parameters
        .into_iter()
        .map(|(name, value)| format!("{name} is {value}"))
        .collect();
    assert_eq!(
        pairs,
        [
            "definition is order",
            "status is stuck",
            "status is running",
            "label.a is b=c"
        ]
    );
}

#[test]
fn every_command_shows_an_example_or_needs_none() {
    let plain = ["schema", "journal", "demo-service", "help"];
    for command in Cli::command().get_subcommands() {
        let has = command.get_after_help().is_some();
        assert!(
            has || plain.contains(&command.get_name()),
            "{}",
            command.get_name()
        );
    }
}

#[test]
fn exit_codes_tell_how_a_saga_stands() {
    let codes: Vec<String> = SagaStatus::WORDS
        .iter()
        .map(|word| format!("{word} {}", Exit::of(&SagaStatus::from(*word)) as u8))
        .collect();
    assert_eq!(
        codes,
        [
            "running 5",
            "compensating 5",
            "completed 0",
            "compensated 3",
            "stuck 4",
            "abandoned 1"
        ]
    );
}

#[test]
fn help_names_every_command() {
    let help = Cli::command().term_width(100).render_help().to_string();
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .take_while(|line| !line.is_empty())
        .collect();
    expect![[r#"
        Commands:
          demo         Run the demo shop, or prove its books
          init         Write a first saga file
          dev          Run a saga file against stand-ins for its services, live
          serve        Run the server
          check        Check saga files
          schema       Print the JSON Schema of saga files, for editors
          export       Print a saga file as a drawing or in another language
          diff         Say what differs between two versions of a definition, or two files
          register     Register saga files with the server
          definitions  List definitions, or the versions of one
          activate     Choose the version of a definition that starts use
          refuse       Refuse starts of a definition: the brake
          accept       Take starts of a definition again
          start        Start a saga
          signal       Send a signal to a saga
          list         List sagas, newest first
          failures     Show what goes wrong with sagas, by cause
          show         Show a saga as a tree, forward and undo side by side
          watch        Show what changes, as it changes; or one saga until it has ended
          journal      Print a saga's journal
          attempts     Print every attempt of a saga's calls
          cancel       Turn a saga back
          retry        Try again what is stuck, or waits for its next try
          settle       Say what became of a leg: what you found out, or did by hand
          undo         Undo a completed saga
          abandon      Give a stuck saga up
          note         Write down what is known of a saga, or who looks after it
          move         Let running sagas go on under another version of their definition
          operations   List operations over many sagas, or pause, resume or cancel one
          audit        Print who did what, when and why
          services     List, register and remove services
          pause        Park the steps of a service
          resume       Let the steps of a paused service go on
          completions  Print a completion script for a shell
          help         Print this message or the help of the given subcommand(s)"#]]
    .assert_eq(&commands.join("\n"));
}

fn step(name: &str, state: &str, undo: &str) -> serde_json::Value {
    serde_json::json!({
        "name": name, "path": name, "kind": "call", "service": "s", "state": state,
        "pivot": false, "together": false, "outcome": null, "attempts": 1,
        "idempotency_key": null, "result": null, "error": null,
        "undo": { "state": undo, "attempts": 1, "error": null }, "confirm": null,
        "started_at": null, "ended_at": null, "steps": [],
    })
}

fn saga(status: &str, steps: Vec<serde_json::Value>) -> serde_json::Value {
    serde_json::json!({
        "id": "0197c1f0-0000-7000-8000-000000000000", "definition": "place_order", "version": 3,
        "definition_hash": "h", "namespace": "default", "key": "cart-17", "labels": {},
        "status": status, "seq": 9, "reason": null, "stuck": null, "waiting_on": [],
        "allowed": [], "owner": null, "parent": null, "children": [], "input": {},
        "output": null, "output_error": null, "signals": [], "left": [],
        "started_at": "2026-11-21T10:42:07.000Z", "updated_at": "2026-11-21T10:42:08.000Z",
        "ended_at": null, "deadline": null, "steps": steps,
    })
}

fn drawn(saga: serde_json::Value, expected: Expect) {
    let saga: Saga = serde_json::from_value(saga).unwrap();
    expected.assert_eq(&draw(&saga, Style::plain()));
}

#[test]
fn a_compensated_saga_shows_forward_and_undo_side_by_side() {
    let mut group = step("prepare", "done", "none");
    group["kind"] = "group".into();
    group["together"] = true.into();
    let mut stock = step("stock", "done", "done");
    stock["attempts"] = 3.into();
    group["steps"] = serde_json::json!([stock, step("shipment", "unknown", "nothing_to_undo")]);
    let mut payment = step("payment", "refused", "nothing_to_undo");
    payment["pivot"] = true.into();
    payment["error"] =
        serde_json::json!({ "code": "refused", "message": "card declined", "detail": {} });
    let steps = vec![
        step("order", "done", "done"),
        group,
        payment,
        step("close_order", "pending", "none"),
    ];
    let mut saga = saga("compensated", steps);
    saga["reason"] = serde_json::json!({
        "code": "refused", "step": "payment", "message": "card declined", "detail": {},
    });
    saga["ended_at"] = "2026-11-21T10:42:08.000Z".into();
    drawn(
        saga,
        expect![[r#"
            place_order@3  cart-17  compensated
            0197c1f0-0000-7000-8000-000000000000  started 2026-11-21T10:42:07.000Z  ended 2026-11-21T10:42:08.000Z
            turned back: refused at payment: card declined
            ├─ order               ✓ done              ↩ undone
            ├─ prepare (together)
            │  ├─ stock            ✓ done, 3 attempts  ↩ undone
            │  └─ shipment         ? unknown           ↩ nothing to undo
            ├─ payment ◆           ✗ refused           ↩ nothing to undo
            └─ close_order         ·
        "#]],
    );
}

#[test]
fn a_stuck_saga_says_where_why_and_what_helps() {
    let mut stuck = step("order", "done", "stuck");
    stuck["undo"]["error"] =
        serde_json::json!({ "code": "undo_refused", "message": "409 closed", "detail": {} });
    let mut saga = saga("stuck", vec![stuck]);
    saga["stuck"] = serde_json::json!({
        "step": "order", "leg": "undo", "code": "undo_refused", "message": "orders said 409",
        "since": "2026-11-21T10:42:08.000Z", "verbs": ["cancel"],
    });
    saga["waiting_on"] = serde_json::json!([{
        "kind": "person", "step": "order", "leg": "undo", "service": null,
        "since": "2026-11-21T10:42:08.000Z", "until": null, "message": "a person must look",
    }]);
    drawn(
        saga,
        expect![[r#"
            place_order@3  cart-17  stuck
            0197c1f0-0000-7000-8000-000000000000  started 2026-11-21T10:42:07.000Z
            └─ order  ✓ done  ↩ stuck: 409 closed
            stuck at order (undo): undo_refused: orders said 409
              what helps: cancel
        "#]],
    );
}

#[test]
fn colour_is_put_on_and_changes_nothing_else() {
    let mut order = step("order", "done", "done");
    order["attempts"] = 2.into();
    let steps = vec![order, step("payment", "refused", "nothing_to_undo")];
    let mut saga = saga("compensated", steps);
    saga["reason"] = serde_json::json!({
        "code": "refused", "step": "payment", "message": "no", "detail": {},
    });
    let saga: Saga = serde_json::from_value(saga).unwrap();
    let painted = draw(&saga, Style::coloured());
    let mut pieces = painted.split('\u{1b}');
    let mut bare = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        bare.push_str(piece.split_once('m').expect("a colour ends in m").1);
    }
    assert_ne!(painted, bare);
    assert_eq!(bare, draw(&saga, Style::plain()));
}

#[test]
fn what_services_say_cannot_move_the_cursor_and_unknown_words_are_shown() {
    let mut order = step("order", "hibernating", "thawing");
    order["error"] = serde_json::json!({
        "code": "x", "message": "first\u{1b}[2J\nsecond", "detail": {},
    });
    drawn(
        saga("asleep", vec![order]),
        expect![[r#"
            place_order@3  cart-17  asleep
            0197c1f0-0000-7000-8000-000000000000  started 2026-11-21T10:42:07.000Z
            └─ order  hibernating: first [2J second  ↩ thawing
        "#]],
    );
}

#[test]
fn an_error_of_the_server_says_code_detail_help_and_page() {
    let problem = serde_json::from_value(serde_json::json!({
        "type": "/errors/invalid_definition", "title": "The saga file has errors", "status": 422,
        "code": "invalid_definition", "detail": "the file has 1 error", "saga": null,
        "errors": [{
            "code": "unknown_key", "severity": "error", "line": 6, "column": 7, "pointer": null,
            "message": "a step has no key `retyr`", "help": "did you mean `retry`?",
        }],
    }));
    let fail = Fail::Server(banyan_sdk::Error::Problem(Box::new(problem.unwrap())));
    assert_eq!(fail.exit(), Exit::Error);
    expect![[r#"
        error invalid_definition: the file has 1 error
          6:7 unknown_key: a step has no key `retyr`
            help: did you mean `retry`?
          see http://127.0.0.1:7400/errors/invalid_definition
    "#]]
    .assert_eq(&fail.describe(Style::plain(), super::DEFAULT_SERVER));
}
