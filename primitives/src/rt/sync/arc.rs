//! A reference-counted pointer on `rt` atomics, whose leak a checker reports.
//!
//! A1. There are two counts, as in std: `strong` counts the `Arc`s, and `weak` counts the `Weak`s and one more share,
//! which all `Arc`s hold together. The value lives as long as `strong` is not 0, the memory as long as `weak` is not 0. An
//! `Arc` that lives therefore keeps both, and a `Weak` that lives keeps the memory.
//!
//! A2. The thread that takes `strong` from 1 to 0 owns the value alone: no `Arc` is left, and `upgrade` fails on 0. What
//! former owners did with the value happens before, since each decrement is a Release and the last one is followed by an
//! Acquire fence. The thread that takes `weak` from 1 to 0 owns the memory alone for the same reason.
//!
//! A3. [`Arc::get_mut`] needs a moment at which both counts are 1, but they are two words. The weak word also counts the
//! calls of [`Arc::downgrade`]. `get_mut` reads the weak word, then the strong count, then the weak word again. If both
//! counts are 1 and the weak word has not changed, no weak pointer was made in between, and none existed before: a strong
//! owner that `get_mut` did not see would have needed one. No thread waits for another.
//!
//! A4. A [`Weak`] may be used while the last `Arc` drops the value, and another thread may free the memory as soon as a
//! share is given up. No reference to the whole allocation is therefore ever made: only references to one count, which may
//! dangle once the count has been written, and references to the value, by its owners. Raw pointers to the allocation
//! keep its provenance.
//!
//! A5. The counts stand first in the allocation, and the value at the next address that suits its alignment (`repr(C)`).
//! A pointer to the value therefore leads to the counts, also if the type of the value is not known ([`Arc::from_raw`]).

mod convert;
mod make;
mod traits;
mod weak;

use super::atomic::Ordering::{Acquire, Relaxed, Release};
use super::atomic::{AtomicU64, AtomicUsize, fence};
use crate::rt::alloc::{TrackedBox, let_go};
use crate::spec;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;
pub use weak::Weak;

#[repr(C)]
struct Shared<T: ?Sized> {
    strong: AtomicUsize,
    /// The number of weak owners in the lower half ([`WEAK_OWNERS`]), of calls of `downgrade` in the upper one.
    weak: AtomicU64,
    spec: spec::Arc,
    value: ManuallyDrop<T>,
}

/// A shared pointer, as [`std::sync::Arc`].
///
/// ```
/// use selvedge::rt::sync::Arc;
/// let one = Arc::new(1);
/// let two = Arc::clone(&one);
/// assert_eq!(Arc::strong_count(&two), 2);
/// ```
///
/// std's turns into a pointer to a trait object or a slice by itself, which stable Rust allows to no other type.
/// [`unsize!`](crate::rt::sync::unsize) does it here, and so do `Arc::from(Box<dyn Trait>)`, `Arc::from(Vec<T>)` and
/// `collect()`.
pub struct Arc<T: ?Sized>(NonNull<Shared<T>>);

// SAFETY: an `Arc` on another thread gives shared access to the value (`T: Sync`) and, as the last owner, moves it out or
// drops it there (`T: Send`). The counts are atomic.
unsafe impl<T: ?Sized + Send + Sync> Send for Arc<T> {}
// SAFETY: a thread with a shared `Arc` can clone it, so sharing needs what sending needs.
unsafe impl<T: ?Sized + Send + Sync> Sync for Arc<T> {}
/// The most strong owners; more can only come from a loop that forgets them.
const MAX_OWNERS: usize = isize::MAX as usize;

/// The part of the weak word that counts owners.
const WEAK_OWNERS: u64 = u32::MAX as u64;

/// The most weak owners; more can only come from a loop that forgets them. The word has room for twice as many: threads
/// that count at the same time exceed the limit by a few before they panic.
const MAX_WEAK_OWNERS: u64 = WEAK_OWNERS / 2;

/// What a call of `downgrade` adds to the weak word: a call and an owner. The count of calls wraps around, so an
/// `is_alone` that is stopped while other threads call `downgrade` exactly 2^32 times does not notice them.
const DOWNGRADE: u64 = (WEAK_OWNERS + 1) | 1;

fn weak_owners(word: u64) -> u64 {
    word & WEAK_OWNERS
}

