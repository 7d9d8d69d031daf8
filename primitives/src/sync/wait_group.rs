//! Waits until a number of tasks is done.
//!
//! - **I1 (no lost wake-up).** A thread in `wait_within` enters the queue and then reads the count; `done` changes the
//!   count and then reads the queue. All four accesses are SeqCst, so either the waiter sees that nothing is left, or
//!   `done` wakes it.

use crate::queue::LazyWaiters;
use crate::race_probe::RaceProbe;
use crate::rt::bubble::{self, Owner};
use crate::rt::entry::enter;
use crate::rt::hint::Backoff;
use crate::rt::mark::Mark;
use crate::rt::sync::Arc;
use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use crate::rt::task::Why;
use crate::rt::task::{self, Join};
use crate::rt::thread::{Scope, ScopedJoinHandle};
use crate::rt::time::now;
use crate::rt::until::Until;
use crate::spec;
use core::fmt;
use std::time::Duration;

/// Counts tasks that are still to be done, and lets threads wait for them: Go's `WaitGroup`.
///
/// Every `done` happens before the return of the `wait` that it releases.
///
/// Clones are handles of one group. **Unlike a clone of crossbeam's `WaitGroup`, a clone here counts nothing**, and its
/// drop does nothing. What counts is [`add`](Self::add), a thread of [`go`](Self::go), or a [`task`](Self::task), whose
/// drop is the end of the task as crossbeam's drop of a clone is:
///
/// | crossbeam | here |
/// | --- | --- |
/// | `let worker = group.clone();` … `drop(worker);` | `let task = group.task();` … `drop(task);` |
///
/// ```
/// use selvedge::sync::WaitGroup;
/// let group = WaitGroup::new();
/// for n in 0..3 {
///     group.go(move || assert!(n < 3));
/// }
/// group.wait();
/// ```
pub struct WaitGroup(Arc<Group>);

struct Group {
    /// A [`Count`].
    count: AtomicU64,
    queue: LazyWaiters,
    /// Written by an `add` from zero, read by a `wait`: if nothing orders the two, the `wait` may return too early.
    from_zero: RaceProbe,
    /// Whether the group has been cloned, and whether `add` has been called: a group with clones to which nothing was ever
    /// added is probably used as crossbeam's.
    cloned: Mark,
    added: Mark,
    /// The bubble in which the group was made.
    owner: Owner,
    spec: spec::WaitGroup,
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

