//! Which engine object stands behind an `rt` object: one word beside its native value.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// `lazy` (1 bit) · `epoch` (39 bits) · `index` (24 bits).
///
/// - epoch 0, not lazy: made outside any model; native for ever.
/// - epoch 0, lazy: made by `const_new`, not met by an engine yet.
/// - else: object `index` of execution `epoch`. Epochs are unique in the process.
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
        // Relaxed: an engine's threads share one OS thread, and outside a model only the bits that
        // never change there (epoch 0) matter.
        Place::unpack(self.0.load(Relaxed))
    }

    pub(crate) fn set(&self, place: Place) {
        // Relaxed: as in `get`.
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
