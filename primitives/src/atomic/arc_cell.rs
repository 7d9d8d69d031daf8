//! An `Arc` that threads replace.

use crate::reclaim::{Domain, Pin};
use crate::rt::entry::enter;
use crate::rt::sync::Arc;
use crate::rt::sync::atomic::AtomicPtr;
use crate::rt::sync::atomic::Ordering::{AcqRel, Relaxed, Release, SeqCst};
use core::fmt;
use core::ops::Deref;

/// A cell with an [`Arc`] that threads read and replace: for what is read often and changed seldom, such as a
/// configuration.
///
/// Writing a value happens before reading it. No operation waits for another; a read takes two read-modify-writes
/// of a cache line that is mostly this thread's own. Old values are dropped by whoever replaces a value when no read
/// is under way any more, and at the latest with the cell.
///
/// ```
/// use selvedge::atomic::ArcCell;
/// use selvedge::rt::sync::Arc;
/// let limit = ArcCell::new(Arc::new(1));
/// let old = limit.load();
/// limit.store(Arc::new(2));
/// assert_eq!((*old, *limit.load()), (1, 2));
/// ```
pub struct ArcCell<T> {
    /// From `Arc::into_raw`.
    value: AtomicPtr<T>,
    replaced: Domain<Arc<T>>,
}

/// A value that an [`ArcCell`] had. While there are such, what is replaced is not dropped.
///
/// ```
/// use selvedge::atomic::ArcCell;
/// use selvedge::rt::sync::Arc;
/// let cell = ArcCell::new(Arc::new(1));
/// let before = cell.load();
/// cell.store(Arc::new(2));
/// assert_eq!((*before, *cell.load()), (1, 2));
/// ```
pub struct Loaded<'a, T> {
    /// As it was in the cell, with the provenance of the whole `Arc`.
    value: *const T,
    _pin: Pin<'a>,
}

// SAFETY: it is an `Arc` to all who share the cell.
unsafe impl<T: Send + Sync> Send for ArcCell<T> {}
// SAFETY: threads that share the cell clone and drop its `Arc`s, which is sending them.
unsafe impl<T: Send + Sync> Sync for ArcCell<T> {}
// SAFETY: it gives nothing but shared references to the value.
unsafe impl<T: Sync> Send for Loaded<'_, T> {}
// SAFETY: it gives nothing but shared references to the value.
unsafe impl<T: Sync> Sync for Loaded<'_, T> {}

impl<T> ArcCell<T> {
    /// A cell with this value.
    ///
    /// ```
    /// use selvedge::{atomic::ArcCell, rt::sync::Arc};
    /// assert_eq!(*ArcCell::new(Arc::new(1)).load(), 1);
    /// ```
    pub fn new(value: Arc<T>) -> ArcCell<T> {
        ArcCell { value: AtomicPtr::new(Arc::into_raw(value).cast_mut()), replaced: Domain::new() }
    }

