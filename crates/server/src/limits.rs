//! Every bound of the HTTP side in one place, each with its reason.

use std::time::Duration;

/// Bounds on connections and requests. The defaults are what the server runs with; tests
/// shorten the times.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From a connection's first byte, or its last answer, to the end of the next request's
    /// headers. It is also how long an idle connection is kept.
    pub header_read: Duration,
    /// From the end of the headers to the end of the body.
    pub body_read: Duration,
    /// How long a caller may take nothing of its answer.
    pub write: Duration,
    /// Connections at a time; more wait in the kernel's backlog. Each costs some 20 KiB, and
    /// long waits hold theirs.
    pub connections: usize,
    /// Bytes of bodies held at a time, over all requests; beyond it calls are refused. A parsed
    /// body takes up to some 30 times its bytes (a list of small numbers does).
    pub body_bytes_held: usize,
    /// Streams of changes at a time; each holds a connection.
    pub streams: usize,
    /// Changes kept for streams that read slowly or come back: some seconds of a busy server, at
    /// 64 bytes each.
    pub changes: usize,
    /// How long a stop waits for requests in progress.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            header_read: Duration::from_secs(30),
            body_read: Duration::from_secs(30),
            write: Duration::from_secs(30),
            connections: 1024,
            body_bytes_held: 16 * 1024 * 1024,
            streams: 64,
            changes: 16_384,
            stop: Duration::from_secs(10),
        }
    }
}

/// Bytes of one request's line and headers. hyper wants at least 8 KiB.
pub(crate) const HEAD_BYTES: usize = 32 * 1024;
/// Header lines of one request.
pub(crate) const HEADERS: usize = 100;
/// Bytes of path and query. Filters over lists are the longest.
pub(crate) const URI_BYTES: usize = 8 * 1024;
/// Bytes of a body that carries a payload: the payload and what stands around it.
pub(crate) const PAYLOAD_BODY: usize = banyan_core::limits::PAYLOAD_BYTES + 16 * 1024;
/// Bytes of a saga file. The file's own bound, so that the checker never sees a larger one.
pub(crate) const FILE_BODY: usize = banyan_core::limits::DEFINITION_BYTES;
/// Bytes of every other body.
pub(crate) const SMALL_BODY: usize = 64 * 1024;
/// Items of a list's page when the caller does not say.
pub(crate) const PAGE: usize = 50;
/// Items of a list's page at most.
pub(crate) const PAGE_MAX: usize = 500;
/// Seconds that a call may wait for a saga.
pub(crate) const WAIT_MAX_S: u64 = 60;
/// What `Retry-After` says when the server is full or stopping, in seconds.
pub(crate) const RETRY_AFTER_S: u64 = 1;
/// Bytes read and thrown away after a refusal, so that the caller sees the answer and not a
/// reset connection.
pub(crate) const LINGER_BYTES: usize = 4 * 1024 * 1024;
/// How long these are waited for.
pub(crate) const LINGER: Duration = Duration::from_secs(1);
/// Sagas of each status that `failures` counts: their part of the index is read in a few hundredths
/// of a second.
pub(crate) const FAILURES_COUNTED: usize = 50_000;
