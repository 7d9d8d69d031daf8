//! A cell without a value, through which a checker sees whether accesses are ordered.

use crate::rt::cell::UnsafeCell;

/// Stands for data that a lock or a counter is to protect.
///
/// A primitive calls [`read`](Self::read) and [`write`](Self::write) where its user may read or write that data. An
/// engine with a memory model reports two calls, one of them a `write`, that no happens-before edge orders. Natively
/// both calls compile to nothing.
pub(crate) struct RaceProbe(UnsafeCell<()>);

// SAFETY: the cell holds `()`, which has no bytes, so no two accesses to it can conflict.
unsafe impl Sync for RaceProbe {}

impl RaceProbe {
    constructor! {
        pub(crate) fn new() -> RaceProbe {
            RaceProbe(UnsafeCell::new(()))
        }
    }

    pub(crate) const fn const_new() -> RaceProbe {
        RaceProbe(UnsafeCell::const_new(()))
    }

    #[inline]
    #[track_caller]
    pub(crate) fn read(&self) {
        self.0.with(|_| ());
    }

    #[inline]
    #[track_caller]
    pub(crate) fn write(&self) {
        self.0.with_mut(|_| ());
    }
}
