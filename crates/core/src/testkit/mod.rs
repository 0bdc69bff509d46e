//! For tests: saga files made by seed, so that properties can be held over thousands of
//! definitions that nobody wrote.
//!
//! Behind the feature `testkit`; nothing that ships uses it. The same seed gives the same file,
//! on every machine, without a source of randomness.

mod change;
mod generate;
mod keys;
mod random;
mod render;
#[cfg(test)]
mod tests;

pub use change::change;
pub use generate::{SERVICES, generate, generate_family, input, signal};
pub use keys::{Written, keys_of_file, pairs, written, written_in_file};
pub use random::Random;
pub use render::render;
