//! An `Arc` that threads replace.
//!
//! - **S1 (count).** `value` owns one strong count of the `Arc` whose pointer it holds. A thread that replaces the
//!   pointer, by a swap or a CAS, takes over the count of the old one. No other thread replaces that pointer, so the
//!   count is the replacing thread's alone, which retires it.
//! - **S2 (pin).** A pointer that a thread loads while it is pinned stays valid until the pin is dropped: the count
//!   that the cell had is retired after the pointer was replaced, and the domain drops it when the pins that were there
//!   have gone.

use crate::reclaim::{Domain, Pin};
use crate::rt::entry::enter;
use crate::rt::sync::Arc;
use crate::rt::sync::atomic::AtomicPtr;
use crate::rt::sync::atomic::Ordering::{AcqRel, Relaxed, Release, SeqCst};
use core::fmt;
use core::mem::needs_drop;
use core::ops::Deref;

/// Holds an [`Arc`] that threads read and replace: for data that is read often and changed seldom, such as a
/// configuration.
///
/// Writing a value happens before reading it. No operation waits for another. A read pins the cell's
/// [domain](crate::reclaim::Domain::pin), and writes to a cache line that is mostly the thread's own. An old value is
/// dropped by a thread that replaces a value when no read is under way any more, and at the latest with the cell.
///
/// ```
/// use selvedge::atomic::ArcCell;
/// use selvedge::rt::sync::Arc;
/// let limit = ArcCell::new(Arc::new(1));
/// let old = limit.load();
/// limit.store(Arc::new(2));
/// assert_eq!((*old, *limit.load()), (1, 2));
/// ```
#[doc(alias("ArcSwap", "AtomicArc"))]
pub struct ArcCell<T> {
    /// From `Arc::into_raw` (S1).
    value: AtomicPtr<T>,
    replaced: Domain<Arc<T>>,
}

/// Refers to a value that an [`ArcCell`] had. While it exists, no value that is replaced is dropped.
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
    /// The pointer that was in the cell, with the provenance of the whole `Arc`.
    value: *const T,
    _pin: Pin<'a>,
}

// SAFETY: the cell owns an `Arc<T>`, and with it is sent like one.
unsafe impl<T: Send + Sync> Send for ArcCell<T> {}
// SAFETY: threads that share the cell read the value (`T: Sync`), and clone, send and drop its `Arc`s (`T: Send`).
unsafe impl<T: Send + Sync> Sync for ArcCell<T> {}
// SAFETY: a `Loaded` gives out nothing but shared references to the value, and its pin may be dropped on any thread.
unsafe impl<T: Sync> Send for Loaded<'_, T> {}
// SAFETY: a `Loaded` gives out nothing but shared references to the value.
unsafe impl<T: Sync> Sync for Loaded<'_, T> {}

impl<T> ArcCell<T> {
    /// Creates a cell with this value.
    ///
    /// ```
    /// use selvedge::{atomic::ArcCell, rt::sync::Arc};
    /// assert_eq!(*ArcCell::new(Arc::new(1)).load(), 1);
    /// ```
    pub fn new(value: Arc<T>) -> ArcCell<T> {
        let replaced = if needs_drop::<T>() { Domain::new() } else { Domain::of_plain_garbage() };
        ArcCell { value: AtomicPtr::new(Arc::into_raw(value).cast_mut()), replaced }
    }

