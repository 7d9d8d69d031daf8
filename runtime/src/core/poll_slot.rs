//! One direction of a descriptor: whether it is ready, or which goroutine waits for it.
//!
//! The poller is edge-triggered: it tells once that a descriptor has become ready. The word remembers it until a
//! goroutine has seen it.
//!
//! L1. No readiness is lost. A goroutine tries its call, and then waits by a CAS from idle. The poller swaps in ready. If
//! the swap comes first, the CAS fails, and the goroutine tries again; else the swap finds the goroutine.
//!
//! A wake-up may be spurious, so the goroutine tries its call again after each.

use super::chain::{NONE, Task};
use selvedge::rt::sync::atomic::AtomicU64;
use selvedge::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// The state of one direction of a descriptor.
#[derive(Debug)]
pub struct PollSlot(AtomicU64);

/// What a goroutine that wants to wait has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Armed {
    /// The goroutine may park.
    Waits,
    /// The descriptor has become ready meanwhile.
    Ready,
    /// Another goroutine waits for the same direction.
    Taken,
}

/// A goroutine that waits for a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// Its task.
    pub task: Task,
    /// The lower half of the number of its wait.
    pub wait: u32,
}

const IDLE: u64 = 0;
const READY: u64 = 1;

impl Waiter {
    /// Returns the waiter for a task's wait.
    pub fn new(task: Task, wait: u64) -> Waiter {
        debug_assert_ne!(task, NONE);
        Waiter { task, wait: wait as u32 }
    }

    /// A word that is neither [`IDLE`] nor [`READY`], since a task's number is not 0.
    fn word(self) -> u64 {
        u64::from(self.task) << u32::BITS | u64::from(self.wait)
    }
}

impl PollSlot {
    /// Returns the state of a descriptor that is not known to be ready.
    pub fn new() -> PollSlot {
        PollSlot(AtomicU64::new(IDLE))
    }

    /// Waits, for a goroutine that has begun a wait and parks next; or takes the readiness that has come.
    pub fn arm(&self, waiter: Waiter) -> Armed {
        // Release: publishes that the wait has begun to the Acquire swap in `ready`, which hands its number to
        // `unpark_low`. Acquire on failure: synchronizes with that swap: the next try sees what the poller saw.
        // site: wait-for-descriptor
        match self.0.compare_exchange(IDLE, waiter.word(), Release, Acquire) {
            Ok(_) => Armed::Waits,
            // Relaxed: the readiness was acquired by the load. If the CAS fails, another goroutine has taken the readiness
            // too, and trying again does no harm.
            Err(READY) => {
                _ = self.0.compare_exchange(READY, IDLE, Relaxed, Relaxed); // site: take-readiness
                Armed::Ready
            }
            Err(_) => Armed::Taken,
        }
    }

    /// Remembers that the descriptor is ready, for the poller. Returns the goroutine that waits, to be unparked.
    #[must_use = "the goroutine waits until it is unparked"]
    pub fn ready(&self) -> Option<Waiter> {
        // AcqRel. Release: publishes the readiness to the failing CAS in `arm`. Acquire: synchronizes with the CAS in `arm`:
        // the wait has begun before it is unparked. A waiter that was found is told by the unpark, and leaves the
        // readiness behind, which costs it one spurious try.
        let found = self.0.swap(READY, AcqRel); // site: set-ready
        let task = (found >> u32::BITS) as Task;
        (task != NONE).then_some(Waiter { task, wait: found as u32 })
    }

    /// Stops waiting, for a goroutine whose wait has ended otherwise.
    pub fn disarm(&self, waiter: Waiter) {
        // Relaxed: nothing is published. If the CAS fails, the descriptor has become ready, which the word keeps.
        _ = self.0.compare_exchange(waiter.word(), IDLE, Relaxed, Relaxed); // site: stop-waiting
    }
}

impl Default for PollSlot {
    fn default() -> PollSlot {
        PollSlot::new()
    }
}
