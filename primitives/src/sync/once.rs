//! What is done once, before anybody goes on.

use crate::queue::LazyWaiters;
use crate::rt::entry::enter;
use crate::rt::sync::atomic::AtomicU8;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use core::cell::RefCell;
use core::fmt;

/// Nobody has called it.
const FRESH: u8 = 0;
/// A thread does it.
const RUNNING: u8 = 1;
/// It is done.
const DONE: u8 = 2;

crate::rt::thread_local! {
    /// What the current thread is doing.
    static DOING: RefCell<Vec<*const Once>> = RefCell::new(Vec::new());
}

/// Something that is done once: Go's `Once`.
///
/// Of all calls of [`call`](Self::call) one runs its closure; each returns only after that has ended, and
/// what it did happens before. A closure that panics counts as done. Once it is, a call is one Acquire load.
///
/// ```
/// use selvedge::sync::Once;
/// static ONCE: Once = Once::const_new();
/// let mut ran = 0;
/// (0..3).for_each(|_| ONCE.call(|| ran += 1));
/// assert_eq!(ran, 1);
/// ```
pub struct Once {
    state: AtomicU8,
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
            Once { state: AtomicU8::new(FRESH), queue: LazyWaiters::new() }
        }
    }

    /// The same for a static.
    ///
    /// ```
    /// static ONCE: selvedge::sync::Once = selvedge::sync::Once::const_new();
    /// ONCE.call(|| ());
    /// ```
    pub const fn const_new() -> Once {
        Once { state: AtomicU8::const_new(FRESH), queue: LazyWaiters::const_new() }
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
    /// If `f` does; and if it is called by `f` itself, which Go answers with a deadlock.
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
        // Relaxed: who is the first has nothing to learn. Acquire: as in `is_done`.
        match self.state.compare_exchange(FRESH, RUNNING, Relaxed, Acquire) {
            Ok(_) => self.run(f),
            Err(DONE) => (),
            Err(_) if DOING.with(|doing| doing.borrow().contains(&core::ptr::from_ref(self))) => {
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
                DOING.with(|doing| doing.borrow_mut().pop());
                // SeqCst: who is about to wait enters the queue, and then looks at the state. Release, by that:
                // what was done happens before everybody's return.
                self.0.state.store(DONE, SeqCst); // site: set-done
                if let Some(queue) = self.0.queue.get() {
                    queue.wake_all();
                }
            }
        }
        DOING.with(|doing| doing.borrow_mut().push(self));
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
