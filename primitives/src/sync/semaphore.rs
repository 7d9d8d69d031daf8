//! A number of permits.
//!
//! A thread that finds too few permits locks the turnstile, a fair lock whose owner alone waits for permits. So threads
//! are served in the order in which they reach the turnstile.
//!
//! - **I1 (no lost wake-up).** The owner of the turnstile enters the queue `first` and then reads the permits
//!   (`wait_as_first`); `release` adds permits and then reads the queue. All four accesses are SeqCst, so either the
//!   waiter sees the permits, or `release` finds it in the queue.

use super::RawMutex;
use crate::queue::{LazyWaiters, Wake};
use crate::rt::entry::enter;
use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use crate::rt::task::Why;
use crate::rt::time::now;
use crate::rt::until::Until;
use crate::spec;
use core::fmt;
use lock_api::{RawMutex as _, RawMutexFair as _};
use std::time::Duration;

/// Permits that threads take, some at a time, and give back. A thread that asks for more than there are waits.
///
/// First come, first served: while a thread waits, no thread that arrives later is served, even if it asks for fewer
/// permits. Whatever a thread did before it gave permits back happens before a thread that takes them goes on.
///
/// ```
/// use selvedge::sync::Semaphore;
/// let places = Semaphore::new(3);
/// let two = places.acquire(2);
/// assert!(places.try_acquire(2).is_none());
/// drop(two);
/// assert!(places.try_acquire(2).is_some());
/// ```
pub struct Semaphore {
    permits: AtomicU64,
    /// Locked by the thread that waits for permits; always handed over, so others get it in turn.
    turnstile: RawMutex,
    /// Where the owner of the turnstile sleeps.
    first: LazyWaiters,
    spec: spec::Semaphore,
}

/// Permits that a thread has taken; dropping it gives them back.
///
/// ```
/// use selvedge::sync::Semaphore;
/// let semaphore = Semaphore::new(2);
/// let permits = semaphore.acquire(2);
/// assert!(semaphore.try_acquire(1).is_none());
/// drop(permits);
/// assert!(semaphore.try_acquire(1).is_some());
/// ```
#[must_use = "the permits are given back when this is dropped"]
pub struct Permits<'a> {
    semaphore: &'a Semaphore,
    count: u64,
}

impl Semaphore {
    constructor! {
        /// Creates a semaphore with `permits` permits.
        ///
        /// ```
        /// assert_eq!(selvedge::sync::Semaphore::new(2).available(), 2);
        /// ```
        pub fn new(permits: u64) -> Semaphore {
            Semaphore {
                permits: AtomicU64::new(permits),
                turnstile: RawMutex::new(),
                first: LazyWaiters::new(),
                spec: spec::Semaphore::new(permits),
            }
        }
    }

    /// Creates a semaphore for a static.
    ///
    /// ```
    /// static PLACES: selvedge::sync::Semaphore = selvedge::sync::Semaphore::const_new(2);
    /// assert!(PLACES.try_acquire(2).is_some());
    /// ```
    pub const fn const_new(permits: u64) -> Semaphore {
        Semaphore {
            permits: AtomicU64::const_new(permits),
            turnstile: RawMutex::const_new(),
            first: LazyWaiters::const_new(),
            spec: spec::Semaphore::const_new(permits),
        }
    }

    /// Returns how many permits are free now.
    ///
    /// ```
    /// assert_eq!(selvedge::sync::Semaphore::new(2).available(), 2);
    /// ```
    #[doc(alias = "available_permits")]
    pub fn available(&self) -> u64 {
        if self.spec.is_specified() {
            return self.spec.available();
        }
        self.permits.load(Relaxed) // Relaxed: a snapshot.
    }

    fn take(&self, count: u64) -> bool {
        // SeqCst: I1, when `wait_as_first` calls this function after it has entered the queue.
        let mut permits = self.permits.load(SeqCst);
        while permits >= count {
            // Acquire: pairs with the Release in `release`, so whatever the thread that gave the permits back did
            // happens before this thread goes on. With Relaxed the two race (mutant at `acquire-permits`).
            // Relaxed, if it fails: the CAS reads a later value than the load did, so I1 holds for that value too.
            // site: acquire-permits
            match self.permits.compare_exchange(permits, permits - count, Acquire, Relaxed) {
                Ok(_) => return true,
                Err(found) => permits = found,
            }
        }
        false
    }

