//! Waits until a number of tasks is done.
//!
//! - **I1 (no lost wake-up).** A thread in `wait_until` enters the queue and then reads the count; `done` changes the
//!   count and then reads the queue. All four accesses are SeqCst, so either the waiter sees that nothing is left, or
//!   `done` wakes it.

use crate::queue::LazyWaiters;
use crate::race_probe::RaceProbe;
use crate::rt::entry::enter;
use crate::rt::hint::Backoff;
use crate::rt::sync::Arc;
use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use crate::rt::thread::{self, JoinHandle, Scope, ScopedJoinHandle};
use crate::rt::time::now;
use core::fmt;
use std::time::{Duration, Instant};

/// Counts tasks that are still to be done, and lets threads wait for them: Go's `WaitGroup`.
///
/// Clones are handles of one group. Every `done` happens before the return of the `wait` that it releases.
///
/// ```
/// use selvedge::sync::WaitGroup;
/// let group = WaitGroup::new();
/// for n in 0..3 {
///     group.go(move || assert!(n < 3));
/// }
/// group.wait();
/// ```
#[derive(Clone)]
pub struct WaitGroup(Arc<Group>);

struct Group {
    /// A [`Count`].
    count: AtomicU64,
    queue: LazyWaiters,
    /// Written by an `add` from zero, read by a `wait`: if nothing orders the two, the `wait` may return too early.
    from_zero: RaceProbe,
}

/// How many tasks are left (lower half), and the round: how often the count has come to zero (upper half).
#[derive(Clone, Copy, PartialEq, Eq)]
struct Count(u64);

impl Count {
    const fn left(self) -> u32 {
        self.0 as u32
    }

    const fn round(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Returns the count with `n` more tasks, or `None` if there would be too many.
    fn added(self, n: u32) -> Option<Count> {
        self.left().checked_add(n).map(|left| Count(self.0 & !0xffff_ffff | u64::from(left)))
    }

    /// Returns the count with one task done, or `None` if none is left.
    fn less(self) -> Option<Count> {
        match self.left() {
            0 => None,
            1 => Some(Count(u64::from(self.round().wrapping_add(1)) << 32)),
            _ => Some(Count(self.0 - 1)),
        }
    }
}

impl WaitGroup {
    /// Creates a group without tasks.
    ///
    /// ```
    /// selvedge::sync::WaitGroup::new().wait(); // returns at once
    /// ```
    pub fn new() -> WaitGroup {
        WaitGroup(Arc::new(Group {
            count: AtomicU64::new(0),
            queue: LazyWaiters::new(),
            from_zero: RaceProbe::new(),
        }))
    }

    /// Replaces the count by `next` of it, and returns the new one; `None` if `next` gives none.
    fn change(&self, next: impl Fn(Count) -> Option<Count>) -> Option<Count> {
        let backoff = Backoff::new();
        let mut count = self.0.count.load(Relaxed); // Relaxed: the CAS below decides.
        loop {
            let to = next(Count(count))?;
            // SeqCst: I1, with `wait_until`. The AcqRel in it makes every `done` happen before the last one, and that
            // happen before the return of the `wait` that reads its count. With Relaxed a waiter's accesses race with
            // a task's (mutant at `change-count`).
            // site: change-count
            match self.0.count.compare_exchange(count, to.0, SeqCst, Relaxed) {
                Ok(_) => return Some(to),
                Err(found) => count = found,
            }
            backoff.spin();
        }
    }

    /// Adds `n` tasks.
    ///
    /// Call it before any of these tasks can call [`done`](Self::done). As in Go, an addition to a group without tasks
    /// must happen before a `wait`, or after its return; a checker reports an addition that nothing orders with a
    /// `wait` as a data race.
    ///
    /// # Panics
    /// If there would be more than `u32::MAX` tasks.
    ///
    /// ```
    /// let group = selvedge::sync::WaitGroup::new();
    /// group.add(2);
    /// (0..2).for_each(|_| group.done());
    /// group.wait();
    /// ```
    #[track_caller]
    pub fn add(&self, n: u32) {
        if n == 0 {
            return;
        }
        let count = self.change(|count| count.added(n));
        if count.expect("more things to be done than a WaitGroup can count").left() == n {
            self.0.from_zero.write();
        }
    }