    /// Returns a reference to the current value.
    ///
    /// ```
    /// use selvedge::{atomic::ArcCell, rt::sync::Arc};
    /// let cell = ArcCell::new(Arc::new("warp"));
    /// assert_eq!(cell.load().len(), 4);
    /// ```
    pub fn load(&self) -> Loaded<'_, T> {
        let _entry = enter();
        let pin = self.replaced.pin();
        // SeqCst: what `Domain` asks of pinned readers; after the pin, so that a collection that misses the pin has
        // unlinked the old value before this load. The Acquire in it pairs with the Release in `replace` and
        // `compare_and_swap`, so the value's initialization happens before the caller reads it.
        Loaded { value: self.value.load(SeqCst), _pin: pin }
    }

    /// Returns the current value, as an `Arc` of its own.
    ///
    /// ```
    /// use selvedge::{atomic::ArcCell, rt::sync::Arc};
    /// let value = Arc::new(1);
    /// let cell = ArcCell::new(Arc::clone(&value));
    /// assert!(Arc::ptr_eq(&cell.load_full(), &value));
    /// ```
    pub fn load_full(&self) -> Arc<T> {
        let loaded = self.load();
        // SAFETY: S2: `loaded` has a pin, so the count that the cell has, or had, is not dropped meanwhile.
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
        // SAFETY: S1: `replace` gave this thread the old pointer's count.
        self.retire(unsafe { Arc::from_raw(old) });
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

    /// Replaces the value and returns it, if it is the `Arc` `current` itself (an equal value is not enough).
    ///
    /// # Errors
    /// Gives `new` back if the cell has another value.
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
        // Release: publishes the new value to a reader, whose SeqCst load is in `load`. With Relaxed the reader could
        // read an uninitialized value (mutant at `compare-and-swap-value`). No Acquire: the caller has an `Arc` of the
        // old value, so it has seen the value's initialization, and no other value can have its address.
        // site: compare-and-swap-value
        match self.value.compare_exchange(current, new, Release, Relaxed) {
            Ok(old) => Ok(self.keep_and_retire(old)),
            // SAFETY: the CAS failed, so the cell did not take over the count that `into_raw` gave up above.
            Err(_) => Err(unsafe { Arc::from_raw(new) }),
        }
    }

    /// Replaces the value by `f` of it, and returns the new value. If another thread replaces the value meanwhile, `f`
    /// is called again.
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
            // Dropped before the return: a value that is being returned leaks if a destructor panics meanwhile
            // (rust#47949).
            drop(before);
            if replaced {
                return after;
            }
        }
    }

    /// Replaces the pointer, and returns the old one with its count (S1).
    fn replace(&self, value: Arc<T>) -> *const T {
        // Release: publishes the new value to a reader, whose SeqCst load is in `load`. Acquire: pairs with the Release
        // of the thread that stored the old value, so its initialization happens before this thread drops or returns
        // it. With
        // Relaxed a reader could read an uninitialized value (mutant at `swap-value`).
        self.value.swap(Arc::into_raw(value).cast_mut(), AcqRel) // site: swap-value
    }

    /// Returns an `Arc` of its own of a value that this thread has replaced, and retires the cell's count: a pinned
    /// thread may be about to clone an `Arc` from that.
    fn keep_and_retire(&self, old: *const T) -> Arc<T> {
        // SAFETY: S1: the count that was the cell's is this thread's until it is retired below.
        let kept = unsafe { share(old) };
        // SAFETY: S1: the count is this thread's, and is given up once, here.
        self.retire(unsafe { Arc::from_raw(old) });
        kept
    }

    /// Returns whether the cell keeps values that it had: always until its end, as a checker may let it.
    #[inline(always)]
    pub(super) fn keeps_old_values(&self) -> bool {
        self.replaced.keeps_garbage()
    }

    fn retire(&self, old: Arc<T>) {
        if old.is_observed() {
            self.replaced.look();
        }
        self.replaced.retire(old);
    }
}

/// # Safety
/// The pointer comes from `Arc::into_raw`, and a strong count stays until the call returns.
unsafe fn share<T>(value: *const T) -> Arc<T> {
    // SAFETY: the caller keeps a count alive while this one is added; the new `Arc` owns the added one.
    unsafe {
        Arc::increment_strong_count(value);
        Arc::from_raw(value)
    }
}

impl<T> Drop for ArcCell<T> {
    fn drop(&mut self) {
        let value = self.value.with_mut(|value| *value);
        // SAFETY: S1: the count is the cell's, and no other thread has the cell, which is being dropped.
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
        // SAFETY: S2: the pointer was loaded while `_pin` existed, and `_pin` lives as long as this reference.
        unsafe { &*self.value }
    }
}

impl<T: fmt::Debug> fmt::Debug for Loaded<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
