//! A barrier for models, with std's names.
//!
//! B1. The word counts all arrivals. The threads of one round are those whose numbers have one quotient by the number of
//! threads, so no thread of the next round is counted in this one, and the count is never set back.

use super::atomic::AtomicU64;
use super::atomic::Ordering::{AcqRel, Acquire};
use crate::rt::park::Gate;
use crate::rt::task::Why;
use crate::spec;
use core::fmt;

/// Lets a number of threads wait for each other, as [`std::sync::Barrier`], for models and tests. The library's own is
/// [`sync::Barrier`](crate::sync::Barrier).
///
/// ```
/// use selvedge::rt::{sync::Barrier, thread};
/// let barrier = Barrier::new(2);
/// thread::scope(|scope| {
///     let other = scope.spawn(|| barrier.wait().is_leader());
///     assert_ne!(barrier.wait().is_leader(), other.join().expect("no panic"));
/// });
/// ```
pub struct Barrier {
    /// How many threads have arrived, in all rounds.
    arrived: AtomicU64,
    /// How many threads make a round.
    threads: u64,
    gate: Gate,
    spec: spec::Barrier,
}

/// What [`Barrier::wait`] returns.
#[derive(Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Returns whether this thread is the one that arrived last.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

const fn at_least_one(threads: usize) -> u64 {
    if threads == 0 { 1 } else { threads as u64 }
}

impl Barrier {
    constructor! {
        /// Returns a barrier at which `threads` threads wait for each other; 0 is 1. This function is `const` in the default
        /// build only, for the reasons in [`rt`](crate::rt#statics).
        pub fn new(threads: usize) -> Barrier {
            Barrier {
                arrived: AtomicU64::new(0),
                threads: at_least_one(threads),
                gate: Gate::new(),
                spec: spec::Barrier::new("rt barrier"),
            }
        }
    }

    /// Returns a barrier for a static; `const` in every build. Under an engine no thread has arrived when an execution
    /// begins.
    #[track_caller]
    pub const fn const_new(threads: usize) -> Barrier {
        Barrier {
            arrived: AtomicU64::const_new(0),
            threads: at_least_one(threads),
            gate: Gate::new(),
            spec: spec::Barrier::const_new("rt barrier"),
        }
    }

    /// Blocks until as many threads have called this as the barrier is for. What each of them did before happens before
    /// all of them return.
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        if self.spec.is_specified() {
            return BarrierWaitResult(self.spec.wait(self.threads));
        }
        let number = self.arrive();
        let leads = number % self.threads == self.threads - 1;
        if leads {
            self.gate.open();
        } else {
            let last = number / self.threads * self.threads + self.threads;
            self.gate.until(Why::Barrier, || self.count() >= last);
        }
        BarrierWaitResult(leads)
    }

    /// Counts the caller, and returns its number.
    fn arrive(&self) -> u64 {
        // AcqRel. Release: publishes what this thread did, by the release sequence of the later arrivals, to the thread that
        // completes the round, and to those that wait in `count`. Acquire: the thread that completes the round gets what
        // the others did. With Relaxed threads of one round would race with each other's next step (mutant).
        self.arrived.fetch_add(1, AcqRel) // site: arrive
    }

    fn count(&self) -> u64 {
        // Acquire: synchronizes with the arrivals of the round, by the release sequence that ends with the last one. With
        // Relaxed this thread would race with what the others did before they arrived (mutant).
        self.arrived.load(Acquire) // site: see-round
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}
