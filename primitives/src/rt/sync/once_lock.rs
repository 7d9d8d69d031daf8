//! Values that are made once, for models, with std's names.
//!
//! S1. The value is written by the closure that `Once` runs, and read only after `Once` has said that a closure has
//! returned, which happens before. No thread writes to it after that, so references to it are shared.

#[cfg(feature = "checking")]
use super::super::seam::{Current, current};
use super::Once;
use crate::rt::cell::UnsafeCell;
use core::fmt;
use core::ops::Deref;
#[cfg(feature = "checking")]
use core::panic::Location;

/// A cell that is written once, as [`std::sync::OnceLock`], for models and tests.
///
/// One that is made by [`const_new`](Self::const_new) stands in a static. Under an engine each execution begins with an
/// empty one and drops its value at the end ([`at_end`](crate::rt::execution::at_end)); no reference to the value may be
/// kept longer, in a static of std's for instance. Outside an engine the value stays.
///
/// ```
/// use selvedge::rt::sync::OnceLock;
/// static NAME: OnceLock<String> = OnceLock::const_new();
/// assert_eq!(NAME.get(), None);
/// assert_eq!(NAME.get_or_init(|| "weft".to_string()), "weft");
/// assert_eq!(NAME.set("warp".to_string()), Err("warp".to_string()));
/// ```
pub struct OnceLock<T> {
    once: Once,
    value: UnsafeCell<Option<T>>,
    /// Whether this is a static, whose values under an engine are kept by the session.
    #[cfg(feature = "checking")]
    in_static: bool,
}

// SAFETY: S1. Threads share `&T`, which needs `Sync`, and a value may be made on one thread and dropped on another, which
// needs `Send`.
unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}

impl<T> OnceLock<T> {
    constructor! {
        /// Returns an empty cell. This function is `const` in the default build only, for the reasons in
        /// [`rt`](crate::rt#statics).
        pub fn new() -> OnceLock<T> {
            OnceLock {
                once: Once::new(),
                value: UnsafeCell::new(None),
                #[cfg(feature = "checking")]
                in_static: false,
            }
        }
    }

    /// Returns an empty cell for a static; `const` in every build.
    pub const fn const_new() -> OnceLock<T> {
        OnceLock {
            once: Once::const_new(),
            value: UnsafeCell::const_new(None),
            #[cfg(feature = "checking")]
            in_static: true,
        }
    }

    /// Returns the cell of the value.
    #[track_caller]
    fn cell(&self) -> &UnsafeCell<Option<T>> {
        #[cfg(feature = "checking")]
        if self.in_static
            && let Current::Model(session) = current()
        {
            let value = session.kept((&raw const *self).addr());
            let value = value.expect("a static is looked at when the execution has dropped its value");
            // SAFETY: the address is that of a cell from `store`, since no other object has this one's address. The cell
            // lives until the end of the execution, when all other threads have ended. Code that keeps the reference longer
            // breaks the rule in the type's documentation.
            return unsafe { &*value.cast::<UnsafeCell<Option<T>>>() };
        }
        &self.value
    }

    /// Stores the value.
    ///
    /// # Safety
    /// The caller is in the closure that `once` runs.
    #[track_caller]
    unsafe fn store(&self, value: T) {
        #[cfg(feature = "checking")]
        if self.in_static
            && let Current::Model(session) = current()
        {
            let cell = Box::into_raw(Box::new(UnsafeCell::new(Some(value)))).cast();
            // SAFETY: `free` drops the box, of which nothing else has the address but `cell`, whose references end with
            // the execution.
            return unsafe {
                session.keep((&raw const *self).addr(), cell, free::<T>, Location::caller());
            };
        }
        // SAFETY: S1: the caller is the one that writes, and no thread reads before it has returned.
        self.value.with_mut(|slot| unsafe { *slot = Some(value) });
    }

    /// Returns the value, if there is one.
    #[track_caller]
    pub fn get(&self) -> Option<&T> {
        // SAFETY: S1: `is_completed` has told this thread that a closure has returned.
        self.once.is_completed().then(|| unsafe { self.made() })
    }

    /// Returns the value that a closure has made.
    ///
    /// # Safety
    /// `once` has told the calling thread that a closure has returned.
    #[track_caller]
    unsafe fn made(&self) -> &T {
        // SAFETY: S1: a closure has returned, so no thread writes to the value any more.
        let value = self.cell().with(|value| unsafe { (*value).as_ref() });
        value.expect("the closure that ran has stored a value")
    }

