//! Threads that run the destructors of garbage, so that collections do not nest.

use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::Relaxed;

/// A thread that runs destructors, and whether it is to collect again when they have returned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Runner(pub(super) u64);

impl Runner {
    /// No thread runs destructors.
    pub(super) const NONE: Runner = Runner(0);
    /// The shard's own thread.
    pub(super) const OWNER: Runner = Runner(2);
    /// The bit that asks for another collection.
    const DUE: u64 = 1;

    /// Returns the mark of a thread without a shard of its own.
    pub(super) const fn of_thread(number: u64) -> Runner {
        Runner((number + 1) << 1)
    }

    pub(super) const fn asked_again(self) -> Runner {
        Runner(self.0 | Runner::DUE)
    }

    const fn is_asked_again(self) -> bool {
        self.0 & Runner::DUE != 0
    }

    /// Returns the thread's mark alone.
    pub(super) const fn thread(self) -> Runner {
        Runner(self.0 & !Runner::DUE)
    }
}

/// Marks the calling thread as one that runs destructors, until it is dropped.
///
/// Every access to a slot is Relaxed and publishes nothing: a thread acts on a mark only if it is its own, and every
/// other mark tells it only that the slot is taken.
pub(super) struct Running<'a> {
    pub(super) slot: &'a AtomicU64,
    pub(super) thread: Runner,
}

impl Running<'_> {
    /// Returns whether a destructor has asked for a collection since the last call.
    pub(super) fn take_request(&self) -> bool {
        let asked = Runner(self.slot.load(Relaxed)).is_asked_again(); // Relaxed: this thread has written the mark.
        self.slot.store(self.thread.0, Relaxed); // Relaxed: only this thread acts on the mark.
        asked
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.slot.store(Runner::NONE.0, Relaxed); // Relaxed: a free slot publishes nothing.
    }
}
