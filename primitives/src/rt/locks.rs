//! Tells the current run which thread has which lock, so that a report of a deadlock names the locks and where they were
//! locked. The default build tells nothing.

#[cfg(feature = "checking")]
use super::seam::{Current, Lock, current};
#[cfg(feature = "checking")]
use core::panic::Location;

/// Notes that the current thread is about to wait for a lock.
#[inline(always)]
pub(crate) fn wanted<L>(_lock: &L, _kind: &'static str) {
    #[cfg(feature = "checking")]
    {
        let lock = Lock { address: core::ptr::from_ref(_lock).addr(), kind: _kind };
        match current() {
            Current::Model(session) => session.wants_lock(Some(lock)),
            Current::Native(run) => run.wants_lock(Some(lock)),
            Current::Outside => (),
        }
    }
}

/// Notes that the current thread no longer waits for a lock, and has not got it.
#[inline(always)]
pub(crate) fn given_up() {
    #[cfg(feature = "checking")]
    match current() {
        Current::Model(session) => session.wants_lock(None),
        Current::Native(run) => run.wants_lock(None),
        Current::Outside => (),
    }
}

/// Notes that the current thread has got a lock.
#[inline(always)]
#[cfg_attr(feature = "checking", track_caller)]
pub(crate) fn taken<L>(_lock: &L, _kind: &'static str) {
    #[cfg(feature = "checking")]
    {
        let lock = Lock { address: core::ptr::from_ref(_lock).addr(), kind: _kind };
        match current() {
            Current::Model(session) => session.took_lock(lock, Location::caller()),
            Current::Native(run) => run.took_lock(lock, Location::caller()),
            Current::Outside => (),
        }
    }
}

/// Notes that the current thread unlocks a lock, which another thread may have locked.
#[inline(always)]
pub(crate) fn freed<L>(_lock: &L) {
    #[cfg(feature = "checking")]
    {
        let address = core::ptr::from_ref(_lock).addr();
        match current() {
            Current::Model(session) => session.freed_lock(address),
            Current::Native(run) => run.freed_lock(address),
            Current::Outside => (),
        }
    }
}
