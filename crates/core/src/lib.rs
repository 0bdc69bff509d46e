//! What a saga **is**: its definition and language, its journal, and the rules by which it moves.
//!
//! This crate decides; it never acts. It does no I/O, reads no clock and draws no random
//! number: time, identifiers and jitter are inputs. The same code moves a live saga and
//! re-folds a recovered one.

pub mod children;
pub mod definition;
pub mod export;
pub mod expr;
pub mod id;
pub mod json;
pub mod language;
pub mod limits;
pub mod path;
pub mod planted;
pub mod route;
pub mod saga;
pub mod secret;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
pub mod time;
pub mod versions;
pub mod wire;

pub use definition::Definition;
pub use json::Json;
pub use time::Timestamp;
