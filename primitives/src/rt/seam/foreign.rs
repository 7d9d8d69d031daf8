//! Operations on an execution's objects by threads that its engine does not know.

use super::{Site, Slot};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// The last execution of which a thread outside any run has used an object; 0: none.
static EPOCH: AtomicU64 = AtomicU64::new(0);
static SITE: Mutex<Option<Site>> = Mutex::new(None);

/// Notes that a thread outside any run uses an object. If the object's execution is still running, that thread is one of
/// std's.
pub(crate) fn note(slot: &Slot, site: Site) {
    let epoch = slot.get().epoch;
    if epoch != 0 {
        *SITE.lock().unwrap_or_else(PoisonError::into_inner) = Some(site);
        // Relaxed: publishes nothing; `of` takes the site under the lock. The session notices it late at worst, or not if
        // another execution's note comes first, and then only a refusal is missing.
        EPOCH.store(epoch, Relaxed);
    }
}

/// Returns where a thread outside any run has used an object of this execution, if one has.
pub(super) fn of(epoch: u64) -> Option<Site> {
    // Relaxed: the site is read under the lock.
    if EPOCH.load(Relaxed) != epoch {
        return None;
    }
    *SITE.lock().unwrap_or_else(PoisonError::into_inner)
}