    /// Returns the count when it has come to zero so often.
    const fn at_end_of(round: u32) -> Count {
        Count((round as u64) << 32)
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
            cloned: Mark::new(),
            added: Mark::new(),
            owner: Owner::here(),
            spec: spec::WaitGroup::new(),
        }))
    }

    /// Replaces the count by `next` of it, and returns the new one; `None` if `next` gives none.
    fn change(&self, next: impl Fn(Count) -> Option<Count>) -> Option<Count> {
        let backoff = Backoff::new();
        let mut count = self.0.count.load(Relaxed); // Relaxed: the CAS below decides.
        loop {
            let to = next(Count(count))?;
            // SeqCst: I1, with `wait_within`. The AcqRel in it makes every `done` happen before the last one, and that
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
        self.0.added.set();
        if n == 0 {
            return;
        }
        let was_empty = match self.0.spec.is_specified() {
            true => self.0.spec.add(n),
            false => self.change(|count| count.added(n)).map(|count| count.left() == n),
        };
        if was_empty.expect("more things to be done than a WaitGroup can count") {
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
        if self.0.spec.is_specified() {
            return assert!(self.0.spec.done(), "{TOO_OFTEN}");
        }
        let count = self.change(Count::less).expect(TOO_OFTEN);
        if count.left() == 0
            && let Some(queue) = self.0.queue.get()
        {
            queue.wake_all();
        }
    }

    /// Blocks until no task is left.
    ///
    /// # Panics
    /// In a checking build, if the group has been cloned and nothing was ever added to it: the wait would end at once,
    /// which is seldom meant. Where it is, call [`add`](Self::add)`(0)` first.
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
        let none_left = self.wait_for_tasks(Until::default());
        debug_assert!(none_left, "without a deadline a thread does not give up");
    }

    /// Waits as [`wait`](Self::wait) does, for at most `timeout`, and returns whether no task is left.
    ///
    /// # Panics
    /// Where [`wait`](Self::wait) does.
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
        self.wait_for_tasks(now().checked_add(timeout).into())
    }

    /// Returns whether the count that ended a wait shows that only clones were made, which count nothing.
    fn is_waited_for_in_vain(&self, seen: Option<Count>) -> bool {
        seen == Some(Count(0)) && self.0.cloned.is_set() && !self.0.added.is_set()
    }

    /// Waits as [`wait`](Self::wait) does, as long as the wait may last, and returns whether no task is left.
    #[track_caller]
    pub(crate) fn wait_for_tasks(&self, until: Until<'_>) -> bool {
        let seen = self.wait_within(until);
        assert!(!self.is_waited_for_in_vain(seen), "{IN_VAIN}");
        seen.is_some()
    }

    /// Returns the count that ended the wait, or `None` when it may last no longer.
    fn wait_within(&self, until: Until<'_>) -> Option<Count> {
        self.0.from_zero.read();
        if self.0.spec.is_specified() {
            return self.0.spec.wait_within(until).map(Count::at_end_of);
        }
        // Acquire: pairs with the Release in `change`, so every task that is done happens before this thread goes on.
        let first = Count(self.0.count.load(Acquire));
        if first.left() == 0 {
            return Some(first);
        }
        self.0.owner.check("a WaitGroup");
        loop {
            let ticket = self.0.queue.make().enter();
            // SeqCst: I1, with `change`.
            let count = Count(self.0.count.load(SeqCst));
            if is_over(first, count) {
                ticket.cancel();
                return Some(count);
            }
            let woken = ticket.wait_for_of(Why::Group, Some(self.0.owner), until).is_some();
            // The wake-up may belong to an earlier round, so the count is read again.
            // Acquire: pairs with the Release in `change`, where the wake-up does not order the two: the deadline has
            // passed, or the waker ended an earlier round, and the last task of this one is done since. With Relaxed this
            // thread races with that task (mutant at `look-after-wait`).
            let count = Count(self.0.count.load(Acquire)); // site: look-after-wait
            if is_over(first, count) {
                return Some(count);
            }
            if !woken {
                return None;
            }
        }
    }

    /// Adds a task, and runs `f` on a new thread, or on a new goroutine if the caller is one; the task is done when `f`
    /// ends, also by a panic.
    ///
    /// ```
    /// let group = selvedge::sync::WaitGroup::new();
    /// let join = group.go(|| 1);
    /// group.wait();
    /// assert_eq!(join.join().unwrap(), 1);
    /// ```
    #[track_caller]
    pub fn go<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Join<T> {
        let guard = self.task();
        task::spawn(move || {
            let _task = guard;
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
        let task = self.task();
        scope.spawn(bubble::inherit(move || {
            let _task = task;
            f()
        }))
    }

    /// Adds a task that is done when the returned guard is dropped.
    ///
    /// ```
    /// use selvedge::{rt::thread, sync::WaitGroup};
    /// let group = WaitGroup::new();
    /// for n in 0..3 {
    ///     let task = group.task();
    ///     thread::spawn(move || {
    ///         assert!(n < 3);
    ///         drop(task);
    ///     });
    /// }
    /// group.wait();
    /// ```
    #[track_caller]
    pub fn task(&self) -> Task {
        self.add(1);
        Task(WaitGroup(Arc::clone(&self.0)))
    }
}

const TOO_OFTEN: &str = "WaitGroup::done was called more often than add has counted: call add before";

const IN_VAIN: &str = "a WaitGroup is waited for that has clones, and to which nothing was ever added: a clone counts \
    nothing, unlike crossbeam's; call `add` before and `done` after, or use `go` or `task` (or `add(0)`, if nothing is \
    meant)";

/// A task of a [`WaitGroup`], which is done when this is dropped.
#[must_use = "the task is done when this is dropped"]
#[derive(Debug)]
pub struct Task(WaitGroup);

/// Returns another handle of the group, which counts nothing: [`WaitGroup::task`] adds a task.
impl Clone for WaitGroup {
    fn clone(&self) -> Self {
        self.0.cloned.set();
        WaitGroup(Arc::clone(&self.0))
    }
}

impl Drop for Task {
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
        let left = match self.0.spec.is_specified() {
            true => self.0.spec.left(),
            false => Count(self.0.count.load(Relaxed)).left(), // Relaxed: a snapshot.
        };
        f.debug_struct("WaitGroup").field("left", &left).finish()
    }
}

#[cfg(all(test, feature = "checking"))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// Uses crossbeam's idiom, with which a `wait` would wait for no clone.
    #[test]
    fn a_wait_for_clones_that_count_nothing_panics() {
        let group = WaitGroup::new();
        group.wait();
        let _worker = group.clone();
        for wait in [WaitGroup::wait, |group: &WaitGroup| _ = group.wait_timeout(Duration::ZERO)] {
            let payload = catch_unwind(AssertUnwindSafe(|| wait(&group))).expect_err("it panics");
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).expect("a text");
            assert!(text.contains("`add` before") && text.contains("crossbeam"), "{text}");
        }
        group.add(0);
        group.wait();
    }
}
