//! A bound on how often operations begin anew.
//!
//! Two lock-free operations may make each other begin anew any number of times. The program notes each time, and a thread
//! that has noted more than [`Options::max_retries`](super::Options::max_retries) stops for good.
//!
//! R1. Each execution in which no thread goes beyond the bound is explored, though intermediate graphs, whose events a
//! revisit takes out later, may hold threads that do. Whether a thread stops depends on the thread's own events alone. So
//! the machine explores all executions of another program, whose threads stop by themselves, and those in which none has
//! stopped are the executions within the bound.

use super::{Machine, State};
use crate::explore::twin::{self, Twin};

impl Machine {
    /// Returns whether there is a bound on how often a thread's operations may begin anew.
    pub fn bounds_retries(&self) -> bool {
        self.options.max_retries.is_some()
    }

    /// Notes that an operation of the current thread begins anew. Beyond the bound the thread stops for good: the other
    /// threads go on, and the execution is not counted.
    pub fn note_retry(&self) {
        let Some(bound) = self.options.max_retries else { return };
        let is_beyond = {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let me = run.me();
            me.retries += 1;
            let is_beyond = me.retries > bound;
            exploration.retries_cut |= is_beyond && !twin::is(Twin::RetryIsNotNoted);
            is_beyond
        };
        if is_beyond && twin::is(Twin::RetryEndsTheRun) {
            self.dead_end();
        }
        if is_beyond {
            self.stop();
        }
    }

    /// Returns whether the bound on retries has cut anything.
    pub fn retries_cut(&self) -> bool {
        self.state.borrow().exploration.retries_cut
    }
}
