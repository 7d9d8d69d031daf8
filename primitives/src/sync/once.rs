//! Code that runs once, before any caller goes on.

use crate::queue::LazyWaiters;
use crate::rt::entry::enter;
use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use crate::rt::task::Why;
use crate::rt::thread;
use crate::rt::until::Until;
use crate::spec;
use core::fmt;

/// No thread has called `call`.
const FRESH: u64 = 0;
/// The closure has ended.
const DONE: u64 = 1;

/// Returns the state in which the calling thread runs the closure. It is made of the thread's number, so the thread
/// recognises it without a thread-local, and `call` works in the destructors of thread-locals too.
fn running() -> u64 {
    thread::number() + 2
}

/// Runs one closure, once: Go's `Once`.
///
/// Of all calls of [`call`](Self::call) one runs its closure. Every call returns after that closure has ended, and
/// whatever the closure did happens before the return. A closure that panics counts as done. When the closure has
/// ended, a call is one Acquire load. `call` works wherever code runs, also in the destructor of a thread-local.
///
/// ```
/// use selvedge::sync::Once;
/// static ONCE: Once = Once::const_new();
/// let mut ran = 0;
/// (0..3).for_each(|_| ONCE.call(|| ran += 1));
/// assert_eq!(ran, 1);
/// ```
pub struct Once {
    /// `FRESH`, then [`running`] of the thread that runs the closure, then `DONE`.
    state: AtomicU64,
    queue: LazyWaiters,
    spec: spec::Once,
}

/// How a call has gone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Called {
    /// A closure has ended.
    Over,
    /// The wait for the closure of another thread may last no longer.
    GivenUp,
    /// The closure that runs is this thread's own.
    Misused,
}

impl Called {
    /// Returns whether a closure has ended.
    #[track_caller]
    fn is_over(self) -> bool {
        assert!(
            self != Called::Misused,
            "Once::call was called again by the closure that it runs, and would wait for itself"
        );
        self == Called::Over
    }
}

impl Once {
    constructor! {
        /// Creates a `Once` that has run no closure.
        ///
        /// ```
        /// assert!(!selvedge::sync::Once::new().is_done());
        /// ```
        pub fn new() -> Once {
            Once { state: AtomicU64::new(FRESH), queue: LazyWaiters::new(), spec: spec::Once::new("once") }
        }
    }

    /// Creates a `Once` for a static.
    ///
    /// ```
    /// static ONCE: selvedge::sync::Once = selvedge::sync::Once::const_new();
    /// ONCE.call(|| ());
    /// ```
    pub const fn const_new() -> Once {
        Once {
            state: AtomicU64::const_new(FRESH),
            queue: LazyWaiters::const_new(),
            spec: spec::Once::const_new("once"),
        }
    }

    /// Returns whether a closure has run to its end.
    ///
    /// ```
    /// let once = selvedge::sync::Once::new();
    /// once.call(|| ());
    /// assert!(once.is_done());
    /// ```
    #[inline]
    pub fn is_done(&self) -> bool {
        if self.spec.is_specified() {
            return self.spec.is_done();
        }
        // Acquire: pairs with the store of DONE in `run`, so whatever the closure did happens before the caller goes
        // on. With Relaxed the caller's accesses race with the closure's.
        self.state.load(Acquire) == DONE
    }

    /// Runs `f`, unless a closure has run; blocks while another thread runs one.
    ///
    /// # Panics
    /// If `f` panics. Also if the thread that runs `f` calls `call` again before `f` has ended: from `f`, or, if `f`
    /// panics, from a destructor of one of its values. (In Go such a call is a deadlock.)
    ///
    /// ```
    /// let once = selvedge::sync::Once::new();
    /// once.call(|| ());
    /// once.call(|| unreachable!("a closure has run"));
    /// ```
    #[inline]
    #[track_caller]
    pub fn call(&self, f: impl FnOnce()) {
        if self.spec.is_specified() || !self.is_done() {
            let _entry = enter();
            let is_over = self.call_slow(f, Until::default()).is_over();
            debug_assert!(is_over, "without a limit a thread does not give up");
        }
    }

    /// Runs `f`, unless a closure has run; returns `false` if another thread runs one for longer than the wait may last; for
    /// models.
    #[doc(hidden)]
    #[track_caller]
    pub fn call_within(&self, f: impl FnOnce(), until: Until<'_>) -> bool {
        (!self.spec.is_specified() && self.is_done()) || self.call_slow(f, until).is_over()
    }

    /// Runs `f`, or waits for the call that runs its closure, unless that is this thread's own.
    #[cold]
    fn call_slow(&self, f: impl FnOnce(), until: Until<'_>) -> Called {
        if self.spec.is_specified() {
            match self.spec.call_within(until) {
                Some(spec::Call::Run) => self.run(f),
                Some(spec::Call::Return) => (),
                Some(spec::Call::Misused) => return Called::Misused,
                None => return Called::GivenUp,
            }
            return Called::Over;
        }
        let running = running();
        // Relaxed: the thread that runs the closure has nothing to read, and only this thread stores `running`.
        // Acquire, if it fails: pairs with the store of DONE in `run`, so whatever the closure did happens before the
        // return. If this CAS changes nothing, two threads run their closures (mutant at `begin-once`).
        // site: begin-once
        match self.state.compare_exchange(FRESH, running, Relaxed, Acquire) {
            Ok(_) => self.run(f),
            Err(DONE) => (),
            Err(owner) if owner == running => return Called::Misused,
            Err(_) if !self.wait(until) => return Called::GivenUp,
            Err(_) => (),
        }
        Called::Over
    }

    fn run(&self, f: impl FnOnce()) {
        /// Stores `DONE` and wakes the waiters when dropped, also while the thread unwinds.
        struct Finish<'a>(&'a Once);
        impl Drop for Finish<'_> {
            fn drop(&mut self) {
                if self.0.spec.is_specified() {
                    return self.0.spec.end();
                }
                // SeqCst: this thread stores the state and then reads the queue; `wait` enters the queue and then reads
                // the state. So either `wait` reads DONE, or this thread wakes it. The Release in it publishes what the
                // closure did to every caller that reads DONE. With Relaxed they race (mutant at `set-done`).
                self.0.state.store(DONE, SeqCst); // site: set-done
                if let Some(queue) = self.0.queue.get() {
                    queue.wake_all();
                }
            }
        }
        let _finish = Finish(self);
        f();
    }

    /// Waits until the closure has ended; returns `false` when the wait may last no longer.
    fn wait(&self, until: Until<'_>) -> bool {
        let ticket = self.queue.make().enter();
        // SeqCst: after entering the queue, against the store in `run`. The Acquire in it makes whatever the closure
        // did happen before the return.
        if self.state.load(SeqCst) == DONE {
            ticket.cancel();
            return true;
        }
        // A waker ends the wait only after the closure has ended.
        ticket.wait_for(Why::Once, until).is_some()
    }
}

impl Default for Once {
    fn default() -> Self {
        Once::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("done", &self.is_done()).finish()
    }
}
