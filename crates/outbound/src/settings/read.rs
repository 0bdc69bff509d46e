//! Reads settings from JSON and collects what is wrong with them.

use super::{
    Auth, InvalidSettings, KEYS_KEPT_DEFAULT, Problem, ProblemCode, Reference, Settings, Tls,
};
use crate::limits::{INSTANCES_MAX, KEYS_KEPT_MAX, TEXT_MAX};
use crate::origin::Origin;
use banyan_core::Json;
use banyan_core::limits::TIMEOUT_MAX_MS;
use banyan_core::time::Duration;

const KEYS: &[&str] = &["instances", "keys_kept", "timeout", "auth", "tls"];
const LATER: &[&str] = &["balance", "health", "limits", "breaker", "retry_budget"];
const AUTH_KINDS: &[&str] = &["bearer", "basic", "hmac"];

type Members = serde_json::Map<String, Json>;

pub(super) fn settings(json: &Json) -> Result<Settings, InvalidSettings> {
    let mut found = Problems::default();
    let empty = Members::new();
    let members = match json {
        Json::Object(members) => members,
        other => {
            found.invalid("", format!("settings are an object, not {}", kind(other)));
            &empty
        }
    };
    found.unknown_keys("", members, KEYS, LATER);
    let instances = instances(json, members, &mut found);
    let keys_kept = duration(members, "keys_kept", KEYS_KEPT_MAX, &mut found);
    let timeout_max = Duration::from_millis(TIMEOUT_MAX_MS);
    let timeout = duration(members, "timeout", timeout_max, &mut found);
    let auth = present(members, "auth").and_then(|value| auth(value, &mut found));
    let tls = present(members, "tls").and_then(|value| tls(value, &mut found));
    if !found.0.is_empty() {
        return Err(InvalidSettings { problems: found.0 });
    }
    Ok(Settings {
        instances,
        keys_kept: keys_kept.unwrap_or(KEYS_KEPT_DEFAULT),
        timeout,
        auth,
        tls,
    })
}

/// A key's value; null counts as absent, as everywhere in the API.
fn present<'a>(members: &'a Members, key: &str) -> Option<&'a Json> {
    members.get(key).filter(|value| !value.is_null())
}

fn instances(json: &Json, members: &Members, found: &mut Problems) -> Vec<String> {
    let Some(value) = present(members, "instances") else {
        if json.is_object() {
            let help = r#"write {"instances": ["http://127.0.0.1:9000"]}"#;
            found.add(
                ProblemCode::MissingKey,
                "instances",
                "is missing",
                Some(help.into()),
            );
        }
        return Vec::new();
    };
    let Json::Array(items) = value else {
        found.invalid(
            "instances",
            format!("is a list of URLs, not {}", kind(value)),
        );
        return Vec::new();
    };
    if items.is_empty() || items.len() > INSTANCES_MAX {
        let message = format!(
            "has {} entries; 1 to {INSTANCES_MAX} are allowed",
            items.len()
        );
        found.invalid("instances", message);
        return Vec::new();
    }
    let mut urls: Vec<String> = Vec::with_capacity(items.len());
    for (position, item) in items.iter().enumerate() {
        let key = format!("instances[{position}]");
        match item.as_str().map(|url| (url, Origin::read(url))) {
            None => found.invalid(&key, format!("is a URL, not {}", kind(item))),
            Some((_, Err(error))) => found.invalid(&key, error.to_string()),
            Some((url, Ok(_))) if urls.iter().any(|known| known == url) => {
                found.invalid(&key, format!("{url} is there twice"));
            }
            Some((url, Ok(_))) => urls.push(url.to_owned()),
        }
    }
    urls
}

fn duration(members: &Members, key: &str, max: Duration, found: &mut Problems) -> Option<Duration> {
    let value = present(members, key)?;
    let Some(text) = value.as_str() else {
        let help = r#"write it as text with its unit, such as "30s" or "24h""#;
        let message = format!("is a duration, not {}", kind(value));
        found.add(ProblemCode::InvalidValue, key, &message, Some(help.into()));
        return None;
    };
    match text.parse::<Duration>() {
        Err(error) => found.invalid(key, format!("{text:?} cannot be read: {error}")),
        Ok(length) if length == Duration::ZERO || length > max => {
            found.invalid(
                key,
                format!("{text} is out of bounds: more than 0s, at most {max}"),
            );
        }
        Ok(length) => return Some(length),
    }
    None
}

fn auth(value: &Json, found: &mut Problems) -> Option<Auth> {
    let members = object(value, "auth", found)?;
    found.unknown_keys("auth.", members, AUTH_KINDS, &[]);
    let mut kinds = AUTH_KINDS
        .iter()
        .filter_map(|kind| Some((*kind, present(members, kind)?)));
    let (Some((kind, value)), None) = (kinds.next(), kinds.next()) else {
        found.invalid(
            "auth",
            "has exactly one of bearer, basic and hmac".to_owned(),
        );
        return None;
    };
    match kind {
        "bearer" => reference(value, "auth.bearer", found).map(Auth::Bearer),
        "hmac" => reference(value, "auth.hmac", found).map(Auth::Hmac),
        _ => basic(value, found),
    }
}

