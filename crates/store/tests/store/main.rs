//! The store's tests: one conformance suite over every implementation, the same operations on
//! all of them compared, and what only a disk can do to SQLite.

mod conformance;
mod sample;
