//! Ownership of a channel by its handles: two counts, and the channel goes with the second one.

use super::core::Chan;
use crate::rt::alloc::TrackedBox;
use crate::rt::sync::atomic::Ordering::{AcqRel, Relaxed};
use crate::rt::sync::atomic::{AtomicBool, AtomicUsize};
use ::core::ops::Deref;
use ::core::ptr::NonNull;

struct Shared<T> {
    senders: AtomicUsize,
    receivers: AtomicUsize,
    /// One side has no handles any more; the other's last one frees the channel.
    one_side_gone: AtomicBool,
    chan: Chan<T>,
}

/// A share in the channel as one of its senders, or one of its receivers.
pub(super) struct Share<T, const SENDS: bool>(NonNull<Shared<T>>);

// SAFETY: handles share the channel, which moves values from thread to thread.
unsafe impl<T: Send, const SENDS: bool> Send for Share<T, SENDS> {}
// SAFETY: as above.
unsafe impl<T: Send, const SENDS: bool> Sync for Share<T, SENDS> {}

pub(super) fn pair<T>(chan: Chan<T>) -> (Share<T, true>, Share<T, false>) {
    let shared = TrackedBox::into_raw(TrackedBox::new(Shared {
        senders: AtomicUsize::new(1),
        receivers: AtomicUsize::new(1),
        one_side_gone: AtomicBool::new(false),
        chan,
    }));
    // SAFETY: `into_raw` never returns null.
    let shared = unsafe { NonNull::new_unchecked(shared) };
    (Share(shared), Share(shared))
}

impl<T, const SENDS: bool> Share<T, SENDS> {
    fn shared(&self) -> &Shared<T> {
        // SAFETY: the channel lives as long as either count is not zero, and this share is counted.
        unsafe { self.0.as_ref() }
    }

    fn count(&self) -> &AtomicUsize {
        if SENDS { &self.shared().senders } else { &self.shared().receivers }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T, const SENDS: bool> Deref for Share<T, SENDS> {
    type Target = Chan<T>;

    fn deref(&self) -> &Chan<T> {
        &self.shared().chan
    }
}

impl<T, const SENDS: bool> Clone for Share<T, SENDS> {
    fn clone(&self) -> Self {
        // Relaxed: this share keeps the count above zero, and whoever gets the new one gets it through
        // some other synchronisation.
        let count = self.count().fetch_add(1, Relaxed);
        assert!(count <= isize::MAX as usize, "more handles of a channel than memory could hold");
        Share(self.0)
    }
}

/// Frees the channel when dropped, if the other side is gone too; so also if a value's destructor
/// panics.
struct LeaveSide<T>(NonNull<Shared<T>>);

impl<T> Drop for LeaveSide<T> {
    fn drop(&mut self) {
        // SAFETY: this side has not left yet, so the channel lives.
        let shared = unsafe { self.0.as_ref() };
        // AcqRel: the other side's uses of the channel happen before it is freed.
        if shared.one_side_gone.swap(true, AcqRel) {
            // SAFETY: both sides have left; we are the last.
            drop(unsafe { TrackedBox::from_raw(self.0.as_ptr()) });
        }
    }
}

impl<T, const SENDS: bool> Drop for Share<T, SENDS> {
    fn drop(&mut self) {
        // AcqRel: what the other handles of this side did happens before the last one closes.
        // site: drop-handle
        if self.count().fetch_sub(1, AcqRel) != 1 {
            return;
        }
        let leave = LeaveSide(self.0);
        if SENDS {
            let _closed_before = self.close();
        } else {
            self.discard();
        }
        drop(leave);
    }
}
