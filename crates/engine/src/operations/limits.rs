//! The bounds of operations, each with its reason.

/// Sagas of one operation. They are read at once and stored with it, in 24 bytes each.
pub const OPERATION_SAGAS: usize = 1_000_000;
/// Sagas a second, unless the operation says otherwise: a service whose repairs come in so fast
/// has time to show that it cannot take them.
pub const OPERATION_RATE: u32 = 50;
/// Sagas a second at most: about as many as a server takes through its commits.
pub const OPERATION_RATE_MAX: u32 = 10_000;
/// Operations that are not over: they run one after the other, so more would only wait.
pub(crate) const OPERATIONS_OPEN: usize = 64;
/// Failures of an operation that are kept one by one, as many as a person reads; all are counted.
pub(crate) const OPERATION_FAILURES: usize = 100;
/// Sagas that took the verb of an operation and are shown, as many as of its preview.
pub(crate) const OPERATION_SAMPLE: usize = 5;