fn basic(value: &Json, found: &mut Problems) -> Option<Auth> {
    let members = object(value, "auth.basic", found)?;
    found.unknown_keys("auth.basic.", members, &["username", "password"], &[]);
    let username = match present(members, "username").and_then(Json::as_str) {
        Some(name) if is_user_name(name) => Some(name.to_owned()),
        _ => {
            let message = "is a text without colons and control characters".to_owned();
            found.invalid("auth.basic.username", message);
            None
        }
    };
    let password = members.get("password").unwrap_or(&Json::Null);
    let password = reference(password, "auth.basic.password", found);
    Some(Auth::Basic {
        username: username?,
        password: password?,
    })
}

fn is_user_name(name: &str) -> bool {
    let fits = !name.is_empty() && name.len() <= TEXT_MAX;
    fits && !name.chars().any(|c| c == ':' || c.is_control())
}

fn reference(value: &Json, key: &str, found: &mut Problems) -> Option<Reference> {
    const HELP: &str = r#"a secret is given by reference: {"env": "NAME"} or {"file": "/path"}"#;
    let Json::Object(members) = value else {
        // The value is not quoted: it may be the secret itself.
        let message = "is no reference to a secret";
        found.add(ProblemCode::InvalidValue, key, message, Some(HELP.into()));
        return None;
    };
    found.unknown_keys(&format!("{key}."), members, &["env", "file"], &[]);
    let env = present(members, "env");
    let file = present(members, "file");
    match (env.map(Json::as_str), file.map(Json::as_str)) {
        (Some(Some(name)), None) if is_variable(name) => Some(Reference::Env(name.to_owned())),
        (None, Some(Some(path))) if is_path(path) => Some(Reference::File(path.to_owned())),
        _ => {
            let message =
                "has either env with the name of a variable or file with an absolute path";
            found.add(ProblemCode::InvalidValue, key, message, Some(HELP.into()));
            None
        }
    }
}

fn tls(value: &Json, found: &mut Problems) -> Option<Tls> {
    let members = object(value, "tls", found)?;
    found.unknown_keys("tls.", members, &["ca_file"], &[]);
    match present(members, "ca_file").map(Json::as_str) {
        Some(Some(path)) if is_path(path) => Some(Tls {
            ca_file: path.to_owned(),
        }),
        _ => {
            found.invalid(
                "tls.ca_file",
                "is the absolute path of a PEM file".to_owned(),
            );
            None
        }
    }
}

fn is_variable(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let goes_on = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    starts && goes_on && name.len() <= TEXT_MAX
}

fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.len() <= TEXT_MAX && !path.contains('\0')
}

fn object<'a>(value: &'a Json, key: &str, found: &mut Problems) -> Option<&'a Members> {
    let members = value.as_object();
    if members.is_none() {
        found.invalid(key, format!("is an object, not {}", kind(value)));
    }
    members
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, code: ProblemCode, key: &str, message: &str, help: Option<String>) {
        let key = if key.is_empty() { "settings" } else { key }.to_owned();
        let message = message.to_owned();
        self.0.push(Problem {
            code,
            key,
            message,
            help,
        });
    }

    fn invalid(&mut self, key: &str, message: String) {
        self.add(ProblemCode::InvalidValue, key, &message, None);
    }

    fn unknown_keys(&mut self, prefix: &str, members: &Members, known: &[&str], later: &[&str]) {
        for key in members.keys() {
            let path = format!("{prefix}{}", key.chars().take(64).collect::<String>());
            if later.contains(&key.as_str()) {
                let message = "is described, but this build does not have it yet";
                let help = Some("leave it out".to_owned());
                self.add(ProblemCode::NotSupportedYet, &path, message, help);
            } else if !known.contains(&key.as_str()) {
                let help = nearest(key, known.iter().chain(later));
                let help = help.unwrap_or_else(|| format!("known are {}", known.join(", ")));
                self.add(
                    ProblemCode::UnknownKey,
                    &path,
                    "is no key of a service",
                    Some(help),
                );
            }
        }
    }
}

fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a &'a str>) -> Option<String> {
    // A long key is no slip of the finger, and distance is quadratic in length.
    let key = (key.len() <= 64).then_some(key)?;
    known
        .map(|word| (strsim::damerau_levenshtein(key, word), word))
        .filter(|(distance, word)| *distance * 3 <= word.len().max(6))
        .min()
        .map(|(_, word)| format!("did you mean {word}?"))
}
