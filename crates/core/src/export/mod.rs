//! A definition in other notations: a drawing for people, a document for other engines.
//!
//! Pure transformations over a resolved [`Definition`](crate::Definition). Neither is read back.

mod mermaid;
mod ows;

pub use mermaid::mermaid;
pub use ows::{Exported, ows};
