//! For programs in Rust: the client of Banyan's HTTP API.
//!
//! Every call that this build of Banyan has is a method of [`Client`]. A call that is safe to
//! repeat (it reads, it puts, it deletes, or it carries an idempotency key) is repeated for as
//! long as the client's patience lasts; no other is. The client never makes up a key: a key
//! that outlives the caller is what makes a start happen once, so the caller chooses it.
//!
//! It speaks plain HTTP/1.1 to a server on this machine; it does no TLS.
//!
//! ```no_run
//! # async fn example() -> Result<(), banyan_sdk::Error> {
//! use banyan_sdk::{Client, Wait, api::StartRequest};
//!
//! let client = Client::new("http://127.0.0.1:7400", Some("TOKEN".into()))?;
//! let start = StartRequest {
//!     definition: "place_order".into(),
//!     input: serde_json::json!({ "customer": "ada" }),
//!     ..StartRequest::default()
//! };
//! let started = client.start(&start, "cart-17", &Wait::for_rest(20)).await?;
//! println!("{} is {}", started.saga.id, started.saga.status);
//! # Ok(())
//! # }
//! ```

mod calls;
mod client;
mod error;
mod operations;
mod sse;
mod stream;
mod target;
mod transport;

pub use banyan_api as api;
pub use calls::{SagaFilter, Signalled, Started};
pub use client::Client;
pub use error::Error;
pub use stream::Stream;
pub use target::Target;

/// How long a start's answer may be held back, and for what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// Seconds to wait, at most 60; none answers at once.
    pub seconds: Option<u32>,
    /// Wait for this step to end in whatever way, rather than for rest.
    pub until: Option<String>,
}

impl Wait {
    /// Waits for rest, or until the saga is stuck.
    pub fn for_rest(seconds: u32) -> Wait {
        Wait {
            seconds: Some(seconds),
            until: None,
        }
    }
}
