//! A mark that a checking build sets to notice misuse, and that no engine sees.

#[cfg(feature = "checking")]
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Remembers in a checking build that something has been done. In the default build a mark has no bytes and is never set.
///
/// No engine sees a mark: setting and reading it costs no interleavings and orders nothing. So a mark may decide whether
/// misuse is reported, and nothing else.
pub(crate) struct Mark {
    #[cfg(feature = "checking")]
    set: AtomicBool,
}

impl Mark {
    pub(crate) const fn new() -> Mark {
        Mark {
            #[cfg(feature = "checking")]
            set: AtomicBool::new(false),
        }
    }

    #[inline(always)]
    pub(crate) fn set(&self) {
        // Relaxed: the mark publishes nothing.
        #[cfg(feature = "checking")]
        self.set.store(true, Relaxed);
    }

    #[inline(always)]
    pub(crate) fn is_set(&self) -> bool {
        // Relaxed: the mark publishes nothing.
        #[cfg(feature = "checking")]
        return self.set.load(Relaxed);
        #[cfg(not(feature = "checking"))]
        false
    }
}
