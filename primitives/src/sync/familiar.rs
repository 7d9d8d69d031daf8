//! The names that std and parking_lot have for what the types of this module do, beside Go's names: code that is
//! written for one of these libraries compiles here with another `use`.

use super::{Cond, CondGuard, Lazy, Mutex, MutexGuard, Once, RwMutex, RwMutexReadGuard, RwMutexWriteGuard};
use crate::rt::time::now;
use core::ops::DerefMut;
use std::time::{Duration, Instant};

impl<T: ?Sized> Mutex<T> {
    /// Waits for the lock for at most `timeout`: [`lock_timeout`](Self::lock_timeout) by parking_lot's name.
    ///
    /// ```
    /// use std::time::Duration;
    /// let lock = selvedge::sync::Mutex::new(1);
    /// assert_eq!(lock.try_lock_for(Duration::ZERO).as_deref(), Some(&1));
    /// ```
    #[track_caller]
    pub fn try_lock_for(&self, timeout: Duration) -> Option<MutexGuard<'_, T>> {
        self.lock_timeout(timeout)
    }

    /// Waits for the lock until `deadline` at most: [`lock_until`](Self::lock_until) by parking_lot's name.
    ///
    /// ```
    /// use std::time::Instant;
    /// let lock = selvedge::sync::Mutex::new(1);
    /// assert_eq!(lock.try_lock_until(Instant::now()).as_deref(), Some(&1));
    /// ```
    #[track_caller]
    pub fn try_lock_until(&self, deadline: Instant) -> Option<MutexGuard<'_, T>> {
        self.lock_until(deadline)
    }

    /// Returns whether some thread has the lock, at some moment of the call.
    ///
    /// ```
    /// let lock = selvedge::sync::Mutex::new(());
    /// let held = lock.lock();
    /// assert!(lock.is_locked());
    /// drop(held);
    /// assert!(!lock.is_locked());
    /// ```
    pub fn is_locked(&self) -> bool {
        self.as_lock_api().is_locked()
    }
}

impl<T: ?Sized> RwMutex<T> {
    /// Waits to read for at most `timeout`: [`read_timeout`](Self::read_timeout) by parking_lot's name.
    ///
    /// ```
    /// use std::time::Duration;
    /// let lock = selvedge::sync::RwMutex::new(1);
    /// assert_eq!(lock.try_read_for(Duration::ZERO).as_deref(), Some(&1));
    /// ```
    #[track_caller]
    pub fn try_read_for(&self, timeout: Duration) -> Option<RwMutexReadGuard<'_, T>> {
        self.read_timeout(timeout)
    }

    /// Waits to read until `deadline` at most, as parking_lot names it.
    ///
    /// ```
    /// use std::time::Instant;
    /// let lock = selvedge::sync::RwMutex::new(1);
    /// assert_eq!(lock.try_read_until(Instant::now()).as_deref(), Some(&1));
    /// ```
    #[track_caller]
    pub fn try_read_until(&self, deadline: Instant) -> Option<RwMutexReadGuard<'_, T>> {
        self.read_timeout(deadline.saturating_duration_since(now()))
    }

    /// Waits to write for at most `timeout`: [`write_timeout`](Self::write_timeout) by parking_lot's name.
    ///
    /// ```
    /// use std::time::Duration;
    /// let lock = selvedge::sync::RwMutex::new(1);
    /// assert_eq!(lock.try_write_for(Duration::ZERO).as_deref(), Some(&1));
    /// ```
    #[track_caller]
    pub fn try_write_for(&self, timeout: Duration) -> Option<RwMutexWriteGuard<'_, T>> {
        self.write_timeout(timeout)
    }

    /// Waits to write until `deadline` at most, as parking_lot names it.
    ///
    /// ```
    /// use std::time::Instant;
    /// let lock = selvedge::sync::RwMutex::new(1);
    /// assert_eq!(lock.try_write_until(Instant::now()).as_deref(), Some(&1));
    /// ```
    #[track_caller]
    pub fn try_write_until(&self, deadline: Instant) -> Option<RwMutexWriteGuard<'_, T>> {
        self.write_timeout(deadline.saturating_duration_since(now()))
    }

    /// Returns whether some thread reads or writes, at some moment of the call.
    ///
    /// ```
    /// let lock = selvedge::sync::RwMutex::new(());
    /// let reader = lock.read();
    /// assert!(lock.is_locked() && !lock.is_locked_exclusive());
    /// drop(reader);
    /// assert!(!lock.is_locked());
    /// ```
    pub fn is_locked(&self) -> bool {
        self.as_lock_api().is_locked()
    }

    /// Returns whether some thread writes, at some moment of the call.
    ///
    /// ```
    /// let lock = selvedge::sync::RwMutex::new(());
    /// let _writer = lock.write();
    /// assert!(lock.is_locked_exclusive());
    /// ```
    pub fn is_locked_exclusive(&self) -> bool {
        self.as_lock_api().is_locked_exclusive()
    }
}

