//! What is done once, before anybody goes on.

use crate::queue::LazyWaiters;
use crate::rt::entry::enter;
use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use crate::rt::thread;
use core::fmt;

/// Nobody has called it.
const FRESH: u64 = 0;
/// It is done.
const DONE: u64 = 1;

/// The state in which the calling thread runs the closure: its own number, so that it recognises itself. No thread-local
/// remembers what a thread runs: `call` works in the destructors of thread-locals too.
fn running() -> u64 {
    thread::number() + 2
}

/// Something that is done once: Go's `Once`.
///
/// Of all calls of [`call`](Self::call) one runs its closure; each returns only after that has ended, and
/// what it did happens before. A closure that panics counts as done. Once it is, a call is one Acquire load.
/// It may be called wherever code runs, also in the destructor of a thread-local.
///
/// ```
/// use selvedge::sync::Once;
/// static ONCE: Once = Once::const_new();
/// let mut ran = 0;
/// (0..3).for_each(|_| ONCE.call(|| ran += 1));
/// assert_eq!(ran, 1);
/// ```
pub struct Once {
    /// `FRESH`, then the number of the thread that runs the closure, then `DONE`.
    state: AtomicU64,
    queue: LazyWaiters,
}

impl Once {
    constructor! {
        /// Something that has not been done.
        ///
        /// ```
        /// assert!(!selvedge::sync::Once::new().is_done());
        /// ```
        pub fn new() -> Once {
            Once { state: AtomicU64::new(FRESH), queue: LazyWaiters::new() }
        }
    }

    /// The same for a static.
    ///
    /// ```
    /// static ONCE: selvedge::sync::Once = selvedge::sync::Once::const_new();
    /// ONCE.call(|| ());
    /// ```
    pub const fn const_new() -> Once {
        Once { state: AtomicU64::const_new(FRESH), queue: LazyWaiters::const_new() }
    }

    /// Whether it has been done.
    ///
    /// ```
    /// let once = selvedge::sync::Once::new();
    /// once.call(|| ());
    /// assert!(once.is_done());
    /// ```
    #[inline]
    pub fn is_done(&self) -> bool {
        // Acquire: pairs with the store in `run`: what was done happens before.
        self.state.load(Acquire) == DONE
    }

    /// Does it, unless it has been done; waits while another thread does it.
    ///
    /// # Panics
    /// If `f` does; and if it is called again by the thread that runs `f`, before that has ended: by `f` itself, or, if `f`
    /// panics, by a destructor of what it had. Go answers that with a deadlock.
    ///
    /// ```
    /// let once = selvedge::sync::Once::new();
    /// once.call(|| ());
    /// once.call(|| unreachable!("it is done"));
    /// ```
    #[inline]
    #[track_caller]
    pub fn call(&self, f: impl FnOnce()) {
        if !self.is_done() {
            let _entry = enter();
            self.call_slow(f);
        }
    }

    #[cold]
    fn call_slow(&self, f: impl FnOnce()) {
        let running = running();
        // Relaxed: the first has nothing to learn, and a thread reads its own number only while it runs the closure itself.
        // Acquire: what was done happens before a return.
        // site: begin-once
        match self.state.compare_exchange(FRESH, running, Relaxed, Acquire) {
            Ok(_) => self.run(f),
            Err(DONE) => (),
            Err(owner) if owner == running => {
                panic!("Once::call was called again by the closure that it runs, and would wait for itself")
            }
            Err(_) => self.wait(),
        }
    }

    fn run(&self, f: impl FnOnce()) {
        /// Also if the closure panics.
        struct Finish<'a>(&'a Once);
        impl Drop for Finish<'_> {
            fn drop(&mut self) {
                // SeqCst: a thread that is about to wait enters the queue, and then looks at the state. Release, by that:
                // what was done happens before everybody's return.
                self.0.state.store(DONE, SeqCst); // site: set-done
                if let Some(queue) = self.0.queue.get() {
                    queue.wake_all();
                }
            }
        }
        let _finish = Finish(self);
        f();
    }

    fn wait(&self) {
        let ticket = self.queue.make().enter();
        // SeqCst: see `run`. Acquire, by that: as in `is_done`.
        if self.state.load(SeqCst) == DONE {
            ticket.cancel();
        } else {
            ticket.wait(None);
        }
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
