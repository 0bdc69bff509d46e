//! What the bench and the torture share: a server as a process, and a client of its API.
