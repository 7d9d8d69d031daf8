//! Goroutines that are bound to an M, and that other threads make ready.

use super::chain::{Chain, Links, NONE, Task};
use core::fmt;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// The bound tasks that other threads have made ready: a stack, which the M takes as a whole.
pub struct Inbox {
    top: AtomicU32,
}

impl Inbox {
    /// Returns an inbox without tasks.
    pub fn new() -> Inbox {
        Inbox { top: AtomicU32::new(NONE) }
    }

    /// Puts a task. The caller calls `submit_bound` next, so that the M sees the task or is woken.
    pub fn push(&self, links: &impl Links, task: Task) {
        let mut top = self.top.load(Relaxed); // Relaxed: the CAS checks the value.
        loop {
            links.link(task).store(top, Relaxed); // Relaxed: the CAS publishes the link.
            // Release: publishes the link, and what was done before, to the Acquire swap in `take`; a CAS continues the
            // release sequences of the tasks below. Relaxed on failure: the loop looks again.
            // site: push-bound
            match self.top.compare_exchange(top, task, Release, Relaxed) {
                Ok(_) => return,
                Err(other) => top = other,
            }
        }
    }

    /// Takes all tasks, in the order in which they were put; for the M.
    pub fn take(&self, links: &impl Links) -> Chain {
        let mut tasks = Chain::new();
        if self.is_empty() {
            return tasks;
        }
        // Acquire: synchronizes with the Release CAS of each `push`: the links, and what was done before.
        let mut task = self.top.swap(NONE, Acquire); // site: take-bound
        while task != NONE {
            let below = links.link(task).load(Relaxed); // Relaxed: published by the CAS of `push`.
            tasks.push_front(links, task);
            task = below;
        }
        tasks
    }

    /// Returns whether there is no task.
    pub fn is_empty(&self) -> bool {
        self.top.load(Relaxed) == NONE // Relaxed: the caller passes a fence before its last look.
    }
}

impl Default for Inbox {
    fn default() -> Inbox {
        Inbox::new()
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("is_empty", &self.is_empty()).finish()
    }
}
