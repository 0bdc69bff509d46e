//! Durable truth: the store port and its two implementations, memory and SQLite.
//!
//! A commit is a batch of changes, applied in one transaction and on disk when it returns.
//! Each change is guarded on its own: one that finds something else than it expected is
//! answered [`Applied::Conflict`] and leaves nothing behind; the others stand.
//! Reads see committed data only. Nothing here decides what a saga does.

mod audit;
mod check;
mod dealings;
pub mod memory;
mod operations;
mod port;
mod registry;
pub mod sqlite;
mod trouble;

pub use audit::*;
pub use dealings::*;
pub use memory::{MemoryReader, MemoryWriter, memory};
pub use operations::*;
pub use port::*;
pub use sqlite::{SqliteReader, SqliteWriter};
pub use trouble::{Cause, Group, Trouble, TroubleKind, TroubleQuery, Troubles};