/// How a wait of a [`Cond`] by std's or parking_lot's name ended that had a limit on time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Returns whether the time was up before the wait ended by itself.
    ///
    /// ```
    /// use selvedge::sync::{Cond, Mutex};
    /// use std::time::Duration;
    /// let lock = Mutex::new(());
    /// assert!(Cond::new().wait_for(&mut lock.lock(), Duration::ZERO).timed_out());
    /// ```
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Cond {
    /// Wakes the thread that has waited longest, and returns whether there was one: [`signal`](Self::signal) by std's
    /// name.
    ///
    /// ```
    /// assert!(!selvedge::sync::Cond::new().notify_one(), "no thread waits");
    /// ```
    #[track_caller]
    pub fn notify_one(&self) -> bool {
        self.signal()
    }

    /// Wakes all threads that wait: [`broadcast`](Self::broadcast) by std's name.
    ///
    /// ```
    /// selvedge::sync::Cond::new().notify_all();
    /// ```
    #[track_caller]
    pub fn notify_all(&self) {
        self.broadcast();
    }

    /// Waits as [`wait`](Self::wait) does, again and again, as long as `condition` holds.
    ///
    /// # Panics
    /// If other threads wait with another lock at the same time, or `condition` panics.
    ///
    /// ```
    /// # use selvedge::{rt::thread, sync::{Cond, Mutex}};
    /// let (turn, changed) = (Mutex::new(0), Cond::new());
    /// thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         *turn.lock() += 1;
    ///         changed.notify_all();
    ///     });
    ///     let mut turn = turn.lock();
    ///     changed.wait_while(&mut turn, |turn| *turn == 0);
    ///     assert_eq!(*turn, 1);
    /// });
    /// ```
    #[track_caller]
    pub fn wait_while<G: CondGuard + DerefMut>(
        &self,
        guard: &mut G,
        mut condition: impl FnMut(&mut G::Target) -> bool,
    ) {
        while condition(&mut **guard) {
            self.wait(guard);
        }
    }

    /// Waits for a signal for at most `timeout`: [`wait_timeout`](Self::wait_timeout) by parking_lot's name.
    ///
    /// # Panics
    /// If other threads wait with another lock at the same time.
    ///
    /// ```
    /// use selvedge::sync::{Cond, Mutex};
    /// use std::time::Duration;
    /// let lock = Mutex::new(());
    /// assert!(Cond::new().wait_for(&mut lock.lock(), Duration::from_millis(1)).timed_out());
    /// ```
    #[track_caller]
    pub fn wait_for(&self, guard: &mut impl CondGuard, timeout: Duration) -> WaitTimeoutResult {
        WaitTimeoutResult(!self.wait_timeout(guard, timeout))
    }

    /// Waits for a signal until `deadline` at most: [`wait_deadline`](Self::wait_deadline) by parking_lot's name.
    ///
    /// # Panics
    /// If other threads wait with another lock at the same time.
    ///
    /// ```
    /// use selvedge::sync::{Cond, Mutex};
    /// use std::time::Instant;
    /// let lock = Mutex::new(());
    /// assert!(Cond::new().wait_until(&mut lock.lock(), Instant::now()).timed_out());
    /// ```
    #[track_caller]
    pub fn wait_until(&self, guard: &mut impl CondGuard, deadline: Instant) -> WaitTimeoutResult {
        WaitTimeoutResult(!self.wait_deadline(guard, deadline))
    }

    /// Waits as [`wait_while`](Self::wait_while) does, for at most `timeout`. The result says that the time was up only
    /// if `condition` holds still.
    ///
    /// # Panics
    /// If other threads wait with another lock at the same time, or `condition` panics.
    ///
    /// ```
    /// use selvedge::sync::{Cond, Mutex};
    /// use std::time::Duration;
    /// let (lock, changed) = (Mutex::new(1), Cond::new());
    /// let mut held = lock.lock();
    /// assert!(!changed.wait_while_for(&mut held, |n| *n == 0, Duration::ZERO).timed_out());
    /// assert!(changed.wait_while_for(&mut held, |n| *n == 1, Duration::ZERO).timed_out());
    /// ```
    #[track_caller]
    pub fn wait_while_for<G: CondGuard + DerefMut>(
        &self,
        guard: &mut G,
        condition: impl FnMut(&mut G::Target) -> bool,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        match now().checked_add(timeout) {
            Some(deadline) => self.wait_while_until(guard, condition, deadline),
            None => {
                // A time too far away to be named is no limit.
                self.wait_while(guard, condition);
                WaitTimeoutResult(false)
            }
        }
    }

    /// Waits as [`wait_while`](Self::wait_while) does, until `deadline` at most. The result says that the time was up
    /// only if `condition` holds still.
    ///
    /// # Panics
    /// If other threads wait with another lock at the same time, or `condition` panics.
    ///
    /// ```
    /// use selvedge::sync::{Cond, Mutex};
    /// use std::time::Instant;
    /// let lock = Mutex::new(1);
    /// assert!(Cond::new().wait_while_until(&mut lock.lock(), |n| *n == 1, Instant::now()).timed_out());
    /// ```
    #[track_caller]
    pub fn wait_while_until<G: CondGuard + DerefMut>(
        &self,
        guard: &mut G,
        mut condition: impl FnMut(&mut G::Target) -> bool,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        while condition(&mut **guard) {
            if !self.wait_deadline(guard, deadline) {
                return WaitTimeoutResult(condition(&mut **guard));
            }
        }
        WaitTimeoutResult(false)
    }
}

