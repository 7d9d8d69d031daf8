//! Threads that an engine does not know, at work on its objects.

use super::{Site, Slot};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// The execution whose object was used last from outside any run; 0: none.
static EPOCH: AtomicU64 = AtomicU64::new(0);
static SITE: Mutex<Option<Site>> = Mutex::new(None);

/// Notes that an object is used outside any run: if its execution is still running, by a thread of std's.
pub(crate) fn note(slot: &Slot, site: Site) {
    let epoch = slot.get().epoch;
    if epoch != 0 {
        *SITE.lock().unwrap_or_else(PoisonError::into_inner) = Some(site);
        // Relaxed: whoever asks finds it sooner or later; another note in between hides it at worst.
        EPOCH.store(epoch, Relaxed);
    }
}

/// Where an object of this execution has been used from outside, if it has.
pub(super) fn of(epoch: u64) -> Option<Site> {
    // Relaxed: as in `note`.
    if EPOCH.load(Relaxed) != epoch {
        return None;
    }
    *SITE.lock().unwrap_or_else(PoisonError::into_inner)
}
