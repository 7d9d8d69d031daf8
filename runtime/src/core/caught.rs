//! One kind of signal: whether the program catches it, and how often it has come.
//!
//! The handler of a signal runs between any two instructions of any thread. By then the program may have ceased to catch the
//! signal, however short the handler is: the kernel decides to call it, and runs it later. So the handler asks, and what it is
//! told is final:
//!
//! C1. [`catch`](Caught::catch) counts a signal by the CAS that also sees that the program catches it, and
//! [`release`](Caught::release) takes the count by the swap that also ends that. So each signal is either counted, and
//! taken once, or the handler knows that it was not caught, and leaves it to its default action. None comes after `release`.

use core::fmt;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::twin::is_twin;

/// Whether a signal is caught, and how often it has come since it was last asked for.
pub struct Caught(AtomicU32);

/// The program catches the signal.
const CATCHES: u32 = 1;
/// One signal that came.
const ONE: u32 = 2;

impl Caught {
    /// Returns the state of a signal that is not caught.
    pub fn new() -> Caught {
        Caught(AtomicU32::new(0))
    }

    /// Returns the state of a signal that is not caught, for a static.
    pub const fn const_new() -> Caught {
        Caught(AtomicU32::const_new(0))
    }

    /// Catches the signal from now on.
    pub fn want(&self) {
        self.0.fetch_or(CATCHES, Relaxed); // Relaxed: nothing is published; C1 lies in the CAS of `catch`.
    }

    /// Counts a signal that has come, if it is caught, and returns whether it is; for a handler. It takes one step, unless
    /// another thread takes one meanwhile.
    pub fn catch(&self) -> bool {
        let mut word = self.0.load(Relaxed); // Relaxed: the CAS decides.
        while word & CATCHES != 0 {
            // site: count-what-is-caught
            if is_twin() {
                // The twin counts after its look, and so perhaps a signal that is no longer caught. Not model-checked: nothing
                // else comes here.
                self.0.fetch_add(ONE, Release);
                return true;
            }
            // So many that nobody took are as good as one more.
            let Some(more) = word.checked_add(ONE) else { return true };
            // Release: publishes what happened before the signal on this thread to the Acquire in `take` and `release`.
            // Relaxed on failure: the CAS is tried again.
            // site: count
            match self.0.compare_exchange_weak(word, more, Release, Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Returns how many signals have come since this was last asked.
    pub fn take(&self) -> u32 {
        // Acquire: synchronizes with the Release CAS in `catch`, so that what happened before the signal happens before
        // its receipt.
        self.0.fetch_and(CATCHES, Acquire) / ONE // site: take
    }

    /// Ceases to catch the signal, and returns how many came before and were not taken. None comes after (C1).
    pub fn release(&self) -> u32 {
        // Acquire: synchronizes with the Release CAS in `catch`, as in `take`.
        self.0.swap(0, Acquire) / ONE // site: release
    }

    /// Returns whether the signal is caught, at some moment.
    pub fn is_caught(&self) -> bool {
        self.0.load(Relaxed) & CATCHES != 0 // Relaxed: the caller holds the lock under which this changes.
    }
}

impl Default for Caught {
    fn default() -> Caught {
        Caught::new()
    }
}

impl fmt::Debug for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caught").field("is_caught", &self.is_caught()).finish_non_exhaustive()
    }
}
