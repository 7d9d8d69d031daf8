//! Thread-locals: std's, or one value for each thread of an execution, or for each goroutine.

use super::task::{Key, Local};
use core::cell::{Cell, RefCell};
use core::error::Error;
use core::fmt;

/// What [`thread_local!`](crate::rt::thread_local) declares, as [`std::thread::LocalKey`].
///
/// Under an engine a thread drops its values when it ends, the last one first. From then on a key has no value on that
/// thread, as with std; a value without a destructor stays.
///
/// A goroutine has values of its own, and drops them when it ends, the last one first.
///
/// No method is inlined: a stackful coroutine of a user's may be resumed on another OS thread, where an address of the
/// thread-local that the compiler has kept would be the first thread's.
pub struct LocalKey<T: 'static> {
    #[cfg_attr(not(feature = "checking"), allow(dead_code, reason = "only an engine makes values itself"))]
    init: fn() -> T,
    native: &'static std::thread::LocalKey<T>,
}

/// The thread has dropped the value of a thread-local, as [`std::thread::AccessError`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AccessError {
    _private: (),
}

const GONE: AccessError = AccessError { _private: () };

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessError").finish()
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("already destroyed")
    }
}

impl Error for AccessError {}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn new(init: fn() -> T, native: &'static std::thread::LocalKey<T>) -> Self {
        LocalKey { init, native }
    }

    /// Calls `f` with the current thread's value, which is made on first use.
    ///
    /// # Panics
    /// If the thread is ending and has dropped the value.
    #[inline(never)]
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.find(f) {
            Ok(result) => result,
            Err(gone) => panic!("a thread-local is looked at when its thread has dropped it: {gone}"),
        }
    }

    /// Calls `f` with the current thread's value, which is made on first use, unless the thread has dropped it.
    ///
    /// # Errors
    /// If the thread is ending and has dropped the value.
    #[inline(never)]
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        self.find(f)
    }

    /// Does what `try_with` does, in a caller that is not inlined.
    #[inline(always)]
    fn find<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        #[cfg(feature = "checking")]
        if let super::seam::Current::Model(session) = super::seam::current() {
            let value = session.local((&raw const *self).addr(), self.init).ok_or(GONE)?;
            // SAFETY: the session keeps the value of this thread in a box of its own, which it drops or leaks when the
            // thread ends. `f` runs on that thread, so the value lives meanwhile; shared references are all that is
            // ever made of it.
            return Ok(f(unsafe { &*value }));
        }
        if let Some(local) = super::task::local() {
            let value = self.of_task(local, Some(&mut || (self.init)())).ok_or(GONE)?;
            // SAFETY: the value is the running goroutine's, which drops it when it ends. `f` runs on that goroutine, so the
            // value lives meanwhile; shared references are all that is ever made of it.
            return Ok(f(unsafe { &*value }));
        }
        self.native.try_with(f).map_err(|_| GONE)
    }

    /// Returns the running goroutine's value, or the one that `make` makes if there is none.
    fn of_task(&'static self, local: Local, make: Option<&mut dyn FnMut() -> T>) -> Option<*const T> {
        let key = Key { address: (&raw const *self).addr(), has_destructor: core::mem::needs_drop::<T>() };
        let value = match make {
            None => local(key, None),
            Some(make) => local(key, Some(&mut || Box::new(make()))),
        };
        value.map(|value| value.cast::<T>())
    }

    /// Makes `value` the current thread's first value; or calls `replace` with the value that there is. Outside any
    /// model `native` sets the value.
    #[track_caller]
    fn set_with(
        &'static self,
        value: T,
        replace: impl FnOnce(&T, T),
        native: impl FnOnce(&'static std::thread::LocalKey<T>, T),
    ) {
        #[cfg(feature = "checking")]
        if let super::seam::Current::Model(session) = super::seam::current() {
            let key = (&raw const *self).addr();
            if session.has_local(key) {
                return self.with(|old| replace(old, value));
            }
            session.local(key, || value);
            return;
        }
        if let Some(local) = super::task::local() {
            if self.of_task(local, None).is_some() {
                return self.with(|old| replace(old, value));
            }
            let mut value = Some(value);
            let mut make = || value.take().expect("a value is made once");
            if self.of_task(local, Some(&mut make)).is_none() {
                panic!("a thread-local is set when its goroutine has dropped it: {GONE}");
            }
            return;
        }
        let _ = replace;
        native(self.native, value);
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets the current thread's value. The initial value is not made for that.
    ///
    /// ```
    /// use std::cell::Cell;
    /// selvedge::rt::thread_local! {
    ///     static DEPTH: Cell<u32> = panic!("it is set first");
    /// }
    /// DEPTH.set(2);
    /// assert_eq!((DEPTH.replace(3), DEPTH.get()), (2, 3));
    /// ```
    ///
    /// # Panics
    /// If the thread is ending and has dropped the value.
    #[inline(never)]
    #[track_caller]
    pub fn set(&'static self, value: T) {
        self.set_with(
            Cell::new(value),
            |old, new| old.set(new.into_inner()),
            |key, new| key.set(new.into_inner()),
        );
    }

    /// Returns a copy of the current thread's value.
    ///
    /// # Panics
    /// If the thread is ending and has dropped the value.
    #[inline(never)]
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Takes the current thread's value, and leaves the default in its place.
    ///
    /// # Panics
    /// If the thread is ending and has dropped the value.
    #[inline(never)]
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Replaces the current thread's value, and returns the former one.
    ///
    /// # Panics
    /// If the thread is ending and has dropped the value.
    #[inline(never)]
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Calls `f` with the current thread's value, borrowed.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// selvedge::rt::thread_local! {
    ///     static WORDS: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    /// }
    /// WORDS.with_borrow_mut(|words| words.push("warp"));
    /// assert_eq!(WORDS.with_borrow(Vec::len), 1);
    /// assert_eq!((WORDS.take(), WORDS.take()), (vec!["warp"], vec![]));
    /// ```
    ///
    /// # Panics
    /// If the value is borrowed mutably, or if the thread is ending and has dropped the value.
    #[inline(never)]
    #[track_caller]
    pub fn with_borrow<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.with(|cell| f(&cell.borrow()))
    }

    /// Calls `f` with the current thread's value, borrowed mutably.
    ///
    /// # Panics
    /// If the value is borrowed, or if the thread is ending and has dropped the value.
    #[inline(never)]
    #[track_caller]
    pub fn with_borrow_mut<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }

    /// Sets the current thread's value. The initial value is not made for that.
    ///
    /// # Panics
    /// If the value is borrowed, or if the thread is ending and has dropped the value.
    #[inline(never)]
    #[track_caller]
    pub fn set(&'static self, value: T) {
        // The former value is dropped after the borrow, since its destructor may look at the thread-local.
        self.set_with(
            RefCell::new(value),
            |old, new| drop(old.replace(new.into_inner())),
            |key, new| key.set(new.into_inner()),
        );
    }

    /// Takes the current thread's value, and leaves the default in its place.
    ///
    /// # Panics
    /// If the value is borrowed, or if the thread is ending and has dropped the value.
    #[inline(never)]
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// Replaces the current thread's value, and returns the former one.
    ///
    /// # Panics
    /// If the value is borrowed, or if the thread is ending and has dropped the value.
    #[inline(never)]
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// Declares thread-locals as [`std::thread_local!`] does; under an engine each thread of each
/// execution has its own.
///
/// ```
/// selvedge::rt::thread_local! {
///     static DEPTH: std::cell::Cell<u32> = std::cell::Cell::new(1);
/// }
/// assert_eq!(DEPTH.with(|depth| depth.get()), 1);
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! __rt_thread_local {
    () => {};
    // As std's, a value that is known to the compiler needs no look whether it has been made.
    (
        $(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = const $init:block $(; $($rest:tt)*)?
    ) => {
        $crate::__rt_thread_local! { @key $(#[$attribute])* $visibility $name: $type = $init, const $init }
        $($crate::__rt_thread_local! { $($rest)* })?
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $init:expr $(; $($rest:tt)*)?) => {
        $crate::__rt_thread_local! { @key $(#[$attribute])* $visibility $name: $type = $init, init() }
        $($crate::__rt_thread_local! { $($rest)* })?
    };
    (@key $(#[$attribute:meta])* $visibility:vis $name:ident: $type:ty = $init:expr, $($native:tt)*) => {
        $(#[$attribute])*
        $visibility static $name: $crate::rt::thread::LocalKey<$type> = {
            fn init() -> $type {
                $init
            }
            ::std::thread_local! {
                static NATIVE: $type = $($native)*;
            }
            $crate::rt::thread::LocalKey::new(init, &NATIVE)
        };
    };
}
