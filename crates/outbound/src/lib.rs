//! Calls to services: who they are ([`Settings`], [`Registry`]) and one attempt of a call
//! ([`Caller`]), with certain knowledge of whether anything left.
//!
//! Used by whatever calls a service, so that a service has one state whoever calls it. This
//! crate decides nothing about sagas: what an answer means, when to try again and what to do
//! about a road that is blocked is the core's and the engine's.

mod answer;
mod caller;
mod clock;
mod connect;
mod credential;
mod limits;
mod link;
mod message;
mod origin;
mod pool;
mod poster;
mod registry;
mod settings;
mod target;
mod tls;

pub use caller::{Caller, ReplyAddress, Room};
pub use limits::{INSTANCES_MAX, PROBE_FIRST, PROBE_MAX, ROADS_MAX, TEXT_MAX};
pub use message::is_reserved_header;
pub use poster::{Post, PostError, Poster};
pub use registry::{
    Block, BlockedRoad, Due, InstanceView, Paused, Registry, RoadKey, ServiceView, State,
};
pub use settings::{
    Auth, InvalidSettings, KEYS_KEPT_DEFAULT, Problem, ProblemCode, Reference, Settings, Tls,
};
