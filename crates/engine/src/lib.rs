//! Drives the core: inputs go to shards, shards' records to one commit, and only then do
//! answers and calls leave.
//!
//! Guarantees: no answer and no call before the commit that it reports (I-4, I-13); recovery is
//! the same path as live; every inbox, cache and batch is bounded (I-40). It decides nothing
//! about sagas (`banyan_core` does), knows no SQL and no HTTP.

mod admin;
mod calls;
mod catalogue;
mod changes;
mod clock;
mod config;
mod error;
mod feed;
mod gate;
mod handle;
mod life;
mod listen;
mod look;
mod metrics;
mod moves;
mod open;
mod openings;
mod operations;
mod post;
mod pulse;
mod queue;
mod registered;
mod replies;
mod request;
mod retention;
mod row;
pub mod shard;
mod shared;
mod shell;
mod stalls;
mod start;
mod timers;
mod trouble;
mod verbs;
mod view;
mod writer;

pub use calls::{BoxFuture, Calls};
pub use clock::{Clock, SkippingClock, SystemClock};
pub use config::{Config, KEEP, KEEP_AUDIT, KEY_RETENTION, Keep};
pub use error::*;
pub use feed::{ListenError, Listener, Missed, News, SagaNews, ServiceChange, StallNews, Told};
pub use handle::Engine;
pub use listen::Ailment;
pub use metrics::{Metrics, ServiceFigures};
pub use moves::{MoveAnswer, MoveRequest};
pub use operations::{
    BegunOperation, Deed, Failure, OPERATION_RATE, OPERATION_RATE_MAX, OPERATION_SAGAS, Operation,
    OperationError, OperationPreview, OperationRequest, OperationState, Sampled, Taken, Verdicts,
};
pub use pulse::Down;
pub use registered::Registered;
pub use replies::ReplyTokens;
pub use request::*;
pub use row::{row, wake_to_store};
pub use stalls::{Stall, StallKind};
