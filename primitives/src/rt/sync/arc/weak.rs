//! A pointer that does not keep the value.
//!
//! A [`Weak`] of [`Weak::new`] has no allocation: its address is [`DANGLING`], at which none can stand, since an
//! allocation begins with counts that are aligned.

use super::{
    Arc, MAX_WEAK_OWNERS, Shared, offset_of_value, outlives_execution, specified, strong, value_of, weak,
    weak_owners,
};
use crate::rt::alloc::TrackedBox;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::rt::sync::atomic::fence;
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::{NonNull, without_provenance_mut};

/// The address of what a pointer without an allocation points to.
const DANGLING: usize = usize::MAX;

/// A pointer that does not keep the value, as [`std::sync::Weak`].
///
/// ```
/// use selvedge::rt::sync::Arc;
/// let strong = Arc::new(1);
/// let weak = Arc::downgrade(&strong);
/// drop(strong);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct Weak<T: ?Sized>(pub(super) NonNull<Shared<T>>);

// SAFETY: a `Weak` can become an `Arc`, so sending needs what it needs for `Arc`.
unsafe impl<T: ?Sized + Send + Sync> Send for Weak<T> {}
// SAFETY: a thread with a shared `Weak` can clone it and make an `Arc` of the clone.
unsafe impl<T: ?Sized + Send + Sync> Sync for Weak<T> {}

impl<T> Weak<T> {
    /// Returns a pointer to nothing, which allocates nothing and can never be upgraded. `const` in every build.
    ///
    /// ```
    /// use selvedge::rt::sync::Weak;
    /// static NOTHING: Weak<u32> = Weak::new();
    /// assert_eq!((NOTHING.upgrade(), NOTHING.strong_count()), (None, 0));
    /// ```
    pub const fn new() -> Weak<T> {
        // SAFETY: the address is not null. No method looks at what it points to.
        Weak(unsafe { NonNull::new_unchecked(without_provenance_mut(DANGLING)) })
    }
}

impl<T: ?Sized> Weak<T> {
    /// Returns whether the pointer has an allocation, of which it then holds a share.
    fn is_allocated(&self) -> bool {
        self.0.as_ptr().cast::<u8>().addr() != DANGLING
    }

    /// Makes a strong owner, if the value still lives.
    #[track_caller]
    pub fn upgrade(&self) -> Option<Arc<T>> {
        if !self.is_allocated() {
            return None;
        }
        // SAFETY: A1: this `Weak` keeps the allocation.
        if let Some(spec) = unsafe { specified(self.0) } {
            return spec.upgrade().then(|| Arc(self.0));
        }
        // SAFETY: A1: this `Weak` keeps the allocation.
        let strong = unsafe { strong(self.0) };
        // Acquire: orders the new owner after former owners whose Release decrements this CAS reads, as in std.
        // Not model-checked: the value itself reached this thread with the `Weak`, by some other synchronization.
        // Relaxed on failure: the loop only looks at the count again.
        strong.fetch_update(Acquire, Relaxed, |count| (count != 0).then_some(count + 1)).ok()?;
        Some(Arc(self.0))
    }

    /// Returns the number of strong owners, at some moment.
    #[track_caller]
    pub fn strong_count(&self) -> usize {
        self.counts().0
    }

    /// Returns the number of weak pointers, at some moment; 0 if there are no strong owners.
    #[track_caller]
    pub fn weak_count(&self) -> usize {
        match self.counts() {
            (0, _) => 0,
            (_, weak) => weak,
        }
    }

    #[track_caller]
    fn counts(&self) -> (usize, usize) {
        if !self.is_allocated() {
            return (0, 0);
        }
        // SAFETY: A1: this `Weak` keeps the allocation.
        if let Some(spec) = unsafe { specified(self.0) } {
            return spec.count();
        }
        // SAFETY: A1: this `Weak` keeps the allocation.
        let (strong, weak) = unsafe { (strong(self.0), weak(self.0)) };
        // Relaxed: two snapshots that order nothing.
        (strong.load(Relaxed), weak_owners(weak.load(Relaxed)) as usize - 1)
    }

    /// Returns whether both pointers point to the same allocation, or both to nothing.
    pub fn ptr_eq(&self, other: &Self) -> bool {
        core::ptr::addr_eq(self.0.as_ptr(), other.0.as_ptr())
    }

    /// Returns the value's address, at which there is a value only as long as there are strong owners.
    pub fn as_ptr(&self) -> *const T {
        match self.is_allocated() {
            true => value_of(self.0),
            false => self.0.as_ptr() as *const T,
        }
    }

    /// Turns the pointer into a raw one, which [`from_raw`](Self::from_raw) takes back.
    pub fn into_raw(self) -> *const T {
        ManuallyDrop::new(self).as_ptr()
    }

    /// Makes a pointer of what [`into_raw`](Self::into_raw) returned, or of what the compiler has made of that by an
    /// unsizing coercion.
    ///
    /// # Safety
    /// `pointer` came from `into_raw`, and each one is taken back once.
    pub unsafe fn from_raw(pointer: *const T) -> Self {
        let shared = if pointer.cast::<u8>().addr() == DANGLING {
            pointer as *mut Shared<T>
        } else {
            // SAFETY: the share that the pointer carries keeps the memory (A1). The value may have been dropped, or
            // another thread may be dropping it: a reference to an `UnsafeCell` promises nothing of the bytes behind it,
            // and `align_of_val` looks at the pointer's metadata only.
            let align = align_of_val(unsafe { &*(pointer as *const UnsafeCell<ManuallyDrop<T>>) });
            // SAFETY: `pointer` comes from `value_of`, so it has the provenance of the whole `Shared`, in which the value
            // stands at this offset (A5).
            (unsafe { pointer.byte_sub(offset_of_value(align)) }) as *mut Shared<T>
        };
        // SAFETY: neither the address of an allocation nor the other one is null.
        Weak(unsafe { NonNull::new_unchecked(shared) })
    }
}

