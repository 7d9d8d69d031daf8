//! A count within a limit.

use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use core::fmt;
use std::error::Error;

/// A count that never leaves the range from zero to its limit, whatever threads add and take away.
///
/// Operations that change it are AcqRel: what was done before a count was left happens before whoever finds it.
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

/// A count would have left its range, and was not changed.
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
        /// A count with this value and limit.
        ///
        /// # Panics
        /// If the value is beyond the limit.
        ///
        /// ```
        /// assert_eq!(selvedge::atomic::AtomicCounter::new(1, 2).limit(), 2);
        /// ```
        pub fn new(count: u64, limit: u64) -> AtomicCounter {
            assert!(count <= limit, "a count is beyond its limit");
            AtomicCounter { count: AtomicU64::new(count), limit }
        }
    }

    /// The same for a static.
    ///
    /// # Panics
    /// If the value is beyond the limit.
    ///
    /// ```
    /// use selvedge::atomic::AtomicCounter;
    /// static PLACES: AtomicCounter = AtomicCounter::const_new(0, 2);
    /// assert_eq!(PLACES.limit(), 2);
    /// ```
    pub const fn const_new(count: u64, limit: u64) -> AtomicCounter {
        assert!(count <= limit, "a count is beyond its limit");
        AtomicCounter { count: AtomicU64::const_new(count), limit }
    }

    /// The largest count.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::AtomicCounter::new(0, 2).limit(), 2);
    /// ```
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The count now.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::AtomicCounter::new(1, 2).get(), 1);
    /// ```
    pub fn get(&self) -> u64 {
        // Acquire: pairs with the Release of who left this count. Audit: no model reads it before it has
        // joined them.
        self.count.load(Acquire)
    }

    /// The count before and after.
    fn change(&self, next: impl Fn(u64) -> Option<u64>) -> Result<(u64, u64), LimitError> {
        let mut count = self.count.load(Relaxed); // Relaxed: the exchange decides.
        loop {
            let to = next(count).ok_or(LimitError)?;
            // AcqRel: see the type.
            // site: change-count
            match self.count.compare_exchange(count, to, AcqRel, Relaxed) {
                Ok(_) => return Ok((count, to)),
                Err(found) => count = found,
            }
        }
    }

    /// Adds, if the limit allows it; the new count.
    ///
    /// # Errors
    /// If not; then nothing has changed.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::AtomicCounter::new(1, 2).try_add(1), Ok(2));
    /// ```
    pub fn try_add(&self, n: u64) -> Result<u64, LimitError> {
        let next = |count: u64| count.checked_add(n).filter(|to| *to <= self.limit);
        self.change(next).map(|(_, after)| after)
    }

    /// Takes away, if there is so much; the new count.
    ///
    /// # Errors
    /// If not; then nothing has changed.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::AtomicCounter::new(1, 2).try_sub(1), Ok(0));
    /// ```
    pub fn try_sub(&self, n: u64) -> Result<u64, LimitError> {
        self.change(|count| count.checked_sub(n)).map(|(_, after)| after)
    }

    /// Adds up to the limit; how much that was.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::AtomicCounter::new(1, 3).saturating_add(5), 2);
    /// ```
    pub fn saturating_add(&self, n: u64) -> u64 {
        let next = |count: u64| Some(count.saturating_add(n).min(self.limit));
        self.change(next).map_or(0, |(before, after)| after - before)
    }

    /// Takes away down to zero; how much that was.
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
