//! What is allocated when it is first needed.

use crate::rt::alloc::TrackedBox;
use crate::rt::sync::atomic::AtomicPtr;
use crate::rt::sync::atomic::Ordering::{Acquire, SeqCst};
use core::marker::PhantomData;
use core::ptr::null_mut;

/// One word, and a value that is made when somebody first asks for it.
pub(crate) struct LazyBox<T>(AtomicPtr<T>, PhantomData<T>);

impl<T> LazyBox<T> {
    constructor! {
        pub(crate) fn new() -> Self {
            LazyBox(AtomicPtr::new(null_mut()), PhantomData)
        }
    }

    pub(crate) const fn const_new() -> Self {
        LazyBox(AtomicPtr::const_new(null_mut()), PhantomData)
    }

    /// The value, if anybody has ever asked for it.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        // SeqCst: who changes a condition and then finds no queue comes before who makes it, enters, and looks at
        // the condition. Acquire, by that: the value is made.
        let value = self.0.load(SeqCst);
        // SAFETY: a value that was put here stays until we are dropped.
        unsafe { value.as_ref() }
    }
}

impl<T: Default> LazyBox<T> {
    /// The value.
    pub(crate) fn make(&self) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let fresh = TrackedBox::into_raw(TrackedBox::new(T::default()));
        // SeqCst: comes before the look at the condition. Release, by that: publishes the value to the Acquire in
        // `get`; Acquire: another thread's value is made.
        match self.0.compare_exchange(null_mut(), fresh, SeqCst, Acquire) {
            // SAFETY: a value that was put here stays until this is dropped.
            Ok(_) => unsafe { &*fresh },
            Err(faster) => {
                // SAFETY: nobody else has seen ours.
                drop(unsafe { TrackedBox::from_raw(fresh) });
                // SAFETY: a value that was put here stays until this is dropped.
                unsafe { &*faster }
            }
        }
    }
}

impl<T> Drop for LazyBox<T> {
    fn drop(&mut self) {
        let value = self.0.with_mut(|value| *value);
        if !value.is_null() {
            // SAFETY: nobody else is left.
            drop(unsafe { TrackedBox::from_raw(value) });
        }
    }
}
