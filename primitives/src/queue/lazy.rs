//! What is allocated when it is first needed.

use crate::rt::alloc::TrackedBox;
use crate::rt::spec::Flag;
use crate::rt::sync::atomic::AtomicPtr;
use crate::rt::sync::atomic::Ordering::SeqCst;
use core::marker::PhantomData;
use core::ptr::null_mut;

/// One word, and a value that is made when a thread first asks for it.
pub(crate) struct LazyBox<T>(AtomicPtr<T>, Flag, PhantomData<T>);

impl<T> LazyBox<T> {
    constructor! {
        pub(crate) fn new() -> Self {
            LazyBox(AtomicPtr::new(null_mut()), Flag::new(), PhantomData)
        }
    }

    pub(crate) const fn const_new() -> Self {
        LazyBox(AtomicPtr::const_new(null_mut()), Flag::new(), PhantomData)
    }

    /// Returns the value, if a thread has ever asked for it.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        // SeqCst: a thread that changes a condition and then finds no queue here comes before a thread that makes the
        // queue in `make`, enters it, and then looks at the condition. Acquire, by that: the value is made.
        let value = self.0.load(SeqCst);
        // SAFETY: a value that was put here stays until this is dropped.
        unsafe { value.as_ref() }
    }
}

impl<T: Default> LazyBox<T> {
    /// Returns the value, and makes it first if no thread has.
    #[inline]
    pub(crate) fn make(&self) -> &T {
        match self.get() {
            Some(value) => value,
            None => self.make_now(),
        }
    }

    #[cold]
    #[inline(never)]
    fn make_now(&self) -> &T {
        self.1.raise();
        let fresh = TrackedBox::into_raw(TrackedBox::new(T::default()));
        // SeqCst: comes before the look at the condition. Release, by that: publishes the value to the Acquire in
        // `get`. On failure SeqCst too: a thread that finds another one's value looks at the condition next, and a
        // thread that changes the condition and then finds no queue in `get` must come before that look. With Acquire
        // C++20 allows both to miss each other (model `a_future_of_the_close_that_is_dropped_leaves_the_others`), and
        // `genmc` does not, to which the halves of the other thread's CAS are two events.
        // site: find-made
        match self.0.compare_exchange(null_mut(), fresh, SeqCst, SeqCst) {
            // SAFETY: a value that was put here stays until this is dropped.
            Ok(_) => unsafe { &*fresh },
            Err(faster) => {
                // SAFETY: the exchange failed, so no other thread has seen the pointer, which came from `into_raw`.
                drop(unsafe { TrackedBox::from_raw(fresh) });
                // SAFETY: a value that was put here stays until this is dropped.
                unsafe { &*faster }
            }
        }
    }
}

impl<T> Drop for LazyBox<T> {
    fn drop(&mut self) {
        if self.1.is_needless() {
            return;
        }
        let value = self.0.with_mut(|value| *value);
        if !value.is_null() {
            // SAFETY: no other thread uses what is being dropped, and the pointer came from `into_raw` in `make`.
            drop(unsafe { TrackedBox::from_raw(value) });
        }
    }
}
