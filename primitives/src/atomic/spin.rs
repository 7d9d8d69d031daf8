//! Spinning locks: a thread that waits keeps its processor.

use crate::race_probe::RaceProbe;
use crate::rt::hint::Spin;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::rt::sync::atomic::{AtomicBool, AtomicU32};

/// A spinning lock without an order among the threads that wait: fast, and unfair. For sections of a few instructions;
/// for others use [`Mutex`](crate::sync::Mutex).
///
/// ```
/// use lock_api::RawMutex;
/// use selvedge::atomic::RawSpinLock;
/// let lock = RawSpinLock::new();
/// assert!(lock.try_lock() && !lock.try_lock());
/// ```
pub struct RawSpinLock {
    locked: AtomicBool,
    /// Written when the lock is taken and when it is released.
    held: RaceProbe,
}

impl RawSpinLock {
    constructor! {
        /// Creates an unlocked lock.
        pub fn new() -> RawSpinLock {
            RawSpinLock { locked: AtomicBool::new(false), held: RaceProbe::new() }
        }
    }
}

impl Default for RawSpinLock {
    fn default() -> Self {
        RawSpinLock::new()
    }
}

// SAFETY: a thread takes the lock by a CAS of `locked` from `false` to `true`, and only the owner stores `false` again,
// so at most one thread owns the lock.
unsafe impl lock_api::RawMutex for RawSpinLock {
    #[allow(clippy::declare_interior_mutable_const, reason = "lock_api wants it")]
    const INIT: RawSpinLock =
        RawSpinLock { locked: AtomicBool::const_new(false), held: RaceProbe::const_new() };
    type GuardMarker = lock_api::GuardSend;

    #[inline]
    fn lock(&self) {
        let spin = Spin::new();
        while !self.try_lock() {
            // Relaxed: the CAS in `try_lock` decides. A waiting thread only reads, which leaves the cache line shared.
            while self.locked.load(Relaxed) {
                spin.pause();
            }
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        // Acquire: pairs with the Release store in `unlock`, so the last owner's accesses happen before this owner's.
        // With
        // Relaxed the two race (mutant at `lock-spin-lock`).
        // site: lock-spin-lock
        let taken = self.locked.compare_exchange(false, true, Acquire, Relaxed).is_ok();
        if taken {
            self.held.write();
        }
        taken
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.held.write();
        // Release: publishes this owner's accesses to the next one, whose Acquire CAS in `try_lock` reads `false`. With
        // Relaxed the two race (mutant at `unlock-spin-lock`).
        self.locked.store(false, Release); // site: unlock-spin-lock
    }
}

/// A spinning lock that threads get in the order in which they ask for it. A thread draws the next ticket, and waits
/// until that ticket is served.
///
/// ```
/// use lock_api::RawMutex;
/// use selvedge::atomic::RawTicketLock;
/// let lock = RawTicketLock::new();
/// assert!(lock.try_lock() && !lock.try_lock());
/// ```
pub struct RawTicketLock {
    /// The next ticket to draw.
    next: AtomicU32,
    /// The ticket whose thread owns the lock, or the next one if the lock is free. Only the owner changes it.
    serving: AtomicU32,
    /// Written when the lock is taken and when it is released.
    held: RaceProbe,
}

impl RawTicketLock {
    constructor! {
        /// Creates an unlocked lock.
        pub fn new() -> RawTicketLock {
            RawTicketLock { next: AtomicU32::new(0), serving: AtomicU32::new(0), held: RaceProbe::new() }
        }
    }
}

impl Default for RawTicketLock {
    fn default() -> Self {
        RawTicketLock::new()
    }
}

// SAFETY: a read-modify-write gives each ticket to one thread, the thread whose ticket is served owns the lock, and
// only the owner lets the next ticket be served. So at most one thread owns the lock. (2³² threads would have to wait
// at once for two to have equal tickets.)
unsafe impl lock_api::RawMutex for RawTicketLock {
    #[allow(clippy::declare_interior_mutable_const, reason = "lock_api wants it")]
    const INIT: RawTicketLock = RawTicketLock {
        next: AtomicU32::const_new(0),
        serving: AtomicU32::const_new(0),
        held: RaceProbe::const_new(),
    };
    type GuardMarker = lock_api::GuardSend;

    #[inline]
    fn lock(&self) {
        // Relaxed: the Acquire load of `serving` below synchronizes with the last owner.
        let mine = self.next.fetch_add(1, Relaxed);
        let spin = Spin::new();
        // Acquire: pairs with the Release store in `unlock`, so the last owner's accesses happen before this owner's.
        // With
        // Relaxed the two race (mutant at `wait-for-ticket`).
        // site: wait-for-ticket
        while self.serving.load(Acquire) != mine {
            spin.pause();
        }
        self.held.write();
    }

    #[inline]
    fn try_lock(&self) -> bool {
        // Acquire: pairs with the Release store in `unlock`, as the load in `lock` does.
        let serving = self.serving.load(Acquire);
        // Relaxed: the load of `serving` has synchronized with the last owner. That the CAS succeeds means that no
        // thread has drawn the ticket that is served, so none owns the lock or waits for it.
        let taken = self.next.compare_exchange(serving, serving.wrapping_add(1), Relaxed, Relaxed).is_ok();
        if taken {
            self.held.write();
        }
        taken
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.held.write();
        // Relaxed: only the owner changes `serving`, and this thread has read its value when it took the lock.
        let serving = self.serving.load(Relaxed);
        // Release: publishes this owner's accesses to the thread whose Acquire load in `lock` or `try_lock` reads its
        // ticket. With Relaxed the two race (mutant at `serve-next-ticket`).
        self.serving.store(serving.wrapping_add(1), Release); // site: serve-next-ticket
    }
}

/// A value behind a [`RawSpinLock`]. `from_raw(RawSpinLock::new(), value)` makes one that the running engine knows;
/// `new` makes one for a static.
///
/// ```
/// use selvedge::atomic::{RawSpinLock, SpinLock};
/// let hits = SpinLock::from_raw(RawSpinLock::new(), 0);
/// *hits.lock() += 1;
/// assert_eq!(hits.into_inner(), 1);
/// ```
pub type SpinLock<T> = lock_api::Mutex<RawSpinLock, T>;
/// Gives access to the value of a [`SpinLock`]; dropping it unlocks.
pub type SpinLockGuard<'a, T> = lock_api::MutexGuard<'a, RawSpinLock, T>;

/// A value behind a [`RawTicketLock`]. `from_raw(RawTicketLock::new(), value)` makes one that the running engine knows;
/// `new` makes one for a static.
///
/// ```
/// use selvedge::atomic::{RawTicketLock, TicketLock};
/// let hits = TicketLock::from_raw(RawTicketLock::new(), 0);
/// *hits.lock() += 1;
/// assert_eq!(hits.into_inner(), 1);
/// ```
pub type TicketLock<T> = lock_api::Mutex<RawTicketLock, T>;
/// Gives access to the value of a [`TicketLock`]; dropping it unlocks.
pub type TicketLockGuard<'a, T> = lock_api::MutexGuard<'a, RawTicketLock, T>;
