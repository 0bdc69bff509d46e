//! The real `banyan serve` from outside: killed, stopped, started twice, and under a hundred
//! thousand sagas that wait. Services are small HTTP servers in this process.

mod folder;
mod kill;
mod server;
mod shop;
mod stop;
mod waiting;