    /// The value now.
    ///
    /// ```
    /// use selvedge::{atomic::ArcCell, rt::sync::Arc};
    /// let cell = ArcCell::new(Arc::new("warp"));
    /// assert_eq!(cell.load().len(), 4);
    /// ```
    pub fn load(&self) -> Loaded<'_, T> {
        let _entry = enter();
        let pin = self.replaced.pin();
        // SeqCst: for the pin. Acquire, by that: the value is written.
        Loaded { value: self.value.load(SeqCst), _pin: pin }
    }

    /// The value now, to keep.
    ///
    /// ```
    /// use selvedge::{atomic::ArcCell, rt::sync::Arc};
    /// let value = Arc::new(1);
    /// let cell = ArcCell::new(Arc::clone(&value));
    /// assert!(Arc::ptr_eq(&cell.load_full(), &value));
    /// ```
    pub fn load_full(&self) -> Arc<T> {
        let loaded = self.load();
        // SAFETY: the pin keeps the count that the cell has, or had.
        unsafe { share(loaded.value) }
    }

    /// Replaces the value.
    ///
    /// ```
    /// use selvedge::{atomic::ArcCell, rt::sync::Arc};
    /// let cell = ArcCell::new(Arc::new(1));
    /// cell.store(Arc::new(2));
    /// assert_eq!(*cell.load(), 2);
    /// ```
    pub fn store(&self, value: Arc<T>) {
        let _entry = enter();
        let old = self.replace(value);
        // SAFETY: the count was the cell's.
        self.replaced.retire(unsafe { Arc::from_raw(old) });
    }

    /// Replaces the value, and returns the old one.
    ///
    /// ```
    /// use selvedge::{atomic::ArcCell, rt::sync::Arc};
    /// let cell = ArcCell::new(Arc::new(1));
    /// assert_eq!(*cell.swap(Arc::new(2)), 1);
    /// ```
    pub fn swap(&self, value: Arc<T>) -> Arc<T> {
        let _entry = enter();
        let old = self.replace(value);
        self.keep_and_retire(old)
    }

    /// Replaces the value if it is `current` (the same `Arc`, not an equal value), and returns it.
    ///
    /// # Errors
    /// The new value, if the cell has another.
    ///
    /// ```
    /// use selvedge::{atomic::ArcCell, rt::sync::Arc};
    /// let (one, two) = (Arc::new(1), Arc::new(2));
    /// let cell = ArcCell::new(Arc::clone(&one));
    /// assert!(cell.compare_and_swap(&two, Arc::clone(&two)).is_err());
    /// assert!(cell.compare_and_swap(&one, two).is_ok());
    /// assert_eq!(*cell.load(), 2);
    /// ```
    pub fn compare_and_swap(&self, current: &Arc<T>, new: Arc<T>) -> Result<Arc<T>, Arc<T>> {
        let _entry = enter();
        let (current, new) = (Arc::as_ptr(current).cast_mut(), Arc::into_raw(new).cast_mut());
        // Release: as in `replace`. The old value is written, since the caller has it: it cannot be another at the same
        // address.
        // site: compare-and-swap-value
        match self.value.compare_exchange(current, new, Release, Relaxed) {
            Ok(old) => Ok(self.keep_and_retire(old)),
            // SAFETY: it was not given away.
            Err(_) => Err(unsafe { Arc::from_raw(new) }),
        }
    }

    /// Replaces the value by what `f` makes of it, and returns that. `f` is called again if another thread was faster.
    ///
    /// ```
    /// use selvedge::{atomic::ArcCell, rt::sync::Arc};
    /// let words = ArcCell::new(Arc::new(vec!["warp"]));
    /// words.update(|words| [&words[..], &["weft"]].concat());
    /// assert_eq!(words.load().len(), 2);
    /// ```
    pub fn update(&self, f: impl Fn(&T) -> T) -> Arc<T> {
        loop {
            let before = self.load_full();
            let after = Arc::new(f(&before));
            let replaced = self.compare_and_swap(&before, Arc::clone(&after)).is_ok();
            // Before the value is returned: it would be lost if a destructor panicked then (rust#47949).
            drop(before);
            if replaced {
                return after;
            }
        }
    }

    fn replace(&self, value: Arc<T>) -> *const T {
        // Release: the value is written for whoever reads it. Acquire: the old one is, for whoever drops it.
        self.value.swap(Arc::into_raw(value).cast_mut(), AcqRel) // site: swap-value
    }

    /// For who has replaced a value: an `Arc` of its own, since others may be taking one from the cell's.
    fn keep_and_retire(&self, old: *const T) -> Arc<T> {
        // SAFETY: the count that was the cell's is ours until it is retired.
        let kept = unsafe { share(old) };
        // SAFETY: as above.
        self.replaced.retire(unsafe { Arc::from_raw(old) });
        kept
    }
}

/// # Safety
/// The pointer is an `Arc`'s, and somebody keeps a count meanwhile.
unsafe fn share<T>(value: *const T) -> Arc<T> {
    // SAFETY: the caller's promise.
    unsafe {
        Arc::increment_strong_count(value);
        Arc::from_raw(value)
    }
}

impl<T> Drop for ArcCell<T> {
    fn drop(&mut self) {
        let value = self.value.with_mut(|value| *value);
        // SAFETY: the count is the cell's.
        drop(unsafe { Arc::from_raw(value) });
    }
}

impl<T: fmt::Debug> fmt::Debug for ArcCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ArcCell").field(&*self.load()).finish()
    }
}

impl<T> Deref for Loaded<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the value was in the cell while `_pin` was there, so it lives as long as that.
        unsafe { &*self.value }
    }
}

impl<T: fmt::Debug> fmt::Debug for Loaded<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
