//! Time: real, or the running engine's, or that of a bubble.

use std::time::Instant;

/// Returns the current instant. Under an engine time is virtual: it moves only when a timed wait times out or a thread
/// sleeps. In a [bubble](crate::testing::bubble) it moves only when all goroutines of the bubble wait.
///
/// ```
/// let before = selvedge::rt::time::now();
/// assert!(selvedge::rt::time::now() >= before);
/// ```
#[inline]
pub fn now() -> Instant {
    if let Some(now) = super::bubble::now() {
        return now;
    }
    #[cfg(feature = "checking")]
    if let super::seam::Current::Model(session) = super::seam::current() {
        return session.now();
    }
    Instant::now()
}
