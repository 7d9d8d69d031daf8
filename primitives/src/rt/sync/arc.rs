//! A reference-counted pointer on `rt` atomics, whose leak a checker reports.
//!
//! Two counts, as in std: `strong` owners of the value, and `weak` owners of the allocation, where
//! all strong owners together hold one weak share. The value goes with the last strong owner, the
//! memory with the last weak share.

use super::atomic::Ordering::{Acquire, Relaxed, Release};
use super::atomic::{AtomicUsize, fence};
use crate::rt::alloc::TrackedBox;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;

struct Shared<T> {
    strong: AtomicUsize,
    weak: AtomicUsize,
    value: ManuallyDrop<T>,
}

/// A shared pointer to a sized value, as [`std::sync::Arc`].
///
/// ```
/// use selvedge::rt::sync::Arc;
/// let one = Arc::new(1);
/// let two = Arc::clone(&one);
/// assert_eq!(Arc::strong_count(&two), 2);
/// ```
pub struct Arc<T>(NonNull<Shared<T>>);

/// A pointer that does not keep the value, as [`std::sync::Weak`].
///
/// ```
/// use selvedge::rt::sync::Arc;
/// let strong = Arc::new(1);
/// let weak = Arc::downgrade(&strong);
/// drop(strong);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct Weak<T>(NonNull<Shared<T>>);

// SAFETY: sharing an `Arc` shares the value and may move it out, so both bounds are needed, and the
// counts are atomic.
unsafe impl<T: Send + Sync> Send for Arc<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Arc<T> {}
// SAFETY: a `Weak` can become an `Arc`.
unsafe impl<T: Send + Sync> Send for Weak<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Weak<T> {}

/// So many owners can only come from a loop that forgets them.
const MAX_OWNERS: usize = isize::MAX as usize;

impl<T> Arc<T> {
    /// Moves `value` to the heap.
    #[track_caller]
    pub fn new(value: T) -> Self {
        let shared = Shared {
            strong: AtomicUsize::new(1),
            weak: AtomicUsize::new(1),
            value: ManuallyDrop::new(value),
        };
        let pointer = TrackedBox::into_raw(TrackedBox::new(shared));
        // SAFETY: `into_raw` never returns null.
        Arc(unsafe { NonNull::new_unchecked(pointer) })
    }

    fn shared(&self) -> &Shared<T> {
        // SAFETY: an `Arc` is a strong owner, so the allocation is alive.
        unsafe { self.0.as_ref() }
    }

    /// The number of strong owners, at some moment.
    #[track_caller]
    pub fn strong_count(this: &Self) -> usize {
        this.shared().strong.load(Relaxed) // Relaxed: a snapshot that orders nothing.
    }

    /// The number of weak pointers, at some moment.
    #[track_caller]
    pub fn weak_count(this: &Self) -> usize {
        this.shared().weak.load(Relaxed) - 1 // Relaxed: a snapshot that orders nothing.
    }

    /// Whether both point to the same allocation.
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.0 == other.0
    }

    /// The value's address.
    pub fn as_ptr(this: &Self) -> *const T {
        &raw const *this.shared().value
    }

    /// A pointer that does not keep the value.
    #[track_caller]
    pub fn downgrade(this: &Self) -> Weak<T> {
        // Relaxed: this owner keeps the allocation alive meanwhile; only the count matters.
        this.shared().weak.fetch_add(1, Relaxed);
        Weak(this.0)
    }

    /// Exclusive access, if there is no other pointer, strong or weak.
    #[track_caller]
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        // Acquire: pairs with the Release decrements of owners that are gone, whose last uses of
        // the value happen before ours. Weak first: with no weak pointer none can become strong.
        let alone = this.shared().weak.load(Acquire) == 1 && this.shared().strong.load(Acquire) == 1;
        // SAFETY: this is the only pointer, and it is borrowed exclusively.
        alone.then(|| unsafe { &mut *this.0.as_mut().value })
    }

    /// Moves the value out, if this is the only strong owner.
    ///
    /// # Errors
    /// The pointer, if there are others.
    #[track_caller]
    pub fn try_unwrap(this: Self) -> Result<T, Self> {
        // Acquire: pairs with the Release decrements of former owners. Relaxed on failure: nothing
        // is touched then.
        if this.shared().strong.compare_exchange(1, 0, Acquire, Relaxed).is_err() {
            return Err(this);
        }
        let this = ManuallyDrop::new(this);
        // SAFETY: the count was 1 and is 0 now: the value is ours alone, and moved out once.
        let value = unsafe { core::ptr::read(&raw const *this.shared().value) };
        drop(Weak(this.0));
        Ok(value)
    }

    /// Gives up this owner; the value, if it was the last.
    #[track_caller]
    pub fn into_inner(this: Self) -> Option<T> {
        let this = ManuallyDrop::new(this);
        if !release_strong(this.shared()) {
            return None;
        }
        // SAFETY: as in `try_unwrap`: the count is 0, so the value is ours alone.
        let value = unsafe { core::ptr::read(&raw const *this.shared().value) };
        drop(Weak(this.0));
        Some(value)
    }

    /// Turns the pointer into a raw one, to be given back to [`from_raw`](Self::from_raw).
    pub fn into_raw(this: Self) -> *const T {
        Arc::as_ptr(&*ManuallyDrop::new(this))
    }

    /// Takes back what [`into_raw`](Self::into_raw) gave.
    ///
    /// # Safety
    /// `pointer` came from `into_raw`, and each one is taken back once.
    pub unsafe fn from_raw(pointer: *const T) -> Self {
        // SAFETY: the value stands at this offset in its `Shared`.
        let shared = unsafe { pointer.byte_sub(core::mem::offset_of!(Shared<T>, value)) };
        // SAFETY: derived from a non-null pointer within its allocation.
        Arc(unsafe { NonNull::new_unchecked(shared.cast::<Shared<T>>().cast_mut()) })
    }

    /// One more strong owner of what `pointer` points to.
    ///
    /// # Safety
    /// `pointer` came from `into_raw` or `as_ptr`, and an owner lives meanwhile.
    #[track_caller]
    pub unsafe fn increment_strong_count(pointer: *const T) {
        // SAFETY: the caller's promise; the temporary is not dropped, so no share is used up.
        let this = ManuallyDrop::new(unsafe { Arc::from_raw(pointer) });
        core::mem::forget(Arc::clone(&this));
    }

    /// One strong owner fewer of what `pointer` points to.
    ///
    /// # Safety
    /// `pointer` came from `into_raw` or `as_ptr`, and the caller owns a share.
    #[track_caller]
    pub unsafe fn decrement_strong_count(pointer: *const T) {
        // SAFETY: the caller's promise.
        drop(unsafe { Arc::from_raw(pointer) });
    }
}

