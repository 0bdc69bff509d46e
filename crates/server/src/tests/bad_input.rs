//! Bad input as a table: what is sent, and the status and code that it gets.

use super::rig::{Rig, WITHOUT};

type Case = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [u8],
    u16,
    &'static str,
);

const KEY: (&str, &str) = ("idempotency-key", "k-1");
const YAML: (&str, &str) = ("content-type", "application/yaml");
const NO_SAGA: &str = "/v1/sagas/0197c1d2-5a3b-7c4d-8e9f-001122334455";

const START: &[u8] = br#"{"definition": "approve", "input": {"customer": "c-9"}}"#;

/// Needs the sample definitions, and nothing else.
const CASES: &[Case] = &[
    // Who calls, and from where.
    (
        "GET",
        "/v1/sagas",
        &[("authorization", WITHOUT)],
        b"",
        401,
        "unauthorized",
    ),
    (
        "GET",
        "/v1/sagas",
        &[("authorization", "Bearer wrong")],
        b"",
        401,
        "unauthorized",
    ),
    (
        "GET",
        "/v1/sagas",
        &[("authorization", "Basic YTpi")],
        b"",
        401,
        "unauthorized",
    ),
    (
        "GET",
        "/v1/sagas",
        &[("authorization", "")],
        b"",
        401,
        "unauthorized",
    ),
    (
        "GET",
        "/v1/nothing",
        &[("authorization", WITHOUT)],
        b"",
        401,
        "unauthorized",
    ),
    (
        "GET",
        "/metrics",
        &[("authorization", WITHOUT)],
        b"",
        401,
        "unauthorized",
    ),
    (
        "GET",
        "/healthz",
        &[("host", "evil.example")],
        b"",
        421,
        "host_not_allowed",
    ),
    (
        "GET",
        "/healthz",
        &[("host", "127.0.0.1:1")],
        b"",
        421,
        "host_not_allowed",
    ),
    (
        "GET",
        "/healthz",
        &[("host", WITHOUT)],
        b"",
        421,
        "host_not_allowed",
    ),
    (
        "GET",
        "http://evil.example/healthz",
        &[],
        b"",
        421,
        "host_not_allowed",
    ),
    (
        "GET",
        "/healthz",
        &[("origin", "http://evil.example")],
        b"",
        403,
        "origin_not_allowed",
    ),
    (
        "GET",
        "/healthz",
        &[("origin", "null")],
        b"",
        403,
        "origin_not_allowed",
    ),
    (
        "GET",
        "/v1/sagas",
        &[("banyan-namespace", "other")],
        b"",
        403,
        "namespace_not_allowed",
    ),
    // Paths and methods.
    ("GET", "/v1/nothing", &[], b"", 404, "no_such_path"),
    ("GET", "/v1/sagas/", &[], b"", 404, "no_such_path"),
    ("GET", "//v1/sagas", &[], b"", 404, "no_such_path"),
    (
        "GET",
        "/errors/nothing_of_that_name",
        &[],
        b"",
        404,
        "no_such_path",
    ),
    ("GET", "/v1/sagas/%ff", &[], b"", 400, "malformed_request"),
    ("GET", "/v1/sagas/%00", &[], b"", 400, "malformed_request"),
    ("GET", "/v1/sagas/%zz", &[], b"", 400, "malformed_request"),
    (
        "GET",
        "/v1/sagas?key=%ff",
        &[],
        b"",
        400,
        "malformed_request",
    ),
    ("PATCH", "/v1/sagas", &[], b"{}", 405, "method_not_allowed"),
    ("DELETE", NO_SAGA, &[], b"", 405, "method_not_allowed"),
    ("OPTIONS", "/v1/sagas", &[], b"", 405, "method_not_allowed"),
    ("BREW", "/healthz", &[], b"", 405, "method_not_allowed"),
    // Parameters.
    (
        "GET",
        "/v1/sagas?nothing=1",
        &[],
        b"",
        400,
        "unknown_parameter",
    ),
    (
        "GET",
        "/v1/sagas?label.=1",
        &[],
        b"",
        400,
        "unknown_parameter",
    ),
    (
        "GET",
        "/healthz?verbose",
        &[],
        b"",
        400,
        "unknown_parameter",
    ),
    (
        "POST",
        "/v1/sagas?wait=5",
        &[KEY],
        START,
        400,
        "unknown_parameter",
    ),
    (
        "GET",
        "/v1/sagas?limit=0",
        &[],
        b"",
        400,
        "invalid_parameter",
    ),
    (
        "GET",
        "/v1/sagas?limit=501",
        &[],
        b"",
        400,
        "invalid_parameter",
    ),
    (
        "GET",
        "/v1/sagas?limit=5&limit=6",
        &[],
        b"",
        400,
        "invalid_parameter",
    ),
    (
        "GET",
        "/v1/sagas?status=happy",
        &[],
        b"",
        400,
        "invalid_parameter",
    ),
    (
        "GET",
        "/v1/sagas?version=0",
        &[],
        b"",
        400,
        "invalid_parameter",
    ),
    (
        "GET",
        "/v1/sagas?cursor=page2",
        &[],
        b"",
        400,
        "invalid_parameter",
    ),
    (
        "GET",
        "/v1/sagas?started_after=yesterday",
        &[],
        b"",
        400,
        "invalid_parameter",
    ),
    (
        "GET",
        "/v1/sagas?owner=me",
        &[],
        b"",
        501,
        "not_supported_yet",
    ),
    (
        "PUT",
        "/v1/services/Bad-Name",
        &[],
        b"{}",
        400,
        "invalid_parameter",
    ),
    (
        "PUT",
        "/v1/definitions/count/versions/one",
        &[YAML],
        b"saga: count",
        400,
        "invalid_parameter",
    ),
    (
        "PUT",
        "/v1/definitions/other/versions/1",
        &[YAML],
        super::rig::COUNT.as_bytes(),
        400,
        "invalid_parameter",
    ),
    (
        "PUT",
        "/v1/definitions/count/versions/1?activate=maybe",
        &[YAML],
        b"saga: count",
        400,
        "invalid_parameter",
    ),
    // Headers.
    ("POST", "/v1/sagas", &[], START, 400, "key_required"),
    (
        "POST",
        "/v1/sagas",
        &[("idempotency-key", "")],
        START,
        400,
        "invalid_key",
    ),
    (
        "POST",
        "/v1/sagas",
        &[("idempotency-key", "a b")],
        START,
        400,
        "invalid_key",
    ),
    (
        "POST",
        "/v1/sagas",
        &[("idempotency-key", "schlüssel")],
        START,
        400,
        "invalid_key",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY, ("idempotency-key", "k-2")],
        START,
        400,
        "invalid_key",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY, ("prefer", "wait=61")],
        START,
        400,
        "invalid_header",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY, ("prefer", "wait=long")],
        START,
        400,
        "invalid_header",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY, ("content-type", "text/plain")],
        START,
        415,
        "unsupported_media_type",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY, ("content-type", WITHOUT)],
        START,
        415,
        "unsupported_media_type",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY, ("content-encoding", "gzip")],
        START,
        415,
        "unsupported_media_type",
    ),
    (
        "POST",
        "/v1/checks",
        &[("content-type", "image/png")],
        b"saga: a",
        415,
        "unsupported_media_type",
    ),
    // JSON.
    (
        "POST",
        "/v1/sagas",
        &[KEY, ("content-type", "application/json")],
        b"",
        400,
        "malformed_json",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY],
        b"{\"definition\": }",
        400,
        "malformed_json",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY],
        b"{\"definition\": \"a\", \"definition\": \"b\"}",
        400,
        "malformed_json",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY],
        b"{\"definition\": \"\xff\"}",
        400,
        "malformed_json",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY],
        b"{\"definition\": \"a\x00\"}",
        400,
        "malformed_json",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY],
        b"{\"definition\": NaN}",
        400,
        "malformed_json",
    ),
    // Bodies.
    ("POST", "/v1/sagas", &[KEY], b"[]", 400, "invalid_body"),
    ("POST", "/v1/sagas", &[KEY], b"{}", 400, "invalid_body"),
    (
        "POST",
        "/v1/sagas",
        &[KEY],
        b"{\"definition\": 7}",
        400,
        "invalid_body",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY],
        b"{\"definition\": \"approve\", \"inputs\": {}}",
        400,
        "invalid_body",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY],
        b"{\"definition\": \"approve\", \"version\": 1.5}",
        400,
        "invalid_body",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY],
        b"{\"definition\": \"approve\", \"version\": 0}",
        400,
        "invalid_body",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY],
        b"{\"definition\": \"approve\", \"deadline\": \"soon\"}",
        400,
        "invalid_body",
    ),
    (
        "PUT",
        "/v1/definitions/count/active",
        &[],
        b"{\"version\": \"1\"}",
        400,
        "invalid_body",
    ),
    (
        "PUT",
        "/v1/definitions/count/accepting",
        &[],
        b"{\"accepting\": false}",
        400,
        "invalid_body",
    ),
    (
        "POST",
        "/v1/services/orders/pause",
        &[],
        b"{}",
        400,
        "invalid_body",
    ),
    // What is not there.
    ("GET", "/v1/sagas/17", &[], b"", 404, "no_such_saga"),
    ("GET", NO_SAGA, &[], b"", 404, "no_such_saga"),
    (
        "GET",
        "/v1/sagas/0197c1d2-5a3b-7c4d-8e9f-001122334455/journal",
        &[],
        b"",
        404,
        "no_such_saga",
    ),
    (
        "GET",
        "/v1/sagas/0197c1d2-5a3b-7c4d-8e9f-001122334455/attempts",
        &[],
        b"",
        404,
        "no_such_saga",
    ),
    (
        "GET",
        "/v1/definitions/count/sagas/no-such-key",
        &[],
        b"",
        404,
        "no_such_saga",
    ),
    (
        "POST",
        "/v1/sagas/0197c1d2-5a3b-7c4d-8e9f-001122334455/cancel",
        &[],
        b"{\"reason\": \"r\"}",
        404,
        "no_such_saga",
    ),
    (
        "POST",
        "/v1/sagas/0197c1d2-5a3b-7c4d-8e9f-001122334455/signals/approved",
        &[KEY],
        b"1",
        404,
        "no_such_saga",
    ),
    (
        "POST",
        "/v1/definitions/approve/sagas/none/signals/approved",
        &[KEY],
        b"1",
        404,
        "no_such_saga",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY],
        b"{\"definition\": \"nobody\"}",
        404,
        "no_such_definition",
    ),
    (
        "GET",
        "/v1/definitions/nobody",
        &[],
        b"",
        404,
        "no_such_definition",
    ),
    (
        "PUT",
        "/v1/definitions/nobody/active",
        &[],
        b"{\"version\": 1}",
        404,
        "no_such_definition",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY],
        b"{\"definition\": \"approve\", \"version\": 9}",
        404,
        "no_such_version",
    ),
    (
        "GET",
        "/v1/definitions/count/versions/9",
        &[],
        b"",
        404,
        "no_such_version",
    ),
    (
        "PUT",
        "/v1/definitions/count/active",
        &[],
        b"{\"version\": 9}",
        404,
        "no_such_version",
    ),
    (
        "GET",
        "/v1/services/nobody",
        &[],
        b"",
        404,
        "no_such_service",
    ),
    (
        "DELETE",
        "/v1/services/nobody",
        &[],
        b"",
        404,
        "no_such_service",
    ),
    (
        "POST",
        "/v1/services/nobody/pause",
        &[],
        b"{\"reason\": \"r\"}",
        404,
        "no_such_service",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY],
        b"{\"definition\": \"order\"}",
        404,
        "no_such_service",
    ),
    (
        "POST",
        "/v1/sagas?until=nothing",
        &[KEY],
        START,
        404,
        "no_such_step",
    ),
    // What does not fit.
    (
        "POST",
        "/v1/sagas",
        &[KEY],
        b"{\"definition\": \"approve\", \"input\": {}}",
        422,
        "invalid_input",
    ),
    (
        "POST",
        "/v1/sagas",
        &[KEY],
        b"{\"definition\": \"approve\", \"input\": {\"customer\": [1]}}",
        422,
        "invalid_input",
    ),
    (
        "PUT",
        "/v1/definitions/bad/versions/1",
        &[YAML],
        b"saga: bad\nversion: 1\nstep: []",
        422,
        "invalid_definition",
    ),
    (
        "PUT",
        "/v1/definitions/bad/versions/1",
        &[YAML],
        b"{{{",
        422,
        "invalid_definition",
    ),
    (
        "PUT",
        "/v1/definitions/bad/versions/1",
        &[YAML],
        b"saga: \xff",
        400,
        "malformed_request",
    ),
    (
        "PUT",
        "/v1/definitions/count/versions/1",
        &[YAML],
        b"saga: count\nversion: 1\nsteps:\n  - first:\n      set: 2\n",
        409,
        "version_taken",
    ),
    (
        "PUT",
        "/v1/services/orders",
        &[],
        b"{\"instances\": [\"ftp://x\"]}",
        422,
        "invalid_service",
    ),
    (
        "PUT",
        "/v1/services/orders",
        &[],
        b"{\"instances\": [], \"color\": 1}",
        422,
        "invalid_service",
    ),
    (
        "PUT",
        "/v1/services/orders",
        &[],
        b"{\"instances\": [\"http://127.0.0.1:9\"], \"breaker\": {}}",
        501,
        "not_supported_yet",
    ),
    // What is not built.
    ("GET", "/", &[], b"", 501, "not_supported_yet"),
    (
        "POST",
        "/v1/session",
        &[("authorization", WITHOUT)],
        b"{}",
        501,
        "not_supported_yet",
    ),
    ("GET", "/v1/failures", &[], b"", 501, "not_supported_yet"),
    (
        "POST",
        "/v1/sagas/0197c1d2-5a3b-7c4d-8e9f-001122334455/retry",
        &[],
        b"{\"reason\": \"r\"}",
        501,
        "not_supported_yet",
    ),
    (
        "POST",
        "/v1/sagas/0197c1d2-5a3b-7c4d-8e9f-001122334455/cancel",
        &[],
        b"{\"reason\": \"r\", \"dry_run\": true}",
        501,
        "not_supported_yet",
    ),
    (
        "GET",
        "/v1/definitions/count/diff?from=1&to=2",
        &[],
        b"",
        501,
        "not_supported_yet",
    ),
    (
        "PUT",
        "/v1/queues/mail",
        &[],
        b"{}",
        501,
        "not_supported_yet",
    ),
];

/// Runs the table, and what is too large for it.
pub(crate) async fn run(rig: &Rig) {
    for (method, path, headers, body, status, code) in CASES {
        let answer = rig.call(method, path, headers, body).await;
        let told = format!(
            "{method} {path} {headers:?} {}",
            String::from_utf8_lossy(body)
        );
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (*status, *code),
            "{told}: {}",
            answer.text()
        );
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.len() > 15, "words that help: {detail:?} for {told}");
    }
    let long = "k".repeat(256);
    let answer = rig
        .call("POST", "/v1/sagas", &[("idempotency-key", &long)], START)
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
    assert_eq!(calls, 26);
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
        25
    );
}