    /// Takes `count` permits, and blocks until there are as many. A call that asks for more than there ever are blocks
    /// for ever.
    ///
    /// ```
    /// let places = selvedge::sync::Semaphore::new(1);
    /// let _one = places.acquire(1);
    /// assert_eq!(places.available(), 0);
    /// ```
    #[track_caller]
    #[doc(alias("acquire_many", "down"))]
    pub fn acquire(&self, count: u64) -> Permits<'_> {
        let _entry = enter();
        let taken = self.acquire_within(count, Until::default());
        debug_assert!(taken, "without a deadline a thread does not give up");
        Permits { semaphore: self, count }
    }

    /// Takes `count` permits, if there are as many and no thread waits.
    ///
    /// ```
    /// assert!(selvedge::sync::Semaphore::new(1).try_acquire(2).is_none());
    /// ```
    #[doc(alias = "try_acquire_many")]
    pub fn try_acquire(&self, count: u64) -> Option<Permits<'_>> {
        let taken = match self.spec.is_specified() {
            true => self.spec.try_acquire(count),
            false => !self.turnstile.is_locked() && self.take(count),
        };
        taken.then(|| Permits { semaphore: self, count })
    }

    /// Takes `count` permits, and blocks for at most `timeout` until there are as many.
    ///
    /// ```
    /// use std::time::Duration;
    /// let places = selvedge::sync::Semaphore::new(1);
    /// assert!(places.acquire_timeout(2, Duration::from_millis(1)).is_none());
    /// ```
    #[track_caller]
    pub fn acquire_timeout(&self, count: u64, timeout: Duration) -> Option<Permits<'_>> {
        let _entry = enter();
        let taken = self.acquire_within(count, now().checked_add(timeout).into());
        taken.then(|| Permits { semaphore: self, count })
    }

    /// Takes permits, or returns `None` when the wait may last no longer.
    pub(crate) fn acquire_permits(&self, count: u64, until: Until<'_>) -> Option<Permits<'_>> {
        self.acquire_within(count, until).then(|| Permits { semaphore: self, count })
    }

    fn acquire_within(&self, count: u64, until: Until<'_>) -> bool {
        if self.spec.is_specified() {
            return self.spec.acquire_within(count, until);
        }
        if !self.turnstile.is_locked() && self.take(count) {
            return true;
        }
        if !self.turnstile.lock_within(until) {
            return false;
        }
        let taken = self.wait_as_first(count, until);
        // SAFETY: this thread has locked the turnstile above, and nothing has unlocked it since.
        unsafe { self.turnstile.unlock_fair() };
        taken
    }

    fn wait_as_first(&self, count: u64, until: Until<'_>) -> bool {
        loop {
            if self.take(count) {
                return true;
            }
            let ticket = self.first.make().enter();
            if self.take(count) {
                ticket.cancel();
                return true;
            }
            if ticket.wait_for(Why::Permits, until).is_none() {
                return self.take(count);
            }
        }
    }

    /// Adds permits.
    ///
    /// # Panics
    /// If the sum would not fit into a `u64`; then no permit is added.
    ///
    /// ```
    /// let places = selvedge::sync::Semaphore::new(0);
    /// places.release(2);
    /// assert_eq!(places.available(), 2);
    /// ```
    #[track_caller]
    #[doc(alias("add_permits", "up"))]
    pub fn release(&self, count: u64) {
        assert!(self.add(count), "more permits than a Semaphore can count");
    }

    /// Adds permits, and wakes the thread that waits for some; returns `false`, and adds none, if they cannot be
    /// counted.
    fn add(&self, count: u64) -> bool {
        if self.spec.is_specified() {
            return self.spec.release(count);
        }
        let mut before = self.permits.load(Relaxed); // Relaxed: the CAS below decides.
        loop {
            let Some(after) = before.checked_add(count) else { return false };
            // SeqCst: I1, with `wait_as_first`. The Release in it publishes whatever this thread did to the thread
            // whose Acquire CAS in `take` takes the permits. With Relaxed the two race (mutant at `release-permits`).
            // site: release-permits
            match self.permits.compare_exchange(before, after, SeqCst, Relaxed) {
                Ok(_) => break,
                Err(found) => before = found,
            }
        }
        if let Some(first) = self.first.get() {
            first.wake_one(Wake::Woken);
        }
        true
    }
}

impl Permits<'_> {
    /// Returns how many permits these are.
    ///
    /// ```
    /// assert_eq!(selvedge::sync::Semaphore::new(2).acquire(2).count(), 2);
    /// ```
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Keeps the permits for good; [`Semaphore::release`] can add others in their place.
    ///
    /// ```
    /// let places = selvedge::sync::Semaphore::new(2);
    /// places.acquire(1).forget();
    /// assert_eq!(places.available(), 1);
    /// ```
    pub fn forget(mut self) {
        self.count = 0;
    }
}

impl Drop for Permits<'_> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.release(self.count);
        }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("available", &self.available()).finish()
    }
}

impl fmt::Debug for Permits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permits").field("count", &self.count).finish()
    }
}
