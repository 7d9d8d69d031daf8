//! Cells whose accesses the engine sees: two accesses, one of them a write, that nothing orders are a failure.

use core::cmp::Ordering;
use core::mem;
use selvedge::rt;
pub use selvedge::rt::cell::{ConstPtr, MutPtr, UnsafeCell};

/// A cell of a value that is copied or moved in and out.
///
/// ```
/// loom::model(|| {
///     let cell = loom::cell::Cell::new(1);
///     cell.set(cell.get() + 1);
///     assert_eq!(cell.replace(5), 2);
///     assert_eq!(cell.into_inner(), 5);
/// });
/// # use selvedge_loom as loom;
/// ```
#[derive(Debug)]
pub struct Cell<T>(rt::cell::UnsafeCell<T>);

impl<T> Cell<T> {
    /// Returns a cell with this value.
    #[track_caller]
    pub fn new(value: T) -> Cell<T> {
        Cell(rt::cell::UnsafeCell::new(value))
    }

    /// Replaces the value, and drops the former one.
    #[track_caller]
    pub fn set(&self, value: T) {
        drop(self.replace(value));
    }

    /// Exchanges the values of two cells.
    #[track_caller]
    pub fn swap(&self, other: &Cell<T>) {
        if core::ptr::eq(self, other) {
            return;
        }
        // SAFETY: both cells are `!Sync`, so only this thread has them, and they are two; no reference into either is ever
        // given out. The closures call no code of the user's.
        self.0.with_mut(|mine| other.0.with_mut(|theirs| unsafe { mine.swap(theirs) }));
    }

    /// Replaces the value, and returns the former one.
    #[track_caller]
    pub fn replace(&self, value: T) -> T {
        // SAFETY: the cell is `!Sync`, so only this thread has it, and no reference into it is ever given out.
        self.0.with_mut(|old| unsafe { mem::replace(&mut *old, value) })
    }

    /// Returns a copy of the value.
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Copy,
    {
        // SAFETY: the cell is `!Sync`, so only this thread has it, and no reference into it is ever given out.
        self.0.with(|value| unsafe { *value })
    }

    /// Takes the value, and leaves the default in its place.
    #[track_caller]
    pub fn take(&self) -> T
    where
        T: Default,
    {
        self.replace(T::default())
    }

    /// Consumes the cell, and returns its value.
    #[track_caller]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: Default> Default for Cell<T> {
    #[track_caller]
    fn default() -> Cell<T> {
        Cell::new(T::default())
    }
}

impl<T: Copy> Clone for Cell<T> {
    #[track_caller]
    fn clone(&self) -> Cell<T> {
        Cell::new(self.get())
    }
}

impl<T> From<T> for Cell<T> {
    #[track_caller]
    fn from(value: T) -> Cell<T> {
        Cell::new(value)
    }
}

impl<T: PartialEq + Copy> PartialEq for Cell<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq + Copy> Eq for Cell<T> {}

impl<T: PartialOrd + Copy> PartialOrd for Cell<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.get().partial_cmp(&other.get())
    }
}

impl<T: Ord + Copy> Ord for Cell<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.get().cmp(&other.get())
    }
}
