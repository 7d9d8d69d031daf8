//! A count within a limit.

use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use core::fmt;
use std::error::Error;

/// Counts within the range from zero to a limit, whatever threads add and subtract.
///
/// An operation that changes the count is AcqRel: whatever a thread did before it changed the count happens before an
/// operation that reads the new count, or a later one.
///
/// ```
/// use selvedge::atomic::AtomicCounter;
/// let places = AtomicCounter::new(0, 2);
/// assert_eq!((places.try_add(1), places.try_add(2).is_err()), (Ok(1), true));
/// assert_eq!((places.saturating_add(5), places.get()), (1, 2));
/// ```
pub struct AtomicCounter {
    count: AtomicU64,
    limit: u64,
}

/// Says that a count would have left its range, and was not changed.
///
/// ```
/// use selvedge::atomic::{AtomicCounter, LimitError};
/// assert_eq!(AtomicCounter::new(0, 1).try_sub(1), Err(LimitError));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitError;

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the count would leave its range")
    }
}

impl Error for LimitError {}

impl AtomicCounter {
    constructor! {
        /// Creates a counter with this count and limit.
        ///
        /// # Panics
        /// If `count` is beyond `limit`.
        ///
        /// ```
        /// assert_eq!(selvedge::atomic::AtomicCounter::new(1, 2).limit(), 2);
        /// ```
        pub fn new(count: u64, limit: u64) -> AtomicCounter {
            assert!(count <= limit, "a count is beyond its limit");
            AtomicCounter { count: AtomicU64::new(count), limit }
        }
    }

    /// Creates a counter for a static.
    ///
    /// # Panics
    /// If `count` is beyond `limit`.
    ///
    /// ```
    /// use selvedge::atomic::AtomicCounter;
    /// static PLACES: AtomicCounter = AtomicCounter::const_new(0, 2);
    /// assert_eq!(PLACES.limit(), 2);
    /// ```
    #[track_caller]
    pub const fn const_new(count: u64, limit: u64) -> AtomicCounter {
        assert!(count <= limit, "a count is beyond its limit");
        AtomicCounter { count: AtomicU64::const_new(count), limit }
    }

    /// Returns the largest count.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::AtomicCounter::new(0, 2).limit(), 2);
    /// ```
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns the current count.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::AtomicCounter::new(1, 2).get(), 1);
    /// ```
    pub fn get(&self) -> u64 {
        // Acquire: pairs with the Release in `change`, so whatever the thread that left this count did happens before
        // the caller goes on.
        // Not model-checked: the models read the count only after they have joined the threads that change it.
        self.count.load(Acquire)
    }

    /// Replaces the count by `next` of it, and returns the counts before and after.
    fn change(&self, next: impl Fn(u64) -> Option<u64>) -> Result<(u64, u64), LimitError> {
        let mut count = self.count.load(Relaxed); // Relaxed: the CAS below decides.
        loop {
            let to = next(count).ok_or(LimitError)?;
            // AcqRel: the Release publishes whatever this thread did to the thread whose Acquire here or in `get` reads
            // the new count; the Acquire is the other half. With Relaxed the two race (mutant at `change-count`).
            // site: change-count
            match self.count.compare_exchange(count, to, AcqRel, Relaxed) {
                Ok(_) => return Ok((count, to)),
                Err(found) => count = found,
            }
        }
    }

    /// Adds `n` and returns the new count, if that is within the limit.
    ///
    /// # Errors
    /// If the sum is beyond the limit; the count has not changed.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::AtomicCounter::new(1, 2).try_add(1), Ok(2));
    /// ```
    pub fn try_add(&self, n: u64) -> Result<u64, LimitError> {
        let next = |count: u64| count.checked_add(n).filter(|to| *to <= self.limit);
        self.change(next).map(|(_, after)| after)
    }

    /// Subtracts `n` and returns the new count, if that is not below zero.
    ///
    /// # Errors
    /// If `n` is larger than the count, which has not changed.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::AtomicCounter::new(1, 2).try_sub(1), Ok(0));
    /// ```
    pub fn try_sub(&self, n: u64) -> Result<u64, LimitError> {
        self.change(|count| count.checked_sub(n)).map(|(_, after)| after)
    }

    /// Adds `n`, or less if that would exceed the limit, and returns how much it has added.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::AtomicCounter::new(1, 3).saturating_add(5), 2);
    /// ```
    pub fn saturating_add(&self, n: u64) -> u64 {
        let next = |count: u64| Some(count.saturating_add(n).min(self.limit));
        self.change(next).map_or(0, |(before, after)| after - before)
    }

    /// Subtracts `n`, or less if that would fall below zero, and returns how much it has subtracted.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::AtomicCounter::new(1, 3).saturating_sub(5), 1);
    /// ```
    pub fn saturating_sub(&self, n: u64) -> u64 {
        self.change(|count| Some(count.saturating_sub(n))).map_or(0, |(before, after)| before - after)
    }
}

impl fmt::Debug for AtomicCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Relaxed: a snapshot.
        write!(f, "{} of {}", self.count.load(Relaxed), self.limit)
    }
}
