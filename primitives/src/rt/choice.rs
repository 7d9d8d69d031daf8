//! Non-deterministic choice.

#[cfg(feature = "checking")]
use super::engine::{Current, current};
#[cfg(feature = "checking")]
use core::panic::Location;

/// A number below `n`: random natively, and a branch that a checker explores.
///
/// # Panics
/// If `n` is 0.
///
/// ```
/// assert!(selvedge::rt::choose(3) < 3);
/// ```
#[track_caller]
pub fn choose(n: usize) -> usize {
    assert!(n > 0, "choose(0): there is nothing to choose from");
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current() {
        return session.choose(n, Location::caller());
    }
    fastrand::usize(..n)
}
