//! What stand-ins are made of: results that please their readers, inputs that please schemas.

use super::plan::Plan;
use super::plans::Plans;
use super::sample::sample;
use super::service::{Backstage, StandIns};
use super::session::Play;
use super::shape::Shape;
use super::switches::{Switch, Switches, Trouble};
use super::wants::Wants;
use banyan_core::language::{Surroundings, check};
use banyan_core::{Definition, Json};
use serde_json::json;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn definition(source: &str) -> Definition {
    let checked = check(source, &Surroundings::default());
    let Some(definition) = checked.definition else {
        panic!("{:#?}", checked.diagnostics)
    };
    definition
}

fn plan(source: &str) -> Plan {
    let definition = definition(source);
    let wants = Wants::of(&definition);
    let play = Play::new(source.to_owned(), definition, Vec::new(), None).unwrap();
    Plan::of(&play.definition, &wants, &play.input)
}

fn saga(steps: &str) -> String {
    format!("saga: s\nversion: 1\nsteps:\n{steps}")
}

/// The result of the step `a`, in a saga whose step `b` reads what is given.
fn result_read_by(reads: &str) -> Json {
    let steps = format!("  - a: {{ do: POST x /a, undo: none }}\n  - b: {{ set: '{reads}' }}\n");
    plan(&saga(&steps)).call("a").unwrap().result(1)
}

#[test]
fn a_result_has_what_is_read_of_it() {
    for (reads, expected) in [
        ("$a.id", json!({ "id": "a-1" })),
        ("$a.parcel.number", json!({ "parcel": { "number": "a-1" } })),
        ("$a.price * 2", json!({ "price": 1 })),
        (
            "$a.lines | map(.sku)",
            json!({ "lines": [{ "sku": "sku-1" }, { "sku": "sku-2" }] }),
        ),
        ("$a.ok == true", json!({ "ok": true })),
        ("$input", json!({ "id": "a-1" })),
    ] {
        assert_eq!(result_read_by(reads), expected, "{reads}");
    }
}

#[test]
fn an_answer_is_not_one_that_the_definition_refuses() {
    for condition in [
        "$result.score > 90",
        "$result.score < 5",
        "$result.status != \"captured\"",
        "$result.status == \"declined\" or $result.code == 7",
        "$result.approved | not",
        "$result.declined",
        "$result.lines | length == 0",
        "$result.total != $input.amount",
    ] {
        let source = saga(&format!(
            "  - a:\n      do: POST x /a\n      undo: none\n      refused_when: '{condition}'\n"
        ));
        let result = plan(&source).call("a").unwrap().result(1);
        let expression = banyan_core::expr::Expr::parse(condition).unwrap();
        let input = json!({ "amount": "amount-1" });
        let mut scope = banyan_core::expr::Scope::default();
        scope.bind("result", std::borrow::Cow::Borrowed(&result));
        scope.bind("input", std::borrow::Cow::Borrowed(&input));
        assert_eq!(expression.holds(&scope), Ok(false), "{condition}: {result}");
    }
}

#[test]
fn a_signal_can_be_a_yes_and_a_no() {
    let plan = plan(&saga(
        "  - ok:\n      wait: approved\n      for: 1h\n      refused_when: $result.approved == false\n",
    ));
    let part = plan.wait("ok").unwrap();
    assert_ne!(part.signal(false).unwrap()["approved"], json!(false));
    assert_eq!(part.signal(true).unwrap(), json!({ "approved": false }));
}

#[test]
fn an_input_is_made_from_its_schema() {
    for (schema, expected) in [
        (
            json!({ "type": "string", "minLength": 9 }),
            json!("input-1xx"),
        ),
        (json!({ "type": "integer", "minimum": 7 }), json!(7)),
        (
            json!({ "type": "number", "exclusiveMaximum": 0 }),
            json!(-1),
        ),
        (json!({ "type": "integer", "multipleOf": 5 }), json!(5)),
        (json!({ "enum": ["a", "b"] }), json!("a")),
        (json!({ "type": ["null", "boolean"] }), json!(true)),
        (
            json!({ "type": "array", "minItems": 2, "items": { "type": "integer" } }),
            json!([1, 1]),
        ),
        (
            json!({ "required": ["who"], "properties": { "who": { "$ref": "#/$defs/w" } },
                    "$defs": { "w": { "type": "string", "format": "email" } } }),
            json!({ "who": "who@example.org" }),
        ),
    ] {
        let made = sample(Some(&schema), &Shape::default());
        assert_eq!(made, Ok(expected), "{schema}");
    }
}

