//! Time: real, or the running engine's.

use std::time::Instant;

/// Returns the current instant. Under an engine time is virtual: it moves only when a timed wait times out or a thread
/// sleeps.
///
/// ```
/// let before = selvedge::rt::time::now();
/// assert!(selvedge::rt::time::now() >= before);
/// ```
#[inline]
pub fn now() -> Instant {
    #[cfg(feature = "checking")]
    if let super::seam::Current::Model(session) = super::seam::current() {
        return session.now();
    }
    Instant::now()
}
