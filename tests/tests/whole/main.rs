//! The real `banyan serve` from outside: killed, stopped, started twice, and under a hundred
//! thousand sagas that wait or take a verb. Services are small HTTP servers in this process.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is a failing test, with its line"
)]

mod children;
mod crowd;
mod folder;
mod kill;
mod ledger;
mod operation;
mod secrets;
mod server;
mod shop;
mod stop;
mod waiting;
