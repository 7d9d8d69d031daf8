//! What `lock_api` wants of the lock.

use super::{READER, RawRwMutex, is_free};
use crate::rt::sync::atomic::Ordering::Relaxed;
use crate::rt::time::now;
use std::time::{Duration, Instant};

// SAFETY: `WRITER` is set by one exchange of a state without it and without readers, and readers are counted
// only in one without it, or by the writer who lets them in.
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
        self.end_read();
    }

    #[inline]
    fn lock_exclusive(&self) {
        self.write_until(None);
    }

    #[inline]
    fn try_lock_exclusive(&self) -> bool {
        self.try_write(0)
    }

    #[inline]
    unsafe fn unlock_exclusive(&self) {
        self.end_write();
    }

    fn is_locked(&self) -> bool {
        !is_free(self.state.load(Relaxed)) // Relaxed: a hint.
    }
}

// SAFETY: as above.
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

// SAFETY: as above; the writer counts itself before it goes.
unsafe impl lock_api::RawRwLockDowngrade for RawRwMutex {
    unsafe fn downgrade(&self) {
        self.held.with_mut(|_| ());
        // Relaxed: as for the readers that are let in.
        self.state.fetch_add(READER, Relaxed);
        self.open();
        self.held.with(|_| ());
    }
}

// SAFETY: one at a time has `Upgrades::lock`, and it is counted as a reader; it becomes a writer by one exchange of
// a state in which it is the only reader.
unsafe impl lock_api::RawRwLockUpgrade for RawRwMutex {
    fn lock_upgradable(&self) {
        self.upgradable_until(None);
    }

    fn try_lock_upgradable(&self) -> bool {
        self.try_upgradable()
    }

    unsafe fn unlock_upgradable(&self) {
        // SAFETY: the caller is the upgradable reader.
        unsafe { self.end_upgradable() }
    }

    unsafe fn upgrade(&self) {
        // SAFETY: as above.
        unsafe { self.upgrade_until(None) };
    }

    unsafe fn try_upgrade(&self) -> bool {
        // SAFETY: as above.
        unsafe { self.try_upgrade_now() }
    }
}

// SAFETY: as above.
unsafe impl lock_api::RawRwLockUpgradeTimed for RawRwMutex {
    fn try_lock_upgradable_for(&self, timeout: Duration) -> bool {
        self.upgradable_until(now().checked_add(timeout))
    }

    fn try_lock_upgradable_until(&self, deadline: Instant) -> bool {
        self.upgradable_until(Some(deadline))
    }

    unsafe fn try_upgrade_for(&self, timeout: Duration) -> bool {
        // SAFETY: as above.
        unsafe { self.upgrade_until(now().checked_add(timeout)) }
    }

    unsafe fn try_upgrade_until(&self, deadline: Instant) -> bool {
        // SAFETY: as above.
        unsafe { self.upgrade_until(Some(deadline)) }
    }
}
