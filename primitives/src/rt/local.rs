//! Thread-locals: std's, or one value for each thread of an execution.

use core::fmt;
use std::thread::AccessError;

/// Calls a closure with the native thread-local.
type Accessor<T> = fn(&mut dyn FnMut(&T)) -> Result<(), AccessError>;

/// What [`thread_local!`](crate::rt::thread_local) declares.
pub struct LocalKey<T: 'static> {
    #[cfg_attr(not(feature = "checking"), allow(dead_code, reason = "only an engine makes values itself"))]
    init: fn() -> T,
    native: Accessor<T>,
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn new(init: fn() -> T, native: Accessor<T>) -> Self {
        LocalKey { init, native }
    }

    /// Calls `f` with the current thread's value, which is made on first use.
    ///
    /// Never inlined: a stackful coroutine of a user's may be resumed on another OS thread, where an address of the
    /// thread-local that the compiler has kept would be the first thread's.
    ///
    /// # Panics
    /// Natively, if the thread is ending and its value is gone already.
    #[inline(never)]
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(gone) => panic!("a thread-local is looked at when its thread has dropped it: {gone}"),
        }
    }

    /// Calls `f` with the current thread's value, unless the thread has dropped that.
    ///
    /// # Errors
    /// Natively, if the thread is ending and its value is gone already.
    #[inline(never)]
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        #[cfg(feature = "checking")]
        if let super::seam::Current::Model(session) = super::seam::current() {
            let value = session.local((&raw const *self).addr(), self.init);
            // SAFETY: the session keeps the value of this thread in a box of its own, which it drops or leaks when the
            // thread ends. `f` runs on that thread, so the value lives meanwhile; shared references are all that is
            // ever made of it.
            return Ok(f(unsafe { &*value }));
        }
        let mut f = Some(f);
        let mut result = None;
        (self.native)(&mut |value| result = f.take().map(|f| f(value)))?;
        Ok(result.expect("the accessor calls its closure once"))
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
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $init:expr);* $(;)?) => {
        $(
            $(#[$attribute])*
            $visibility static $name: $crate::rt::local::LocalKey<$type> = {
                fn init() -> $type {
                    $init
                }
                fn native(f: &mut dyn FnMut(&$type)) -> ::std::result::Result<(), ::std::thread::AccessError> {
                    ::std::thread_local! {
                        static NATIVE: $type = init();
                    }
                    NATIVE.try_with(|value| f(value))
                }
                $crate::rt::local::LocalKey::new(init, native)
            };
        )*
    };
}