/// Returns the strong count.
///
/// # Safety
/// The caller holds a share of the allocation (A1), at least until it writes to the count.
unsafe fn strong<'a, T: ?Sized>(shared: NonNull<Shared<T>>) -> &'a AtomicUsize {
    // SAFETY: the caller's share keeps the allocation, and the reference covers nothing but the count (A4).
    unsafe { &(*shared.as_ptr()).strong }
}

/// Returns the weak word.
///
/// # Safety
/// The caller holds a share of the allocation (A1), at least until it writes to the count.
unsafe fn weak<'a, T: ?Sized>(shared: NonNull<Shared<T>>) -> &'a AtomicU64 {
    // SAFETY: the caller's share keeps the allocation, and the reference covers nothing but the weak word (A4).
    unsafe { &(*shared.as_ptr()).weak }
}

/// Returns the owners as specified, if the execution uses that form.
///
/// # Safety
/// The caller holds a share of the allocation (A1), at least until it makes a step that gives up the share.
unsafe fn specified<'a, T: ?Sized>(shared: NonNull<Shared<T>>) -> Option<&'a spec::Arc> {
    // SAFETY: the caller's share keeps the allocation, and the reference covers nothing but this field (A4).
    let spec = unsafe { &(*shared.as_ptr()).spec };
    spec.is_specified().then_some(spec)
}

/// Returns whether the value belongs to an execution that has ended. It is then never dropped, since the counts do not tell
/// how many owners are left.
///
/// # Safety
/// As for [`specified`].
unsafe fn outlives_execution<T: ?Sized>(shared: NonNull<Shared<T>>) -> bool {
    // SAFETY: the caller's share keeps the allocation, and the reference covers nothing but this field (A4).
    unsafe { &(*shared.as_ptr()).spec }.outlives_execution()
}

/// Returns the value's address, with the provenance of the whole allocation.
fn value_of<T: ?Sized>(shared: NonNull<Shared<T>>) -> *mut T {
    // SAFETY: the pointer is the address of an allocation with the layout of `Shared`, so the field is within it. No
    // reference is made.
    unsafe { &raw mut (*shared.as_ptr()).value as *mut T }
}

/// Returns how far a value with this alignment stands from the start of its allocation (A5).
const fn offset_of_value(align: usize) -> usize {
    size_of::<Shared<()>>().next_multiple_of(align)
}

impl<T> Arc<T> {
    /// Moves `value` to the heap.
    #[track_caller]
    pub fn new(value: T) -> Self {
        let shared = Shared {
            strong: AtomicUsize::new(1),
            weak: AtomicU64::new(1),
            spec: spec::Arc::new(1),
            value: ManuallyDrop::new(value),
        };
        let pointer = TrackedBox::into_raw(TrackedBox::new(shared));
        // SAFETY: `into_raw` returns the address of a box, which is never null.
        Arc(unsafe { NonNull::new_unchecked(pointer) })
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
        // SAFETY: A2: `release_only` took the count from 1 to 0, so this thread owns the value alone. `this` is not
        // dropped, so the value is moved out once.
        let value = unsafe { value_of(this.0).read() };
        drop(Weak(this.0));
        Ok(value)
    }

    /// Gives up this owner, and returns the value if no other owner is left.
    #[track_caller]
    pub fn into_inner(this: Self) -> Option<T> {
        let this = ManuallyDrop::new(this);
        if let Some(spec) = this.specified() {
            spec.observe();
        }
        // SAFETY: A1: `this` holds a strong share, and gives it up once, since it is not dropped.
        if !unsafe { release_strong(this.0) } {
            return None;
        }
        // SAFETY: A2: `release_strong` took the count to 0, so this thread owns the value alone, and moves it out once.
        let value = unsafe { value_of(this.0).read() };
        drop(Weak(this.0));
        Some(value)
    }
}

impl<T: ?Sized> Arc<T> {
    fn strong(&self) -> &AtomicUsize {
        // SAFETY: A1: this `Arc` keeps the allocation.
        unsafe { strong(self.0) }
    }

    fn weak(&self) -> &AtomicU64 {
        // SAFETY: A1: this `Arc` keeps the allocation.
        unsafe { weak(self.0) }
    }

    fn specified(&self) -> Option<&spec::Arc> {
        // SAFETY: A1: this `Arc` keeps the allocation.
        unsafe { specified(self.0) }
    }

    /// Returns the number of strong owners, at some moment.
    #[track_caller]
    pub fn strong_count(this: &Self) -> usize {
        if let Some(spec) = this.specified() {
            return spec.count().0;
        }
        this.strong().load(Relaxed) // Relaxed: a snapshot that orders nothing.
    }

