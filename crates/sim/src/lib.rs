//! A whole Banyan in one thread, by seed: the engine's own shards over the model store, with
//! services, clients, a network and a clock that are all made of values.
//!
//! Time is virtual; the same seed gives the same trace (I-43). Requests are lost, late and
//! doubled, answers too; services refuse, break and misbehave; the process dies between any
//! two steps, before and after a commit, and starts again. The invariants of
//! `guarantees` are checked while it runs and, over the services' ledgers and the clients'
//! memory, when it has come to rest. Planted bugs show that the checks can fail.

mod check;
mod client;
mod evidence;
mod family;
mod followed;
mod hand;
mod history;
mod ledgers;
mod letters;
mod network;
mod node;
mod operator;
mod plans;
mod report;
mod run;
mod services;
mod slow;

pub use check::Violation;
pub use report::{Figures, Report};
pub use run::{Options, run};
