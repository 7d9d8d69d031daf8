//! A number of permits.

use super::RawMutex;
use crate::queue::{LazyWaiters, Wake};
use crate::rt::entry::enter;
use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use crate::rt::time::now;
use core::fmt;
use lock_api::{RawMutex as _, RawMutexFair as _, RawMutexTimed as _};
use std::time::{Duration, Instant};

/// Permits that threads take, some at a time, and give back; who asks for more than there are waits.
///
/// First come, first served: while somebody waits, nobody who comes later is served, also if it asks for less. What
/// was done before permits were given back happens before whoever gets them goes on.
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
    /// Who has it waits for permits, and others wait for it in turn: always handed over.
    turnstile: RawMutex,
    /// Where the one who has the turnstile sleeps.
    first: LazyWaiters,
}

/// Permits that were taken; given back when this is dropped.
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
        /// So many permits.
        ///
        /// ```
        /// assert_eq!(selvedge::sync::Semaphore::new(2).available(), 2);
        /// ```
        pub fn new(permits: u64) -> Semaphore {
            Semaphore { permits: AtomicU64::new(permits), turnstile: RawMutex::new(), first: LazyWaiters::new() }
        }
    }

    /// The same for a static.
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
        }
    }

    /// How many are there now.
    ///
    /// ```
    /// assert_eq!(selvedge::sync::Semaphore::new(2).available(), 2);
    /// ```
    pub fn available(&self) -> u64 {
        self.permits.load(Relaxed) // Relaxed: a snapshot.
    }

    fn take(&self, count: u64) -> bool {
        // SeqCst: who is about to sleep has entered the queue before; see `release`.
        let mut permits = self.permits.load(SeqCst);
        while permits >= count {
            // Acquire: pairs with the Release in `release`. Relaxed: only to try again.
            // site: acquire-permits
            match self.permits.compare_exchange(permits, permits - count, Acquire, Relaxed) {
                Ok(_) => return true,
                Err(found) => permits = found,
            }
        }
        false
    }

    /// Takes so many, waiting until they are there. More than there will ever be are waited for in vain.
    ///
    /// ```
    /// let places = selvedge::sync::Semaphore::new(1);
    /// let _one = places.acquire(1);
    /// assert_eq!(places.available(), 0);
    /// ```
    #[track_caller]
    pub fn acquire(&self, count: u64) -> Permits<'_> {
        let _entry = enter();
        let taken = self.acquire_until(count, None);
        debug_assert!(taken, "without a deadline nobody gives up");
        Permits { semaphore: self, count }
    }

    /// Takes so many, if they are there and nobody waits.
    ///
    /// ```
    /// assert!(selvedge::sync::Semaphore::new(1).try_acquire(2).is_none());
    /// ```
    pub fn try_acquire(&self, count: u64) -> Option<Permits<'_>> {
        let taken = !self.turnstile.is_locked() && self.take(count);
        taken.then(|| Permits { semaphore: self, count })
    }

    /// Takes so many, waiting for at most `timeout`.
    ///
    /// ```
    /// use std::time::Duration;
    /// let places = selvedge::sync::Semaphore::new(1);
    /// assert!(places.acquire_timeout(2, Duration::from_millis(1)).is_none());
    /// ```
    #[track_caller]
    pub fn acquire_timeout(&self, count: u64, timeout: Duration) -> Option<Permits<'_>> {
        let _entry = enter();
        let taken = self.acquire_until(count, now().checked_add(timeout));
        taken.then(|| Permits { semaphore: self, count })
    }

    fn acquire_until(&self, count: u64, deadline: Option<Instant>) -> bool {
        if !self.turnstile.is_locked() && self.take(count) {
            return true;
        }
        let first = match deadline {
            None => {
                self.turnstile.lock();
                true
            }
            Some(deadline) => self.turnstile.try_lock_until(deadline),
        };
        if !first {
            return false;
        }
        let taken = self.wait_as_first(count, deadline);
        // SAFETY: we have the turnstile.
        unsafe { self.turnstile.unlock_fair() };
        taken
    }

    fn wait_as_first(&self, count: u64, deadline: Option<Instant>) -> bool {
        loop {
            if self.take(count) {
                return true;
            }
            let ticket = self.first.make().enter();
            if self.take(count) {
                ticket.cancel();
                return true;
            }
            if ticket.wait(deadline).is_none() {
                return self.take(count);
            }
        }
    }

    /// Adds permits.
    ///
    /// # Panics
    /// If there were more than a `u64` can count then; none are added.
    ///
    /// ```
    /// let places = selvedge::sync::Semaphore::new(0);
    /// places.release(2);
    /// assert_eq!(places.available(), 2);
    /// ```
    pub fn release(&self, count: u64) {
        let mut before = self.permits.load(Relaxed); // Relaxed: the exchange decides.
        loop {
            let after = before.checked_add(count).expect("more permits than a Semaphore can count");
            // SeqCst: the first that waits enters the queue, and then looks at the permits; we add them, and then look
            // into the queue. Release, by that: what we did happens before what a thread does that takes them.
            // site: release-permits
            match self.permits.compare_exchange(before, after, SeqCst, Relaxed) {
                Ok(_) => break,
                Err(found) => before = found,
            }
        }
        if let Some(first) = self.first.get() {
            first.wake_one(Wake::Woken);
        }
    }
}

impl Permits<'_> {
    /// How many.
    ///
    /// ```
    /// assert_eq!(selvedge::sync::Semaphore::new(2).acquire(2).count(), 2);
    /// ```
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Keeps them for good; [`Semaphore::release`] may make up for them.
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
