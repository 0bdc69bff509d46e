//! What is configured for one service: the JSON of `PUT /v1/services/{name}`.
//!
//! Reading names every problem at once. A secret is only ever a reference, to an environment
//! variable or a file: what is written back is what was read, never a value. What the API
//! describes and this build does not have is refused by its key's name, not ignored.

mod read;

use banyan_core::Json;
use banyan_core::time::Duration;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long a service keeps idempotency keys unless it says otherwise.
pub const KEYS_KEPT_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);

/// The settings of one service. Read from JSON, checked; written back as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Json")]
pub struct Settings {
    /// Where it is: 1 to 64 URLs, `http` or `https`, each with an optional base path.
    pub instances: Vec<String>,
    /// For how long it keeps idempotency keys.
    pub keys_kept: Duration,
    /// No attempt lasts longer, whatever its step says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// How its calls prove who sends them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Whom its certificates are trusted by, beside the system's authorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// How calls prove who sends them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// `Authorization: Bearer …`.
    Bearer(Reference),
    /// `Authorization: Basic …`.
    Basic {
        /// The user's name, as it is.
        username: String,
        /// Where the password is.
        password: Reference,
    },
    /// `Banyan-Signature`: HMAC-SHA256 over id, time and body.
    Hmac(Reference),
}

impl Auth {
    /// Which of the ways, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Auth::Bearer(_) => "bearer",
            Auth::Basic { .. } => "basic",
            Auth::Hmac(_) => "hmac",
        }
    }
}

/// Where a secret is found. It is read when the service is registered, changed or resumed,
/// and before a probe after a 401.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// In this environment variable of the server.
    Env(String),
    /// In this file, by its absolute path; white space at its end does not count.
    File(String),
}

/// Whom certificates are trusted by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tls {
    /// A PEM file with further authorities, by its absolute path.
    pub ca_file: String,
}

impl Settings {
    /// Reads and checks settings.
    ///
    /// ```
    /// let json = serde_json::json!({"instances": ["http://127.0.0.1:9000/api"]});
    /// let settings = banyan_outbound::Settings::read(&json).unwrap();
    /// assert_eq!(settings.keys_kept.to_string(), "1d");
    /// ```
    ///
    /// # Errors
    /// Every problem, each with its key.
    pub fn read(json: &Json) -> Result<Settings, InvalidSettings> {
        read::settings(json)
    }
}

impl TryFrom<Json> for Settings {
    type Error = InvalidSettings;
    fn try_from(json: Json) -> Result<Settings, InvalidSettings> {
        Settings::read(&json)
    }
}

/// Settings that cannot be used, with every reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InvalidSettings {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.problems.iter().enumerate() {
            let gap = if position > 0 { "; " } else { "" };
            write!(f, "{gap}{}: {}", problem.key, problem.message)?;
        }
        Ok(())
    }
}

/// One thing that is wrong with settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// For programs.
    pub code: ProblemCode,
    /// The key, as a path: `instances[2]`, `auth.bearer`.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// What kind of thing is wrong with settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// A value that cannot be used.
    InvalidValue,
    /// A key that nobody knows.
    UnknownKey,
    /// A key that must be there is not.
    MissingKey,
    /// A key that is described, and that this build does not have.
    NotSupportedYet,
}

impl InvalidSettings {
    /// Nothing is wrong but that keys are used that this build does not have.
    pub fn is_only_not_supported(&self) -> bool {
        self.problems
            .iter()
            .all(|problem| problem.code == ProblemCode::NotSupportedYet)
    }
}