    /// Marks one task as done, and wakes the waiting threads if it was the last.
    ///
    /// # Panics
    /// If no task was left.
    ///
    /// ```should_panic
    /// selvedge::sync::WaitGroup::new().done();
    /// ```
    #[track_caller]
    pub fn done(&self) {
        let count = self.change(Count::less);
        let count =
            count.expect("WaitGroup::done was called more often than add has counted: call add before");
        if count.left() == 0
            && let Some(queue) = self.0.queue.get()
        {
            queue.wake_all();
        }
    }

    /// Blocks until no task is left.
    ///
    /// ```
    /// use selvedge::rt::thread;
    /// let group = selvedge::sync::WaitGroup::new();
    /// group.add(1);
    /// let theirs = group.clone();
    /// thread::spawn(move || theirs.done());
    /// group.wait();
    /// ```
    #[track_caller]
    pub fn wait(&self) {
        let _entry = enter();
        self.wait_until(None);
    }

    /// Waits as [`wait`](Self::wait) does, for at most `timeout`, and returns whether no task is left.
    ///
    /// ```
    /// use std::time::Duration;
    /// let group = selvedge::sync::WaitGroup::new();
    /// group.add(1);
    /// assert!(!group.wait_timeout(Duration::from_millis(1)));
    /// ```
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let _entry = enter();
        self.wait_until(now().checked_add(timeout))
    }

    fn wait_until(&self, deadline: Option<Instant>) -> bool {
        self.0.from_zero.read();
        // Acquire: pairs with the Release in `change`, so every task that is done happens before this thread goes on.
        let first = Count(self.0.count.load(Acquire));
        if first.left() == 0 {
            return true;
        }
        loop {
            let ticket = self.0.queue.make().enter();
            // SeqCst: I1, with `change`.
            let count = Count(self.0.count.load(SeqCst));
            if is_over(first, count) {
                ticket.cancel();
                return true;
            }
            let woken = ticket.wait(deadline).is_some();
            // The wake-up may belong to an earlier round, so the count is read again.
            // Acquire: pairs with the Release in `change`, where the wake-up does not order the two: the deadline has
            // passed, or the waker ended an earlier round.
            // Not model-checked: in no model the last task is done at that moment.
            if is_over(first, Count(self.0.count.load(Acquire))) {
                return true;
            }
            if !woken {
                return false;
            }
        }
    }

    /// Adds a task, and runs `f` on a new thread; the task is done when `f` ends, also by a panic.
    ///
    /// ```
    /// let group = selvedge::sync::WaitGroup::new();
    /// let thread = group.go(|| 1);
    /// group.wait();
    /// assert_eq!(thread.join().unwrap(), 1);
    /// ```
    #[track_caller]
    pub fn go<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        let done = self.begun();
        thread::spawn(move || {
            let _done = done;
            f()
        })
    }
}

impl WaitGroup {
    /// Adds a task, and runs `f` on a thread of `scope`, so that `f` may borrow; otherwise as [`go`](Self::go) does.
    ///
    /// ```
    /// use selvedge::{rt::thread, sync::WaitGroup};
    /// let (group, words) = (WaitGroup::new(), vec!["warp", "weft"]);
    /// thread::scope(|scope| {
    ///     group.go_scoped(scope, || assert_eq!(words.len(), 2));
    ///     group.wait(); // for the closure; the scope waits for the thread
    /// });
    /// ```
    #[track_caller]
    pub fn go_scoped<'scope, 'env, T: Send + 'scope>(
        &self,
        scope: &'scope Scope<'scope, 'env>,
        f: impl FnOnce() -> T + Send + 'scope,
    ) -> ScopedJoinHandle<'scope, T> {
        let done = self.begun();
        scope.spawn(move || {
            let _done = done;
            f()
        })
    }

    /// Adds a task that is done when the returned guard is dropped.
    fn begun(&self) -> Begun {
        self.add(1);
        Begun(self.clone())
    }
}

struct Begun(WaitGroup);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.done();
    }
}

/// Returns whether the round that was under way at `first` has ended.
fn is_over(first: Count, now: Count) -> bool {
    now.left() == 0 || now.round() != first.round()
}

impl Default for WaitGroup {
    fn default() -> Self {
        WaitGroup::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = Count(self.0.count.load(Relaxed)); // Relaxed: a snapshot.
        f.debug_struct("WaitGroup").field("left", &count.left()).finish()
    }
}
