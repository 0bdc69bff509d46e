//! Bugs planted on purpose, so that the proofs can show that they would find them. They exist
//! only under the feature `planted`, which no shipped build turns on; without it every
//! question here is a constant `false`.

/// A mistake that a saga engine could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Effects are undone in the order in which they happened (breaks I-18).
    UndoesForward,
    /// A lost answer is taken for "nothing was sent" (breaks I-16, and so I-11).
    LostIsNotSent,
    /// Each attempt goes out under a key of its own (breaks I-14).
    FreshKeyPerAttempt,
    /// An answer counts whatever attempt it is for (breaks I-22).
    NoFence,
    /// An unknown step is not undone (breaks I-17).
    UnknownIsNotUndone,
    /// A retry is not written down as a reason to wake (breaks I-9).
    RetryWithoutWake,
    /// Callers are answered before their commit (breaks I-4).
    AnswersBeforeCommit,
    /// A saga moves without holding its lock (breaks I-44).
    LockNotHeld,
    /// An undo that had begun is not tried again while a later effect is not undone (breaks I-8
    /// and I-21).
    UndoHeldUp,
    /// A reply that was taken is taken again (breaks I-25).
    ReplyTakenTwice,
    /// What a reply tells after its step was given up is not undone (breaks I-11).
    LateReplyNotUndone,
    /// A retry by hand goes out under a fresh key although the answer before it was lost (breaks
    /// I-14, and so I-10).
    RetryUnderFreshKey,
    /// A person's word that an undo did not happen ends it (breaks I-21).
    SettledUndoForgotten,
    /// An undo's yes counts although it may be older than the effect (breaks I-11).
    OldYesBelieved,
}

impl Bug {
    /// All of them.
    pub const ALL: [Bug; 14] = [
        Bug::UndoesForward,
        Bug::LostIsNotSent,
        Bug::FreshKeyPerAttempt,
        Bug::NoFence,
        Bug::UnknownIsNotUndone,
        Bug::RetryWithoutWake,
        Bug::AnswersBeforeCommit,
        Bug::LockNotHeld,
        Bug::UndoHeldUp,
        Bug::ReplyTakenTwice,
        Bug::LateReplyNotUndone,
        Bug::RetryUnderFreshKey,
        Bug::SettledUndoForgotten,
        Bug::OldYesBelieved,
    ];
}

#[cfg(feature = "planted")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug in this thread, or removes it.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted.
#[cfg(feature = "planted")]
pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether this bug is planted: never in a build without the feature.
#[cfg(not(feature = "planted"))]
pub const fn is(_bug: Bug) -> bool {
    false
}
