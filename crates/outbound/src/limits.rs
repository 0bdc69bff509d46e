//! Every bound on calls to services, in one place, each with its reason.

use banyan_core::time::Duration;
use std::time::Duration as StdDuration;

/// Instances of one service: each has its own pool of connections.
pub const INSTANCES_MAX: usize = 64;
/// Characters of an instance's URL, a reference or a user name: more than any honest one has.
pub const TEXT_MAX: usize = 2_048;
/// When a blocked road is probed first, as outcomes are defined.
pub const PROBE_FIRST: Duration = Duration::from_secs(30);
/// Probes are no further apart, so that what was mended opens without anyone's help.
pub const PROBE_MAX: Duration = Duration::from_secs(5 * 60);
/// Blocked roads of one service: past it, the whole service is blocked, since then it is the
/// service that is wrong, and each road is looked for one by one.
pub const ROADS_MAX: usize = 256;
/// Longer than any service keeps keys; keeps sums of moments sane.
pub(crate) const KEYS_KEPT_MAX: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);
/// Bytes of a secret: it becomes one header, or one key.
pub(crate) const SECRET_BYTES_MAX: u64 = 8 * 1024;
/// Calls of one service at once, so that file descriptors are bounded; others wait, and their
/// attempt's time begins after that.
pub(crate) const IN_FLIGHT_MAX: usize = 1_024;
/// Making a connection takes no longer, whatever time the attempt has: within it even a slow
/// handshake across the world is over.
pub(crate) const CONNECT_MAX: StdDuration = StdDuration::from_secs(2);
/// Addresses of one name that are tried for one connection: each has its share of that time.
pub(crate) const ADDRESSES_MAX: usize = 8;
/// Idle connections of one instance; a burst beyond it opens and closes its own.
pub(crate) const IDLE_MAX: usize = 512;
/// How long a connection may be idle: shorter than the usual patience of servers and of what
/// stands between, so that most are closed from this side.
pub(crate) const IDLE_AGE_MAX: StdDuration = StdDuration::from_secs(20);
/// Bytes of an answer's head; of header lines hyper takes no more than 100.
pub(crate) const HEAD_BYTES: usize = 32 * 1024;
/// Characters that are kept of a body that is no JSON: enough for people to see what it is.
pub(crate) const EXCERPT_CHARS: usize = 200;
