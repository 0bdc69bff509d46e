//! Settings: what is accepted, written back as it was read, and every fault named at once.

use banyan_outbound::ProblemCode::{InvalidValue, MissingKey, NotSupportedYet, UnknownKey};
use banyan_outbound::{InvalidSettings, ProblemCode, Settings};
use serde_json::{Value, json};

/// The faults of settings: code and key.
fn faults(json: Value) -> Vec<(ProblemCode, String, String)> {
    let InvalidSettings { problems } = Settings::read(&json).unwrap_err();
    let parts = problems.into_iter().map(|problem| {
        (
            problem.code,
            problem.key,
            problem.message + " / " + &problem.help.unwrap_or_default(),
        )
    });
    parts.collect()
}

#[test]
fn settings_are_written_back_as_they_were_read() {
    for (json, expected) in [
        (
            json!({"instances": ["http://h"]}),
            json!({"instances": ["http://h"], "keys_kept": "1d"}),
        ),
        (
            json!({"instances": ["https://h/a/", "http://[::1]:9"], "keys_kept": "90m", "timeout": "10s",
                "auth": {"bearer": {"env": "PAY_TOKEN"}}, "tls": {"ca_file": "/etc/ca.pem"}}),
            json!({"instances": ["https://h/a/", "http://[::1]:9"], "keys_kept": "1h30m", "timeout": "10s",
                "auth": {"bearer": {"env": "PAY_TOKEN"}}, "tls": {"ca_file": "/etc/ca.pem"}}),
        ),
        (
            json!({"instances": ["http://h"], "auth": {"basic": {"username": "me", "password": {"file": "/run/p"}}}}),
            json!({"instances": ["http://h"], "keys_kept": "1d",
                "auth": {"basic": {"username": "me", "password": {"file": "/run/p"}}}}),
        ),
        (
            json!({"instances": ["http://h"], "auth": {"hmac": {"file": "/run/k"}}, "timeout": null}),
            json!({"instances": ["http://h"], "keys_kept": "1d", "auth": {"hmac": {"file": "/run/k"}}}),
        ),
    ] {
        let settings = Settings::read(&json).unwrap();
        assert_eq!(serde_json::to_value(&settings).unwrap(), expected);
        assert_eq!(
            serde_json::from_value::<Settings>(expected).unwrap(),
            settings
        );
    }
}

