//! What the bench and the torture share: a server as a process, connections, and a client of
//! its API. Nothing of the product's own code is used.

mod api;
mod connection;
mod process;
mod server;

pub(crate) use api::{Api, Reply};
pub(crate) use connection::{Connection, request};
pub(crate) use process::{cpu_seconds, free_port};
pub(crate) use server::Server;
