//! A cell for plain data that other synchronisation protects, with race-checked access.

#[cfg(feature = "checking")]
use super::seam::{CellAccess, Current, Slot, current};
use core::fmt;
#[cfg(feature = "checking")]
use core::panic::Location;

/// [`core::cell::UnsafeCell`] whose accesses an engine can see: each access is a closure that has the pointer only while
/// the access lasts.
///
/// An engine with a memory model reports a race: two accesses, one of them a write, that nothing orders. The call of
/// [`new`](Self::new) counts as a write by the thread that makes it.
///
/// ```
/// use selvedge::rt::cell::UnsafeCell;
/// let cell = UnsafeCell::new(1);
/// // SAFETY: no other thread has the cell.
/// cell.with_mut(|value| unsafe { *value += 1 });
/// assert_eq!(cell.into_inner(), 2);
/// ```
pub struct UnsafeCell<T> {
    #[cfg(feature = "checking")]
    slot: Slot,
    value: core::cell::UnsafeCell<T>,
}

impl<T> UnsafeCell<T> {
    /// Returns a new cell. This function is `const` in the default build only, for the reasons in [`rt`](crate::rt#statics).
    #[cfg(not(feature = "checking"))]
    #[inline]
    pub const fn new(value: T) -> Self {
        UnsafeCell { value: core::cell::UnsafeCell::new(value) }
    }

    /// Returns a new cell. This function is `const` in the default build only, for the reasons in [`rt`](crate::rt#statics).
    #[cfg(feature = "checking")]
    #[track_caller]
    pub fn new(value: T) -> Self {
        let cell = UnsafeCell { slot: Slot::native(), value: core::cell::UnsafeCell::new(value) };
        if let Current::Model(session) = current() {
            session.cell_created(&cell.slot, Location::caller());
        }
        cell
    }

    /// Returns a new cell for a static; `const` in every build. The cell keeps its value from one execution to the next, so
    /// a model has to write the value before it reads it.
    #[inline]
    pub const fn const_new(value: T) -> Self {
        UnsafeCell {
            #[cfg(feature = "checking")]
            slot: Slot::lazy(),
            value: core::cell::UnsafeCell::new(value),
        }
    }

    /// Calls `f` with a pointer for reading.
    #[inline]
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        #[cfg(feature = "checking")]
        let _access = self.begin(false);
        f(self.value.get())
    }

    /// Calls `f` with a pointer for reading and writing.
    #[inline]
    #[track_caller]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        #[cfg(feature = "checking")]
        let _access = self.begin(true);
        f(self.value.get())
    }

    /// Consumes the cell and returns its value.
    #[inline]
    #[track_caller]
    pub fn into_inner(self) -> T {
        #[cfg(feature = "checking")]
        drop(self.begin(true));
        self.value.into_inner()
    }

    #[cfg(feature = "checking")]
    #[track_caller]
    fn begin(&self, write: bool) -> Option<Ongoing> {
        match current() {
            Current::Model(session) => {
                let access = CellAccess {
                    slot: &self.slot,
                    address: (&raw const *self).addr(),
                    site: Location::caller(),
                };
                session.cell_begin(access, write).map(|cell| Ongoing { session, cell, write })
            }
            Current::Native(run) => {
                run.step();
                None
            }
            Current::Outside => None,
        }
    }
}

/// An access that the engine was told of. Its drop ends the access, also if `f` panics.
#[cfg(feature = "checking")]
struct Ongoing {
    session: &'static super::seam::Session,
    cell: u32,
    write: bool,
}

#[cfg(feature = "checking")]
impl Drop for Ongoing {
    fn drop(&mut self) {
        self.session.cell_end(self.cell, self.write);
    }
}

impl<T: Default> Default for UnsafeCell<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for UnsafeCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsafeCell").finish_non_exhaustive()
    }
}
