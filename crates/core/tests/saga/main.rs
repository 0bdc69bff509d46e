//! The core, driven from outside: scripts with drawings, and services that keep ledgers.

mod chaos;
mod compensation;
mod everything;
mod forward;
mod journals;
mod keys;
mod late;
mod pivot;
mod script;
mod signals;
mod strikes;
mod verify;
mod views;
mod world;
