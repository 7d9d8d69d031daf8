//! A reference-counted pointer on `rt` atomics, whose leak a checker reports.
//!
//! Two counts, as in std: `strong` owners of the value, and `weak` owners of the allocation, where
//! all strong owners together hold one weak share. The value goes with the last strong owner, the
//! memory with the last weak share.
//!
//! # Alone
//! [`Arc::get_mut`] needs a moment at which both counts are 1, and they are two words. The weak word also counts the
//! calls of [`Arc::downgrade`]. `get_mut` reads the weak word, then the strong count, then the weak word again. If both
//! counts are 1 and the weak word has not changed, then nobody has made a weak pointer in between, and none was there
//! before: a strong owner that `get_mut` did not see would have needed one. No thread waits for another.
//!
//! # Aliasing
//! A [`Weak`] may be used while the last `Arc` drops the value, and the memory may be freed as soon as
//! a share is given up, so no reference to the whole allocation is ever made: only ones to a count,
//! which may dangle once it has been written, and ones to the value, by those who own it. Pointers
//! that travel keep the provenance of the allocation.

use super::atomic::Ordering::{Acquire, Relaxed, Release};
use super::atomic::{AtomicU64, AtomicUsize, fence};
use crate::rt::alloc::TrackedBox;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;

struct Shared<T> {
    strong: AtomicUsize,
    /// The number of weak owners in the lower half ([`WEAK_OWNERS`]), of calls of `downgrade` in the upper one.
    weak: AtomicU64,
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
// SAFETY: a shared `Arc` can be cloned, so sharing it is sending it.
unsafe impl<T: Send + Sync> Sync for Arc<T> {}
// SAFETY: a `Weak` can become an `Arc`.
unsafe impl<T: Send + Sync> Send for Weak<T> {}
// SAFETY: a shared `Weak` can be cloned, and become an `Arc`.
unsafe impl<T: Send + Sync> Sync for Weak<T> {}

/// So many owners can only come from a loop that forgets them.
const MAX_OWNERS: usize = isize::MAX as usize;

/// The part of the weak word that counts owners.
const WEAK_OWNERS: u64 = u32::MAX as u64;

/// So many weak owners can only come from a loop that forgets them. Half of what the word has room for: threads that
/// count at once pass it by a few before they panic.
const MAX_WEAK_OWNERS: u64 = WEAK_OWNERS / 2;

/// What a call of `downgrade` adds to the weak word. The count wraps around: an `is_alone` that is stopped while others
/// call `downgrade` exactly 2^32 times is not told of them.
const DOWNGRADE: u64 = (WEAK_OWNERS + 1) | 1;

fn weak_owners(word: u64) -> u64 {
    word & WEAK_OWNERS
}

/// # Safety
/// The caller owns a share of the allocation, at least until it writes to the count.
unsafe fn strong<'a, T>(shared: NonNull<Shared<T>>) -> &'a AtomicUsize {
    // SAFETY: the caller's share keeps the allocation; the reference covers nothing but the count.
    unsafe { &(*shared.as_ptr()).strong }
}

/// # Safety
/// As for `strong`.
unsafe fn weak<'a, T>(shared: NonNull<Shared<T>>) -> &'a AtomicU64 {
    // SAFETY: as for `strong`.
    unsafe { &(*shared.as_ptr()).weak }
}

/// The value's address, with the provenance of the whole allocation.
fn value_of<T>(shared: NonNull<Shared<T>>) -> *mut T {
    // SAFETY: the pointer is that of an allocation which holds a `Shared`; no reference is made.
    unsafe { &raw mut (*shared.as_ptr()).value }.cast()
}

impl<T> Arc<T> {
    /// Moves `value` to the heap.
    #[track_caller]
    pub fn new(value: T) -> Self {
        let shared =
            Shared { strong: AtomicUsize::new(1), weak: AtomicU64::new(1), value: ManuallyDrop::new(value) };
        let pointer = TrackedBox::into_raw(TrackedBox::new(shared));
        // SAFETY: `into_raw` never returns null.
        Arc(unsafe { NonNull::new_unchecked(pointer) })
    }

