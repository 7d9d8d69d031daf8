//! `lock_api`'s traits for the lock.
//!
//! - **S1.** The caller of an `unlock…`, `downgrade` or `upgrade` function has the lock in the mode that the function
//!   names: `lock_api` demands it of its callers. So the calling thread is the writer, a counted reader, or the
//!   upgradable reader.

use super::{RawRwMutex, State};
use crate::rt::sync::atomic::Ordering::Relaxed;
use crate::rt::time::now;
use std::time::{Duration, Instant};

// SAFETY: I1 of the parent module: while a writer has the lock, no call takes it in either mode; while readers have it,
// no call takes it as a writer.
unsafe impl lock_api::RawRwLock for RawRwMutex {
    #[allow(clippy::declare_interior_mutable_const, reason = "lock_api wants it")]
    const INIT: RawRwMutex = RawRwMutex::const_new();
    type GuardMarker = lock_api::GuardSend;

    #[inline]
    fn lock_shared(&self) {
        self.read_until(None);
    }

    #[inline]
    fn try_lock_shared(&self) -> bool {
        self.try_read()
    }

    #[inline]
    unsafe fn unlock_shared(&self) {
        self.release_read();
    }

    #[inline]
    fn lock_exclusive(&self) {
        self.write_until(None);
    }

    #[inline]
    fn try_lock_exclusive(&self) -> bool {
        self.try_write(None)
    }

    #[inline]
    unsafe fn unlock_exclusive(&self) {
        self.release_write();
    }

    fn is_locked(&self) -> bool {
        !State(self.state.load(Relaxed)).is_free() // Relaxed: a hint, stale when it returns.
    }
}

// SAFETY: I1: each function returns `true` only if this thread took the lock by a CAS or was handed it.
unsafe impl lock_api::RawRwLockTimed for RawRwMutex {
    type Duration = Duration;
    type Instant = Instant;

    fn try_lock_shared_for(&self, timeout: Duration) -> bool {
        self.read_until(now().checked_add(timeout))
    }

    fn try_lock_shared_until(&self, deadline: Instant) -> bool {
        self.read_until(Some(deadline))
    }

    fn try_lock_exclusive_for(&self, timeout: Duration) -> bool {
        self.write_until(now().checked_add(timeout))
    }

    fn try_lock_exclusive_until(&self, deadline: Instant) -> bool {
        self.write_until(Some(deadline))
    }
}

// SAFETY: I1: the writer counts itself as a reader before it clears `WRITER`, so no other writer gets in between.
unsafe impl lock_api::RawRwLockDowngrade for RawRwMutex {
    unsafe fn downgrade(&self) {
        self.held.write();
        // Relaxed: no thread acts on the count while `WRITER` is set; `let_in` publishes it with the writer's accesses.
        self.state.fetch_add(State::READER, Relaxed);
        self.let_in();
        self.held.read();
    }
}

// SAFETY: I1: the one thread that has `Upgrades::turn` is counted as a reader, and becomes a writer by one CAS from a
// state in which it is the only reader.
unsafe impl lock_api::RawRwLockUpgrade for RawRwMutex {
    fn lock_upgradable(&self) {
        self.upgradable_until(None);
    }

    fn try_lock_upgradable(&self) -> bool {
        self.try_upgradable()
    }

    unsafe fn unlock_upgradable(&self) {
        // SAFETY: S1: the calling thread is the upgradable reader.
        unsafe { self.release_upgradable() }
    }

    unsafe fn upgrade(&self) {
        // SAFETY: S1: the calling thread is the upgradable reader.
        unsafe { self.upgrade_until(None) };
    }

    unsafe fn try_upgrade(&self) -> bool {
        // SAFETY: S1: the calling thread is the upgradable reader.
        unsafe { self.try_upgrade_now() }
    }
}

// SAFETY: I1: each function returns `true` only if this thread became the upgradable reader, or the writer.
unsafe impl lock_api::RawRwLockUpgradeTimed for RawRwMutex {
    fn try_lock_upgradable_for(&self, timeout: Duration) -> bool {
        self.upgradable_until(now().checked_add(timeout))
    }

    fn try_lock_upgradable_until(&self, deadline: Instant) -> bool {
        self.upgradable_until(Some(deadline))
    }

    unsafe fn try_upgrade_for(&self, timeout: Duration) -> bool {
        // SAFETY: S1: the calling thread is the upgradable reader.
        unsafe { self.upgrade_until(now().checked_add(timeout)) }
    }

    unsafe fn try_upgrade_until(&self, deadline: Instant) -> bool {
        // SAFETY: S1: the calling thread is the upgradable reader.
        unsafe { self.upgrade_until(Some(deadline)) }
    }
}