/// Gives up a strong share; whether it was the last.
fn release_strong<T>(shared: &Shared<T>) -> bool {
    // Release: our uses of the value happen before its end, through the fence of the last owner.
    // site: drop-strong
    if shared.strong.fetch_sub(1, Release) != 1 {
        return false;
    }
    // Acquire: pairs with the Release decrements of all other owners.
    fence(Acquire); // site: fence-before-dropping-value
    true
}

impl<T> Clone for Arc<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        // Relaxed: this owner keeps the value alive meanwhile, and whoever gets the new pointer
        // gets it through some other synchronisation.
        let owners = self.shared().strong.fetch_add(1, Relaxed);
        assert!(owners <= MAX_OWNERS, "more owners of an Arc than memory could hold");
        Arc(self.0)
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        if release_strong(self.shared()) {
            // The shares of all strong owners in the allocation; freed also if the destructor panics.
            let _weak = Weak(self.0);
            // SAFETY: the count is 0: nobody else has the value, and it is dropped once.
            unsafe { ManuallyDrop::drop(&mut self.0.as_mut().value) };
        }
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.shared().value
    }
}

impl<T> Weak<T> {
    /// A strong owner, if the value still lives.
    #[track_caller]
    pub fn upgrade(&self) -> Option<Arc<T>> {
        // SAFETY: a `Weak` keeps the allocation.
        let strong = unsafe { &self.0.as_ref().strong };
        // Acquire: pairs with whatever Release made the value visible to the owner that we join;
        // Relaxed reads: the compare-exchange decides.
        strong.fetch_update(Acquire, Relaxed, |count| (count != 0).then_some(count + 1)).ok()?;
        Some(Arc(self.0))
    }
}

impl<T> Clone for Weak<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        // SAFETY: a `Weak` keeps the allocation. Relaxed: only the count matters.
        unsafe { self.0.as_ref() }.weak.fetch_add(1, Relaxed);
        Weak(self.0)
    }
}

impl<T> Drop for Weak<T> {
    fn drop(&mut self) {
        // SAFETY: a `Weak` keeps the allocation.
        let shared = unsafe { self.0.as_ref() };
        // Release: our uses of the allocation happen before it is freed, through the fence below.
        // site: drop-weak
        if shared.weak.fetch_sub(1, Release) == 1 {
            // Acquire: pairs with the Release decrements of the others.
            fence(Acquire);
            // SAFETY: the last share of all: nobody else has the allocation. The value is gone
            // already, and `ManuallyDrop` leaves it alone.
            drop(unsafe { TrackedBox::from_raw(self.0.as_ptr()) });
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T> fmt::Debug for Weak<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(Weak)")
    }
}

impl<T: Default> Default for Arc<T> {
    fn default() -> Self {
        Arc::new(T::default())
    }
}

impl<T> From<T> for Arc<T> {
    fn from(value: T) -> Self {
        Arc::new(value)
    }
}

impl<T> AsRef<T> for Arc<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_goes_with_the_last_strong_owner_and_the_memory_with_the_last_weak() {
        let value = Arc::new(Arc::new(7));
        let inner = Arc::clone(&value);
        let weak = Arc::downgrade(&value);
        let watched = Arc::downgrade(&inner);
        assert_eq!((Arc::strong_count(&value), Arc::weak_count(&value)), (2, 2));
        drop(value);
        assert_eq!(**weak.upgrade().expect("one owner is left"), 7);
        drop(inner);
        assert!(weak.upgrade().is_none() && watched.upgrade().is_none());
    }

    #[test]
    fn only_a_sole_owner_gets_the_value_out() {
        let one = Arc::new(String::from("x"));
        let two = Arc::clone(&one);
        let one = Arc::try_unwrap(one).expect_err("there are two owners");
        assert_eq!(Arc::into_inner(two), None);
        let mut one = one;
        Arc::get_mut(&mut one).expect("now it is alone").push('y');
        assert_eq!(Arc::try_unwrap(one).expect("still alone"), "xy");
    }

    #[test]
    fn raw_pointers_carry_a_share() {
        let raw = Arc::into_raw(Arc::new(5_u8));
        // SAFETY: `raw` holds a share.
        unsafe { Arc::increment_strong_count(raw) };
        // SAFETY: there are two shares, one for each of these.
        let (one, two) = unsafe { (Arc::from_raw(raw), Arc::from_raw(raw)) };
        assert!(Arc::ptr_eq(&one, &two) && *one == 5 && Arc::strong_count(&two) == 2);
    }
}
