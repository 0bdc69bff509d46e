//! What each call does: reads the request, asks the engine, shapes the answer.
//!
//! No handler decides anything about a saga, and none checks who calls: the guard has.

pub(crate) mod audit;
pub(crate) mod checks;
pub(crate) mod definitions;
pub(crate) mod diff;
pub(crate) mod failures;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod moves;
pub(crate) mod names;
pub(crate) mod operations;
pub(crate) mod pages;
pub(crate) mod replies;
pub(crate) mod sagas;
pub(crate) mod services;
pub(crate) mod signals;
pub(crate) mod start;
pub(crate) mod stream;
pub(crate) mod verbs;
pub(crate) mod wait;
