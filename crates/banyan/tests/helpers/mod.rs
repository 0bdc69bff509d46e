//! What the tests that run the binary share: a server of their own, and guides that are followed
//! to the letter. It asserts nothing but that it can do what it is asked for.

#![allow(dead_code, reason = "each test uses its own part")]

pub(crate) mod bank;
pub(crate) mod guide;
pub(crate) mod place;

/// The binary.
pub(crate) const BANYAN: &str = env!("CARGO_BIN_EXE_banyan");
/// Tries before what does not come is given up.
pub(crate) const TRIES: usize = 10_000;

/// An address that nobody listens on, for now.
pub(crate) fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}
