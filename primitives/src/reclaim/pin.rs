//! The readers of a domain, and the counters in which they announce themselves. The numbers I1 to I3 are those of the parent
//! module.

use crate::rt::shard;
use crate::rt::spec::HandleNumber;
use crate::rt::sync::atomic::AtomicUsize;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::fmt;

/// Lets a reader follow pointers until it is dropped; made by [`Domain::pin`](super::Domain::pin).
#[must_use = "objects that a reader finds may be dropped when its pin is"]
pub struct Pin<'a> {
    counter: &'a PinCounter,
    owner: Owner,
    /// 1 if the domain keeps its garbage, so that there is nothing to announce.
    is_needless: HandleNumber,
}

/// The number of the shard whose own thread has pinned, or [`NONE`](Self::NONE) if it was another thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner(pub(super) usize);

impl Owner {
    pub(super) const NONE: Owner = Owner(usize::MAX);
}

/// Counts the readers of a shard, of one kind, in the sum of two words.
#[derive(Default)]
pub(super) struct PinCounter {
    /// Written by the shard's own thread alone.
    owned: AtomicUsize,
    /// Written by all other threads.
    others: AtomicUsize,
}

/// What the pins of domains refer to that keep their garbage.
static NO_READERS: PinCounter =
    PinCounter { owned: AtomicUsize::const_new(0), others: AtomicUsize::const_new(0) };

impl PinCounter {
    #[inline]
    pub(super) fn pin(&self, owner: Owner) -> Pin<'_> {
        // SeqCst, in both branches: I1, with the collector's fence in `advance`. With Release an object that this
        // reader finds could be dropped (mutants at `pin` and `pin-without-shard`).
        if owner == Owner::NONE {
            self.others.fetch_add(1, SeqCst); // site: pin-without-shard
        } else {
            let owned = self.owned.load(Relaxed); // Relaxed: only the shard's own thread, which is this one, writes it.
            self.owned.store(owned.wrapping_add(1), SeqCst); // site: pin
        }
        Pin { counter: self, owner, is_needless: HandleNumber::default() }
    }

    /// Returns whether all readers that the calling collector has seen begin have ended (I2).
    pub(super) fn is_zero(&self) -> bool {
        // Acquire, twice: I2 and I3; pairs with the Release in `Pin::drop`. `others` is read before `owned` (I2).
        let others = self.others.load(Acquire);
        let owned = self.owned.load(Acquire);
        owned.wrapping_add(others) == 0
    }
}

impl Pin<'_> {
    /// Returns a pin of a domain that keeps its garbage.
    pub(super) fn needless() -> Self {
        Pin { counter: &NO_READERS, owner: Owner::NONE, is_needless: HandleNumber::new(1) }
    }
}

impl Drop for Pin<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.is_needless.get() == 1 {
            return;
        }
        // Release, in both branches: I3, with the collector's Acquire in `is_zero`. With Relaxed the drop of an object
        // races with this reader's accesses (mutants at `unpin` and `unpin-without-shard`).
        if self.owner == Owner(shard::of_thread()) {
            // Relaxed: only the shard's own thread, which is this one, writes it.
            let owned = self.counter.owned.load(Relaxed);
            self.counter.owned.store(owned.wrapping_sub(1), Release); // site: unpin
        } else {
            self.counter.others.fetch_sub(1, Release); // site: unpin-without-shard
        }
    }
}

impl fmt::Debug for Pin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pin").finish_non_exhaustive()
    }
}
