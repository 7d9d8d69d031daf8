//! The global queue: runnable tasks that belong to no P.

use super::chain::{Chain, Links, Task};
use super::list_lock::ListLock;
use core::fmt;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::Relaxed;

/// The global queue. Its lock is held for a few loads and stores of a list, and for each task that is taken.
pub struct Injector {
    tasks: ListLock<Chain>,
    /// How many tasks there are, to look at without the lock.
    len: AtomicU32,
}

impl Injector {
    /// Returns a queue without tasks.
    pub fn new() -> Injector {
        Injector { tasks: ListLock::new(Chain::new()), len: AtomicU32::new(0) }
    }

    /// Puts tasks at the end.
    pub fn push(&self, links: &impl Links, more: Chain) {
        let mut tasks = self.tasks.lock();
        tasks.append(links, more);
        // Relaxed: a thread that takes tasks has the lock. A thread that only looks has put a fence between this store's
        // partner and its look: `Idle::submit` after this store, and `Idle::give_up` before the load.
        self.len.store(tasks.len(), Relaxed); // site: count-pushed
    }

    /// Puts a task at the end.
    pub fn push_one(&self, links: &impl Links, task: Task) {
        let mut one = Chain::new();
        one.push(links, task);
        self.push(links, one);
    }

    /// Takes the share of one of `procs` Ps: one task more than an equal share, and at most `most`.
    pub fn take(&self, links: &impl Links, procs: u32, most: u32) -> Chain {
        if self.is_empty() {
            return Chain::new();
        }
        let mut tasks = self.tasks.lock();
        let share = tasks.len() / procs.max(1) + 1;
        let taken = tasks.split(links, share.min(most));
        self.len.store(tasks.len(), Relaxed); // Relaxed: `push` says why. // site: count-taken
        taken
    }

    /// Returns how many tasks there are. The number may be old by the time it is used.
    pub fn len(&self) -> u32 {
        self.len.load(Relaxed) // Relaxed: only the number counts; a thread that takes tasks has the lock.
    }

    /// Returns whether there is no task.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Injector {
    fn default() -> Injector {
        Injector::new()
    }
}

impl fmt::Debug for Injector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Injector").field("len", &self.len()).finish_non_exhaustive()
    }
}
