//! `AtomicBool` and `AtomicPtr`.

use super::shared_methods;
use super::word::Rmw;
use super::{Cell, Ordering};
use core::fmt;
use core::ptr::without_provenance_mut;

/// [`std::sync::atomic::AtomicBool`] that an engine can see.
///
/// ```
/// use selvedge::rt::sync::atomic::{AtomicBool, Ordering};
/// let ready = AtomicBool::new(false);
/// assert!(!ready.swap(true, Ordering::AcqRel));
/// ```
#[repr(transparent)]
pub struct AtomicBool {
    cell: Cell<core::sync::atomic::AtomicBool>,
}

impl AtomicBool {
    /// Returns a new atomic for a static; `const` in every build. Under an engine the atomic starts each execution with
    /// `value`, as if made before `main`.
    #[inline]
    #[track_caller]
    pub const fn const_new(value: bool) -> Self {
        Self { cell: Cell::lazy(core::sync::atomic::AtomicBool::new(value), value) }
    }

    shared_methods!(bool);

    /// Replaces the value by the logical and of it and `value`, and returns the old value.
    #[inline]
    #[track_caller]
    pub fn fetch_and(&self, value: bool, order: Ordering) -> bool {
        self.cell.rmw(Rmw::And(value), order)
    }

    /// Replaces the value by the inverted logical and of it and `value`, and returns the old value.
    #[inline]
    #[track_caller]
    pub fn fetch_nand(&self, value: bool, order: Ordering) -> bool {
        self.cell.rmw(Rmw::Nand(value), order)
    }

    /// Replaces the value by the logical or of it and `value`, and returns the old value.
    #[inline]
    #[track_caller]
    pub fn fetch_or(&self, value: bool, order: Ordering) -> bool {
        self.cell.rmw(Rmw::Or(value), order)
    }

    /// Replaces the value by the logical exclusive or of it and `value`, and returns the old value.
    #[inline]
    #[track_caller]
    pub fn fetch_xor(&self, value: bool, order: Ordering) -> bool {
        self.cell.rmw(Rmw::Xor(value), order)
    }

    /// Inverts the value, and returns the old value.
    #[inline]
    #[track_caller]
    pub fn fetch_not(&self, order: Ordering) -> bool {
        self.cell.rmw(Rmw::Xor(true), order)
    }
}

impl Default for AtomicBool {
    #[track_caller]
    fn default() -> Self {
        Self::new(false)
    }
}

impl From<bool> for AtomicBool {
    #[track_caller]
    fn from(value: bool) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for AtomicBool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cell.peek().fmt(f)
    }
}

/// [`std::sync::atomic::AtomicPtr`] that an engine can see.
///
/// ```
/// use selvedge::rt::sync::atomic::{AtomicPtr, Ordering};
/// let mut value = 7;
/// let pointer = AtomicPtr::new(&mut value);
/// assert!(!pointer.load(Ordering::Acquire).is_null());
/// ```
#[repr(transparent)]
pub struct AtomicPtr<T> {
    cell: Cell<core::sync::atomic::AtomicPtr<T>>,
}

impl<T> AtomicPtr<T> {
    /// Returns a new atomic for a static; `const` in every build. Under an engine the atomic starts each execution with
    /// `value`, as if made before `main`.
    #[inline]
    #[track_caller]
    pub const fn const_new(value: *mut T) -> Self {
        Self { cell: Cell::lazy(core::sync::atomic::AtomicPtr::new(value), value) }
    }

    shared_methods!(*mut T);

    /// Moves the pointer forward by `count` values, and returns the old pointer.
    #[inline]
    #[track_caller]
    pub fn fetch_ptr_add(&self, count: usize, order: Ordering) -> *mut T {
        self.fetch_byte_add(count.wrapping_mul(size_of::<T>()), order)
    }

    /// Moves the pointer back by `count` values, and returns the old pointer.
    #[inline]
    #[track_caller]
    pub fn fetch_ptr_sub(&self, count: usize, order: Ordering) -> *mut T {
        self.fetch_byte_sub(count.wrapping_mul(size_of::<T>()), order)
    }

    /// Moves the pointer forward by `count` bytes, and returns the old pointer.
    #[inline]
    #[track_caller]
    pub fn fetch_byte_add(&self, count: usize, order: Ordering) -> *mut T {
        self.cell.rmw(Rmw::Add(without_provenance_mut(count)), order)
    }

    /// Moves the pointer back by `count` bytes, and returns the old pointer.
    #[inline]
    #[track_caller]
    pub fn fetch_byte_sub(&self, count: usize, order: Ordering) -> *mut T {
        self.cell.rmw(Rmw::Sub(without_provenance_mut(count)), order)
    }

    /// Replaces the address by the bitwise and of it and `bits`, for tags in its low bits, and returns the old pointer.
    #[inline]
    #[track_caller]
    pub fn fetch_and(&self, bits: usize, order: Ordering) -> *mut T {
        self.cell.rmw(Rmw::And(without_provenance_mut(bits)), order)
    }

    /// Replaces the address by the bitwise or of it and `bits`, for tags in its low bits, and returns the old pointer.
    #[inline]
    #[track_caller]
    pub fn fetch_or(&self, bits: usize, order: Ordering) -> *mut T {
        self.cell.rmw(Rmw::Or(without_provenance_mut(bits)), order)
    }

    /// Replaces the address by the bitwise exclusive or of it and `bits`, for tags in its low bits, and returns the old pointer.
    #[inline]
    #[track_caller]
    pub fn fetch_xor(&self, bits: usize, order: Ordering) -> *mut T {
        self.cell.rmw(Rmw::Xor(without_provenance_mut(bits)), order)
    }
}

impl<T> Default for AtomicPtr<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(core::ptr::null_mut())
    }
}

impl<T> From<*mut T> for AtomicPtr<T> {
    #[track_caller]
    fn from(value: *mut T) -> Self {
        Self::new(value)
    }
}

impl<T> fmt::Debug for AtomicPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cell.peek().fmt(f)
    }
}

impl<T> fmt::Pointer for AtomicPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&self.cell.peek(), f)
    }
}
