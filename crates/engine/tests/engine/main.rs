//! The engine over a store in memory, with services that follow a script and a clock that
//! stands still: what is promised between an input and its commit, over crashes, and at the
//! edges of every bound.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a test is its failure, with its line"
)]

mod body_changed;
mod bounds;
mod children;
mod crashes;
mod definitions;
mod described;
mod faulty;
mod floods;
mod full;
mod gated;
mod life;
mod lost_words;
mod operations;
mod retention;
mod roads;
mod sagas;
mod shards;
mod sqlite;
mod stalls;
mod world;
