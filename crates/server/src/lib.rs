//! The server: HTTP handlers, who may call, configuration, telemetry, and the composition root.
//!
//! Guarantees: every answer of the engine that it passes on was committed before; nothing but
//! loopback is listened on; every header, body, wait and connection has a bound. It decides
//! nothing about sagas.

mod app;
mod body;
mod carried;
mod config;
mod connection;
mod disk;
mod fault;
mod fields;
mod filter;
mod guard;
mod handlers;
mod limits;
mod listener;
mod metrics;
mod notify;
mod openapi;
mod project;
mod query;
mod refusal;
mod reply;
mod routes;
mod run;
mod strict_json;
mod telemetry;
#[cfg(test)]
mod tests;
mod token;

pub use banyan_engine::{Clock, SkippingClock, SystemClock};
pub use config::{Config, ConfigError, DATA, Defaults, Flags, LISTEN};
pub use disk::Low;
pub use limits::Limits;
pub use notify::{Notify, NotifyError};
pub use run::{Handle, RunError, run, start, start_by};
pub use telemetry::init as init_telemetry;
pub use token::{TOKEN_FILE, TokenError};
