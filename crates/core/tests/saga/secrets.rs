//! Secrets: no word that is recorded or shown of a saga holds one, and services get them.

use crate::script::{Driver, play};
use serde_json::json;

/// Stands in every secret, and nowhere else.
const MARK: &str = "marker-73a1";

const CARD: &str = r"
saga: pay
version: 1
secret: [$input.card.number, $output.token]
steps:
  - vault:
      do: POST vault /cards
      body: { number: $input.card.number, pin: $input.pin }
      undo:
        do: POST vault /cards/erasures
        body: { key: $key, proof: $result.proof }
        secret: [$body.proof, $result.receipt]
      secret: [$result.token, $result.proof, $body.pin]
  - approval:
      wait: approved
      for: 1d
      secret: [$result.code]
  - copies:
      each: '[$vault.token, 1]'
      as: copy
      do: POST audit /copies
      body: { copy: $copy }
      undo: none
  - charge:
      do: POST payments /charges/{$vault.token}
      body: { code: $approval.code }
      undo: none
      refused_when: $result.says | error
output: { token: $vault.token, kept: yes }
";

fn paid(script: &str) -> Driver {
    let number = format!("4111-{MARK}");
    let input =
        json!({ "card": { "number": number, "holder": "Ann" }, "pin": format!("pin-{MARK}") });
    play(CARD, &input.to_string(), &script.replace("MARK", MARK))
}

/// Everything that is shown of a saga.
fn shown(driver: &Driver) -> String {
    let saga = &driver.saga;
    let masked = saga.masked();
    let entries = driver.journal.iter().map(|entry| saga.masked_entry(entry));
    let entries: Vec<_> = entries.collect();
    let mut text = format!("{masked:?}\n{}\n{:?}\n", masked.draw(), masked.waiting_on());
    text.push_str(&serde_json::to_string_pretty(&entries).expect("records are JSON"));
    text
}

const STARTED: &str = r#"vault 200 {"token": "tok-MARK", "proof": "pr-MARK", "seen": 1}
signal approved k1 {"code": "code-MARK", "by": "ann"}"#;

#[test]
fn no_secret_is_shown_whatever_services_say() {
    for end in [
        "",
        r#"copies[0] 409 {"message": "copy tok-MARK is known"}
copies[1] 200
undo vault 409 {"message": "the proof pr-MARK is wrong, and so is 4111-MARK"}"#,
        r#"copies[0] 403 {"message": "pin-MARK, code-MARK and tok-MARK are not wanted here"}"#,
        r#"copies[0] 200
copies[1] 200
charge 200 {"says": "tok-MARK"}
undo vault 200 {"receipt": "rec-MARK"}"#,
        r#"copies[0] 200
copies[1] 200
charge 500 {"message": "tok-MARK"}
cancel no more of tok-MARK"#,
        r#"copies[0] 200
copies[1] 200
charge 200 {"says": {"card": "4111-MARK"}}"#,
    ] {
        let driver = paid(&format!("{STARTED}\n{end}"));
        let text = shown(&driver);
        assert!(!text.contains(MARK), "{end}\n{text}");
        assert!(text.contains("***"), "{text}");
    }
    let refused = paid(r#"vault 409 {"message": "card 4111-MARK with token tok-MARK is blocked"}"#);
    assert!(!shown(&refused).contains(MARK), "{}", shown(&refused));
}

#[test]
fn services_get_what_people_do_not_see() {
    let driver = paid(&format!("{STARTED}\ncopies[0] 200\ncopies[1] 200"));
    let pending = driver.saga.pending();
    let request = &pending[0].request;
    assert!(
        request.target.ends_with(&format!("tok-{MARK}")),
        "{request:?}"
    );
    let body = String::from_utf8(request.body.clone().unwrap()).unwrap();
    assert_eq!(body, format!(r#"{{"code":"code-{MARK}"}}"#));
}

#[test]
fn a_masked_saga_shows_everything_else() {
    let driver = paid(STARTED);
    let masked = driver.saga.masked();
    let input = json!({ "card": { "number": "***", "holder": "Ann" }, "pin": "***" });
    assert_eq!(*masked.input, input);
    assert_eq!(
        masked.signals[0].body,
        json!({ "code": "***", "by": "ann" })
    );
    let text = shown(&driver);
    assert!(text.contains("\"seen\""), "{text}");
}

#[test]
fn without_secrets_nothing_is_copied() {
    let driver = play(
        "{ saga: s, version: 1, steps: [{ a: { set: 1 } }] }",
        "{}",
        "",
    );
    assert!(matches!(
        driver.saga.masked(),
        std::borrow::Cow::Borrowed(_)
    ));
}

#[test]
fn what_people_say_and_send_by_hand_tells_no_secret_and_neither_does_a_preview() {
    let edited = paid(
        r#"vault not_sent
verb retry do vault {"number": "n-MARK", "pin": "none"}"#,
    );
    assert!(!shown(&edited).contains(MARK), "{}", shown(&edited));
    assert_eq!(edited.saga.masked().input["pin"], "***");
    let words = paid(
        r#"vault lost
verb settle do vault done {"token":"tok-MARK","proof":"pr-MARK"}"#,
    );
    assert!(!shown(&words).contains(MARK), "{}", shown(&words));
}

#[test]
fn a_preview_masks_what_a_do_would_send_numbers_too() {
    let input =
        json!({ "card": { "number": format!("4111-{MARK}"), "holder": "Ann" }, "pin": 73_101 });
    let driver = play(CARD, &input.to_string(), "vault not_sent");
    let context = banyan_core::saga::Context {
        now: driver.now,
        random: 1,
        services: &driver.roads,
    };
    let asked = banyan_core::saga::Asked {
        what: crate::script::asked("retry"),
        reason: "r".into(),
        actor: "a".into(),
        expected_seq: None,
        operation: None,
    };
    let preview = driver.saga.preview(asked, &context).expect("taken");
    let body = preview.calls[0].body.clone().expect("a body");
    assert_eq!(body["pin"], "***");
    assert!(!body.to_string().contains(MARK), "{body}");
}
