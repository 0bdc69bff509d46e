//! What is registered: definitions and services, as they are stored. They are plain rows; what
//! is in them the engine makes sure of.

use banyan_core::{Json, Timestamp};
use serde::{Deserialize, Serialize};

/// A registered definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefinitionRow {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Its hash.
    pub hash: String,
    /// The file as registered.
    pub source: String,
    /// Every default resolved: the JSON of [`banyan_core::Definition`].
    pub resolved: Json,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// Starts use it.
    pub active: bool,
    /// Why starts of this name are refused; none accepts them.
    pub refusal: Option<String>,
}

/// A registered service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceRow {
    /// Its name.
    pub name: String,
    /// Its settings, as the API takes them.
    pub settings: Json,
    /// Its pause; none when it is not paused.
    pub paused: Option<Pause>,
    /// When it was last changed.
    pub changed_at: Timestamp,
}

/// That a service is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Why, in the words of who paused it.
    pub reason: String,
    /// Who.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
}
