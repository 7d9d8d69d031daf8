//! A point that threads pass together.

use crate::queue::LazyWaiters;
use crate::rt::entry::enter;
use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::fmt;

/// A point that a number of threads pass together, again and again.
///
/// What each did before it came happens before each goes on.
///
/// ```
/// use selvedge::rt::thread;
/// use selvedge::sync::Barrier;
/// let barrier = Barrier::new(2);
/// thread::scope(|scope| {
///     let other = scope.spawn(|| barrier.wait());
///     assert!(barrier.wait() != other.join().unwrap(), "one of them was the last");
/// });
/// ```
pub struct Barrier {
    /// How many have come (lower half), and how often all have (upper half).
    arrived: AtomicU64,
    threads: u32,
    queue: LazyWaiters,
}

impl Barrier {
    constructor! {
        /// A point that so many threads pass together.
        ///
        /// # Panics
        /// If there are none.
        ///
        /// ```
        /// assert!(selvedge::sync::Barrier::new(1).wait(), "the only one is the last");
        /// ```
        pub fn new(threads: u32) -> Barrier {
            assert!(threads > 0, "a barrier is passed by at least one thread");
            Barrier { arrived: AtomicU64::new(0), threads, queue: LazyWaiters::new() }
        }
    }

    /// The same for a static.
    ///
    /// # Panics
    /// If there are no threads.
    ///
    /// ```
    /// static START: selvedge::sync::Barrier = selvedge::sync::Barrier::const_new(1);
    /// START.wait();
    /// ```
    pub const fn const_new(threads: u32) -> Barrier {
        assert!(threads > 0, "a barrier is passed by at least one thread");
        Barrier { arrived: AtomicU64::const_new(0), threads, queue: LazyWaiters::const_new() }
    }

    /// Waits until all have come; whether we were the last.
    ///
    /// ```
    /// let barrier = selvedge::sync::Barrier::new(1);
    /// assert!(barrier.wait() && barrier.wait());
    /// ```
    #[track_caller]
    pub fn wait(&self) -> bool {
        let _entry = enter();
        self.pass()
    }

    fn pass(&self) -> bool {
        let mut arrived = self.arrived.load(Relaxed); // Relaxed: the exchange decides.
        loop {
            let last = arrived as u32 + 1 == self.threads;
            let to = if last { (arrived >> 32).wrapping_add(1) << 32 } else { arrived + 1 };
            // SeqCst: who waits enters the queue, and then looks at the round. AcqRel, by that: what those before us
            // did happens before the last one comes, and that before all go on.
            // site: arrive
            match self.arrived.compare_exchange(arrived, to, SeqCst, Relaxed) {
                Err(found) => arrived = found,
                Ok(_) if last => {
                    if let Some(queue) = self.queue.get() {
                        queue.wake_all();
                    }
                    return true;
                }
                Ok(_) => {
                    self.wait_for_the_rest(arrived >> 32);
                    return false;
                }
            }
        }
    }

    fn wait_for_the_rest(&self, round: u64) {
        loop {
            let ticket = self.queue.make().enter();
            // SeqCst: see `pass`.
            if self.arrived.load(SeqCst) >> 32 != round {
                ticket.cancel();
                return;
            }
            // A wake-up may be that of the round before.
            ticket.wait(None);
        }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrived = self.arrived.load(Relaxed) as u32; // Relaxed: a snapshot.
        write!(f, "Barrier {{ {arrived} of {} }}", self.threads)
    }
}
