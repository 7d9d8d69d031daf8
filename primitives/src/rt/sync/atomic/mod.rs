//! Atomics with std's names and methods, which a checking build routes to the running engine.
//!
//! Each type has every stable method of std's type except `from_ptr`, `as_ptr` and `get_mut`: a pointer or reference into
//! the value would bypass the engine. Exclusive access goes through `with_mut`. In addition each type has `unsync_load`
//! and `unsync_store`, plain accesses that an engine checks for races, and `const_new`, which is `const` in every build,
//! for statics.
//!
//! In the default build each type is a transparent wrapper of core's type, and its methods inline to core's. An atomic
//! that was made outside a model with `new` must not be used inside one: the run is refused.

#[cfg(feature = "checking")]
pub(crate) mod bits;
#[cfg(feature = "checking")]
mod checked;
mod integer;
mod narrow;
#[cfg(not(feature = "checking"))]
mod plain;
pub(crate) mod word;

#[cfg(feature = "checking")]
pub(crate) use checked::{Cell, fence as raw_fence};
#[cfg(not(feature = "checking"))]
pub(crate) use plain::{Cell, fence as raw_fence};

pub use core::sync::atomic::Ordering;
pub use integer::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicU64,
    AtomicUsize,
};
pub use narrow::{AtomicBool, AtomicPtr};

/// Orders memory as [`std::sync::atomic::fence`] does.
///
/// # Panics
/// If `order` is `Relaxed`.
///
/// ```
/// use selvedge::rt::sync::atomic::{Ordering, fence};
/// fence(Ordering::Release);
/// ```
#[inline]
#[track_caller]
pub fn fence(order: Ordering) {
    raw_fence(order)
}

/// The methods that every atomic has, whatever its value.
macro_rules! shared_methods {
    ($value:ty) => {
        /// Returns a new atomic, and tells the running engine of it, if there is one.
        ///
        /// This function is `const` in the default build only, for the reasons in [`rt`](crate::rt#statics). A static
        /// is made with [`const_new`](Self::const_new), which is `const` in every build.
        #[cfg(not(feature = "checking"))]
        #[inline]
        pub const fn new(value: $value) -> Self {
            Self::const_new(value)
        }

        /// Returns a new atomic, and tells the running engine of it, if there is one.
        ///
        /// This function is `const` in the default build only, for the reasons in [`rt`](crate::rt#statics). A static
        /// is made with [`const_new`](Self::const_new), which is `const` in every build.
        #[cfg(feature = "checking")]
        #[track_caller]
        pub fn new(value: $value) -> Self {
            Self { cell: Cell::eager(value) }
        }

        /// Reads the value.
        ///
        /// # Panics
        /// If `order` is `Release` or `AcqRel`.
        #[inline]
        #[track_caller]
        pub fn load(&self, order: Ordering) -> $value {
            self.cell.load(order)
        }

        /// Writes the value.
        ///
        /// # Panics
        /// If `order` is `Acquire` or `AcqRel`.
        #[inline]
        #[track_caller]
        pub fn store(&self, value: $value, order: Ordering) {
            self.cell.store(value, order)
        }

        /// Replaces the value and returns the old one.
        #[inline]
        #[track_caller]
        pub fn swap(&self, value: $value, order: Ordering) -> $value {
            self.cell.rmw(Rmw::Swap(value), order)
        }

        /// Replaces the value by `new` if it is `current`.
        ///
        /// # Errors
        /// The value found, if it was not `current`.
        ///
        /// # Panics
        /// If `failure` is `Release` or `AcqRel`.
        #[inline]
        #[track_caller]
        pub fn compare_exchange(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            self.cell.compare_exchange(current, new, success, failure)
        }

        /// Does what [`compare_exchange`](Self::compare_exchange) does, but may fail spuriously.
        ///
        /// # Errors
        /// The value found, if it was not `current` or the exchange failed spuriously.
        #[inline(always)]
        #[track_caller]
        pub fn compare_exchange_weak(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            self.cell.compare_exchange_weak(current, new, success, failure)
        }

        /// Replaces the value by `new` if it is `current`, and returns the value found. std has deprecated this in favour of
        /// [`compare_exchange`](Self::compare_exchange); programs that were written for loom still call it.
        #[doc(hidden)]
        #[inline]
        #[track_caller]
        pub fn compare_and_swap(&self, current: $value, new: $value, order: Ordering) -> $value {
            let failure = match order {
                Ordering::AcqRel => Ordering::Acquire,
                Ordering::Release => Ordering::Relaxed,
                order => order,
            };
            self.cell.compare_exchange(current, new, order, failure).unwrap_or_else(|found| found)
        }

        /// Applies `f` until its result could be stored, and returns the old value; or until `f` returns `None`.
        ///
        /// # Errors
        /// The value for which `f` returned `None`.
        #[inline]
        #[track_caller]
        pub fn fetch_update(
            &self,
            set_order: Ordering,
            fetch_order: Ordering,
            mut f: impl FnMut($value) -> Option<$value>,
        ) -> Result<$value, $value> {
            let mut old = self.cell.load(fetch_order);
            while let Some(new) = f(old) {
                match self.cell.compare_exchange_weak(old, new, set_order, fetch_order) {
                    Ok(old) => return Ok(old),
                    Err(found) => old = found,
                }
            }
            Err(old)
        }

        /// Does what [`fetch_update`](Self::fetch_update) does, under the name that std gave it later.
        ///
        /// # Errors
        /// The value for which `f` returned `None`.
        #[inline]
        #[track_caller]
        pub fn try_update(
            &self,
            set_order: Ordering,
            fetch_order: Ordering,
            f: impl FnMut($value) -> Option<$value>,
        ) -> Result<$value, $value> {
            self.fetch_update(set_order, fetch_order, f)
        }

        /// Replaces the value by `f` of it, and returns the old one.
        #[inline]
        #[track_caller]
        pub fn update(
            &self,
            set_order: Ordering,
            fetch_order: Ordering,
            mut f: impl FnMut($value) -> $value,
        ) -> $value {
            let mut old = self.cell.load(fetch_order);
            loop {
                match self.cell.compare_exchange_weak(old, f(old), set_order, fetch_order) {
                    Ok(old) => return old,
                    Err(found) => old = found,
                }
            }
        }

        /// Reads the value as plain memory: an engine reports a race if a write is concurrent.
        ///
        /// # Safety
        /// No other thread may write to the atomic at the same time.
        #[inline]
        #[track_caller]
        pub unsafe fn unsync_load(&self) -> $value {
            // SAFETY: the caller promises that no other thread writes meanwhile, which is what the cell asks for.
            unsafe { self.cell.unsync_load() }
        }

        /// Writes the value as plain memory: an engine reports a race if another access is concurrent.
        ///
        /// # Safety
        /// No other thread may access the atomic at the same time.
        #[inline]
        #[track_caller]
        pub unsafe fn unsync_store(&self, value: $value) {
            // SAFETY: the caller promises that no other thread has access meanwhile, which is what the cell asks for.
            unsafe { self.cell.unsync_store(value) }
        }

        /// Calls `f` with exclusive access to the value.
        #[inline]
        #[track_caller]
        pub fn with_mut<R>(&mut self, f: impl FnOnce(&mut $value) -> R) -> R {
            self.cell.with_mut(f)
        }

        /// Consumes the atomic and returns its value.
        #[inline]
        #[track_caller]
        pub fn into_inner(self) -> $value {
            self.cell.into_inner()
        }
    };
}
use shared_methods;
