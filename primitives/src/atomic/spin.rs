//! Locks for moments: whoever waits spins, and keeps its processor.

use crate::rt::cell::UnsafeCell;
use crate::rt::hint::spin_loop;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::rt::sync::atomic::{AtomicBool, AtomicU32};

/// A lock that whoever comes first after it was opened gets: fast, and unfair. For sections of a few
/// instructions that cannot be interrupted; else take [`Mutex`](crate::sync::Mutex).
///
/// ```
/// use lock_api::RawMutex;
/// use selvedge::atomic::RawSpinLock;
/// let lock = RawSpinLock::new();
/// assert!(lock.try_lock() && !lock.try_lock());
/// ```
pub struct RawSpinLock {
    locked: AtomicBool,
    /// Touched by whoever has the lock, so that a checker sees whether it orders what it should. Nothing natively.
    held: UnsafeCell<()>,
}

// SAFETY: the cell is touched only by who has the lock.
unsafe impl Sync for RawSpinLock {}

impl RawSpinLock {
    constructor! {
        /// An open lock that belongs to the running engine.
        pub fn new() -> RawSpinLock {
            RawSpinLock { locked: AtomicBool::new(false), held: UnsafeCell::new(()) }
        }
    }
}

impl Default for RawSpinLock {
    fn default() -> Self {
        RawSpinLock::new()
    }
}

// SAFETY: one exchange finds the lock open, and only its owner opens it again.
unsafe impl lock_api::RawMutex for RawSpinLock {
    #[allow(clippy::declare_interior_mutable_const, reason = "lock_api wants it")]
    const INIT: RawSpinLock =
        RawSpinLock { locked: AtomicBool::const_new(false), held: UnsafeCell::const_new(()) };
    type GuardMarker = lock_api::GuardSend;

    #[inline]
    fn lock(&self) {
        while !self.try_lock() {
            // Relaxed: the exchange decides. Only reads, so that others need not give up the line for each try.
            while self.locked.load(Relaxed) {
                spin_loop();
            }
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        // Acquire: pairs with the Release below: what was done under the lock happens before.
        // site: lock-spin-lock
        let taken = self.locked.compare_exchange(false, true, Acquire, Relaxed).is_ok();
        if taken {
            self.held.with_mut(|_| ());
        }
        taken
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.held.with_mut(|_| ());
        // Release: what we did under the lock happens before the next one who takes it.
        self.locked.store(false, Release); // site: unlock-spin-lock
    }
}

/// A lock that is given out in the order in which it was asked for. As the numbers at a counter: whoever
/// wants it draws the next one, and waits until it is called.
///
/// ```
/// use lock_api::RawMutex;
/// use selvedge::atomic::RawTicketLock;
/// let lock = RawTicketLock::new();
/// assert!(lock.try_lock() && !lock.try_lock());
/// ```
pub struct RawTicketLock {
    next: AtomicU32,
    serving: AtomicU32,
    /// As in [`RawSpinLock`].
    held: UnsafeCell<()>,
}

// SAFETY: as above.
unsafe impl Sync for RawTicketLock {}

impl RawTicketLock {
    constructor! {
        /// An open lock that belongs to the running engine.
        pub fn new() -> RawTicketLock {
            RawTicketLock { next: AtomicU32::new(0), serving: AtomicU32::new(0), held: UnsafeCell::new(()) }
        }
    }
}

impl Default for RawTicketLock {
    fn default() -> Self {
        RawTicketLock::new()
    }
}

// SAFETY: a number is drawn by one, and its owner alone calls the next.
unsafe impl lock_api::RawMutex for RawTicketLock {
    #[allow(clippy::declare_interior_mutable_const, reason = "lock_api wants it")]
    const INIT: RawTicketLock = RawTicketLock {
        next: AtomicU32::const_new(0),
        serving: AtomicU32::const_new(0),
        held: UnsafeCell::const_new(()),
    };
    type GuardMarker = lock_api::GuardSend;

    #[inline]
    fn lock(&self) {
        // Relaxed: what matters is read from `serving`.
        let mine = self.next.fetch_add(1, Relaxed);
        // Acquire: pairs with the Release below: what was done under the lock happens before.
        // site: wait-for-ticket
        while self.serving.load(Acquire) != mine {
            spin_loop();
        }
        self.held.with_mut(|_| ());
    }

    #[inline]
    fn try_lock(&self) -> bool {
        // Acquire: as in `lock`.
        let serving = self.serving.load(Acquire);
        // Relaxed: as in `lock`.
        let taken = self.next.compare_exchange(serving, serving.wrapping_add(1), Relaxed, Relaxed).is_ok();
        if taken {
            self.held.with_mut(|_| ());
        }
        taken
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.held.with_mut(|_| ());
        // Relaxed: only who has the lock writes it.
        let serving = self.serving.load(Relaxed);
        // Release: what we did under the lock happens before the next one's turn.
        self.serving.store(serving.wrapping_add(1), Release); // site: serve-next-ticket
    }
}

/// A value behind a [`RawSpinLock`]; made with `from_raw(RawSpinLock::new(), value)`, so that it belongs to
/// the running engine, or for a static with `new`.
///
/// ```
/// use selvedge::atomic::{RawSpinLock, SpinLock};
/// let hits = SpinLock::from_raw(RawSpinLock::new(), 0);
/// *hits.lock() += 1;
/// assert_eq!(hits.into_inner(), 1);
/// ```
pub type SpinLock<T> = lock_api::Mutex<RawSpinLock, T>;
/// The right to the value of a [`SpinLock`].
pub type SpinLockGuard<'a, T> = lock_api::MutexGuard<'a, RawSpinLock, T>;

/// A value behind a [`RawTicketLock`]; made as a [`SpinLock`] is.
///
/// ```
/// use selvedge::atomic::{RawTicketLock, TicketLock};
/// let hits = TicketLock::from_raw(RawTicketLock::new(), 0);
/// *hits.lock() += 1;
/// assert_eq!(hits.into_inner(), 1);
/// ```
pub type TicketLock<T> = lock_api::Mutex<RawTicketLock, T>;
/// The right to the value of a [`TicketLock`].
pub type TicketLockGuard<'a, T> = lock_api::MutexGuard<'a, RawTicketLock, T>;
