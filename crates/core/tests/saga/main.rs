//! The core, driven from outside: scripts with drawings, and services that keep ledgers.

mod compensation;
mod forward;
mod script;
mod signals;
mod world;
