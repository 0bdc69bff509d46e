//! A saga: its journal, its state, and the rules by which it moves.
//!
//! [`Saga::start`] and [`Saga::handle`] decide what an input leads to and return the records;
//! each record has then already gone through the one `apply` that recovery uses too.
//! [`Saga::pending`] computes what should be in progress outside from state alone.

mod apply;
mod by_hand;
mod child;
mod codes;
mod decide;
mod draw;
pub mod drawing;
mod drive;
mod errors;
mod lock;
mod mail;
mod masked;
mod meaning;
mod moves;
mod park;
mod pending;
mod preview;
mod record;
mod request;
mod scope;
mod started;
mod state;
mod step;
mod verbs;
mod view;
mod waiting;

pub use codes::*;
pub use drive::*;
pub use lock::LockStep;
pub use mail::*;
pub use moves::{Obstacle, ObstacleCode};
pub use park::*;
pub use preview::{Planned, Preview};
pub use record::*;
pub use started::*;
pub use state::*;
pub use verbs::*;
pub use view::*;
pub use waiting::*;
