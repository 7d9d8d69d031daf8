//! Which M has a P, while the P's M may be in a blocking call, or in user code that does not come back.
//!
//! One word holds the number of the P's *tenure* and its state. A tenure begins when an M gets the P. The M is in the
//! *runtime*, or it runs *user* code, or it is *blocked*. Only in the last two states may another thread take the P,
//! which begins the next tenure; the old M learns of it when it comes back.
//!
//! P1. One M at a time uses a P. A P is taken by a CAS from the state user or blocked, and its M comes back by a CAS from
//! the same state; one of them succeeds. An M whose tenure is over finds another number, also when the new M is in the
//! same state.

use core::fmt;
use selvedge::rt::sync::atomic::AtomicU64;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::twin::is_twin;

/// Which M uses a P.
pub struct ProcState(AtomicU64);

/// The number of the time for which an M has a P.
pub type Tenure = u64;

/// A state in which a P can be taken from its M.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// The M runs user code, which may take too long.
    User = 1,
    /// The M is in a blocking call.
    Blocked = 2,
}

const RUNTIME: u64 = 0;
const SHIFT: u32 = 2;

impl ProcState {
    /// Returns the state of a P in its tenure 0, whose M is in the runtime.
    pub fn new() -> ProcState {
        ProcState(AtomicU64::new(RUNTIME))
    }

    /// Leaves the runtime.
    pub fn go(&self, tenure: Tenure, away: Away) {
        // Release: publishes what the M has done to the P to the Acquire CAS in `take`.
        self.0.store(tenure << SHIFT | away as u64, Release); // site: leave-runtime
    }

    /// Comes back into the runtime, and returns whether the M still has its P.
    pub fn back(&self, tenure: Tenure, away: Away) -> bool {
        // The twin takes any tenure for its own.
        // site: compare-tenures
        let tenure = if is_twin() { self.0.load(Relaxed) >> SHIFT } else { tenure };
        let (left, back) = (tenure << SHIFT | away as u64, tenure << SHIFT | RUNTIME);
        // Relaxed: if the CAS succeeds, then no other M had the P meanwhile.
        self.0.compare_exchange(left, back, Relaxed, Relaxed).is_ok() // site: come-back
    }

    /// Takes the P from its M, if the M is away in this state; returns the number of the new tenure, in the runtime.
    #[must_use]
    pub fn take(&self, away: Away) -> Option<Tenure> {
        let found = self.0.load(Relaxed); // Relaxed: the CAS checks the value.
        if found & ((1 << SHIFT) - 1) != away as u64 {
            return None;
        }
        let tenure = (found >> SHIFT) + 1;
        // Acquire: synchronizes with the Release store in `go`: what the old M has done to the P. Relaxed on failure: the
        // M has come back, or another thread has the P.
        // site: take-proc
        self.0.compare_exchange(found, tenure << SHIFT | RUNTIME, Acquire, Relaxed).ok()?;
        Some(tenure)
    }

    /// Begins a tenure of a P that its owner hands over or has taken from the idle ones.
    pub fn hand_over(&self) -> Tenure {
        // Relaxed: the owner has the P, in the runtime, and publishes it by what hands the P over.
        let tenure = (self.0.load(Relaxed) >> SHIFT) + 1;
        self.0.store(tenure << SHIFT | RUNTIME, Relaxed);
        tenure
    }
}

impl Default for ProcState {
    fn default() -> ProcState {
        ProcState::new()
    }
}

impl fmt::Debug for ProcState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.0.load(Relaxed); // Relaxed: numbers to look at.
        f.debug_struct("ProcState").field("tenure", &(word >> SHIFT)).finish_non_exhaustive()
    }
}
