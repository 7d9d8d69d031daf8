//! A condition that threads wait for.

use crate::queue::{LazyWaiters, Wake};
use crate::rt::entry::enter;
use crate::rt::sync::atomic::AtomicPtr;
use crate::rt::sync::atomic::Ordering::Relaxed;
use crate::rt::task::Why;
use crate::rt::time::now;
use crate::rt::until::Until;
use crate::spec;
use core::fmt;
use core::ptr::null_mut;
use std::time::{Duration, Instant};

/// A condition that threads wait for, with the lock that guards it: Go's `Cond`.
///
/// Unlocking and beginning to wait are one step: a thread that changes the condition under the lock, and then signals,
/// misses no waiter. [`signal`](Self::signal) wakes the thread that has waited longest,
/// [`broadcast`](Self::broadcast) all threads that wait then; a thread that begins to wait later takes no signal away.
/// There are no spurious wake-ups. But another thread may take the lock before the one that was woken, which must check
/// the condition again.
///
/// Whatever happens before a signal happens before the return of the wait that the signal ends.
///
/// ```
/// use selvedge::rt::thread;
/// use selvedge::sync::{Cond, Mutex};
/// let (ready, changed) = (Mutex::new(false), Cond::new());
/// thread::scope(|scope| {
///     scope.spawn(|| {
///         *ready.lock() = true;
///         changed.signal();
///     });
///     let mut ready = ready.lock();
///     while !*ready {
///         changed.wait(&mut ready);
///     }
/// });
/// ```
pub struct Cond {
    queue: LazyWaiters,
    /// The lock that the waiting threads have unlocked, to detect misuse.
    lock: AtomicPtr<()>,
    spec: spec::Cond,
}

const TWO_LOCKS: &str =
    "a Cond is waited for with two locks at the same time; give each lock a Cond of its own";

/// A guard that [`Cond::wait`] accepts: of a mutex, or of a readers-writer lock.
pub trait CondGuard: sealed::Sealed {
    /// Returns the address of the guard's lock.
    #[doc(hidden)]
    fn lock_address(&self) -> *mut ();

    /// Unlocks, calls `f`, and locks again.
    #[doc(hidden)]
    fn unlocked<R>(&mut self, f: impl FnOnce() -> R) -> R;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! guards {
    ($($guard:ident, $lock:ident, $raw:ident;)*) => {$(
        impl<L: lock_api::$raw, T: ?Sized> sealed::Sealed for lock_api::$guard<'_, L, T> {}

        impl<L: lock_api::$raw, T: ?Sized> CondGuard for lock_api::$guard<'_, L, T> {
            fn lock_address(&self) -> *mut () {
                core::ptr::from_ref(Self::$lock(self)).cast_mut().cast()
            }

            #[track_caller]
            fn unlocked<R>(&mut self, f: impl FnOnce() -> R) -> R {
                Self::unlocked(self, f)
            }
        }
    )*};
}

guards! {
    MutexGuard, mutex, RawMutex;
    RwLockReadGuard, rwlock, RawRwLock;
    RwLockWriteGuard, rwlock, RawRwLock;
}

impl Cond {
    constructor! {
        /// Creates a condition for which no thread waits.
        ///
        /// ```
        /// selvedge::sync::Cond::new().broadcast(); // no thread waits
        /// ```
        pub fn new() -> Cond {
            Cond { queue: LazyWaiters::new(), lock: AtomicPtr::new(null_mut()), spec: spec::Cond::new("cond") }
        }
    }

    /// Creates a condition for a static.
    ///
    /// ```
    /// use selvedge::sync::Cond;
    /// static CHANGED: Cond = Cond::const_new();
    /// CHANGED.signal();
    /// ```
    pub const fn const_new() -> Cond {
        Cond {
            queue: LazyWaiters::const_new(),
            lock: AtomicPtr::const_new(null_mut()),
            spec: spec::Cond::const_new("cond"),
        }
    }

