//! `each`: one run per item, so many at once, forward and back.

use crate::script::{definition, draws, play};
use banyan_core::Json;
use banyan_core::saga::{LegPhase, Outcome, State, Status};
use expect_test::expect;

const LINES: &str = r#"
saga: basket
version: 1
steps:
  - order:
      do: POST orders /orders
      undo: DELETE orders /orders/by-key/{$key}
  - lines:
      each: $order.lines
      as: line
      limit: 2
      steps:
        - reserve:
            do: POST stock /reservations
            body: { sku: $line.sku }
            undo: DELETE stock /reservations/by-key/{$key}
        - price:
            do: GET catalogue /prices/{$line.sku}
            query: { reservation: $reserve.id }
  - close:
      do: PUT orders /orders/closed
      body: { prices: $lines }
      undo: none
output: $lines
"#;

const THREE: &str = r#"order 200 {"lines":[{"sku":"a"},{"sku":"b"},{"sku":"c"}]}"#;

/// Which items' dos are in flight.
fn in_flight(driver: &crate::script::Driver) -> Vec<String> {
    let pending = driver.saga.pending();
    pending.into_iter().map(|effect| effect.step).collect()
}

#[test]
fn so_many_items_at_once_and_the_results_in_the_items_order() {
    let mut driver = play(LINES, "{}", THREE);
    assert_eq!(
        in_flight(&driver),
        ["lines[0].reserve", "lines[1].reserve"],
        "at most two at once"
    );
    for (line, next) in [
        (
            "lines[1].reserve 200 {\"id\":\"r-1\"}",
            vec!["lines[0].reserve", "lines[1].price"],
        ),
        (
            "lines[1].price 200 2",
            vec!["lines[0].reserve", "lines[2].reserve"],
        ),
        (
            "lines[2].reserve 200 {\"id\":\"r-2\"}",
            vec!["lines[0].reserve", "lines[2].price"],
        ),
        ("lines[2].price 200 3", vec!["lines[0].reserve"]),
        (
            "lines[0].reserve 200 {\"id\":\"r-0\"}",
            vec!["lines[0].price"],
        ),
        ("lines[0].price 200 1", vec!["close"]),
    ] {
        driver.line(line);
        assert_eq!(in_flight(&driver), next, "{line}");
    }
    let sent = driver.saga.pending()[0].request.body.clone().unwrap();
    let sent: Json = serde_json::from_slice(&sent).unwrap();
    assert_eq!(sent["prices"][2]["price"], Json::from(3));
    driver.line("close 200");
    let ids: Vec<&Json> = driver
        .saga
        .output
        .as_ref()
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["reserve"]["id"])
        .collect();
    assert_eq!(ids, ["r-0", "r-1", "r-2"]);
}

