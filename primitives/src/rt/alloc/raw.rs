//! Raw memory by its layout.

#[cfg(feature = "checking")]
use crate::rt::seam::{Current, current};
pub use core::alloc::Layout;
#[cfg(feature = "checking")]
use core::panic::Location;

/// Allocates memory, as [`std::alloc::alloc`]; returns null if there is none.
///
/// A checker reports memory that is never freed, freed twice, freed with another layout, or freed while an access to it
/// through an `rt` atomic or cell in it is not ordered before. The memory may be freed by a
/// [`TrackedBox`](super::TrackedBox) too.
///
/// ```
/// use selvedge::rt::alloc::{Layout, alloc, dealloc};
/// let layout = Layout::new::<[u32; 4]>();
/// // SAFETY: the layout is not empty.
/// let memory = unsafe { alloc(layout) };
/// assert!(!memory.is_null());
/// // SAFETY: the memory was allocated with this layout, and is freed once.
/// unsafe { dealloc(memory, layout) };
/// ```
///
/// # Safety
/// The layout has a size other than 0.
#[track_caller]
#[inline]
pub unsafe fn alloc(layout: Layout) -> *mut u8 {
    // SAFETY: the layout is not empty (promised by the caller).
    let memory = unsafe { std::alloc::alloc(layout) };
    track(memory, layout);
    memory
}

/// Allocates memory that is zero, as [`std::alloc::alloc_zeroed`]. A checker reports what it reports of [`alloc`].
///
/// # Safety
/// The layout has a size other than 0.
#[track_caller]
#[inline]
pub unsafe fn alloc_zeroed(layout: Layout) -> *mut u8 {
    // SAFETY: the layout is not empty (promised by the caller).
    let memory = unsafe { std::alloc::alloc_zeroed(layout) };
    track(memory, layout);
    memory
}

/// Frees memory, as [`std::alloc::dealloc`]. Under an engine the memory is kept until the execution ends, so that a later
/// access through an `rt` atomic or cell in it is reported instead of made.
///
/// # Safety
/// The memory was allocated by [`alloc`] or [`alloc_zeroed`] with this layout, and is not used any more.
#[track_caller]
#[inline]
pub unsafe fn dealloc(memory: *mut u8, layout: Layout) {
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current() {
        let site = Location::caller();
        if session.begins_to_free(memory.addr(), layout, site) {
            return session.freed(memory.addr(), site);
        }
    }
    // SAFETY: the memory came from the global allocator with this layout (promised by the caller).
    unsafe { std::alloc::dealloc(memory, layout) };
}

/// Tells the engine of memory that was allocated.
#[track_caller]
#[inline(always)]
fn track(_memory: *mut u8, _layout: Layout) {
    #[cfg(feature = "checking")]
    if !_memory.is_null()
        && let Current::Model(session) = current()
    {
        // SAFETY: the memory came from the allocator with this layout. The session calls `release` once, at the end of
        // the execution; no code of the execution runs any more.
        let release = move || unsafe { std::alloc::dealloc(_memory, _layout) };
        session.allocated(_memory.addr(), _layout, Location::caller(), Box::new(release));
    }
}
