//! Logs: text on a terminal, JSON lines otherwise, on the standard error.
//!
//! `BANYAN_LOG` chooses what is told (`info`, `banyan_engine=debug`). At `info` nothing is said
//! per attempt.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Begins to log. Only the first call of a process counts.
pub fn init() {
    let filter = EnvFilter::try_from_env("BANYAN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // An error means that the process logs already.
    let _ = if std::io::stderr().is_terminal() {
        logs.compact().try_init()
    } else {
        logs.json().flatten_event(true).try_init()
    };
}
