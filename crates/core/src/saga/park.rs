//! Why a leg waits for its road.

use serde::{Deserialize, Serialize};

/// Why a leg is parked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParkCause {
    /// For programs.
    pub code: ParkCode,
    /// In words.
    pub message: String,
}

/// Why a leg is parked, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkCode {
    /// A person paused the service.
    Paused,
    /// The road or the credential is wrong.
    Misconfigured,
    /// No instance can be called now, or a limit is reached.
    Unavailable,
}

impl ParkCode {
    /// All of them.
    pub const ALL: [ParkCode; 3] = [
        ParkCode::Paused,
        ParkCode::Misconfigured,
        ParkCode::Unavailable,
    ];

    /// The code as written in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            ParkCode::Paused => "paused",
            ParkCode::Misconfigured => "misconfigured",
            ParkCode::Unavailable => "unavailable",
        }
    }
}
