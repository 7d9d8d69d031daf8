//! A point that threads pass together.

use crate::queue::LazyWaiters;
use crate::rt::entry::enter;
use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::rt::task::Why;
use crate::rt::until::Until;
use crate::spec;
use core::fmt;

/// A point that a number of threads pass together, again and again.
///
/// Whatever a thread did before it arrived happens before any of the threads goes on.
///
/// ```
/// use selvedge::rt::thread;
/// use selvedge::sync::Barrier;
/// let barrier = Barrier::new(2);
/// thread::scope(|scope| {
///     let other = scope.spawn(|| barrier.wait());
///     assert!(barrier.wait() != other.join().unwrap(), "one of the two was the last");
/// });
/// ```
pub struct Barrier {
    /// An [`Arrivals`].
    arrived: AtomicU64,
    threads: u32,
    queue: LazyWaiters,
    spec: spec::Barrier,
}

/// The number of threads that have arrived (lower half), and the round: how often all have (upper half).
#[derive(Clone, Copy)]
struct Arrivals(u64);

impl Arrivals {
    const fn arrived(self) -> u32 {
        self.0 as u32
    }

    const fn round(self) -> u64 {
        self.0 >> 32
    }

    /// Counts one more thread of the `threads` that a round has.
    const fn next(self, threads: u32) -> Arrivals {
        if self.arrived() + 1 == threads {
            Arrivals(self.round().wrapping_add(1) << 32)
        } else {
            Arrivals(self.0 + 1)
        }
    }
}

impl Barrier {
    constructor! {
        /// Creates a point that `threads` threads pass together.
        ///
        /// # Panics
        /// If `threads` is zero.
        ///
        /// ```
        /// assert!(selvedge::sync::Barrier::new(1).wait(), "the only one is the last");
        /// ```
        pub fn new(threads: u32) -> Barrier {
            assert!(threads > 0, "a barrier is passed by at least one thread");
            Barrier {
                arrived: AtomicU64::new(0),
                threads,
                queue: LazyWaiters::new(),
                spec: spec::Barrier::new("barrier"),
            }
        }
    }

    /// Creates a barrier for a static.
    ///
    /// # Panics
    /// If `threads` is zero.
    ///
    /// ```
    /// static START: selvedge::sync::Barrier = selvedge::sync::Barrier::const_new(1);
    /// START.wait();
    /// ```
    #[track_caller]
    pub const fn const_new(threads: u32) -> Barrier {
        assert!(threads > 0, "a barrier is passed by at least one thread");
        Barrier {
            arrived: AtomicU64::const_new(0),
            threads,
            queue: LazyWaiters::const_new(),
            spec: spec::Barrier::const_new("barrier"),
        }
    }

    /// Blocks until all threads have arrived, and returns whether the calling thread was the last.
    ///
    /// ```
    /// let barrier = selvedge::sync::Barrier::new(1);
    /// assert!(barrier.wait() && barrier.wait());
    /// ```
    #[track_caller]
    #[doc(alias = "is_leader")]
    pub fn wait(&self) -> bool {
        let _entry = enter();
        if self.spec.is_specified() {
            return self.spec.wait(self.threads.into());
        }
        self.pass()
    }

    fn pass(&self) -> bool {
        let mut before = Arrivals(self.arrived.load(Relaxed)); // Relaxed: the CAS below decides.
        loop {
            let after = before.next(self.threads);
            // SeqCst: the last thread changes the round and then reads the queue; `wait_for_the_rest` enters the queue
            // and then reads the round. So either the waiter sees the new round, or the last thread wakes it. The
            // AcqRel in it passes what every thread did before its arrival on to the last thread, and from there to
            // all. With Relaxed their accesses race, or a thread sleeps for ever (mutant at `arrive`).
            // site: arrive
            match self.arrived.compare_exchange(before.0, after.0, SeqCst, Relaxed) {
                Err(found) => before = Arrivals(found),
                Ok(_) if after.round() == before.round() => {
                    self.wait_for_the_rest(before.round());
                    return false;
                }
                Ok(_) => {
                    if let Some(queue) = self.queue.get() {
                        queue.wake_all();
                    }
                    return true;
                }
            }
        }
    }

    fn wait_for_the_rest(&self, round: u64) {
        loop {
            let ticket = self.queue.make().enter();
            // SeqCst: after entering the queue, against the CAS in `pass`. The Acquire in it makes what the others did
            // before they arrived happen before this thread goes on.
            if Arrivals(self.arrived.load(SeqCst)).round() != round {
                ticket.cancel();
                return;
            }
            // The wake-up may belong to the round before, so the loop reads the round again.
            ticket.wait_for(Why::Barrier, Until::default());
        }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrived = Arrivals(self.arrived.load(Relaxed)).arrived(); // Relaxed: a snapshot.
        write!(f, "Barrier {{ {arrived} of {} }}", self.threads)
    }
}
