//! Values that are made once.
//!
//! - **S1.** Only the closure that [`Once::call`] or [`Once::call_within`] runs writes to a cell of this module, and it runs
//!   once. A thread reads `result` after such a call has returned and was not given up, which that closure happens before. So
//!   the closure has the cells alone, and later references to them are shared.

use super::Once;
use crate::rt::cell::UnsafeCell;
use crate::rt::task::Goexit;
use crate::rt::until::Until;
use core::fmt;
use core::ops::Deref;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The value that the one call made, or how that call ended without one.
pub(super) struct Made<T> {
    once: Once,
    /// Written by the closure that `once` runs, read by all callers afterwards.
    result: UnsafeCell<Option<Result<T, NotMade>>>,
}

/// How a closure ended that made no value.
enum NotMade {
    /// By a panic with this text, which every caller's panic repeats.
    Text(String),
    /// By a panic whose payload is no text and cannot be cloned: the caller that ran the closure has it.
    Panic,
    /// It ended its goroutine: the caller that ran the closure.
    Goexit,
}

// SAFETY: S1. Threads share `&T`, which needs `Sync`, and a value may be made on one thread and dropped on another,
// which needs `Send`. A `NotMade` is both.
unsafe impl<T: Send + Sync> Sync for Made<T> {}

impl<T> Made<T> {
    constructor! {
        pub(super) fn new() -> Made<T> {
            Made { once: Once::new(), result: UnsafeCell::new(None) }
        }
    }

    const fn const_new() -> Made<T> {
        Made { once: Once::const_new(), result: UnsafeCell::const_new(None) }
    }

    #[track_caller]
    pub(super) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        self.once.call(|| self.make(make));
        self.made()
    }

    /// Returns the value, or `None` if another thread makes it for longer than the wait may last.
    #[track_caller]
    pub(super) fn get_or_make_within(&self, make: impl FnOnce() -> T, until: Until<'_>) -> Option<&T> {
        self.once.call_within(|| self.make(make), until).then(|| self.made())
    }

    /// Makes the value; `once` calls it.
    fn make(&self, make: impl FnOnce() -> T) {
        let (made, own) = match catch_unwind(AssertUnwindSafe(make)) {
            Ok(value) => (Ok(value), None),
            Err(payload) => {
                let (not_made, own) = NotMade::by(payload);
                (Err(not_made), own)
            }
        };
        // SAFETY: S1: this code runs once, in the closure of `once`, and no thread reads `result` before it has ended.
        self.result.with_mut(|slot| unsafe { *slot = Some(made) });
        // `once` is done by this, too.
        if let Some(payload) = own {
            resume_unwind(payload);
        }
    }

    /// Returns what was made, after a call of `once` has returned.
    #[track_caller]
    fn made(&self) -> &T {
        // SAFETY: S1: the closure has ended, so no thread writes to `result` any more; the reference lives as long as
        // `self`.
        match self.result.with(|result| unsafe { (*result).as_ref() }) {
            Some(Ok(value)) => value,
            Some(Err(not_made)) => not_made.tell(),
            None => unreachable!("the closure that ran has stored a result"),
        }
    }
}

impl NotMade {
    /// Returns how a closure ended that unwound with this payload, and the payload if only the caller that ran it can have that.
    fn by(payload: Box<dyn Any + Send>) -> (NotMade, Option<Box<dyn Any + Send>>) {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_string());
        match text.or_else(|| payload.downcast_ref::<String>().cloned()) {
            Some(text) => (NotMade::Text(text), None),
            None if payload.is::<Goexit>() => (NotMade::Goexit, Some(payload)),
            None => (NotMade::Panic, Some(payload)),
        }
    }

    /// Panics in a caller that asks for the value.
    #[track_caller]
    fn tell(&self) -> ! {
        match self {
            NotMade::Text(text) => resume_unwind(Box::new(text.clone())),
            NotMade::Panic => panic!("the value was not made: its closure panicked"),
            NotMade::Goexit => panic!("the value was not made: its closure ended its goroutine"),
        }
    }
}

/// A value that is made once, when it is first asked for: Go's `OnceValue`.
///
/// Whatever the closure did happens before every return of [`get`](Self::get). If the closure panics, every call panics
/// with its message. For statics there is [`Lazy`].
///
/// ```
/// use selvedge::sync::OnceValue;
/// let answer = OnceValue::new(|| 42);
/// assert_eq!((*answer.get(), *answer.get()), (42, 42));
/// ```
#[doc(alias("OnceLock", "OnceCell"))]
pub struct OnceValue<T, F = fn() -> T> {
    make: UnsafeCell<Option<F>>,
    made: Made<T>,
}

// SAFETY: S1. The thread whose call runs the closure takes `make`, so `F` is sent to it; threads share `&T`.
unsafe impl<T: Send + Sync, F: Send> Sync for OnceValue<T, F> {}

impl<T, F: FnOnce() -> T> OnceValue<T, F> {
    constructor! {
        /// Creates a value that `make` is to make.
        ///
        /// ```
        /// let value = selvedge::sync::OnceValue::new(|| "made");
        /// assert_eq!(*value.get(), "made");
        /// ```
        pub fn new(make: F) -> OnceValue<T, F> {
            OnceValue { make: UnsafeCell::new(Some(make)), made: Made::new() }
        }
    }

