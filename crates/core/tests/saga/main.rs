//! The core, driven from outside: scripts with drawings, and services that keep ledgers.

mod compensation;
mod everything;
mod forward;
mod script;
mod signals;
mod strikes;
mod verify;
mod world;
