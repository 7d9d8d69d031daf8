//! How an M sleeps, and how it is given a P.
//!
//! An idle P remembers the M that left it, but that M may have been woken since for another P, to run a goroutine that is
//! bound to it. So the bit of an idle P gives the P, and the M's mailbox gives the M. A thread that has a P and wakes an M
//! for it *assigns* the P. If the M does not sleep, the thread takes another M.
//!
//! An M may be woken without a P too, to look again at something that has changed, such as the earliest deadline.
//!
//! M1. The token belongs to the M while it is awake, and from the CAS that assigns a P to the thread that made the CAS,
//! until that thread has used the token. An M to which a P was assigned waits for its token.

use core::fmt;
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Whether an M sleeps, and which P it was given. `T` is what wakes it.
pub struct Mailbox<T> {
    word: AtomicU32,
    token: UnsafeCell<Option<T>>,
}

// SAFETY: the token goes from thread to thread by M1, and one thread at a time uses it.
unsafe impl<T: Send> Sync for Mailbox<T> {}

/// What an M was woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The number of the P that the M has now; `None`: the M is to look again, without one.
    pub p: Option<usize>,
    /// Whether the M counts as searching.
    pub searching: bool,
}

const AWAKE: u32 = 0;
const ASLEEP: u32 = 1;
/// The M was woken; with [`SEARCHING`], and above [`SHIFT`] one more than the number of the P, or 0.
const ASSIGNED: u32 = 2;
const SEARCHING: u32 = 4;
const SHIFT: u32 = 3;

impl<T> Mailbox<T> {
    /// Returns the mailbox of an M that is awake.
    pub fn new() -> Mailbox<T> {
        Mailbox { word: AtomicU32::new(AWAKE), token: UnsafeCell::new(None) }
    }

    /// Says that the M is about to sleep; for the M, before it gives its P up.
    pub fn sleep(&self, token: T) {
        // SAFETY: M1: the M is awake, and the token is its own.
        self.token.with_mut(|place| unsafe { *place = Some(token) });
        // Release: publishes the token to the Acquire CAS in `assign` (M1).
        self.word.store(ASLEEP, Release); // site: fall-asleep
    }

    /// Returns whether the M sleeps, or is about to, and has no P yet.
    pub fn is_asleep(&self) -> bool {
        self.word.load(Relaxed) == ASLEEP // Relaxed: the caller has passed a fence, passes one, or assigns a P next.
    }

    /// Gives the M a P, or tells it to look again, if it sleeps; returns its token, to be used after the M was counted as
    /// awake.
    #[must_use = "the M waits for its token"]
    pub fn assign(&self, assigned: Assigned) -> Option<T> {
        let searching = if assigned.searching { SEARCHING } else { 0 };
        let p = assigned.p.map_or(0, |p| p as u32 + 1);
        let word = p << SHIFT | searching | ASSIGNED;
        // Acquire: synchronizes with the Release store in `sleep`: the token (M1). No Release: the token publishes what
        // was done to the P. Relaxed on failure: the M is awake, or has a P.
        self.word.compare_exchange(ASLEEP, word, Acquire, Relaxed).ok()?; // site: assign
        // SAFETY: M1: this thread's CAS has assigned the P, so the token is its own.
        self.token.with_mut(|token| unsafe { (*token).take() })
    }

    /// Stays awake after all, and returns whether it was in time; if not, then the M waits for its token. For the M.
    #[must_use = "the M waits for its token if a P was assigned"]
    pub fn stay(&self) -> bool {
        // Release: a thread that finds the M awake, and passes a fence before it sleeps itself, finds the M counted. Not
        // model-checked: else the two counts could only be in the wrong order if each thread read what the other does later, which no
        // engine explores. No Acquire: the token is this thread's own again, and it wrote the token last. Relaxed on failure: the
        // token synchronizes.
        // site: stay-awake
        if self.word.compare_exchange(ASLEEP, AWAKE, Release, Relaxed).is_err() {
            return false;
        }
        // SAFETY: M1: the M is awake, and the token is its own.
        drop(self.token.with_mut(|token| unsafe { (*token).take() }));
        true
    }

    /// Returns what the M was woken for; for the M, once its token was used.
    ///
    /// # Panics
    /// If no thread has woken it.
    pub fn wake(&self) -> Assigned {
        let word = self.word.load(Relaxed); // Relaxed: the token synchronizes.
        assert!(word & ASSIGNED != 0, "an M wakes that no thread has woken");
        self.word.store(AWAKE, Relaxed); // Relaxed: only `assign` reads it, by a CAS that then fails.
        Assigned { p: (word >> SHIFT).checked_sub(1).map(|p| p as usize), searching: word & SEARCHING != 0 }
    }
}

impl<T> Default for Mailbox<T> {
    fn default() -> Mailbox<T> {
        Mailbox::new()
    }
}

impl<T> fmt::Debug for Mailbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("is_asleep", &self.is_asleep()).finish_non_exhaustive()
    }
}