    /// Returns the number of weak pointers, at some moment.
    #[track_caller]
    pub fn weak_count(this: &Self) -> usize {
        if let Some(spec) = this.specified() {
            return spec.count().1;
        }
        weak_owners(this.weak().load(Relaxed)) as usize - 1 // Relaxed: a snapshot that orders nothing.
    }

    /// Returns whether both pointers point to the same allocation.
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        core::ptr::addr_eq(this.0.as_ptr(), other.0.as_ptr())
    }

    /// Returns the value's address.
    pub fn as_ptr(this: &Self) -> *const T {
        value_of(this.0)
    }

    /// Makes a pointer that does not keep the value.
    #[track_caller]
    pub fn downgrade(this: &Self) -> Weak<T> {
        if let Some(spec) = this.specified() {
            spec.add_weak("downgrade");
            return Weak(this.0);
        }
        // Relaxed: publishes nothing. If this owner ends later, its Release decrement orders this addition before an
        // `is_alone` that acquires the decrement, so `is_alone` cannot miss it (A3).
        let word = this.weak().fetch_add(DOWNGRADE, Relaxed);
        assert!(weak_owners(word) <= MAX_WEAK_OWNERS, "more weak pointers of an Arc than memory could hold");
        Weak(this.0)
    }

    /// Returns exclusive access, if there is no other pointer, strong or weak.
    #[track_caller]
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        // SAFETY: A3: `is_alone` has found no other pointer to the allocation, and this one is borrowed exclusively for
        // as long as the reference lives, so no other pointer can be made of it.
        this.is_alone().then(|| unsafe { &mut *value_of(this.0) })
    }

    /// Returns whether this is the only pointer (A3).
    fn is_alone(&mut self) -> bool {
        if let Some(spec) = self.specified() {
            return spec.is_alone();
        }
        // Acquire: synchronizes with the Release decrement in `Weak::drop`, so that a strong owner which `upgrade` made
        // of a dropped weak pointer is counted in what is read below. With Relaxed that owner could be missed, and two
        // threads would have the value (mutant).
        let word = self.weak().load(Acquire); // site: read-weak
        // Acquire: synchronizes with the Release decrements of former owners in `release_strong`. Their uses of the value
        // happen before the caller's, and their calls of `downgrade` before the load below. With Relaxed the caller
        // would race with a former owner (mutant).
        let last = self.strong().load(Acquire) == 1; // site: count-owners
        // Relaxed: the calls of `downgrade` that this load must not miss happen before it, by the Acquire above.
        weak_owners(word) == 1 && last && self.weak().load(Relaxed) == word
    }

    /// Returns whether the program may see how many owners there are.
    #[inline(always)]
    pub(crate) fn is_observed(&self) -> bool {
        self.specified().is_none_or(spec::Arc::is_observed)
    }

    /// Gives up the strong share if no other is left, and returns whether it did.
    fn release_only(&self) -> bool {
        if let Some(spec) = self.specified() {
            return spec.take();
        }
        // Acquire: synchronizes with the Release decrements in `release_strong`: what former owners did with the value
        // happens before what the caller does. With Relaxed the caller would race with them (mutant). Relaxed on
        // failure: the caller touches nothing.
        self.strong().compare_exchange(1, 0, Acquire, Relaxed).is_ok() // site: take-value
    }

    /// Turns the pointer into a raw one, which [`from_raw`](Self::from_raw) takes back.
    pub fn into_raw(this: Self) -> *const T {
        Arc::as_ptr(&*ManuallyDrop::new(this))
    }

    /// Makes a pointer of what [`into_raw`](Self::into_raw) returned, or of what the compiler has made of that by an
    /// unsizing coercion (`*const [u8; 2]` to `*const [u8]`).
    ///
    /// # Safety
    /// `pointer` came from `into_raw`, not from a reference to the value, and each one is taken back once.
    pub unsafe fn from_raw(pointer: *const T) -> Self {
        // SAFETY: the share that the pointer carries keeps the value (A1), and no thread has an exclusive reference to it
        // (`get_mut` would have found the share).
        let align = align_of_val(unsafe { &*pointer });
        // SAFETY: `pointer` comes from `value_of`, so it has the provenance of the whole `Shared`, in which the value
        // stands at this offset (A5).
        let shared = unsafe { pointer.byte_sub(offset_of_value(align)) };
        // SAFETY: the address of an allocation is not null.
        Arc(unsafe { NonNull::new_unchecked(shared as *mut Shared<T>) })
    }

    /// Adds a strong owner of what `pointer` points to.
    ///
    /// # Safety
    /// `pointer` came from `into_raw` or `as_ptr`, not from a reference to the value, and an owner lives meanwhile.
    #[track_caller]
    pub unsafe fn increment_strong_count(pointer: *const T) {
        // SAFETY: `pointer` is one that `from_raw` takes, and an owner lives meanwhile (both promised by the caller). The
        // temporary is not dropped, so no share is used up.
        let this = ManuallyDrop::new(unsafe { Arc::from_raw(pointer) });
        core::mem::forget(Arc::clone(&this));
    }

    /// Gives up a strong owner of what `pointer` points to.
    ///
    /// # Safety
    /// `pointer` came from `into_raw` or `as_ptr`, not from a reference to the value, and the caller owns a share.
    #[track_caller]
    pub unsafe fn decrement_strong_count(pointer: *const T) {
        // SAFETY: `pointer` is one that `from_raw` takes, and the caller gives its share up here (both promised by it).
        drop(unsafe { Arc::from_raw(pointer) });
    }
}

