//! What an evaluation may cost, and the counting of it.
//!
//! Everything that grows with its input is charged before it is done: one step per node
//! visited and per element touched, steps for bytes read, and every byte allocated. The bytes
//! are counted when they are allocated and never given back, so that what is alive at any
//! moment is at most what was counted. Nothing here looks at a clock: the same expression over
//! the same values costs the same everywhere.

use super::value::{Res, Stop, Val};
use super::{Cause, EvalError};
use std::cell::Cell;
use std::fmt::Write;

/// Steps of one evaluation. A step is some 30 ns of optimised code, so this is within 10 ms.
pub const STEPS: u64 = 200_000;
/// Bytes that one evaluation may allocate, its answer included. With the evaluator's own
/// stack this stays within 16 MiB.
pub const BYTES: u64 = 15 * 1024 * 1024;
/// How deep an evaluation may call itself: each level is some hundred bytes of stack in
/// optimised code and a few thousand in a debug build, and a thread has 2 MiB.
pub const EVALUATION_LEVELS: u32 = 160;
/// How deep the values built by an expression may nest beyond the inputs they hold. Twice
/// this is what comparing and dropping a value recurses at most.
pub const VALUE_LEVELS: u16 = 128;
/// Bytes that are read (compared, searched, hashed) for the price of one step.
const BYTES_READ_PER_STEP: u64 = 32;
/// Bytes that are written for the price of one step.
const BYTES_WRITTEN_PER_STEP: u64 = 128;

/// What an evaluation has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Steps taken, at most [`STEPS`] and the one charge that was refused.
    pub steps: u64,
    /// Bytes allocated, counted the same way.
    pub bytes: u64,
}

/// Counts what an evaluation costs and ends it when that is too much.
#[derive(Debug, Default)]
pub(super) struct Meter {
    steps: Cell<u64>,
    bytes: Cell<u64>,
    level: Cell<u32>,
}

impl Meter {
    /// What was counted so far. A charge that was refused is not in it.
    pub(super) fn usage(&self) -> Usage {
        Usage {
            steps: self.steps.get(),
            bytes: self.bytes.get(),
        }
    }

    /// Charges steps.
    pub(super) fn steps<'a>(&self, count: u64) -> Res<'a, ()> {
        let steps = self.steps.get().saturating_add(count);
        if steps > STEPS {
            return Err(too_costly(format_args!(
                "it takes more than {STEPS} steps; work on less at once, or compute this in a service"
            )));
        }
        self.steps.set(steps);
        Ok(())
    }

    /// Charges steps for elements about to be touched.
    pub(super) fn elements<'a>(&self, count: usize) -> Res<'a, ()> {
        self.steps(count as u64)
    }

    /// Charges steps for bytes about to be read.
    pub(super) fn read<'a>(&self, bytes: usize) -> Res<'a, ()> {
        self.steps(bytes as u64 / BYTES_READ_PER_STEP)
    }

    /// Charges bytes about to be allocated.
    pub(super) fn allocate<'a>(&self, count: usize) -> Res<'a, ()> {
        let bytes = self.bytes.get().saturating_add(count as u64);
        if bytes > BYTES {
            return Err(too_costly(format_args!(
                "it produces more than {} MiB; move less at once",
                BYTES / (1024 * 1024)
            )));
        }
        self.bytes.set(bytes);
        self.steps(count as u64 / BYTES_WRITTEN_PER_STEP)
    }

    /// An empty string with room for some bytes, charged.
    pub(super) fn string<'a>(&self, capacity: usize) -> Res<'a, String> {
        self.allocate(capacity + size_of::<String>() + 16)?;
        Ok(String::with_capacity(capacity))
    }

    /// An empty list with room for some values, charged.
    pub(super) fn list<'a>(&self, capacity: usize) -> Res<'a, Vec<Val<'a>>> {
        // Asking for memory and giving it back cost about as much as two steps.
        self.elements(2 + capacity / 4)?;
        self.allocate(capacity * size_of::<Val<'_>>() + 16)?;
        Ok(Vec::with_capacity(capacity))
    }

    /// Appends text, charging the room when it grows.
    pub(super) fn append<'a>(&self, text: &mut String, more: &str) -> Res<'a, ()> {
        if text.capacity() - text.len() < more.len() {
            let capacity = (text.len() + more.len()).saturating_mul(2).max(16);
            self.allocate(capacity)?;
            text.reserve_exact(capacity - text.len());
        } else {
            self.steps(more.len() as u64 / BYTES_WRITTEN_PER_STEP)?;
        }
        text.push_str(more);
        Ok(())
    }

    /// Appends a value, charging the room when it grows.
    pub(super) fn push<'a>(&self, items: &mut Vec<Val<'a>>, item: Val<'a>) -> Res<'a, ()> {
        self.reserve(items, 1)?;
        items.push(item);
        Ok(())
    }

    /// Makes room for more values, charged.
    pub(super) fn reserve<'a>(&self, items: &mut Vec<Val<'a>>, more: usize) -> Res<'a, ()> {
        self.elements(more / 4)?;
        if items.capacity() - items.len() < more {
            let capacity = (items.len() + more).max(items.len() * 2).max(4);
            self.allocate(capacity * size_of::<Val<'_>>())?;
            items.reserve_exact(capacity - items.len());
        }
        Ok(())
    }

    /// Does something one level deeper.
    pub(super) fn deeper<'a, T>(&self, work: impl FnOnce() -> Res<'a, T>) -> Res<'a, T> {
        let level = self.level.get();
        if level >= EVALUATION_LEVELS {
            return Err(too_costly(format_args!(
                "it nests more than {EVALUATION_LEVELS} levels deep"
            )));
        }
        self.level.set(level + 1);
        let result = work();
        self.level.set(level);
        result
    }
}

/// The end of an evaluation that costs too much.
pub(super) fn too_costly<'a>(what: std::fmt::Arguments<'_>) -> Box<Stop<'a>> {
    let mut message = String::new();
    // Writing into a String cannot fail.
    let _ = message.write_fmt(what);
    Box::new(Stop::Fatal(EvalError {
        cause: Cause::TooCostly,
        message,
    }))
}
