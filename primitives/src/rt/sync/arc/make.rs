//! More ways to make an [`Arc`], and to own its value.

use super::{Arc, Shared, Weak, specified, strong, value_of};
use crate::rt::alloc::TrackedBox;
use crate::rt::sync::atomic::Ordering::Release;
use crate::rt::sync::atomic::{AtomicU64, AtomicUsize};
use crate::spec;
use core::mem::{ManuallyDrop, MaybeUninit, forget};
use core::pin::Pin;
use core::ptr::NonNull;

impl<T> Arc<T> {
    /// Moves `value` to the heap, where it stays.
    #[track_caller]
    pub fn pin(value: T) -> Pin<Arc<T>> {
        // SAFETY: the value of an `Arc` never moves while it has owners, and a pinned `Arc` gives it out neither by
        // `get_mut` nor by `try_unwrap`.
        unsafe { Pin::new_unchecked(Arc::new(value)) }
    }

    /// Makes a value that has a weak pointer to itself. Until `make` has returned, the pointer cannot be upgraded.
    ///
    /// ```
    /// use selvedge::rt::sync::{Arc, Weak};
    /// struct Node(Weak<Node>);
    /// let node = Arc::new_cyclic(|me| Node(me.clone()));
    /// assert!(Arc::ptr_eq(&node, &node.0.upgrade().expect("the node lives")));
    /// ```
    #[track_caller]
    pub fn new_cyclic(make: impl FnOnce(&Weak<T>) -> T) -> Arc<T> {
        let shared = Shared {
            strong: AtomicUsize::new(0),
            weak: AtomicU64::new(1),
            spec: spec::Arc::new(0),
            value: ManuallyDrop::new(MaybeUninit::<T>::uninit()),
        };
        let pointer = TrackedBox::into_raw(TrackedBox::new(shared)).cast::<Shared<T>>();
        // SAFETY: `into_raw` returns the address of a box, which is never null. The pointer is weak: nothing looks at the
        // value as long as the strong count is 0, and if `make` panics, its drop gives up the share that was counted.
        let weak = Weak(unsafe { NonNull::new_unchecked(pointer) });
        // SAFETY: A1: `weak` keeps the allocation.
        if let Some(spec) = unsafe { specified(weak.0) } {
            spec.observe();
        }
        let value = make(&weak);
        // SAFETY: the strong count is 0, so no other thread looks at the value: this thread owns it alone, and writes it
        // once. `weak` keeps the memory.
        unsafe { value_of(weak.0).write(value) };
        publish(&weak);
        let this = Arc(weak.0);
        // The share of `weak` has become the one that all strong owners hold together.
        forget(weak);
        this
    }

    /// Returns the value, or a clone of it if there are other strong owners.
    #[track_caller]
    pub fn unwrap_or_clone(this: Self) -> T
    where
        T: Clone,
    {
        Arc::try_unwrap(this).unwrap_or_else(|shared| (*shared).clone())
    }

    /// Returns exclusive access to the value. If there are other strong owners, this pointer gets a clone of the value
    /// first; if there are weak pointers only, it takes the value away from them.
    #[track_caller]
    pub fn make_mut(this: &mut Self) -> &mut T
    where
        T: Clone,
    {
        if !this.is_alone() {
            if this.release_only() {
                // SAFETY: A2: `release_only` took the strong count from 1 to 0, so this thread owns the value alone, and
                // moves it out once: the count is 0 for good, and `this` is overwritten below without being dropped.
                let value = unsafe { value_of(this.0).read() };
                let former = core::mem::replace(this, Arc::new(value));
                // The share of the strong owners is given up; the weak pointers keep the memory.
                drop(Weak(ManuallyDrop::new(former).0));
            } else {
                // A clone that panics leaves `this` as it was.
                *this = Arc::new((**this).clone());
            }
        }
        // SAFETY: A3: no other pointer to the allocation exists: `is_alone` has found none, or the allocation is new. This
        // pointer is borrowed exclusively for as long as the reference lives.
        unsafe { &mut *value_of(this.0) }
    }
}

/// Makes the first strong share of a cyclic value, which has been written.
fn publish<T>(weak: &Weak<T>) {
    // SAFETY: A1: `weak` keeps the allocation.
    if let Some(spec) = unsafe { specified(weak.0) } {
        return spec.publish();
    }
    // SAFETY: A1: `weak` keeps the allocation.
    // Release: publishes the value to the Acquire CAS in `upgrade`, of a clone of `weak` that another thread got before
    // the value was there. With Relaxed that thread would race with the making of the value (mutant).
    unsafe { strong(weak.0) }.store(1, Release); // site: publish-cyclic
}

impl<T: Default> Default for Arc<T> {
    #[track_caller]
    fn default() -> Self {
        Arc::new(T::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_cyclic_value_cannot_be_upgraded_before_it_is_there() {
        struct Node {
            me: Weak<Node>,
        }
        let made = Arc::new_cyclic(|me: &Weak<Node>| {
            assert!(me.upgrade().is_none());
            Node { me: me.clone() }
        });
        assert_eq!((Arc::strong_count(&made), Arc::weak_count(&made)), (1, 1));
        assert!(Arc::ptr_eq(&made.me.upgrade().expect("now it is there"), &made));
    }

    #[test]
    fn a_cyclic_value_that_is_never_made_frees_its_memory() {
        let mut kept = None;
        let result = catch_unwind(AssertUnwindSafe(|| {
            Arc::<String>::new_cyclic(|me| {
                kept = Some(me.clone());
                panic!("no value")
            })
        }));
        assert!(result.is_err() && kept.is_some_and(|weak| weak.upgrade().is_none()));
    }

    #[test]
    fn exclusive_access_clones_only_a_value_that_others_own() {
        let mut mine = Arc::new(String::from("x"));
        let address = Arc::as_ptr(&mine);
        Arc::make_mut(&mut mine).push('y');
        assert_eq!(Arc::as_ptr(&mine), address);

        let theirs = Arc::clone(&mine);
        Arc::make_mut(&mut mine).push('z');
        assert_eq!((mine.as_str(), theirs.as_str()), ("xyz", "xy"));

        let weak = Arc::downgrade(&mine);
        let buffer = mine.as_ptr();
        assert_eq!(Arc::make_mut(&mut mine).as_ptr(), buffer, "the value is moved, not cloned");
        assert_eq!(weak.upgrade(), None);
        assert_eq!((Arc::unwrap_or_clone(mine), Arc::unwrap_or_clone(theirs)), ("xyz".into(), "xy".into()));
    }

    #[test]
    fn a_clone_that_panics_leaves_the_owner_as_it_was() {
        #[derive(Debug)]
        struct Stubborn {
            number: u32,
        }
        impl Clone for Stubborn {
            fn clone(&self) -> Self {
                panic!("it has no copy")
            }
        }
        let mut mine = Arc::new(Stubborn { number: 3 });
        let theirs = Arc::clone(&mine);
        assert!(catch_unwind(AssertUnwindSafe(|| Arc::make_mut(&mut mine).number = 4)).is_err());
        assert!(Arc::ptr_eq(&mine, &theirs) && mine.number == 3);
    }

    #[test]
    fn a_pinned_value_is_read_through_the_pin() {
        assert_eq!(*Arc::pin(5), 5);
    }
}
