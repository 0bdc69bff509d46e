//! Whether the server lives, and whether it can accept.

use crate::open::words;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// How the server is.
    HealthStatus {
        /// It lives, or can accept.
        Ok = "ok",
    }
}

/// The answer of `/healthz` and `/readyz`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// How it is.
    pub status: HealthStatus,
    /// The server's version.
    pub version: String,
}
