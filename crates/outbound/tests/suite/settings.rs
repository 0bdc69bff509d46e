//! Settings: what is accepted, written back as it was read, and every fault named at once.

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

#[test]
fn each_fault_has_its_key_and_words_that_help() {
    use ProblemCode::{InvalidValue, MissingKey, NotSupportedYet, UnknownKey};
    let many: Vec<String> = (0..65).map(|number| format!("http://h{number}")).collect();
    let with = |key: &str, value: Value| {
        let mut json = json!({"instances": ["http://h"]});
        json[key] = value;
        json
    };
    for (json, code, key, words) in [
        (json!([]), InvalidValue, "settings", "an object, not a list"),
        (json!({}), MissingKey, "instances", "http://127.0.0.1:9000"),
        (
            json!({"instances": null}),
            MissingKey,
            "instances",
            "is missing",
        ),
        (
            json!({"instances": "http://h"}),
            InvalidValue,
            "instances",
            "a list of URLs",
        ),
        (
            json!({"instances": []}),
            InvalidValue,
            "instances",
            "1 to 64",
        ),
        (
            json!({"instances": many}),
            InvalidValue,
            "instances",
            "65 entries",
        ),
        (
            json!({"instances": [7]}),
            InvalidValue,
            "instances[0]",
            "not a number",
        ),
        (
            json!({"instances": ["http://h", "h:90"]}),
            InvalidValue,
            "instances[1]",
            "is no URL",
        ),
        (
            json!({"instances": ["http://h", "http://h"]}),
            InvalidValue,
            "instances[1]",
            "twice",
        ),
        (
            json!({"instances": ["http://169.254.0.1"]}),
            InvalidValue,
            "instances[0]",
            "never called",
        ),
        (
            with("keys_kept", json!(60)),
            InvalidValue,
            "keys_kept",
            "24h",
        ),
        (
            with("keys_kept", json!("1 day")),
            InvalidValue,
            "keys_kept",
            "cannot be read",
        ),
        (
            with("keys_kept", json!("0s")),
            InvalidValue,
            "keys_kept",
            "out of bounds",
        ),
        (
            with("timeout", json!("16m")),
            InvalidValue,
            "timeout",
            "at most 15m",
        ),
        (
            with("timout", json!("16m")),
            UnknownKey,
            "timout",
            "did you mean timeout?",
        ),
        (
            with("colour", json!(1)),
            UnknownKey,
            "colour",
            "known are instances",
        ),
        (
            with("breakr", json!({})),
            UnknownKey,
            "breakr",
            "did you mean breaker?",
        ),
        (
            with("limits", json!({})),
            NotSupportedYet,
            "limits",
            "not have it yet",
        ),
        (
            with("balance", json!(null)),
            NotSupportedYet,
            "balance",
            "not have it yet",
        ),
        (
            with("health", json!({})),
            NotSupportedYet,
            "health",
            "not have it yet",
        ),
        (
            with("breaker", json!({})),
            NotSupportedYet,
            "breaker",
            "not have it yet",
        ),
        (
            with("retry_budget", json!(1)),
            NotSupportedYet,
            "retry_budget",
            "not have it yet",
        ),
        (with("auth", json!("x")), InvalidValue, "auth", "an object"),
        (with("auth", json!({})), InvalidValue, "auth", "exactly one"),
        (
            with(
                "auth",
                json!({"bearer": {"env": "A"}, "hmac": {"env": "B"}}),
            ),
            InvalidValue,
            "auth",
            "exactly one",
        ),
        (
            with("auth", json!({"barer": {"env": "A"}})),
            UnknownKey,
            "auth.barer",
            "bearer?",
        ),
        (
            with("auth", json!({"bearer": "s3cret"})),
            InvalidValue,
            "auth.bearer",
            "by reference",
        ),
        (
            with("auth", json!({"bearer": {"env": "a b"}})),
            InvalidValue,
            "auth.bearer",
            "by reference",
        ),
        (
            with("auth", json!({"hmac": {"file": "key"}})),
            InvalidValue,
            "auth.hmac",
            "absolute path",
        ),
        (
            with("auth", json!({"hmac": {"env": "A", "file": "/k"}})),
            InvalidValue,
            "auth.hmac",
            "either",
        ),
        (
            with(
                "auth",
                json!({"basic": {"username": "a:b", "password": {"env": "P"}}}),
            ),
            InvalidValue,
            "auth.basic.username",
            "colons",
        ),
        (
            with("auth", json!({"basic": {"username": "a"}})),
            InvalidValue,
            "auth.basic.password",
            "by reference",
        ),
        (
            with("tls", json!({})),
            InvalidValue,
            "tls.ca_file",
            "absolute path",
        ),
        (
            with("tls", json!({"ca_file": "/c", "cafile": 1})),
            UnknownKey,
            "tls.cafile",
            "ca_file?",
        ),
    ] {
        let found = faults(json.clone());
        let fits =
            |(c, k, w): &(ProblemCode, String, String)| *c == code && k == key && w.contains(words);
        assert!(found.iter().any(fits), "{json}: {found:?}");
        assert!(!format!("{found:?}").contains("s3cret"), "{found:?}");
    }
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
