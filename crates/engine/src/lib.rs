//! Drives the core: inputs go to shards, shards' records to one commit, and only then do
//! answers and calls leave.
//!
//! Guarantees: no answer and no call before the commit that it reports (I-4, I-13); recovery is
//! the same path as live; every inbox, cache and batch is bounded (I-40). It decides nothing
//! about sagas (`banyan_core` does), knows no SQL and no HTTP.

mod calls;
mod clock;
mod config;
mod error;
mod handle;
mod metrics;
mod request;
mod view;

pub use calls::{BoxFuture, Calls};
pub use clock::{Clock, SystemClock};
pub use config::Config;
pub use error::*;
pub use handle::Engine;
pub use metrics::Metrics;
pub use request::*;
