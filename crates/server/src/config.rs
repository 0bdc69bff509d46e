//! Configuration: `banyan.toml`, the environment over it, flags over both.
//!
//! A key that nobody knows is an error with its line. Only what this build has is there.

use crate::disk::Low;
use crate::limits::Limits;
use crate::notify::Notify;
use banyan_core::limits::PARK_LIMIT_MS;
use banyan_core::time::Duration;
use banyan_engine::{KEEP_AUDIT, KEY_RETENTION, Keep};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Where the server listens when nobody says otherwise.
pub const LISTEN: &str = "127.0.0.1:7400";
/// Where its data lie when nobody says otherwise.
pub const DATA: &str = "./banyan-data";

/// Everything that a server is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where services reach it, without a `/` at its end; none means where it listens.
    pub public_url: Option<String>,
    /// The data folder.
    pub data: PathBuf,
    /// Defaults of definitions and sagas.
    pub defaults: Defaults,
    /// Services that the file holds, with their settings as the API takes them.
    pub services: BTreeMap<String, banyan_core::Json>,
    /// Where notices for people go; none sends none.
    pub notify: Option<Notify>,
    /// Below how much free room the disk of the data folder is low.
    pub disk_low: Low,
    /// Bounds on connections and requests.
    pub limits: Limits,
}

/// Defaults of definitions and sagas.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// How long an undo waits before its second look at an unknown do.
    pub look_again: Option<Duration>,
    /// How long a leg that must run may be parked before its saga is stuck.
    pub park_limit: Duration,
    /// A saga that made no progress for so much longer than its timers explain is reported as
    /// stalled.
    pub stalled_after: Duration,
    /// How long sagas are kept after their end, where their definition does not say.
    pub keep: Keep,
    /// How long a start key is kept after its saga's end.
    pub key_retention: Duration,
    /// How long a row of the audit is kept, and an operation after it is over.
    pub keep_audit: Duration,
}

impl Default for Defaults {
    fn default() -> Defaults {
        Defaults {
            look_again: None,
            park_limit: Duration::from_millis(PARK_LIMIT_MS),
            stalled_after: STALLED_AFTER,
            keep: Keep::default(),
            key_retention: KEY_RETENTION,
            keep_audit: KEEP_AUDIT,
        }
    }
}

/// What flags say.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The configuration file; without one, `banyan.toml` is read where there is one.
    pub file: Option<PathBuf>,
    /// Where to listen.
    pub listen: Option<String>,
    /// Where services reach it.
    pub public_url: Option<String>,
    /// The data folder.
    pub data: Option<PathBuf>,
}