    /// Unlocks, blocks until a signal arrives, and locks again. The guard is of a [`Mutex`](super::Mutex), or of either
    /// kind of a [`RwMutex`](super::RwMutex), or of any other lock of `lock_api`.
    ///
    /// # Panics
    /// If another thread waits with a guard of another lock at the same time.
    ///
    /// ```
    /// # use selvedge::{rt::thread, sync::{Cond, Mutex}};
    /// let (turn, changed) = (Mutex::new(0), Cond::new());
    /// thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         *turn.lock() += 1;
    ///         changed.broadcast();
    ///     });
    ///     let mut turn = turn.lock();
    ///     while *turn == 0 {
    ///         changed.wait(&mut turn);
    ///     }
    /// });
    /// ```
    #[track_caller]
    pub fn wait(&self, guard: &mut impl CondGuard) {
        let _entry = enter();
        self.wait_within(guard, Until::default()).expect(TWO_LOCKS);
    }

    /// Waits as [`wait`](Self::wait) does, for at most `timeout`, and returns whether a signal ended the wait.
    ///
    /// ```
    /// use selvedge::sync::{Cond, Mutex};
    /// use std::time::Duration;
    /// let lock = Mutex::new(());
    /// assert!(!Cond::new().wait_timeout(&mut lock.lock(), Duration::from_millis(1)));
    /// ```
    #[track_caller]
    pub fn wait_timeout(&self, guard: &mut impl CondGuard, timeout: Duration) -> bool {
        let _entry = enter();
        self.wait_within(guard, now().checked_add(timeout).into()).expect(TWO_LOCKS)
    }

    /// Waits as [`wait`](Self::wait) does, until `deadline` at the latest, and returns whether a signal ended the wait.
    ///
    /// ```
    /// use selvedge::sync::{Cond, Mutex};
    /// use std::time::Instant;
    /// let lock = Mutex::new(());
    /// assert!(!Cond::new().wait_deadline(&mut lock.lock(), Instant::now()));
    /// ```
    #[track_caller]
    pub fn wait_deadline(&self, guard: &mut impl CondGuard, deadline: Instant) -> bool {
        let _entry = enter();
        self.wait_within(guard, Some(deadline).into()).expect(TWO_LOCKS)
    }

    /// Waits as [`wait`](Self::wait) does, as long as the wait may last, and returns whether there was a signal.
    #[track_caller]
    pub(crate) fn wait_for_signal(&self, guard: &mut impl CondGuard, until: Until<'_>) -> bool {
        self.wait_within(guard, until).expect(TWO_LOCKS)
    }

    /// Returns whether there was a signal; `None`: other threads wait with another lock.
    fn wait_within(&self, guard: &mut impl CondGuard, until: Until<'_>) -> Option<bool> {
        if self.spec.is_specified() {
            let arrival = self.spec.arrive(guard.lock_address().addr())?;
            return Some(guard.unlocked(|| self.spec.complete(arrival, until)));
        }
        let queue = self.queue.make();
        // Relaxed: the address is only compared; misuse that the load does not see goes unreported.
        let (lock, before) = (guard.lock_address(), self.lock.load(Relaxed));
        if lock != before {
            if !before.is_null() && !queue.is_empty() {
                return None;
            }
            self.lock.store(lock, Relaxed); // Relaxed: the address is only compared, in the load above.
        }
        // Under the lock, so a thread that signals after it has had the lock finds the ticket in the queue.
        let ticket = queue.enter();
        Some(guard.unlocked(|| ticket.wait_for(Why::Condition, until).is_some()))
    }

    /// Wakes the thread that has waited longest, and returns whether a thread waited.
    ///
    /// ```
    /// assert!(!selvedge::sync::Cond::new().signal());
    /// ```
    #[track_caller]
    pub fn signal(&self) -> bool {
        if self.spec.is_specified() {
            return self.spec.signal();
        }
        self.queue.get().is_some_and(|queue| queue.wake_one(Wake::Woken))
    }

    /// Wakes all threads that wait now.
    ///
    /// ```
    /// selvedge::sync::Cond::new().broadcast();
    /// ```
    #[track_caller]
    pub fn broadcast(&self) {
        if self.spec.is_specified() {
            return self.spec.broadcast();
        }
        if let Some(queue) = self.queue.get() {
            queue.wake_all();
        }
    }
}

impl Default for Cond {
    fn default() -> Self {
        Cond::new()
    }
}

impl fmt::Debug for Cond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cond").finish_non_exhaustive()
    }
}
