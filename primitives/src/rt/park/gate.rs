//! How threads wait for something that others change, where no engine runs: an event count.
//!
//! G1. No wake-up is lost. A thread reads the count, then looks at what it waits for, then sleeps unless the count has
//! changed. A thread that changes something counts up afterwards. Both do so under the lock of the count: if the waiter
//! read the count after the change was counted, it sees the change; else it finds another count and does not sleep. A
//! thread that sleeps has left its unparker in the list under that lock, and the next count wakes all that are there.

use super::{Parker, Unparker};
use crate::rt::task::Why;
use crate::rt::thread;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Lets threads wait until others have changed something. It has no state of an execution, so it may stand in a static.
pub(crate) struct Gate(Mutex<State>);

struct State {
    /// How often something has changed.
    count: u64,
    /// The threads that sleep, each with the number of its wait.
    waiters: Vec<(u64, Unparker)>,
    /// The number of the next wait.
    next: u64,
}

impl Gate {
    pub(crate) const fn new() -> Gate {
        Gate(Mutex::new(State { count: 0, waiters: Vec::new(), next: 0 }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks until `condition` holds, which changes nothing when it does not hold. Under an engine this is an
    /// [`rt::wait_until`](crate::rt::wait_until).
    #[track_caller]
    pub(crate) fn until(&self, why: Why, mut condition: impl FnMut() -> bool) {
        if thread::wait_under_engine(&mut condition) {
            return;
        }
        loop {
            let seen = self.seen();
            if condition() {
                return;
            }
            self.wait(seen, Parker::outside(why), None);
        }
    }

    /// Returns the count, to be read before a thread looks whether it must wait.
    pub(super) fn seen(&self) -> u64 {
        self.state().count
    }

    /// Blocks in this wait until something has changed since [`seen`](Self::seen) returned; or returns `false` at the deadline.
    #[track_caller]
    pub(super) fn wait(&self, seen: u64, parker: Parker, deadline: Option<Instant>) -> bool {
        let number = {
            let mut state = self.state();
            if state.count != seen {
                return true;
            }
            state.next += 1;
            let number = state.next;
            state.waiters.push((number, parker.unparker()));
            number
        };
        if parker.park_deadline(deadline) {
            return true;
        }
        let mut state = self.state();
        let before = state.waiters.len();
        state.waiters.retain(|waiter| waiter.0 != number);
        // A thread that is no longer in the list has been woken by a change.
        state.waiters.len() == before
    }

    /// Lets all threads that wait look again: something has changed. Under an engine nothing is to be done.
    #[track_caller]
    pub(crate) fn open(&self) {
        if thread::under_engine() {
            return;
        }
        let waiters = {
            let mut state = self.state();
            state.count += 1;
            core::mem::take(&mut state.waiters)
        };
        waiters.into_iter().for_each(|(_, unparker)| unparker.unpark());
    }
}
