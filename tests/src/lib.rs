//! Whole-process tests live beside this file.
