//! The lock behind [`Mutex`](super::Mutex).

use crate::queue::{LazyWaiters, Wake};
use crate::rt::cell::UnsafeCell;
use crate::rt::hint::Backoff;
use crate::rt::locks;
use crate::rt::sync::atomic::AtomicUsize;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::rt::time::now;
use core::fmt;
use std::time::{Duration, Instant};

/// Somebody has the lock.
const LOCKED: usize = 1;
/// Somebody may sleep, so whoever unlocks wakes one.
const CONTENDED: usize = 2;
/// Somebody has slept for too long: whoever unlocks hands the lock over instead of letting others barge in.
const STARVING: usize = 4;

/// How long a waiter may lose to others before the lock is handed over.
const PATIENCE: Duration = Duration::from_millis(1);

/// The lock itself, for use through [`lock_api`] with data of your own; [`Mutex`](super::Mutex) is the usual way.
///
/// Two words, and a queue that is allocated when somebody first sleeps.
///
/// ```
/// use lock_api::RawMutex as _;
/// use selvedge::sync::RawMutex;
/// let lock = RawMutex::new();
/// lock.lock();
/// assert!(!lock.try_lock());
/// // SAFETY: it is ours.
/// unsafe { lock.unlock() };
/// assert!(!lock.is_locked());
/// ```
pub struct RawMutex {
    state: AtomicUsize,
    queue: LazyWaiters,
    /// Touched by whoever has the lock, so that a checker sees whether it orders what it should. Nothing natively.
    held: UnsafeCell<()>,
}

// SAFETY: the cell is touched only by who has the lock.
unsafe impl Sync for RawMutex {}

impl RawMutex {
    constructor! {
        /// An open lock that belongs to the running engine. For an example see the type.
        pub fn new() -> RawMutex {
            RawMutex { state: AtomicUsize::new(0), queue: LazyWaiters::new(), held: UnsafeCell::new(()) }
        }
    }

    /// An open lock for a static, and otherwise as [`new`](Self::new).
    pub const fn const_new() -> RawMutex {
        RawMutex {
            state: AtomicUsize::const_new(0),
            queue: LazyWaiters::const_new(),
            held: UnsafeCell::const_new(()),
        }
    }

    /// Whether somebody is about to sleep, or does, for models.
    #[doc(hidden)]
    pub fn has_sleepers(&self) -> bool {
        self.queue.get().is_some_and(|queue| !queue.is_empty())
    }

    #[inline]
    fn took(&self) {
        self.held.with_mut(|_| ());
        locks::taken(self, "Mutex");
    }

    #[inline]
    fn is_taken_at_once(&self) -> bool {
        // Acquire: pairs with the Release of whoever unlocks: what was done under the lock happens before.
        let taken = self.state.compare_exchange(0, LOCKED, Acquire, Relaxed).is_ok(); // site: lock
        if taken {
            self.took();
        }
        taken
    }

    #[inline]
    fn lock_until(&self, deadline: Option<Instant>) -> bool {
        self.is_taken_at_once() || self.lock_slow(deadline)
    }

    #[cold]
    fn lock_slow(&self, deadline: Option<Instant>) -> bool {
        // What to set beside `LOCKED`: whoever was woken does not know whether others sleep.
        let mut others = 0;
        let mut asleep_since = None;
        let backoff = Backoff::new();
        loop {
            let state = self.state.load(Relaxed); // Relaxed: the exchanges decide.
            if state & LOCKED == 0 {
                // Acquire: as in the fast path.
                if self.state.compare_exchange(state, state | LOCKED | others, Acquire, Relaxed).is_ok() {
                    self.took();
                    return true;
                }
                continue;
            }
            // A deadline that has passed is not worth a moment.
            let hurries = deadline.is_some_and(|deadline| deadline <= now());
            if state == LOCKED && !backoff.is_completed() && !hurries {
                backoff.snooze();
                continue;
            }
            let since = *asleep_since.get_or_insert_with(now);
            let starves = others != 0 && now().saturating_duration_since(since) > PATIENCE;
            let marked = state | CONTENDED | if starves { STARVING } else { 0 };
            // Relaxed: it says only that somebody may sleep; see below.
            // site: mark-starving
            if marked != state && self.state.compare_exchange(state, marked, Relaxed, Relaxed).is_err() {
                continue;
            }
            locks::wanted(self, "Mutex");
            let ticket = self.queue.make().enter();
            // SeqCst: whoever unlocks writes the state, and then looks whom to wake.
            let still = self.state.load(SeqCst) & (LOCKED | CONTENDED) == LOCKED | CONTENDED;
            match if still { ticket.wait(deadline) } else { ticket.cancel() } {
                Some(Wake::Handed) => {
                    self.accept(since);
                    return true;
                }
                Some(Wake::Woken) => others = CONTENDED,
                None if still => {
                    locks::given_up();
                    return false;
                }
                None => (),
            }
        }
    }

