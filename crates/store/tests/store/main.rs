//! The store's tests: one conformance suite over every implementation, the same operations on
//! all of them compared, and what only a disk can do to SQLite.

#![allow(
    clippy::unwrap_used,
    reason = "a test whose store does not answer must fail where it stands"
)]

mod child;
mod conformance;
mod conformance_audit;
mod conformance_lists;
mod conformance_locks;
mod conformance_messages;
mod conformance_parked;
mod conformance_retention;
mod conformance_troubles;
mod damage;
mod differential;
mod disk;
mod kill;
mod migration;
mod opening;
mod sample;
mod simulated;
mod suite;