impl Once {
    /// Runs `f`, unless a call has run its closure before: [`call`](Self::call) by std's name.
    ///
    /// # Panics
    /// If `f` panics, and if `f` calls for this `Once` again.
    ///
    /// ```
    /// let once = selvedge::sync::Once::new();
    /// once.call_once(|| ());
    /// once.call_once(|| unreachable!("it is done"));
    /// ```
    #[inline]
    #[track_caller]
    pub fn call_once(&self, f: impl FnOnce()) {
        self.call(f);
    }

    /// Returns whether a call has run its closure to its end: [`is_done`](Self::is_done) by std's name.
    ///
    /// ```
    /// let once = selvedge::sync::Once::new();
    /// assert!(!once.is_completed());
    /// once.call_once(|| ());
    /// assert!(once.is_completed());
    /// ```
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.is_done()
    }
}

impl<T, F: Fn() -> T> Lazy<T, F> {
    /// Makes the value if no thread has made it yet, and returns it: a dereference by std's name.
    ///
    /// # Panics
    /// If making the value panics, or has panicked.
    ///
    /// ```
    /// use selvedge::sync::Lazy;
    /// static WORDS: Lazy<Vec<&str>> = Lazy::const_new(|| vec!["warp", "weft"]);
    /// assert_eq!(Lazy::force(&WORDS).len(), 2);
    /// ```
    #[track_caller]
    pub fn force(this: &Self) -> &T {
        this
    }
}
