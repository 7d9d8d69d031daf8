//! Which engine object stands behind an `rt` object, and where that was made: two words beside its native value.

use super::Site;
use core::panic::Location;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The word is `lazy` (1 bit) · `epoch` (39 bits) · `index` (24 bits).
///
/// - epoch 0, not lazy: the object was made outside any model, and is native for ever.
/// - epoch 0, lazy: the object was made by `const_new`, and no engine has met it yet.
/// - else: it is object `index` of execution `epoch`. Epochs are unique in the process.
#[derive(Debug)]
pub(crate) struct Slot {
    word: AtomicU64,
    made_at: Site,
}

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
    #[track_caller]
    pub(crate) const fn native() -> Slot {
        Slot { word: AtomicU64::new(0), made_at: Location::caller() }
    }

    #[track_caller]
    pub(crate) const fn lazy() -> Slot {
        Slot { word: AtomicU64::new(LAZY), made_at: Location::caller() }
    }

    /// Returns the line that made the object.
    pub(crate) fn made_at(&self) -> Site {
        self.made_at
    }

    pub(crate) fn get(&self) -> Place {
        // Relaxed: the threads of an execution are coroutines of one OS thread (E1 of `seam`), so this thread reads what
        // its own execution has set. The slot of a static is shared with executions on other OS threads: an epoch that
        // is not this execution's makes the session look the static up again.
        Place::unpack(self.word.load(Relaxed))
    }

    pub(crate) fn set(&self, place: Place) {
        // Relaxed: only coroutines of this OS thread rely on what is set here (see `get`).
        self.word.store(place.pack(), Relaxed);
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
