//! A cell for plain data that other synchronisation protects, with race-checked access.

#[cfg(feature = "checking")]
use super::seam::{CellAccess, Current, Home, Slot, current};
use core::fmt;
#[cfg(feature = "checking")]
use core::panic::Location;

/// [`core::cell::UnsafeCell`] whose accesses an engine can see: an access is a closure that has the pointer only while the
/// access lasts ([`with`](Self::with), [`with_mut`](Self::with_mut)), or is made through a pointer that reports each use
/// ([`get`](Self::get), [`get_mut`](Self::get_mut)).
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
pub struct UnsafeCell<T: ?Sized> {
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
            session.cell_created(&cell.slot);
        }
        cell
    }

    /// Returns a new cell for a static; `const` in every build. The cell keeps its value from one execution to the next, so
    /// a model has to write the value before it reads it.
    #[inline]
    #[track_caller]
    pub const fn const_new(value: T) -> Self {
        UnsafeCell {
            #[cfg(feature = "checking")]
            slot: Slot::lazy(),
            value: core::cell::UnsafeCell::new(value),
        }
    }

    /// Consumes the cell and returns its value.
    #[inline]
    #[track_caller]
    pub fn into_inner(self) -> T {
        #[cfg(feature = "checking")]
        drop(self.begin(true));
        self.value.into_inner()
    }
}

impl<T: ?Sized> UnsafeCell<T> {
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

    /// Begins to read, and returns a pointer that may be used longer than a closure lasts.
    ///
    /// The call is an access, and so is each use of the pointer. Its drop is none: a pointer that is still there when
    /// another thread has been told that it may write does no harm.
    ///
    /// ```
    /// use selvedge::rt::cell::UnsafeCell;
    /// let cell = UnsafeCell::new([1, 2]);
    /// let pointer = cell.get();
    /// // SAFETY: the cell lives, and no thread writes to it.
    /// assert_eq!(unsafe { pointer.deref() }[1], 2);
    /// ```
    #[inline]
    #[track_caller]
    pub fn get(&self) -> ConstPtr<T> {
        ConstPtr {
            value: self.value.get(),
            #[cfg(feature = "checking")]
            watched: self.watch(false),
        }
    }

    /// Begins to write, and returns a pointer that may be used longer than a closure lasts.
    ///
    /// The call is an access, and so is each use of the pointer. Its drop is none: a pointer that is still there when
    /// the value has been published to another thread does no harm.
    ///
    /// ```
    /// use selvedge::rt::cell::UnsafeCell;
    /// let cell = UnsafeCell::new(1);
    /// // SAFETY: the cell lives, and no other thread has it.
    /// unsafe { *cell.get_mut().deref() += 1 };
    /// assert_eq!(cell.into_inner(), 2);
    /// ```
    #[inline]
    #[track_caller]
    pub fn get_mut(&self) -> MutPtr<T> {
        MutPtr {
            value: self.value.get(),
            #[cfg(feature = "checking")]
            watched: self.watch(true),
        }
    }

    #[cfg(feature = "checking")]
    fn address(&self) -> usize {
        (&raw const *self).addr()
    }

    /// Tells the engine of an access, and returns what its repetitions need.
    #[cfg(feature = "checking")]
    #[track_caller]
    fn watch(&self, write: bool) -> Option<Watched> {
        let ongoing = self.begin(write)?;
        Some(Watched { home: Home::new(ongoing.session), cell: ongoing.cell, address: self.address() })
    }

    #[cfg(feature = "checking")]
    #[track_caller]
    fn begin(&self, write: bool) -> Option<Ongoing> {
        match current() {
            Current::Model(session) => {
                let access =
                    CellAccess { slot: &self.slot, address: self.address(), site: Location::caller() };
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
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for UnsafeCell<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized> fmt::Debug for UnsafeCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsafeCell").finish_non_exhaustive()
    }
}

/// A cell that an engine was told of, as the pointers to its value remember it.
#[cfg(feature = "checking")]
struct Watched {
    home: Home,
    cell: u32,
    address: usize,
}

/// Tells the engine of another access through a pointer.
#[cfg(feature = "checking")]
#[track_caller]
fn used(watched: Option<&Watched>, write: bool) {
    if let Some(watched) = watched
        && let Some(session) = watched.home.get()
    {
        session.cell_used(watched.cell, watched.address, write, Location::caller());
    }
}

/// A pointer for reading the value of an [`UnsafeCell`], from [`UnsafeCell::get`].
///
/// It does not keep the cell, as a raw pointer does not.
pub struct ConstPtr<T: ?Sized> {
    value: *const T,
    #[cfg(feature = "checking")]
    watched: Option<Watched>,
}

impl<T: ?Sized> ConstPtr<T> {
    /// Returns the value. The call is an access of the cell.
    ///
    /// # Safety
    /// The cell lives, and no thread writes to it, as long as the reference is used.
    #[inline]
    #[track_caller]
    pub unsafe fn deref(&self) -> &T {
        #[cfg(feature = "checking")]
        used(self.watched.as_ref(), false);
        // SAFETY: the pointer comes from a cell, which lives and is not written to, as the caller promises.
        unsafe { &*self.value }
    }

    /// Calls `f` with the raw pointer. The call is an access of the cell.
    #[inline]
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        #[cfg(feature = "checking")]
        used(self.watched.as_ref(), false);
        f(self.value)
    }
}

/// A pointer for reading and writing the value of an [`UnsafeCell`], from [`UnsafeCell::get_mut`].
///
/// It does not keep the cell, as a raw pointer does not.
pub struct MutPtr<T: ?Sized> {
    value: *mut T,
    #[cfg(feature = "checking")]
    watched: Option<Watched>,
}

impl<T: ?Sized> MutPtr<T> {
    /// Returns the value. The call is a write access of the cell.
    ///
    /// # Safety
    /// The cell lives, and nothing else reads or writes it, as long as the reference is used.
    #[inline]
    #[track_caller]
    #[allow(clippy::mut_from_ref, reason = "it stands for a raw pointer, which is unsafe to dereference")]
    pub unsafe fn deref(&self) -> &mut T {
        #[cfg(feature = "checking")]
        used(self.watched.as_ref(), true);
        // SAFETY: the pointer comes from a cell, which lives and which nothing else accesses, as the caller promises.
        unsafe { &mut *self.value }
    }

    /// Calls `f` with the raw pointer. The call is a write access of the cell.
    #[inline]
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        #[cfg(feature = "checking")]
        used(self.watched.as_ref(), true);
        f(self.value)
    }
}

impl<T: ?Sized> fmt::Debug for ConstPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConstPtr").field(&self.value).finish()
    }
}

impl<T: ?Sized> fmt::Debug for MutPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MutPtr").field(&self.value).finish()
    }
}
