//! Memory that is allocated when it is first needed.

#[cfg(feature = "checking")]
use super::{TrackedBox, tracked};
use crate::rt::thread;
use core::ptr::{null_mut, slice_from_raw_parts_mut};
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::{Acquire, Release};

/// A slice of default values, which is allocated when a thread first asks for it. Under an engine it is there from the
/// start: how much memory there is makes no difference to a model, and so there is nothing to explore.
pub(crate) struct LazySlice<T> {
    first: AtomicPtr<T>,
    len: usize,
    #[cfg(feature = "checking")]
    made: Option<TrackedBox<[T]>>,
}

// SAFETY: the slice owns its values, so sending it sends them.
unsafe impl<T: Send> Send for LazySlice<T> {}
// SAFETY: a shared slice gives out shared references to its values, so they are `Sync`; one thread makes them and another
// may drop them, so they are `Send`.
unsafe impl<T: Send + Sync> Sync for LazySlice<T> {}

impl<T: Default> LazySlice<T> {
    /// Returns a slice of so many values.
    #[track_caller]
    pub(crate) fn new(len: usize) -> LazySlice<T> {
        LazySlice {
            first: AtomicPtr::new(null_mut()),
            len,
            #[cfg(feature = "checking")]
            made: thread::under_engine().then(|| tracked((0..len).map(|_| T::default()))),
        }
    }

    /// Returns the values, if a thread has asked for them.
    #[inline]
    pub(crate) fn get(&self) -> Option<&[T]> {
        #[cfg(feature = "checking")]
        if let Some(made) = &self.made {
            return Some(made);
        }
        // Acquire: synchronizes with the Release of the CAS in `allocate`, so the values are there.
        // Not model-checked: under an engine the values are there from the start.
        let first = self.first.load(Acquire);
        // SAFETY: a pointer that is not null is that of a boxed slice of `len` values, which this slice owns until it is
        // dropped.
        (!first.is_null()).then(|| unsafe { &*slice_from_raw_parts_mut(first, self.len) })
    }

    /// Returns the values, and allocates them if no thread has.
    #[inline]
    pub(crate) fn make(&self) -> &[T] {
        self.get().unwrap_or_else(|| self.allocate())
    }

    #[cold]
    fn allocate(&self) -> &[T] {
        debug_assert!(!thread::under_engine(), "an engine has the values from the start");
        let fresh = Box::into_raw((0..self.len).map(|_| T::default()).collect::<Box<[T]>>());
        // Release: publishes the values to the Acquire in `get`. Acquire on failure: another thread was faster, and its values
        // are there for this one.
        // Not model-checked: under an engine the values are there from the start.
        let made = match self.first.compare_exchange(null_mut(), fresh.cast(), Release, Acquire) {
            Ok(_) => fresh,
            Err(faster) => {
                // SAFETY: `fresh` is from `into_raw` above, and no other thread has seen it.
                drop(unsafe { Box::from_raw(fresh) });
                slice_from_raw_parts_mut(faster, self.len)
            }
        };
        // SAFETY: the pointer is that of a boxed slice of `len` values, which this slice owns until it is dropped.
        unsafe { &*made }
    }
}

impl<T> Drop for LazySlice<T> {
    fn drop(&mut self) {
        let first = *self.first.get_mut();
        if !first.is_null() {
            // SAFETY: the pointer is that of a boxed slice of `len` values, and this slice, its owner, is dropped once.
            drop(unsafe { Box::from_raw(slice_from_raw_parts_mut(first, self.len)) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn values_are_there_once_somebody_asks() {
        let slice = LazySlice::<u8>::new(3);
        assert_eq!(slice.get(), None);
        assert_eq!(slice.make(), [0; 3]);
        assert_eq!(slice.get(), Some(&[0; 3][..]));
    }

    #[test]
    fn all_threads_get_the_same_values_which_are_dropped_once() {
        let value = Arc::<LazySlice<Arc<()>>>::new(LazySlice::new(2));
        let found: Vec<usize> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| value.make().as_ptr().addr())).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(found.iter().all(|first| *first == found[0]));
        let kept = Arc::clone(&value.make()[1]);
        drop(value);
        assert_eq!(Arc::strong_count(&kept), 1);
    }
}