    fn strong(&self) -> &AtomicUsize {
        // SAFETY: an `Arc` owns a share of the allocation.
        unsafe { strong(self.0) }
    }

    fn weak(&self) -> &AtomicU64 {
        // SAFETY: an `Arc` owns a share of the allocation.
        unsafe { weak(self.0) }
    }

    /// Returns the number of strong owners, at some moment.
    #[track_caller]
    pub fn strong_count(this: &Self) -> usize {
        this.strong().load(Relaxed) // Relaxed: a snapshot that orders nothing.
    }

    /// Returns the number of weak pointers, at some moment.
    #[track_caller]
    pub fn weak_count(this: &Self) -> usize {
        weak_owners(this.weak().load(Relaxed)) as usize - 1 // Relaxed: a snapshot that orders nothing.
    }

    /// Returns whether both point to the same allocation.
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.0 == other.0
    }

    /// Returns the value's address.
    pub fn as_ptr(this: &Self) -> *const T {
        value_of(this.0)
    }

    /// Makes a pointer that does not keep the value.
    #[track_caller]
    pub fn downgrade(this: &Self) -> Weak<T> {
        // Relaxed: publishes nothing. An `is_alone` that reads a strong count which this owner wrote by ending, after
        // this, acquires that write, and so reads this one too.
        let word = this.weak().fetch_add(DOWNGRADE, Relaxed);
        assert!(weak_owners(word) <= MAX_WEAK_OWNERS, "more weak pointers of an Arc than memory could hold");
        Weak(this.0)
    }

    /// Returns exclusive access, if there is no other pointer, strong or weak.
    #[track_caller]
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        // SAFETY: this is the only pointer, and it is borrowed exclusively.
        this.is_alone().then(|| unsafe { &mut *value_of(this.0) })
    }

    /// Whether this is the only pointer.
    fn is_alone(&mut self) -> bool {
        // Acquire: pairs with the Release of weak pointers that are gone: the strong owners which were made of them are
        // counted in what is read below. (Without it: mutant.)
        let word = self.weak().load(Acquire); // site: read-weak
        // Acquire: pairs with the Release decrements of owners that are gone: their last uses of the value happen before
        // the caller's, and their calls of `downgrade` before the next line. (Without it: mutant.)
        let last = self.strong().load(Acquire) == 1; // site: count-owners
        // Relaxed: what it must not miss happens before it, by the line above.
        weak_owners(word) == 1 && last && self.weak().load(Relaxed) == word
    }

    /// Moves the value out, if this is the only strong owner.
    ///
    /// # Errors
    /// The pointer, if there are others.
    #[track_caller]
    pub fn try_unwrap(this: Self) -> Result<T, Self> {
        if !this.release_only() {
            return Err(this);
        }
        let this = ManuallyDrop::new(this);
        // SAFETY: the count of owners was 1, and is 0 now: the value is ours alone, and moved out once.
        let value = unsafe { value_of(this.0).read() };
        drop(Weak(this.0));
        Ok(value)
    }

    /// Gives up the strong share, if it is the only one.
    fn release_only(&self) -> bool {
        // Acquire: pairs with the Release decrements of former owners, whose uses of the value happen before what the
        // caller does with it. Relaxed on failure: nothing is touched then.
        self.strong().compare_exchange(1, 0, Acquire, Relaxed).is_ok() // site: take-value
    }

    /// Gives up this owner; returns the value, if it was the last.
    #[track_caller]
    pub fn into_inner(this: Self) -> Option<T> {
        let this = ManuallyDrop::new(this);
        // SAFETY: the share is given up once, since `this` is not dropped.
        if !unsafe { release_strong(this.0) } {
            return None;
        }
        // SAFETY: the count is 0, so the value is ours alone; it is moved out once.
        let value = unsafe { value_of(this.0).read() };
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
    /// `pointer` came from `into_raw`, not from a reference to the value, and each one is taken back once.
    pub unsafe fn from_raw(pointer: *const T) -> Self {
        // SAFETY: the value stands at this offset in its `Shared`, which the pointer's provenance covers.
        let shared = unsafe { pointer.byte_sub(core::mem::offset_of!(Shared<T>, value)) };
        // SAFETY: derived from a non-null pointer within its allocation.
        Arc(unsafe { NonNull::new_unchecked(shared.cast::<Shared<T>>().cast_mut()) })
    }

    /// Adds a strong owner of what `pointer` points to.
    ///
    /// # Safety
    /// `pointer` came from `into_raw` or `as_ptr`, not from a reference to the value, and an owner lives meanwhile.
    #[track_caller]
    pub unsafe fn increment_strong_count(pointer: *const T) {
        // SAFETY: the caller's promise; the temporary is not dropped, so no share is used up.
        let this = ManuallyDrop::new(unsafe { Arc::from_raw(pointer) });
        core::mem::forget(Arc::clone(&this));
    }

    /// Gives up a strong owner of what `pointer` points to.
    ///
    /// # Safety
    /// `pointer` came from `into_raw` or `as_ptr`, not from a reference to the value, and the caller owns a share.
    #[track_caller]
    pub unsafe fn decrement_strong_count(pointer: *const T) {
        // SAFETY: the caller's promise.
        drop(unsafe { Arc::from_raw(pointer) });
    }
}