/// Longer than a restart or a batch of timers due at once takes.
const STALLED_AFTER: Duration = Duration::from_secs(5 * 60);

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {message}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        message: String,
    },
    /// The file holds something else than a configuration.
    #[error("{path}: {message}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where, and what is wrong.
        message: String,
    },
    /// A value cannot be used.
    #[error("{name} is {value:?}: {why}")]
    Value {
        /// Which one, as it was given: a key, a variable or a flag.
        name: String,
        /// What it holds.
        value: String,
        /// Why it cannot be used, and what can.
        why: String,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    listen: Option<String>,
    public_url: Option<String>,
    data: Option<PathBuf>,
    defaults: FileDefaults,
    services: BTreeMap<String, toml::Table>,
    notify: FileNotify,
    disk: FileDisk,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileNotify {
    url: Option<String>,
    secret: Option<toml::Table>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileDisk {
    low: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileDefaults {
    look_again: Option<String>,
    park_limit: Option<String>,
    keep: Option<String>,
    keep_completed: Option<String>,
    keep_compensated: Option<String>,
    keep_abandoned: Option<String>,
    key_retention: Option<String>,
    keep_audit: Option<String>,
    stalled_after: Option<String>,
}

impl Config {
    /// A server on this folder and address with every default.
    pub fn new(data: impl Into<PathBuf>, listen: SocketAddr) -> Config {
        Config {
            listen,
            public_url: None,
            data: data.into(),
            defaults: Defaults::default(),
            services: BTreeMap::new(),
            notify: None,
            disk_low: Low::Usual,
            limits: Limits::default(),
        }
    }

    /// Reads the file, then the environment (`variable` gives a variable's value), then flags.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(
        flags: Flags,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Config, ConfigError> {
        let (path, file) = read(flags.file)?;
        let named = |key: &str| format!("{key} in {}", path.display());
        let first =
            |flag: Option<(&str, String)>, env: &str, key: &str, in_file: Option<String>| {
                flag.map(|(name, value)| (name.to_owned(), value))
                    .or_else(|| variable(env).map(|value| (env.to_owned(), value)))
                    .or_else(|| in_file.map(|value| (named(key), value)))
            };
        let flag = flags.listen.map(|value| ("--listen", value));
        let listen = first(flag, "BANYAN_LISTEN", "listen", file.listen)
            .unwrap_or_else(|| ("the default".to_owned(), LISTEN.to_owned()));
        let flag = flags.public_url.map(|value| ("--public-url", value));
        let public_url = first(flag, "BANYAN_PUBLIC_URL", "public_url", file.public_url);
        let url = first(None, "BANYAN_NOTIFY_URL", "notify.url", file.notify.url);
        let disk_low = first(None, "BANYAN_DISK_LOW", "disk.low", file.disk.low);
        let data = flags
            .data
            .or_else(|| variable("BANYAN_DATA").map(PathBuf::from))
            .or(file.data)
            .unwrap_or_else(|| PathBuf::from(DATA));
        let mut config = Config::new(data, address(listen)?);
        config.public_url = public_url.map(base).transpose()?;
        config.notify = notify(&path, url, file.notify.secret)?;
        if let Some(disk_low) = disk_low {
            config.disk_low = Low::read(disk_low)?;
        }
        config.defaults = defaults(file.defaults, |name, in_file| {
            let (env, key) = (
                format!("BANYAN_DEFAULTS_{}", name.to_ascii_uppercase()),
                format!("defaults.{name}"),
            );
            first(None, &env, &key, in_file).map(duration).transpose()
        })?;
        config.services = services(&path, file.services)?;
        Ok(config)
    }
}

/// The defaults, given what says how a value of the file is overridden.
fn defaults(
    file: FileDefaults,
    said: impl Fn(&str, Option<String>) -> Result<Option<Duration>, ConfigError>,
) -> Result<Defaults, ConfigError> {
    let usual = Defaults::default();
    let all = said("keep", file.keep)?;
    let keep = |name: &str, in_file, usual| -> Result<Duration, ConfigError> {
        Ok(said(name, in_file)?.or(all).unwrap_or(usual))
    };
    Ok(Defaults {
        look_again: said("look_again", file.look_again)?,
        park_limit: said("park_limit", file.park_limit)?.unwrap_or(usual.park_limit),
        stalled_after: said("stalled_after", file.stalled_after)?.unwrap_or(usual.stalled_after),
        keep: Keep {
            completed: keep("keep_completed", file.keep_completed, usual.keep.completed)?,
            compensated: keep(
                "keep_compensated",
                file.keep_compensated,
                usual.keep.compensated,
            )?,
            abandoned: keep("keep_abandoned", file.keep_abandoned, usual.keep.abandoned)?,
        },
        key_retention: said("key_retention", file.key_retention)?.unwrap_or(usual.key_retention),
        keep_audit: said("keep_audit", file.keep_audit)?.unwrap_or(usual.keep_audit),
    })
}

fn read(path: Option<PathBuf>) -> Result<(PathBuf, File), ConfigError> {
    let usual = PathBuf::from("banyan.toml");
    let path = match path {
        Some(path) => path,
        None if usual.exists() => usual,
        None => return Ok((usual, File::default())),
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let file = parse(&path, &text)?;
            Ok((path, file))
        }
        Err(error) => Err(ConfigError::Unreadable {
            path,
            message: error.to_string(),
        }),
    }
}

fn parse(path: &Path, text: &str) -> Result<File, ConfigError> {
    toml::from_str(text).map_err(|error| ConfigError::Malformed {
        path: path.to_owned(),
        message: error.to_string(),
    })
}

fn address((name, value): (String, String)) -> Result<SocketAddr, ConfigError> {
    let usable = value.replace("localhost:", "127.0.0.1:");
    let wrong = |why: &str| ConfigError::Value {
        name: name.clone(),
        value: value.clone(),
        why: why.to_owned(),
    };
    let address: SocketAddr = usable
        .parse()
        .map_err(|_| wrong("an address is an IP address and a port, such as 127.0.0.1:7400"))?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(wrong(
            "this build has no TLS and listens on loopback only: use 127.0.0.1 or [::1]",
        ))
    }
}

/// The base of the addresses that services are given.
fn base((name, value): (String, String)) -> Result<String, ConfigError> {
    let wrong = || {
        ConfigError::Value {
        name: name.clone(),
        value: value.clone(),
        why: "it is the address at which services reach this server: http or https, a host, and a path if there is one, such as https://banyan.example.com".to_owned(),
    }
    };
    let uri: http::Uri = value.parse().map_err(|_| wrong())?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let is_base = uri.query().is_none() && !value.contains('#') && !authority.contains('@');
    if is_web && !authority.is_empty() && is_base {
        Ok(value.trim_end_matches('/').to_owned())
    } else {
        Err(wrong())
    }
}

fn duration((name, value): (String, String)) -> Result<Duration, ConfigError> {
    value.parse().map_err(
        |error: banyan_core::time::InvalidDuration| ConfigError::Value {
            name,
            value,
            why: error.to_string(),
        },
    )
}

fn notify(
    path: &Path,
    url: Option<(String, String)>,
    secret: Option<toml::Table>,
) -> Result<Option<Notify>, ConfigError> {
    let malformed = |message: String| ConfigError::Malformed {
        path: path.to_owned(),
        message: format!("[notify]: {message}"),
    };
    let secret = secret.map(serde_json::to_value).transpose();
    let secret = secret.map_err(|error| malformed(error.to_string()))?;
    let Some((name, url)) = url else {
        // A secret for nobody is a mistake worth a word.
        let words = "it has a secret and no url";
        return secret.map_or(Ok(None), |_| Err(malformed(words.to_owned())));
    };
    let read = Notify::new(&url, secret.as_ref());
    read.map(Some).map_err(|why| ConfigError::Value {
        name,
        // What stands before an @ may be a password.
        value: url.rsplit('@').next().unwrap_or_default().to_owned(),
        why,
    })
}

fn services(
    path: &Path,
    tables: BTreeMap<String, toml::Table>,
) -> Result<BTreeMap<String, banyan_core::Json>, ConfigError> {
    tables
        .into_iter()
        .map(|(name, table)| {
            let settings =
                serde_json::to_value(&table).map_err(|error| ConfigError::Malformed {
                    path: path.to_owned(),
                    message: format!("services.{name}: {error}"),
                })?;
            Ok((name, settings))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, env: &[(&str, &str)], listen: Option<&str>) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("banyan.toml");
        std::fs::write(&file, text).unwrap();
        let flags = Flags {
            file: Some(file),
            listen: listen.map(str::to_owned),
            public_url: None,
            data: None,
        };
        let variable = |name: &str| {
            let found = env.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Config::load(flags, variable).map_err(|error| error.to_string())
    }

    const FILE: &str = r#"
listen = "127.0.0.1:1"
data = "here"
[defaults]
park_limit = "2h"
stalled_after = "10m"
[services.orders]
instances = ["http://127.0.0.1:9000"]
"#;

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let config = load(FILE, &[], None).unwrap();
        assert_eq!(
            (config.listen.port(), config.data),
            (1, PathBuf::from("here"))
        );
        assert_eq!(config.defaults.park_limit, Duration::from_secs(7200));
        assert_eq!(config.defaults.stalled_after, Duration::from_secs(600));
        assert!(config.services.contains_key("orders"));
        let env = [("BANYAN_LISTEN", "127.0.0.1:2"), ("BANYAN_DATA", "there")];
        let config = load(FILE, &env, None).unwrap();
        assert_eq!(
            (config.listen.port(), config.data),
            (2, PathBuf::from("there"))
        );
        let config = load(FILE, &env, Some("[::1]:3")).unwrap();
        assert_eq!(config.listen.port(), 3);
    }

    #[test]
    fn how_long_sagas_are_kept_is_said_for_all_or_by_their_end() {
        let day = |days: u64| Duration::from_secs(days * 86_400);
        let kept = |text, env| {
            let defaults = load(text, env, None).unwrap().defaults;
            let Keep {
                completed,
                compensated,
                abandoned,
            } = defaults.keep;
            let Defaults {
                key_retention,
                keep_audit,
                ..
            } = defaults;
            [completed, compensated, abandoned, key_retention, keep_audit]
        };
        assert_eq!(
            kept("", &[]),
            [day(30), day(30), day(30), day(400), day(400)]
        );
        let file = "[defaults]\nkeep = \"7d\"\nkeep_abandoned = \"90d\"\nkey_retention = \"800d\"\n\
                    keep_audit = \"3000d\"";
        assert_eq!(
            kept(file, &[]),
            [day(7), day(7), day(90), day(800), day(3_000)]
        );
        let env = [
            ("BANYAN_DEFAULTS_KEEP", "1d"),
            ("BANYAN_DEFAULTS_KEEP_COMPENSATED", "2d"),
        ];
        assert_eq!(
            kept(file, &env),
            [day(1), day(2), day(90), day(800), day(3_000)]
        );
    }

    /// The file, the environment, `--listen`, and words that the error must have.
    type Case = (
        &'static str,
        &'static [(&'static str, &'static str)],
        Option<&'static str>,
        &'static [&'static str],
    );

    #[test]
    fn what_cannot_be_used_is_refused_with_its_place() {
        let cases: [Case; 9] = [
            (
                "public_url = \"banyan.example.com\"",
                &[],
                None,
                &["public_url in ", "https://"],
            ),
            (
                "public_url = \"https://a:b@example.com\"",
                &[],
                None,
                &["public_url in "],
            ),
            (
                "",
                &[("BANYAN_PUBLIC_URL", "ftp://a/?b")],
                None,
                &["BANYAN_PUBLIC_URL", "ftp://a/?b"],
            ),
            ("lisen = \"a\"", &[], None, &["line 1", "lisen", "listen"]),
            ("[defaults]\nfoo = 1", &[], None, &["line 2", "foo"]),
            (
                "",
                &[],
                Some("0.0.0.0:7400"),
                &["--listen", "0.0.0.0:7400", "loopback"],
            ),
            (
                "",
                &[("BANYAN_DEFAULTS_PARK_LIMIT", "soon")],
                None,
                &["BANYAN_DEFAULTS_PARK_LIMIT", "soon", "30s"],
            ),
            (
                "[defaults]\nkey_retention = \"400\"",
                &[],
                None,
                &["defaults.key_retention in ", "400", "3d"],
            ),
            (
                "listen = \"here\"",
                &[],
                None,
                &["listen in ", "here", "127.0.0.1:7400"],
            ),
        ];
        refuses(&cases);
    }

    fn refuses(cases: &[Case]) {
        for (text, env, listen, words) in cases {
            let error = load(text, env, *listen).unwrap_err();
            for word in *words {
                assert!(error.contains(word), "{error:?} lacks {word:?}");
            }
        }
    }

    #[test]
    fn notices_that_cannot_be_sent_are_refused_with_their_place() {
        let cases: [Case; 7] = [
            (
                "[notify]\nurl = \"ops.example.com\"",
                &[],
                None,
                &["notify.url in ", "ops.example.com", "url: ", "is no URL"],
            ),
            (
                "[notify]\nurl = \"https://me:word@ops.example.com\"",
                &[],
                None,
                &["notify.url in ", "no user name"],
            ),
            (
                "",
                &[("BANYAN_NOTIFY_URL", "http://169.254.169.254/")],
                None,
                &["BANYAN_NOTIFY_URL", "never called"],
            ),
            (
                "[notify]\nurl = \"http://h\"\nsecret = { value = \"x\" }",
                &[],
                None,
                &["secret", "env", "file"],
            ),
            (
                "[notify]\nurl = \"http://h\"\nkey = 1",
                &[],
                None,
                &["line 3", "key"],
            ),
            (
                "[notify]\nsecret = { env = \"A\" }",
                &[],
                None,
                &["[notify]", "no url"],
            ),
            (
                "[disk]\nlow = \"little\"",
                &[],
                None,
                &["disk.low in ", "little", "10%", "1GiB"],
            ),
        ];
        refuses(&cases);
        let error = load("[notify]\nurl = \"https://me:hunter2@h\"", &[], None).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
        let config = load("[notify]\nurl = \"http://h/x\"", &[], None).unwrap();
        assert!(config.notify.is_some());
    }
}