    /// Returns the value, and makes it if no thread has; blocks while another thread makes it.
    ///
    /// # Panics
    /// If the closure panics, or has panicked.
    ///
    /// ```
    /// use std::panic::catch_unwind;
    /// let value = selvedge::sync::OnceValue::<i32, _>::new(|| panic!("no"));
    /// let panic = || catch_unwind(std::panic::AssertUnwindSafe(|| *value.get())).unwrap_err();
    /// assert_eq!(panic().downcast_ref::<String>(), panic().downcast_ref::<String>());
    /// ```
    #[track_caller]
    pub fn get(&self) -> &T {
        self.made.get_or_make(|| self.make())
    }

    /// Returns the value, or `None` if another thread makes it for longer than the wait may last.
    #[track_caller]
    pub(crate) fn get_within(&self, until: Until<'_>) -> Option<&T> {
        self.made.get_or_make_within(|| self.make(), until)
    }

    /// Makes the value; `made` calls it.
    fn make(&self) -> T {
        // SAFETY: S1: this code runs once, in the closure of a `Once`, and no other code touches `make`.
        let make = self.make.with_mut(|make| unsafe { (*make).take() });
        make.expect("this closure runs once")()
    }
}

impl<T: fmt::Debug, F> fmt::Debug for OnceValue<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceValue").field("made", &self.made.once.is_done()).finish_non_exhaustive()
    }
}

/// A function that runs once, however often it is called: Go's `OnceFunc`.
///
/// If the function panics, every call panics with its message.
///
/// ```
/// use selvedge::sync::OnceFunc;
/// let ran = std::cell::Cell::new(0);
/// let run = OnceFunc::new(|| ran.set(ran.get() + 1));
/// run.call();
/// run.call();
/// assert_eq!(ran.get(), 1);
/// ```
pub struct OnceFunc<F = fn()>(OnceValue<(), F>);

impl<F: FnOnce()> OnceFunc<F> {
    constructor! {
        /// Creates a function that has not run.
        ///
        /// ```
        /// selvedge::sync::OnceFunc::new(|| ()).call();
        /// ```
        pub fn new(f: F) -> OnceFunc<F> {
            OnceFunc(OnceValue::new(f))
        }
    }

    /// Runs the function, unless it has run; blocks while another thread runs it.
    ///
    /// # Panics
    /// If the function panics, or has panicked.
    ///
    /// ```should_panic
    /// selvedge::sync::OnceFunc::new(|| panic!("no")).call();
    /// ```
    #[track_caller]
    pub fn call(&self) {
        self.0.get();
    }

    /// Runs the function as [`call`](Self::call) does; returns `false` if another thread runs it for longer than the wait may
    /// last.
    #[track_caller]
    pub(crate) fn call_within(&self, until: Until<'_>) -> bool {
        self.0.get_within(until).is_some()
    }
}

impl<F> fmt::Debug for OnceFunc<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceFunc").field("done", &self.0.made.once.is_done()).finish_non_exhaustive()
    }
}

/// A value that is made when it is first dereferenced, for statics and fields.
///
/// Unlike that of an [`OnceValue`], its closure can be called again, as a checker does in every execution.
///
/// ```
/// use selvedge::sync::Lazy;
/// static WORDS: Lazy<Vec<&str>> = Lazy::const_new(|| vec!["warp", "weft"]);
/// assert_eq!(WORDS.len(), 2);
/// ```
#[doc(alias("LazyLock", "LazyCell", "lazy_static"))]
pub struct Lazy<T, F = fn() -> T> {
    make: F,
    made: Made<T>,
}

impl<T, F: Fn() -> T> Lazy<T, F> {
    constructor! {
        /// Creates a value that `make` is to make.
        ///
        /// ```
        /// assert_eq!(*selvedge::sync::Lazy::new(|| 1), 1);
        /// ```
        pub fn new(make: F) -> Lazy<T, F> {
            Lazy { make, made: Made::new() }
        }
    }

    /// Creates a value for a static.
    ///
    /// ```
    /// static ONE: selvedge::sync::Lazy<i32> = selvedge::sync::Lazy::const_new(|| 1);
    /// assert_eq!(*ONE, 1);
    /// ```
    pub const fn const_new(make: F) -> Lazy<T, F> {
        Lazy { make, made: Made::const_new() }
    }

    /// Returns the value, or `None` if another thread makes it for longer than the wait may last.
    #[track_caller]
    pub(crate) fn get_within(&self, until: Until<'_>) -> Option<&T> {
        self.made.get_or_make_within(&self.make, until)
    }
}

/// # Panics
/// If the closure panics, or has panicked.
impl<T, F: Fn() -> T> Deref for Lazy<T, F> {
    type Target = T;

    #[track_caller]
    fn deref(&self) -> &T {
        self.made.get_or_make(&self.make)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for Lazy<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy").field("made", &self.made.once.is_done()).finish_non_exhaustive()
    }
}
