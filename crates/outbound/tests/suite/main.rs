//! Outbound against servers of every behaviour, as one program so that it links once.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test that unwraps is a failing test, with its line"
)]

mod answers;
mod pool;
mod registry;
mod requests;
mod sent;
mod settings;
mod support;
mod tls;
