//! `banyan init` and `banyan dev` as a person and a pipeline use them: what is printed, what is
//! left at the services, how it exits.

#![allow(clippy::unwrap_used, reason = "a panic in a test is a failing test")]

mod children;
mod desk;
mod legs;
mod once;
mod rig;
