//! Which engine object stands behind an `rt` object: one word beside its native value.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// `lazy` (1 bit) · `epoch` (39 bits) · `index` (24 bits).
///
/// - epoch 0, not lazy: the object was made outside any model, and is native for ever.
/// - epoch 0, lazy: the object was made by `const_new`, and no engine has met it yet.
/// - else: it is object `index` of execution `epoch`. Epochs are unique in the process.
#[derive(Debug)]
pub(crate) struct Slot(AtomicU64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) lazy: bool,
    pub(crate) epoch: u64,
    pub(crate) index: u32,
}

const INDEX_BITS: u32 = 24;
const EPOCH_BITS: u32 = 39;
const LAZY: u64 = 1 << 63;

/// Objects that one execution may make.
pub(crate) const MAX_OBJECTS: u32 = 1 << INDEX_BITS;

impl Place {
    fn pack(self) -> u64 {
        (self.lazy as u64) << 63 | self.epoch << INDEX_BITS | self.index as u64
    }

    fn unpack(word: u64) -> Place {
        Place {
            lazy: word & LAZY != 0,
            epoch: word >> INDEX_BITS & ((1 << EPOCH_BITS) - 1),
            index: word as u32 & (MAX_OBJECTS - 1),
        }
    }
}

impl Slot {
    pub(crate) const fn native() -> Slot {
        Slot(AtomicU64::new(0))
    }

    pub(crate) const fn lazy() -> Slot {
        Slot(AtomicU64::new(LAZY))
    }

    pub(crate) fn get(&self) -> Place {
        // Relaxed: the threads of an execution are coroutines of one OS thread (E1 of `seam`), so this thread reads what
        // its own execution has set. The slot of a static is shared with executions on other OS threads: an epoch that
        // is not this execution's makes the session look the static up again.
        Place::unpack(self.0.load(Relaxed))
    }

    pub(crate) fn set(&self, place: Place) {
        // Relaxed: only coroutines of this OS thread rely on what is set here (see `get`).
        self.0.store(place.pack(), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_packing() {
        for place in [
            Place { lazy: true, epoch: 0, index: 0 },
            Place { lazy: false, epoch: (1 << EPOCH_BITS) - 1, index: MAX_OBJECTS - 1 },
            Place { lazy: true, epoch: 77, index: 5 },
        ] {
            let slot = Slot::native();
            slot.set(place);
            assert_eq!(slot.get(), place);
        }
    }
}