/// Faulty settings, and what is said of them: the code, the key, and words.
const FAULTS: &[(&str, ProblemCode, &str, &str)] = &[
    ("[]", InvalidValue, "settings", "an object, not a list"),
    ("{}", MissingKey, "instances", "http://127.0.0.1:9000"),
    (
        r#"{"instances": null}"#,
        MissingKey,
        "instances",
        "is missing",
    ),
    (
        r#"{"instances": "http://h"}"#,
        InvalidValue,
        "instances",
        "a list of URLs",
    ),
    (r#"{"instances": []}"#, InvalidValue, "instances", "1 to 64"),
    (
        r#"{"instances": [7]}"#,
        InvalidValue,
        "instances[0]",
        "not a number",
    ),
    (
        r#"{"instances": ["http://h", "h:90"]}"#,
        InvalidValue,
        "instances[1]",
        "is no URL",
    ),
    (
        r#"{"instances": ["http://h", "http://h"]}"#,
        InvalidValue,
        "instances[1]",
        "twice",
    ),
    (
        r#"{"instances": ["http://169.254.0.1"]}"#,
        InvalidValue,
        "instances[0]",
        "never called",
    ),
    (r#"{"keys_kept": 60}"#, InvalidValue, "keys_kept", "24h"),
    (
        r#"{"keys_kept": "1 day"}"#,
        InvalidValue,
        "keys_kept",
        "cannot be read",
    ),
    (
        r#"{"keys_kept": "0s"}"#,
        InvalidValue,
        "keys_kept",
        "out of bounds",
    ),
    (
        r#"{"timeout": "16m"}"#,
        InvalidValue,
        "timeout",
        "at most 15m",
    ),
    (
        r#"{"timout": "16m"}"#,
        UnknownKey,
        "timout",
        "did you mean timeout?",
    ),
    (
        r#"{"colour": 1}"#,
        UnknownKey,
        "colour",
        "known are instances",
    ),
    (
        r#"{"breakr": {}}"#,
        UnknownKey,
        "breakr",
        "did you mean breaker?",
    ),
    (
        r#"{"limits": {}}"#,
        NotSupportedYet,
        "limits",
        "not have it yet",
    ),
    (
        r#"{"balance": null}"#,
        NotSupportedYet,
        "balance",
        "not have it yet",
    ),
    (
        r#"{"health": {}}"#,
        NotSupportedYet,
        "health",
        "not have it yet",
    ),
    (
        r#"{"breaker": {}}"#,
        NotSupportedYet,
        "breaker",
        "not have it yet",
    ),
    (
        r#"{"retry_budget": 1}"#,
        NotSupportedYet,
        "retry_budget",
        "not have it yet",
    ),
    (r#"{"auth": "x"}"#, InvalidValue, "auth", "an object"),
    (r#"{"auth": {}}"#, InvalidValue, "auth", "exactly one"),
    (
        r#"{"auth": {"bearer": {"env": "A"}, "hmac": {"env": "B"}}}"#,
        InvalidValue,
        "auth",
        "exactly one",
    ),
    (
        r#"{"auth": {"barer": {"env": "A"}}}"#,
        UnknownKey,
        "auth.barer",
        "bearer?",
    ),
    (
        r#"{"auth": {"bearer": "s3cret"}}"#,
        InvalidValue,
        "auth.bearer",
        "by reference",
    ),
    (
        r#"{"auth": {"bearer": {"env": "a b"}}}"#,
        InvalidValue,
        "auth.bearer",
        "by reference",
    ),
    (
        r#"{"auth": {"hmac": {"file": "key"}}}"#,
        InvalidValue,
        "auth.hmac",
        "absolute path",
    ),
    (
        r#"{"auth": {"hmac": {"env": "A", "file": "/k"}}}"#,
        InvalidValue,
        "auth.hmac",
        "either",
    ),
    (
        r#"{"auth": {"basic": {"username": "a:b"}}}"#,
        InvalidValue,
        "auth.basic.username",
        "colons",
    ),
    (
        r#"{"auth": {"basic": {"username": "a"}}}"#,
        InvalidValue,
        "auth.basic.password",
        "by reference",
    ),
    (
        r#"{"tls": {}}"#,
        InvalidValue,
        "tls.ca_file",
        "absolute path",
    ),
    (
        r#"{"tls": {"cafile": 1}}"#,
        UnknownKey,
        "tls.cafile",
        "ca_file?",
    ),
];

#[test]
fn each_fault_has_its_key_and_words_that_help() {
    for (text, code, key, words) in FAULTS {
        let found = faults(serde_json::from_str(text).unwrap());
        let fits = found
            .iter()
            .any(|(known, path, said)| known == code && path == key && said.contains(words));
        assert!(fits, "{text}: {found:?}");
        assert!(!format!("{found:?}").contains("s3cret"), "{found:?}");
    }
    let many: Vec<String> = (0..65).map(|number| format!("http://h{number}")).collect();
    let found = faults(json!({"instances": many}));
    assert!(found[0].2.contains("65 entries"), "{found:?}");
}

#[test]
fn all_faults_come_at_once() {
    let json = json!({"instances": ["ftp://h", 1], "keys_kept": "x", "timeout": 1, "auth": {},
        "tls": 1, "limits": {}, "x": 1});
    assert_eq!(faults(json).len(), 8);
    let error = Settings::read(&json!({"instances": ["http://h"], "limits": {}})).unwrap_err();
    assert!(error.is_only_not_supported());
    assert!(error.to_string().starts_with("limits: "), "{error}");
    let error = Settings::read(&json!({"limits": {}})).unwrap_err();
    assert!(!error.is_only_not_supported());
}

#[test]
fn hostile_settings_are_refused_in_bounded_words() {
    let long = "x".repeat(1_000_000);
    let mut json = json!({"instances": [long.clone()]});
    json[long.as_str()] = json!(1);
    let error = Settings::read(&json).unwrap_err();
    assert!(error.to_string().len() < 1_000);
}