/// Gives up a strong share, and returns whether it was the last one. If it was not, the caller must not touch the
/// allocation any more.
///
/// # Safety
/// The caller holds a strong share, and gives it up once.
unsafe fn release_strong<T: ?Sized>(shared: NonNull<Shared<T>>) -> bool {
    // SAFETY: the caller's share keeps the allocation until the step that gives the share up.
    if let Some(spec) = unsafe { specified(shared) } {
        let_go(shared.as_ptr());
        return spec.drop_strong();
    }
    // SAFETY: the caller's share keeps the allocation.
    if unsafe { outlives_execution(shared) } {
        return false;
    }
    // SAFETY: A1: the caller's share keeps the allocation until this write.
    // Release: publishes this owner's uses of the value to the last owner, which acquires them by the fence below (A2), or
    // to `is_alone` or `release_only`. With Relaxed the end of the value would race with these uses (mutant).
    // site: drop-strong
    if unsafe { strong(shared) }.fetch_sub(1, Release) != 1 {
        return false;
    }
    // Acquire: with the decrement above, which reads from the Release decrements of all other owners, their uses of the
    // value happen before its end (A2). Without it the end would race with them (mutant).
    fence(Acquire); // site: fence-before-dropping-value
    true
}

impl<T: ?Sized> Clone for Arc<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        if let Some(spec) = self.specified() {
            spec.clone_strong();
            return Arc(self.0);
        }
        // Relaxed: publishes nothing. This owner keeps the value alive meanwhile, and a thread that receives the new
        // pointer receives it by some other synchronization.
        let owners = self.strong().fetch_add(1, Relaxed);
        assert!(owners <= MAX_OWNERS, "more owners of an Arc than memory could hold");
        Arc(self.0)
    }
}

impl<T: ?Sized> Drop for Arc<T> {
    fn drop(&mut self) {
        // SAFETY: A1: this `Arc` holds a strong share, and gives it up once, since it is being dropped.
        if unsafe { release_strong(self.0) } {
            // The weak share of all strong owners: given up also if the destructor panics.
            let _weak = Weak(self.0);
            // SAFETY: A2: the count is 0, so this thread owns the value alone, and drops it once.
            let destroy = || unsafe { value_of(self.0).drop_in_place() };
            // SAFETY: A1: the weak share keeps the allocation.
            match unsafe { specified(self.0) } {
                Some(spec) => spec.end(destroy),
                None => destroy(),
            }
        }
    }
}

impl<T: ?Sized> Deref for Arc<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: A1: this `Arc` keeps the value. No thread has an exclusive reference to it: `get_mut` would have found
        // this pointer (A3), and moving out needs the last share (A2).
        unsafe { &*value_of(self.0) }
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
        // SAFETY: `raw` comes from `into_raw` and owns a count.
        unsafe { Arc::increment_strong_count(raw) };
        // SAFETY: there are two shares, one for each of these.
        let (one, two) = unsafe { (Arc::from_raw(raw), Arc::from_raw(raw)) };
        assert!(Arc::ptr_eq(&one, &two) && *one == 5 && Arc::strong_count(&two) == 2);
    }
}
