//! Bad input as a table: what is sent, and the status and code that it gets.

use super::rig::{Rig, WITHOUT};

/// The table; its head tells how it is read.
const TABLE: &str = include_str!("bad_input.txt");
const KEY: (&str, &str) = ("idempotency-key", "k-1");
const YAML: (&str, &str) = ("content-type", "application/yaml");
const NO_SAGA: &str = "0197c1d2-5a3b-7c4d-8e9f-001122334455";
const START: &str = r#"{"definition": "approve", "input": {"customer": "c-9"}}"#;

/// One line of the table.
struct Case<'a> {
    status: u16,
    code: &'a str,
    method: &'a str,
    path: String,
    headers: Vec<(&'a str, &'a str)>,
    body: Vec<u8>,
}

fn case(line: &str) -> Case<'_> {
    let (call, body) = line.split_once(" << ").unwrap_or((line, ""));
    let (call, headers) = match call.find(" {") {
        Some(place) => call.split_at(place),
        None => (call, ""),
    };
    let words: Vec<&str> = call.split(' ').collect();
    let [status, code, method, path] = words[..] else {
        panic!("four words in {line:?}");
    };
    let headers = headers.split(" {").filter(|header| !header.is_empty());
    Case {
        status: status.parse().unwrap(),
        code,
        method,
        path: path.replace("NO_SAGA", NO_SAGA),
        headers: headers.map(header).collect(),
        body: match body {
            "START" => START.into(),
            "COUNT" => super::rig::COUNT.into(),
            text => bytes(text),
        },
    }
}

fn header(text: &str) -> (&str, &str) {
    match text.trim_end_matches('}') {
        "KEY" => KEY,
        "YAML" => YAML,
        text => text
            .split_once(": ")
            .unwrap_or((text.trim_end_matches(':'), "")),
    }
}

/// The bytes of a body, escapes resolved.
fn bytes(text: &str) -> Vec<u8> {
    let mut parts = text.replace("\\n", "\n").into_bytes();
    while let Some(place) = parts.windows(2).position(|two| two == b"\\x") {
        let digits = std::str::from_utf8(&parts[place + 2..place + 4]).unwrap();
        let byte = u8::from_str_radix(digits, 16).unwrap();
        parts.splice(place..place + 4, [byte]);
    }
    parts
}

/// Runs the table, and what is too large for it.
pub(crate) async fn run(rig: &Rig) {
    let lines = TABLE.lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let case = case(line);
        let answer = rig
            .call(case.method, &case.path, &case.headers, &case.body)
            .await;
        let got = (answer.status, answer.code());
        assert_eq!(
            got,
            (case.status, case.code.to_owned()),
            "{line}: {}",
            answer.text()
        );
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.len() > 15, "words that help: {detail:?} for {line}");
    }
    large(rig).await;
}

/// What is too long, too deep or too large for a line.
async fn large(rig: &Rig) {
    let start = START.as_bytes();
    let long = "k".repeat(256);
    let answer = rig
        .call("POST", "/v1/sagas", &[("idempotency-key", &long)], start)
        .await;
    assert_eq!(answer.code(), "invalid_key");
    let deep = ["[".repeat(200), "]".repeat(200)].concat();
    let answer = rig.call("POST", "/v1/sagas", &[KEY], deep.as_bytes()).await;
    assert_eq!(answer.code(), "malformed_json");
    let long = format!("/v1/sagas?key={}", "k".repeat(9_000));
    let answer = rig.get(&long).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (414, "uri_too_long")
    );
    let large = vec![b' '; 1_200_000];
    let answer = rig.call("POST", "/v1/sagas", &[KEY], &large).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (413, "body_too_large")
    );
    let answer = rig
        .call("POST", "/v1/checks", &[YAML], &large[..70_000])
        .await;
    assert_eq!(answer.code(), "body_too_large");
}

#[tokio::test]
async fn bad_input_gets_its_status_its_code_and_words() {
    let rig = Rig::start().await.with_samples().await;
    run(&rig).await;
}

#[tokio::test]
async fn a_401_says_how_and_a_405_says_what() {
    let rig = Rig::start().await;
    let answer = rig
        .call("GET", "/v1/sagas", &[("authorization", WITHOUT)], b"")
        .await;
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    let answer = rig.call("PATCH", "/v1/services/orders", &[], b"{}").await;
    let allow = answer.header("allow").unwrap();
    for method in ["GET", "PUT", "DELETE"] {
        assert!(allow.contains(method), "{allow}");
    }
}

#[tokio::test]
async fn open_paths_need_no_token_and_every_page_is_served() {
    let rig = Rig::start().await;
    let open = [("authorization", WITHOUT)];
    for path in [
        "/healthz",
        "/readyz",
        "/v1/openapi.json",
        "/errors/no_such_saga",
    ] {
        assert_eq!(
            rig.call("GET", path, &open, b"").await.status,
            200,
            "{path}"
        );
    }
    for code in banyan_api::Code::ALL {
        let page = rig.call("GET", &code.page(), &open, b"").await;
        assert!(page.text().starts_with(&format!("# `{code}`")), "{code}");
    }
    for code in banyan_api::StuckCode::WORDS {
        let page = rig
            .call("GET", &format!("/runbook/{code}"), &open, b"")
            .await;
        let title = format!("# Runbook: `{code}`");
        assert!(page.text().starts_with(&title), "{code}");
    }
    let own = format!("http://{}", rig.address);
    let answer = rig
        .call(
            "GET",
            "/v1/sagas",
            &[("origin", &own), ("banyan-namespace", "default")],
            b"",
        )
        .await;
    assert_eq!(answer.status, 200);
    let local = format!("localhost:{}", rig.address.port());
    assert_eq!(
        rig.call("GET", "/healthz", &[("host", &local)], b"")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn every_call_is_described_with_its_parameters() {
    let rig = Rig::start().await;
    let document = rig.document();
    let calls: usize = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|item| item.as_object().unwrap().len())
        .sum();
    assert_eq!(calls, 44);
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            assert!(operation["responses"]["default"].is_object());
            assert!(operation["operationId"].is_string());
        }
    }
    assert_eq!(
        document["components"]["schemas"]["Saga"]["required"]
            .as_array()
            .unwrap()
            .len(),
        27
    );
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let rig = Rig::start().await;
    let text = rig.document().to_string();
    let references: Vec<&str> = text
        .split("\"$ref\":\"#")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(references.len() > 50, "{}", references.len());
    for pointer in references {
        assert!(rig.document().pointer(pointer).is_some(), "{pointer}");
    }
}
