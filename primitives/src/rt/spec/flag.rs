//! What has happened natively: no engine sees it.

#[cfg(feature = "checking")]
use super::super::seam::{Current, current};
#[cfg(feature = "checking")]
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether something was made that only real forms of primitives make. It has no bytes in the default build.
pub(crate) struct Flag {
    #[cfg(feature = "checking")]
    raised: AtomicBool,
}

impl Flag {
    pub(crate) const fn new() -> Flag {
        Flag {
            #[cfg(feature = "checking")]
            raised: AtomicBool::new(false),
        }
    }

    #[inline(always)]
    pub(crate) fn raise(&self) {
        #[cfg(feature = "checking")]
        self.raised.store(true, Relaxed); // Relaxed: read by the thread that owns the flag's object alone, in `is_needless`.
    }

    /// Returns whether there is nothing to look for: the flag is down, in an execution with primitives as specified.
    #[inline(always)]
    pub(crate) fn is_needless(&mut self) -> bool {
        #[cfg(feature = "checking")]
        if let Current::Model(session) = current() {
            return session.specified() && !*self.raised.get_mut();
        }
        false
    }
}