impl<T: ?Sized> Clone for Weak<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        if !self.is_allocated() {
            return Weak(self.0);
        }
        // SAFETY: A1: this `Weak` keeps the allocation.
        if let Some(spec) = unsafe { specified(self.0) } {
            spec.add_weak("clone weak");
            return Weak(self.0);
        }
        // SAFETY: A1: this `Weak` keeps the allocation.
        // Relaxed: publishes nothing; `is_alone` finds this pointer's own share until it is dropped (A3).
        let word = unsafe { weak(self.0) }.fetch_add(1, Relaxed);
        assert!(weak_owners(word) <= MAX_WEAK_OWNERS, "more weak pointers of an Arc than memory could hold");
        Weak(self.0)
    }
}

impl<T: ?Sized> Drop for Weak<T> {
    fn drop(&mut self) {
        if !self.is_allocated() {
            return;
        }
        // SAFETY: A1: this `Weak` keeps the allocation until the step that gives the share up.
        if let Some(spec) = unsafe { specified(self.0) } {
            if spec.drop_weak() {
                // SAFETY: A2: this was the last share, so this thread owns the memory alone. It came from a `TrackedBox`, and
                // is freed once; the value has been dropped or moved out.
                drop(unsafe { TrackedBox::from_raw(self.0.as_ptr()) });
            }
            return;
        }
        // SAFETY: A1: this `Weak` keeps the allocation.
        if unsafe { outlives_execution(self.0) } {
            return;
        }
        // SAFETY: A1: this `Weak` keeps the allocation until this write.
        // Release: publishes this owner's uses of the counts to the thread that frees the memory, which acquires them by
        // the fence below (A2), and an `upgrade` of this pointer to `is_alone` (A3).
        // site: drop-weak
        if weak_owners(unsafe { weak(self.0) }.fetch_sub(1, Release)) == 1 {
            // Acquire: with the decrement above, which reads from the Release decrements of all other weak owners, their
            // uses of the counts happen before the memory is freed (A2).
            fence(Acquire);
            // SAFETY: A2: this was the last share, so this thread owns the memory alone. It came from a `TrackedBox`, and
            // is freed once. The value has been dropped or moved out, and `ManuallyDrop` does not drop it again.
            drop(unsafe { TrackedBox::from_raw(self.0.as_ptr()) });
        }
    }
}

impl<T> Default for Weak<T> {
    fn default() -> Self {
        Weak::new()
    }
}

impl<T: ?Sized> fmt::Debug for Weak<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(Weak)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Debug;

    #[test]
    fn a_pointer_to_nothing_is_never_upgraded_and_owns_nothing() {
        let nothing = Weak::<String>::new();
        let again = nothing.clone();
        assert!(nothing.ptr_eq(&again) && again.upgrade().is_none());
        assert_eq!((nothing.strong_count(), nothing.weak_count()), (0, 0));
        let raw: *const dyn Debug = again.into_raw();
        // SAFETY: the pointer comes from `into_raw`, by a coercion, and is taken back once.
        let again = unsafe { Weak::from_raw(raw) };
        assert!(again.upgrade().is_none() && again.clone().upgrade().is_none());
        assert_eq!(again.as_ptr().cast::<String>(), nothing.as_ptr());
        assert!(!nothing.ptr_eq(&Arc::downgrade(&Arc::new(String::new()))));
        assert_eq!(format!("{:?}", Weak::<u8>::default()), "(Weak)");
    }

    #[test]
    fn counts_are_those_of_the_allocation_and_end_with_the_value() {
        let one = Arc::new(5);
        let weak = Arc::downgrade(&one);
        let two = Arc::clone(&one);
        assert_eq!((weak.strong_count(), weak.weak_count()), (2, 1));
        let more = weak.clone();
        assert_eq!((more.weak_count(), weak.as_ptr()), (2, Arc::as_ptr(&one)));
        drop((one, two));
        assert_eq!((weak.strong_count(), weak.weak_count()), (0, 0));
    }

    /// A value with an alignment of its own, which is larger than that of the counts.
    #[repr(align(64))]
    #[derive(Debug)]
    struct Aligned(u8);

    #[test]
    fn raw_pointers_carry_a_share_also_of_a_value_that_is_gone() {
        let strong: Arc<dyn Debug + Send + Sync> =
            crate::rt::sync::unsize!(Arc::new(Aligned(3)) => dyn Debug + Send + Sync);
        let raw = Arc::downgrade(&strong).into_raw();
        assert_eq!((raw.cast::<u8>().addr() % 64, Arc::weak_count(&strong)), (0, 1));
        // SAFETY: the pointer comes from `into_raw`, and is taken back once.
        let weak = unsafe { Weak::from_raw(raw) };
        assert_eq!(format!("{:?}", weak.upgrade().expect("it lives")), "Aligned(3)");
        let raw = weak.into_raw();
        drop(strong);
        // SAFETY: the pointer comes from `into_raw`, and is taken back once.
        let weak = unsafe { Weak::from_raw(raw) };
        assert!(weak.upgrade().is_none() && core::ptr::addr_eq(weak.clone().into_raw(), raw));
        // SAFETY: the pointer comes from `into_raw` of the clone, whose share it carries, and is taken back once.
        drop(unsafe { Weak::from_raw(raw) });
        assert_eq!(Arc::into_inner(Arc::new(Aligned(4))).map(|value| value.0), Some(4));
    }
}
