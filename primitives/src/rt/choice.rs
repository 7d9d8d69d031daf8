//! Non-deterministic choice, and assumptions.

#[cfg(feature = "checking")]
use super::seam::{Current, current};
use super::thread;
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

/// Several choices, which natively cost one random number.
pub(crate) struct Choices {
    /// A number in [0, 1), as its 64 binary digits: what the choices so far have left of the random number.
    rest: u64,
}

impl Choices {
    pub(crate) fn new() -> Choices {
        Choices { rest: if thread::under_engine() { 0 } else { fastrand::u64(..) } }
    }

    /// Returns a number below `n`, as [`choose`] does. The product of all `n` is to be far below 2⁶⁴: natively that much
    /// is missing of equal chances.
    #[track_caller]
    pub(crate) fn choose(&mut self, n: usize) -> usize {
        if thread::under_engine() {
            return choose(n);
        }
        let digits = u128::from(self.rest) * n as u128;
        self.rest = digits as u64;
        (digits >> u64::BITS) as usize
    }
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

#[cfg(test)]
mod tests {
    use super::Choices;

    #[test]
    fn all_orders_of_choices_come_up_equally_often() {
        let (step, mut counts) = (u64::MAX / 6_000, [0; 6]);
        for n in 0..6_000 {
            let mut choices = Choices { rest: n * step };
            counts[2 * choices.choose(3) + choices.choose(2)] += 1;
        }
        assert!(counts.iter().all(|count| (999..=1001).contains(count)), "{counts:?}");
    }
}