#[test]
fn an_item_sees_its_own_results_and_never_those_of_another() {
    let mut driver = play(LINES, "{}", THREE);
    driver.line(r#"lines[1].reserve 200 {"id":"r-1"}"#);
    let price = &driver.saga.pending()[1].request;
    assert_eq!(price.target, "/prices/b?reservation=r-1");
    assert_eq!(price.step, "lines[1].price");
}

#[test]
fn every_item_has_a_key_of_its_own() {
    let driver = play(LINES, "{}", THREE);
    let keys: Vec<String> = driver
        .saga
        .pending()
        .iter()
        .map(|effect| effect.request.key.clone())
        .collect();
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn a_refused_item_undoes_the_others_so_many_at_once() {
    let script = format!(
        "{THREE}
        lines[0].reserve 200 {{\"id\":\"r-0\"}}
        lines[0].price 200 1
        lines[1].reserve 200 {{\"id\":\"r-1\"}}
        lines[1].price 200 1
        lines[2].reserve 409 {{\"message\":\"none left\"}}"
    );
    let mut driver = play(LINES, "{}", &script);
    assert_eq!(in_flight(&driver), ["lines[0].reserve", "lines[1].reserve"]);
    driver.line("undo lines[0].reserve 200");
    assert_eq!(
        in_flight(&driver),
        ["lines[1].reserve"],
        "order waits for all"
    );
    driver.line("undo lines[1].reserve 200");
    driver.line("undo order 200");
    expect![[r#"
        basket@1  cart-17  compensated
        turned back: refused at lines[2].reserve: stock answered 409: none left
        ├─ order                ✓ done     ↩ undone
        ├─ lines (each)
        │  ├─ lines[0] (steps)
        │  │  ├─ reserve        ✓ done     ↩ undone
        │  │  └─ price          ✓ done
        │  ├─ lines[1] (steps)
        │  │  ├─ reserve        ✓ done     ↩ undone
        │  │  └─ price          ✓ done
        │  └─ lines[2] (steps)
        │     ├─ reserve        ✗ refused  ↩ nothing to undo
        │     └─ price          ·
        └─ close                ·
    "#]]
    .assert_eq(&driver.saga.draw());
}

#[test]
fn a_stuck_item_keeps_none_but_what_came_before_the_each_from_being_undone() {
    let source = LINES.replace("limit: 2", "limit: 1");
    let script = format!(
        "{THREE}
        lines[0].reserve 200 {{\"id\":\"r-0\"}}
        lines[0].price 200 1
        lines[1].reserve 200 {{\"id\":\"r-1\"}}
        lines[1].price 200 1
        lines[2].reserve 200 {{\"id\":\"r-2\"}}
        lines[2].price 404 {{}}
        undo lines[2].reserve 409 {{\"message\":\"it was shipped\"}}
        undo lines[1].reserve 200
        undo lines[0].reserve 200"
    );
    draws(
        &source,
        &script,
        &expect![[r#"
            basket@1  cart-17  stuck
            turned back: refused at lines[2].price: catalogue answered 404
            ├─ order                ✓ done     ↩ to be undone
            ├─ lines (each)
            │  ├─ lines[0] (steps)
            │  │  ├─ reserve        ✓ done     ↩ undone
            │  │  └─ price          ✓ done
            │  ├─ lines[1] (steps)
            │  │  ├─ reserve        ✓ done     ↩ undone
            │  │  └─ price          ✓ done
            │  └─ lines[2] (steps)
            │     ├─ reserve        ✓ done     ↩ stuck
            │     └─ price          ✗ refused
            └─ close                ·
            stuck at lines[2].reserve (undo): undo_refused: stock answered 409: it was shipped
              what helps: retry, settle, abandon
        "#]],
    );
}

#[test]
fn what_is_in_flight_beside_a_refused_item_comes_to_its_end_and_is_undone() {
    let script = format!(
        "{THREE}
        lines[0].reserve 409 {{\"message\":\"none left\"}}
        lines[1].reserve lost
        undo lines[1].reserve 200
        undo lines[1].reserve 404 {{}}
        undo order 200"
    );
    draws(
        LINES,
        &script,
        &expect![[r#"
        basket@1  cart-17  compensated
        turned back: refused at lines[0].reserve: stock answered 409: none left
        ├─ order                ✓ done                                   ↩ undone
        ├─ lines (each)
        │  ├─ lines[0] (steps)
        │  │  ├─ reserve        ✗ refused                                ↩ nothing to undo
        │  │  └─ price          ·
        │  ├─ lines[1] (steps)
        │  │  ├─ reserve        ? unknown: no answer within the timeout  ↩ undone, 2 attempts
        │  │  └─ price          ·
        │  └─ lines[2] (steps)
        │     ├─ reserve        ·
        │     └─ price          ·
        └─ close                ·
    "#]],
    );
}

#[test]
fn no_items_are_done_at_once() {
    let driver = play(LINES, "{}", r#"order 200 {"lines":[]}"#);
    assert_eq!(in_flight(&driver), ["close"]);
}

#[test]
fn what_is_no_list_refuses_the_step_and_says_what_it_was() {
    let many = format!("[{}]", vec!["1"; 10_001].join(","));
    for (answer, words) in [
        ("null", "$order.lines gave null"),
        (r#"{"a":1}"#, "$order.lines gave an object"),
        ("7", "$order.lines gave a number"),
        (r#""a""#, "$order.lines gave a text"),
        ("true", "$order.lines gave true or false"),
        (
            many.as_str(),
            "$order.lines gave 10001 items, more than the 10000",
        ),
    ] {
        let script = format!("order 200 {{\"lines\":{answer}}}\nundo order 200");
        let driver = play(LINES, "{}", &script);
        assert_eq!(driver.saga.status(), Status::Compensated, "{words}");
        let reason = driver.saga.reason.as_ref().unwrap();
        assert!(reason.message.contains(words), "{}", reason.message);
        assert_eq!(reason.step.as_deref(), Some("lines"));
        assert_eq!(reason.code.as_str(), "expression_failed");
        assert_eq!(reason.detail["cause"], Json::from("bad_value"));
    }
}

#[test]
fn after_the_pivot_what_is_no_list_needs_a_person() {
    let source = LINES
        .replace(
            "undo: DELETE orders /orders/by-key/{$key}",
            "pivot: true\n      undo: none",
        )
        .replace(
            "            undo: DELETE stock /reservations/by-key/{$key}\n",
            "",
        );
    let driver = play(&source, "{}", r#"order 200 {"lines":null}"#);
    assert_eq!(driver.saga.status(), Status::Stuck);
    assert_eq!(driver.saga.stuck().unwrap().step, "lines");
}

#[test]
fn an_each_of_one_call_and_an_each_inside_an_each() {
    let source = r#"
saga: nested
version: 1
steps:
  - rows:
      each: '[[1, 2], [3]]'
      as: row
      limit: 1
      steps:
        - cells:
            each: $row
            as: cell
            do: PUT grid /cells/{$cell}
            body: { row: $row }
            on_refused: continue
            undo: DELETE grid /cells/{$cell}
output: $rows
"#;
    let mut driver = play(source, "{}", "");
    assert_eq!(in_flight(&driver), ["rows[0].cells[0]", "rows[0].cells[1]"]);
    driver.line("rows[0].cells[1] 200 \"two\"");
    driver.line("rows[0].cells[0] 409 {}");
    assert_eq!(in_flight(&driver), ["rows[1].cells[0]"]);
    assert_eq!(driver.saga.pending()[0].request.target, "/cells/3");
    driver.line("rows[1].cells[0] 200 \"three\"");
    expect![[r#"
        nested@1  cart-17  completed
        └─ rows (each)
           ├─ rows[0] (steps)
           │  └─ cells (each)
           │     ├─ cells[0]   ✗ refused: grid answered 409
           │     └─ cells[1]   ✓ done
           └─ rows[1] (steps)
              └─ cells (each)
                 └─ cells[0]   ✓ done
        output: [{"cells":[null,"two"]},{"cells":["three"]}]
    "#]]
    .assert_eq(&driver.saga.draw());
}

#[test]
fn an_item_that_is_skipped_or_refused_and_passed_over_is_null() {
    let source = r#"
saga: some
version: 1
steps:
  - all:
      each: '[1, 2, 3]'
      as: number
      steps:
        - odd:
            when: $number % 2 == 1
            set: $number
output: "$all | map(.odd)"
"#;
    let driver = play(source, "{}", "");
    assert_eq!(driver.saga.output.unwrap().to_string(), "[1,null,3]");
}

#[test]
fn a_thousand_items_are_all_done_or_all_undone() {
    let items: Vec<usize> = (0..1_000).collect();
    let source = format!(
        r#"
saga: fan_out
version: 1
steps:
  - mails:
      each: '{items:?}'
      as: number
      limit: 100
      do: POST post /mails
      body: {{ number: $number }}
      undo: DELETE post /mails/by-key/{{$key}}
  - last:
      do: POST post /ends
      undo: none
"#
    );
    // Expressions are short; a list of that length comes as input.
    let source = source.replace(&format!("'{items:?}'"), "$input.items");
    let definition = definition(&source);
    let mut driver = crate::script::Driver::begin(
        banyan_core::saga::Plan::new(definition),
        serde_json::json!({ "items": items }),
        false,
    );
    let mut most = 0;
    let mut answered = 0;
    while driver.saga.status() == Status::Running || driver.saga.status() == Status::Compensating {
        let pending = driver.saga.pending();
        most = most.max(pending.len());
        let effect = pending.into_iter().next().expect("something is under way");
        let answer = if effect.step == "last" {
            "409 {}"
        } else {
            "200 {}"
        };
        answered += 1;
        driver.answer_attempt(
            &effect.step,
            effect.leg,
            effect.attempt,
            crate::script::what(answer),
        );
    }
    assert_eq!(most, 100, "as many at once as the limit says");
    assert_eq!(
        answered, 2_001,
        "each do and each undo once, and the refused end"
    );
    assert_eq!(driver.saga.status(), Status::Compensated);
    let undone = driver.saga.steps[0].parts.iter().filter(|item| {
        item.state == State::Ended(Outcome::Done)
            && item.undone.is_some()
            && matches!(item.undo.phase, LegPhase::Idle)
    });
    assert_eq!(undone.count(), 1_000);
}
