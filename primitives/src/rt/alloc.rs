//! Heap memory that a checker keeps track of.

#[cfg(feature = "checking")]
use super::seam::{Current, current};
use core::fmt;
use core::ops::{Deref, DerefMut};
#[cfg(feature = "checking")]
use core::panic::Location;
use core::ptr::NonNull;

mod lazy;
mod raw;

pub(crate) use lazy::LazySlice;
pub use raw::{Layout, alloc, alloc_zeroed, dealloc};

/// A `Box` whose leak, double free and use after free a checker reports: for the nodes of lock-free
/// structures, which travel as raw pointers.
///
/// Under an engine freed memory is kept until the execution ends: a late access through an `rt` atomic or cell inside that
/// memory is reported instead of made. In the default build a `TrackedBox` is a plain `Box`.
///
/// ```
/// use selvedge::rt::alloc::TrackedBox;
/// let raw = TrackedBox::into_raw(TrackedBox::new(5));
/// // SAFETY: `raw` comes from `into_raw`, and is used once.
/// let boxed = unsafe { TrackedBox::from_raw(raw) };
/// assert_eq!(*boxed, 5);
/// ```
#[doc(alias = "Track")]
pub struct TrackedBox<T: ?Sized>(NonNull<T>, Owner);

/// Where the box was made or taken back. Reports name this line for the destructor, which has no caller's line of its own.
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

// SAFETY: the box is the only owner of its value, so sending the box sends the value, which is `Send`.
unsafe impl<T: ?Sized + Send> Send for TrackedBox<T> {}
// SAFETY: a shared box gives out shared references to its value and nothing else, and the value is `Sync`.
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
        // SAFETY: `this` owned the live value and has become `pointer`, so no other code has the value. The value is moved
        // out once: below only the memory is freed.
        let value = unsafe { pointer.read() };
        // SAFETY: `pointer` comes from `into_raw` and is taken back once. `ManuallyDrop<T>` has the layout of `T`, and
        // its drop does not touch the value that was moved out.
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
    /// `pointer` came from [`into_raw`](Self::into_raw), and is taken back once.
    #[inline]
    #[track_caller]
    pub unsafe fn from_raw(pointer: *mut T) -> Self {
        // SAFETY: `pointer` comes from `into_raw`, which returns the address of a box and so never null.
        TrackedBox(unsafe { NonNull::new_unchecked(pointer) }, Owner::here())
    }
}

/// Tracks the value of an existing box, such as a slice.
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
            // SAFETY: the memory came from a box of this layout. The session calls `release` once, at the end of the
            // execution, after `drop` has run the value's destructor; no code of the execution runs any more.
            let release = move || unsafe { std::alloc::dealloc(memory.as_ptr(), layout) };
            session.allocated(memory.addr().get(), layout, Location::caller(), Box::new(release));
        }
        TrackedBox(pointer, Owner::here())
    }
}

/// Moves the items to the heap, as a tracked slice.
#[track_caller]
pub(crate) fn tracked<T>(items: impl Iterator<Item = T>) -> TrackedBox<[T]> {
    TrackedBox::from(items.collect::<Box<[T]>>())
}

/// Notes that an owner of tracked memory lets it go: an access that happens before now needs no other order before the memory
/// is freed.
#[inline(always)]
pub(crate) fn let_go<T: ?Sized>(_memory: *const T) {
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current() {
        session.let_go(_memory.addr());
    }
}

impl<T: ?Sized> Drop for TrackedBox<T> {
    fn drop(&mut self) {
        #[cfg(feature = "checking")]
        if size_of_val(&**self) != 0
            && let Current::Model(session) = current()
            && session.begins_to_free(
                self.0.addr().get(),
                core::alloc::Layout::for_value(&**self),
                self.1.site,
            )
        {
            /// Marks the memory as freed when the destructor has ended, also by a panic.
            struct Freed(&'static super::seam::Session, usize, &'static Location<'static>);
            impl Drop for Freed {
                fn drop(&mut self) {
                    self.0.freed(self.1, self.2);
                }
            }
            let _freed = Freed(session, self.0.addr().get(), self.1.site);
            // SAFETY: the box owns the live value, and is being dropped, so the value is dropped once. The session keeps
            // the memory, and frees it when the execution ends.
            return unsafe { self.0.drop_in_place() };
        }
        // SAFETY: the memory came from a `Box` (`From<Box>`), this box owns it, and is being dropped, so it is freed once.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl<T: ?Sized> Deref for TrackedBox<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the box owns a live value, and a shared borrow of the box keeps others from changing it.
        unsafe { self.0.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for TrackedBox<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the box owns a live value, and is borrowed exclusively, so no other reference to the value exists.
        unsafe { self.0.as_mut() }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for TrackedBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
