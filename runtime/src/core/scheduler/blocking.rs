//! Calls that block the thread: meanwhile other Ms run the goroutines that have not begun.
//!
//! The P is given away at once, and not only once another thread misses it: to leave it idle costs a fetch_add, a fence and
//! a look at the queues, and a thread that submits work meanwhile finds it there.

use super::{Env, Here};
use crate::core::chain::NONE;
use selvedge::rt::twin::is_twin;

impl<E: Env> Here<E> {
    /// Gives the P away, since the goroutine is about to block its thread. The M stays counted as awake.
    pub fn begin_blocking(&self) {
        // Inside the runtime the thread blocks for a moment, and keeps its P.
        if self.running.get() == NONE || self.in_runtime.get() {
            return;
        }
        let depth = self.blocked.get();
        self.blocked.set(depth + 1);
        if depth == 0 {
            self.in_runtime.set(true);
            self.come_back();
            E::ends(&self.m);
            let proc = self.proc.take();
            // The twin lets the P lie.
            // site: give-the-p-away
            if let Some(proc) = proc.filter(|_| !is_twin()) {
                self.m.instance.give_away(proc);
            }
            self.in_runtime.set(false);
        }
    }

    /// Gets a P again.
    pub fn end_blocking(&self) {
        if self.running.get() == NONE || self.in_runtime.get() {
            return;
        }
        let depth = self.blocked.get() - 1;
        if depth == 0 {
            self.in_runtime.set(true);
            while self.proc.get().is_none() && !self.instance().has_ended() {
                self.get_proc();
            }
            // The M was woken for a P and not to search; if another thread thought that it searches, it no longer does.
            self.stop_searching();
            E::begins(self, self.running.get(), self.bound_len());
            self.begin_slice();
            self.in_runtime.set(false);
        }
        self.blocked.set(depth);
    }
}
