//! Two versions of one definition beside each other.
//!
//! Pure comparisons over resolved definitions; what they mean for a running saga is decided
//! elsewhere.

mod diff;

pub use diff::{Difference, diff};
