//! Memory that is tracked: leaks, double frees, and accesses after the memory was freed are failures.

use selvedge::rt::alloc::TrackedBox;
pub use selvedge::rt::alloc::{Layout, alloc, alloc_zeroed, dealloc};

/// A value whose leak is a failure.
///
/// ```
/// loom::model(|| {
///     let value = loom::alloc::Track::new(5);
///     assert_eq!(value.into_inner(), 5);
/// });
/// # use selvedge_loom as loom;
/// ```
#[derive(Debug)]
pub struct Track<T> {
    value: T,
    /// Stands for the value: one byte that the engine tracks, since an engine tracks no value of size 0.
    object: TrackedBox<u8>,
}

impl<T> Track<T> {
    /// Returns the value, tracked from here on.
    #[track_caller]
    pub fn new(value: T) -> Track<T> {
        Track { value, object: TrackedBox::new(0) }
    }

    /// Returns a shared reference to the value.
    pub fn get_ref(&self) -> &T {
        &self.value
    }

    /// Returns an exclusive reference to the value.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// Stops tracking the value, and returns it.
    #[track_caller]
    pub fn into_inner(self) -> T {
        TrackedBox::into_inner(self.object);
        self.value
    }
}
