//! The end of a run.
//!
//! E1. Every M learns of the end. The thread that ends the run stores that, passes a SeqCst fence, and wakes the Ms that say that they
//! sleep. An M says that it sleeps, passes a SeqCst fence (in `Idle::give_up`, `bound::submit_bound` or
//! `bound::last_look_without_a_p`), and looks whether the run has ended. One of the fences comes first: either the M sees the end, or
//! the thread sees the M asleep. An M without a P has to look too: nobody gives a P on any more for which it could wait.

use core::fmt;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Release, SeqCst};
use selvedge::rt::sync::atomic::{AtomicBool, fence};

/// Whether a run has ended.
pub struct Ending(AtomicBool);

impl Ending {
    /// Returns that of a run that goes on.
    pub fn new() -> Ending {
        Ending(AtomicBool::new(false))
    }

    /// Ends the run. The caller then wakes every M that sleeps.
    pub fn end(&self) {
        // Release: publishes what the main goroutine has done to the Acquire load in `has_come`.
        self.0.store(true, Release); // site: end-run
        // SeqCst: the end was published before, and the Ms are looked at after (E1).
        fence(SeqCst); // site: fence-after-the-end
    }

    /// Returns whether the run has ended. If so, what the main goroutine did happens before the return.
    pub fn has_come(&self) -> bool {
        self.0.load(Acquire) // site: look-for-the-end
    }
}

impl Default for Ending {
    fn default() -> Ending {
        Ending::new()
    }
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ending").field(&self.has_come()).finish()
    }
}
