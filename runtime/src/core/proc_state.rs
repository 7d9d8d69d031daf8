//! Whether a P's M is in user code, from which it may not come back for long.
//!
//! An M runs a goroutine for a *slice*, whose number the word of the P holds. During the slice the M runs *user* code, or
//! is in the *runtime*, when the goroutine has called it. A thread that watches may take the P from an M in user code: that
//! ends the slice, and the M learns of it when it comes back.
//!
//! P1. One M at a time uses a P. The M uses it in the runtime only. The P is taken by a CAS from a slice in user code, and
//! its M comes back by a CAS from the same; one of them succeeds. An M whose slice was ended so finds another number, also
//! when the next M of the P is in user code too.

use core::fmt;
use selvedge::rt::sync::atomic::AtomicU64;
use selvedge::rt::sync::atomic::Ordering::{AcqRel, Relaxed, Release};
use selvedge::rt::twin::is_twin;

/// The slice of a P: its number, and whether its M runs user code.
pub struct ProcState(AtomicU64);

/// The number of a slice.
pub type Slice = u64;

const RUNTIME: u64 = 0;
const USER: u64 = 1;
const SHIFT: u32 = 1;

impl ProcState {
    /// Returns the state of a P whose M is in the runtime.
    pub fn new() -> ProcState {
        ProcState(AtomicU64::new(RUNTIME))
    }

    /// Begins a slice, in user code; for the M that has the P.
    pub fn begin(&self) -> Slice {
        // Relaxed: the M has the P, and got it by something that synchronizes with the M that had it before.
        let slice = (self.0.load(Relaxed) >> SHIFT) + 1;
        self.go_on(slice);
        slice
    }

    /// Leaves the runtime, in the slice.
    pub fn go_on(&self, slice: Slice) {
        // Release: publishes what the M has done to the P to the Acquire CAS in `take`.
        self.0.store(slice << SHIFT | USER, Release); // site: leave-runtime
    }

    /// Comes back into the runtime, and returns whether the M still has its P.
    #[must_use]
    pub fn back(&self, slice: Slice) -> bool {
        // The twin takes any slice for its own.
        // site: compare-slices
        let slice = if is_twin() { self.0.load(Relaxed) >> SHIFT } else { slice };
        // Relaxed: if the CAS succeeds, then no other M had the P meanwhile.
        // site: come-back
        self.0.compare_exchange(slice << SHIFT | USER, slice << SHIFT | RUNTIME, Relaxed, Relaxed).is_ok()
    }

    /// Returns the slice, if the M is in user code.
    pub fn in_user_code(&self) -> Option<Slice> {
        let found = self.0.load(Relaxed); // Relaxed: `take` checks the value.
        (found & USER != 0).then_some(found >> SHIFT)
    }

    /// Returns the number of the slice that was begun last: it stands still while one goroutine runs.
    pub fn slice(&self) -> Slice {
        self.0.load(Relaxed) >> SHIFT // Relaxed: a number to look at.
    }

    /// Takes the P from its M, if the M is in user code, in this slice; returns whether the caller has the P.
    #[must_use]
    pub fn take(&self, slice: Slice) -> bool {
        let (seen, taken) = (slice << SHIFT | USER, (slice + 1) << SHIFT | RUNTIME);
        // AcqRel. Acquire: synchronizes with the Release store in `go_on`: what the M has done to the P. Release: an M that
        // finds its P gone, and passes a fence before it sleeps, finds the caller counted as awake (`Instance::demote`). Not
        // model-checked: else the two counts could only be in the wrong order if each thread read what the other does later, which no
        // engine explores. Relaxed on failure: the M has come back, or another thread has the P.
        // site: take-proc
        self.0.compare_exchange(seen, taken, AcqRel, Relaxed).is_ok()
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
        f.debug_struct("ProcState")
            .field("slice", &(word >> SHIFT))
            .field("user", &(word & USER != 0))
            .finish()
    }
}
