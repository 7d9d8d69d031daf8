//! Tells an engine who has which lock, so that a report of threads that wait for each other names the locks, and
//! where they were locked. Nothing in the default build.

#[cfg(feature = "checking")]
use super::engine::{Current, Lock, current};
#[cfg(feature = "checking")]
use core::panic::Location;

/// The current thread is about to wait for a lock.
#[inline(always)]
pub(crate) fn wanted<L>(_lock: &L, _kind: &'static str) {
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current() {
        session.wants_lock(Some(Lock { address: core::ptr::from_ref(_lock).addr(), kind: _kind }));
    }
}

/// It has not got it.
#[inline(always)]
pub(crate) fn given_up() {
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current() {
        session.wants_lock(None);
    }
}

/// It has got it.
#[inline(always)]
#[cfg_attr(feature = "checking", track_caller)]
pub(crate) fn taken<L>(_lock: &L, _kind: &'static str) {
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current() {
        let lock = Lock { address: core::ptr::from_ref(_lock).addr(), kind: _kind };
        session.took_lock(lock, Location::caller());
    }
}

/// Somebody unlocks it.
#[inline(always)]
pub(crate) fn freed<L>(_lock: &L) {
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current() {
        session.freed_lock(core::ptr::from_ref(_lock).addr());
    }
}
