//! Heap nodes that a checker keeps track of.

#[cfg(feature = "checking")]
use super::seam::{Current, current};
use core::fmt;
use core::ops::{Deref, DerefMut};
#[cfg(feature = "checking")]
use core::panic::Location;
use core::ptr::NonNull;

/// A `Box` whose leak, double free and use after free a checker reports: for the nodes of lock-free
/// structures, which travel as raw pointers.
///
/// Under an engine freed memory is kept until the execution ends, so that a late access through an
/// `rt` atomic or cell inside it is told, not obeyed. In the default build it is a plain `Box`.
///
/// ```
/// use selvedge::rt::alloc::TrackedBox;
/// let raw = TrackedBox::into_raw(TrackedBox::new(5));
/// // SAFETY: `raw` comes from `into_raw`, and is used once.
/// let boxed = unsafe { TrackedBox::from_raw(raw) };
/// assert_eq!(*boxed, 5);
/// ```
pub struct TrackedBox<T: ?Sized>(NonNull<T>, Owner);

/// Where the box was made or taken back: its destructor has no line of its own to report.
#[derive(Clone, Copy)]
struct Owner {
    #[cfg(feature = "checking")]
    site: &'static Location<'static>,
}

impl Owner {
    #[inline]
    #[track_caller]
    fn here() -> Owner {
        Owner {
            #[cfg(feature = "checking")]
            site: Location::caller(),
        }
    }
}

// SAFETY: it owns its value, as `Box` does.
unsafe impl<T: ?Sized + Send> Send for TrackedBox<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for TrackedBox<T> {}

impl<T> TrackedBox<T> {
    /// Moves `value` to the heap.
    #[inline]
    #[track_caller]
    pub fn new(value: T) -> Self {
        TrackedBox::from(Box::new(value))
    }

    /// Moves the value out and frees the memory.
    #[inline]
    #[track_caller]
    pub fn into_inner(this: Self) -> T {
        let pointer = TrackedBox::into_raw(this);
        // SAFETY: the box owned the value, which is moved out once; below only memory is freed.
        let value = unsafe { pointer.read() };
        // SAFETY: same layout, and no destructor runs on the moved-out value.
        drop(unsafe { TrackedBox::from_raw(pointer.cast::<core::mem::ManuallyDrop<T>>()) });
        value
    }
}

impl<T: ?Sized> TrackedBox<T> {
    /// Gives up ownership; the pointer must come back through [`from_raw`](Self::from_raw).
    #[inline]
    pub fn into_raw(this: Self) -> *mut T {
        core::mem::ManuallyDrop::new(this).0.as_ptr()
    }

    /// Takes ownership back.
    ///
    /// # Safety
    /// `pointer` came from [`into_raw`](Self::into_raw), and nobody else takes it back.
    #[inline]
    #[track_caller]
    pub unsafe fn from_raw(pointer: *mut T) -> Self {
        // SAFETY: `into_raw` never returns null.
        TrackedBox(unsafe { NonNull::new_unchecked(pointer) }, Owner::here())
    }
}

/// Tracks what is in a box already, a slice for instance.
impl<T: ?Sized> From<Box<T>> for TrackedBox<T> {
    #[inline]
    #[track_caller]
    fn from(value: Box<T>) -> Self {
        #[cfg(feature = "checking")]
        let layout = core::alloc::Layout::for_value(&*value);
        let pointer = NonNull::from(Box::leak(value));
        #[cfg(feature = "checking")]
        if layout.size() != 0
            && let Current::Model(session) = current()
        {
            let memory = pointer.cast::<u8>();
            // SAFETY: the memory came from a box of this layout; `drop` has run the value's destructor by then.
            let release = move || unsafe { std::alloc::dealloc(memory.as_ptr(), layout) };
            session.allocated(memory.addr().get(), layout.size(), Location::caller(), Box::new(release));
        }
        TrackedBox(pointer, Owner::here())
    }
}

/// A slice on the heap.
#[track_caller]
pub(crate) fn tracked<T>(items: impl Iterator<Item = T>) -> TrackedBox<[T]> {
    TrackedBox::from(items.collect::<Box<[T]>>())
}

impl<T: ?Sized> Drop for TrackedBox<T> {
    fn drop(&mut self) {
        #[cfg(feature = "checking")]
        if size_of_val(&**self) != 0
            && let Current::Model(session) = current()
            && session.is_tracked(self.0.addr().get(), self.1.site)
        {
            /// The end of the memory, also if the destructor panics.
            struct Freed(&'static super::seam::Session, usize, &'static Location<'static>);
            impl Drop for Freed {
                fn drop(&mut self) {
                    self.0.freed(self.1, self.2);
                }
            }
            let _freed = Freed(session, self.0.addr().get(), self.1.site);
            // SAFETY: the box owns the value; the session keeps the memory and frees it later.
            return unsafe { self.0.drop_in_place() };
        }
        // SAFETY: the memory came from a `Box`, which this one owns.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl<T: ?Sized> Deref for TrackedBox<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the box owns a live value.
        unsafe { self.0.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for TrackedBox<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the box owns a live value, and is borrowed exclusively.
        unsafe { self.0.as_mut() }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for TrackedBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
