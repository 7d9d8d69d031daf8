//! A flag with a value, to be audited.

use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Release, SeqCst};

pub(crate) struct Flag {
    value: UnsafeCell<u32>,
    raised: AtomicU32,
}

// SAFETY: the value is written before `raised`, and read after it.
unsafe impl Sync for Flag {}

impl Flag {
    pub(crate) fn new() -> Flag {
        Flag { value: UnsafeCell::new(0), raised: AtomicU32::new(0) }
    }

    pub(crate) fn raise(&self, value: u32) {
        // SAFETY: `raised` is false, so no thread reads the value yet.
        self.value.with_mut(|slot| unsafe { *slot = value });
        self.raised.store(1, Release);
    }

    /// Returns the second of two loads on one line; the first load has no use.
    #[rustfmt::skip]
    pub(crate) fn read(&self) -> Option<u32> {
        let (_first, second) = (self.raised.load(SeqCst), self.raised.load(Acquire));
        // SAFETY: the thread has read `raised`, which the writer sets after its last write to the value.
        (second == 1).then(|| self.value.with(|slot| unsafe { *slot }))
    }
}
