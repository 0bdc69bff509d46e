//! The server from outside: real connections to one that runs in this process.
//!
//! Every answer of every test is compared with the OpenAPI document.

mod alerts;
mod audit;
mod bad_input;
mod brakes;
mod children;
mod contract;
mod every_code;
mod failures;
mod http;
mod items;
mod late_signals;
mod locks;
mod moves;
mod notify;
mod operation_keys;
mod operation_told;
mod operations;
mod raw;
mod reasons;
mod replies;
mod retention;
mod rig;
mod sagas;
mod secrets;
mod settings;
mod special;
mod stand_in;
mod store;
mod stream;
mod verbs;