    /// Returns the value, and makes it with `make` if there is none; blocks while another thread makes it.
    ///
    /// # Panics
    /// If `make` panics. The cell is then empty as before.
    #[track_caller]
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        // SAFETY: this is the closure that `once` runs.
        self.once.call_once_force(|_| unsafe { self.store(make()) });
        // SAFETY: the call has returned, so a closure has.
        unsafe { self.made() }
    }

    /// Returns the value, and makes it with `make` if there is none; a closure that has panicked has poisoned the cell.
    #[track_caller]
    fn get_or_init_once(&self, make: impl FnOnce() -> T) -> &T {
        // SAFETY: this is the closure that `once` runs.
        self.once.call_once(|| unsafe { self.store(make()) });
        // SAFETY: the call has returned, so a closure has.
        unsafe { self.made() }
    }

    /// Sets the value, or waits for the thread that is setting it.
    ///
    /// # Errors
    /// `value`, if there is a value already.
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init(|| value.take().expect("the closure runs once"));
        value.map_or(Ok(()), Err)
    }

    /// Blocks until there is a value, and returns it.
    #[track_caller]
    pub fn wait(&self) -> &T {
        self.once.wait();
        // SAFETY: the wait has returned, so a closure has.
        unsafe { self.made() }
    }

    /// Consumes the cell, and returns the value, if there is one.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, if there is one, and leaves the cell empty.
    #[track_caller]
    pub fn take(&mut self) -> Option<T> {
        core::mem::take(self).into_inner()
    }
}

/// Frees the value of a static, at the end of an execution.
///
/// # Safety
/// `value` comes from a box of the cell, and is freed once.
#[cfg(feature = "checking")]
unsafe fn free<T>(value: *mut ()) {
    // SAFETY: the address comes from a box of this type, and the session, which calls this once, forgets it.
    drop(unsafe { Box::from_raw(value.cast::<UnsafeCell<Option<T>>>()) });
}

impl<T> Default for OnceLock<T> {
    #[track_caller]
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    #[track_caller]
    fn from(value: T) -> OnceLock<T> {
        let cell = OnceLock::new();
        let _ = cell.set(value);
        cell
    }
}

impl<T> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceLock").finish_non_exhaustive()
    }
}

/// A value that is made when it is first looked at, as [`std::sync::LazyLock`], for models and tests: what
/// `lazy_static!` declares.
///
/// One that is made by [`const_new`](Self::const_new) stands in a static. Under an engine each execution makes a value of
/// its own and drops it at the end, as for [`OnceLock`].
///
/// ```
/// use selvedge::rt::sync::LazyLock;
/// static WORDS: LazyLock<Vec<&str>> = LazyLock::const_new(|| vec!["warp", "weft"]);
/// assert_eq!(WORDS.len(), 2);
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    value: OnceLock<T>,
    make: Make<T, F>,
}

enum Make<T, F> {
    /// Taken by the closure that the `Once` of `value` runs.
    Once(core::cell::UnsafeCell<Option<F>>),
    /// For a static, whose value is made in each execution.
    Again(fn() -> T),
}

// SAFETY: the value is shared as an `OnceLock`. The thread whose closure `Once` runs takes `make`, so `F` is sent to it.
unsafe impl<T: Send + Sync, F: Send> Sync for LazyLock<T, F> {}

impl<T> LazyLock<T> {
    /// Returns a value for a static, which `make` is to make; `const` in every build.
    pub const fn const_new(make: fn() -> T) -> LazyLock<T> {
        LazyLock { value: OnceLock::const_new(), make: Make::Again(make) }
    }
}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    constructor! {
        /// Returns a value that `make` is to make. This function is `const` in the default build only, for the reasons in
        /// [`rt`](crate::rt#statics).
        pub fn new(make: F) -> LazyLock<T, F> {
            LazyLock { value: OnceLock::new(), make: Make::Once(core::cell::UnsafeCell::new(Some(make))) }
        }
    }

    /// Returns the value, and makes it if no thread has; blocks while another thread makes it.
    ///
    /// # Panics
    /// If the closure panics, or has panicked.
    #[track_caller]
    pub fn force(this: &Self) -> &T {
        this.value.get_or_init_once(|| match &this.make {
            Make::Again(make) => make(),
            // SAFETY: this closure runs once, and nothing else touches the closure of the value.
            Make::Once(make) => unsafe { (*make.get()).take() }.expect("the closure runs once")(),
        })
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;
    #[track_caller]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyLock").finish_non_exhaustive()
    }
}
