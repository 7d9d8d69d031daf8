//! Non-deterministic choice, and assumptions.

#[cfg(feature = "checking")]
use super::seam::{Current, current};
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

/// Goes on only if `condition` holds: else, under rc11, the current thread stops for good and the execution
/// does not count, whatever the others do. For litmus programs, whose interest is in the executions that
/// meet a condition.
///
/// Other engines can't leave an execution uncounted: they refuse the run if the condition is false.
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
        "`assume` is for the rc11 engine: natively a false assumption cannot be left uncounted"
    );
}
