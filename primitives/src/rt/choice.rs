//! Non-deterministic choice, and assumptions.

#[cfg(feature = "checking")]
use super::seam::{Current, current};
#[cfg(feature = "checking")]
use core::panic::Location;

/// Returns a number below `n`: natively at random; under an engine the exploration branches over all of them.
///
/// # Panics
/// If `n` is 0.
///
/// ```
/// assert!(selvedge::rt::choose(3) < 3);
/// ```
#[track_caller]
#[doc(alias("rand", "nondet"))]
pub fn choose(n: usize) -> usize {
    assert!(n > 0, "choose(0): there is nothing to choose from");
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current() {
        return session.choose(n, Location::caller());
    }
    fastrand::usize(..n)
}

/// Continues only if `condition` holds. If it does not, then under the graph engine the current thread stops for good
/// and the execution does not count, whatever other threads do. This serves litmus programs, which ask about the
/// executions that meet a condition.
///
/// Other engines cannot leave an execution uncounted, and refuse the run if the condition is false.
///
/// # Panics
/// Natively, if the condition is false.
#[track_caller]
pub fn assume(condition: bool) {
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current() {
        return session.assume(condition, Location::caller());
    }
    assert!(
        condition,
        "`assume` is for the graph engine: natively a false assumption cannot be left uncounted"
    );
}
