//! Whole-process tests of the real binary, in `tests/whole`. Nothing is built from this crate.
