//! What is done once, before anybody goes on.

use super::Mutex;
use crate::queue::LazyWaiters;
use crate::rt::cell::UnsafeCell;
use crate::rt::entry::enter;
use crate::rt::sync::atomic::AtomicU8;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use core::cell::RefCell;
use core::fmt;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

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
    /// Something that has not been done.
    ///
    /// ```
    /// assert!(!selvedge::sync::Once::new().is_done());
    /// ```
    pub fn new() -> Once {
        Once { state: AtomicU8::new(FRESH), queue: LazyWaiters::new() }
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
                self.0.state.store(DONE, SeqCst);
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

/// A value that is made once, when it is first asked for: Go's `OnceValue` (and, with `()`, its `OnceFunc`).
///
/// If making it panics, every call panics in the same way.
///
/// ```
/// use selvedge::sync::OnceValue;
/// let answer = OnceValue::new(|| 42);
/// assert_eq!((*answer.get(), *answer.get()), (42, 42));
/// ```
pub struct OnceValue<T, F = fn() -> T> {
    once: Once,
    make: UnsafeCell<Option<F>>,
    /// Written by the call that runs, read by all after it.
    made: UnsafeCell<Option<Result<T, Panic>>>,
}

/// What a closure panicked with; told again to every caller.
enum Panic {
    Text(String),
    /// Not a text, so that it goes to the first caller as it was.
    Other(Mutex<Option<Box<dyn Any + Send>>>),
}

// SAFETY: `make` is taken by the one call that runs, whichever thread's it is; the value is shared by all.
unsafe impl<T: Send + Sync, F: Send> Sync for OnceValue<T, F> {}

impl<T, F: FnOnce() -> T> OnceValue<T, F> {
    /// A value to be made by `make`.
    ///
    /// ```
    /// let value = selvedge::sync::OnceValue::new(|| "made");
    /// assert_eq!(*value.get(), "made");
    /// ```
    pub fn new(make: F) -> OnceValue<T, F> {
        OnceValue { once: Once::new(), make: UnsafeCell::new(Some(make)), made: UnsafeCell::new(None) }
    }

    /// The value.
    ///
    /// # Panics
    /// If making it panics, or did.
    ///
    /// ```
    /// use std::panic::catch_unwind;
    /// let value = selvedge::sync::OnceValue::<i32, _>::new(|| panic!("no"));
    /// let panic = || catch_unwind(std::panic::AssertUnwindSafe(|| *value.get())).unwrap_err();
    /// assert_eq!(panic().downcast_ref::<String>(), panic().downcast_ref::<String>());
    /// ```
    #[track_caller]
    pub fn get(&self) -> &T {
        self.once.call(|| {
            // SAFETY: only the one call that runs comes here.
            let make = self.make.with_mut(|make| unsafe { (*make).take() });
            let make = make.expect("it runs once");
            let made = catch_unwind(AssertUnwindSafe(make)).map_err(Panic::new);
            // SAFETY: nobody reads it before the call has ended.
            self.made.with_mut(|slot| unsafe { *slot = Some(made) });
        });
        // SAFETY: the call has ended, and nobody writes any more; the reference lives as long as we do.
        match self.made.with(|made| unsafe { (*made).as_ref() }) {
            Some(Ok(value)) => value,
            Some(Err(panic)) => panic.again(),
            None => unreachable!("the call has left a result"),
        }
    }
}

impl Panic {
    fn new(payload: Box<dyn Any + Send>) -> Panic {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_string());
        match text.or_else(|| payload.downcast_ref::<String>().cloned()) {
            Some(text) => Panic::Text(text),
            None => Panic::Other(Mutex::new(Some(payload))),
        }
    }

    #[track_caller]
    fn again(&self) -> ! {
        match self {
            Panic::Text(text) => resume_unwind(Box::new(text.clone())),
            Panic::Other(payload) => match payload.lock().take() {
                Some(payload) => resume_unwind(payload),
                None => panic!("the value was not made: its closure panicked"),
            },
        }
    }
}

impl<T: fmt::Debug, F> fmt::Debug for OnceValue<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceValue").field("made", &self.once.is_done()).finish_non_exhaustive()
    }
}
