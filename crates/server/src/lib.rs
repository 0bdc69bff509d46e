//! The server: HTTP handlers, who may call, configuration, telemetry, and the composition root.

mod body;
mod connection;
mod fault;
mod fields;
mod guard;
mod limits;
mod listener;
mod query;
mod strict_json;
mod token;