#[test]
fn an_input_that_cannot_be_made_is_told() {
    let schema = json!({ "type": "string", "pattern": "^[A-Z]{3}$" });
    let told = sample(Some(&schema), &Shape::default()).unwrap_err();
    assert!(told.contains("/"), "{told}");
}

#[test]
fn what_a_definition_reads_of_an_open_input_is_in_it() {
    let source = "saga: s\nversion: 1\ninput: { type: object, required: [customer] }\nsteps:\n\
                  \x20 - a:\n      do: POST x /a\n      undo: none\n\
                  \x20     body: { amount: $input.amount }\n      when: $input.amount > 0\n";
    let definition = definition(source);
    let play = Play::new(source.to_owned(), definition, Vec::new(), None).unwrap();
    assert_eq!(play.input, json!({ "customer": "customer-1", "amount": 1 }));
}

#[test]
fn items_of_an_each_are_of_its_list_and_its_results_of_its_parts() {
    let source = include_str!("../../../../samples/fill_basket.saga.yaml");
    let definition = definition(source);
    let play = Play::new(source.to_owned(), definition, Vec::new(), None).unwrap();
    assert_eq!(
        play.input["lines"],
        json!([{ "sku": "sku-1", "count": "count-1" }, { "sku": "sku-2", "count": "count-2" }])
    );
    let plan = plan(source);
    let result = |path: &str| plan.call(path).unwrap().result(1);
    assert_eq!(result("lines[7].reserve"), json!({ "id": "reserve-1" }));
    assert_eq!(result("lines[7].price"), json!({ "amount": 1 }));
    assert_eq!(plan.path_of("reserve"), Some("lines[].reserve"));
    assert_eq!(plan.path_of("labels"), Some("labels[]"));
}

#[test]
fn an_answer_does_not_make_a_later_step_refuse() {
    let source = include_str!("../../../../samples/loan_request.saga.yaml");
    let score = plan(source).call("score").unwrap().result(1);
    assert!(score["value"].as_i64() >= Some(400), "{score}");
}

/// What a stand-in reports to a reply address, with this switch on (`""` for none).
async fn reported(switch: &str) -> Json {
    let source = saga("  - a: { do: POST x /a, undo: none }\n");
    let switches = Arc::new(Switches::default());
    if !switch.is_empty() {
        let trouble = Trouble::from_verb(switch).unwrap();
        switches.put(Switch::parse(trouble, "a").unwrap());
    }
    let play = Play::new(source.clone(), definition(&source), Vec::new(), None).unwrap();
    let backstage = Backstage::new(Plans::of(&play), switches, Arc::default());
    let backstage = Arc::new(backstage);
    let stand_ins = StandIns::open(&["x"], &backstage).await.unwrap();
    let banyan = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = tokio::net::TcpStream::connect(stand_ins.addresses[0].1)
        .await
        .unwrap();
    let call = format!(
        "POST /a HTTP/1.1\r\nhost: x\r\nbanyan-step: a\r\nidempotency-key: k\r\n\
         banyan-reply-to: http://{}/v1/replies/token\r\ncontent-length: 0\r\n\r\n",
        banyan.local_addr().unwrap()
    );
    stream.write_all(call.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 202");
    let (mut reply, _) = banyan.accept().await.unwrap();
    let mut heard = String::new();
    while !heard.ends_with('}') {
        let mut some = [0; 1024];
        let count = reply.read(&mut some).await.unwrap();
        assert_ne!(count, 0, "it ends with its body: {heard}");
        heard.push_str(std::str::from_utf8(&some[..count]).unwrap());
    }
    assert!(heard.starts_with("POST /v1/replies/token HTTP/1.1\r\n"));
    serde_json::from_str(heard.split("\r\n\r\n").nth(1).unwrap()).unwrap()
}

#[tokio::test]
async fn who_is_given_a_reply_address_answers_later() {
    assert_eq!(
        reported("").await,
        json!({ "outcome": "done", "result": { "id": "a-1" } })
    );
    assert_eq!(reported("refuse").await["outcome"], "refused");
}