/// Gives up a strong share; whether it was the last. If not, the allocation must not be touched any more.
///
/// # Safety
/// The share is the caller's, and is given up once.
unsafe fn release_strong<T>(shared: NonNull<Shared<T>>) -> bool {
    // SAFETY: the caller's share keeps the allocation until this write.
    // Release: our uses of the value happen before its end, through the fence of the last owner.
    // site: drop-strong
    if unsafe { strong(shared) }.fetch_sub(1, Release) != 1 {
        return false;
    }
    // Acquire: pairs with the Release decrements of all other owners.
    fence(Acquire); // site: fence-before-dropping-value
    true
}

impl<T> Clone for Arc<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        // Relaxed: this owner keeps the value alive meanwhile, and a thread that gets the new pointer
        // gets it through some other synchronisation.
        let owners = self.strong().fetch_add(1, Relaxed);
        assert!(owners <= MAX_OWNERS, "more owners of an Arc than memory could hold");
        Arc(self.0)
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        // SAFETY: the share is given up once, here.
        if unsafe { release_strong(self.0) } {
            // The shares of all strong owners in the allocation; freed also if the destructor panics.
            let _weak = Weak(self.0);
            // SAFETY: the count is 0: nobody else has the value, and it is dropped once.
            unsafe { value_of(self.0).drop_in_place() };
        }
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: an `Arc` owns a share of the value, so it lives, and nobody changes it: `get_mut` has found no other
        // pointer than its own.
        unsafe { &*value_of(self.0) }
    }
}

impl<T> Weak<T> {
    /// Makes a strong owner, if the value still lives.
    #[track_caller]
    pub fn upgrade(&self) -> Option<Arc<T>> {
        // SAFETY: a `Weak` owns a share of the allocation.
        let strong = unsafe { strong(self.0) };
        // Acquire: pairs with the Release that made the value visible to the owner that we join;
        // Relaxed reads: the compare-exchange decides.
        strong.fetch_update(Acquire, Relaxed, |count| (count != 0).then_some(count + 1)).ok()?;
        Some(Arc(self.0))
    }
}

impl<T> Clone for Weak<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        // SAFETY: a `Weak` owns a share of the allocation. Relaxed: only the count matters, and `is_alone` finds this
        // pointer's own share.
        let word = unsafe { weak(self.0) }.fetch_add(1, Relaxed);
        assert!(weak_owners(word) <= MAX_WEAK_OWNERS, "more weak pointers of an Arc than memory could hold");
        Weak(self.0)
    }
}

impl<T> Drop for Weak<T> {
    fn drop(&mut self) {
        // SAFETY: a `Weak` owns a share of the allocation, until this write.
        // Release: our uses of the allocation happen before it is freed, through the fence below; and what was made of
        // this pointer is counted for an owner that finds no weak pointer (`is_alone`).
        // site: drop-weak
        if weak_owners(unsafe { weak(self.0) }.fetch_sub(1, Release)) == 1 {
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
