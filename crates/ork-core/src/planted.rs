//! Bugs that are planted on purpose, so that the proofs can be seen to find them.
//!
//! With the feature `planted` one of them can be switched on for the present thread; without it nothing of them is
//! compiled in. No program that people use has the feature.

/// A bug, at the place where somebody might make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A settle takes whatever lease its task has, not its own.
    TokenCheckDropped,
    /// A group that is over is not counted by those that need it.
    SettleWithoutCounter,
    /// The next event gets the number after the first one of the last row, `max(seq) + 1`.
    EventNumberReused,
    /// The reaper trusts the age of heartbeats that nobody could write.
    ReaperWithoutHoldOff,
    /// The reaper knows that a worker is dead, and waits for its heartbeat to grow old all the same.
    AgeOnlyReaping,
    /// Free slots are counted before the keys are locked.
    SlotCountedBeforeClaim,
    /// Groups and heads are locked in the order in which they come.
    UnorderedLocks,
    /// An outcome counts although its lease was given up, as long as the task is not over.
    LateResultAccepted,
    /// A cancelled attempt is settled before its executor says that nothing of it is left.
    CleanupSkippedOnCancel,
    /// A paused run's tasks stay in the queue.
    ClaimPastPause,
    /// Whoever asked for a change is told that it is done before it is committed.
    EventBeforeCommit,
    /// Events are numbered in one transaction and written in the next: readers with a cursor pass them by.
    CursorOnLateIds,
    /// A call whose answer is unusable or lost is made again under the same try of its step.
    AiCallRepeated,
    /// What an attempt has begun that was cancelled while it waited is not put away.
    CleanupForgottenAfterWait,
    /// Whoever decides after somebody else is told that it counts.
    GateDecidedTwice,
    /// What was reserved for a call is still reserved when the call is over.
    ReservationNotSettled,
    /// Bytes whose time is over are removed, and may be named all the same.
    RemovedWithoutDoom,
}

impl Bug {
    /// Every bug.
    pub const ALL: &'static [Self] = &[
        Self::TokenCheckDropped,
        Self::SettleWithoutCounter,
        Self::EventNumberReused,
        Self::ReaperWithoutHoldOff,
        Self::AgeOnlyReaping,
        Self::SlotCountedBeforeClaim,
        Self::UnorderedLocks,
        Self::LateResultAccepted,
        Self::CleanupSkippedOnCancel,
        Self::ClaimPastPause,
        Self::EventBeforeCommit,
        Self::CursorOnLateIds,
        Self::AiCallRepeated,
        Self::CleanupForgottenAfterWait,
        Self::GateDecidedTwice,
        Self::ReservationNotSettled,
        Self::RemovedWithoutDoom,
    ];
}

#[cfg(feature = "planted")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug in the present thread, or none.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted here.
#[cfg(feature = "planted")]
#[must_use]
pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether this bug is planted here: never, in a build without the feature.
#[cfg(not(feature = "planted"))]
#[inline]
#[must_use]
pub const fn is(_: Bug) -> bool {
    false
}
