//! Services: their settings and how they are now.

use crate::{LegName, Moment};
use banyan_core::time::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A registered service, with its live state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Where it is called, with how each instance is.
    pub instances: Vec<Instance>,
    /// How long it keeps idempotency keys.
    #[schema(value_type = String, example = "24h")]
    pub keys_kept: Duration,
    /// No attempt lasts longer, whatever its step says.
    #[schema(value_type = Option<String>, example = "10s")]
    pub timeout: Option<Duration>,
    /// How its calls prove who sends them: `bearer`, `basic`, `hmac`. Never the secret.
    pub auth: Option<String>,
    /// Calls that it has not answered yet.
    pub in_flight: u64,
    /// A person paused it.
    pub paused: bool,
    /// Why it is paused.
    pub pause_reason: Option<String>,
    /// Who paused it.
    #[serde(default)]
    pub paused_by: Option<String>,
    /// Since when it is paused.
    #[serde(default)]
    pub paused_since: Option<Moment>,
    /// How many sagas wait with a step parked for it.
    pub parked: u64,
    /// Roads of it that answer as if road or credential were wrong.
    pub misconfigured: Vec<Misconfigured>,
    /// Set while nothing answers there.
    #[serde(default)]
    pub down: Option<Silence>,
    /// The configuration file holds it: it is not changed by hand.
    pub managed_by_file: bool,
    /// When it was last changed.
    pub changed_at: Moment,
}

/// That a service does not answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Silence {
    /// Since its first attempt without an answer.
    pub since: Moment,
    /// What the last attempt met.
    pub message: String,
}

/// One instance of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Instance {
    /// Its base URL.
    pub url: String,
    /// Connections to it that wait for the next call.
    pub idle_connections: u64,
}

/// A road that is misconfigured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Misconfigured {
    /// The definition; null when the whole service is concerned.
    pub definition: Option<String>,
    /// Its version.
    pub version: Option<u32>,
    /// The step's path.
    pub step: Option<String>,
    /// The leg.
    pub leg: Option<LegName>,
    /// What the service answered.
    pub message: String,
    /// Since when.
    pub since: Moment,
    /// When it is tried next.
    pub next_probe_at: Option<Moment>,
}
