//! The core, driven from outside: scripts with drawings, and services that keep ledgers.

#![expect(
    clippy::expect_used,
    reason = "a helper of a test that cannot go on fails it, with its line"
)]

mod chaos;
mod child_verbs;
mod children;
mod compensation;
mod confirm;
mod each;
mod everything;
mod family;
mod family_chaos;
mod forward;
mod journals;
mod keys;
mod late;
mod late_signals;
mod lock;
mod moved;
mod moves;
mod moves_pending;
mod on_end;
mod patterns;
mod pivot;
#[cfg(feature = "planted")]
mod planted;
mod polling;
mod reply;
mod rows;
mod script;
mod secrets;
mod signals;
mod strikes;
mod verbs;
mod verbs_traps;
mod verify;
mod views;
mod waiting;
mod world;