    /// The lock has been handed to us.
    fn accept(&self, since: Instant) {
        self.took();
        let patient = now().saturating_duration_since(since) <= PATIENCE;
        if patient || self.queue.get().is_none_or(|queue| queue.is_empty()) {
            self.state.fetch_and(!STARVING, Relaxed); // Relaxed: it says how to unlock, and orders nothing.
        }
    }

    #[inline]
    fn open(&self, fair: bool) {
        self.held.with_mut(|_| ());
        locks::freed(self);
        // Release: what we did under the lock happens before the next one who takes it.
        // site: unlock
        if self.state.compare_exchange(LOCKED, 0, Release, Relaxed).is_err() {
            self.open_slow(fair);
        }
    }

    #[cold]
    fn open_slow(&self, fair: bool) {
        let queue = self.queue.get();
        let state = self.state.load(Relaxed); // Relaxed: we have the lock; and as in `accept`.
        assert!(state & LOCKED != 0, "unlock of a RawMutex that is not locked");
        let hand_over = fair || state & STARVING != 0;
        // Whoever gets the lock so finds everything by its cell in the queue.
        if hand_over && queue.is_some_and(|queue| queue.wake_one(Wake::Handed)) {
            return;
        }
        // SeqCst: who is about to sleep looks at the state after it has entered the queue. Release, by that: as in
        // `open`.
        self.state.swap(0, SeqCst);
        if let Some(queue) = self.queue.get() {
            queue.wake_one(Wake::Woken);
        }
    }
}

impl Default for RawMutex {
    fn default() -> Self {
        RawMutex::new()
    }
}

impl fmt::Debug for RawMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawMutex").field("locked", &lock_api::RawMutex::is_locked(self)).finish()
    }
}

// SAFETY: `LOCKED` is set by one exchange of a state without it, and taken away by its owner alone.
unsafe impl lock_api::RawMutex for RawMutex {
    #[allow(clippy::declare_interior_mutable_const, reason = "lock_api wants it")]
    const INIT: RawMutex = RawMutex::const_new();
    type GuardMarker = lock_api::GuardSend;

    #[inline]
    #[track_caller]
    fn lock(&self) {
        self.lock_until(None);
    }

    #[inline]
    #[track_caller]
    fn try_lock(&self) -> bool {
        self.is_taken_at_once()
    }

    #[inline]
    #[track_caller]
    unsafe fn unlock(&self) {
        self.open(false);
    }

    fn is_locked(&self) -> bool {
        self.state.load(Relaxed) & LOCKED != 0 // Relaxed: a hint.
    }
}

// SAFETY: as above.
unsafe impl lock_api::RawMutexFair for RawMutex {
    #[track_caller]
    unsafe fn unlock_fair(&self) {
        self.open(true);
    }
}

// SAFETY: as above.
unsafe impl lock_api::RawMutexTimed for RawMutex {
    type Duration = Duration;
    type Instant = Instant;

    #[track_caller]
    fn try_lock_for(&self, timeout: Duration) -> bool {
        self.lock_until(now().checked_add(timeout))
    }

    #[track_caller]
    fn try_lock_until(&self, deadline: Instant) -> bool {
        self.lock_until(Some(deadline))
    }
}
